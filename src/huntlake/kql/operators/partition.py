"""`T | partition [hint.strategy=…] by column (operators)`, and `… by column {table | operators}`"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from huntlake.kql import plan
from huntlake.kql.binding import Binder, Operator
from huntlake.kql.binding.conversions import convert
from huntlake.kql.plan.nodes import JoinKind
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.literals import ticks_of
from huntlake.kql.syntax.parser import Parser
from huntlake.kql.types import ScalarType

_STRATEGIES = ("legacy", "native", "shuffle")
MAX_TABLES = 64
"""For how many values there may be a query over a table of its own, as in Kusto."""


@dataclass(frozen=True)
class PartitionOperator(Operator):
    """For each value of a column, a query over the rows that have it; the rows of all of them.

    A query in braces begins with a table of its own, and knows of the part only the value: `toscalar(column)`.
    """

    column: nodes.NameReference
    inner: tuple[nodes.QueryOperator, ...]
    table: nodes.Expression | None

    @classmethod
    def parse(cls, p: Parser) -> PartitionOperator:
        start = p.previous
        strategy, at = p.parameters().get("hint.strategy", ("native", start))
        if strategy not in _STRATEGIES:
            p.fail("SEM0001", f"`{strategy}` is no strategy of `partition`", at.span, help=", ".join(_STRATEGIES))
        p.expect("by")
        # A call looks no other than a name with the operators behind it.
        name = p.name()
        column = nodes.NameReference(name.text, span=name.span)
        if p.take("{"):
            table = p.pipe()
            p.expect("}")
            return cls(column, (), table, span=p.since(start))
        return cls(column, p.subpipe(), None, span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        key = b.column(self.column.name, self.column.span, input)
        if key.type is ScalarType.DYNAMIC:
            b.refuse("`partition` by a `dynamic`", self.column.span, help="bring it to another type first")
        if self.table is not None:
            return self._of_tables(self.table, key, input, b)
        # As text, in which a null is equal to a null.
        text = convert(key, ScalarType.STRING)
        keys = plan.Summarize(input, (plan.Output(_KEY, text),), ())
        marked = plan.Project(
            input, (plan.Output(_PART, text), *(plan.Output(n, c) for n, c in b.columns_of(input).items()))
        )
        row = plan.OuterRow(keys.columns)
        mine = plan.Join(
            JoinKind.INNER,
            row,
            marked,
            ((plan.ColumnRef(_KEY, ScalarType.STRING), plan.ColumnRef(_PART, ScalarType.STRING)),),
            tuple(c.name for c in marked.columns),
        )
        part = plan.Project(mine, tuple(plan.Output(c.name, plan.ColumnRef(c.name, c.type)) for c in input.columns))
        inner = b.pipe(self.inner, part)
        applied = plan.Apply(keys, row, inner)
        return plan.Project(applied, tuple(plan.Output(c.name, plan.ColumnRef(c.name, c.type)) for c in inner.columns))

    def _of_tables(
        self, table: nodes.Expression, key: plan.ColumnRef, input: plan.Relation, b: Binder
    ) -> plan.Relation:
        values = plan.Limit(plan.Summarize(input, (plan.Output(key.name, key),), ()), MAX_TABLES + 1)
        found = [row[0] for row in b.probe(values, "`partition` with a table of its own in each part", self.span)]
        if len(found) > MAX_TABLES:
            message = f"`partition` with a table of its own takes no more than {MAX_TABLES} values"
            b.fail("SEM0001", message, self.column.span, help="write `partition by column (operators)`")
        parts = [b.table_given(table, {key.name: _literal(v, key.type)}) for v in found]
        if not parts:
            return plan.Limit(b.table_given(table, {key.name: _literal(None, key.type)}), 0)
        return parts[0] if len(parts) == 1 else plan.Union(tuple(parts), parts[0].columns)


def _literal(value: object, type_: ScalarType) -> plan.Literal:
    """A value that the data gave, as the text could have given it."""
    if isinstance(value, datetime):
        value = ticks_of(value.replace(tzinfo=UTC))
    return plan.Literal("" if value is None and type_ is ScalarType.STRING else value, type_)


_KEY = "\x00key"
_PART = "\x00part"
"""Names that no column of a query can have."""
