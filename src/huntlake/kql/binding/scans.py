"""The stored tables that a query reads: their columns, and their rows of the query's period."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from huntlake.core.diagnostics import NOWHERE, Source
from huntlake.kql import plan
from huntlake.kql.binding.language import Surroundings
from huntlake.kql.binding.reading import names_read
from huntlake.kql.binding.schema import Schema
from huntlake.kql.binding.settings import RECEIVED, Settings
from huntlake.kql.types import Column, Columns, ScalarType


class Scans:
    """The scans of one query; a table that is read twice is one scan."""

    def __init__(self, b: Surroundings, schema: Schema, settings: Settings) -> None:
        self._b = b
        self._schema = schema
        self._settings = settings
        self._scans: dict[tuple[str | None, str], plan.Scan] = {}
        self._open_scans: dict[tuple[str | None, str, Source], plan.Scan] = {}

    def of(self, name: str, workspace: str | None) -> plan.Relation | None:
        """A stored table, its rows of the query's period; None where there is none."""
        stored: plan.Relation | None = self._scan(name, workspace)
        period = self._settings.period
        column = self._b.columns_of(stored).get(period.column) if stored is not None and period.column else None
        if stored is None or column is None or column.type is not ScalarType.DATETIME:
            return stored
        received = self._b.columns_of(stored).get(RECEIVED) if period.late is not None else None
        if received is not None and period.since is not None and period.late is not None:
            earliest = plan.Literal(period.since - period.late, ScalarType.DATETIME)
            came, nobody_knows = self._within(received), self._b.call("isnull", (received,), NOWHERE)
            else_by_time = self._b.call("and", (nobody_knows, self._within(column)), NOWHERE)
            stored = plan.Filter(stored, self._b.call(">=", (column, earliest), NOWHERE))
            return plan.Filter(stored, self._b.call("or", (came, else_by_time), NOWHERE))
        for bound in self._bounds(column):
            stored = plan.Filter(stored, bound)
        return stored

    def _within(self, column: Column) -> plan.Scalar:
        """Whether a column lies in the query's period."""
        bounds = self._bounds(column)
        return self._b.call("and", bounds, NOWHERE) if len(bounds) > 1 else bounds[0]

    def _bounds(self, column: Column) -> tuple[plan.Scalar, ...]:
        ends = ((">=", self._settings.period.since), ("<=", self._settings.period.until))
        return tuple(
            self._b.call(name, (column, plan.Literal(bound, ScalarType.DATETIME)), NOWHERE)
            for name, bound in ends
            if bound is not None
        )

    def _scan(self, name: str, workspace: str | None) -> plan.Scan | None:
        key = workspace, name
        if key not in self._scans:
            columns = self._schema.table(name, workspace)
            if columns is None:
                return None
            if (type_of := self._schema.open_table(name, workspace)) is not None:
                # Each text has its own: those that it names.
                return self._open_scan(name, columns, workspace, type_of)
            indexed = columns if isinstance(columns, Columns) else Columns(columns)
            hot = self._schema.hot_paths(name, workspace)
            self._scans[key] = plan.Scan(name, indexed, workspace, hot=hot)
        return self._scans[key]

    def _open_scan(
        self,
        name: str,
        columns: Sequence[Column],
        workspace: str | None,
        type_of: Callable[[str], ScalarType | None],
    ) -> plan.Scan:
        source = self._b.source
        key = workspace, name, source
        if key not in self._open_scans:
            listed = {c.name for c in columns}
            more = ((n, type_of(n)) for n in names_read(source) if n not in listed)
            every = Columns((*columns, *(Column(n, t) for n, t in more if t is not None)))
            hot = self._schema.hot_paths(name, workspace)
            self._open_scans[key] = plan.Scan(name, every, workspace, hot=hot)
        return self._open_scans[key]

    def known_empty(self, relation: plan.Relation) -> bool:
        """Whether a relation has no rows, as far as the schema knows of its tables at this moment."""
        match relation:
            case plan.Scan(name, _, workspace):
                # External tables are scanned too, and are none of the workspace.
                stored = (self._scans.get((workspace, name)), *self._open_scans.values())
                return any(s is relation for s in stored) and self._schema.known_empty(name, workspace)
            case plan.Values(_, rows):
                return not rows
            case plan.Union(branches):
                return all(map(self.known_empty, branches))
            case plan.Summarize(input, keys, _):
                # Without keys there is a row of nothing, too.
                return bool(keys) and self.known_empty(input)
            case plan.Filter(input) | plan.Project(input) | plan.Sort(input) | plan.Limit(input) | plan.Unnest(input):
                return self.known_empty(input)
        return False
