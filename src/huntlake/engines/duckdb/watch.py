"""The thread that ends queries: at their time limit, when they are cancelled, or when they have to make way."""

from __future__ import annotations

import _thread
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition
from time import monotonic
from typing import Any

from huntlake.engines.workers import COMES_WITHIN, Worker, this_worker

AGAIN = 0.01
"""Seconds between two interrupts of one query."""

LONG = 0.5
"""Seconds until a query lets the others go first."""

LINGER = 10.0
"""Seconds that the thread waits for another query to watch."""


class Watched:
    """One query, from its beginning to its end.

    `in_the_way` tells, until `stays` was called, whether it is to end because others wait.
    """

    def __init__(
        self, watch: Watch, cursor: Any, seconds: float | None, in_the_way: Callable[[], bool] | None = None
    ) -> None:
        self._watch = watch
        self.cursor = cursor
        self.ends_at = None if seconds is None else monotonic() + seconds
        self.long_at = monotonic() + LONG
        self.in_the_way = in_the_way
        self.timed_out = False
        self.cancelled = False
        self.made_way = False
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

    def stays(self) -> bool:
        """Whether the query may go on; from now on it makes way for nobody."""
        return self._watch.settle(self)

    def over(self) -> None:
        """The query is done with, and its cursor may be closed: no interrupt comes after this."""
        self._watch.leave(self)


class Watch:
    """Interrupts the queries that are too long. One thread watches all: to start one costs as much as a small query."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._watched: set[Watched] = set()
        self._there = False
        self._begun_at: float | None = None
        self._wakes_at = 0.0

    @property
    def busy(self) -> bool:
        """Whether any query is watched."""
        return bool(self._watched)

    def over(self, cursor: Any, seconds: float | None, in_the_way: Callable[[], bool] | None = None) -> Watched:
        """Watch what `cursor` runs, at most so many `seconds`; None is without limit.

        Raises `MemoryError` where there is no memory for the thread that watches.
        """
        watched = Watched(self, cursor, seconds, in_the_way)
        with self._changed:
            self._watched.add(watched)
            if not self._there and not self._comes():
                # Without its thread a query would have no end.
                self._watched.discard(watched)
                raise MemoryError("no memory is left for a thread")
            if min(watched.long_at, watched.ends_at or watched.long_at) < self._wakes_at:
                self._changed.notify_all()
        return watched

    def wake(self) -> None:
        """Look at all queries now."""
        with self._changed:
            self._changed.notify_all()

    def settle(self, watched: Watched) -> bool:
        """Whether a query need not make way; from now on it never does."""
        with self._changed:
            watched.in_the_way = None
            return not watched.made_way

    def leave(self, watched: Watched) -> None:
        """Watch a query no more."""
        with self._changed:
            self._watched.discard(watched)

    def _comes(self) -> bool:
        """Begin the thread, and wait until it is there."""
        now = monotonic()
        if self._begun_at is None or now - self._begun_at > COMES_WITHIN:
            try:
                # `Thread.start` would wait under the lock, and for ever where the thread finds no memory to begin.
                _thread.start_new_thread(self._run, ())
            except RuntimeError:
                return False
            self._begun_at = now
        return self._changed.wait_for(lambda: self._there, COMES_WITHIN)

    def _run(self) -> None:
        with self._changed:
            self._begun_at = None
            if self._there:
                return
            self._there = True
            self._changed.notify_all()
            while True:
                idle = not self._watched
                now = monotonic()
                self._wakes_at = min((self._ended(w, now) for w in self._watched), default=now + LINGER)
                self._changed.wait(min(self._wakes_at - now, LINGER))
                if idle and not self._watched:
                    self._there = False
                    return

    def _ended(self, watched: Watched, now: float) -> float:
        """Interrupt a query whose time is over, and let a long one step back; when to look at it again."""
        ends_at = now + LINGER if watched.ends_at is None else watched.ends_at
        if not watched.cancelled and not watched.made_way and now < ends_at:
            if now < watched.long_at:
                return min(ends_at, watched.long_at)
            if watched.in_the_way is None or not watched.in_the_way():
                if (worker := watched.worker) is not None:
                    worker.step_back()
                return ends_at if watched.in_the_way is None else min(ends_at, now + LONG)
            watched.made_way = True
        elif not watched.made_way:
            watched.timed_out = not watched.cancelled
        # An interrupt that comes before the engine has begun is lost: ask until the query is over.
        watched.cursor.interrupt()
        return now + AGAIN
