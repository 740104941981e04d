"""A place in the tokens of one text: looking, taking, and complaining there."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, TypeVar

from huntlake.core.diagnostics import Diagnostic, Source, SourceError, Span
from huntlake.kql.syntax.lexer import tokenize
from huntlake.kql.syntax.tokens import Token, TokenKind

T = TypeVar("T")


class Cursor:
    """The tokens of a text, and which of them is next."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._tokens = tokenize(source)
        self.place = 0
        """How many tokens are behind us. Plain, as `current` is."""
        self.current = self._tokens[0]
        """The next token. Plain, not computed: nothing is asked so often."""

    @property
    def previous(self) -> Token:
        return self._tokens[self.place - 1]

    def ahead(self, count: int = 1) -> Token:
        """The token `count` places after the current one."""
        return self._tokens[min(self.place + count, len(self._tokens) - 1)]

    def advance(self) -> Token:
        token = self.current
        if token.kind is not TokenKind.END:
            self.place += 1
            self.current = self._tokens[self.place]
        return token

    def back(self, at: int) -> None:
        """Make the token at a place, counted from 0, the current one again."""
        self.place, self.current = at, self._tokens[at]

    def skip(self, start: int, *marks: str) -> None:
        """Go on to one of `marks`, or to a bracket that closes, outside all brackets opened since the place `start`."""
        depth = 0
        for at in range(start, len(self._tokens)):
            token = self._tokens[at]
            if token.kind is TokenKind.PUNCTUATION:
                if at > start and at >= self.place and depth == 0 and token.text in (*marks, ")", "]", "}"):
                    break
                depth += (token.text in ("(", "[", "{")) - (token.text in (")", "]", "}"))
        self.back(at)

    def at(self, *texts: str) -> bool:
        """Whether the current token reads as one of `texts`."""
        token = self.current
        return token.text in texts and token.kind is not TokenKind.STRING

    def take(self, *texts: str) -> Token | None:
        """The current token where it reads as one of `texts`; it is then behind us."""
        token = self.current
        return self.advance() if token.text in texts and token.kind is not TokenKind.STRING else None

    def expect(self, text: str) -> Token:
        return self.take(text) or self.unexpected(f"`{text}`")

    def name(self) -> Token:
        """A name, bare or as `['a name']`."""
        if self.current.kind is TokenKind.NAME:
            return self.advance()
        if self.at("[") and self.ahead().kind is TokenKind.STRING and self.ahead(2).text == "]":
            start = self.advance()
            inside = self.advance()
            self.advance()
            return Token(TokenKind.NAME, str(inside.value), start.start, self.previous.end)
        self.unexpected("a name")

    def list_of(self, item: Callable[[], T]) -> tuple[T, ...]:
        """Items with commas between them; at least one."""
        items = [item()]
        while self.take(","):
            # Kusto lets a comma stand behind the last item of a list of declarations.
            if self.at(")"):
                break
            items.append(item())
        return tuple(items)

    def since(self, start: Token) -> Span:
        return Span(start.start, max(self.previous.end, start.start))

    def unexpected(self, wanted: str) -> NoReturn:
        """Say what is missing, and what stands there instead."""
        token = self.current
        found = "the end of the text" if token.kind is TokenKind.END else f"`{token.text}`"
        span = token.span if token.kind is not TokenKind.END else Span(max(0, token.start - 1), max(1, token.start))
        self.fail("SYN0002", f"{wanted} is missing here", span, label=f"found {found}")

    def fail(self, code: str, message: str, span: Span, *, label: str = "", help: str = "") -> NoReturn:
        raise SourceError(self.source, Diagnostic(code, message, span, label, help))

    def refuse(self, what: str, span: Span, help: str = "") -> NoReturn:
        """Say that something is Kusto's, but not ours."""
        self.fail("HL001", f"{what} is not supported", span, help=help)
