"""`T | project-rename new = old, …`"""

from __future__ import annotations

from dataclasses import dataclass

from huntlake.kql import plan
from huntlake.kql.binding import Binder, Operator
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.parser import Parser


@dataclass(frozen=True)
class ProjectRenameOperator(Operator):
    """The same columns, some by other names."""

    columns: tuple[nodes.NamedExpression, ...]

    @classmethod
    def parse(cls, p: Parser) -> ProjectRenameOperator:
        start = p.previous
        return cls(p.list_of(p.named_expression), span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        new: dict[str, str] = {}
        for item in self.columns:
            if item.name is None or not isinstance(item.expression, nodes.NameReference):
                b.fail("SYN0002", "`new = old` is expected here", item.span)
            new[b.column(item.expression.name, item.expression.span, input).name] = item.name
        outputs = [plan.Output(new.get(n, n), c) for n, c in b.columns_of(input).items()]
        names = [o.name for o in outputs]
        if twice := next((n for n in names if names.count(n) > 1), None):
            b.fail("SEM0001", f"two columns would be named `{twice}`", self.span)
        return plan.Project(input, tuple(outputs))
