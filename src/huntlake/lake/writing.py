"""Rows into Parquet files, one for each day, with the statistics that Delta keeps of them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from huntlake.lake import paths as hot
from huntlake.lake.forms import DAY, TIME, Form, StoredColumn, identifier, literal
from huntlake.lake.index.building import build
from huntlake.lake.index.sidecar import path_of
from huntlake.lake.paths import HotPath
from huntlake.lake.scanning import escaped

if TYPE_CHECKING:
    import duckdb

ROW_GROUP = 122_880
"""Rows in a row group: what one thread of the engine reads at a time."""

PAGE = 2 << 20
"""Bytes of a page, before it is packed: what one page says is packed by what it said before, and long texts of logs
repeat themselves only after a while. Pages of 64 KiB took a third more room, and a few rows came no sooner."""

_LAYOUT = (
    "format parquet, compression zstd, "
    # The second version's encodings save 3 % of room, and readers built on arrow-rs can't skip rows within them.
    f"parquet_version v1, row_group_size {ROW_GROUP}, data_page_size_limit {PAGE}"
)
_LONG = 64
_STATISTICS = 32
_FILE = re.compile(r"c([0-9]{4,})-(?:([0-9a-f]{16})-)?[0-9a-f]{32}[.]parquet")


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file that lies in the table's folder and is not yet of the table."""

    path: str
    bytes: int
    day: date | None
    statistics: dict[str, Any]

    @property
    def rows(self) -> int:
        return int(self.statistics["numRecords"])

    @property
    def id(self) -> str:
        """A GUID that no other file has; the file's name has it too."""
        return str(UUID(self.path[-40:-8]))


def held_columns(file: str) -> int | None:
    """How many of the table's columns a file of ours holds: its name says so. None for another's file."""
    match = _FILE.fullmatch(os.path.basename(file))
    return int(match[1]) if match else None


def held_paths(file: str) -> str | None:
    """The digest of the hot paths that a file of ours keeps beside; None where it keeps none."""
    match = _FILE.fullmatch(os.path.basename(file))
    return match[2] if match else None


def write(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    held: Sequence[StoredColumn],
    schema: Sequence[StoredColumn],
    folder: Path,
    partitioned: bool,
    paths: Sequence[HotPath] = (),
    *,
    indexed: bool = True,
) -> list[WrittenFile]:
    """Write the rows of `relation`, which has the columns `held` in their staged forms, as files of `schema`.

    What lies at the `paths` is kept beside, and, if they are to be `indexed`, the terms.
    """
    fields = _fields(held, schema, paths)
    if not partitioned:
        file = copy(connection, f"select {fields} from {relation}", schema, folder, None, paths, indexed=indexed)
        written = [file] if file else []
        flush([folder / f.path for f in written], folder)
        return written
    written = []
    try:
        for rows, day in _days(connection, relation, fields):
            file = copy(connection, rows, schema, folder, day, paths, indexed=indexed)
            written += [file] if file else []
        flush([folder / f.path for f in written], folder)
    except BaseException:
        # On a disk that is full they would be in the way of every other attempt.
        discard(written, folder)
        raise
    return written


def write_in_order(
    connection: duckdb.DuckDBPyConnection,
    rows: str,
    held: Sequence[StoredColumn],
    schema: Sequence[StoredColumn],
    folder: Path,
    partitioned: bool,
    paths: Sequence[HotPath] = (),
    *,
    indexed: bool = True,
) -> WrittenFile | None:
    """Write the rows of the SELECT `rows` as `write` does, but in one pass, as one file.

    None, and nothing is written, where there are none, or they are of several days, or not in the order of time.
    """
    name = _name(schema, paths)
    made = folder / name
    try:
        found = _copied(connection, f"select {_fields(held, schema, paths)} from ({rows})", made, schema, paths)
        if found is None:
            return None
        size, statistics = found
        day = _one_day(connection, made, statistics) if partitioned else None
        if partitioned and day is None:
            made.unlink()
            return None
        target = folder / _place(day) / name
        target.parent.mkdir(exist_ok=True)
        made.rename(target)
        made = target
        if indexed:
            build(made, schema)
        flush([made], folder)
    except BaseException:
        made.unlink(missing_ok=True)
        path_of(made).unlink(missing_ok=True)
        raise
    return WrittenFile(_place(day) + name, size, day, statistics)


def _fields(held: Sequence[StoredColumn], schema: Sequence[StoredColumn], paths: Sequence[HotPath]) -> str:
    """What a SELECT gives of rows that have the columns `held`, for a file of `schema`."""
    have = {c.name.lower() for c in held}
    own = [
        f"{identifier(c.name) if c.name.lower() in have else c.form.missing} as {identifier(c.name)}" for c in schema
    ]
    return ", ".join(own + hot.fields(paths, have))


def _one_day(connection: duckdb.DuckDBPyConnection, file: Path, statistics: Mapping[str, Any]) -> date | None:
    """The day of all rows of a file that are in the order of time; None where they aren't."""
    least, most = (statistics[of].get(TIME, "") for of in ("minValues", "maxValues"))
    dated = least and least[:10] == most[:10] and statistics["nullCount"].get(TIME) == 0
    if not dated or not _sorted(connection, f"read_parquet({literal(escaped(file))})", "true"):
        return None
    return date.fromisoformat(least[:10])


def discard(files: Iterable[WrittenFile], folder: Path) -> None:
    """Remove files that were written and shall not be committed."""
    for file in files:
        path = folder / file.path
        for written in (path, path_of(path)):
            written.unlink(missing_ok=True)


def _days(connection: duckdb.DuckDBPyConnection, relation: str, fields: str) -> Iterator[tuple[str, date | None]]:
    """A SELECT of the rows of each day, in the order of time, and the day."""
    time = identifier(TIME)
    # A cast of the time itself would give the day of the connection's zone.
    days = connection.execute(
        f"select distinct make_timestamp(epoch_us({time}))::DATE from {relation} order by 1"
    ).fetchall()
    in_order = _sorted(connection, relation, "true")
    for (day,) in days:
        of_day = f"{time} is null" if day is None else _of_day(day)
        # What all rows fulfil is asked of none: it may have the engine copy them.
        rows = f"select {fields} from {relation}" + (f" where {of_day}" if len(days) > 1 else "")
        # Logs mostly come in order, and sorting wide rows costs as much as writing them.
        if not in_order and not _sorted(connection, relation, of_day):
            rows += f" order by {time}"
        yield rows, day


def _of_day(day: date) -> str:
    # Bounds, not a cast of the column: the staged blocks of other days are then skipped.
    time, start = identifier(TIME), f"'{day.isoformat()} 00:00:00+00'::TIMESTAMPTZ"
    return f"{time} >= {start} and {time} < {start} + interval 1 day"


def _sorted(connection: duckdb.DuckDBPyConnection, relation: str, condition: str) -> bool:
    time = identifier(TIME)
    steps = f"select {time} < lag({time}) over () as back from {relation} where {condition}"
    return not connection.execute(f"select 1 from ({steps}) where back limit 1").fetchall()


def copy(
    connection: duckdb.DuckDBPyConnection,
    rows: str,
    schema: Sequence[StoredColumn],
    folder: Path,
    day: date | None,
    paths: Sequence[HotPath] = (),
    *,
    indexed: bool = True,
) -> WrittenFile | None:
    """Write the SELECT `rows`, all of one day, as one file and its index, if it is to have one.

    It has exactly the columns of `schema` and behind them what `paths.fields` gives. None where there are no rows. It
    is not flushed.
    """
    path = _place(day) + _name(schema, paths)
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    found = _copied(connection, rows, target, schema, paths)
    if found is None:
        return None
    try:
        if indexed:
            build(target, schema)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    size, statistics = found
    return WrittenFile(path, size, day, statistics)


def _place(day: date | None) -> str:
    """The folder of a day's files in the table's, with a `/` behind it."""
    return "" if day is None else f"{DAY}={day.isoformat()}/"


def _name(schema: Sequence[StoredColumn], paths: Sequence[HotPath]) -> str:
    """A name for a new file."""
    beside = f"{hot.digest(paths)}-" if paths else ""
    return f"c{len(schema):04d}-{beside}{uuid4().hex}.parquet"


def _copied(
    connection: duckdb.DuckDBPyConnection,
    rows: str,
    target: Path,
    schema: Sequence[StoredColumn],
    paths: Sequence[HotPath],
) -> tuple[int, dict[str, Any]] | None:
    """Write a SELECT as a file: its size, and Delta's statistics. None, and there is none, where there are no rows."""
    said = f", kv_metadata {{{identifier(hot.KEY)}: {literal(hot.written(paths))}}}" if paths else ""
    try:
        result = connection.execute(
            f"copy ({rows}) to {literal(str(target))} ({_LAYOUT}, return_stats{said})"
        ).fetchall()
        count = result[0][1] if result else 0
        if not count:
            target.unlink(missing_ok=True)
            return None
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    _, _, size, _, statistics, *_ = result[0]
    return int(size), _delta_statistics(int(count), statistics, schema)


def _delta_statistics(rows: int, found: dict[str, dict[str, str]], schema: Sequence[StoredColumn]) -> dict[str, Any]:
    low: dict[str, Any] = {}
    high: dict[str, Any] = {}
    nulls: dict[str, int] = {}
    for column in schema[:_STATISTICS]:
        of = found.get(identifier(column.name))
        if of is None:
            continue
        if "null_count" in of:
            nulls[column.name] = int(of["null_count"])
        # A bound that was cut short is no bound of another engine's making.
        if of.get("min_is_exact") == "true" and of.get("max_is_exact") == "true":
            least, most = _bound(column.form, of["min"]), _bound(column.form, of["max"])
            if least is not None and most is not None:
                low[column.name], high[column.name] = least, most
    return {"numRecords": rows, "minValues": low, "maxValues": high, "nullCount": nulls}


def _bound(form: Form, text: str) -> str | int | None:
    match form:
        case Form.INSTANT:
            try:
                return _iso(datetime.fromisoformat(text))
            except ValueError:
                return None
        case Form.BIGINT | Form.INTEGER | Form.TICKS:
            return int(text)
        case Form.TEXT | Form.UUID:
            return text if len(text) <= _LONG else None
        case _:
            return None


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def flush(paths: Sequence[Path], root: Path) -> None:
    """Have the disk keep files, and the folders from `root` down to them, before anyone is told of them."""
    folders = {p: None for path in paths for p in path.parents if p == root or root in p.parents}
    for place in (*paths, *folders):
        descriptor = os.open(place, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
