"""The texts of a template to expressions, by recursive descent.

`[…]` is an expression, `[[…]` the text `[…]`, and anything else is text. Tokens and tree are those of workflows; what
differs is that names may have a namespace, and that the `?` of a step stands behind its mark: `.?name`, `[?index]`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NoReturn

from huntlake.core.diagnostics import Diagnostic, Source, SourceError, Span
from huntlake.wdl.expressions.lexer import Kind, Token, token
from huntlake.wdl.expressions.nodes import Access, Call, Expression, Literal

UNREADABLE = "ARM001"
LONGEST = 24_576
"""How many characters an expression may have, as in Azure."""
DEEPEST = 64
STEPS = 128


@lru_cache(maxsize=4096)
def template(text: str) -> str | Expression:
    """What a text of a template says: itself, or an expression. Raises `SourceError` where that can't be read."""
    if not (text.startswith("[") and text.endswith("]")):
        return text
    if text.startswith("[["):
        return text[1:]
    return _Parser(Source(text, "expression")).whole()


class _Parser:
    def __init__(self, source: Source) -> None:
        self.source, self.depth = source, 0
        if len(source.text) > LONGEST:
            message = f"an expression has at most {LONGEST:,} characters"
            raise SourceError(source, Diagnostic(UNREADABLE, message, Span(0, 1)))
        self.next = token(source, 1)

    def whole(self) -> Expression:
        read = self.expression()
        self.expect("]")
        if self.next.kind is not Kind.END:
            self.fail("the expression ends before this", self.next)
        return read

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
        if self.taken("."):
            forgiving = self.taken("?")
            name = self.name("a property's name was expected")
            return Access(parent, Literal(name.text, name.span), forgiving, start.to(name.span))
        if self.taken("["):
            forgiving = self.taken("?")
            key = self.expression()
            return Access(parent, key, forgiving, start.to(self.expect("]").span))
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
        if not first.text.lstrip("+-").isdecimal() or len(first.text) > 20:
            self.fail("only whole numbers of 64 bits can stand in an expression", first)
        self.take()
        return Literal(int(first.text), first.span)

    def call(self, first: Token) -> Expression:
        self.take()
        name, end = first.text, first.span
        if self.taken("."):
            member = self.name("the name of a function was expected behind its namespace")
            name, end = f"{name}.{member.text}", member.span
        if not self.at("("):
            self.fail(f"`{name}` is a function's name, and its `(` is missing", Token(Kind.NAME, name, first.span))
        self.take()
        arguments: list[Expression] = []
        if not self.at(")"):
            arguments.append(self.expression())
            while self.taken(","):
                arguments.append(self.expression())
        end = self.expect(")").span
        return Call(name, tuple(arguments), first.span.to(end))

    # -- tokens

    def at(self, mark: str) -> bool:
        return self.next.kind is Kind.MARK and self.next.text == mark

    def take(self) -> None:
        self.next = token(self.source, self.next.span.end)

    def taken(self, mark: str) -> bool:
        found = self.at(mark)
        if found:
            self.take()
        return found

    def name(self, wanted: str) -> Token:
        name = self.next
        if name.kind is not Kind.NAME:
            self.fail(wanted, name)
        self.take()
        return name

    def expect(self, mark: str) -> Token:
        if not self.at(mark):
            self.fail(f"a `{mark}` was expected", self.next)
        taken = self.next
        self.take()
        return taken

    def fail(self, message: str, at: Token) -> NoReturn:
        raise SourceError(self.source, Diagnostic(UNREADABLE, message, at.span))
