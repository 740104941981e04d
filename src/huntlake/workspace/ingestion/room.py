"""How much of what streams bring may wait in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from threading import Condition
from time import monotonic

from huntlake.core.errors import Busy

Key = tuple[str, str]
"""A workspace and a table."""

_TICK = 0.25


class Room:
    """Bytes of rows that wait to be moved into tables, at most twice `most` of them. Threads may share it.

    Tables that don't take their rows have a room of their own: what waits for them keeps nothing else from coming in.
    Whoever finds no room waits for `patience`; meanwhile `hurry` is called.
    """

    def __init__(self, most: int, patience: timedelta, hurry: Callable[[], None]) -> None:
        self._most = most
        self._patience = patience
        self._hurry = hurry
        self._changed = Condition()
        self._held: Counter[Key] = Counter()
        self._stalled: set[Key] = set()

    @property
    def pressed(self) -> bool:
        """Whether half of it is taken."""
        with self._changed:
            return self._moving() * 2 > self._most

    def take(self, sizes: Mapping[Key, int]) -> None:
        """Wait for room, and take it.

        :raises Busy: there was none
        """
        deadline = monotonic() + self._patience.total_seconds()
        with self._changed:
            while not self._fits(sizes):
                self._hurry()
                left = deadline - monotonic()
                if left <= 0:
                    raise Busy(
                        f"too many requests: {self._held.total():,} bytes wait to be moved into tables; "
                        "nothing of the batch was taken in"
                    )
                self._changed.wait(min(left, _TICK))
            self._held.update(sizes)

    def keep(self, sizes: Mapping[Key, int]) -> None:
        """Take room for what is there already, whether there is any or not."""
        with self._changed:
            self._held.update(sizes)

    def give_back(self, sizes: Mapping[Key, int]) -> None:
        """Leave room to others."""
        with self._changed:
            self._held.subtract(sizes)
            for key in [k for k in sizes if not self._held[k]]:
                del self._held[key]
            self._changed.notify_all()

    def stalls(self, key: Key, stalled: bool) -> None:
        """Say whether a table takes its rows."""
        with self._changed:
            (self._stalled.add if stalled else self._stalled.discard)(key)
            self._changed.notify_all()

    def _fits(self, sizes: Mapping[Key, int]) -> bool:
        size, moving = sum(sizes.values()), self._moving()
        if self._stalled & sizes.keys():
            stuck = self._held.total() - moving
            return not stuck or stuck + size <= self._most // 2
        if not moving:
            return self._held.total() + size <= 2 * self._most or not self._held
        return moving + size <= self._most and self._held.total() + size <= 2 * self._most

    def _moving(self) -> int:
        return sum(size for key, size in self._held.items() if key not in self._stalled)
