"""`T | fork [name =] (operators) [name =] (operators) …`"""

from __future__ import annotations

from dataclasses import dataclass

from huntlake.kql import plan
from huntlake.kql.binding import Binder, Operator, Result
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.parser import Parser
from huntlake.kql.syntax.tokens import TokenKind


@dataclass(frozen=True)
class Prong(nodes.Node):
    """One of the queries over the same rows."""

    name: str | None
    operators: tuple[nodes.QueryOperator, ...]

    @classmethod
    def parse(cls, p: Parser) -> Prong:
        start = p.current
        name = None
        if p.current.kind is TokenKind.NAME:
            name = p.name().text
            p.expect("=")
        return cls(name, p.subpipe(), span=p.since(start))


@dataclass(frozen=True)
class ForkOperator(Operator):
    """Several tables, each of them a query over the same rows."""

    prongs: tuple[Prong, ...]

    @classmethod
    def parse(cls, p: Parser) -> ForkOperator:
        start = p.previous
        prongs = [Prong.parse(p)]
        while p.at("(") or (p.current.kind is TokenKind.NAME and p.ahead().text == "="):
            prongs.append(Prong.parse(p))
        return cls(tuple(prongs), span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        found = []
        for prong in self.prongs:
            relation = b.pipe(prong.operators, input)
            found.append(Result(relation) if prong.name is None else Result(relation, name=prong.name))
        return b.several(found, self.span)
