"""`T | render kind [with (property = value, …)]`"""

from __future__ import annotations

from dataclasses import dataclass

from huntlake.kql import plan
from huntlake.kql.binding import Binder, Operator
from huntlake.kql.syntax.parser import Parser
from huntlake.kql.syntax.tokens import TokenKind

_KINDS = {
    "anomalychart",
    "areachart",
    "barchart",
    "card",
    "columnchart",
    "ladderchart",
    "linechart",
    "piechart",
    "pivotchart",
    "plotly",
    "scatterchart",
    "stackedareachart",
    "table",
    "timechart",
    "timepivot",
    "treemap",
    "graph",
}


@dataclass(frozen=True)
class RenderOperator(Operator):
    """How a person would like to see the table; the rows stay as they are."""

    passes_columns = True
    kind: str
    properties: tuple[tuple[str, object], ...]

    @classmethod
    def parse(cls, p: Parser) -> RenderOperator:
        start = p.previous
        kind = p.name()
        if kind.text not in _KINDS:
            p.fail("SEM0001", f"`{kind.text}` is no kind of visualization", kind.span, help=", ".join(sorted(_KINDS)))
        properties: list[tuple[str, object]] = []
        if p.take("with"):
            p.expect("(")
            while not p.take(")"):
                name = p.name().text
                p.expect("=")
                properties.append((name.lower(), _value(p)))
                if p.at(",") and not _at_property(p):
                    # `ycolumns = a, b`: a list of names.
                    names = [str(properties[-1][1])]
                    while p.at(",") and not _at_property(p):
                        p.advance()
                        names.append(p.name().text)
                    properties[-1] = (name.lower(), names)
                p.take(",")
        else:
            while p.current.kind is TokenKind.NAME and p.ahead().text == "=":
                name = p.advance().text
                p.advance()
                properties.append((name.lower(), _value(p)))
        return cls(kind.text, tuple(properties), span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        b.visualization = {"visualization": self.kind, **dict(self.properties)}
        return input


def _value(p: Parser) -> object:
    token = p.advance()
    if token.text in ("true", "false"):
        return token.text == "true"
    if token.text == "-" and p.current.value is not None:
        return f"-{p.advance().text}"
    return token.text if token.value is None else token.value


def _at_property(p: Parser) -> bool:
    return p.ahead(2).text == "="
