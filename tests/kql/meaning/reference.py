"""What the reference says that operators and functions give, in Python: an evaluator apart from the compiler.

<https://learn.microsoft.com/kusto/query/scalar-data-types/null-values>,
<https://learn.microsoft.com/kusto/query/datatypes-string-operators>,
<https://learn.microsoft.com/kusto/query/datetime-timespan-arithmetic>.

Values are Python's: a `datetime` is one without zone, a `timespan` an int of 100 ns ticks, a `dynamic` what its JSON
says, and null is None. A `string` is never null.
"""

from __future__ import annotations

import base64
import json
import math
import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

SECOND, MINUTE, HOUR, DAY = 10**7, 60 * 10**7, 3600 * 10**7, 86_400 * 10**7
EPOCH = datetime(1970, 1, 1)
FIRST = datetime(1, 1, 1)

# -- nulls ---------------------------------------------------------------------------


def unless_null(operation: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *values: None if None in values else operation(*values)


def equal(left: Any, right: Any) -> bool | None:
    return None if left is None and right is None else left == right


def different(left: Any, right: Any) -> bool | None:
    return None if left is None and right is None else left != right


def both(left: bool | None, right: bool | None) -> bool | None:
    if left is False or right is False:
        return False
    return None if None in (left, right) else True


def either(left: bool | None, right: bool | None) -> bool | None:
    if left is True or right is True:
        return True
    return None if None in (left, right) else False


def case(first: Any, one: Any, second: Any, two: Any, otherwise: Any) -> Any:
    return one if first else two if second else otherwise


def between(value: Any, low: Any, high: Any) -> bool | None:
    reach = unless_null(lambda x, y: x <= y)
    return both(reach(low, value), reach(value, high))


def not_between(value: Any, low: Any, high: Any) -> bool | None:
    inside = between(value, low, high)
    return None if inside is None else not inside


# -- numbers -------------------------------------------------------------------------


def quotient(left: int, right: int) -> int | None:
    """Of whole numbers: toward zero, and null where the divisor is zero."""
    return None if right == 0 else abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)


def remainder(left: int, right: int) -> int | None:
    return None if right == 0 else left % abs(right)


def ratio(left: float, right: float) -> float:
    """Of reals, as IEEE 754 divides."""
    if right:
        return left / right
    return math.nan if left == 0 or math.isnan(left) else math.copysign(math.inf, left) * math.copysign(1, right)


def whole_of(value: float) -> int:
    return math.trunc(value)


# -- texts ---------------------------------------------------------------------------


def wordy(letter: str) -> bool:
    return unicodedata.category(letter)[0] in "LN"


def term(before: bool, after: bool, cased: bool = False) -> Callable[[str, str], bool]:
    """Whether a text has a term; `before` and `after` say at which ends the term must end."""

    def found(text: str, word: str) -> bool:
        if not cased:
            text, word = text.lower(), word.lower()
        ends = [(i, i + len(word)) for i in range(len(text)) if text.startswith(word, i)]
        return any(
            (not before or i == 0 or not wordy(text[i - 1])) and (not after or j == len(text) or not wordy(text[j]))
            for i, j in ends
        )

    return found


has, has_cs = term(True, True), term(True, True, cased=True)


def substring(text: str, start: int, length: int) -> str:
    start = start if start >= 0 else max(len(text) + start, 0)
    return text[start : start + length]


def piece(text: str, delimiter: str, index: int) -> str:
    parts = text.split(delimiter)
    return parts[index] if index < len(parts) else ""


def extract(pattern: str, group: int, text: str) -> str:
    found = re.search(pattern, text)
    return found[group] or "" if found else ""


def text_of(value: Any, type_: str) -> str:
    """`tostring`."""
    if value is None:
        return ""
    match type_:
        case "datetime":
            return moment_text(value)
        case "timespan":
            return timespan_text(value)
        case "real":
            return str(int(value)) if value == int(value) else str(value)
        case "dynamic":
            return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return str(value)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


# -- conversions -----------------------------------------------------------------------


def long_of(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[+-]?\d{1,18}", text) else None


def real_of(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[+-]?\d+(\.\d+)?", text) else None


def bool_of(text: str) -> bool | None:
    number = long_of(text)
    return {"true": True, "false": False}.get(text.lower()) if number is None else number != 0


# -- times -----------------------------------------------------------------------------


def shifted(at: datetime, ticks: int) -> datetime | None:
    try:
        return at + timedelta(microseconds=ticks // 10)
    except OverflowError:
        return None


def span(later: datetime, earlier: datetime) -> int:
    return (later - earlier) // timedelta(microseconds=1) * 10


def bin_of(value: int, size: int) -> int:
    return value // size * size


def bin_of_time(at: datetime, size: int) -> datetime:
    return FIRST + timedelta(microseconds=bin_of(span(at, FIRST), size) // 10)


def months_later(at: datetime, months: int) -> datetime:
    count = at.year * 12 + at.month - 1 + months
    year, month = divmod(count, 12)
    return at.replace(year=year, month=month + 1, day=min(at.day, days_in(year, month + 1)))


def days_in(year: int, month: int) -> int:
    return (date(year + month // 12, month % 12 + 1, 1) - date(year, month, 1)).days


UNITS = {"week": 7 * DAY, "day": DAY, "hour": HOUR, "minute": MINUTE, "second": SECOND, "millisecond": 10**4}
MONTHS = {"year": 12, "quarter": 3, "month": 1}


def added(unit: str, amount: int, at: datetime) -> datetime | None:
    return months_later(at, amount * MONTHS[unit]) if unit in MONTHS else shifted(at, amount * UNITS[unit])


def start_of(unit: str, at: datetime, offset: int = 0) -> datetime:
    day = datetime(at.year, at.month, at.day)
    match unit:
        case "week":
            return day - timedelta(days=at.isoweekday() % 7) + timedelta(weeks=offset)
        case "month":
            return months_later(day.replace(day=1), offset)
        case "year":
            return months_later(day.replace(month=1, day=1), 12 * offset)
    return day + timedelta(days=offset)


def end_of(unit: str, at: datetime, offset: int = 0) -> datetime:
    return start_of(unit, at, offset + 1) - timedelta(microseconds=1)


def bounds_between(unit: str, later: datetime, earlier: datetime) -> int:
    """`datetime_diff`: how many bounds of the unit lie between."""
    if unit in MONTHS:
        count = [(at.year * 12 + at.month - 1) // MONTHS[unit] for at in (later, earlier)]
    elif unit == "week":
        sunday = datetime(1, 1, 7)
        count = [(at - sunday) // timedelta(weeks=1) for at in (later, earlier)]
    else:
        count = [span(at, FIRST) // UNITS[unit] for at in (later, earlier)]
    return count[0] - count[1]


def part_of(part: str, at: datetime) -> int:
    match part:
        case "quarter":
            return (at.month - 1) // 3 + 1
        case "week_of_year":
            return at.isocalendar().week
        case "dayofyear":
            return at.timetuple().tm_yday
        case "millisecond":
            return at.microsecond // 1000
    return int(getattr(at, part))


def moment_text(at: datetime) -> str:
    return f"{at.isoformat(timespec='microseconds')}0Z"


def timespan_text(ticks: int) -> str:
    rest = abs(ticks)
    days, rest = divmod(rest, DAY)
    hours, rest = divmod(rest, HOUR)
    minutes, rest = divmod(rest, MINUTE)
    seconds, rest = divmod(rest, SECOND)
    head = ("-" if ticks < 0 else "") + (f"{days}." if days else "")
    return f"{head}{hours:02}:{minutes:02}:{seconds:02}" + (f".{rest:07}" if rest else "")


def made(year: int, month: int, day: int) -> datetime | None:
    try:
        return datetime(year, month, day)
    except ValueError:
        return None


# -- dynamics ----------------------------------------------------------------------------


def member(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def item(value: Any, index: int) -> Any:
    return value[index] if isinstance(value, list) and -len(value) <= index < len(value) else None


def length_of(value: Any) -> int | None:
    return len(value) if isinstance(value, list) else None


def long_in(value: Any) -> int | None:
    """`tolong` of what a dynamic holds."""
    if isinstance(value, str):
        return long_of(value)
    return None if value is None or isinstance(value, list | dict) else int(value)


def real_in(value: Any) -> float | None:
    if isinstance(value, str):
        return real_of(value)
    return None if value is None or isinstance(value, list | dict) else float(value)


def kind_of(value: Any) -> str:
    """`gettype` of what a dynamic holds."""
    kinds = {bool: "bool", int: "long", float: "double", str: "string", list: "array", dict: "dictionary"}
    return "null" if value is None else kinds[type(value)]
