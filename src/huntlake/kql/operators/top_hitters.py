"""`T | top-hitters N of value [by weight]`"""

from __future__ import annotations

from dataclasses import dataclass

from huntlake.kql import plan
from huntlake.kql.binding import Binder, Operator
from huntlake.kql.binding.naming import Names
from huntlake.kql.binding.outputs import outputs_of
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.parser import Parser


@dataclass(frozen=True)
class TopHittersOperator(Operator):
    """The values that occur most often, or weigh most. Exact, where Kusto's are estimates."""

    count: nodes.Expression
    value: nodes.NamedExpression
    weight: nodes.NamedExpression | None

    @classmethod
    def parse(cls, p: Parser) -> TopHittersOperator:
        start = p.previous
        count = p.expression()
        p.expect("of")
        value = p.named_expression()
        weight = p.named_expression() if p.take("by") else None
        return cls(count, value, weight, span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        names = Names()
        keys = outputs_of(self.value, input, names, b)
        if self.weight is None:
            total = b.aggregate("count", (), self.span)
            name = f"approximate_count_{keys[0].name}"
        else:
            total = b.aggregate("sum", (b.scalar(self.weight.expression, input),), self.weight.span)
            name = f"approximate_sum_{b.implied_name(self.weight)}"
        measure = plan.Output(names.claim(name), total)
        hitters = plan.Summarize(input, tuple(keys), (measure,))
        heaviest = plan.SortKey(b.columns_of(hitters)[measure.name], ascending=False, nulls_first=False)
        return plan.Limit(plan.Sort(hitters, (heaviest,)), max(0, b.constant_long(self.count)))
