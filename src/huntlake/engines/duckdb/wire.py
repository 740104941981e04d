"""Rows as the JSON arrays that Kusto's clients read, written by DuckDB itself.

Eight times faster than encoding the values in Python. Each type's form is that of Kusto's v2 answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType

from huntlake.engines.duckdb.database import literal
from huntlake.kql.syntax.literals import datetime_text, decimal_text
from huntlake.kql.types import Column, ScalarType

TICKS_PER_DAY = 864_000_000_000
TICKS_PER_SECOND = 10_000_000


def json_rows(
    sql: str,
    columns: Sequence[Column],
    constants: Mapping[int, object] = MappingProxyType({}),
    *,
    dynamic_as_text: bool = False,
) -> str:
    """The SELECT that gives each row of `sql` as one text, `[1,"a"],`, the comma included.

    `columns` are those of `sql`, in order, and, at these places, `constants` that it doesn't have: the values of
    literals. Where all are constants, `sql` has one column that nobody reads. With the comma, a batch of rows is
    one run of bytes that can be sent. With `dynamic_as_text` values of that type are texts that hold JSON.
    """
    names = _labels(columns, constants)
    label = iter(names)
    forms = WIRE | {ScalarType.DYNAMIC: _dynamic_text} if dynamic_as_text else WIRE
    runs: list[tuple[bool, list[str]]] = []
    for place, column in enumerate(columns):
        same = place in constants
        text = _constant(constants[place], column) if same else forms[column.type](next(label))
        if not runs or runs[-1][0] is not same:
            runs.append((same, []))
        runs[-1][1].append(text)
    if constants:
        parts = " || ',' || ".join(_run(same, texts) for same, texts in runs)
        rows = f"'[' || {parts} || ']'"
    else:
        rows = f"json_array({', '.join(t for _, texts in runs for t in texts)})::varchar"
    return f"select {rows} || ',' from ({sql}) r({', '.join(names)})"


def _run(same: bool, texts: list[str]) -> str:
    """SQL for a part of a JSON array, without its brackets."""
    return literal(",".join(texts)) if same else f"(json_array({', '.join(texts)})::varchar)[2:-2]"


def json_objects(sql: str, columns: Sequence[Column], constants: Mapping[int, object] = MappingProxyType({})) -> str:
    """The SELECT that gives each row of `sql` as one text, `{"x":1},`, the comma included; else like `json_rows`."""
    names = _labels(columns, constants)
    label = iter(names)
    values = (
        f"{literal(_constant(constants[place], column))}::json"
        if place in constants
        else WIRE[column.type](next(label))
        for place, column in enumerate(columns)
    )
    pairs = (f"{literal(column.name)}, {value}" for column, value in zip(columns, values, strict=True))
    return f"select json_object({', '.join(pairs)})::varchar || ',' from ({sql}) r({', '.join(names)})"


def _labels(columns: Sequence[Column], constants: Mapping[int, object]) -> list[str]:
    # Two columns of a join may have one name: they are told apart by position.
    return [f"c{i}" for i in range(max(1, len(columns) - len(constants)))]


def _constant(value: object, column: Column) -> str:
    """The JSON of a literal's value."""
    match column.type, value:
        case ScalarType.STRING, None:
            return '""'
        case ScalarType.DATETIME, int(ticks):
            # As the engine writes a time: without the zeros at the end.
            return json.dumps(datetime_text(ticks).removesuffix("Z").rstrip("0").rstrip(".") + "Z")
        case ScalarType.DECIMAL, Decimal() as number:
            return json.dumps(decimal_text(number))
        case _, None | str():
            return json.dumps(value, ensure_ascii=False)
    raise TypeError(f"a constant of type {column.type} is not written beside the engine")


def _real(x: str) -> str:
    # JSON has no number for these; DuckDB writes them bare.
    return (
        f"case when isfinite({x}) then to_json({x}) when isnan({x}) then '\"NaN\"'::json "
        f"when {x} > 0 then '\"Infinity\"'::json when {x} < 0 then '\"-Infinity\"'::json end"
    )


def _decimal(x: str) -> str:
    return f"case when contains({x}::varchar, '.') then rtrim(rtrim({x}::varchar, '0'), '.') else {x}::varchar end"


def _datetime(x: str) -> str:
    return f"replace({x}::varchar, ' ', 'T') || 'Z'"


def timespan(x: str) -> str:
    """The text of a timespan, `[-][d.]hh:mm:ss[.fffffff]`, from its ticks."""
    # The least timespan has no positive counterpart; and `greatest` passes over null.
    size = f"abs(greatest({x}, -9223372036854775807))"
    return (
        f"case when {x} is null then null when {x} = -9223372036854775808 then '-10675199.02:48:05.4775808' else "
        f"case when {x} < 0 then '-' else '' end || "
        f"case when {size} < {TICKS_PER_DAY} then '' else ({size} // {TICKS_PER_DAY})::varchar || '.' end || "
        f"strftime(make_timestamp({size} % {TICKS_PER_DAY} // 10), '%H:%M:%S') || "
        f"case when {size} % {TICKS_PER_SECOND} = 0 then '' "
        f"else '.' || lpad(({size} % {TICKS_PER_SECOND})::varchar, 7, '0') end end"
    )


def _strict(x: str) -> str:
    # A computed bag may hold NaN, which DuckDB reads and writes, and JSON has not.
    suspect = f"contains({x}, 'NaN') or contains({x}, 'Infinity')"
    return f"case when {suspect} then hl_strict_json({x}) else {x} end"


def _dynamic_text(x: str) -> str:
    # Of the JSON type, `json_array` would take it for a value of its own.
    return f"({_strict(x)})::varchar"


def _dynamic(x: str) -> str:
    # Text that is no JSON stays text, as it does for Kusto's `parse_json`.
    return f"coalesce(try_cast({_strict(x)} as json), to_json({x}))"


def _as_is(x: str) -> str:
    return x


def _string(x: str) -> str:
    return f"coalesce({x}, '')"


WIRE: dict[ScalarType, Callable[[str], str]] = {
    ScalarType.BOOL: _as_is,
    ScalarType.INT: _as_is,
    ScalarType.LONG: _as_is,
    ScalarType.REAL: _real,
    ScalarType.DECIMAL: _decimal,
    ScalarType.STRING: _string,
    ScalarType.DATETIME: _datetime,
    ScalarType.TIMESPAN: timespan,
    ScalarType.GUID: _as_is,
    ScalarType.DYNAMIC: _dynamic,
}
"""For each type, the SQL of a value that `json_array` writes in Kusto's form, from the SQL of its physical form."""
