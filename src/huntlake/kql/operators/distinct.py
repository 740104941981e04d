"""`T | distinct column, …` or `T | distinct *`"""

from __future__ import annotations

from dataclasses import dataclass

from huntlake.kql import plan
from huntlake.kql.binding import Binder, Operator
from huntlake.kql.binding.naming import Names
from huntlake.kql.binding.outputs import outputs_of
from huntlake.kql.operators.project import projected
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.parser import Parser


@dataclass(frozen=True)
class DistinctOperator(Operator):
    """Each combination of the columns' values once."""

    columns: tuple[nodes.Expression, ...]

    @classmethod
    def parse(cls, p: Parser) -> DistinctOperator:
        start = p.previous
        p.parameters()
        return cls(p.list_of(p.named_expression), span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        for column in self.columns:
            if not isinstance(column, nodes.NamedExpression) or not isinstance(column.expression, nodes.Star):
                for output in outputs_of(column, input, Names(), b):
                    b.key(output.value, column.span, "told apart by `distinct`")
        return plan.Summarize(input, tuple(projected(self.columns, input, b)), ())
