"""`T | sample N` and `T | sample-distinct N of column`"""

from __future__ import annotations

from dataclasses import dataclass

from huntlake.kql import plan
from huntlake.kql.binding import Binder, Operator
from huntlake.kql.operators.project import projected
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.parser import Parser


@dataclass(frozen=True)
class SampleOperator(Operator):
    """So many rows, chosen by chance."""

    passes_columns = True
    count: nodes.Expression

    @classmethod
    def parse(cls, p: Parser) -> SampleOperator:
        start = p.previous
        return cls(p.expression(), span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        own = [plan.Output(n, c) for n, c in b.columns_of(input).items()]
        drawn = plan.Project(input, (*own, plan.Output(_CHANCE, b.call("rand", (), self.span))))
        chance = plan.SortKey(b.columns_of(drawn)[_CHANCE], ascending=True, nulls_first=False)
        chosen = plan.Limit(plan.Sort(drawn, (chance,)), max(0, b.constant_long(self.count)))
        # Whoever reads them, and however often, reads the same rows.
        return plan.Materialize(plan.Project(chosen, tuple(own)))


_CHANCE = "\x00chance"
"""A name that no column of a query can have."""


@dataclass(frozen=True)
class SampleDistinctOperator(Operator):
    """So many of a column's values, each once."""

    count: nodes.Expression
    column: nodes.NamedExpression

    @classmethod
    def parse(cls, p: Parser) -> SampleDistinctOperator:
        start = p.previous
        count = p.expression()
        p.expect("of")
        return cls(count, p.named_expression(), span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        distinct = plan.Summarize(input, tuple(projected((self.column,), input, b)), ())
        return plan.Limit(distinct, max(0, b.constant_long(self.count)))
