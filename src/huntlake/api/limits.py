"""How much one principal may ask, and how much runs at once."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta

from huntlake.core.clock import Clock
from huntlake.identity.throttle import Throttled

_MINUTE = timedelta(minutes=1)


class QueryLimits:
    """Counts each principal's queries. Belongs to one event loop, so nothing here needs a lock."""

    def __init__(self, clock: Clock, *, per_minute: int, at_once: int) -> None:
        self._clock, self._per_minute, self._at_once = clock, per_minute, at_once
        self._started: dict[str, deque[datetime]] = {}
        self._running: Counter[str] = Counter()

    def count(self, principal: str) -> None:
        """Count one more query, or raise `Throttled` where it is one too many in a minute."""
        if not self._per_minute:
            return
        now = self._clock.now()
        times = self._started.setdefault(principal, deque())
        while times and times[0] <= now - _MINUTE:
            times.popleft()
        if len(times) >= self._per_minute:
            raise Throttled(
                f"more than {self._per_minute} queries in a minute are not allowed", times[0] + _MINUTE - now
            )
        times.append(now)

    @contextmanager
    def running(self, principal: str) -> Iterator[None]:
        """Hold one of the places that a principal has for queries that run at once."""
        if self._at_once and self._running[principal] >= self._at_once:
            raise Throttled(f"more than {self._at_once} queries at the same time are not allowed", timedelta(seconds=5))
        self._running[principal] += 1
        try:
            yield
        finally:
            self._running[principal] -= 1
            if not self._running[principal]:
                del self._running[principal]


class Turns:
    """A bounded number of queries at work, of all principals, and a bounded number that wait."""

    def __init__(self, *, at_once: int, waiting: int, patience: float = 60) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._most_waiting, self._patience = waiting, patience
        self._waiting = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn and hold it; `Throttled` where too many wait already, or it takes too long."""
        busy = Throttled("the server has as many queries as it can work on; try again later", timedelta(seconds=10))
        if self._free.locked():
            if self._waiting >= self._most_waiting:
                raise busy
            self._waiting += 1
            try:
                # Not `wait_for`: before Python 3.12 it may swallow that the client went away.
                async with asyncio.timeout(self._patience):
                    await self._free.acquire()
            except TimeoutError:
                raise busy from None
            finally:
                self._waiting -= 1
        else:
            await self._free.acquire()
        try:
            yield
        finally:
            self._free.release()
