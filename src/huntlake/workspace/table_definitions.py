"""What tables a workspace has, as people define them: their columns, how long rows stay, what becomes of other fields.

https://learn.microsoft.com/rest/api/loganalytics/tables
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from huntlake.core.diagnostics import did_you_mean
from huntlake.core.errors import Conflict, Invalid, NotFound
from huntlake.kql.types import Column, ScalarType
from huntlake.lake import Lake
from huntlake.lake.forms import TIME, Form, StoredColumn
from huntlake.lake.names import table_folder
from huntlake.workspace.catalogue import Catalogue
from huntlake.workspace.ingestion.mapping import REST, UNKNOWN, Unknown, custom_columns, stored
from huntlake.workspace.ingestion.streaming import Streams
from huntlake.workspace.tables import Tables
from huntlake.workspace.upkeep import FOREVER, Retention
from huntlake.workspace.workspaces import Workspace

PLANS = ("Analytics", "Basic", "Auxiliary")
"""The plans of Azure. Here all tables are alike; the name is kept for clients that ask."""

DEFAULT_DAYS = -1
"""The days that take back what was said of a table's retention, as in Azure."""

RESERVED = frozenset(("_resourceid", "id", "_subscriptionid", "tenantid", "type", "uniqueid", "title"))
"""Names, in lower case, that no column of one's own can have."""

_TYPES = frozenset(
    (
        ScalarType.BOOL,
        ScalarType.DATETIME,
        ScalarType.DYNAMIC,
        ScalarType.GUID,
        ScalarType.INT,
        ScalarType.LONG,
        ScalarType.REAL,
        ScalarType.STRING,
    )
)
_TABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,59}_CL")
_COLUMN = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,44}")
_PLAN, _DISPLAY, _DAYS, _COLUMNS = "plan", "displayName", "retentionInDays", "columns"


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column, and what people say of it."""

    name: str
    type: ScalarType
    description: str = ""
    display_name: str = ""


@dataclass(frozen=True, slots=True)
class TableDefinition:
    """A table as it is. `columns` are those that it has by its kind, `custom_columns` those that people gave it."""

    name: str
    custom: bool
    """Whether it is the workspace's own, and not one that Azure has."""
    columns: tuple[TableColumn, ...]
    custom_columns: tuple[TableColumn, ...]
    plan: str = PLANS[0]
    display_name: str = ""
    description: str = ""
    retention_days: int | None = None
    """Days that rows can be asked for as usual, where that was said; here all rows can that are there."""
    total_retention_days: int | None = None
    """Days that rows are kept; None is forever."""
    retention_is_default: bool = True
    unknown: Unknown = Unknown.DROP


@dataclass(frozen=True, slots=True)
class TableChange:
    """What someone wants a table to be; None leaves what is said.

    Of a custom table `columns` are all that it shall have besides its standard ones; of another those that it gets.
    """

    columns: Sequence[TableColumn] | None = None
    plan: str | None = None
    display_name: str | None = None
    description: str | None = None
    retention_days: int | None = None
    """`DEFAULT_DAYS` takes it back."""
    total_retention_days: int | None = None
    unknown: Unknown | None = None


@dataclass(frozen=True)
class TableDefinitions:
    """The tables of workspaces, to be defined."""

    lake: Lake
    tables: Tables
    streams: Streams
    retention: Retention

    @property
    def catalogue(self) -> Catalogue:
        return self.tables.catalogue

    def names(self, workspace: Workspace) -> tuple[str, ...]:
        """The names of every table that can be asked."""
        return self.tables.names(workspace.name)

    def list(self, workspace: Workspace) -> Iterable[TableDefinition]:
        """Every table that can be asked, by name."""
        return (self.get(workspace, name) for name in self.names(workspace))

    def get(self, workspace: Workspace, name: str) -> TableDefinition:
        """The table of that name; `NotFound` where there is none."""
        known = self.catalogue.table(name)
        columns = self.tables.table(workspace.name, name)
        if columns is None:
            hint = did_you_mean(name, self.names(workspace))
            raise NotFound(f"no table is named `{name}`" + (f": {hint}" if hint else ""))
        table = self.lake.table(workspace.name, name)
        about = table.about() if self._there(workspace, name) else None
        said = dict(about.notes) if about else {}
        told: Mapping[str, Sequence[str]] = json.loads(said.get(_COLUMNS) or "{}")
        standard = {c.name.lower() for c in known.columns} if known else {c.name.lower() for c in custom_columns()}
        every = [TableColumn(c.name, c.type, *told.get(c.name, ())) for c in columns]
        days, total = said.get(_DAYS), self.retention.days(workspace.name, name)
        if known is not None and known.kept:
            total = FOREVER
        return TableDefinition(
            name,
            custom=known is None,
            columns=tuple(c for c in every if c.name.lower() in standard),
            custom_columns=tuple(c for c in every if c.name.lower() not in standard),
            plan=said.get(_PLAN) or PLANS[0],
            display_name=said.get(_DISPLAY, ""),
            description=about.description if about else "",
            retention_days=int(days) if days else None,
            total_retention_days=None if total == FOREVER else total,
            retention_is_default=self.retention.said(workspace.name, name) is None,
            unknown=self.unknown(workspace, name),
        )

    def unknown(self, workspace: Workspace, name: str) -> Unknown:
        """What becomes of fields that a table has no column for."""
        known, there = self.catalogue.table(name), self._there(workspace, name)
        table = self.lake.table(workspace.name, name)
        if there and (said := table.about().notes.get(UNKNOWN)):
            return Unknown(said)
        columns = self.tables.table(workspace.name, name) or ()
        if any(c.name == REST and c.type is ScalarType.DYNAMIC for c in columns):
            return Unknown.KEEP
        extensible = known.open if known else not (there and table.about().declared)
        return Unknown.EXTEND if extensible else Unknown.DROP

    def put(self, workspace: Workspace, name: str, change: TableChange) -> TableDefinition:
        """Make a table, or change one; what is wrong is said before anything is done.

        :raises Invalid: a name, a type, a plan or a number of days that no table can have
        :raises Conflict: a column has another type already, or rows that would be lost
        """
        workspace.here("making or changing a table")
        _check(change)
        known, there = self.catalogue.table(name), self.tables.table(workspace.name, name) is not None
        if known is not None and known.kept:
            raise Invalid(f"`{name}` is huntlake's own, and kept for ever: changing it is not supported")
        if known is None and not there:
            self.check_new(workspace, name)
        columns = self._more(workspace, name, change.columns) if change.columns is not None else ()
        table = self.lake.table(workspace.name, name)
        if not self._there(workspace, name):
            first = [StoredColumn(TIME, Form.INSTANT)]
            given = stored(known.columns) if known else [*first, *columns, *_standard()]
            table.add_columns([*given, *(columns if known else ())])
        elif columns:
            table.add_columns(columns)
        if change.unknown is Unknown.KEEP:
            table.add_columns([StoredColumn(REST, Form.JSON)])
        unknown = change.unknown or (Unknown.DROP if known is None and not there else None)
        notes = {
            _PLAN: change.plan,
            _DISPLAY: change.display_name,
            _DAYS: _days_note(change.retention_days),
            _COLUMNS: self._told(workspace, name, change.columns),
            UNKNOWN: unknown.value if unknown else None,
        }
        table.describe(change.description, notes={n: v for n, v in notes.items() if v is not None})
        self._keep_for(workspace, name, change)
        return self.get(workspace, name)

    def delete(self, workspace: Workspace, name: str) -> bool:
        """Remove a table of the workspace's own, and its rows for good; False where there is none."""
        workspace.here("deleting a table")
        if name in self.catalogue:
            raise Conflict(f"`{name}` is a table that every workspace has: it can't be deleted")
        if not self._there(workspace, name):
            return False
        # What waits would make the table again.
        self.streams.flush()
        self.retention.set(workspace.name, name, None)
        return self.lake.drop(workspace.name, name)

    def have(self, workspace: Workspace, name: str, columns: Sequence[Column]) -> None:
        """Let a table have these columns, and be there; those of a table that Azure has end in `_CF`."""
        known = self.tables.table(workspace.name, name)
        have = {c.name.lower() for c in known or ()}
        missing = [TableColumn(c.name, c.type) for c in columns if c.name.lower() not in have]
        if missing or known is None:
            own = () if name in self.catalogue else self._own(workspace, name)
            self.put(workspace, name, TableChange(columns=[*own, *missing]))

    def _own(self, workspace: Workspace, name: str) -> tuple[TableColumn, ...]:
        if self.tables.table(workspace.name, name) is None:
            return ()
        return self.get(workspace, name).custom_columns

    def _there(self, workspace: Workspace, name: str) -> bool:
        return self.tables.exists_on_disk(workspace.name, name)

    def check_new(self, workspace: Workspace, name: str) -> None:
        """Raise unless a table of that name, which isn't there, may be made."""
        if not _TABLE.fullmatch(name):
            if not name.endswith("_CL"):
                raise Invalid(f"`{name[:100]}` can't be made: the name of a table of one's own ends in `_CL`")
            raise Invalid(
                f"`{name[:100]}` can't name a table: a letter, then letters, digits and `_`, at most 63 with the `_CL`"
            )
        table_folder(name)
        if alike := next((n for n in self.names(workspace) if n.lower() == name.lower()), None):
            # On some systems they would share a folder.
            raise Conflict(f"`{name}` and the table `{alike}` differ in case alone")

    def _more(self, workspace: Workspace, name: str, wanted: Sequence[TableColumn]) -> Sequence[StoredColumn]:
        """The columns of `wanted` that the table lacks."""
        known = self.catalogue.table(name)
        have = {c.name.lower(): c for c in self.tables.table(workspace.name, name) or ()}
        more = []
        for column in wanted:
            if (old := have.get(column.name.lower())) is not None:
                _same(name, old, column)
            elif column.name != TIME:
                check_column(name, column, built_in=known is not None)
                more.append(column)
            elif known is None and column.type is not ScalarType.DATETIME:
                raise Invalid(f"`{TIME}` is a `datetime`, not a `{column.type}`")
        if known is None and have:
            listed = {c.name.lower() for c in wanted}
            gone = [c.name for c in self._own(workspace, name) if c.name.lower() not in listed and c.name != REST]
            if gone:
                names = ", ".join(f"`{n}`" for n in gone)
                raise Conflict(f"the list of columns lacks {names}: taking columns away from a table is not supported")
        return stored([Column(c.name, c.type) for c in more])

    def _told(self, workspace: Workspace, name: str, columns: Sequence[TableColumn] | None) -> str | None:
        """What is said of the columns, as it is kept; None where nothing was said now."""
        said = {c.name: [c.description, c.display_name] for c in columns or () if c.description or c.display_name}
        if not said:
            return None
        before = self.lake.table(workspace.name, name).about().notes.get(_COLUMNS)
        return json.dumps({**json.loads(before or "{}"), **said})

    def _keep_for(self, workspace: Workspace, name: str, change: TableChange) -> None:
        days = change.retention_days if change.total_retention_days is None else change.total_retention_days
        if days is not None:
            self.retention.set(workspace.name, name, None if days == DEFAULT_DAYS else days)


def _standard() -> list[StoredColumn]:
    return [c for c in custom_columns() if c.name != TIME]


def _check(change: TableChange) -> None:
    if change.plan is not None and change.plan not in PLANS:
        raise Invalid(f"`{change.plan[:50]}` is no plan of a table; {', '.join(PLANS)} are")
    days, total = change.retention_days, change.total_retention_days
    for what, number in (("retentionInDays", days), ("totalRetentionInDays", total)):
        if number is not None and number != DEFAULT_DAYS and not 1 <= number <= 36_500:
            raise Invalid(f"`{what}` is a number of days, or {DEFAULT_DAYS} for the default, not {number}")
    if days and total and DEFAULT_DAYS not in (days, total) and total < days:
        raise Invalid(f"`totalRetentionInDays`, {total}, is less than `retentionInDays`, {days}")
    names = [c.name.lower() for c in change.columns or ()]
    if twice := next((n for n in names if names.count(n) > 1), None):
        raise Invalid(f"the column `{twice}` is listed twice; case doesn't tell columns apart")


def check_column(table: str, column: TableColumn, *, built_in: bool) -> None:
    """Raise `Invalid` unless a table may get that column; `built_in` ones are tables that Azure has."""
    name = column.name
    if not _COLUMN.fullmatch(name):
        raise Invalid(f"`{name[:60]}` can't name a column: a letter, then letters, digits and `_`, at most 45")
    if name.lower() in RESERVED:
        raise Invalid(f"`{name}` can't name a column: the name is reserved")
    if built_in and not name.endswith("_CF"):
        raise Invalid(f"`{name}` can't be added to `{table}`: the name of a column of one's own ends in `_CF` there")
    if column.type not in _TYPES:
        known = ", ".join(sorted(str(t) for t in _TYPES))
        raise Invalid(f"the column `{name}` is a `{column.type}`; columns of one's own are {known}")


def _same(table: str, old: Column, wanted: TableColumn) -> None:
    if old.type is not wanted.type:
        raise Conflict(f"`{old.name}` of `{table}` is a `{old.type}`, and can't become a `{wanted.type}`")


def _days_note(days: int | None) -> str | None:
    return None if days is None else "" if days == DEFAULT_DAYS else str(days)
