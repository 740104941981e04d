"""A lock that is given in the order in which it was asked for."""

from __future__ import annotations

from collections import deque
from threading import Lock


class Line:
    """Whoever waits stands in line. Any thread may release what another one has acquired.

    SQLite's own lock is given to whoever happens to look when it is free: under load some look for seconds.
    """

    def __init__(self) -> None:
        self._lock, self._held, self._waiting = Lock(), False, deque[Lock]()

    def acquire(self) -> None:
        """Wait until nobody before has it."""
        with self._lock:
            if not self._held:
                self._held = True
                return
            mine = Lock()
            mine.acquire()
            self._waiting.append(mine)
        mine.acquire()

    def release(self) -> None:
        """Give it to whoever has waited longest."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._held = False

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *error: object) -> None:
        self.release()
