"""`T | project name = expression, …`"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from huntlake.kql import plan
from huntlake.kql.binding import Binder, Operator
from huntlake.kql.binding.naming import Names
from huntlake.kql.binding.outputs import outputs_of, sound_outputs
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.parser import Parser


@dataclass(frozen=True)
class ProjectOperator(Operator):
    """The columns that are named, in that order."""

    columns: tuple[nodes.Expression, ...]

    @classmethod
    def parse(cls, p: Parser) -> ProjectOperator:
        start = p.previous
        if p.at("|", ";", ")", "}") or p.current.text == "":
            return cls((), span=p.since(start))
        return cls(p.list_of(p.named_expression), span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        return plan.Project(input, tuple(projected(self.columns, input, b)))


def projected(items: tuple[nodes.Expression, ...], input: plan.Relation, b: Binder) -> list[plan.Output]:
    """The outputs of a list of columns; a `*` stands for every column of the input."""
    names, found = Names(), list[plan.Output]()
    for item in items:
        if isinstance(item, nodes.NamedExpression) and isinstance(item.expression, nodes.Star):
            found += [plan.Output(names.claim(c.name), c) for c in b.columns_of(input).values()]
        else:
            found += sound_outputs(item, partial(outputs_of, item, input, names, b), b)
    return found
