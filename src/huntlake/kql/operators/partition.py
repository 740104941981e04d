"""`T | partition [hint.strategy=…] by column (operators)`"""

from __future__ import annotations

from dataclasses import dataclass

from huntlake.kql import plan
from huntlake.kql.binding import Binder, Operator
from huntlake.kql.plan.nodes import JoinKind
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.parser import Parser
from huntlake.kql.types import ScalarType


@dataclass(frozen=True)
class PartitionOperator(Operator):
    """For each value of a column, a query over the rows that have it; the rows of all of them."""

    column: nodes.NameReference
    inner: tuple[nodes.QueryOperator, ...]

    @classmethod
    def parse(cls, p: Parser) -> PartitionOperator:
        start = p.previous
        p.parameters()
        p.expect("by")
        # A call looks no other than a name with the operators behind it.
        name = p.name()
        column = nodes.NameReference(name.text, span=name.span)
        if p.at("{"):
            p.refuse(
                "`partition` with a table of its own in each part",
                p.current.span,
                help="write `partition by column (operators)`",
            )
        return cls(column, p.subpipe(), span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        key = b.column(self.column.name, self.column.span, input)
        if key.type is ScalarType.DYNAMIC:
            b.refuse("`partition` by a `dynamic`", self.column.span, help="bring it to another type first")
        # As text, in which a null is equal to a null.
        text = b.convert(key, ScalarType.STRING)
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


_KEY = "\x00key"
_PART = "\x00part"
"""Names that no column of a query can have."""
