"""A way to end work that runs in another thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock


class Cancellation:
    """Once `cancel` is called, from any thread, the work that watches this ends soon after."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._cancelled = False
        self._watchers: list[Callable[[], None]] = []

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancelled

    def cancel(self) -> None:
        """End the work; calling it again changes nothing."""
        with self._lock:
            self._cancelled = True
            watchers, self._watchers = self._watchers, []
        for watcher in watchers:
            watcher()

    @contextmanager
    def watched(self, by: Callable[[], None]) -> Iterator[None]:
        """Call `by` when the work is cancelled within the block, or at once if it already is."""
        with self._lock:
            late = self._cancelled
            if not late:
                self._watchers.append(by)
        if late:
            by()
        try:
            yield
        finally:
            with self._lock:
                if by in self._watchers:
                    self._watchers.remove(by)
