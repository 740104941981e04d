from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from huntlake.api.limits import QueryLimits, Turns
from huntlake.core.clock import FixedClock
from huntlake.identity.throttle import Throttled


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 3, 1, tzinfo=UTC))


def test_each_principal_is_counted_for_itself(clock: FixedClock) -> None:
    limits = QueryLimits(clock, per_minute=1, at_once=0)
    limits.count("one")
    limits.count("two")
    with pytest.raises(Throttled):
        limits.count("one")


def test_the_minute_slides(clock: FixedClock) -> None:
    limits = QueryLimits(clock, per_minute=2, at_once=0)
    limits.count("one")
    clock.at += timedelta(seconds=40)
    limits.count("one")
    with pytest.raises(Throttled) as refused:
        limits.count("one")
    assert refused.value.retry_after == timedelta(seconds=20)
    clock.at += timedelta(seconds=20)
    limits.count("one")


def test_places_are_given_back_also_after_an_error(clock: FixedClock) -> None:
    limits = QueryLimits(clock, per_minute=0, at_once=1)
    for _ in range(3):
        with limits.running("one"), limits.running("two"), pytest.raises(Throttled), limits.running("one"):
            pass
        with pytest.raises(ZeroDivisionError), limits.running("one"):
            raise ZeroDivisionError


def test_who_comes_when_too_many_wait_is_turned_away() -> None:
    async def go() -> None:
        turns = Turns(at_once=1, waiting=1)
        order: list[str] = []

        async def second() -> None:
            async with turns.turn():
                order.append("second")

        async with turns.turn():
            waiting = asyncio.create_task(second())
            await asyncio.sleep(0)
            with pytest.raises(Throttled):
                async with turns.turn():
                    pass
            order.append("first")
        await waiting
        assert order == ["first", "second"]

    asyncio.run(go())


def test_who_waits_too_long_is_turned_away_and_leaves_no_trace() -> None:
    async def go() -> None:
        turns = Turns(at_once=1, waiting=1, patience=0.01)
        async with turns.turn():
            for _ in range(2):
                with pytest.raises(Throttled):
                    async with turns.turn():
                        pass
        async with turns.turn():
            pass

    asyncio.run(go())
