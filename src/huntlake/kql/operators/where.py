"""`T | where predicate`"""

from __future__ import annotations

from dataclasses import dataclass

from huntlake.kql import plan
from huntlake.kql.binding import Binder, Operator
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.parser import Parser


@dataclass(frozen=True)
class FilterOperator(Operator):
    """The rows for which every one of the predicates holds.

    Kusto's grammar lets a name stand before a predicate and means nothing by it: `where x = true` keeps every row.
    """

    passes_columns = True
    predicates: tuple[nodes.NamedExpression, ...]

    @classmethod
    def parse(cls, p: Parser) -> FilterOperator:
        start = p.previous
        p.parameters()
        return cls(p.list_of(p.named_expression), span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        predicates = b.all_of(self.predicates, lambda p: b.predicate(p.expression, input))
        for predicate in predicates:
            input = plan.Filter(input, predicate)
        return input
