"""`T | evaluate plugin(arguments) [: (column:type, …)]`"""

from __future__ import annotations

from dataclasses import dataclass

from huntlake.core.diagnostics import did_you_mean
from huntlake.kql import plan
from huntlake.kql.binding import Binder, Operator, SourceOperator
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.parser import Parser
from huntlake.kql.types import Column


@dataclass(frozen=True)
class EvaluateOperator(Operator, SourceOperator):
    """What a plugin makes of the table."""

    call: nodes.FunctionCall
    schema: tuple[nodes.ColumnDeclaration, ...] | None
    open: bool

    @classmethod
    def parse(cls, p: Parser) -> EvaluateOperator:
        start = p.previous
        p.parameters()
        call = p.expression(7)
        if not isinstance(call, nodes.FunctionCall):
            p.fail("SYN0002", "the call of a plugin is expected here", call.span)
        schema: tuple[nodes.ColumnDeclaration, ...] | None = None
        star = False
        if p.take(":"):
            p.expect("(")
            schema = ()
            if p.take("*"):
                star = True
                if p.take(","):
                    schema = p.list_of(p.column_declaration)
            elif not p.at(")"):
                schema = p.list_of(p.column_declaration)
            p.expect(")")
        return cls(call, schema, star, span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        return self._plugin(input, b)

    def bind_source(self, b: Binder) -> plan.Relation:
        return self._plugin(plan.Values((), ((),)), b)

    def _plugin(self, input: plan.Relation, b: Binder) -> plan.Relation:
        name = self.call.name
        if name in b.language.refused_plugins:
            b.refuse(f"the plugin `{name}`", self.call.span)
        plugin = b.language.plugins.get(name)
        if plugin is None:
            b.fail(
                "SEM0260", f"no plugin is named `{name}`", self.call.span, help=did_you_mean(name, b.language.plugins)
            )
        declared = None if self.schema is None else tuple(Column(c.name, c.type) for c in self.schema)
        made: plan.Relation = plugin(input, self.call, declared, self.open, b)
        return made
