"""Text to tokens, one at a time: where an expression ends, ordinary text may go on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from huntlake.core.diagnostics import Diagnostic, Source, SourceError, Span

UNREADABLE = "WDL001"


class Kind(Enum):
    """What a token is."""

    STRING = auto()
    NUMBER = auto()
    NAME = auto()
    MARK = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """A token; a string's text has its quotes resolved."""

    kind: Kind
    text: str
    span: Span


_BLANKS = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r"'((?:[^']|'')*)'")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NAME = re.compile(r"[A-Za-z_$][\w$-]*")
_MARKS = frozenset("()[],.?}")


def token(source: Source, at: int) -> Token:
    """The first token at or behind `at`."""
    blanks = _BLANKS.match(source.text, at)
    start = blanks.end() if blanks else at
    if start >= len(source.text):
        return Token(Kind.END, "", Span(start, start))
    if match := _STRING.match(source.text, start):
        return Token(Kind.STRING, match[1].replace("''", "'"), Span(*match.span()))
    if match := _NUMBER.match(source.text, start):
        return Token(Kind.NUMBER, match[0], Span(*match.span()))
    if match := _NAME.match(source.text, start):
        return Token(Kind.NAME, match[0], Span(*match.span()))
    mark = source.text[start]
    if mark in _MARKS:
        return Token(Kind.MARK, mark, Span(start, start + 1))
    if mark == "'":
        raise SourceError(source, Diagnostic(UNREADABLE, "this text has no end", Span(start, len(source.text))))
    help = "texts stand between single quotes" if mark == '"' else ""
    raise SourceError(source, Diagnostic(UNREADABLE, f"`{mark}` can't stand here", Span(start, start + 1), help=help))
