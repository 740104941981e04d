"""Files into few that are well sized, in the order of time, also one after another, and never of two days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import accumulate, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from huntlake.core.errors import Invalid, LimitExceeded
from huntlake.lake.forms import TIME, Form, StoredColumn, identifier, literal
from huntlake.lake.maintenance.lock import alone
from huntlake.lake.maintenance.overlaps import overlapping
from huntlake.lake.paths import HotPath
from huntlake.lake.paths import fields as beside
from huntlake.lake.scanning import escaped
from huntlake.lake.snapshot import DataFile
from huntlake.lake.table import LakeTable
from huntlake.lake.writing import WrittenFile, copy, flush

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Aim:
    """How large files shall be: at most about so many rows, and so many bytes."""

    rows: int = 1_500_000
    bytes: int = 192 * 2**20
    crowd: int = 8
    """So many small files of one hour that is over are written as one, though their day isn't over yet."""
    slack: timedelta = timedelta(minutes=1)
    """Files of a day that share so much time stay as they are: what comes a little late isn't worth the work."""

    def settled(self, file: DataFile) -> bool:
        """Whether a file is good as it is: one of ours, and large enough."""
        return not file.foreign and (2 * file.rows >= self.rows or 2 * file.bytes >= self.bytes)


AIM = Aim()

_MOST_IN_MEMORY = 30_000_000


@dataclass(frozen=True, slots=True)
class Rewriting:
    """Files of one day to be written anew, as so many `pieces`."""

    day: date | None
    files: tuple[DataFile, ...]
    pieces: int


@dataclass(frozen=True, slots=True)
class Compacted:
    """What came of it."""

    files_before: int = 0
    files_after: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    rows: int = 0
    skipped: int = 0
    """Rewritings that came to nothing, because someone else had taken a file away meanwhile."""

    def __add__(self, other: Compacted) -> Compacted:
        return Compacted(*(getattr(self, n) + getattr(other, n) for n in self.__slots__))


def planned(
    files: Iterable[DataFile],
    now: datetime,
    aim: Aim = AIM,
    quiet: timedelta = timedelta(),
    paths: Collection[HotPath] = (),
    most: int | None = None,
    least: float = 0.0,
) -> list[Rewriting]:
    """What there is to write anew, at the time `now` (UTC without zone).

    A day that is over gets as few files as it can have, unless one came in the last `quiet`: more may follow.
    Today's hours that are over are written as one file each, where many have piled up. Files of such a day that are
    good as they are, but hold the same times, are sorted into one another, where `overlapping` says so of `least`. A
    file that lacks one of the hot `paths` is written anew by itself. Of those that are sorted, and of those that lack
    a path, the newest come first, and of all no more than `most` bytes.

    Done again and again, it comes to an end: no step makes more files of those that are good, and each makes fewer of
    them, or leaves less time that two of them share.
    """
    days: dict[date | None, list[DataFile]] = defaultdict(list)
    settled: dict[date | None, list[DataFile]] = defaultdict(list)
    for file in files:
        (settled if aim.settled(file) else days)[file.day].append(file)
    found = _sorted_anew(settled, now, aim, quiet, most, least)
    moved = {f.path for r in found for f in r.files}
    lacking = [
        f
        for day, alike in settled.items()
        for f in alike
        if lacks(f, paths) and f.path not in moved and (day != now.date() or _is_over(f, now))
    ]
    for day, loose in days.items():
        if day == now.date():
            found += _hours(day, loose, now, aim)
        elif (len(loose) > 1 or any(f.foreign for f in loose)) and _is_quiet(loose, quiet):
            found.append(_rewriting(day, loose, aim))
        else:
            lacking += [f for f in loose if lacks(f, paths)]
    lacking.sort(key=lambda f: f.day or date.min, reverse=True)
    sizes = accumulate(f.bytes for f in lacking)
    found += [_rewriting(f.day, [f], aim) for f, sum_ in zip(lacking, sizes, strict=True) if not most or sum_ <= most]
    return sorted(found, key=lambda r: r.day or date.min)


def lacks(file: DataFile, paths: Collection[HotPath]) -> bool:
    """Whether a file has nothing of one of the paths beside."""
    return not set(paths).issubset(file.hot)


def compact(
    table: LakeTable,
    scratch: Path,
    now: datetime,
    *,
    aim: Aim = AIM,
    quiet: timedelta = timedelta(),
    most: int | None = None,
    least: float = 0.0,
    memory: str = "2GB",
    threads: int | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Compacted:
    """Write anew what `planned` says; each rewriting is a commit of its own. `progress` hears of bytes, of how many.

    What is written has the table's hot paths beside. `most` and `least` bound what is done for files that are large
    enough already, if anything does.

    The old files stay until `vacuum` deletes them: what reads them goes on. `Conflict` if another process does it.
    """
    done = Compacted()
    if not table.exists:
        return done
    with alone(table.folder):
        plan = planned(table.snapshot().files, now, aim, quiet, table.hot_paths(), most, least)
        if not plan:
            return done
        total = sum(f.bytes for r in plan for f in r.files)
        with TemporaryDirectory(prefix="compact-", dir=scratch) as spill:
            connection = _engine(Path(spill), memory, threads)
            try:
                for rewriting in plan:
                    if stopped():
                        break
                    done += _rewrite(table, connection, rewriting, _beyond(progress, done.bytes_before, total), stopped)
            finally:
                connection.close()
        progress(total, total)
    return done


def _beyond(progress: Callable[[int, int], None], before: int, total: int) -> Callable[[int], None]:
    return lambda done: progress(before + done, total)


def _sorted_anew(
    days: Mapping[date | None, Sequence[DataFile]],
    now: datetime,
    aim: Aim,
    quiet: timedelta,
    most: int | None,
    least: float,
) -> list[Rewriting]:
    """Files that hold the same times, of days that are over and quiet: the newest first, no more than `most` bytes."""
    found: list[Rewriting] = []
    size = 0
    for day in sorted((d for d in days if d and d < now.date()), reverse=True):
        groups = list(overlapping(days[day], aim.slack, least))
        if not groups or not _is_quiet(days[day], quiet):
            continue
        for group in groups:
            size += sum(f.bytes for f in group)
            # One that is too large by itself would never be done.
            if found and most and size > most:
                return found
            found.append(_rewriting(day, group, aim, len(group)))
    return found


def _hours(day: date, files: Iterable[DataFile], now: datetime, aim: Aim) -> Iterable[Rewriting]:
    hours: dict[int, list[DataFile]] = defaultdict(list)
    for file in files:
        if file.since is not None and _is_over(file, now):
            hours[file.since.hour].append(file)
    return [_rewriting(day, loose, aim) for _, loose in sorted(hours.items()) if len(loose) >= aim.crowd]


def _is_over(file: DataFile, now: datetime) -> bool:
    """Whether the hour of a file's last row is over."""
    return file.until is not None and file.until < now.replace(minute=0, second=0, microsecond=0)


def _is_quiet(files: Iterable[DataFile], quiet: timedelta) -> bool:
    if not quiet:
        return True
    from time import time

    latest = max((f.path.stat().st_mtime for f in files if f.path.exists()), default=0.0)
    return time() - latest >= quiet.total_seconds()


def _rewriting(day: date | None, files: Sequence[DataFile], aim: Aim, most: int | None = None) -> Rewriting:
    rows, size = sum(f.rows for f in files), sum(f.bytes for f in files)
    pieces = max(1, -(-rows // aim.rows), -(-size // aim.bytes))
    return Rewriting(day, tuple(files), min(pieces, most or pieces))


def _engine(spill: Path, memory: str, threads: int | None) -> duckdb.DuckDBPyConnection:
    import duckdb

    connection = duckdb.connect(config={"memory_limit": memory, "temp_directory": str(spill)})
    connection.execute("set TimeZone = 'UTC'")
    if threads:
        connection.execute(f"set threads = {threads}")
    return connection


def _rewrite(
    table: LakeTable,
    connection: duckdb.DuckDBPyConnection,
    rewriting: Rewriting,
    progress: Callable[[int], None],
    stopped: Callable[[], bool],
) -> Compacted:
    import duckdb

    size = sum(f.bytes for f in rewriting.files)

    schema, paths, written = table.columns(), table.hot_paths(), list[WrittenFile]()
    try:
        rows = _rows(rewriting.files, schema, paths)
        expected = _count(connection, rows)
        pieces = _pieces(connection, rows, expected, rewriting, schema)
        for i, piece in enumerate(pieces):
            if stopped():
                table.discard(written)
                return Compacted()
            progress(size * i // len(pieces))
            file = copy(connection, piece, schema, table.folder, rewriting.day, paths, indexed=table.indexed)
            written += [file] if file else []
        if sum(f.rows for f in written) != expected:
            raise Invalid(f"`{table.folder.name}`: {expected:,} rows were read and {_total(written):,} written")
        flush([table.folder / f.path for f in written], table.folder)
    except BaseException as error:
        table.discard(written)
        if isinstance(error, duckdb.OutOfMemoryException):
            raise LimitExceeded(f"`{table.folder.name}`: compaction needs more memory than it may have") from error
        if isinstance(error, duckdb.Error):
            raise Invalid(f"`{table.folder.name}` can't be compacted: {str(error).splitlines()[0]}") from error
        raise
    # From here on nobody can know whether the log names the files, whatever goes wrong: they stay.
    if not table.exchange(rewriting.files, written, same_rows=True):
        table.discard(written)
        return Compacted(skipped=1)
    return Compacted(len(rewriting.files), len(written), size, _size(written), expected)


def _pieces(
    connection: duckdb.DuckDBPyConnection,
    rows: str,
    count: int,
    rewriting: Rewriting,
    schema: Sequence[StoredColumn],
) -> list[str]:
    """A SELECT for each new file: its rows in the order of time."""
    if not any(c.name == TIME for c in schema):
        return [rows]
    time = identifier(TIME)
    order = "" if _in_order(rewriting.files) else f" order by {time}"
    if rewriting.pieces == 1 or rewriting.day is None:
        return [rows + order]
    shares = ", ".join(str(i / rewriting.pieces) for i in range(1, rewriting.pieces))
    # The exact ones need all times in memory.
    quantiles = "quantile_disc" if count <= _MOST_IN_MEMORY else "approx_quantile"
    found = connection.execute(f"select {quantiles}(epoch_us({time}), [{shares}]) from ({rows})").fetchall()
    cuts = sorted(set(found[0][0]))
    low = [f"{time} > make_timestamptz({c})" for c in cuts]
    high = [f"{time} <= make_timestamptz({c})" for c in cuts]
    tests = [high[0], *(f"{a} and {b}" for a, b in zip(low[:-1], high[1:], strict=True)), low[-1]]
    return [f"select * from ({rows}) where {test}{order}" for test in tests]


def _in_order(files: Sequence[DataFile]) -> bool:
    """Whether files, one after another, are in the order of time as they are: each is by itself, if it is ours."""
    if any(f.foreign or f.since is None or f.until is None for f in files) or len({f.columns for f in files}) > 1:
        return False
    return all(a.until <= b.since for a, b in pairwise(files) if a.until and b.since)


def _rows(files: Sequence[DataFile], schema: Sequence[StoredColumn], paths: Sequence[HotPath]) -> str:
    """A SELECT of the rows of `files`, with the columns of `schema` as they are to be written, and the hot paths."""
    shapes: dict[tuple[tuple[str, ...], bool, tuple[HotPath, ...]], list[DataFile]] = {}
    for file in files:
        shapes.setdefault((file.columns, file.foreign, file.hot), []).append(file)
    reads = []
    for (held, foreign, kept), alike in shapes.items():
        present = {n.lower() for n in held}
        fields = ", ".join(
            [_field(c, c.name.lower() in present, foreign) for c in schema] + beside(paths, present, kept)
        )
        sources = ", ".join(literal(escaped(f.path)) for f in alike)
        reads.append(f"select {fields} from read_parquet([{sources}], hive_partitioning = false)")
    return f"select * from ({' union all '.join(reads)})"


def _field(column: StoredColumn, present: bool, foreign: bool) -> str:
    name = identifier(column.name)
    if not present:
        return f"{column.form.missing} as {name}"
    if not foreign:
        return name
    value = f"{name}::{column.form.staged}"
    return f"coalesce({value}, '') as {name}" if column.form is Form.TEXT else f"{value} as {name}"


def _count(connection: duckdb.DuckDBPyConnection, rows: str) -> int:
    return int(connection.execute(f"select count(*) from ({rows})").fetchall()[0][0])


def _total(files: Iterable[WrittenFile]) -> int:
    return sum(f.rows for f in files)


def _size(files: Iterable[WrittenFile]) -> int:
    return sum(f.bytes for f in files)
