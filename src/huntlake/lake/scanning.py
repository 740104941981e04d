"""The SQL that reads a snapshot's files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from huntlake.lake.forms import TIME, identifier, literal
from huntlake.lake.snapshot import DataFile, Snapshot


@dataclass(frozen=True, slots=True)
class ScanColumn:
    """A column to read: its name in the table, what the query calls it, the SQL type it must have there."""

    name: str
    label: str
    type: str
    missing: str = "null"
    """SQL for the value where a file lacks the column: `''` for a text that is never null."""


@dataclass(frozen=True, slots=True)
class Pending:
    """Rows that wait for a commit, in a relation of the engine; each has its number in its writer's log in `NUMBER`."""

    relation: str
    columns: tuple[str, ...]
    writer: str


NUMBER = "number in the log"
"""No table's column has a blank in its name."""


def scan_sql(
    snapshot: Snapshot,
    columns: Sequence[ScanColumn],
    since: datetime | None = None,
    until: datetime | None = None,
    pending: Sequence[Pending] = (),
) -> str:
    """A SELECT of `columns`, in their order, over the files of `snapshot`, and over the `pending` rows not in them.

    `since` and `until` (UTC, inclusive) let the engine skip row groups; None reads all. Instants come as TIMESTAMP.
    """
    if not columns:
        columns = (ScanColumn("", "_", "BOOLEAN"),)
    types = {name.lower(): type for name, type in snapshot.schema}
    bounds = _bounds(since, until) if TIME.lower() in types else ""
    # One read for the files of one shape: `union_by_name` would open every file's footer first.
    shapes: dict[tuple[tuple[str, ...], bool], list[DataFile]] = {}
    for file in snapshot.files:
        shapes.setdefault((file.columns, file.foreign), []).append(file)
    reads: list[str] = []
    for (held, foreign), files in sorted(shapes.items()) if len(shapes) > 1 else shapes.items():
        present = {name.lower() for name in held}
        fields = ", ".join(
            _field(c, types.get(c.name.lower()) if c.name.lower() in present else None, foreign) for c in columns
        )
        where = bounds if TIME.lower() in present else ""
        reads.extend(f"select {fields} from {source}{where}" for source in _sources(files))
    for rows in pending:
        present = {name.lower() for name in rows.columns}
        fields = ", ".join(
            _field(c, types.get(c.name.lower()) if c.name.lower() in present else None, False) for c in columns
        )
        where = f"{bounds or ' where true'} and {identifier(NUMBER)} > {snapshot.holds.get(rows.writer, 0)}"
        reads.append(f"select {fields} from {rows.relation}{where}")
    nothing = ", ".join(f"{c.missing}::{c.type} as {identifier(c.label)}" for c in columns)
    return " union all ".join(reads) or f"select {nothing} where false"


def _sources(files: list[DataFile]) -> Iterable[str]:
    whole = [f.path for f in files if f.ranges is None]
    if whole:
        yield _read(whole)
    for file in files:
        if file.ranges is not None:
            # A file to each SELECT: a condition on the file's name would cost more than what it saves.
            read = _read([file.path], ", file_row_number = true")
            rows = " or ".join(f"file_row_number between {low} and {high}" for low, high in file.ranges)
            yield f"(select * from {read} where {rows})"


def _read(paths: Iterable[Path], more: str = "") -> str:
    # The folder's partition column would join the file's own columns.
    return f"read_parquet([{', '.join(literal(escaped(p)) for p in paths)}], hive_partitioning = false{more})"


def escaped(path: Path) -> str:
    """`path` as DuckDB takes it: `*`, `?` and `[` in a folder's name are not patterns."""
    text = str(path)
    return re.sub(r"[*?[]", r"[\g<0>]", text) if any(c in text for c in "*?[") else text


def _field(column: ScanColumn, stored: str | None, foreign: bool) -> str:
    label = identifier(column.label)
    if stored is None:
        return f"{column.missing}::{column.type} as {label}"
    name = identifier(column.name)
    # A cast from TIMESTAMPTZ would ask the time zone library for every value (3x slower), and lose pruning.
    value = f"make_timestamp(epoch_us({name}))" if stored == "TIMESTAMP" else name
    if foreign and column.missing != "null":
        value = f"coalesce({value}, {column.missing})"
    return f"{value} as {label}" if stored == column.type else f"{value}::{column.type} as {label}"


def _bounds(since: datetime | None, until: datetime | None) -> str:
    name = identifier(TIME)
    tests = [
        f"{name} {operator} '{moment.isoformat(sep=' ')}{'' if moment.tzinfo else '+00'}'::TIMESTAMPTZ"
        for operator, moment in ((">=", since), ("<=", until))
        if moment is not None
    ]
    return f" where {' and '.join(tests)}" if tests else ""
