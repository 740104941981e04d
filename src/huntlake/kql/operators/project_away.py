"""`T | project-away column, pattern*, …` and `T | project-keep column, pattern*, …`"""

from __future__ import annotations

from dataclasses import dataclass

from huntlake.kql import plan
from huntlake.kql.binding import Binder, Operator
from huntlake.kql.binding.columns import matching
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.parser import Parser


@dataclass(frozen=True)
class ProjectAwayOperator(Operator):
    """Every column but those named."""

    columns: tuple[nodes.Expression, ...]

    @classmethod
    def parse(cls, p: Parser) -> ProjectAwayOperator:
        start = p.previous
        return cls(p.list_of(p.wildcarded_name), span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        gone = {c.name for node in self.columns for c in matching(node, input, b)}
        return plan.Project(input, tuple(plan.Output(n, c) for n, c in b.columns_of(input).items() if n not in gone))


@dataclass(frozen=True)
class ProjectKeepOperator(Operator):
    """The columns named, in the order of the table."""

    columns: tuple[nodes.Expression, ...]

    @classmethod
    def parse(cls, p: Parser) -> ProjectKeepOperator:
        start = p.previous
        return cls(p.list_of(p.wildcarded_name), span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        kept = {c.name for node in self.columns for c in matching(node, input, b)}
        return plan.Project(input, tuple(plan.Output(n, c) for n, c in b.columns_of(input).items() if n in kept))
