"""The mistakes of one text, kept until it was read to its end."""

from __future__ import annotations

from huntlake.core.diagnostics import Diagnostic, Source, SourceError

MOST_TOLD = 10
"""As many mistakes are told at once."""


class Mistakes:
    """What is wrong with a text that is read on behind each mistake."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._found: list[Diagnostic] = []
        self._passed = 0

    @property
    def enough(self) -> bool:
        """Whether there are as many as are told."""
        return len(self._found) >= MOST_TOLD

    def hear(self, error: SourceError) -> None:
        """Keep an error for the end. What is said of a place that was passed over is no news."""
        self._found += [d for d in error.diagnostics if not self._found or d.span.start >= self._passed]

    def pass_over(self, end: int) -> None:
        """What stands before `end` was not read."""
        self._passed = end

    def tell(self) -> None:
        """Raise what was kept, if there is any."""
        if self._found:
            raise SourceError(self._source, *self._found[:MOST_TOLD])
