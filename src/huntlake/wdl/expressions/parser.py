"""Strings of a definition to templates, by recursive descent.

Every string is a template: `@@…` is text, `@…` an expression, `…@{…}…` text with expressions in it, the rest is text.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NoReturn

from huntlake.core.diagnostics import Diagnostic, Source, SourceError, Span
from huntlake.wdl.expressions.lexer import UNREADABLE, Kind, Token, token
from huntlake.wdl.expressions.nodes import Access, Call, Expression, Interpolation, Literal, Template
from huntlake.wdl.expressions.values import LARGEST, SMALLEST

LONGEST = 131_072
"""How many characters an expression may have."""
DEEPEST = 64
"""How deep calls may nest."""
STEPS = 128
"""How many steps into one value may follow each other."""


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


class _Parser:
    def __init__(self, source: Source, at: int) -> None:
        if len(source.text) > LONGEST:
            message = f"an expression has at most {LONGEST:,} characters"
            raise SourceError(source, Diagnostic(UNREADABLE, message, Span(0, 1)))
        self.source = source
        self.next = token(source, at)
        self.depth = 0

    def whole(self) -> Expression:
        """One expression and nothing behind it."""
        read = self.expression()
        if self.next.kind is not Kind.END:
            self.fail("the expression ends before this", self.next)
        return read

    def closed(self) -> int:
        """Where the text goes on behind the `}`."""
        if self.next.kind is not Kind.MARK or self.next.text != "}":
            self.fail("a `}` was expected", self.next)
        return self.next.span.end

    def expression(self) -> Expression:
        self.depth += 1
        if self.depth > DEEPEST:
            self.fail(f"expressions nest at most {DEEPEST} deep", self.next)
        read = self.primary()
        for _ in range(STEPS):
            step = self.step(read)
            if step is None:
                break
            read = step
        else:
            self.fail(f"at most {STEPS} steps may follow each other", self.next)
        self.depth -= 1
        return read

    def step(self, parent: Expression) -> Expression | None:
        start = parent.span
        forgiving = self.at("?")
        if forgiving:
            self.take()
        if self.at("."):
            self.take()
            name = self.next
            if name.kind is not Kind.NAME:
                self.fail("a property's name was expected", name)
            self.take()
            return Access(parent, Literal(name.text, name.span), forgiving, start.to(name.span))
        if self.at("["):
            self.take()
            key = self.expression()
            end = self.expect("]")
            return Access(parent, key, forgiving, start.to(end.span))
        if forgiving:
            self.fail("a `.` or a `[` was expected behind the `?`", self.next)
        return None

    def primary(self) -> Expression:
        first = self.next
        match first.kind:
            case Kind.STRING:
                self.take()
                return Literal(first.text, first.span)
            case Kind.NUMBER:
                return self.number(first)
            case Kind.NAME:
                return self.call(first)
        self.fail("a value was expected", first)

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

    def call(self, name: Token) -> Expression:
        self.take()
        if not self.at("("):
            if name.text in _WORDS:
                return Literal(_WORDS[name.text], name.span)
            self.fail(f"`{name.text}` is a function's name, and its `(` is missing", name)
        self.take()
        arguments: list[Expression] = []
        if not self.at(")"):
            arguments.append(self.expression())
            while self.at(","):
                self.take()
                arguments.append(self.expression())
        end = self.expect(")")
        return Call(name.text, tuple(arguments), name.span.to(end.span))

    # -- tokens

    def at(self, mark: str) -> bool:
        return self.next.kind is Kind.MARK and self.next.text == mark

    def take(self) -> None:
        self.next = token(self.source, self.next.span.end)

    def expect(self, mark: str) -> Token:
        if not self.at(mark):
            self.fail(f"a `{mark}` was expected", self.next)
        taken = self.next
        self.take()
        return taken

    def fail(self, message: str, at: Token) -> NoReturn:
        raise SourceError(self.source, Diagnostic(UNREADABLE, message, at.span))


_WORDS = {"true": True, "false": False, "null": None}
