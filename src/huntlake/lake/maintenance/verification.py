"""Whether log, files, statistics and index of a table agree: every value of every file is read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huntlake.lake.forms import TIME, Form, identifier, literal
from huntlake.lake.index import sidecar
from huntlake.lake.index.building import build, terms_in
from huntlake.lake.log.frames import scan
from huntlake.lake.log.owners import DAMAGED, FOLDER, writers
from huntlake.lake.log.reading import segments
from huntlake.lake.log.writing import SUFFIX
from huntlake.lake.maintenance.indexing import fault, held
from huntlake.lake.maintenance.lock import alone
from huntlake.lake.maintenance.vacuum import GRACE, deletable
from huntlake.lake.paths import differing, kind_column, text_column
from huntlake.lake.scanning import escaped
from huntlake.lake.snapshot import DataFile, whole_day
from huntlake.lake.table import LakeTable

if TYPE_CHECKING:
    import duckdb

_EPOCH = datetime(1970, 1, 1)
_BOUNDED = (Form.INSTANT, Form.BIGINT, Form.INTEGER, Form.TICKS, Form.TEXT, Form.UUID)


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Something that isn't as the log says. `file` is its path in the table's folder, or the log's."""

    file: str
    what: str
    repaired: bool = False


@dataclass(frozen=True, slots=True)
class Verified:
    """What was looked at, and what is wrong with it."""

    files: int = 0
    rows: int = 0
    disagreements: tuple[Disagreement, ...] = ()
    unused: tuple[str, ...] = ()
    """Files that no version of the table has needed for the time of grace; `vacuum` deletes them."""


def verify(
    table: LakeTable,
    *,
    quick: bool = False,
    repair: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Verified:
    """Look whether the parts of a table agree. `quick` reads of each file the end and of the index the checksum.

    `repair` builds the sidecars anew that don't agree with their file; nothing else can be repaired without loss.
    `progress` hears of bytes, of how many.
    """
    import duckdb

    try:
        if not table.exists:
            return Verified()
        files = table.snapshot().files
    except Exception as error:
        wrong = f"the table can't be opened: {str(error).splitlines()[0]}"
        return Verified(disagreements=(Disagreement("_delta_log", wrong),))
    found = [Disagreement("_delta_log", what) for what in _log(table.folder)]
    said = {table.folder / a["path"]: a for a in table.add_actions()}
    total, done, rows = sum(f.bytes for f in files), 0, 0
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        for file in files:
            progress(done, total)
            name = file.path.relative_to(table.folder).as_posix()
            try:
                faults = [*_file(connection, table, file, said.get(file.path, {}), quick)]
            except FileNotFoundError:
                faults = ["it is missing"]
            except (OSError, duckdb.Error) as error:
                faults = [f"it can't be read: {str(error).splitlines()[0]}"]
            found += [Disagreement(name, what) for what in faults]
            if not faults:
                rows += file.rows
                found += _index(table, file, name, quick=quick, repair=repair)
            done += file.bytes
    progress(total, total)
    unused = sorted(p.relative_to(table.folder).as_posix() for p in deletable(table, GRACE))
    return Verified(len(files), rows, tuple(found), tuple(unused))


def verify_log(root: Path) -> tuple[Disagreement, ...]:
    """What is wrong with the logs of streams in the lake under `root`, of the living and of the dead."""
    found = []
    for folder in writers(root):
        for segment in segments(folder):
            try:
                damage = scan(segment.read_bytes()).damage
            except FileNotFoundError:
                continue  # the tables hold all of it
            name = segment.relative_to(root).as_posix()
            found += [Disagreement(name, f"bytes {a:,} to {b:,} hold no batch, but should") for a, b in damage]
    kept = sorted((root / FOLDER / DAMAGED).glob(f"*{SUFFIX}"))
    return (*found, *(Disagreement(p.relative_to(root).as_posix(), "it was damaged, and set aside") for p in kept))


def _log(folder: Path) -> Iterator[str]:
    entries = sorted(int(p.stem) for p in (folder / "_delta_log").glob("*.json") if p.stem.isdecimal())
    for before, after in pairwise(entries):
        if after != before + 1:
            yield f"after version {before} comes {after}"
    for version in entries:
        path = folder / "_delta_log" / f"{version:020d}.json"
        try:
            for line in path.read_text(encoding="utf-8").splitlines():
                json.loads(line)
        except FileNotFoundError:
            continue  # cleaned up meanwhile
        except ValueError:
            yield f"version {version} is no JSON"


def _file(
    connection: duckdb.DuckDBPyConnection, table: LakeTable, file: DataFile, said: dict[str, Any], quick: bool
) -> Iterator[str]:
    size = file.path.stat().st_size
    if size != file.bytes:
        yield f"it has {size:,} bytes, and the log says {file.bytes:,}"
    source = f"read_parquet({literal(escaped(file.path))}, hive_partitioning = false)"
    there = {row[0].lower() for row in connection.execute(f"describe select * from {source}").fetchall()}
    beside = [n for i in range(len(file.hot)) for n in (text_column(i), kind_column(i))]
    if missing := [n for n in (*file.columns, *beside) if n.lower() not in there]:
        yield f"it lacks the column `{missing[0]}`"
        return
    if quick:
        rows = connection.execute(f"select count(*) from {source}").fetchall()[0][0]
        if rows != file.rows:
            yield f"it has {rows:,} rows, and the log says {file.rows:,}"
        return
    if (first := _checksum(file)) is not None and first != sidecar.checksum_of(file.path):
        yield "its bytes are not those that were written"
    columns = held(table, file)
    timed = any(c.name == TIME for c in columns)
    time = identifier(TIME)
    bounded = [c for c in columns if c.form in _BOUNDED]
    # A value that nobody looks at isn't decoded; a hash of all looks at each.
    fields = ["count(*)", f"bit_xor(hash({', '.join(identifier(c.name) for c in columns)}))"]
    fields += [
        f"count(*) filter ({time} < before)" if timed else "0",
        f"count(*) filter ({_other_day(file)})" if timed else "0",
    ]
    for column in bounded:
        name = identifier(column.name)
        value = f"epoch_us({name})" if column.form is Form.INSTANT else name
        fields += [f"min({value})", f"max({value})"]
    fields += [f"count(*) - count({identifier(c.name)})" for c in columns]
    fields += [f"count(*) filter ({differing(i, path)})" for i, path in enumerate(file.hot)]
    lagged = f"select *, lag({time}) over () as before from {source}" if timed else f"select * from {source}"
    rows, _, back, elsewhere, *values = connection.execute(f"select {', '.join(fields)} from ({lagged})").fetchall()[0]
    if rows != file.rows:
        yield f"it has {rows:,} rows, and the log says {file.rows:,}"
    if back and not file.foreign:
        yield f"{back:,} rows are earlier than the row before them"
    if elsewhere:
        yield f"{elsewhere:,} rows are of another day than {file.day}"
    for i, column in enumerate(bounded):
        yield from _bounds(column.name, values[2 * i], values[2 * i + 1], said)
    nulls_of = values[2 * len(bounded) : 2 * len(bounded) + len(columns)]
    for column, nulls in zip(columns, nulls_of, strict=True):
        told = said.get(f"null_count.{column.name}")
        if told is not None and told != nulls:
            yield f"`{column.name}` is null in {nulls:,} rows, and the log says {told:,}"
    for path, others in zip(file.hot, values[2 * len(bounded) + len(columns) :], strict=True):
        if others:
            yield f"of {others:,} rows, what is kept of `{path.column}` at `{path.path}` isn't what lies there"


def _checksum(file: DataFile) -> int | None:
    """What its sidecar says of the bytes that a file had at first."""
    try:
        found = sidecar.read(file.path)
    except sidecar.Damaged:
        return None
    return found.checksum if found else None


def _other_day(file: DataFile) -> str:
    time = identifier(TIME)
    if file.day is None:
        return f"{time} is not null"
    first, last = (int((m - _EPOCH) / timedelta(microseconds=1)) for m in whole_day(file.day))
    return f"{time} is null or epoch_us({time}) not between {first} and {last}"


def _bounds(name: str, least: Any, most: Any, said: dict[str, Any]) -> Iterator[str]:
    low, high = said.get(f"min.{name}"), said.get(f"max.{name}")
    # Other engines keep milliseconds, and cut off the rest.
    slack = 999 if isinstance(high, datetime) else 0
    if low is not None and least is not None and least < _number(low):
        yield f"`{name}` goes down to {_shown(least, low)}, and the log says {_shown(_number(low), low)}"
    if high is not None and most is not None and (most - slack if slack else most) > _number(high):
        yield f"`{name}` goes up to {_shown(most, high)}, and the log says {_shown(_number(high), high)}"


def _number(value: Any) -> Any:
    """A bound as the engine counts it: microseconds for a time."""
    if isinstance(value, datetime):
        plain = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        return int((plain - _EPOCH) / timedelta(microseconds=1))
    return value


def _shown(value: Any, like: Any) -> str:
    shown = str(value)
    if isinstance(like, datetime):
        # What is damaged may be no time at all.
        with suppress(OverflowError):
            shown = (_EPOCH + timedelta(microseconds=value)).isoformat()
    return f"`{shown[:100]}`"


def _index(table: LakeTable, file: DataFile, name: str, *, quick: bool, repair: bool) -> list[Disagreement]:
    # What nobody asks can say nothing wrong.
    if not table.indexed:
        return []
    wrong = fault(file)
    # That there is none is no disagreement: all of the file is read then.
    if wrong == "it is missing" and not repair:
        return []
    if wrong is None and not quick:
        wrong = _terms(table, file)
    if wrong is None:
        return []
    if repair:
        with alone(table.folder):
            build(file.path, held(table, file))
    return [Disagreement(sidecar.path_of(Path(name)).as_posix(), wrong, repair)]


def _terms(table: LakeTable, file: DataFile) -> str | None:
    """Whether the sidecar is the one that the file's terms make."""
    there = sidecar.read(file.path)
    assert there is not None
    made = terms_in(file.path, held(table, file))
    if made.rows != there.rows or made.columns != there.columns:
        return "it is of other rows or columns than the file"
    parts = zip(made.terms.parts(), there.terms.parts(), strict=True)
    if made.anything != there.anything or any(a.tobytes() != b.tobytes() for a, b in parts):
        return "its terms aren't those of the file"
    return None
