"""How much one principal may ask, and how much runs at once."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from time import monotonic
from typing import Protocol

from huntlake.core.clock import Clock
from huntlake.identity.throttle import Throttled

_MINUTE = timedelta(minutes=1)
_LATELY_SECONDS = 5.0
"""A principal who asked so lately has a share of the turns: else a row of small queries would find them taken."""


class Api(Enum):
    """An API whose calls are counted for themselves."""

    LAKE = "lake"
    LOG_ANALYTICS = "Log Analytics"
    HUNTING = "hunting"
    """Defender's, and Microsoft Graph's."""
    TOOLS = "tools"
    """The tools for AI clients, whose questions the lake answers."""


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
    Api.TOOLS: Allowance(45),
}
"""What the services of these names are said to allow."""


@dataclass(frozen=True, slots=True)
class Intake:
    """What may come for one data collection rule in a minute; 0 is without limit."""

    calls: int = 0
    bytes: int = 0


AZURE_INTAKE = Intake(12_000, 2 << 30)
"""What Azure Monitor is said to take."""


def intake(settings: LimitSettings) -> Intake:
    """What the settings allow."""
    return AZURE_INTAKE if settings.rate_profile == "azure" else Intake()


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


class IngestionLimits:
    """Counts what comes for each data collection rule in a minute. Belongs to one event loop."""

    def __init__(self, clock: Clock, allowed: Intake) -> None:
        self._clock, self._allowed = clock, allowed
        self._taken: dict[str, tuple[deque[tuple[datetime, int]], int]] = {}

    def count(self, rule: str, size: int) -> None:
        """Count a request of so many bytes, or raise `Throttled` where it is one, or are some, too many."""
        most, calls = self._allowed.bytes, self._allowed.calls
        if not most and not calls:
            return
        now = self._clock.now()
        taken, total = self._taken.get(rule, (deque(), 0))
        while taken and taken[0][0] <= now - _MINUTE:
            total -= taken.popleft()[1]
        self._taken[rule] = taken, total
        too_many = calls and len(taken) >= calls
        if too_many or (most and taken and total + size > most):
            told = f"{calls:,} requests" if too_many else f"{most:,} bytes"
            raise Throttled(f"more than {told} in a minute are not allowed for one rule", taken[0][0] + _MINUTE - now)
        taken.append((now, size))
        self._taken[rule] = taken, total + size


class Turns:
    """Whose queries are at work, and whose wait. Belongs to one event loop, so nothing here needs a lock.

    A principal may have `at_once` at work, and as many as that divided by the principals who ask at the same time
    or did a moment ago, but at least one; of all principals there are at most twice as many. Those that wait are
    served in turn, one of each principal, and a principal that waits in vain keeps no other from waiting.
    """

    def __init__(
        self, *, at_once: int, waiting: int, patience: float = 90, now: Callable[[], float] = monotonic
    ) -> None:
        self._at_once, self._most_waiting, self._patience, self._now = at_once, waiting, patience, now
        self.most = 2 * at_once
        self._running: Counter[str] = Counter()
        self._asked: dict[str, float] = {}
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def turn(self, principal: str) -> AsyncIterator[None]:
        """Wait for a turn and hold it; `Throttled` where too many wait already, or it takes too long."""
        self._asked[principal] = self._now()
        if principal not in self._waiting and self._may_start(principal):
            self._running[principal] += 1
        else:
            await self._waited(principal)
        try:
            yield
        finally:
            self._asked[principal] = self._now()
            self._release(principal)

    async def _waited(self, principal: str) -> None:
        busy = Throttled("the server has as many queries as it can work on; try again later", timedelta(seconds=10))
        others = len(self._waiting.keys() - {principal})
        if len(self._waiting.get(principal, ())) >= self._most_waiting // (1 + others):
            raise busy
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(principal, deque()).append(place)
        try:
            # Not `wait_for`: before Python 3.12 it may swallow that the client went away.
            async with asyncio.timeout(self._patience):
                await place
        except BaseException as error:
            if place.done() and not place.cancelled():
                # The turn came in the moment in which nobody waited any more.
                self._release(principal)
            else:
                place.cancel()
                self._forget_gone(principal)
            if isinstance(error, TimeoutError):
                raise busy from None
            raise

    def _release(self, principal: str) -> None:
        self._running[principal] -= 1
        if not self._running[principal]:
            del self._running[principal]
        # Each round gives one turn to each principal that waits and may start.
        while any(self._served(waits) for waits in list(self._waiting)):
            pass

    def _served(self, principal: str) -> bool:
        if not self._may_start(principal):
            return False
        self._forget_gone(principal)
        places = self._waiting.get(principal)
        if not places:
            return False
        self._running[principal] += 1
        places[0].set_result(None)
        # To the end: the others come first when the next turn is free.
        self._waiting.move_to_end(principal)
        self._forget_gone(principal)
        return True

    def _forget_gone(self, principal: str) -> None:
        # Who went away is known to its place at once, and to its task only when that runs again.
        places = deque(p for p in self._waiting.get(principal, ()) if not p.done())
        if places:
            self._waiting[principal] = places
        else:
            self._waiting.pop(principal, None)

    def _may_start(self, principal: str) -> bool:
        return self._running.total() < self.most and self._running[principal] < self._share(principal)

    def _share(self, principal: str) -> int:
        lately = self._now() - _LATELY_SECONDS
        for gone in [p for p, at in self._asked.items() if at < lately]:
            del self._asked[gone]
        return max(1, self._at_once // len({principal, *self._asked, *self._running, *self._waiting}))
