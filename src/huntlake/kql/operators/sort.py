"""`T | sort by key [asc | desc] [nulls first | nulls last], …`, also spelled `order by`"""

from __future__ import annotations

from dataclasses import dataclass

from huntlake.kql import plan
from huntlake.kql.binding import Binder, Operator
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.parser import Parser


@dataclass(frozen=True)
class SortOperator(Operator):
    """The rows in order of the keys; the largest first where nothing else is said."""

    passes_columns = True
    keys: tuple[nodes.OrderedExpression, ...]

    @classmethod
    def parse(cls, p: Parser) -> SortOperator:
        start = p.previous
        p.parameters()
        p.expect("by")
        return cls(p.list_of(p.ordered_expression), span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        return plan.Sort(input, tuple(b.all_of(self.keys, lambda k: sort_key(k, input, b))))


def sort_key(node: nodes.OrderedExpression, input: plan.Relation, b: Binder) -> plan.SortKey:
    """One key of an order."""
    value = b.scalar(node.expression, input)
    if isinstance(value, plan.Literal):
        # To an engine a number would be the place of a column.
        b.fail("SEM0001", "a constant puts rows in no order", node.span)
    return plan.SortKey(b.key(value, node.span, "an order"), node.ascending, node.nulls_first)
