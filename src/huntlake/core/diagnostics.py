"""Where something went wrong in a text, and how to show it to a person."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of characters, `start <= i < end`, in one source text."""

    start: int
    end: int

    def to(self, other: Span) -> Span:
        """The span from the start of this one to the end of `other`."""
        return Span(self.start, other.end)


NOWHERE = Span(0, 0)


@dataclass(frozen=True, slots=True)
class Source:
    """A text that a person wrote, and the name they know it by."""

    text: str
    name: str = "query"

    def position(self, offset: int) -> tuple[int, int]:
        """The 1-based line and column of the character at `offset`."""
        begins = _lines(self.text)
        line = bisect_right(begins, offset)
        return line, offset - begins[line - 1] + 1

    def offset(self, line: int, column: int) -> int:
        """Where the character at a 1-based line and column is; the other way round than `position`."""
        return _lines(self.text)[line - 1] + column - 1

    def line(self, number: int) -> str:
        """The text of one line, 1-based."""
        begins = _lines(self.text)
        end = begins[number] - 1 if number < len(begins) else len(self.text)
        return self.text[begins[number - 1] : end].rstrip("\r")


@lru_cache(maxsize=4)
def _lines(text: str) -> tuple[int, ...]:
    """Where each line begins. Of a long text with much to say about it, this is asked thousands of times."""
    return (0, *(found.end() for found in re.finditer("\n", text)))


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One thing that is wrong: what, where, and what would help."""

    code: str
    message: str
    span: Span
    label: str = ""
    help: str = ""

    def render(self, source: Source) -> str:
        """The caret picture: the message, the line, and a mark under the place."""
        line, column = source.position(self.span.start)
        text = source.line(line)
        # One long line would push the mark out of sight: show what stands around it.
        first = max(0, column - 1 - _BEFORE) if len(text) > _WIDTH else 0
        shown = text[first : first + _WIDTH]
        column -= first
        width = max(1, min(self.span.end - self.span.start, len(shown) - column + 1))
        gutter = " " * len(str(line))
        # A tab before the mark is kept, so that the mark stands where the eye expects it.
        before = "".join("\t" if c == "\t" else " " for c in shown[: column - 1])
        lines = [
            f"error[{self.code}]: {self.message}",
            f"{gutter}--> {source.name}:{line}:{column + first}",
            f"{gutter} |",
            f"{line} | {shown}".rstrip(),
            f"{gutter} | {before}{'^' * width} {self.label}".rstrip(),
        ]
        return "\n".join(lines + [f"{gutter} = help: {self.help}"] * bool(self.help))


_WIDTH, _BEFORE = 160, 60


class SourceError(Exception):
    """A text that can't be understood; `str()` of it shows each place with a caret."""

    def __init__(self, source: Source, *diagnostics: Diagnostic) -> None:
        super().__init__(source, *diagnostics)
        self.source = source
        self.diagnostics = diagnostics

    def __str__(self) -> str:
        return "\n\n".join(d.render(self.source) for d in self.diagnostics)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The words "did you mean `Account`?", or nothing where no known name is close."""
    names = list(known)
    by_case = {n.lower(): n for n in names}
    if name.lower() in by_case:
        return f"did you mean `{by_case[name.lower()]}`? Names are case-sensitive"
    # Comparing with every one of thousands of names is slow; those of a like length suffice.
    like = [n for n in names if abs(len(n) - len(name)) <= 3] if len(names) > 300 else names
    close = get_close_matches(name, like, n=1)
    return f"did you mean `{close[0]}`?" if close else ""
