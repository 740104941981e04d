"""Management commands: the text before `<|` as tokens, and what may stand in it.

A command is words (`.show table`), names, literals, lists in parentheses, `with (name = value)`. What follows `<|` is a
query or data, which no lexer of ours may be asked to read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from huntlake.core.diagnostics import Source, Span
from huntlake.kql.syntax.cursor import Cursor
from huntlake.kql.syntax.literals import unescape
from huntlake.kql.syntax.tokens import Token, TokenKind
from huntlake.kql.types import ALIASES, Column

T = TypeVar("T")

_HEAD = re.compile(
    r"""(?: [hH]?@"(?:[^"]|"")*" | [hH]?@'(?:[^']|'')*' | "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*'
          | ```.*?``` | ~~~.*?~~~ | //[^\n]* | (?!<\|). )*""",
    re.X | re.S,
)
_WORDS = re.compile(r"\.[^\s|(\[<{]{0,60}(?:[ \t]+[A-Za-z][A-Za-z_-]{0,60}){0,3}")
_TYPES = {type: type.value for type in ALIASES.values()}


@dataclass(frozen=True, slots=True)
class Named:
    """A name in a command, and where it stands."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class TableDefinition:
    """`T (a:string, b:long)`."""

    name: Named
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class FunctionDefinition:
    """`F(a:long, T:(*)) { body }`; the texts are without the parentheses and the braces."""

    name: Named
    parameters: str
    body: str


@dataclass(frozen=True, slots=True)
class Tail:
    """What follows `<|`, and at which character of the command it begins."""

    text: str
    start: int


class CommandReader(Cursor):
    """Reads one command."""

    def __init__(self, source: Source) -> None:
        head = _HEAD.match(source.text)
        end = head.end() if head else 0
        # Errors point into the whole text, of which the lexer sees no more than the head.
        super().__init__(Source(source.text[:end], source.name))
        self.source = source
        self._end = end

    @property
    def words(self) -> Span:
        """The words that the command begins with, for an error that names it."""
        found = _WORDS.match(self.source.text)
        return Span(0, found.end() if found else 1)

    def word(self, word: str) -> bool:
        """Take a word of the command's own, such as `create-or-alter`, in any case; False where another stands here."""
        start = self.place
        for number, part in enumerate(re.findall(r"\.|-|[^.-]+", word)):
            token = self.current
            touches = number == 0 or token.start == self.previous.end
            if token.text.lower() != part or not touches or token.kind is TokenKind.STRING:
                self.back(start)
                return False
            self.advance()
        # `.show tables-of` is not `.show tables`.
        if self.at("-") and self.current.start == self.previous.end:
            self.back(start)
            return False
        return True

    def ended(self) -> bool:
        """Whether nothing is left but semicolons."""
        while self.take(";"):
            pass
        return self.current.kind is TokenKind.END and self._end == len(self.source.text)

    # -- names --------------------------------------------------------------------

    def named(self) -> Named:
        """A name: bare, quoted, or `['quoted']`; a bare one may hold hyphens and dots, as names of databases do."""
        start = self.current
        if start.kind is TokenKind.STRING:
            self.advance()
            return Named(str(start.value), start.span)
        if self.at("["):
            name = self.name()
            return Named(name.text, name.span)
        end = start.start
        while self.current.start == end and self._may_be_bare(self.current):
            end = self.advance().end
        if end == start.start:
            self.unexpected("a name")
        span = Span(start.start, end)
        return Named(self.source.text[span.start : span.end], span)

    def _may_be_bare(self, token: Token) -> bool:
        if token.kind is TokenKind.PUNCTUATION:
            return token.text in ("-", ".", "..")
        return token.kind not in (TokenKind.STRING, TokenKind.TYPED, TokenKind.END)

    def names(self) -> tuple[Named, ...]:
        """`(A, B, ['C d'])`."""
        return self._in_parentheses(self.named)

    # -- schemas ------------------------------------------------------------------

    def columns(self) -> tuple[Column, ...]:
        """`(a:string, ['b c']:long)`."""
        found = self._in_parentheses(self._column)
        seen: dict[str, Column] = {}
        for column, span in found:
            if column.name.lower() in seen:
                self.fail("SEM0001", f"two columns are named `{column.name}`", span)
            seen[column.name.lower()] = column
        return tuple(seen.values())

    def _column(self) -> tuple[Column, Span]:
        start = self.current
        name = self._plain_name()
        self.expect(":")
        token = self.current
        if token.kind is not TokenKind.NAME or token.text.lower() not in ALIASES:
            self.fail("SYN0002", f"`{token.text}` is not a type", token.span, help=", ".join(_TYPES.values()))
        self.advance()
        return Column(name, ALIASES[token.text.lower()]), self.since(start)

    def _plain_name(self) -> str:
        if self.current.kind is TokenKind.STRING:
            return str(self.advance().value)
        return self.name().text

    def definitions(self) -> tuple[TableDefinition, ...]:
        """`T (a:string), U (b:long)`."""
        found = [self._definition()]
        while self.take(","):
            found.append(self._definition())
        return tuple(found)

    def _definition(self) -> TableDefinition:
        return TableDefinition(self.named(), self.columns())

    # -- functions ----------------------------------------------------------------

    def function(self) -> FunctionDefinition:
        """`F(a:long) { … }`."""
        name = self._function_name()
        parameters = self._enclosed("(", ")")
        return FunctionDefinition(name, parameters.strip(), self._enclosed("{", "}"))

    def _function_name(self) -> Named:
        if self.current.kind is TokenKind.STRING:
            token = self.advance()
            return Named(str(token.value), token.span)
        token = self.name()
        return Named(token.text, token.span)

    def _enclosed(self, opening: str, closing: str) -> str:
        """The text between a bracket and the one that closes it, as it stands there."""
        start = self.expect(opening)
        depth = 1
        while depth:
            token = self.current
            if token.kind is TokenKind.END:
                self.unexpected(f"`{closing}`")
            if token.kind is TokenKind.PUNCTUATION:
                depth += (token.text == opening) - (token.text == closing)
            self.advance()
        return self.source.text[start.end : self.previous.start]

    # -- values -------------------------------------------------------------------

    def text(self) -> str:
        """A string."""
        token = self.current
        if token.kind is not TokenKind.STRING:
            self.unexpected("a string")
        self.advance()
        return str(token.value)

    def properties(self) -> dict[str, tuple[object, Span]]:
        """`with (name = value, …)`, by lower-case names; empty where there is no `with`."""
        found: dict[str, tuple[object, Span]] = {}
        if not self.take("with"):
            return found
        self.expect("(")
        while not self.take(")"):
            name = self._plain_name().lower()
            span = self.previous.span
            self.expect("=")
            if name in found:
                self.fail("SYN0002", f"the property `{name}` is given twice", span)
            found[name] = self._value(), span
            if not self.take(",") and not self.at(")"):
                self.unexpected("`,` or `)`")
        return found

    def _value(self) -> object:
        token = self.current
        if token.kind in (TokenKind.PUNCTUATION, TokenKind.END):
            self.unexpected("a value")
        self.advance()
        if token.text.lower() in ("true", "false"):
            return token.text.lower() == "true"
        return token.text if token.value is None else token.value

    def tail(self) -> Tail:
        """What follows `<|`."""
        text = self.source.text
        if self.current.kind is not TokenKind.END or not text.startswith("<|", self._end):
            self.unexpected("`<|`")
        start, self._end = self._end + 2, len(text)
        return Tail(text[start:], start)

    def _in_parentheses(self, item: Callable[[], T]) -> tuple[T, ...]:
        self.expect("(")
        found = [item()]
        while self.take(","):
            found.append(item())
        self.expect(")")
        return tuple(found)


def quoted_name(name: str) -> str:
    """A name as a command or a query can hold it: bare where that is enough."""
    # Bare, `true` is a value, whatever columns there are.
    bare = re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) and name.lower() not in ("true", "false")
    return name if bare else f"[{quoted_text(name)}]"


def quoted_text(text: str) -> str:
    """A string literal that means `text`."""
    meant = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    meant = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" if ord(c) < 0x10000 else c for c in meant)
    assert unescape(meant) == text
    return f'"{meant}"'
