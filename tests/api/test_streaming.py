from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from threading import Event
from typing import Any

import pytest

from huntlake.api.limits import Turns
from huntlake.api.streaming import Streamed, StreamedLines, gathered, packed
from huntlake.core.errors import Cancelled
from huntlake.engines.cancellation import Cancellation
from huntlake.engines.workers import owner_of_work


def test_small_chunks_are_gathered_and_large_ones_pass() -> None:
    assert list(gathered(iter([b"a", b"b", b"cc", b"d", b"eeeee"]), 3)) == [b"abcc", b"deeeee"]
    assert list(gathered(iter([]), 3)) == []


def test_what_was_packed_unpacks() -> None:
    chunks = [bytes([i % 7]) * 100_000 for i in range(20)]
    assert zlib.decompress(b"".join(packed(iter(chunks))), wbits=31) == b"".join(chunks)


class Client:
    """A client that goes away when told to, or when it has enough."""

    def __init__(self, *, leaves_after: int | None = None) -> None:
        self.gone = asyncio.Event()
        self.messages: list[Any] = []
        self._leaves_after = leaves_after

    async def receive(self) -> Any:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.messages.append(message)
        if len(self.messages) == self._leaves_after:
            self.gone.set()
            await asyncio.sleep(0)


def answer(make: Any, client: Client, turns: Turns, pool: ThreadPoolExecutor) -> Any:
    response = Streamed(make, pool=pool, turns=turns, principal="one", place=nullcontext(), gzip=False)
    return response({"type": "http"}, client.receive, client.send)


def lines(work: Any, client: Client, turns: Turns, pool: ThreadPoolExecutor) -> Any:
    response = StreamedLines(
        work, str, pool=pool, turns=turns, principal="one", place=nullcontext(), headers={"X-Id": "7"}
    )
    return response({"type": "http"}, client.receive, client.send)


def sent(client: Client) -> list[bytes]:
    return [m["body"] for m in client.messages[1:] if m["body"]]


def test_lines_are_sent_while_the_work_goes_on_and_an_error_is_the_last() -> None:
    def work(cancellation: Cancellation, tell: Any) -> object:
        tell({"done": 1})
        assert owner_of_work() == "one"
        return {"all": 2}

    def failing(cancellation: Cancellation, tell: Any) -> object:
        tell({"done": 1})
        raise ValueError("no")

    async def go() -> None:
        for one, last in ((work, b'{"all":2}\n'), (failing, b'"no"\n')):
            client = Client()
            await lines(one, client, Turns(at_once=1, waiting=0), pool)
            assert sent(client) == [b'{"done":1}\n', last]
            assert (b"x-id", b"7") in client.messages[0]["headers"]
            assert not client.messages[-1]["more_body"]

    with ThreadPoolExecutor(1) as pool:
        asyncio.run(go())


def test_lines_end_with_their_work_when_the_client_leaves() -> None:
    ended = Event()

    def work(cancellation: Cancellation, tell: Any) -> object:
        stop = Event()
        with cancellation.watched(stop.set):
            tell({"done": 1})
            assert stop.wait(10)
        ended.set()
        raise Cancelled("stopped")

    async def go() -> None:
        client, turns = Client(leaves_after=2), Turns(at_once=1, waiting=0)
        await asyncio.wait_for(lines(work, client, turns, pool), 10)
        assert ended.is_set()
        async with turns.turn("one"):
            pass

    with ThreadPoolExecutor(1) as pool:
        asyncio.run(go())


def test_work_ends_when_the_client_leaves_before_the_first_row() -> None:
    ended = Event()

    def work(cancellation: Cancellation) -> Iterator[bytes]:
        stop = Event()
        with cancellation.watched(stop.set):
            asking.set()
            assert stop.wait(10)
        ended.set()
        raise Cancelled("stopped")
        yield b""

    async def go() -> None:
        client, turns = Client(), Turns(at_once=1, waiting=0)
        task = asyncio.create_task(answer(work, client, turns, pool))
        await asyncio.to_thread(asking.wait, 10)
        client.gone.set()
        await asyncio.wait_for(task, 10)
        assert ended.is_set()
        assert client.messages == []
        async with turns.turn("one"):
            pass

    asking = Event()
    with ThreadPoolExecutor(1) as pool:
        asyncio.run(go())


def test_work_ends_and_is_closed_when_the_client_leaves_on_the_way() -> None:
    closed = Event()
    made = 0

    def work(cancellation: Cancellation) -> Iterator[bytes]:
        nonlocal made
        try:
            for _ in range(10_000):
                made += 1
                yield b"x" * 100_000
        finally:
            closed.set()

    async def go() -> None:
        client = Client(leaves_after=4)
        await asyncio.wait_for(answer(work, client, Turns(at_once=1, waiting=0), pool), 10)
        assert client.messages[0]["status"] == 200
        assert client.messages[-1].get("more_body", True)

    with ThreadPoolExecutor(1) as pool:
        asyncio.run(go())
    assert closed.is_set()
    assert made < 100


def test_no_more_is_made_than_the_client_takes() -> None:
    made = 0

    def work(cancellation: Cancellation) -> Iterator[bytes]:
        nonlocal made
        for _ in range(1000):
            made += 1
            yield b"x" * 100_000

    async def go() -> None:
        class Slow(Client):
            async def send(self, message: Any) -> None:
                await super().send(message)
                assert made <= len(self.messages) + 1

        await asyncio.wait_for(answer(work, Slow(leaves_after=20), Turns(at_once=1, waiting=0), pool), 10)

    with ThreadPoolExecutor(1) as pool:
        asyncio.run(go())


def test_an_error_before_the_first_chunk_is_raised_and_nothing_sent() -> None:
    def work(cancellation: Cancellation) -> Iterator[bytes]:
        raise ValueError("early")
        yield b""

    async def go() -> None:
        client = Client()
        with pytest.raises(ValueError, match="early"):
            await answer(work, client, Turns(at_once=1, waiting=0), pool)
        assert client.messages == []

    with ThreadPoolExecutor(1) as pool:
        asyncio.run(go())


def test_each_step_is_work_for_the_one_who_asks() -> None:
    owners = []

    def work(_: Cancellation) -> Iterator[bytes]:
        for _step in range(3):
            owners.append(owner_of_work())
            yield b"x" * (1 << 17)

    async def go() -> None:
        await answer(work, Client(), Turns(at_once=1, waiting=0), pool)

    with ThreadPoolExecutor(2) as pool:
        asyncio.run(go())
    assert owners == ["one"] * 3
