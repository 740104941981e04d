"""A disk that takes its time: what waits for it is bounded, nobody is told too early, and queries go on."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Condition

import pytest

from huntlake.assembly.analytics import Analytics
from huntlake.core.clock import FixedClock
from huntlake.core.errors import Busy
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.geography import Nowhere
from huntlake.workspace.ingestion.streaming import Pace, Receipt
from huntlake.workspace.query import QueryOptions
from huntlake.workspace.workspaces import Workspace

SOC = Workspace("soc", "11111111-2222-3333-4444-555555555555")
PATIENCE = 20
"""Seconds after which a test that should go on is given up."""
MOST = 10_000


class Disk:
    """The disk below a folder; it keeps nothing while it hangs, and whoever asks it to waits."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._changed = Condition()
        self._hangs: Callable[[str], bool] | None = None
        self._waiting = 0
        for name in ("fsync", "fdatasync"):
            patch.setattr(os, name, self._slow(getattr(os, name)))

    def hang(self, where: Callable[[str], bool]) -> None:
        """Hang at files whose path fits."""
        with self._changed:
            self._hangs = where

    def go_on(self) -> None:
        with self._changed:
            self._hangs = None
            self._changed.notify_all()

    def wait_for(self, count: int = 1) -> None:
        """Until so many wait for the disk."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._waiting >= count, PATIENCE)

    def _slow(self, real: Callable[[int], None]) -> Callable[[int], None]:
        def sync(descriptor: int) -> None:
            path = os.readlink(f"/proc/self/fd/{descriptor}")
            with self._changed:
                self._waiting += 1
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._hangs is None or not self._hangs(path))
                self._waiting -= 1
            real(descriptor)

        return sync


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    made = Disk(monkeypatch)
    yield made
    made.go_on()


@pytest.fixture
def others(disk: Disk) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(12) as pool:
        yield pool
        disk.go_on()


@pytest.fixture
def lake(tmp_path: Path, disk: Disk) -> Iterator[Analytics]:
    pace = Pace(timedelta(hours=1), most=MOST, patience=timedelta(0))
    made = Analytics.over(
        tmp_path, Bounds(threads=1), Nowhere(), FixedClock(datetime(2026, 11, 21, 12, tzinfo=UTC)), pace=pace
    )
    bring(made, 0)
    made.streams.flush()
    bring(made, 1)
    yield made
    disk.go_on()
    made.close()


def bring(lake: Analytics, number: int, size: int = 10) -> Receipt:
    return lake.streams.append(SOC, "T_CL", [{"n": number, "s": "x" * size}])


def numbers(lake: Analytics) -> list[int]:
    (table,) = lake.queries.run(SOC, "T_CL | sort by n asc | project n", QueryOptions()).tables
    found: list[list[int]] = json.loads(b"[" + b",".join(table.json_rows()) + b"]")
    return [number for row in found for number in row]


def test_while_the_log_hangs_nobody_is_told_and_what_waits_is_bounded(
    lake: Analytics, disk: Disk, others: ThreadPoolExecutor
) -> None:
    disk.hang(lambda path: "/_log/" in path)
    waiting = [others.submit(bring, lake, n, 1_000) for n in range(2, 10)]
    disk.wait_for()
    # They are not seen before the disk has them, and those that were are.
    assert others.submit(numbers, lake).result(PATIENCE) == [0, 1]
    refused = 0
    for n in range(10, 20):
        try:
            others.submit(bring, lake, n, 9_000).result(PATIENCE)
        except Busy:
            refused += 1
    assert refused == 10
    assert not any(w.done() for w in waiting)
    disk.go_on()
    receipts = [w.result(PATIENCE) for w in waiting]
    assert len({r.number for r in receipts}) == 8
    assert numbers(lake) == list(range(10))


@pytest.mark.parametrize("place", ["_delta_log", "day"])
def test_while_a_move_hangs_batches_and_queries_go_on_as_long_as_there_is_room(
    lake: Analytics, disk: Disk, others: ThreadPoolExecutor, place: str
) -> None:
    inside = {"_delta_log": lambda p: "_delta_log" in p, "day": lambda p: p.endswith(".parquet")}[place]
    disk.hang(inside)
    moving: Future[None] = others.submit(lake.streams.flush)
    disk.wait_for()
    assert others.submit(bring, lake, 2, 1_000).result(PATIENCE).rows == 1
    assert others.submit(numbers, lake).result(PATIENCE) == [0, 1, 2]
    assert others.submit(bring, lake, 3, MOST - 2_000).result(PATIENCE).rows == 1
    with pytest.raises(Busy):
        others.submit(bring, lake, 4, 2_000).result(PATIENCE)
    assert not moving.done()
    disk.go_on()
    moving.result(PATIENCE)
    lake.streams.flush()
    bring(lake, 5, MOST - 2_000)
    assert numbers(lake) == [0, 1, 2, 3, 5]


def test_a_load_that_waits_for_the_disk_keeps_no_query_waiting(
    lake: Analytics, disk: Disk, others: ThreadPoolExecutor, tmp_path: Path
) -> None:
    file = tmp_path / "more.json"
    file.write_text('{"n": 7}\n{"n": 8}\n')
    disk.hang(lambda path: "_delta_log" in path)
    loading = others.submit(lake.ingestion.ingest, SOC, "T_CL", file)
    disk.wait_for()
    assert others.submit(numbers, lake).result(PATIENCE)[:2] == [0, 1]
    assert not loading.done()
    disk.go_on()
    loading.result(PATIENCE)
    assert numbers(lake) == [0, 1, 7, 8]
