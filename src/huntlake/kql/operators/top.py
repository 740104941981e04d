"""`T | top N by key [asc | desc]`"""

from __future__ import annotations

from dataclasses import dataclass

from huntlake.kql import plan
from huntlake.kql.binding import Binder, Operator
from huntlake.kql.operators.sort import sort_key
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.parser import Parser


@dataclass(frozen=True)
class TopOperator(Operator):
    """The first rows by the keys: a `sort` and a `take` in one."""

    passes_columns = True
    count: nodes.Expression
    by: tuple[nodes.OrderedExpression, ...]

    @classmethod
    def parse(cls, p: Parser) -> TopOperator:
        start = p.previous
        p.parameters()
        count = p.expression()
        p.expect("by")
        return cls(count, p.list_of(p.ordered_expression), span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        keys = tuple(b.all_of(self.by, lambda k: sort_key(k, input, b)))
        return plan.Limit(plan.Sort(input, keys), b.constant_long(self.count))
