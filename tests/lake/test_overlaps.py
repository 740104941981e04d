"""Which files are sorted into one another: it ends, and what comes late costs little."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huntlake.lake.maintenance.overlaps import overlapping
from huntlake.lake.snapshot import DataFile

DAY = datetime(2026, 11, 1)
SLACK = timedelta(minutes=1)
SIZE = 100


def file(name: str, first: float, last: float, size: int = SIZE) -> DataFile:
    """A file that holds the times from one minute of a day to another."""
    since, until = (DAY + timedelta(minutes=m) for m in (first, last))
    return DataFile(Path(name), 1, size, since, until, (), day=DAY.date())


def shared(files: Sequence[DataFile]) -> list[timedelta]:
    """How much time each two of them share."""
    return [
        min(a.until, b.until) - max(a.since, b.since)
        for a, b in combinations(files, 2)
        if a.since and a.until and b.since and b.until
    ]


class Day:
    """The files of a day, sorted into one another as long as there is something to do."""

    def __init__(self, files: Sequence[DataFile] = ()) -> None:
        self.files = list(files)
        self.rewritten = 0
        self._count = 0

    def sort(self, least: float = 0.0) -> int:
        """How many times it was looked at until nothing was left to do."""
        for turn in range(1000):
            groups = list(overlapping(self.files, SLACK, least))
            if not groups:
                return turn
            for group in groups:
                self._replace(group)
        raise AssertionError("it doesn't end")

    def _replace(self, group: list[DataFile]) -> None:
        moved = {f.path for f in group}
        self.files = [f for f in self.files if f.path not in moved]
        size = sum(f.bytes for f in group)
        self.rewritten += size
        since = min(f.since for f in group if f.since)
        minutes = (max(f.until for f in group if f.until) - since) / timedelta(minutes=1)
        start, step = (since - DAY) / timedelta(minutes=1), minutes / len(group)
        for i in range(len(group)):
            self._count += 1
            self.files.append(
                file(f"new{self._count}", start + i * step, start + (i + 1) * step - 0.001, size // len(group))
            )


spans = st.tuples(st.floats(0, 1440), st.floats(0, 300)).map(lambda s: (s[0], s[0] + s[1]))


@given(st.lists(spans, max_size=25))
def test_once_sorted_no_two_files_share_more_than_a_little(found: list[tuple[float, float]]) -> None:
    day = Day([file(f"f{i}", *span) for i, span in enumerate(found)])
    assert day.sort() <= 1
    assert all(s <= SLACK + timedelta(seconds=1) for s in shared(day.files))


@given(st.lists(spans, max_size=25), st.floats(0, 1))
def test_with_a_bound_it_ends_too(found: list[tuple[float, float]], least: float) -> None:
    Day([file(f"f{i}", *span) for i, span in enumerate(found)]).sort(least)


@pytest.mark.parametrize("seed", range(3))
def test_an_old_day_that_is_filled_bit_by_bit_is_written_a_few_times_only(seed: int) -> None:
    dice = random.Random(seed)
    day, come = Day(), 300
    for i in range(come):
        first = dice.uniform(0, 1000)
        day.files.append(file(f"f{i}", first, dice.uniform(first + 30, 1440)))
        day.sort(1 / 4)
    assert day.rewritten < 10 * SIZE * come
    # At any time few files hold it.
    for minute in range(0, 1440, 60):
        at = DAY + timedelta(minutes=minute)
        assert sum(f.since <= at <= f.until for f in day.files if f.since and f.until) < come / 4


def test_what_comes_a_little_late_is_left() -> None:
    assert list(overlapping([file("a", 0, 60), file("b", 59.5, 120), file("c", 120, 121)], SLACK)) == []


def test_a_file_across_many_waits_for_others_when_there_is_a_bound() -> None:
    hours = [file(f"h{i}", 60 * i, 60 * i + 59.9) for i in range(24)]
    late = [file(f"l{i}", 0, 1440) for i in range(4)]
    assert [len(g) for g in overlapping([*hours, late[0]], SLACK)] == [25]
    assert list(overlapping([*hours, late[0]], SLACK, 1 / 8)) == []
    # Meanwhile they are sorted into one another.
    assert [len(g) for g in overlapping([*hours, *late[:2]], SLACK, 1 / 8)] == [2]
    assert [len(g) for g in overlapping([*hours, *late], SLACK, 1 / 8)] == [28]
