"""The thread that ends queries."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep

import pytest

from huntlake.engines.duckdb.watch import LONG, Watch
from huntlake.engines.workers import Workers


class Cursor:
    def __init__(self) -> None:
        self.interrupts = 0

    def interrupt(self) -> None:
        self.interrupts += 1


def until(what: Callable[[], object], seconds: float = 5.0) -> None:
    """Wait until `what` says yes."""
    ends = monotonic() + seconds
    while not what() and monotonic() < ends:
        sleep(0.005)


def test_a_short_limit_holds_although_the_thread_waits_for_a_long_one() -> None:
    watch, long, short = Watch(), Cursor(), Cursor()
    first = watch.over(long, 600)
    sleep(0.05)
    second = watch.over(short, 0.02)
    until(lambda: short.interrupts)
    second.over()
    first.over()
    assert short.interrupts
    assert not long.interrupts
    assert second.timed_out
    assert not first.timed_out


def test_an_interrupt_is_repeated_until_the_query_is_over_and_then_never_again() -> None:
    watch, cursor = Watch(), Cursor()
    watched = watch.over(cursor, 0)
    until(lambda: cursor.interrupts > 2)
    watched.over()
    seen = cursor.interrupts
    sleep(0.05)
    assert seen > 2
    assert cursor.interrupts == seen


def test_a_query_without_a_limit_that_is_cancelled_has_not_timed_out() -> None:
    watch, cursor = Watch(), Cursor()
    watched = watch.over(cursor, None)
    watched.cancel()
    until(lambda: cursor.interrupts)
    watched.over()
    assert cursor.interrupts
    assert not watched.timed_out


def test_a_thread_that_can_not_step_back_keeps_no_query_from_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.setpriority", refuses)
    watch, cursor = Watch(), Cursor()
    watched = watch.over(cursor, 2 * LONG)

    def work() -> None:
        with watched.working():
            until(lambda: cursor.interrupts)

    workers = Workers(1)
    done = workers.submit(work)
    done.result(10)
    watched.over()
    assert cursor.interrupts


def test_a_thread_that_never_begins_fails_the_query_and_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huntlake.engines.duckdb.watch.COMES_WITHIN", 0.05)
    with monkeypatch.context() as nothing_comes:
        nothing_comes.setattr("_thread.start_new_thread", lambda *_: 0)
        watch = Watch()
        with pytest.raises(MemoryError):
            watch.over(Cursor(), 1)
        assert not watch.busy
    sleep(0.06)
    watch.over(Cursor(), 1).over()


def test_where_no_thread_can_begin_the_query_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object) -> int:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("_thread.start_new_thread", refuses)
    watch = Watch()
    with pytest.raises(MemoryError):
        watch.over(Cursor(), 1)
    assert not watch.busy


def test_a_query_that_has_rows_makes_way_no_more() -> None:
    watch, cursor = Watch(), Cursor()
    watched = watch.over(cursor, 60, lambda: True)
    assert watched.stays()
    sleep(LONG + 0.2)
    watched.over()
    assert not cursor.interrupts
    assert not watched.made_way


def test_a_query_makes_way_as_soon_as_others_come() -> None:
    watch, cursor, others = Watch(), Cursor(), [False]
    watched = watch.over(cursor, 60, lambda: others[0])
    sleep(LONG + 0.1)
    assert not watched.made_way
    others[0] = True
    until(lambda: cursor.interrupts)
    assert watched.made_way
    assert not watched.stays()
    watched.over()
    assert not watched.timed_out
