"""What one query can see: the compiler's view of a workspace, and of the others that the caller may read."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Protocol

from huntlake.core.errors import Invalid, LimitExceeded, NotFound, Refused
from huntlake.engines.duckdb.database import Database
from huntlake.engines.duckdb.sources import empty_sql
from huntlake.kql.plan import Needle, Path
from huntlake.kql.types import Column, ScalarType
from huntlake.workspace.external_addresses import Outside
from huntlake.workspace.external_formats import Shape, records, shape
from huntlake.workspace.table_sources import Demand, Look, Reading, TableSource, held_in_memory
from huntlake.workspace.together import Apart
from huntlake.workspace.workspaces import Workspace

if TYPE_CHECKING:
    from huntlake.kql.binding import TableCall
    from huntlake.kql.compiler import CompiledTable, TableScan

WorkspaceNamed = Callable[[str], Workspace | None]
"""The workspace of a name, if the caller may read it."""


class FunctionSource(Protocol):
    """Functions that queries can call, by the name of a workspace and their own."""

    def known(self, workspace: str) -> Container[str]:
        """The names of all functions."""
        ...

    def text(self, workspace: str, name: str) -> str | None:
        """The function as `(parameters) { body }`; None where there is none."""
        ...


class CallSource(Protocol):
    """Functions whose table only their arguments tell, by the name of a workspace and their own."""

    def table_call(self, workspace: str, name: str) -> TableCall | None: ...


@dataclass(frozen=True)
class Borders:
    """How far queries reach beyond the tables of their workspace.

    `places` maps `kind:name`, as in `adx:https://help.kusto.windows.net/Samples`, to a workspace; a name may hold `*`,
    and the first that fits counts. Workspaces in `strict` (`*`: all) refuse what the cloud's data lake refuses.
    """

    places: Mapping[str, str] = field(default_factory=dict)
    strict: frozenset[str] = frozenset()
    outside: Outside = field(default_factory=Outside)

    def place(self, kind: str, names: Sequence[str]) -> str | None:
        """The workspace that a place stands for; None where none is set down."""
        wanted = f"{kind}:{'/'.join(n.strip().rstrip('/') for n in names)}".lower()
        return next((w for pattern, w in self.places.items() if fnmatchcase(wanted, pattern.lower())), None)

    def refused(self, workspace: str) -> frozenset[str]:
        """What a workspace refuses although KQL has it."""
        return NOT_HERE | REFUSED_BY_THE_CLOUD_LAKE if self.strict & {workspace, "*"} else NOT_HERE


REFUSED_BY_THE_CLOUD_LAKE = frozenset(("adx", "arg", "externaldata", "functions", "ingestion_time"))
"""What queries of Microsoft's data lake can't use; `functions` are saved and built-in ones, not those of `let`."""

NOT_HERE = frozenset(("AssignedIPAddresses", "DeviceFromIP", "SeenBy", "_LogOperation"))
"""Functions of Defender and Azure Monitor that nobody has written yet; a workspace may save its own."""


class Placed(Demand, Protocol):
    """Rows of a table in another workspace, or in the query's own."""

    @property
    def workspace(self) -> str | None: ...


class Visible:
    """What one query can see. Of two sources that know a name, the first counts."""

    def __init__(
        self,
        workspace: Workspace,
        workspaces: WorkspaceNamed | None,
        sources: Sequence[TableSource],
        functions: Sequence[FunctionSource] = (),
        calls: Sequence[CallSource] = (),
        borders: Borders = Borders(),
        is_open: Callable[[str], bool] | None = None,
        elsewhere: Apart | None = None,
        is_closed: Callable[[str], bool] = lambda table: False,
    ) -> None:
        self.refused = borders.refused(workspace.name)
        self._workspace = workspace
        self._workspaces = workspaces
        self._sources = sources
        self._functions = functions
        self._calls = calls
        self._borders = borders
        self._is_open = is_open
        self._is_closed = is_closed
        self.elsewhere = elsewhere
        self.texts: dict[str, str] = {}
        """What the query was told of the functions of its own workspace."""
        self._function_names: dict[str, list[Container[str]]] = {}
        self._external: dict[str, tuple[Sequence[str], Shape]] = {}
        self._looks: dict[tuple[object, ...], Look] = {}
        self._tables: dict[tuple[str, str], tuple[TableSource, tuple[Column, ...]] | None] = {}

    def table(self, name: str, workspace: str | None = None) -> tuple[Column, ...] | None:
        found = self._found(self._folder(workspace), name)
        return found[1] if found else None

    def open_table(self, name: str, workspace: str | None = None) -> Callable[[str], ScalarType | None] | None:
        if not self._is_open or not self._is_open(name):
            return None
        folder = self._folder(workspace)
        # Which columns a table elsewhere has is known.
        return None if folder and self.elsewhere and self.elsewhere.knows(folder) else type_by_suffix

    def hot_paths(self, name: str, workspace: str | None = None) -> frozenset[Path]:
        folder = self._folder(workspace)
        source = self._source(folder, name)
        return source.hot_paths(folder, name) if folder and source else frozenset()

    def table_names(self, workspace: str | None = None) -> Iterable[str]:
        folder = self._folder(workspace)
        if folder is None:
            return ()
        named = dict.fromkeys(n for s in self._at(folder) for n in s.names(folder))
        return (name for name in named if not self._is_closed(name))

    def tables_with_rows(self, workspace: str | None = None) -> Iterable[str]:
        folder = self._folder(workspace)
        return () if folder is None else dict.fromkeys(n for s in self._at(folder) for n in s.names_with_rows(folder))

    def known_empty(self, name: str, workspace: str | None = None) -> bool:
        folder = self._folder(workspace)
        source = self._source(folder, name)
        return folder is not None and source is not None and source.known_empty(folder, name)

    def function(self, name: str, workspace: str | None = None) -> str | None:
        folder = self._folder(workspace)
        if folder is None or (self.elsewhere and self.elsewhere.knows(folder)):
            return None
        if folder not in self._function_names:
            # One look into the store, rather than one for each function that a parser calls.
            self._function_names[folder] = [f.known(folder) for f in self._functions]
        sources = zip(self._functions, self._function_names[folder], strict=True)
        found = next((text for f, names in sources if name in names and (text := f.text(folder, name))), None)
        if found is not None and folder == self._workspace.name:
            self.texts[name] = found
        return found

    def table_call(self, name: str, workspace: str | None = None) -> TableCall | None:
        folder = self._folder(workspace)
        if folder is None or (self.elsewhere and self.elsewhere.knows(folder)):
            return None
        return next((call for c in self._calls if (call := c.table_call(folder, name)) is not None), None)

    def place(self, kind: str, names: Sequence[str]) -> str | None:
        found = self._borders.place(kind, names)
        # A workspace of this lake goes by its name, if the caller may read it.
        own = kind in ("workspace", "database") and len(names) == 1
        return names[0] if found is None and own else found

    def external(self, uris: Sequence[str], columns: Sequence[Column], properties: Mapping[str, object]) -> str | None:
        if not uris or not all(map(self._borders.outside.allows, uris)):
            return None
        name = f"externaldata {len(self._external)}"
        self._external[name] = tuple(uris), shape(columns, properties)
        return name

    def readings(
        self, table: CompiledTable, engine: Database, timeout: timedelta | None = None, *, run: bool = True
    ) -> dict[str, Reading]:
        """What each scan of a compiled table reads.

        External files are fetched here, each within the `timeout`, unless nothing will be `run`.
        """
        found = {}
        for scan in table.scans:
            if scan.workspace is None and scan.table in self._external:
                found[scan.relation] = (
                    self._fetched(scan, engine, timeout) if run else Reading(empty_sql(scan.columns, scan.sql_names))
                )
                continue
            # What was found while the query was compiled counts: its SQL rests on that.
            look = self._looks.get(_key(scan))
            if look is not None:
                found[scan.relation] = look.read(scan)
                continue
            folder = self._folder(scan.workspace)
            source = self._source(folder, scan.table)
            if folder is None or source is None:
                raise NotFound(f"no table is named `{scan.table}`")
            found[scan.relation] = source.read(folder, scan)
        return found

    def columns(self, scan: Placed) -> frozenset[str] | None:
        """The columns, by lower-case name, of the rows that a scan has to give, as long as this lasts."""
        look = self._look(scan)
        return None if look is None else look.columns

    def held(self, scan: Placed, needles: Sequence[Needle]) -> frozenset[Needle] | None:
        """Those of the needles that some of these rows may hold; None where nobody knows."""
        look = self._look(scan)
        return None if look is None else look.held(needles)

    def _look(self, scan: Placed) -> Look | None:
        key = _key(scan)
        if key not in self._looks:
            folder = self._folder(scan.workspace)
            external = scan.workspace is None and scan.table in self._external
            source = None if external else self._source(folder, scan.table)
            look = source.look(folder, scan) if folder and source else None
            if look is None:
                return None
            self._looks[key] = look
        return self._looks[key]

    def remote(self, kind: str, names: Sequence[str]) -> str | None:
        """The remote workspace that a place means; None where it means none, or one that is here."""
        place = self.place(kind, names)
        folder = self._folder(place) if place is not None else None
        return folder if folder and self.elsewhere and self.elsewhere.knows(folder) else None

    def _source(self, folder: str | None, table: str) -> TableSource | None:
        found = self._found(folder, table)
        return found[0] if found else None

    def _found(self, folder: str | None, table: str) -> tuple[TableSource, tuple[Column, ...]] | None:
        """Who has a table, and its columns as this query was told them first."""
        if folder is None:
            return None
        # A table into which a stream comes makes columns of what has come, whenever it is asked.
        if (folder, table) not in self._tables:
            if self._is_closed(table):
                raise Refused(f"`{table}` is closed to those who can't audit the lake, and to what runs by itself")
            known = ((s, columns) for s in self._at(folder) if (columns := s.table(folder, table)) is not None)
            self._tables[folder, table] = next(known, None)
        return self._tables[folder, table]

    def _at(self, folder: str) -> Sequence[TableSource]:
        """Who knows the tables of a workspace. Those of the query's own are all among the sources."""
        if self.elsewhere and folder != self._workspace.name and self.elsewhere.knows(folder):
            return (self.elsewhere,)
        return self._sources

    def _fetched(self, scan: TableScan, engine: Database, timeout: timedelta | None) -> Reading:
        uris, shape = self._external[scan.table]
        outside = self._borders.outside
        rows: list[list[str]] = []
        size = 0
        try:
            for uri in uris:
                for row in records(outside.read(uri, timeout), uri, shape, outside.max_bytes):
                    # One query holds the rows of all its files at once.
                    size += sum(map(len, row))
                    if size > outside.max_bytes:
                        raise LimitExceeded(f"the external files of one query have more than {outside.max_bytes} bytes")
                    rows.append(row)
        except Refused as error:
            raise Invalid(f"{error} is not supported") from None
        except NotFound as error:
            # That no such database is there, as a client would read it, is not what is wrong.
            raise Invalid(str(error)) from None
        return held_in_memory(engine, [c.name for c in shape.columns], rows, scan)

    def _folder(self, workspace: str | None) -> str | None:
        if workspace is None or workspace in (self._workspace.name, self._workspace.id):
            return self._workspace.name
        other = self._workspaces(workspace) if self._workspaces else None
        return other.name if other else None


def _key(scan: Placed) -> tuple[object, ...]:
    return scan.workspace, scan.table, scan.since, scan.until, scan.clauses


def type_by_suffix(name: str) -> ScalarType | None:
    """The type of a column that Azure Monitor has named for it: `port_d`; None where the name tells none."""
    stem, _, suffix = name.rpartition("_")
    return _SUFFIXES.get(suffix) if stem else None


# A GUID is kept as text.
_SUFFIXES = {
    "b": ScalarType.BOOL,
    "d": ScalarType.REAL,
    "g": ScalarType.STRING,
    "s": ScalarType.STRING,
    "t": ScalarType.DATETIME,
}
