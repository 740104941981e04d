"""Threads for queries: how many there are, and which of them step back."""

from __future__ import annotations

import _thread
import os
import sys
import threading
from datetime import timedelta
from time import monotonic, sleep

import pytest

from huntlake.engines.duckdb.database import Bounds, Database
from huntlake.engines.duckdb.watch import LONG
from huntlake.engines.workers import BEHIND, Workers


def test_no_more_threads_work_than_there_may_be_and_all_work_is_done() -> None:
    workers = Workers(3)
    at_work, most = 0, 0
    lock = threading.Lock()

    def work(n: int) -> int:
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        sleep(0.005)
        with lock:
            at_work -= 1
        return n

    assert [f.result(10) for f in [workers.submit(work, n) for n in range(30)]] == list(range(30))
    assert 1 <= most <= 3
    workers.shutdown()


def test_a_failure_belongs_to_whoever_asked() -> None:
    workers = Workers(1)
    with pytest.raises(ZeroDivisionError):
        workers.submit(lambda: 1 // 0).result(10)
    assert workers.submit(lambda: 7).result(10) == 7
    workers.shutdown()
    with pytest.raises(RuntimeError):
        workers.submit(lambda: 7)


def test_work_that_waits_can_be_given_up() -> None:
    workers = Workers(1)
    begun, go = threading.Event(), threading.Event()

    def wait() -> bool:
        begun.set()
        return go.wait(10)

    first, second = workers.submit(wait), workers.submit(lambda: 7)
    assert begun.wait(10)
    workers.shutdown(cancel_futures=True)
    go.set()
    assert first.result(10)
    assert second.cancelled()


@pytest.mark.skipif(sys.platform != "linux", reason="a niceness is a whole process's there")
def test_the_thread_of_a_long_query_steps_back_and_is_replaced() -> None:
    database, workers = Database(bounds=Bounds(threads=1)), Workers(1)
    own = os.getpriority(os.PRIO_PROCESS, 0)

    def rank() -> tuple[int, int]:
        id = threading.get_native_id()
        return id, os.getpriority(os.PRIO_PROCESS, id)

    def read(seconds: float) -> tuple[int, int]:
        sql = "select md5(i::varchar) from range(100000000000) t(i)"
        with database.stream(sql, timeout=timedelta(minutes=1)) as rows:
            until = monotonic() + seconds
            for _ in rows:
                if monotonic() > until:
                    break
        return rank()

    assert workers.submit(rank).result(10)[1] == own
    long = workers.submit(read, 2 * LONG).result(30)
    assert long[1] == min(own + BEHIND, 19)
    until = monotonic() + 10
    while (later := workers.submit(rank).result(10))[0] == long[0] and monotonic() < until:
        sleep(0.01)
    assert later[1] == own
    workers.shutdown()
    database.close()


def test_a_thread_that_has_no_room_takes_no_place_and_keeps_no_work_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    workers = Workers(2)
    with monkeypatch.context() as full:
        full.setattr(_thread, "start_new_thread", _no_room)
        for _ in range(3):
            with pytest.raises(MemoryError):
                workers.submit(lambda: 1)
    assert [workers.submit(lambda: 2).result(10) for _ in range(3)] == [2, 2, 2]
    # With one at work the others' work waits for it.
    begun, go = threading.Event(), threading.Event()

    def long() -> bool:
        begun.set()
        return go.wait(10)

    first = workers.submit(long)
    begun.wait(10)
    with monkeypatch.context() as full:
        full.setattr(_thread, "start_new_thread", _no_room)
        second = workers.submit(lambda: 3)
    go.set()
    assert second.result(10) == 3
    assert first.result(10)
    workers.shutdown()


def _no_room(run: object, given: object) -> None:
    raise RuntimeError("can't start new thread")
