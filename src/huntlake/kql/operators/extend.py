"""`T | extend name = expression, …`"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from huntlake.kql import plan
from huntlake.kql.binding import Binder, Operator
from huntlake.kql.binding.naming import Names
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.parser import Parser


@dataclass(frozen=True)
class ExtendOperator(Operator):
    """Every column of the input, and the computed ones; one of the same name is replaced."""

    columns: tuple[nodes.NamedExpression, ...]

    @classmethod
    def parse(cls, p: Parser) -> ExtendOperator:
        start = p.previous
        return cls(p.list_of(p.named_expression), span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        return plan.Project(input, tuple(extended(self.columns, input, b).values()))


def extended(items: tuple[nodes.NamedExpression, ...], input: plan.Relation, b: Binder) -> dict[str, plan.Output]:
    """The columns of the input, with the computed ones put in place or behind."""
    outputs = b.passed_on(input)
    given = Names(reserved=outputs)
    for item in items:
        # A column of the same name is replaced, be the new name given or implied: `extend tostring(a)` is a text `a`.
        for output in b.sound_outputs(item, partial(b.output, item, input, given)):
            outputs[output.name] = output
    return outputs
