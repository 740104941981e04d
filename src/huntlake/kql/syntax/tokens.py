"""What the lexer hands to the parser."""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

from huntlake.core.diagnostics import Span


class TokenKind(Enum):
    """What a token is. Keywords are names: nearly every keyword of KQL is also a good column name."""

    NAME = auto()
    STRING = auto()
    LONG = auto()
    REAL = auto()
    TIMESPAN = auto()
    TYPED = auto()
    """A literal such as `datetime(2024-01-01)`, whose inside has a syntax of its own."""
    PUNCTUATION = auto()
    END = auto()


class Token(NamedTuple):
    """A piece of the text: `text` as it stands there, `value` as it is meant."""

    kind: TokenKind
    text: str
    start: int
    end: int
    value: object = None

    @property
    def span(self) -> Span:
        return Span(self.start, self.end)
