"""`T | take N`, also spelled `limit`; `T | count`"""

from __future__ import annotations

from dataclasses import dataclass

from huntlake.kql import plan
from huntlake.kql.binding import Binder, Operator
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.parser import Parser


@dataclass(frozen=True)
class TakeOperator(Operator):
    """At most so many rows; which ones, nothing says unless the table is sorted."""

    passes_columns = True
    count: nodes.Expression

    @classmethod
    def parse(cls, p: Parser) -> TakeOperator:
        start = p.previous
        p.parameters()
        return cls(p.expression(), span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        return plan.Limit(input, max(0, b.constant_long(self.count)))


@dataclass(frozen=True)
class CountOperator(Operator):
    """How many rows there are, in a column `Count`, or of the name that follows `as`."""

    name: str

    @classmethod
    def parse(cls, p: Parser) -> CountOperator:
        start = p.previous
        name = p.name().text if p.take("as") else "Count"
        return cls(name, span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        return plan.Summarize(input, (), (plan.Output(self.name, b.aggregate("count", (), self.span)),))
