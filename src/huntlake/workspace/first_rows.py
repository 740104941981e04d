"""Queries that want only the first rows of a table: the newest files are read first, and of most rows few columns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from huntlake.engines.duckdb.sources import snapshot_sql
from huntlake.lake.scanning import Places, file_and_row, in_order_of_reading
from huntlake.lake.snapshot import NOTHING, DataFile
from huntlake.workspace.table_sources import Reading

if TYPE_CHECKING:
    from huntlake.kql.compiler import CompiledTable, FirstRows, TableScan

Ask = Callable[[str], Iterable[int]]
"""Runs a SELECT of one column of numbers."""

FEW = 100_000
"""A query over no more rows than these is answered at once."""
STEP, GROWTH = 131_072, 4
"""The first are looked for among so many rows; if they aren't there, then among so many times as many."""
GAP = 2_048
"""Rows that lie closer together are read in one go, with those between them."""
STRETCHES = 32
"""So many stretches of rows are read of one file; of more, all between the first and the last."""

_EPOCH = datetime(1970, 1, 1)
_TICK = timedelta(microseconds=1)


def narrowed(table: CompiledTable, readings: Mapping[str, Reading], ask: Ask) -> Mapping[str, Reading]:
    """The readings, without many of the rows that the query's limits let through nowhere.

    Over these the query has an answer that it may have over all. Raises what `ask` raises.
    """
    found = dict(readings)
    for firsts in table.firsts:
        searched = [
            _Searched(scan, found[relation], _sure(found[relation], firsts))
            for relation, scan in zip(firsts.scans, firsts.found, strict=True)
        ]
        if sum(f.read for one in searched for f in one.sure) > FEW:
            for relation, one, rows in zip(firsts.scans, searched, _found(firsts, searched, ask), strict=True):
                found[relation] = one.only(rows)
    return found


@dataclass(frozen=True)
class _Period:
    """Times in microseconds since 1970, UTC, both ends within."""

    since: int
    until: int

    def meets(self, file: DataFile) -> bool:
        """Whether a file may have rows of it."""
        return _micros(file.since) <= self.until and _micros(file.until) >= self.since


@dataclass(frozen=True)
class _Searched:
    """A scan whose rows are looked for."""

    scan: TableScan
    """What is read to find them."""
    reading: Reading
    """What the query itself reads."""
    sure: Sequence[DataFile]
    """The files of which rows may be left out."""

    def sql(self, files: Sequence[DataFile], period: _Period | None, first: int) -> str:
        """The SELECT of the rows of some files and their places; the files are counted from `first`."""
        lake, scan = self.reading.lake, self.scan
        snapshot = replace(lake.snapshot, files=tuple(files)) if lake else NOTHING
        since, until = scan.since, scan.until
        if period is not None:
            since = _moment(max(period.since, _micros(since, period.since)))
            until = _moment(min(period.until, _micros(until, period.until)))
        places = Places(scan.columns[-1].name, first)
        return snapshot_sql(
            snapshot, scan.columns[:-1], scan.sql_names[:-1], since, until, places=places, extracted=scan.extracted
        )

    def only(self, rows: Mapping[Path, Sequence[int]]) -> Reading:
        """What the query reads where of the sure files only those rows are of use."""
        if not self.sure:
            return self.reading
        sure = {f.path for f in self.sure}
        files = []
        for file in self.reading.files:
            if file.path in rows:
                files.append(replace(file, ranges=_stretches(sorted(rows[file.path]))))
            elif file.path not in sure:
                files.append(file)
        return self.reading.of(files)


def _sure(reading: Reading, firsts: FirstRows) -> list[DataFile]:
    if reading.lake is None or not reading.lake.tells_places:
        return []
    if firsts.descending is None:
        return list(reading.files)
    # A row without a time is of no period. Ours lie in a partition of their own, others' may lie anywhere.
    return [f for f in reading.files if f.day is not None and not f.foreign]


def _found(firsts: FirstRows, searched: Sequence[_Searched], ask: Ask) -> list[dict[Path, list[int]]]:
    """For each scan the rows that were found, by their file: as many as are wanted, if there are so many."""
    found: list[dict[Path, list[int]]] = [defaultdict(list) for _ in searched]
    left = firsts.count
    periods: Iterable[_Period | None] = [None]
    if firsts.descending is not None:
        periods = _periods([f for one in searched for f in _clipped(one)], firsts.descending, STEP + 4 * firsts.count)
    for period in periods:
        counted: list[tuple[int, DataFile]] = []
        sources = {}
        for n, one in enumerate(searched):
            files = in_order_of_reading(f for f in one.sure if period is None or period.meets(f))
            sources[one.scan.relation] = one.sql(files, period, len(counted))
            counted += [(n, f) for f in files]
        for place in ask(firsts.sql(sources)):
            number, row = file_and_row(place)
            n, file = counted[number]
            found[n][file.path].append(row)
            left -= 1
        if left <= 0:
            break
    return found


def _clipped(one: _Searched) -> Iterator[tuple[int, int, int]]:
    """The first and last times of the sure files, as far as the scan reads them, and how many rows that may be."""
    for file in one.sure:
        since, until = _micros(file.since), _micros(file.until)
        low, high = max(since, _micros(one.scan.since, since)), min(until, _micros(one.scan.until, until))
        if low <= high:
            yield low, high, file.read * (high - low + 1) // (until - since + 1)


def _periods(files: Iterable[tuple[int, int, int]], descending: bool, step: int) -> Iterator[_Period]:
    """All times of files, in the order in which they are looked at: the first period has about `step` rows."""
    # Where the newest come first, time runs backwards here.
    spans = sorted((-high, -low, rows) if descending else (low, high, rows) for low, high, rows in files)
    at = spans[0][0] if spans else 0
    while spans:
        end = _reach(spans, at, step)
        yield _Period(-end, -at) if descending else _Period(at, end)
        spans = [s for s in spans if s[1] > end]
        at, step = max(end + 1, min((s[0] for s in spans), default=0)), step * GROWTH


def _reach(spans: Sequence[tuple[int, int, int]], at: int, rows: int) -> int:
    """Where about so many rows lie behind `at`, if the rows of each file lie evenly."""
    for first, last, own in spans:
        start = max(first, at)
        here = own * (last - start + 1) // (last - first + 1)
        if here > rows:
            return max(at, start + (last - start) * rows // here)
        rows -= here
    return max(last for _, last, _ in spans)


def _stretches(rows: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """The first and last of the rows that lie close together."""
    found = [(rows[0], rows[0])]
    for row in rows[1:]:
        low, high = found[-1]
        found[-1:] = [(low, row)] if row - high <= GAP else [(low, high), (row, row)]
    return tuple(found) if len(found) <= STRETCHES else ((rows[0], rows[-1]),)


def _micros(moment: datetime | None, unknown: int = 0) -> int:
    """Microseconds since 1970, UTC."""
    if moment is None:
        return unknown
    plain = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    return (plain - _EPOCH) // _TICK


def _moment(micros: int) -> datetime:
    return _EPOCH + micros * _TICK
