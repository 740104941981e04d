"""How much one principal may ask, and how much runs at once."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol

from huntlake.core.clock import Clock
from huntlake.identity.throttle import Throttled

_MINUTE = timedelta(minutes=1)


class Api(Enum):
    """An API whose calls are counted for themselves."""

    LAKE = "lake"
    LOG_ANALYTICS = "Log Analytics"
    HUNTING = "hunting"
    """Defender's, and Microsoft Graph's."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one principal may ask of one API; 0 is without limit."""

    calls: int = 0
    within: timedelta = _MINUTE
    at_once: int = 0


AZURE: Mapping[Api, Allowance] = {
    Api.LAKE: Allowance(45),
    Api.LOG_ANALYTICS: Allowance(200, timedelta(seconds=30), at_once=5),
    Api.HUNTING: Allowance(45),
}
"""What the services of these names are said to allow."""


def allowance(api: Api, settings: LimitSettings) -> Allowance:
    """What the settings allow: their own numbers, and with the profile `azure` no more than the service does."""
    published = AZURE[api] if settings.rate_profile == "azure" else Allowance()
    own = settings.queries_per_principal
    at_once = min(filter(None, (own, published.at_once)), default=0)
    if settings.queries_per_minute:
        return Allowance(settings.queries_per_minute, _MINUTE, at_once)
    return replace(published, at_once=at_once)


class LimitSettings(Protocol):
    """The settings about how much may be asked."""

    @property
    def rate_profile(self) -> str: ...
    @property
    def queries_per_minute(self) -> int: ...
    @property
    def queries_per_principal(self) -> int: ...


class QueryLimits:
    """Counts each principal's queries of one API. Belongs to one event loop, so nothing here needs a lock."""

    def __init__(self, clock: Clock, allowed: Allowance) -> None:
        self._clock, self._allowed = clock, allowed
        self._started: dict[str, deque[datetime]] = {}
        self._running: Counter[str] = Counter()

    def count(self, principal: str) -> None:
        """Count one more query, or raise `Throttled` where it is one too many in that time."""
        calls, within = self._allowed.calls, self._allowed.within
        if not calls:
            return
        now = self._clock.now()
        times = self._started.setdefault(principal, deque())
        while times and times[0] <= now - within:
            times.popleft()
        if len(times) >= calls:
            told = "a minute" if within == _MINUTE else f"{within.total_seconds():.0f} seconds"
            raise Throttled(f"more than {calls} queries in {told} are not allowed", times[0] + within - now)
        times.append(now)

    @contextmanager
    def running(self, principal: str) -> Iterator[None]:
        """Hold one of the places that a principal has for queries that run at once."""
        most = self._allowed.at_once
        if most and self._running[principal] >= most:
            raise Throttled(f"more than {most} queries at the same time are not allowed", timedelta(seconds=5))
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
