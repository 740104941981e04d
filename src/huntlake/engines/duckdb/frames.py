"""Tables from memory, Arrow or data frames, in the physical forms of KQL's types."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from huntlake.core.errors import Invalid
from huntlake.kql.types import Column, ScalarType

if TYPE_CHECKING:
    import pyarrow


def arrow_table(frame: Any) -> pyarrow.Table:
    """`frame`, which is Arrow's, pandas' or polars', or a mapping of lists or a list of mappings, as an Arrow table."""
    import pyarrow as pa

    match frame:
        case pa.Table():
            return frame
        case pa.RecordBatch():
            return pa.Table.from_batches([frame])
        case Mapping():
            return pa.table({str(name): _array(list(values)) for name, values in frame.items()})
        case list():
            names = list(dict.fromkeys(name for row in frame for name in row))
            return pa.table({name: _array([row.get(name) for row in frame]) for name in names})
    # pandas is never imported for this: who hands one of its frames in has it.
    if type(frame).__module__.split(".")[0] == "pandas":
        return pa.table({str(name): _array_of_series(frame[name]) for name in frame.columns})
    if hasattr(frame, "to_arrow"):
        return frame.to_arrow()
    if hasattr(frame, "__arrow_c_stream__"):
        return pa.table(frame)
    raise Invalid(
        f"a {type(frame).__name__} can't be a table: give an Arrow table, a pandas or polars data frame, "
        "or a mapping of lists"
    )


def physical(table: pyarrow.Table) -> tuple[tuple[Column, ...], pyarrow.Table]:
    """The KQL columns of an Arrow table, and its values in their physical forms.

    Unsigned and small integers become `int` or `long`, dates `datetime`, times with a zone UTC, durations
    `timespan`, what is nested `dynamic`, categories and binary text `string`.
    """
    import pyarrow as pa

    columns, arrays = [], []
    lower: set[str] = set()
    for name, values in zip(table.column_names, table.columns, strict=True):
        if name.lower() in lower:
            raise Invalid(f"two columns are named `{name}` but for case: the engine can't tell them apart")
        lower.add(name.lower())
        type, converted = _converted(name, values)
        columns.append(Column(name, type))
        arrays.append(converted)
    return tuple(columns), pa.table(arrays, names=list(table.column_names))


def _converted(name: str, values: Any) -> tuple[ScalarType, Any]:
    import pyarrow as pa
    import pyarrow.compute as pc

    kinds = pa.types
    type = values.type
    if isinstance(type, pa.JsonType):
        return ScalarType.DYNAMIC, values.cast(pa.string())
    if isinstance(type, pa.UuidType):
        return ScalarType.GUID, pa.chunked_array(
            [[None if v is None else str(v) for v in values.to_pylist()]], pa.string()
        )
    if kinds.is_dictionary(type):
        return _converted(name, values.cast(type.value_type))
    if kinds.is_boolean(type):
        return ScalarType.BOOL, values
    if kinds.is_uint32(type) or kinds.is_int64(type) or kinds.is_uint64(type):
        # A value above 2⁶³ doesn't fit any of Kusto's integers: the cast refuses it.
        return ScalarType.LONG, _cast(name, values, pa.int64())
    if kinds.is_integer(type):
        return ScalarType.INT, values.cast(pa.int32())
    if kinds.is_floating(type):
        return ScalarType.REAL, values.cast(pa.float64())
    if kinds.is_decimal(type):
        return ScalarType.DECIMAL, _cast(name, values, pa.decimal128(38, 18))
    if kinds.is_timestamp(type):
        # Arrow counts time with a zone from UTC: leaving the zone out leaves UTC.
        return ScalarType.DATETIME, values.cast(pa.timestamp("us", type.tz), safe=False).cast(pa.timestamp("us"))
    if kinds.is_date(type):
        return ScalarType.DATETIME, values.cast(pa.timestamp("us"))
    if kinds.is_duration(type) or kinds.is_time(type):
        return ScalarType.TIMESPAN, _ticks(name, values)
    if kinds.is_null(type):
        return ScalarType.STRING, pc.fill_null(values.cast(pa.string()), "")
    if kinds.is_string(type) or kinds.is_large_string(type) or kinds.is_string_view(type):
        return ScalarType.STRING, pc.fill_null(values.cast(pa.string()), "")
    if kinds.is_binary(type) or kinds.is_large_binary(type):
        return ScalarType.STRING, pc.fill_null(_cast(name, values, pa.string()), "")
    if kinds.is_nested(type):
        return ScalarType.DYNAMIC, pa.chunked_array([[_json(v) for v in values.to_pylist()]], pa.string())
    raise Invalid(f"column `{name}` is of Arrow's type {type}, which KQL has no type for")


def _ticks(name: str, values: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    unit = values.type.unit
    # Arrow keeps a time of day of seconds or milliseconds in 32 bits.
    counts = values.cast(pa.int32()).cast(pa.int64()) if values.type.bit_width == 32 else values.cast(pa.int64())
    try:
        if unit == "ns":
            return pc.divide(counts, 100)
        return pc.multiply_checked(counts, {"s": 10_000_000, "ms": 10_000, "us": 10}[unit])
    except pa.ArrowInvalid as error:
        raise Invalid(f"column `{name}` has a duration that is too long for a timespan") from error


def _cast(name: str, values: Any, type: Any) -> Any:
    import pyarrow as pa

    try:
        return values.cast(type)
    except pa.ArrowInvalid as error:
        raise Invalid(f"column `{name}` can't become {type}: {error}") from error


def _array_of_series(series: Any) -> Any:
    import pyarrow as pa

    # Arrow would give each bag the keys of all: what isn't plain is encoded one by one.
    if str(series.dtype) == "object":
        return _array([None if _missing(value) else value for value in series])
    return pa.array(series, from_pandas=True)


def _array(values: list[Any]) -> Any:
    import pyarrow as pa

    if any(isinstance(value, dict | list | tuple) for value in values):
        bags = [None if value is None else _json(value) for value in values]
        return pa.ExtensionArray.from_storage(pa.json_(), pa.array(bags, pa.string()))
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if value is None else str(value) for value in values], pa.string())


def _json(value: object) -> str | None:
    return None if value is None else json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"))


def _plain(value: object) -> object:
    match value:
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case dict():
            return {str(name): _plain(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta() | Decimal():
            return str(value)
        case bytes():
            return value.decode(errors="replace")
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(value)


def _missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value)) or type(value).__name__ in _NOTHING


_NOTHING = {"NAType", "NaTType"}
