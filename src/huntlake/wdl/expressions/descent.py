"""What recursive descent through expressions has in common, whoever's expressions they are.

Workflows and deployment templates write the same calls, literals and brackets; each reads its own steps and words.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, NoReturn

from huntlake.core.diagnostics import Diagnostic, Source, SourceError, Span
from huntlake.wdl.expressions.lexer import Kind, Token, token
from huntlake.wdl.expressions.nodes import Access, Expression, Literal

DEEPEST = 64
"""How deep calls may nest."""
STEPS = 128
"""How many steps into one value may follow each other."""


class Descent(ABC):
    """A place in a text, and what can be read from there on. Whatever can't be read raises `SourceError`."""

    code: ClassVar[str]
    """Of what is said where something can't be read."""
    longest: ClassVar[int]
    """How many characters a text may have."""

    def __init__(self, source: Source, at: int) -> None:
        if len(source.text) > self.longest:
            message = f"an expression has at most {self.longest:,} characters"
            raise SourceError(source, Diagnostic(self.code, message, Span(0, 1)))
        self.source, self.depth = source, 0
        self.next = token(source, at)

    @abstractmethod
    def step(self, parent: Expression) -> Expression | None:
        """A step into a value; None where none follows."""

    @abstractmethod
    def number(self, first: Token) -> Expression:
        """A number."""

    @abstractmethod
    def call(self, first: Token) -> Expression:
        """What begins with a name."""

    def expression(self) -> Expression:
        """One expression, with the steps behind it."""
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

    def primary(self) -> Expression:
        """An expression without steps."""
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

    def arguments(self) -> tuple[tuple[Expression, ...], Span]:
        """What stands between the brackets of a call, and where the last of them is."""
        self.expect("(")
        found: list[Expression] = []
        if not self.at(")"):
            found.append(self.expression())
            while self.taken(","):
                found.append(self.expression())
        return tuple(found), self.expect(")").span

    def property(self, parent: Expression, forgiving: bool) -> Expression:
        """The step to a property, behind its `.`."""
        name = self.name("a property's name was expected")
        return Access(parent, Literal(name.text, name.span), forgiving, parent.span.to(name.span))

    def item(self, parent: Expression, forgiving: bool) -> Expression:
        """The step to what a key or an index leads to, behind its `[`."""
        key = self.expression()
        return Access(parent, key, forgiving, parent.span.to(self.expect("]").span))

    # -- tokens

    def at(self, mark: str) -> bool:
        """Whether this mark is next."""
        return self.next.kind is Kind.MARK and self.next.text == mark

    def take(self) -> None:
        """Go on to the next token."""
        self.next = token(self.source, self.next.span.end)

    def taken(self, mark: str) -> bool:
        """Whether this mark was next; then it is taken."""
        found = self.at(mark)
        if found:
            self.take()
        return found

    def name(self, wanted: str) -> Token:
        """A name."""
        name = self.next
        if name.kind is not Kind.NAME:
            self.fail(wanted, name)
        self.take()
        return name

    def expect(self, mark: str) -> Token:
        """This mark and no other."""
        if not self.at(mark):
            self.fail(f"a `{mark}` was expected", self.next)
        taken = self.next
        self.take()
        return taken

    def end(self) -> None:
        """The end of the text."""
        if self.next.kind is not Kind.END:
            self.fail("the expression ends before this", self.next)

    def fail(self, message: str, at: Token) -> NoReturn:
        """Nothing can be made of this."""
        raise SourceError(self.source, Diagnostic(self.code, message, at.span))
