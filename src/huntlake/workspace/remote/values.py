"""Values as endpoints write them, in the physical forms of their types."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Context, Decimal, InvalidOperation
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

import orjson

from huntlake.core.errors import Invalid
from huntlake.kql.types import Column, ScalarType

if TYPE_CHECKING:
    import pyarrow

TYPES = {
    **{t.value: t for t in ScalarType},
    "date": ScalarType.DATETIME,
    "double": ScalarType.REAL,
    "boolean": ScalarType.BOOL,
    "uuid": ScalarType.GUID,
    "time": ScalarType.TIMESPAN,
    "int16": ScalarType.INT,
    "int32": ScalarType.INT,
    "int64": ScalarType.LONG,
    "uint8": ScalarType.INT,
    "byte": ScalarType.INT,
    "sbyte": ScalarType.BOOL,
    "single": ScalarType.REAL,
    "sqldecimal": ScalarType.DECIMAL,
    "object": ScalarType.DYNAMIC,
}
"""Types by the lower-case names that KQL, .NET and Azure have for them, `System.` left out."""


class Dynamics(Enum):
    """How values of `dynamic` are written: as they are, as the text of their JSON, or a bag or array either way."""

    JSON = auto()
    TEXT = auto()
    EITHER = auto()


_SPAN = re.compile(r"(-?)(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,7}))?", re.ASCII)
_PLACES = Decimal(1).scaleb(-18)
_WIDE = Context(prec=60)


def column(name: object, type: object) -> Column:
    """A column as an endpoint declares it; `Invalid` for a type that nobody knows."""
    known = TYPES.get(str(type).strip().lower().removeprefix("system.").removeprefix("data.sqltypes."))
    if not isinstance(name, str) or known is None:
        raise Invalid(f"a column of the type `{type}` in an answer is not supported")
    return Column(name, known)


def rows_of(columns: Sequence[Column], rows: Sequence[Sequence[Any]], *, dynamics: Dynamics = Dynamics.JSON) -> Any:
    """Rows as an Arrow table whose columns are `c0`, `c1`, …: names may repeat, or differ in case only."""
    import pyarrow as pa

    if any(len(row) != len(columns) for row in rows):
        raise Invalid("a row of the answer has another number of values than there are columns")
    arrays = [array(c, [row[i] for row in rows], dynamics) for i, c in enumerate(columns)]
    names = [f"c{i}" for i in range(len(columns))]
    return pa.Table.from_arrays(arrays, names=names)


def array(column: Column, values: Sequence[Any], dynamics: Dynamics = Dynamics.JSON) -> pyarrow.Array:
    """One column's values."""
    import pyarrow as pa

    form, convert = _forms(dynamics)[column.type]
    try:
        return pa.array([convert(v) for v in values], form)
    except (ValueError, TypeError, OverflowError, InvalidOperation, pa.ArrowInvalid) as error:
        raise Invalid(f"the column `{column.name}` of the answer holds what is no {column.type}: {error}") from None


def _forms(dynamics: Dynamics) -> dict[ScalarType, tuple[Any, Callable[[Any], Any]]]:
    import pyarrow as pa

    return {
        ScalarType.BOOL: (pa.bool_(), _boolean),
        ScalarType.INT: (pa.int32(), _integer),
        ScalarType.LONG: (pa.int64(), _integer),
        ScalarType.REAL: (pa.float64(), _real),
        ScalarType.DECIMAL: (pa.decimal128(38, 18), _decimal),
        ScalarType.STRING: (pa.string(), _text),
        ScalarType.DATETIME: (pa.timestamp("us"), _moment),
        ScalarType.TIMESPAN: (pa.int64(), _ticks),
        ScalarType.GUID: (pa.string(), _guid),
        ScalarType.DYNAMIC: (pa.string(), _DYNAMICS[dynamics]),
    }


def _boolean(value: Any) -> bool | None:
    match value:
        case None | "":
            return None
        case bool() | 0 | 1:
            return bool(value)
        case str() if value.lower() in ("true", "false"):
            return value.lower() == "true"
    raise ValueError(f"{value!r}")


def _integer(value: Any) -> int | None:
    match value:
        case None | "":
            return None
        case bool():
            return int(value)
        case int():
            return value
        case str():
            return int(value)
        case float() if value.is_integer():
            return int(value)
    raise ValueError(f"{value!r}")


def _real(value: Any) -> float | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool | list | dict):
        raise ValueError(f"{value!r}")
    # `NaN`, `Infinity` and `-Infinity` come as texts.
    return float(value)


def _decimal(value: Any) -> Decimal | None:
    if value is None or value == "":
        return None
    number = Decimal(str(value))
    if not number.is_finite():
        raise ValueError(f"{value!r}")
    return number.quantize(_PLACES, context=_WIDE)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _guid(value: Any) -> str | None:
    return str(value).lower() if value else None


def _moment(value: Any) -> datetime | None:
    if value is None or value == "":
        return None
    text = str(value)
    if "." in text:
        # Seven digits of a second's fraction come, and six are kept.
        head, _, rest = text.partition(".")
        digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
        text = f"{head}.{digits[:6].ljust(6, '0')}{rest[len(digits) :]}"
    at = datetime.fromisoformat(text)
    return at if at.tzinfo is None else at.astimezone(UTC).replace(tzinfo=None)


def _ticks(value: Any) -> int | None:
    if value is None or value == "":
        return None
    found = _SPAN.fullmatch(str(value))
    if not found:
        raise ValueError(f"{value!r}")
    sign, days, hours, minutes, seconds, fraction = found.groups()
    whole = ((int(days or 0) * 24 + int(hours)) * 60 + int(minutes)) * 60 + int(seconds)
    ticks = whole * 10_000_000 + int((fraction or "0").ljust(7, "0"))
    return -ticks if sign else ticks


def _json(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value).decode()


def _json_text(value: Any) -> str | None:
    """A dynamic that may come as the text of its JSON."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            orjson.loads(value)
        except orjson.JSONDecodeError:
            return orjson.dumps(value).decode()
        return value
    return _json(value)


def _bag_text(value: Any) -> str | None:
    """A dynamic of which only bags and arrays may come as texts."""
    is_text = isinstance(value, str) and value[:1] in ("{", "[")
    return _json_text(value) if is_text else _json(value)


_DYNAMICS = {Dynamics.JSON: _json, Dynamics.TEXT: _json_text, Dynamics.EITHER: _bag_text}
