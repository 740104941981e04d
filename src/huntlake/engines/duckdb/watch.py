"""The thread that ends queries: at their time limit, or when they are cancelled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Thread
from time import monotonic
from typing import Any

from huntlake.engines.workers import Worker, this_worker

AGAIN = 0.01
"""Seconds between two interrupts of one query."""

LONG = 0.5
"""Seconds until a query lets the others go first."""

LINGER = 10.0
"""Seconds that the thread waits for another query to watch."""


class Watched:
    """One query, from its beginning to its end."""

    def __init__(self, watch: Watch, cursor: Any, seconds: float | None) -> None:
        self._watch = watch
        self.cursor = cursor
        self.ends_at = None if seconds is None else monotonic() + seconds
        self.long_at = monotonic() + LONG
        self.timed_out = False
        self.cancelled = False
        self.worker: Worker | None = None

    @contextmanager
    def working(self) -> Iterator[None]:
        """Within the block this thread computes for the query; if that is long, it steps back."""
        self.worker = this_worker()
        if self.worker is not None and monotonic() >= self.long_at:
            self.worker.step_back()
        try:
            yield
        finally:
            self.worker = None

    def cancel(self) -> None:
        """Interrupt the query now."""
        self.cancelled = True
        self._watch.wake()

    def over(self) -> None:
        """The query is done with, and its cursor may be closed: no interrupt comes after this."""
        self._watch.leave(self)


class Watch:
    """Interrupts the queries that are too long. One thread watches all: to start one costs as much as a small query."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._watched: set[Watched] = set()
        self._thread: Thread | None = None
        self._wakes_at = 0.0

    @property
    def busy(self) -> bool:
        """Whether any query is watched."""
        return bool(self._watched)

    def over(self, cursor: Any, seconds: float | None) -> Watched:
        """Watch what `cursor` runs, at most so many `seconds`; None is without limit."""
        watched = Watched(self, cursor, seconds)
        with self._changed:
            if self._thread is None:
                thread = Thread(target=self._run, name="huntlake-query-watch", daemon=True)
                try:
                    thread.start()
                except RuntimeError:
                    # Without its thread a query would have no end.
                    raise MemoryError("no memory is left for a thread") from None
                self._thread = thread
                self._watched.add(watched)
                return watched
            self._watched.add(watched)
            if min(watched.long_at, watched.ends_at or watched.long_at) < self._wakes_at:
                self._changed.notify()
        return watched

    def wake(self) -> None:
        """Look at all queries now."""
        with self._changed:
            self._changed.notify()

    def leave(self, watched: Watched) -> None:
        """Watch a query no more."""
        with self._changed:
            self._watched.discard(watched)

    def _run(self) -> None:
        with self._changed:
            while True:
                idle = not self._watched
                now = monotonic()
                self._wakes_at = min((self._ended(w, now) for w in self._watched), default=now + LINGER)
                self._changed.wait(min(self._wakes_at - now, LINGER))
                if idle and not self._watched:
                    self._thread = None
                    return

    def _ended(self, watched: Watched, now: float) -> float:
        """Interrupt a query whose time is over, and let a long one step back; when to look at it again."""
        ends_at = now + LINGER if watched.ends_at is None else watched.ends_at
        if not watched.cancelled and now < ends_at:
            if now < watched.long_at:
                return min(ends_at, watched.long_at)
            if (worker := watched.worker) is not None:
                worker.step_back()
            return ends_at
        watched.timed_out = not watched.cancelled
        # An interrupt that comes before the engine has begun is lost: ask until the query is over.
        watched.cursor.interrupt()
        return now + AGAIN
