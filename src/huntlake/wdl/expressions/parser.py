"""Strings of a definition to templates, by recursive descent.

Every string is a template: `@@…` is text, `@…` an expression, `…@{…}…` text with expressions in it, the rest is text.
"""

from __future__ import annotations

from functools import lru_cache

from huntlake.core.diagnostics import Source
from huntlake.wdl.expressions.descent import Descent
from huntlake.wdl.expressions.lexer import UNREADABLE, Token
from huntlake.wdl.expressions.nodes import Call, Expression, Interpolation, Literal, Template
from huntlake.wdl.expressions.values import LARGEST, SMALLEST

LONGEST = 131_072
"""How many characters an expression may have."""


@lru_cache(maxsize=4096)
def template(text: str) -> Template:
    """What a string of a definition says. Raises `SourceError` where it can't be read."""
    if text.startswith("@@"):
        return text[1:]
    if text.startswith("@") and len(text) > 1 and text[1] != "{":
        return _Parser(Source(text, "expression"), 1).whole()
    return _interpolated(text) if "@{" in text else text


def expression(text: str) -> Expression:
    """An expression that stands without its `@`. Raises `SourceError` where it can't be read."""
    return _Parser(Source(text, "expression"), 0).whole()


def _interpolated(text: str) -> Template:
    source = Source(text, "expression")
    parts: list[str | Expression] = []
    at = 0
    while (start := text.find("@{", at)) >= 0:
        if start > at and text[start - 1] == "@":
            parts.append(text[at : start - 1] + "@{")
            at = start + 2
            continue
        if start > at:
            parts.append(text[at:start])
        parser = _Parser(source, start + 2)
        parts.append(parser.expression())
        at = parser.closed()
    parts.append(text[at:])
    if all(isinstance(p, str) for p in parts):
        return "".join(p for p in parts if isinstance(p, str))
    return Interpolation(tuple(p for p in parts if p != ""))


class _Parser(Descent):
    code, longest = UNREADABLE, LONGEST

    def whole(self) -> Expression:
        """One expression and nothing behind it."""
        read = self.expression()
        self.end()
        return read

    def closed(self) -> int:
        """Where the text goes on behind the `}`."""
        if not self.at("}"):
            self.fail("a `}` was expected", self.next)
        return self.next.span.end

    def step(self, parent: Expression) -> Expression | None:
        forgiving = self.taken("?")
        if self.taken("."):
            return self.property(parent, forgiving)
        if self.taken("["):
            return self.item(parent, forgiving)
        if forgiving:
            self.fail("a `.` or a `[` was expected behind the `?`", self.next)
        return None

    def number(self, first: Token) -> Expression:
        end, text = first.span.end, self.source.text
        # What sticks to a number, as in `1e` or `1e1.1`, would else be read as a step or as a name.
        if end < len(text) and (text[end].isalnum() or text[end] in "._"):
            self.fail("this is not a number", first)
        self.take()
        if any(c in first.text for c in ".eE"):
            return Literal(float(first.text), first.span)
        # Far more digits than fit are slow to read, too.
        value = int(first.text) if len(first.text) < 400 else LARGEST + 1
        if not SMALLEST <= value <= LARGEST:
            self.fail("the number is outside of 64 bits", first)
        return Literal(value, first.span)

    def call(self, first: Token) -> Expression:
        self.take()
        if not self.at("("):
            if first.text in _WORDS:
                return Literal(_WORDS[first.text], first.span)
            self.fail(f"`{first.text}` is a function's name, and its `(` is missing", first)
        arguments, end = self.arguments()
        return Call(first.text, arguments, first.span.to(end))


_WORDS = {"true": True, "false": False, "null": None}
