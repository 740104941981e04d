"""`T | parse [kind=simple|relaxed|regex [flags=…]] expression with * "text" column:type "text" *`, and `parse-where`"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from huntlake.kql import plan
from huntlake.kql.binding import Binder, Operator
from huntlake.kql.binding.conversions import convert, convertible
from huntlake.kql.functions.patterns import group_names
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.parser import Parser
from huntlake.kql.syntax.tokens import TokenKind
from huntlake.kql.types import ScalarType

Piece = str | nodes.ColumnDeclaration | None
"""Text that must stand there, a column that takes what stands there, or None for `*`."""

# What a number looks like, so that a column of that type takes digits only.
_SHAPES = {
    ScalarType.LONG: r"\s*[-+]?\d+",
    ScalarType.INT: r"\s*[-+]?\d+",
    ScalarType.REAL: r"\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?",
    ScalarType.DECIMAL: r"\s*[-+]?(?:\d+\.?\d*|\.\d+)",
    ScalarType.BOOL: r"(?i:true|false)",
}


_GROUPS = 9
_FLAGS = "imsU"


@dataclass(frozen=True)
class ParseOperator(Operator):
    """Columns cut out of a text by a pattern; where the pattern doesn't fit, they are null."""

    kind: str
    flags: str
    expression: nodes.Expression
    pieces: tuple[Piece, ...]

    only_matching: ClassVar[bool] = False

    @classmethod
    def parse(cls, p: Parser) -> ParseOperator:
        start = p.previous
        given = {name: str(value) for name, (value, _) in p.parameters("kind", "flags").items()}
        kind = given.get("kind", "simple")
        if kind not in ("simple", "relaxed", "regex"):
            p.fail("SEM0001", f"`{kind}` is no kind of parse", start.span, help="simple, relaxed, regex")
        flags = given.get("flags", "")
        if unknown := set(flags) - set(_FLAGS):
            p.refuse(f"`parse` with the flag `{min(unknown)}`", p.since(start), help=", ".join(_FLAGS))
        expression = p.expression()
        p.expect("with")
        pieces: list[Piece] = []
        while not p.at("|", ";", ")", "}") and p.current.kind is not TokenKind.END:
            pieces.append(_piece(p))
        return cls(kind, flags, expression, tuple(pieces), span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        text = b.scalar(self.expression, input)
        if not convertible(text.type, ScalarType.STRING):
            b.expected(ScalarType.STRING, text.type, self.expression.span)
        text = convert(text, ScalarType.STRING)
        columns = [p for p in self.pieces if isinstance(p, nodes.ColumnDeclaration)]
        pattern = plan.Literal(self._pattern(), ScalarType.STRING)
        values: list[plan.Scalar] = []
        for number, column in enumerate(columns, 1):
            # Engines number groups up to nine; a later one stands in a pattern of its own.
            own, regex = self._group(number), pattern
            if own > _GROUPS:
                own, regex = self._group(number, only=True), plan.Literal(self._pattern(number), ScalarType.STRING)
            group = b.call("extract", (regex, plan.Literal(own, ScalarType.LONG), text), self.span)
            values.append(convert(group, column.type))
        fits = b.call("matches regex", (text, pattern), self.span)
        outputs = {n: plan.Output(n, c) for n, c in b.columns_of(input).items()}
        relation = input
        if self.kind == "simple" or (self.only_matching and self.kind != "relaxed"):
            # One value that its type can't hold, and the whole pattern doesn't fit.
            typed = [v for v, c in zip(values, columns, strict=True) if c.type is not ScalarType.STRING]
            if typed:
                fits = b.call("and", (fits, *(b.call("isnotnull", (v,), self.span) for v in typed)), self.span)
                # Every column asks whether the pattern fits: it is matched in a step before.
                found = [plan.Output(f"~parsed{i}", v) for i, v in enumerate(values)]
                relation = plan.Project(input, (*outputs.values(), *found, plan.Output("~fits", fits)))
                fits = plan.ColumnRef("~fits", fits.type)
                values = [plan.ColumnRef(o.name, o.value.type) for o in found]
                nothing = [plan.Literal("" if v.type is ScalarType.STRING else None, v.type) for v in values]
                values = [b.call("iff", (fits, v, n), self.span) for v, n in zip(values, nothing, strict=True)]
        if self.only_matching:
            relation = plan.Filter(relation, fits)
        outputs |= {c.name: plan.Output(c.name, v) for c, v in zip(columns, values, strict=True)}
        return plan.Project(relation, tuple(outputs.values()))

    def _group(self, column: int, *, only: bool = False) -> int:
        """The number of a column's group; groups that the text's own expressions hold count as well."""
        columns = groups = 0
        for piece in self.pieces:
            if isinstance(piece, nodes.ColumnDeclaration):
                columns += 1
                groups += columns == column or not only
                if columns == column:
                    break
            elif isinstance(piece, str) and self.kind == "regex":
                groups += len(group_names(piece))
        return groups

    def _pattern(self, only: int | None = None) -> str:
        """The whole pattern as a regular expression; `only` makes a group of one column alone."""
        number = 0
        regex = self.kind == "regex"
        flags = self.flags if regex else "s"
        pieces = []
        for index, piece in enumerate(self.pieces):
            last = index == len(self.pieces) - 1
            # A regular expression takes as much as it can, unless its flags say otherwise.
            lazy = "" if last or regex else "?"
            match piece:
                case str():
                    pieces.append(piece if regex else re.escape(piece))
                case None:
                    pieces.append(f".*{lazy}")
                case nodes.ColumnDeclaration():
                    shape = None if regex or self.kind == "relaxed" else _SHAPES.get(piece.type)
                    number += 1
                    start = "(" if only in (None, number) else "(?:"
                    pieces.append(f"{start}{shape or f'.*{lazy}'})")
        return (f"(?{flags})" if flags else "") + "^" + "".join(pieces) + ("" if regex else "$")


@dataclass(frozen=True)
class ParseWhereOperator(ParseOperator):
    """As `parse`, but only the rows that the pattern fits."""

    only_matching: ClassVar[bool] = True


def _piece(p: Parser) -> Piece:
    if p.take("*"):
        return None
    if p.current.kind is TokenKind.STRING:
        text = str(p.advance().value)
        while p.current.kind is TokenKind.STRING:
            text += str(p.advance().value)
        return text
    start = p.name()
    type_ = p.type() if p.take(":") else ScalarType.STRING
    return nodes.ColumnDeclaration(start.text, type_, span=p.since(start))
