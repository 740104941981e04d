"""`T | extend name = expression, …`"""

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
    outputs = _passed_on(input, b)
    given = Names(reserved=outputs)
    for item in items:
        # A column of the same name is replaced, be the new name given or implied: `extend tostring(a)` is a text `a`.
        for output in sound_outputs(item, partial(outputs_of, item, input, given, b), b):
            outputs[output.name] = output
    return outputs


def _passed_on(row: plan.Relation, b: Binder) -> dict[str, plan.Output]:
    """Outputs that pass every column of a table on, by name."""
    made = {o.name: o for o in row.outputs} if isinstance(row, plan.Project) else {}
    return {
        # What the table itself passes on is passed on again: one object through a long chain of `extend`.
        n: o if (o := made.get(n)) is not None and o.value is c else plan.Output(n, c)
        for n, c in b.columns_of(row).items()
    }
