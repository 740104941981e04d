"""`T | project-reorder column, pattern* asc, …`"""

from __future__ import annotations

import re
from dataclasses import dataclass

from huntlake.kql import plan
from huntlake.kql.binding import Binder, Operator
from huntlake.kql.binding.columns import matching
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.parser import Parser


@dataclass(frozen=True)
class ProjectReorderOperator(Operator):
    """The columns named come first; the rest follow in their old order."""

    columns: tuple[tuple[nodes.Expression, str], ...]

    @classmethod
    def parse(cls, p: Parser) -> ProjectReorderOperator:
        start = p.previous
        return cls(p.list_of(lambda: _item(p)), span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        first: dict[str, plan.ColumnRef] = {}
        for node, order in self.columns:
            # Kusto passes over a name that the table hasn't.
            found = matching(node, input, b, required=False)
            if order:
                found.sort(key=lambda c: _key(c.name, order), reverse=order.endswith("desc"))
            for column in found:
                first.setdefault(column.name, column)
        rest = {n: c for n, c in b.columns_of(input).items() if n not in first}
        return plan.Project(input, tuple(plan.Output(n, c) for n, c in (first | rest).items()))


def _item(p: Parser) -> tuple[nodes.Expression, str]:
    node = p.wildcarded_name()
    order = p.take("asc", "desc", "granny")
    if order is None:
        return node, ""
    if order.text != "granny":
        return node, order.text
    p.expect("-")
    word = p.take("asc", "desc") or p.unexpected("`asc` or `desc`")
    return node, f"granny-{word.text}"


def _key(name: str, order: str) -> list[str]:
    # `granny` counts the digits in a name as a number: a2 before a10.
    parts = re.split(r"(\d+)", name) if order.startswith("granny") else [name]
    return [part.zfill(20) if part.isdigit() else part for part in parts]
