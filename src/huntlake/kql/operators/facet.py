"""`T | facet by column, … [with (operators)]`"""

from __future__ import annotations

from dataclasses import dataclass

from huntlake.kql import plan
from huntlake.kql.binding import Binder, Operator, Result
from huntlake.kql.binding.naming import Names
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.parser import Parser


@dataclass(frozen=True)
class FacetOperator(Operator):
    """Several tables: what the operators make of the rows, and for each column its values and how often each is."""

    columns: tuple[nodes.NameReference, ...]
    inner: tuple[nodes.QueryOperator, ...]

    @classmethod
    def parse(cls, p: Parser) -> FacetOperator:
        start = p.previous
        p.expect("by")
        columns = p.list_of(lambda: _column(p))
        return cls(columns, p.subpipe() if p.take("with") else (), span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        found = [Result(b.pipe(self.inner, input))] if self.inner else []
        for node in self.columns:
            names = Names()
            key = plan.Output(names.claim(node.name), b.column(node.name, node.span, input))
            count = plan.Output(names.claim(f"count_{node.name}"), b.aggregate("count", (), self.span))
            found.append(Result(plan.Summarize(input, (key,), (count,))))
        return b.several(found, self.span)


def _column(p: Parser) -> nodes.NameReference:
    name = p.name()
    return nodes.NameReference(name.text, span=name.span)
