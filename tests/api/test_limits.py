from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from huntlake.api.limits import Allowance, Api, QueryLimits, Turns, allowance
from huntlake.core.clock import FixedClock
from huntlake.core.settings import Settings
from huntlake.identity.throttle import Throttled


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 3, 1, tzinfo=UTC))


def test_each_principal_is_counted_for_itself(clock: FixedClock) -> None:
    limits = QueryLimits(clock, Allowance(1))
    limits.count("one")
    limits.count("two")
    with pytest.raises(Throttled):
        limits.count("one")


def test_the_minute_slides(clock: FixedClock) -> None:
    limits = QueryLimits(clock, Allowance(2))
    limits.count("one")
    clock.at += timedelta(seconds=40)
    limits.count("one")
    with pytest.raises(Throttled) as refused:
        limits.count("one")
    assert refused.value.retry_after == timedelta(seconds=20)
    clock.at += timedelta(seconds=20)
    limits.count("one")


def test_the_profile_is_azures_unless_only_this_machine_can_ask() -> None:
    def of(api: Api, **given: Any) -> Allowance:
        return allowance(api, Settings(**given))

    assert of(Api.LAKE) == of(Api.LAKE, host="localhost") == Allowance(at_once=16)
    assert of(Api.LAKE, host="0.0.0.0") == of(Api.LAKE, rate_limits="azure") == Allowance(45, at_once=16)
    assert of(Api.LAKE, host="::", rate_limits="off") == Allowance(at_once=16)
    assert of(Api.LOG_ANALYTICS, host="10.0.0.1") == Allowance(200, timedelta(seconds=30), 5)
    assert of(Api.HUNTING, rate_limits="azure", queries_per_minute=7, queries_per_principal=0) == Allowance(7)


def test_each_api_has_its_own_time(clock: FixedClock) -> None:
    limits = QueryLimits(clock, Allowance(2, timedelta(seconds=30)))
    for _ in range(2):
        limits.count("one")
    with pytest.raises(Throttled, match="2 queries in 30 seconds"):
        limits.count("one")
    clock.at += timedelta(seconds=30)
    limits.count("one")


def test_places_are_given_back_also_after_an_error(clock: FixedClock) -> None:
    limits = QueryLimits(clock, Allowance(at_once=1))
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
