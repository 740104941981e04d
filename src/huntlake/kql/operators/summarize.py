"""`T | summarize aggregate, … by key, …`"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from huntlake.kql import plan
from huntlake.kql.binding import Binder, Operator
from huntlake.kql.binding.measures import measures
from huntlake.kql.binding.naming import Names
from huntlake.kql.binding.outputs import outputs_of, sound_outputs
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.parser import Parser


@dataclass(frozen=True)
class SummarizeOperator(Operator):
    """One row for each group of rows that agree on the keys."""

    measures: tuple[nodes.NamedExpression, ...]
    by: tuple[nodes.NamedExpression, ...]

    @classmethod
    def parse(cls, p: Parser) -> SummarizeOperator:
        start = p.previous
        p.parameters()
        found = () if p.at("by") else p.list_of(p.named_expression)
        by: tuple[nodes.NamedExpression, ...] = ()
        if p.take("by"):
            p.parameters()
            by = p.list_of(p.named_expression)
        return cls(found, by, span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        names = Names()
        keys: list[plan.Output] = []
        for item in self.by:
            outputs = sound_outputs(item, partial(_key, item, input, b), b)
            named = item.names or b.implied_name(item.expression) or len(outputs) > 1
            for key in outputs:
                # The same key twice is one key.
                if key not in keys:
                    keys.append(plan.Output(names.claim(key.name) if named else names.unnamed(), key.value))
        columns = {k.value.name for k in keys if isinstance(k.value, plan.ColumnRef)}
        found = measures(self.measures, input, names, b, columns)
        if not self.measures and not self.by:
            b.fail("SYN0002", "`summarize` needs an aggregate or a key", self.span)
        return plan.Summarize(input, tuple(keys), tuple(found))


def _key(item: nodes.NamedExpression, input: plan.Relation, b: Binder) -> list[plan.Output]:
    found = outputs_of(item, input, Names(), b)
    for key in found:
        b.key(key.value, item.span, "a group's key")
    return found
