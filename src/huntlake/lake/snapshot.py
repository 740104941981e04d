"""The files of a table, at one version, that may hold an answer."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from huntlake.lake.paths import HotPath


@dataclass(frozen=True, slots=True)
class DataFile:
    """One Parquet file; rows lie in it by time. `since` and `until` are UTC without zone, inclusive.

    `ranges` are the rows to read, counted from 0, first and last of each; None is the whole file.
    """

    path: Path
    rows: int
    bytes: int
    since: datetime | None
    until: datetime | None
    columns: tuple[str, ...]
    """The columns that the file holds: a table may have got others since."""
    ranges: tuple[tuple[int, int], ...] | None = None
    foreign: bool = False
    """Whether another engine wrote it: its texts may be null."""
    day: date | None = None
    """The partition that it lies in: the day of all its times, or None where it has none."""
    hot: tuple[HotPath, ...] = ()
    """The paths whose values it keeps beside."""

    @property
    def read(self) -> int:
        """How many rows are read of it."""
        return self.rows if self.ranges is None else sum(last - first + 1 for first, last in self.ranges)


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is: files, rows of them, bytes."""

    files: int = 0
    rows: int = 0
    bytes: int = 0


NO_SIZE = Size()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A table at one version; `version` is -1 where nothing has been written yet."""

    version: int
    files: tuple[DataFile, ...]
    schema: tuple[tuple[str, str], ...]
    """Every column's name and the SQL type that a query sees, in the order of the files."""
    holds: Mapping[str, int] = field(default_factory=dict)
    """Of the writers that were asked about, up to which number of their logs the files hold the rows."""
    whole: Size = NO_SIZE
    """All that the table has at that version, of which `files` are those that may hold an answer."""

    @property
    def rows(self) -> int:
        return sum(f.rows for f in self.files)

    @property
    def bytes(self) -> int:
        return sum(f.bytes for f in self.files)


NOTHING = Snapshot(-1, (), ())


class Files:
    """All files of one version, in the order of their first times, found by time without a look at each."""

    def __init__(self, files: Iterable[DataFile]) -> None:
        self.all = tuple(sorted(files, key=lambda f: (f.since or datetime.min, f.path.name)))
        self._since = [f.since or datetime.min for f in self.all]
        # The latest time of a file and of all before it: this rises, which the files' own last times need not do.
        self._until: list[datetime] = []
        latest = datetime.min
        for file in self.all:
            latest = max(latest, file.until or datetime.max)
            self._until.append(latest)
        self.size = Size(len(self.all), sum(f.rows for f in self.all), sum(f.bytes for f in self.all))

    def within(self, since: datetime | None, until: datetime | None) -> tuple[DataFile, ...]:
        """The files whose times meet `since <= time <= until`; one that doesn't know its times may hold anything."""
        low, high = _plain(since), _plain(until)
        first = 0 if low is None else bisect_left(self._until, low)
        last = len(self.all) if high is None else bisect_right(self._since, high)
        if low is None:
            return self.all[first:last]
        return tuple(f for f in self.all[first:last] if f.until is None or f.until >= low)


def whole_day(day: date) -> tuple[datetime, datetime]:
    """The first and the last microsecond of a day."""
    start = datetime(day.year, day.month, day.day)
    # The year 9999 has no tomorrow.
    return start, start + timedelta(hours=23, minutes=59, seconds=59, microseconds=999_999)


def _plain(moment: datetime | None) -> datetime | None:
    """UTC without zone."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment is not None and moment.tzinfo else moment
