"""Tables whose rows are written together with what they are about, and lie beside it in the state database.

`SecurityAlert`, `SecurityIncident`, `SentinelHealth` and `SentinelAudit` hold what was raised here, and what was
brought here. Others, as `HuntlakeAudit`, hold rows of huntlake's own alone, all of them for ever. Those that are shared
have the same rows in every workspace.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol, cast
from uuid import uuid4

from huntlake.core.clock import Clock
from huntlake.detection.rows import TABLES, collection, written
from huntlake.engines.duckdb.database import Database
from huntlake.engines.duckdb.sources import memory_sql
from huntlake.kql.plan import Path
from huntlake.kql.types import Column, ScalarType
from huntlake.state.documents import ANY_ETAG, Shelf
from huntlake.workspace.catalogue import Catalogue
from huntlake.workspace.table_sources import Demand, KeptRows, Look, Reading, Scan, TableSource
from huntlake.workspace.visible import WorkspaceNamed

if TYPE_CHECKING:
    import pyarrow


class Lifetimes(Protocol):
    """How many days the rows of a table are kept; 0 is for ever."""

    def days(self, workspace: str, table: str) -> int: ...


@dataclass
class _Rows:
    """The rows of one table that were read so far, up to the number `last`."""

    last: str = ""
    parts: tuple[KeptRows, ...] = ()
    tables: tuple[pyarrow.Table, ...] = ()


@dataclass
class DetectionTables:
    """Tables whose rows lie in the state database, joined with the lake's of the same names where others may add any.

    `tables` are their names; their columns are the catalogue's. Of those that are `shared` it tells where rows lie.
    Rows are numbered in the order in which they were written: a query only reads those that are new since the last one,
    and so sees what any process has written. They are kept in memory in the meantime.
    """

    shelf: Shelf
    lake: TableSource
    catalogue: Catalogue
    database: Database
    retention: Lifetimes
    clock: Clock
    workspaces: WorkspaceNamed
    tables: Sequence[str] = TABLES
    shared: Mapping[str, str] = field(default_factory=dict)
    _read: dict[tuple[str, str], _Rows] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def table(self, workspace: str, name: str) -> tuple[Column, ...] | None:
        return self.lake.table(workspace, name) if name in self.tables else None

    def names(self, workspace: str) -> tuple[str, ...]:
        return ()

    def names_with_rows(self, workspace: str) -> tuple[str, ...]:
        # Who asks everything that there is asks for nothing that is shared.
        return tuple(name for name in self.tables if name not in self.shared and self._rows(workspace, name).parts)

    def known_empty(self, workspace: str, name: str) -> bool:
        return not self._rows(workspace, name).parts and self._lake_is_empty(workspace, name)

    def look(self, workspace: str, demand: Demand) -> Look | None:
        return None

    def hot_paths(self, workspace: str, name: str) -> frozenset[Path]:
        return frozenset()

    def read(self, workspace: str, scan: Scan) -> Reading:
        rows = self._rows(workspace, scan.table)
        parts = rows.parts
        if not parts and self.catalogue.is_kept(scan.table):
            parts = (self._kept(arrow_of(self._columns(scan.table), (), {})),)
        if not parts:
            return self.lake.read(workspace, scan)
        known, living = {c.name for c in self._columns(scan.table)}, self._living(workspace, scan)
        found = [memory_sql(part.name, scan.columns, scan.sql_names, known) + living for part in parts]
        held: list[object] = [*parts]
        if not self._lake_is_empty(workspace, scan.table):
            lake = self.lake.read(workspace, scan)
            found.append(lake.sql)
            held.append(lake.held)
        return Reading(" union all ".join(f"({sql})" for sql in found), held=tuple(held))

    def _lake_is_empty(self, workspace: str, name: str) -> bool:
        # Rows that somebody wrote into the folder of a table of huntlake's own are none of its rows.
        return self.catalogue.is_kept(name) or self.lake.known_empty(workspace, name)

    def expire(self, workspace: str) -> int:
        """Delete the rows that are older than their table's are kept, and say how many there were."""
        gone = 0
        for name in self.tables:
            if name in self.shared:
                continue
            oldest = self._oldest(workspace, name)
            where = collection(workspace, name)
            for number, cells in self.shelf.read_after(where, "") if oldest else ():
                if str(cast("dict[str, Any]", cells)["TimeGenerated"]) >= (written(oldest) or ""):
                    break
                gone += self.shelf.delete(where, number, if_match=ANY_ETAG)
            if oldest:
                self._forget(workspace, name, oldest)
        return gone

    def _forget(self, workspace: str, name: str, oldest: datetime) -> None:
        """Keep rows no longer in memory than in the database, whoever has deleted them there."""
        import pyarrow as pa
        import pyarrow.compute as pc

        bound = pa.scalar(oldest.astimezone(UTC).replace(tzinfo=None), pa.timestamp("us"))
        with self._lock:
            known = self._read.get((workspace, name), _Rows())
            kept = [t.filter(pc.greater_equal(t["TimeGenerated"], bound)) for t in known.tables]
            if sum(t.num_rows for t in kept) < sum(t.num_rows for t in known.tables):
                tables = tuple(t for t in kept if t.num_rows)
                self._read[workspace, name] = _Rows(known.last, tuple(map(self._kept, tables)), tables)

    def _living(self, workspace: str, scan: Scan) -> str:
        oldest = self._oldest(workspace, scan.table)
        return f""" where "TimeGenerated" >= timestamp '{oldest:%Y-%m-%d %H:%M:%S.%f}'""" if oldest else ""

    def _oldest(self, workspace: str, table: str) -> datetime | None:
        days = 0 if self.catalogue.is_kept(table) else self.retention.days(workspace, table)
        return self.clock.now() - timedelta(days=days) if days else None

    def _rows(self, workspace: str, name: str) -> _Rows:
        with self._lock:
            workspace, where = ("", at) if (at := self.shared.get(name)) else (workspace, collection(workspace, name))
            known = self._read.setdefault((workspace, name), _Rows())
            found = list(self.shelf.read_after(where, known.last))
            if found:
                columns = self._columns(name)
                cells = [cast("dict[str, Any]", c) for _, c in found]
                arrow = arrow_of(columns, cells, self._same(workspace))
                known = self._read[workspace, name] = self._grown(known, found[-1][0], arrow)
            return known

    def _grown(self, known: _Rows, last: str, more: pyarrow.Table) -> _Rows:
        import pyarrow as pa

        # Each part is at least twice as large as the next: a row is copied a few times, and there are few parts.
        tables, parts = list(known.tables), list(known.parts)
        while tables and tables[-1].num_rows < 2 * more.num_rows:
            more = pa.concat_tables((tables.pop(), more)).combine_chunks()
            parts.pop()
        return _Rows(last, (*parts, self._kept(more)), (*tables, more))

    def _kept(self, rows: pyarrow.Table) -> KeptRows:
        return KeptRows(self.database, f"detected {uuid4()}", rows)

    def _columns(self, name: str) -> Sequence[Column]:
        known = self.catalogue.table(name)
        assert known is not None
        return known.columns

    def _same(self, workspace: str) -> dict[str, Any]:
        """What all rows of a workspace say alike."""
        found = self.workspaces(workspace)
        return {"TenantId": found.id} if found else {}


def arrow_of(columns: Sequence[Column], rows: Sequence[dict[str, Any]], same: dict[str, Any]) -> pyarrow.Table:
    """Rows of JSON as a table of these columns; `same` holds what all rows say alike, where they say nothing else."""
    import pyarrow as pa

    arrays = {}
    for column in columns:
        type, made = _FORMS.get(column.type, ("string", lambda value: value))
        missing = "" if column.type is ScalarType.STRING else None
        values = [row.get(column.name, same.get(column.name, missing)) for row in rows]
        if column.type is ScalarType.DYNAMIC:
            values = [v or None for v in values]
        arrays[column.name] = pa.array([v if v is None else made(v) for v in values], pa.type_for_alias(type))
    return pa.table(arrays)


_FORMS: dict[ScalarType, tuple[str, Callable[[Any], Any]]] = {
    ScalarType.BOOL: ("bool", bool),
    ScalarType.INT: ("int32", int),
    ScalarType.LONG: ("int64", int),
    ScalarType.REAL: ("float64", float),
    ScalarType.DATETIME: ("timestamp[us]", datetime.fromisoformat),
}
