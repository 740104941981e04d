"""Turns among runs, and among writers."""

from __future__ import annotations

import asyncio
from threading import Thread
from time import sleep

from huntlake.playbooks.runs.lanes import Lane, Lanes
from huntlake.state.line import Line


def test_whoever_began_first_goes_on_first_although_others_came_before() -> None:
    async def all_of_it() -> list[str]:
        lanes, order, first = Lanes(1), list[str](), Lane(0.0)

        async def run(name: str, lane: Lane) -> None:
            async with lanes.turn(lane):
                order.append(name)
                await asyncio.sleep(0)

        async with lanes.turn(first):
            others = [asyncio.create_task(run(n, Lane(b))) for n, b in (("c", 3.0), ("a", 1.0), ("b", 2.0))]
            hog = Lane(0.5, used=10.0)
            others.append(asyncio.create_task(run("hog", hog)))
            await asyncio.sleep(0)
        await asyncio.gather(*others)
        return order

    assert asyncio.run(all_of_it()) == ["a", "b", "c", "hog"], "and whoever has had much comes behind"


def test_a_run_that_waits_for_others_is_in_nobodys_way() -> None:
    async def all_of_it() -> list[str]:
        lanes, order = Lanes(1), list[str]()
        go_on = asyncio.Event()

        async def calls(name: str, lane: Lane) -> None:
            async with lanes.turn(lane):
                async with asyncio.TaskGroup() as group:
                    for _ in range(3):
                        group.create_task(one(lane))
                order.append(name)

        async def one(lane: Lane) -> None:
            async with lanes.away(lane):
                await go_on.wait()

        waits = asyncio.create_task(calls("waits", Lane(0.0)))
        await asyncio.sleep(0.01)
        async with lanes.turn(Lane(1.0)):
            order.append("other")
        go_on.set()
        await waits
        async with lanes.turn(Lane(2.0)):
            order.append("last")
        return order

    assert asyncio.run(all_of_it()) == ["other", "waits", "last"]


def test_a_run_that_is_called_off_takes_no_turn_along() -> None:
    async def all_of_it() -> bool:
        lanes = Lanes(1)

        async def run(lane: Lane) -> None:
            async with lanes.turn(lane):
                await asyncio.sleep(10)

        first = asyncio.create_task(run(Lane(0.0)))
        await asyncio.sleep(0)
        waiting = [asyncio.create_task(run(Lane(float(n)))) for n in (1, 2)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        first.cancel()
        await asyncio.gather(first, waiting[0], return_exceptions=True)
        await asyncio.sleep(0)
        waiting[1].cancel()
        await asyncio.gather(waiting[1], return_exceptions=True)
        async with asyncio.timeout(1), lanes.turn(Lane()):
            return True

    assert asyncio.run(all_of_it())


def test_writers_get_their_turns_in_the_order_in_which_they_asked() -> None:
    line, order = Line(), list[int]()

    def write(number: int) -> None:
        with line:
            order.append(number)

    line.acquire()
    threads = []
    for number in range(20):
        threads.append(Thread(target=write, args=(number,)))
        threads[-1].start()
        while len(line._waiting) <= number:
            sleep(0.0005)
    line.release()
    for thread in threads:
        thread.join()
    assert order == list(range(20))
