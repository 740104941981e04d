"""The files of a table, at one version, that may hold an answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path


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

    @property
    def read(self) -> int:
        """How many rows are read of it."""
        return self.rows if self.ranges is None else sum(last - first + 1 for first, last in self.ranges)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A table at one version; `version` is -1 where nothing has been written yet."""

    version: int
    files: tuple[DataFile, ...]
    schema: tuple[tuple[str, str], ...]
    """Every column's name and the SQL type that a query sees, in the order of the files."""

    @property
    def rows(self) -> int:
        return sum(f.rows for f in self.files)

    @property
    def bytes(self) -> int:
        return sum(f.bytes for f in self.files)


NOTHING = Snapshot(-1, (), ())


def within(files: Iterable[DataFile], since: datetime | None, until: datetime | None) -> tuple[DataFile, ...]:
    """The files whose times meet `since <= time <= until`; a file that doesn't know its times may hold anything."""
    low, high = _plain(since), _plain(until)
    return tuple(
        f
        for f in files
        if not (low is not None and f.until is not None and f.until < low)
        and not (high is not None and f.since is not None and f.since > high)
    )


def whole_day(day: date) -> tuple[datetime, datetime]:
    """The first and the last microsecond of a day."""
    start = datetime(day.year, day.month, day.day)
    # The year 9999 has no tomorrow.
    return start, start + timedelta(hours=23, minutes=59, seconds=59, microseconds=999_999)


def _plain(moment: datetime | None) -> datetime | None:
    """UTC without zone."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment is not None and moment.tzinfo else moment
