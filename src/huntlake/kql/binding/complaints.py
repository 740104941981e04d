"""Several mistakes of one query, told together: what is wrong with one part doesn't hide what is wrong with another."""

from __future__ import annotations

from huntlake.core.diagnostics import Diagnostic, Source, SourceError

MOST = 10
"""As many mistakes are told; who has more begins with these."""


class Unsaid(SourceError):
    """Something can't be understood because something before it couldn't be: nobody wants to hear of it."""


class Complaints:
    """The mistakes that were found while binding goes on, and the names that mean nothing because of them."""

    def __init__(self) -> None:
        self._found: dict[tuple[Source, Diagnostic], None] = {}
        self.broken: set[str] = set()
        """Columns, and names of `let`, whose expression is wrong: what is said with them is not judged."""

    @property
    def enough(self) -> bool:
        """Whether there are as many as anyone wants to hear."""
        return len(self._found) >= MOST

    def __bool__(self) -> bool:
        return bool(self._found)

    def hear(self, error: SourceError, *names: str) -> None:
        """Keep what an error says; `names` mean nothing from now on."""
        for diagnostic in error.diagnostics:
            self._found[error.source, diagnostic] = None
        self.broken.update(name for name in names if name)

    def error(self, source: Source) -> SourceError:
        """All of it as one error, in order of place. Mistakes in `source` come before those in a function's text."""
        own = [d for s, d in self._found if s is source]
        if not own:
            source = next(s for s, _ in self._found)
            own = [d for s, d in self._found if s is source]
        return SourceError(source, *sorted(own, key=lambda d: d.span.start)[:MOST])
