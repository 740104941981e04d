"""`T | project-by-names "name" | "pattern*" | dynamic(["name", …]) | column_names_of(U), …`"""

from __future__ import annotations

from dataclasses import dataclass

from huntlake.kql import plan
from huntlake.kql.binding import Binder, Operator
from huntlake.kql.binding.columns import matching
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.parser import Parser


@dataclass(frozen=True)
class ProjectByNamesOperator(Operator):
    """The columns whose names the texts give, in that order, each once; a name that no column has is passed over."""

    names: tuple[nodes.Expression, ...]

    @classmethod
    def parse(cls, p: Parser) -> ProjectByNamesOperator:
        start = p.previous
        return cls(p.list_of(p.expression), span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        found: dict[str, plan.Output] = {}
        for node in self.names:
            value = b.constant(node).value
            for name in value if isinstance(value, list) else [value]:
                if not isinstance(name, str):
                    b.fail("SEM0001", "a name, or an array of names, is expected here", node.span)
                wanted: nodes.Expression = nodes.NameReference(name, span=node.span)
                if "*" in name:
                    wanted = nodes.WildcardedName(name, span=node.span)
                for column in matching(wanted, input, b, required=False):
                    found.setdefault(column.name, plan.Output(column.name, column))
        return plan.Project(input, tuple(found.values()))
