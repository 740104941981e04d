"""The SQL that reads a snapshot's files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from huntlake.lake.forms import TIME, identifier, literal
from huntlake.lake.paths import HotPath, json_in, kept_json, kept_text, text_in
from huntlake.lake.snapshot import DataFile, Snapshot


@dataclass(frozen=True, slots=True)
class ScanColumn:
    """A column to read: its name in the table, what the query calls it, the SQL type it must have there."""

    name: str
    label: str
    type: str
    missing: str = "null"
    """SQL for the value where a file lacks the column: `''` for a text that is never null."""
    path: str | None = None
    """A JSON path into the column: what lies there is read, not the column."""
    text: bool = False
    """Whether the text is read that lies at the path, or else the JSON."""


@dataclass(frozen=True, slots=True)
class Pending:
    """Rows that wait for a commit, in a relation of the engine; each has its number in its writer's log in `NUMBER`."""

    relation: str
    columns: tuple[str, ...]
    writer: str


NUMBER = "number in the log"
"""No table's column has a blank in its name."""


@dataclass(frozen=True, slots=True)
class Places:
    """Asks a scan to tell where each row lies, in a column of that `label`; files are counted from `first`."""

    label: str
    first: int = 0


def file_and_row(place: int) -> tuple[int, int]:
    """What the number that tells a place says: a file's number, and that of a row in it."""
    return place >> _ROW_BITS, place & ((1 << _ROW_BITS) - 1)


_ROW_BITS = 40


def in_order_of_reading(files: Iterable[DataFile]) -> list[DataFile]:
    """The files as a scan counts them."""
    return [f for shape in _shapes(files) for f in shape]


def scan_sql(
    snapshot: Snapshot,
    columns: Sequence[ScanColumn],
    since: datetime | None = None,
    until: datetime | None = None,
    pending: Sequence[Pending] = (),
    *,
    newest: bool = False,
    places: Places | None = None,
) -> str:
    """A SELECT of `columns`, in their order, over the files of `snapshot`, and over the `pending` rows not in them.

    `since` and `until` (UTC, inclusive) let the engine skip row groups; None reads all. Instants come as TIMESTAMP.
    With `newest` the engine meets the newest files first. Rows that are pending have no `places`.
    """
    if not columns and places is None:
        columns = (ScanColumn("", "_", "BOOLEAN"),)
    types = {name.lower(): type for name, type in snapshot.schema}
    bounds = _bounds(since, until) if TIME.lower() in types else ""
    reads: list[str] = []
    number = places.first if places else 0
    for files in _shapes(reversed(snapshot.files) if newest else snapshot.files, in_order=newest):
        present = {name.lower() for name in files[0].columns}
        fields = [
            _field(c, types.get(c.name.lower()) if c.name.lower() in present else None, files[0].foreign, files[0].hot)
            for c in columns
        ]
        where = bounds if TIME.lower() in present else ""
        own = [identifier(places.label)] if places else []
        reads += [
            f"select {', '.join(fields + own)} from {source}{where}" for source in _sources(files, number, places)
        ]
        number += len(files)
    waiting = []
    for rows in pending:
        present = {name.lower() for name in rows.columns}
        fields = [_field(c, types.get(c.name.lower()) if c.name.lower() in present else None, False) for c in columns]
        fields += [f"null::BIGINT as {identifier(places.label)}"] if places else []
        where = f"{bounds or ' where true'} and {identifier(NUMBER)} > {snapshot.holds.get(rows.writer, 0)}"
        waiting.append(f"select {', '.join(fields)} from {rows.relation}{where}")
    reads = [*waiting, *reads] if newest else [*reads, *waiting]
    nothing = [f"{c.missing}::{c.type} as {identifier(c.label)}" for c in columns]
    nothing += [f"null::BIGINT as {identifier(places.label)}"] if places else []
    return " union all ".join(reads) or f"select {', '.join(nothing)} where false"


def _shapes(files: Iterable[DataFile], *, in_order: bool = False) -> list[list[DataFile]]:
    """Files that have the same columns, and are read at once; of each shape those first that are read whole."""
    # One read for the files of one shape: `union_by_name` would open every file's footer first.
    shapes: dict[tuple[tuple[str, ...], bool, tuple[HotPath, ...]], list[DataFile]] = {}
    for file in files:
        shapes.setdefault((file.columns, file.foreign, file.hot), []).append(file)
    found = list(shapes.values()) if in_order or len(shapes) < 2 else [of for _, of in sorted(shapes.items())]
    return [sorted(of, key=lambda f: f.ranges is not None) for of in found]


def _sources(files: Sequence[DataFile], number: int, places: Places | None) -> Iterable[str]:
    """The files of one shape as relations that have their columns, and the places. The first has that number."""
    whole = [f.path for f in files if f.ranges is None]
    if whole:
        read = _read(whole)
        yield f"(select *, {_place(number, places)} from {read})" if places else read
    some = []
    for at, file in enumerate(files[len(whole) :], number + len(whole)):
        assert file.ranges is not None
        # A file to each SELECT: a condition on the file's name would cost more than what it saves.
        read = _read([file.path], ", file_row_number = true")
        rows = " or ".join(f"file_row_number between {low} and {high}" for low, high in file.ranges)
        place = f", {_place(at, places)}" if places else ""
        some.append(f"select *{place} from {read} where {rows}")
    if some:
        yield f"({' union all '.join(some)})"


def _place(number: int, places: Places) -> str:
    return f"((file_index::BIGINT + {number}) << {_ROW_BITS}) | file_row_number as {identifier(places.label)}"


def _read(paths: Iterable[Path], more: str = "") -> str:
    # The folder's partition column would join the file's own columns.
    return f"read_parquet([{', '.join(literal(escaped(p)) for p in paths)}], hive_partitioning = false{more})"


def escaped(path: Path) -> str:
    """`path` as DuckDB takes it: `*`, `?` and `[` in a folder's name are not patterns."""
    text = str(path)
    return re.sub(r"[*?[]", r"[\g<0>]", text) if any(c in text for c in "*?[") else text


def _field(column: ScanColumn, stored: str | None, foreign: bool, hot: tuple[HotPath, ...] = ()) -> str:
    label = identifier(column.label)
    if stored is None:
        return f"{column.missing}::{column.type} as {label}"
    name = identifier(column.name)
    if column.path is not None:
        return f"{_at_path(column, column.path, name, hot)} as {label}"
    # A cast from TIMESTAMPTZ would ask the time zone library for every value (3x slower), and lose pruning.
    value = f"make_timestamp(epoch_us({name}))" if stored == "TIMESTAMP" else name
    if foreign and column.missing != "null":
        value = f"coalesce({value}, {column.missing})"
    return f"{value} as {label}" if stored == column.type else f"{value}::{column.type} as {label}"


def _at_path(column: ScanColumn, path: str, name: str, hot: tuple[HotPath, ...]) -> str:
    place = next((i for i, h in enumerate(hot) if h.of(column.name, path)), None)
    if place is None:
        return text_in(name, path) if column.text else json_in(name, path)
    return kept_text(place) if column.text else kept_json(place)


def _bounds(since: datetime | None, until: datetime | None) -> str:
    name = identifier(TIME)
    tests = [
        f"{name} {operator} '{moment.isoformat(sep=' ')}{'' if moment.tzinfo else '+00'}'::TIMESTAMPTZ"
        for operator, moment in ((">=", since), ("<=", until))
        if moment is not None
    ]
    return f" where {' and '.join(tests)}" if tests else ""
