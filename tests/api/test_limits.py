from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from huntlake.api.limits import Allowance, Api, IngestionLimits, Intake, QueryLimits, Turns, allowance, intake
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
            async with turns.turn("one"):
                order.append("second")

        async with turns.turn("one"):
            waiting = asyncio.create_task(second())
            await asyncio.sleep(0)
            with pytest.raises(Throttled):
                async with turns.turn("one"):
                    pass
            order.append("first")
        await waiting
        assert order == ["first", "second"]

    asyncio.run(go())


def test_who_waits_too_long_is_turned_away_and_leaves_no_trace() -> None:
    async def go() -> None:
        turns = Turns(at_once=1, waiting=1, patience=0.01)
        async with turns.turn("one"):
            for _ in range(2):
                with pytest.raises(Throttled):
                    async with turns.turn("one"):
                        pass
        async with turns.turn("one"):
            pass

    asyncio.run(go())


def held(turns: Turns, principal: str, order: list[str], until: asyncio.Event) -> asyncio.Task[None]:
    async def go() -> None:
        async with turns.turn(principal):
            order.append(principal)
            await until.wait()

    return asyncio.create_task(go())


def test_one_principal_does_not_hold_all_turns() -> None:
    async def go() -> None:
        turns, end = Turns(at_once=2, waiting=64), asyncio.Event()
        order: list[str] = []
        many = [held(turns, "many", order, end) for _ in range(10)]
        await asyncio.sleep(0)
        assert order == ["many"] * 2
        async with asyncio.timeout(1), turns.turn("few"):
            pass
        end.set()
        await asyncio.gather(*many)
        assert len(order) == 10

    asyncio.run(go())


def test_principals_that_wait_are_served_in_turn() -> None:
    async def go() -> None:
        turns, end = Turns(at_once=1, waiting=64), asyncio.Event()
        order: list[str] = []
        tasks = [held(turns, name, order, end) for name in "aabbbbcccc"]
        await asyncio.sleep(0)
        assert order == ["a", "b"]
        end.set()
        await asyncio.gather(*tasks)
        assert sorted(order[2:5]) == ["a", "b", "c"]

    asyncio.run(go())


def test_a_principal_that_asked_a_moment_ago_keeps_its_share_and_loses_it_later() -> None:
    async def go() -> None:
        now = 0.0
        turns = Turns(at_once=4, waiting=64, now=lambda: now)
        order: list[str] = []
        async with turns.turn("few"):
            pass
        ends = [asyncio.Event() for _ in range(5)]
        tasks = [held(turns, "many", order, end) for end in ends]
        await asyncio.sleep(0)
        assert len(order) == 2
        now = 60.0
        ends[0].set()
        await tasks[0]
        await asyncio.sleep(0)
        assert len(order) == 5
        for end in ends:
            end.set()
        await asyncio.gather(*tasks)

    asyncio.run(go())


def test_one_principal_does_not_fill_the_places_to_wait_in() -> None:
    async def go() -> None:
        turns, end = Turns(at_once=1, waiting=4), asyncio.Event()
        order: list[str] = []
        tasks = [held(turns, "many", order, end) for _ in range(5)]
        others = [held(turns, name, order, end) for name in "xyyy"]
        await asyncio.sleep(0)
        with pytest.raises(Throttled):
            async with turns.turn("many"):
                pass
        results = asyncio.gather(*others, return_exceptions=True)
        end.set()
        assert [type(r) for r in await results].count(Throttled) == 1
        await asyncio.gather(*tasks)

    asyncio.run(go())


def test_who_goes_away_while_it_waits_leaves_its_place_to_the_next() -> None:
    async def go() -> None:
        turns, end = Turns(at_once=1, waiting=9), asyncio.Event()
        order: list[str] = []
        first, gone, last = (held(turns, "one", order, end) for _ in range(3))
        await asyncio.sleep(0)
        end.set()
        gone.cancel()
        await asyncio.gather(first, last)
        assert order == ["one", "one"]
        assert gone.cancelled()
        async with turns.turn("one"):
            pass

    asyncio.run(go())


def test_each_rule_takes_so_many_requests_and_bytes_in_a_minute(clock: FixedClock) -> None:
    limits = IngestionLimits(clock, Intake(3, 100))
    limits.count("dcr-1", 60)
    with pytest.raises(Throttled, match="100 bytes"):
        limits.count("dcr-1", 41)
    limits.count("dcr-2", 41)
    clock.at += timedelta(seconds=20)
    limits.count("dcr-1", 40)
    limits.count("dcr-1", 0)
    with pytest.raises(Throttled, match="3 requests") as refused:
        limits.count("dcr-1", 0)
    assert refused.value.retry_after == timedelta(seconds=40)
    clock.at += timedelta(seconds=40)
    limits.count("dcr-1", 60)


def test_a_request_that_is_larger_than_a_minute_takes_is_taken_alone(clock: FixedClock) -> None:
    limits = IngestionLimits(clock, Intake(0, 10))
    limits.count("dcr-1", 11)
    with pytest.raises(Throttled):
        limits.count("dcr-1", 1)


def test_azure_monitors_figures_hold_with_azures_profile() -> None:
    def of(**given: Any) -> Intake:
        return intake(Settings(**given))

    assert of(rate_limits="azure") == of(host="0.0.0.0") == Intake(12_000, 2 << 30)
    assert of() == of(host="0.0.0.0", rate_limits="off") == Intake()
