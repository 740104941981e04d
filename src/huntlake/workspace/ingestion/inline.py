"""Rows that stand in a command: text into columns of text, and the query that makes values of them."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

from huntlake.core.diagnostics import did_you_mean
from huntlake.core.errors import Invalid
from huntlake.kql.syntax.commands import quoted_name
from huntlake.kql.types import Column, ScalarType

if TYPE_CHECKING:
    import pyarrow as pa

_DELIMITERS = {"csv": ",", "tsv": "\t", "psv": "|", "scsv": ";"}
_JSON = ("json", "multijson")
_LARGEST = 64 * 1024 * 1024
_READ = {
    ScalarType.BOOL: "tobool",
    ScalarType.INT: "toint",
    ScalarType.LONG: "tolong",
    ScalarType.REAL: "toreal",
    ScalarType.DECIMAL: "todecimal",
    ScalarType.DATETIME: "todatetime",
    ScalarType.TIMESPAN: "totimespan",
    ScalarType.GUID: "toguid",
}
"""The function that reads each type out of text; what it can't read is null."""


@dataclass(frozen=True)
class InlineRows:
    """Rows as text. `query` makes values of them, in a table named `Rows`; `columns` are those that it gives."""

    table: pa.Table
    query: str
    columns: tuple[Column, ...]


def parse_rows(text: str, columns: Sequence[Column], format: str, *, heading: bool = False) -> InlineRows:
    """The rows of a text in one of Kusto's formats, for a table of `columns`; `heading` skips the first.

    `Invalid` for another format, for a row with more values than there are columns, or with a field of another name.
    """
    if format in _DELIMITERS:
        rows = _delimited(text, columns, _DELIMITERS[format], heading)
        width = max(map(len, rows), default=0)
        taken = tuple(columns[:width])
        rows = [[*row, *[""] * (width - len(row))] for row in rows]
    elif format in _JSON:
        objects = _objects(text)
        named = _fields(objects, columns)
        taken = tuple(c for c in columns if c.name in named)
        rows = [[_as_text(o.get(c.name), c.type) for c in taken] for o in objects]
    else:
        known = ", ".join((*_DELIMITERS, *_JSON))
        raise Invalid(f"the format `{format}` is not supported here; these are: {known}")
    if not rows or not taken:
        raise Invalid("no row follows `<|`")
    import pyarrow as pa

    texts = {f"c{i}": pa.array([row[i] for row in rows], pa.string()) for i in range(len(taken))}
    values = ", ".join(f"{quoted_name(c.name)} = {_read(c.type, f'c{i}')}" for i, c in enumerate(taken))
    return InlineRows(pa.table(texts), f"Rows | project {values}", taken)


def _read(type: ScalarType, name: str) -> str:
    if type is ScalarType.DYNAMIC:
        # Where nothing stands there is no value; of an empty text this would make an empty text.
        return f"iff(isempty({name}), dynamic(null), parse_json({name}))"
    return f"{_READ[type]}({name})" if type in _READ else name


def _delimited(text: str, columns: Sequence[Column], delimiter: str, heading: bool) -> list[list[str]]:
    # A module's own limit on fields is 128 KiB; ours is that on the request.
    csv.field_size_limit(_LARGEST)
    # The line of the command itself ends where the data begins.
    lines = text.removeprefix("\r").removeprefix("\n")
    try:
        rows = [
            row
            # Not `splitlines`: to it a form feed ends a line, too, and so does much of Unicode.
            for row in csv.reader(StringIO(lines, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True)
            if row not in ([], [""])
        ]
    except csv.Error as error:
        raise Invalid(f"the data can't be read: {error}") from None
    for number, row in enumerate(rows, 1):
        if len(row) > len(columns):
            raise Invalid(f"row {number} has {len(row)} values, and the table {len(columns)} columns")
    return rows[1:] if heading else rows


def _objects(text: str) -> list[dict[str, Any]]:
    decoder = json.JSONDecoder()
    found: list[dict[str, Any]] = []
    at, text = 0, text.strip()
    while at < len(text):
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise Invalid(f"the data is no JSON: {error}") from None
        several = value if isinstance(value, list) else [value]
        if not all(isinstance(one, dict) for one in several):
            raise Invalid(f"row {len(found) + 1} is no JSON object")
        found += several
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
    return found


def _fields(objects: Sequence[dict[str, Any]], columns: Sequence[Column]) -> set[str]:
    """The names of the fields; each has to be a column's."""
    named = {name: None for one in objects for name in one}
    known = {c.name for c in columns}
    for name in named:
        if name not in known:
            hint = did_you_mean(name, known)
            raise Invalid(f"the table has no column `{name}`" + (f": {hint}" if hint else ""))
    return set(named)


def _as_text(value: Any, type: ScalarType) -> str:
    if value is None:
        return ""
    if isinstance(value, str) and type is not ScalarType.DYNAMIC:
        return value
    return json.dumps(value, ensure_ascii=False)
