"""`T | render kind [with (property = value, …)]`"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from huntlake.core.diagnostics import Span, did_you_mean
from huntlake.kql import plan
from huntlake.kql.binding import Binder, Operator
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.parser import Parser
from huntlake.kql.syntax.tokens import Token, TokenKind
from huntlake.kql.types import ScalarType

KINDS = (
    "3Dchart",
    "anomalychart",
    "areachart",
    "barchart",
    "card",
    "columnchart",
    "graph",
    "ladderchart",
    "linechart",
    "list",
    "piechart",
    "pivotchart",
    "plotly",
    "sankey",
    "scatterchart",
    "stackedareachart",
    "table",
    "timechart",
    "timeline",
    "timepivot",
    "treemap",
)
"""What a table can be drawn as."""

_TEXTS = ("title", "xtitle", "ytitle")
_NUMBERS = ("xmin", "xmax", "ymin", "ymax")
_COLUMNS = ("xcolumn", "ycolumns", "series", "anomalycolumns")
_WORDS: Mapping[str, tuple[str, ...]] = {
    "accumulate": ("true", "false"),
    "kind": ("default", "unstacked", "stacked", "stacked100", "map"),
    "legend": ("visible", "hidden"),
    "xaxis": ("linear", "log"),
    "yaxis": ("linear", "log"),
    "ysplit": ("none", "axes", "panels"),
}
PROPERTIES = tuple(sorted((*_TEXTS, *_NUMBERS, *_COLUMNS, *_WORDS)))
"""What can be said of a drawing."""

Value = nodes.Expression | tuple[Token, ...] | str


@dataclass(frozen=True)
class RenderOperator(Operator):
    """How a person would like to see the table; the rows stay as they are."""

    passes_columns = True
    kind: str
    properties: tuple[tuple[str, Value], ...]

    @classmethod
    def parse(cls, p: Parser) -> RenderOperator:
        start = p.previous
        kind = _kind(p)
        properties: dict[str, Value] = {}
        if p.take("with"):
            p.expect("(")
            while not p.take(")"):
                _property(p, properties)
                # The commas may be left out, and often are.
                p.take(",")
        else:
            while p.current.kind is TokenKind.NAME and p.ahead().text == "=":
                _property(p, properties)
            if p.take("by"):
                properties["series"] = _names(p)
        return cls(kind, tuple(properties.items()), span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        said = {name: _meant(name, value, input, b) for name, value in self.properties}
        b.visualization = {"visualization": self.kind, "isquerysorted": _in_order(input), **said}
        return input


def _kind(p: Parser) -> str:
    # `3Dchart` is a number and a name to the lexer, or a name, as the text goes on.
    token = p.current if p.current.kind is TokenKind.NAME else p.name()
    kind = next((k for k in KINDS if k.lower() == token.text.lower()), None)
    if kind is None:
        help = did_you_mean(token.text, KINDS) or ", ".join(KINDS)
        p.fail("SEM0001", f"`{token.text}` is no kind of visualization", token.span, help=help)
    p.advance()
    return kind


def _property(p: Parser, properties: dict[str, Value]) -> None:
    token = p.name()
    name = token.text.lower()
    if name not in PROPERTIES:
        help = did_you_mean(name, PROPERTIES) or ", ".join(PROPERTIES)
        p.fail("SYN0002", f"`{token.text}` is no property of a visualization", token.span, help=help)
    if name in properties:
        p.fail("SYN0002", f"the property `{token.text}` is given twice", token.span)
    p.expect("=")
    if name in _WORDS:
        properties[name] = _word(p, _WORDS[name])
    elif name in _COLUMNS:
        properties[name] = _names(p)
    else:
        properties[name] = p.expression()


def _word(p: Parser, known: tuple[str, ...]) -> str:
    token = p.advance()
    text = str(token.value) if token.kind is TokenKind.STRING else token.text
    if text.lower() not in known:
        p.fail("SYN0002", f"one of {', '.join(f'`{k}`' for k in known)} is expected here", token.span)
    return text.lower()


def _names(p: Parser) -> tuple[Token, ...]:
    """`a, ['b c']`: names up to the next property."""
    found = [_name(p)]
    while p.at(",") and p.ahead(2).text != "=":
        p.advance()
        found.append(_name(p))
    return tuple(found)


def _name(p: Parser) -> Token:
    # Some write a column's name in quotes.
    if p.current.kind is TokenKind.STRING:
        token = p.advance()
        return Token(TokenKind.NAME, str(token.value), token.start, token.end)
    return p.name()


def _meant(name: str, value: Value, input: plan.Relation, b: Binder) -> object:
    match value:
        case str():
            return value == "true" if name == "accumulate" else value
        case tuple():
            columns = [b.column(t.text, Span(t.start, t.end), input).name for t in value]
            return columns[0] if name == "xcolumn" and len(columns) == 1 else columns
    if name in _TEXTS:
        return b.constant_text(value)
    limit = b.constant(value)
    if isinstance(limit.value, int | float) and not isinstance(limit.value, bool) and limit.type in _MEASURED:
        return limit.value
    b.fail("SEM0024", f"`{name}` is a number", value.span, label=f"this is `{limit.type}`")


_MEASURED = (ScalarType.INT, ScalarType.LONG, ScalarType.REAL)


def _in_order(input: plan.Relation) -> bool:
    """Whether the rows come in an order that the query asked for."""
    while isinstance(input, plan.Filter | plan.Limit):
        input = input.input
    return isinstance(input, plan.Sort)
