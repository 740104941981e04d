"""The sentences of a report, each with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator

from huntlake.core.diagnostics import Span

_LINE = re.compile(r"[^\n]+")
_END = re.compile(r"(?<=[.!?])[\"'”’)\]]{0,2}\s+(?=[\"'“‘(\[]{0,2}[A-Z0-9])")
_ABBREVIATED = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|vs|cf|al|fig|no|inc|ltd|corp|co|u\.s|mr|ms|dr|approx|ver|v)|\b[A-Z])\.$", re.IGNORECASE
)
_LONGEST = 1_000
_EDGE = " \t\r*-•·#>|"


def sentences(text: str) -> list[Span]:
    """Where the sentences of a text stand; a line ends one, as headings, items of lists and cells have no full stop."""
    found = []
    for line in _LINE.finditer(text):
        for start, end in _split(line[0]):
            piece = line[0][start:end]
            start += len(piece) - len(piece.lstrip(_EDGE))
            end -= len(piece) - len(piece.rstrip(" \t\r|"))
            if start < end:
                found.append(Span(line.start() + start, line.start() + end))
    return found


def _split(line: str) -> Iterator[tuple[int, int]]:
    start = 0
    for end in _END.finditer(line):
        if _ABBREVIATED.search(line, max(start, end.start() - 12), end.start()):
            continue
        yield from _short(start, end.start())
        start = end.end()
    yield from _short(start, len(line))


def _short(start: int, end: int) -> Iterator[tuple[int, int]]:
    """What goes on without an end is cut: a sentence is evidence that a person reads."""
    for at in range(start, end, _LONGEST):
        yield at, min(at + _LONGEST, end)
