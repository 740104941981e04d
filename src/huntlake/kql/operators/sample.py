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

    count: nodes.Expression

    @classmethod
    def parse(cls, p: Parser) -> SampleOperator:
        start = p.previous
        return cls(p.expression(), span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        chance = plan.SortKey(b.call("rand", (), self.span), ascending=True, nulls_first=False)
        return plan.Limit(plan.Sort(input, (chance,)), max(0, b.constant_long(self.count)))


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
