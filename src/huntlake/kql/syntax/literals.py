"""What the text of a literal means.

Times are counted in ticks of 100 ns, as Kusto counts them: a timespan from zero, a datetime from the
first of January of the year 1. <https://learn.microsoft.com/kusto/query/scalar-data-types/>
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from huntlake.kql.types import ScalarType

TICKS_PER_SECOND = 10_000_000
TICKS_PER_DAY = 86_400 * TICKS_PER_SECOND
MAX_DATETIME = 3_155_378_975_999_999_999
"""The last tick of the year 9999."""

_EPOCH = datetime(1, 1, 1, tzinfo=UTC)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|([0-7]{1,3})|(.))", re.S)
_UNITS = {
    "d": TICKS_PER_DAY,
    "h": 3600 * TICKS_PER_SECOND,
    "m": 60 * TICKS_PER_SECOND,
    "s": TICKS_PER_SECOND,
    "ms": 10_000,
    "micro": 10,
    "nano": 0.01,
    "tick": 1,
}
_LONG_UNITS = {
    **dict.fromkeys(("d", "day", "days"), "d"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("m", "min", "minute", "minutes"), "m"),
    **dict.fromkeys(("s", "sec", "second", "seconds"), "s"),
    **dict.fromkeys(("ms", "milli", "millis", "millisec", "millisecond", "milliseconds"), "ms"),
    **dict.fromkeys(("micro", "micros", "microsec", "microsecond", "microseconds"), "micro"),
    **dict.fromkeys(("nano", "nanos", "nanosec", "nanosecond", "nanoseconds"), "nano"),
    **dict.fromkeys(("tick", "ticks"), "tick"),
}
_SHORT = re.compile(
    rf"\s*([+-]?\d+(?:\.\d*)?|[+-]?\.\d+)\s*({'|'.join(sorted(_LONG_UNITS, key=len, reverse=True))})\s*", re.I
)
_CLOCK = re.compile(r"\s*([+-])?(?:(\d+)(?:\.|$))?(?:(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,7})\d*)?)?)?\s*")
_ISO = re.compile(
    r"\s*(\d{4})\s*[-/]\s*(\d{1,2})"
    r"(?:\s*[-/]\s*(\d{1,2})(?:[T\s]+(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,7})\d*)?)?)?)?"
    r"\s*(Z|UTC|GMT|[+-]\d{1,2}:?\d{2})?\s*",
    re.I,
)
_LISTED = re.compile(
    r"\s*(\d{1,4})\s*,\s*(\d{1,2})\s*,\s*(\d{1,2})"
    r"(?:\s*,\s*(\d{1,2})\s*,\s*(\d{1,2})(?:\s*,\s*(\d{1,2})(?:\.(\d{1,7}))?)?)?\s*()"
)
_COMPACT = re.compile(
    r"\s*(\d{4})(\d{2})(\d{2})(?:[T\s]*(\d{2}):?(\d{2})(?::?(\d{2})(?:\.(\d{1,7}))?)?)?\s*(Z)?\s*", re.I
)
_AMERICAN = re.compile(
    r"\s*(\d{1,2})/(\d{1,2})/(\d{4})(?:,?\s+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,7})\d*)?)?\s*([AP]M)?)?\s*(Z)?\s*",
    re.I,
)
_WORDS = (
    "%d %b %Y %H:%M:%S",
    "%a, %d %b %Y %H:%M:%S",
    "%a, %d %b %y %H:%M:%S",
    "%d %b %Y",
    "%d %b %y %H:%M:%S",
    "%d-%b-%y %H:%M:%S",
    "%A, %d-%b-%y %H:%M:%S",
    "%a %b %d %H:%M:%S %Y",
    "%b %d, %Y",
    "%b %d %Y",
    "%B %d, %Y",
    "%d %B %Y",
    "%B %d %Y",
)
BOOLEANS = {"true": True, "false": False, "True": True, "False": False, "TRUE": True, "FALSE": False}
"""The spellings of a bool."""


class Moment(int):
    """Ticks of a time that goes with the query's own moment, where somebody asks what depends on that.

    What is added to or taken from it gives another; nothing else is computed of it while a query is compiled.
    """


def unescape(text: str) -> str:
    r"""The value of a quoted string's inside: `\n`, `\u00e9`, `\x41` and their like are read.

    >>> unescape(r"a\tb")
    'a\tb'
    """
    if "\\" not in text:
        return text

    def meaning(match: re.Match[str]) -> str:
        four, eight, two, octal, other = match.groups()
        if code := four or eight or two:
            return chr(int(code, 16)) if int(code, 16) < 0x110000 else "\ufffd"
        if octal:
            return chr(int(octal, 8))
        return _ESCAPES.get(other, other)

    # Two halves of a surrogate pair are one character, and half of one is none: no engine takes it.
    return _ESCAPE.sub(meaning, text).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def whole(value: object) -> object:
    """A value of JSON in which each half of a character, which no bytes are, is the replacement character."""
    if isinstance(value, str):
        if not _HALF.search(value):
            return value
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list | tuple):
        return [whole(v) for v in value]
    if isinstance(value, dict):
        return {whole(k): whole(v) for k, v in value.items()}
    return value


_HALF = re.compile("[\ud800-\udfff]")


def timespan(text: str) -> int | None:
    """Ticks of `1d`, `2.5h`, `1.02:03:04.5`, `00:10`, or a bare number of days; None where it is none of these."""
    if len(text) > 64:
        return None
    if match := _SHORT.fullmatch(text):
        unit = _UNITS[_LONG_UNITS[match[2].lower()]]
        return round(Decimal(match[1]) * Decimal(str(unit)))
    match = _CLOCK.fullmatch(text)
    if not match or not (match[2] or match[3]):
        return None
    sign, days, hours, minutes, seconds, fraction = match.groups()
    if days is None and hours is None:
        return None
    if hours is None and "." in text:
        return None
    if int(hours or 0) > 23 or int(minutes or 0) > 59 or int(seconds or 0) > 59:
        return None
    whole = ((int(days or 0) * 24 + int(hours or 0)) * 60 + int(minutes or 0)) * 60 + int(seconds or 0)
    ticks = whole * TICKS_PER_SECOND + int((fraction or "").ljust(7, "0"))
    return -ticks if sign == "-" else ticks


def datetime_ticks(text: str) -> int | None:
    """Ticks since year 1 of an ISO 8601, American or RFC 822 time, in UTC where it names no zone; else None."""
    if match := _ISO.fullmatch(text) or _COMPACT.fullmatch(text) or _LISTED.fullmatch(text):
        year, month, day, hour, minute, second, fraction, zone = match.groups()
        return _ticks(year, month, day, hour, minute, second, fraction, zone)
    if match := _AMERICAN.fullmatch(text):
        month, day, year, hour, minute, second, fraction, half, zone = match.groups()
        if half:
            hour = str(int(hour) % 12 + (12 if half.upper() == "PM" else 0))
        return _ticks(year, month, day, hour, minute, second, fraction, zone)
    words = re.sub(r"\s*(GMT|UTC|Z)\s*$", "", text.strip())
    for form in _WORDS:
        try:
            return ticks_of(datetime.strptime(words, form).replace(tzinfo=UTC))
        except ValueError:
            continue
    return None


def _ticks(
    year: str,
    month: str,
    day: str | None,
    hour: str | None,
    minute: str | None,
    second: str | None,
    fraction: str | None,
    zone: str | None,
) -> int | None:
    try:
        # A second of 60 or an hour of 24 is a moment in the next minute or day, as .NET refuses it: so do we.
        at = datetime(
            int(year), int(month), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=UTC
        )
    except ValueError:
        return None
    ticks = ticks_of(at) + int((fraction or "").ljust(7, "0"))
    if zone and zone[0] in "+-":
        hours, minutes = int(zone[1:-2].rstrip(":")), int(zone[-2:])
        offset = (hours * 60 + minutes) * 60 * TICKS_PER_SECOND
        ticks += offset if zone[0] == "-" else -offset
    return ticks if 0 <= ticks <= MAX_DATETIME else None


def ticks_of(at: datetime) -> int:
    """Ticks since year 1 of an aware datetime."""
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * TICKS_PER_SECOND + since.microseconds * 10


def datetime_of(ticks: int) -> datetime:
    """The aware datetime of ticks since year 1; the last digit, below the microsecond, is dropped."""
    return _EPOCH + timedelta(microseconds=ticks // 10)


def timespan_text(ticks: int) -> str:
    """`1.02:03:04.5000000`, as Kusto prints a timespan."""
    sign, ticks = ("-", -ticks) if ticks < 0 else ("", ticks)
    seconds, fraction = divmod(ticks, TICKS_PER_SECOND)
    days, seconds = divmod(seconds, 86_400)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{sign}{f'{days}.' if days else ''}{clock}{f'.{fraction:07}' if fraction else ''}"


def datetime_text(ticks: int) -> str:
    """`2024-02-29T12:34:56.7891234Z`, as Kusto prints a datetime."""
    return f"{datetime_of(ticks - ticks % TICKS_PER_SECOND):%Y-%m-%dT%H:%M:%S}.{ticks % TICKS_PER_SECOND:07}Z".rjust(
        28, "0"
    )


def decimal_text(number: Decimal) -> str:
    """`1.5`, without an exponent and without the zeros at the end."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def number(text: str) -> int | None:
    """A whole number in decimal or `0x` hexadecimal digits; None where it is none."""
    try:
        return int(text.strip(), 16 if re.match(r"\s*[+-]?0[xX]", text) else 10)
    except ValueError:
        return None


def real(text: str) -> float | None:
    """A real number, `nan`, `+inf` or `-inf`; None where it is none."""
    try:
        return float(text.strip())
    except ValueError:
        return None


def decimal(text: str) -> Decimal | None:
    """A decimal number; None where it is none."""
    try:
        return Decimal(text.strip())
    except InvalidOperation:
        return None


_GUID = re.compile(r"\{?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})\}?", re.I)


def guid(text: str) -> str | None:
    """A GUID in lower case with hyphens; None where it is none."""
    match = _GUID.fullmatch(text.strip())
    return "-".join(match.groups()).lower() if match else None


def typed_value(type_: ScalarType, text: str) -> tuple[object, bool]:
    """What stands between the parentheses of `type(…)`, and whether it could be read."""
    if text[:1] in ("'", '"'):
        text = text[1:-1]
    if text in ("", "null"):
        return None, True
    value: object
    match type_:
        case ScalarType.BOOL:
            value = {"true": True, "false": False, "1": True, "0": False}.get(text.lower())
        case ScalarType.INT | ScalarType.LONG:
            value = number(text)
        case ScalarType.REAL:
            value = real(text)
        case ScalarType.DECIMAL:
            value = decimal(text)
        case ScalarType.DATETIME:
            value = datetime_ticks(text)
        case ScalarType.TIMESPAN:
            value = timespan(text)
        case _:
            value = guid(text)
    return value, value is not None


def json_value(value: object, type_: ScalarType) -> object:
    """A literal as it stands inside a dynamic: times are text there."""
    if value is None:
        return None
    match type_, value:
        case ScalarType.DATETIME, int(ticks):
            return datetime_text(ticks)
        case ScalarType.TIMESPAN, int(ticks):
            return timespan_text(ticks)
        case ScalarType.DECIMAL, Decimal() as number:
            return float(number)
    return value
