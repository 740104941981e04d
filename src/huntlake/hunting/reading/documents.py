"""A report as text, and the parts that its places are told by."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from huntlake.core.diagnostics import Span

LARGEST = 32 << 20
"""Bytes of a file."""

MOST_TEXT = 8 << 20
"""Characters of a report."""


class ReportFormat(StrEnum):
    """What a file is."""

    TEXT = "text"
    MARKDOWN = "Markdown"
    HTML = "HTML"
    PDF = "PDF"


@dataclass(frozen=True, slots=True)
class Part:
    """Where a page or a section of a report begins in its text, and what it is called: `page 3`, or its heading."""

    start: int
    name: str


@dataclass(frozen=True)
class Report:
    """What a file says. `remarks` tell what of it was not read, or not as it stands."""

    name: str
    format: ReportFormat
    text: str
    title: str = ""
    parts: tuple[Part, ...] = ()
    remarks: tuple[str, ...] = ()

    def place(self, span: Span) -> str:
        """The part and the line that a span of the text begins in, for people: `page 3, line 17`."""
        found = bisect_right(self.parts, span.start, key=lambda part: part.start) - 1
        line = bisect_left(self._ends, span.start) + 1
        if found < 0:
            return f"line {line}"
        part = self.parts[found]
        within = line - bisect_left(self._ends, part.start)
        return f"{part.name}, line {within}"

    @cached_property
    def _ends(self) -> list[int]:
        """Where its lines end: a list of indicators asks for thousands of places."""
        return [found.start() for found in re.finditer("\n", self.text)]
