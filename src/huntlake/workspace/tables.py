"""The tables of a workspace: those of the catalogue, and its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from huntlake.core.errors import Invalid
from huntlake.kql.types import Column, Columns, ScalarType
from huntlake.lake import Lake
from huntlake.lake.forms import Form, StoredColumn
from huntlake.workspace.catalogue import Catalogue

FORMS = {
    ScalarType.BOOL: Form.BOOLEAN,
    ScalarType.INT: Form.INTEGER,
    ScalarType.LONG: Form.BIGINT,
    ScalarType.REAL: Form.DOUBLE,
    ScalarType.DECIMAL: Form.DECIMAL,
    ScalarType.STRING: Form.TEXT,
    ScalarType.DATETIME: Form.INSTANT,
    ScalarType.TIMESPAN: Form.TICKS,
    ScalarType.GUID: Form.UUID,
    ScalarType.DYNAMIC: Form.JSON,
}
"""How the lake keeps each type of KQL."""

TYPES = {form: type for type, form in FORMS.items()}


class Elsewhere(Protocol):
    """The tables of workspaces that are remote."""

    def knows(self, workspace: str) -> bool:
        """Whether a workspace is a remote one."""
        ...

    def table(self, workspace: str, name: str) -> tuple[Column, ...] | None: ...
    def names(self, workspace: str) -> tuple[str, ...]: ...


class Nowhere:
    """No workspace is remote."""

    def knows(self, workspace: str) -> bool:
        return False

    def table(self, workspace: str, name: str) -> None:
        return None

    def names(self, workspace: str) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True)
class Tables:
    """Tables by workspace and name. A workspace is named by its folder's name; a table by exactly its name.

    Those of remote workspaces are `elsewhere`: what is known of them is their columns.
    """

    lake: Lake
    catalogue: Catalogue
    elsewhere: Elsewhere = field(default_factory=Nowhere)
    _known: dict[tuple[str, str], tuple[tuple[StoredColumn, ...], Columns]] = field(default_factory=dict, repr=False)
    """By workspace and name, what the lake said last, and the columns that came of it."""

    def table(self, workspace: str, name: str) -> tuple[Column, ...] | None:
        """The columns of a table: the catalogue's, then those that its rows brought; None where there is no such table.

        Two spellings of one name in the catalogue are two columns that read the same values.
        """
        if self.elsewhere.knows(workspace):
            return self.elsewhere.table(workspace, name)
        known = self.catalogue.table(name)
        if not self.exists_on_disk(workspace, name):
            return known.columns if known else None
        stored = self.lake.table(workspace, name).columns()
        before = self._known.get((workspace, name))
        # The lake hands the same object out until somebody has added a column.
        if before is None or before[0] is not stored:
            columns = known.columns if known else ()
            listed = {c.name.lower() for c in columns}
            more = [Column(c.name, TYPES[c.form]) for c in stored if c.name.lower() not in listed]
            before = self._known[workspace, name] = stored, Columns((*columns, *more))
        return before[1]

    def names(self, workspace: str) -> tuple[str, ...]:
        """The names of every table that can be asked, in alphabetical order."""
        if self.elsewhere.knows(workspace):
            return self.elsewhere.names(workspace)
        own = [n for n in self.lake.tables(workspace) if n not in self.catalogue]
        return tuple(sorted((*self.catalogue.names(), *own))) if own else self.catalogue.names()

    def listed(self, workspace: str) -> tuple[str, ...]:
        """The names of the tables that are worth a line in a list, in alphabetical order.

        Those that were made or hold rows, and of the catalogue those that hunts use most: two thousand names, most of
        which no source here will ever fill, would hide them, and are more than some clients can read.
        """
        if self.elsewhere.knows(workspace):
            return self.elsewhere.names(workspace)
        return tuple(sorted({*self.catalogue.usual(), *self.lake.tables(workspace)}))

    def with_data(self, workspace: str) -> tuple[str, ...]:
        """The names of the tables that rows were written to; of a remote workspace, those that it says it has."""
        if self.elsewhere.knows(workspace):
            return self.elsewhere.names(workspace)
        return tuple(self.lake.tables(workspace))

    def exists_on_disk(self, workspace: str, name: str) -> bool:
        """Whether rows were ever written to a table; a name that no table can have was not."""
        try:
            return self.lake.exists(workspace, name)
        except Invalid:
            return False

    def row_count(self, workspace: str, name: str) -> int:
        """How many rows a table has; 0 where nothing was written."""
        return self.lake.snapshot(workspace, name).rows if self.exists_on_disk(workspace, name) else 0
