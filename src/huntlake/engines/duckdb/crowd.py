"""Who asks at the same time, and whose queries are long: what tells which of them stand in the way of others."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

LATELY = 5.0
"""Seconds for which one who asked counts as one who asks."""

REMEMBERED = 60.0
"""Seconds for which one whose query stood in the way begins the next where it doesn't."""

_MOST_KNOWN = 1024


class Crowd:
    """Those who ask, each by a name; `` is nobody's, and stands in nobody's way."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._asked: dict[str, float] = {}
        self._long: dict[str, float] = {}

    def asks(self, owner: str) -> None:
        """One more question of that owner comes."""
        if owner:
            _noted(self._asked, owner, self._now())

    def was_long(self, owner: str) -> None:
        """A query of that owner stood in the way of others."""
        _noted(self._long, owner, self._now())

    def others_ask(self, owner: str) -> bool:
        """Whether a long query of that owner stands in the way of somebody."""
        since = self._now() - LATELY
        # Another thread may note one meanwhile.
        return bool(owner) and any(at >= since for one, at in tuple(self._asked.items()) if one != owner)

    def makes_way(self, owner: str) -> bool:
        """Whether a query of that owner is to begin where it stands in nobody's way."""
        long_at = self._long.get(owner)
        return long_at is not None and long_at >= self._now() - REMEMBERED and self.others_ask(owner)


def _noted(when: dict[str, float], owner: str, now: float) -> None:
    # To the end: the first is the one that was noted longest ago.
    when.pop(owner, None)
    when[owner] = now
    while len(when) > _MOST_KNOWN:
        when.pop(next(iter(when)), None)
