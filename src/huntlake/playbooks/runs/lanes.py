"""Turns among the runs that go on: so many at once, and of those that wait whoever began first and has had least."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from time import monotonic


@dataclass
class Lane:
    """What one run has had of the turns."""

    began: float = field(default_factory=monotonic)
    used: float = 0.0
    """Seconds for which it had a turn."""
    since: float | None = None
    """When its present turn began; None where it has none."""
    outside: int = 0
    """How many of its calls are under way."""


class Lanes:
    """Gives runs turns, all on one loop. A run has none while it only waits for others."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._waiting: list[tuple[float, int, asyncio.Future[None], Lane]] = []
        self._numbers = count()

    @asynccontextmanager
    async def turn(self, lane: Lane) -> AsyncIterator[None]:
        """A turn for as long as the block lasts, but for what is `away` in it."""
        await self._enter(lane)
        try:
            yield
        finally:
            self._leave(lane)

    @asynccontextmanager
    async def away(self, lane: Lane) -> AsyncIterator[None]:
        """Others may go on meanwhile: the run waits for somebody. Calls of one run may be under way side by side."""
        lane.outside += 1
        if lane.outside == 1:
            self._leave(lane)
        try:
            yield
        finally:
            lane.outside -= 1
            if not lane.outside:
                await self._enter(lane)

    async def _enter(self, lane: Lane) -> None:
        if self._free > 0:
            self._begin(lane)
            return
        turn = asyncio.get_running_loop().create_future()
        # Whoever has had much comes behind those that began a little later.
        heappush(self._waiting, (lane.began + lane.used, next(self._numbers), turn, lane))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave(lane)
            raise

    def _begin(self, lane: Lane) -> None:
        self._free -= 1
        lane.since = monotonic()

    def _leave(self, lane: Lane) -> None:
        if lane.since is None:
            return  # it was broken off while it waited for its turn
        lane.used += monotonic() - lane.since
        lane.since = None
        self._free += 1
        while self._waiting and self._free > 0:
            *_, turn, other = heappop(self._waiting)
            if not turn.done():
                self._begin(other)
                turn.set_result(None)
