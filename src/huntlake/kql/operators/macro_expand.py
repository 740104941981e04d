"""`macro-expand [kind=…] [isfuzzy=…] entity_group [database("a"), …] as name (table of name.Table)`"""

from __future__ import annotations

from dataclasses import dataclass

from huntlake.kql import plan
from huntlake.kql.binding import Binder, MissingTable, SourceOperator
from huntlake.kql.operators.union import united
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.parser import Parser
from huntlake.kql.syntax.statements import function_body


@dataclass(frozen=True)
class MacroExpandOperator(SourceOperator):
    """The union of one query over each of several workspaces, which the query knows by one name."""

    inner: bool
    fuzzy: bool
    group: nodes.Expression
    name: str
    body: nodes.FunctionBody

    @classmethod
    def parse(cls, p: Parser) -> MacroExpandOperator:
        start = p.previous
        given = p.parameters("kind", "isfuzzy")
        kind, at = given.get("kind", ("outer", start))
        if kind not in ("inner", "outer"):
            p.fail("SEM0001", f"`{kind}` is no kind of `macro-expand`", at.span, help="inner, outer")
        fuzzy, at = given.get("isfuzzy", (False, start))
        if fuzzy not in (True, False, 0, 1):
            p.fail("SEM0001", "`isfuzzy` is true or false", at.span)
        group = p.expression()
        p.expect("as")
        name = p.name().text
        return cls(kind == "inner", bool(fuzzy), group, name, function_body(p, "(", ")"), span=p.since(start))

    def bind_source(self, b: Binder) -> plan.Relation:
        found = []
        for workspace in b.places.entities(self.group):
            try:
                found.append((workspace, b.of_entity(self.name, workspace, self.body)))
            except MissingTable:
                if not self.fuzzy:
                    raise
        if not found:
            b.fail("SEM0100", "none of these tables is there", self.span)
        return united(found, inner=self.inner)
