"""Values of events, as a test or a recording has them, in the physical forms of a table's columns."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from huntlake.core.errors import Invalid
from huntlake.kql.syntax.literals import MAX_DATETIME, datetime_of, datetime_ticks, ticks_of, timespan, typed_value
from huntlake.kql.types import ScalarType

_OFFSET = re.compile(r"[+-].+")
_INT, _LONG = 2**31, 2**63


def cell(type: ScalarType, value: Any, clock: datetime) -> Any:
    """The physical form of a value; `Invalid` for one that isn't of the type.

    A time may be an offset from `clock`, such as `-10m`. What is null is null, and an empty text where the type is
    `string`.
    """
    if value is None:
        return "" if type is ScalarType.STRING else None
    match type:
        case ScalarType.STRING:
            return _text(value)
        case ScalarType.DYNAMIC:
            return _json(value)
        case ScalarType.DATETIME:
            return _moment(value, clock)
        case ScalarType.BOOL if isinstance(value, bool):
            return value
        case ScalarType.REAL if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        case _:
            return _typed(type, value)


def _typed(type: ScalarType, value: Any) -> Any:
    text = _text(value).strip()
    found, known = typed_value(type, text)
    if not known:
        raise Invalid(f"`{text[:60]}` is no {type.value}")
    bound = _INT if type is ScalarType.INT else _LONG
    if isinstance(found, int) and not isinstance(found, bool) and not -bound <= found < bound:
        raise Invalid(f"`{text[:60]}` is too large for {type.value}")
    return found


def _moment(value: Any, clock: datetime) -> datetime | None:
    if isinstance(value, datetime):
        text = value.isoformat()
    else:
        text = _text(value).strip()
    if not text:
        return None
    offset = timespan(text) if _OFFSET.fullmatch(text) else None
    ticks = ticks_of(clock) + offset if offset is not None else datetime_ticks(text)
    if ticks is None:
        raise Invalid(f"`{text[:60]}` is neither a time such as `2026-01-31T12:00:00Z` nor an offset such as `-10m`")
    if not 0 <= ticks <= MAX_DATETIME:
        raise Invalid(f"`{text[:60]}` lies outside the calendar")
    return datetime_of(ticks).replace(tzinfo=None)


def _text(value: Any) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case Mapping() | list():
            return _json(value)
        case _:
            return str(value)


def _json(value: Any) -> str:
    # A text that is JSON of an object or an array is that: recordings hold many.
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            json.loads(value)
        except ValueError:
            pass
        else:
            return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
