"""Points in time with 100 ns, and how .NET reads and writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from huntlake.wdl.dotnet.zones import zone
from huntlake.wdl.expressions.values import Fault

TICKS = 10_000_000
"""To the second."""
DAY = 86_400 * TICKS
LATEST = 3_652_059 * DAY - 1
_START = datetime(1, 1, 1)

MONTHS = "January February March April May June July August September October November December".split()
DAYS = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split()


@dataclass(frozen=True, slots=True)
class Timestamp:
    """Ticks of 100 ns since the year 1; `utc` where the text said which zone it meant."""

    ticks: int
    utc: bool

    def plus(self, ticks: int) -> Timestamp:
        """So many ticks later. Raises `Fault` outside of the years 1 to 9999."""
        return replace(self, ticks=_inside(self.ticks + ticks))

    def plus_months(self, months: int) -> Timestamp:
        """So many months later; the last day of a month that is too short."""
        at = self.parts
        count = at.year * 12 + at.month - 1 + months
        if not 12 <= count < 120_000:
            raise Fault("the time is outside of the years 1 to 9999")
        year, month = divmod(count, 12)
        following = (year * 12 + month + 1) // 12, (month + 1) % 12 + 1
        last = 31 if month == 11 else (datetime(*following, 1) - timedelta(days=1)).day
        moved = at.replace(year=year, month=month + 1, day=min(at.day, last))
        return replace(self, ticks=_ticks(moved) + self.ticks % 10)

    @property
    def parts(self) -> datetime:
        """The year, month, day and so on; of the ticks it has only whole microseconds."""
        return _START + timedelta(microseconds=self.ticks // 10)


def of(at: datetime) -> Timestamp:
    """An aware `datetime` as a timestamp in UTC."""
    return Timestamp(_ticks(at.astimezone(UTC).replace(tzinfo=None)), True)


def to_datetime(at: Timestamp) -> datetime:
    """The `datetime` in UTC; a time without a zone is taken for UTC."""
    return at.parts.replace(tzinfo=UTC)


def converted(at: Timestamp, source: str, target: str) -> Timestamp:
    """A time on the clocks of `source`, or in UTC where it says so, on those of `target`. Raises `Fault`."""
    from_zone, to_zone = zone(source), zone(target)
    try:
        local = at.parts.replace(tzinfo=UTC if at.utc else from_zone)
        moved = local.astimezone(UTC).astimezone(to_zone).replace(tzinfo=None)
    except OverflowError:
        raise Fault("the time is outside of the years 1 to 9999") from None
    return Timestamp(_ticks(moved) + at.ticks % 10, to_zone.key in ("UTC", "Etc/UTC"))


def _ticks(at: datetime) -> int:
    return (at - _START) // timedelta(microseconds=1) * 10


def _inside(ticks: int) -> int:
    if not 0 <= ticks <= LATEST:
        raise Fault("the time is outside of the years 1 to 9999")
    return ticks


# -- reading ---------------------------------------------------------------------

_TIME = r"(?P<hour>\d{1,2}):(?P<minute>\d{1,2})(?::(?P<second>\d{1,2})(?:[.,](?P<fraction>\d{1,16}))?)?"
_TIME += r"(?:\s*(?P<half>[AaPp])\.?[Mm]\.?)?"
_ZONE = r"\s*(?P<zone>Z|z|GMT|UTC|[+-]\d{1,2}(?::?\d{2})?)?"
_MONTH = "(?P<name>" + "|".join(f"{m[:3]}(?:{m[3:]})?" for m in MONTHS) + ")"
_WEEKDAY = "(?:(?:" + "|".join(f"{d[:3]}(?:{d[3:]})?" for d in DAYS) + r"),?\s+)?"
_DATES = (
    r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})",
    r"(?P<month>\d{1,2})[-/.](?P<day>\d{1,2})[-/.](?P<year>\d{4}|\d{2})",
    rf"{_WEEKDAY}{_MONTH}\.?\s+(?P<day>\d{{1,2}}),?\s+(?P<year>\d{{4}})",
    rf"{_WEEKDAY}(?P<day>\d{{1,2}})[\s-]{_MONTH}\.?,?[\s-](?P<year>\d{{4}})",
    rf"{_MONTH}\.?,?\s+(?P<year>\d{{4}})",
    r"(?P<year>\d{4})-(?P<month>\d{1,2})",
)
_SHAPES = tuple(re.compile(rf"\s*{date}(?:(?:\s*[Tt]\s*|,?\s+){_TIME})?{_ZONE}\s*", re.IGNORECASE) for date in _DATES)


def read(text: str) -> Timestamp:
    """A timestamp as .NET reads it leniently in en-US; with an offset it is moved to UTC. Raises `Fault`."""
    if len(text) <= 100:
        for shape in _SHAPES:
            if match := shape.fullmatch(text):
                return _made(match.groupdict(), text)
    raise Fault(f"`{text[:100]}` is not a valid date and time")


def _made(parts: dict[str, str | None], text: str) -> Timestamp:
    year = int(parts["year"] or 0)
    if len(parts["year"] or "") == 2:
        year += 2000 if year < 50 else 1900
    name = parts.get("name")
    month = [m[:3].lower() for m in MONTHS].index(name[:3].lower()) + 1 if name else int(parts["month"] or 1)
    hour = int(parts["hour"] or 0)
    if half := parts["half"]:
        if not 1 <= hour <= 12:
            raise Fault(f"`{text}` is not a valid date and time")
        hour = hour % 12 + (12 if half in "Pp" else 0)
    fraction = ((parts["fraction"] or "") + "0000000")[:7]
    midnight = hour == 24 and not int(parts["minute"] or 0) and not int(parts["second"] or 0)
    try:
        at = datetime(
            year, month, int(parts.get("day") or 1), 0 if midnight else hour, int(parts["minute"] or 0),
            int(parts["second"] or 0),
        )  # fmt: skip
    except ValueError:
        raise Fault(f"`{text}` is not a valid date and time") from None
    ticks = _ticks(at) + int(fraction) + (DAY if midnight else 0)
    offset = parts["zone"]
    if not offset:
        return Timestamp(_inside(ticks), False)
    return Timestamp(_inside(ticks - _offset(offset)), True)


def _offset(zone: str) -> int:
    if zone[0] not in "+-":
        return 0
    digits = zone[1:].replace(":", "")
    hours, minutes = (int(digits), 0) if len(digits) <= 2 else (int(digits[:-2]), int(digits[-2:]))
    return (hours * 60 + minutes) * 60 * TICKS * (-1 if zone[0] == "-" else 1)


def read_exactly(text: str, format: str) -> Timestamp:
    """A timestamp of text that has just this .NET format. Raises `Fault`."""
    pattern = "".join(_PATTERNS.get(t) or re.escape(_literal(t)) for t in _tokens(_written_out(format)))
    try:
        match = re.fullmatch(pattern, text.strip(), re.IGNORECASE)
    except re.error:
        raise Fault(f"the date format `{format}` is not supported for reading") from None
    if match is None:
        raise Fault(f"`{text[:100]}` has not the format `{format}`")
    parts: dict[str, str | None] = dict.fromkeys(("year", "month", "day", "hour", "minute", "second", "fraction"))
    parts |= {"half": None, "zone": None} | match.groupdict()
    return _made(parts | {"year": parts["year"] or "0001"}, text)


_PATTERNS = {
    "yyyy": r"(?P<year>\d{4})", "yy": r"(?P<year>\d{2})", "MM": r"(?P<month>\d{2})", "M": r"(?P<month>\d{1,2})",
    "MMM": "(?P<name>" + "|".join(m[:3] for m in MONTHS) + ")", "MMMM": "(?P<name>" + "|".join(MONTHS) + ")",
    "dd": r"(?P<day>\d{2})", "d": r"(?P<day>\d{1,2})", "HH": r"(?P<hour>\d{2})", "H": r"(?P<hour>\d{1,2})",
    "hh": r"(?P<hour>\d{2})", "h": r"(?P<hour>\d{1,2})", "mm": r"(?P<minute>\d{2})", "m": r"(?P<minute>\d{1,2})",
    "ss": r"(?P<second>\d{2})", "s": r"(?P<second>\d{1,2})", "tt": r"(?P<half>[AaPp])[Mm]",
    "K": r"(?P<zone>Z|[+-]\d{2}:\d{2})?", "zzz": r"(?P<zone>[+-]\d{2}:\d{2})", "zz": r"(?P<zone>[+-]\d{2})",
    "ddd": "(?:" + "|".join(d[:3] for d in DAYS) + ")", "dddd": "(?:" + "|".join(DAYS) + ")",
    **{"f" * n: rf"(?P<fraction>\d{{{n}}})" for n in range(1, 8)},
    **{"F" * n: rf"(?P<fraction>\d{{0,{n}}})" for n in range(1, 8)},
}  # fmt: skip


# -- writing ---------------------------------------------------------------------

_STANDARD = {
    "d": "M/d/yyyy",
    "D": "dddd, MMMM d, yyyy",
    "f": "dddd, MMMM d, yyyy h:mm tt",
    "F": "dddd, MMMM d, yyyy h:mm:ss tt",
    "g": "M/d/yyyy h:mm tt",
    "G": "M/d/yyyy h:mm:ss tt",
    "m": "MMMM d",
    "o": "yyyy-MM-ddTHH:mm:ss.fffffffK",
    "r": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
    "s": "yyyy-MM-ddTHH:mm:ss",
    "t": "h:mm tt",
    "T": "h:mm:ss tt",
    "u": "yyyy-MM-dd HH:mm:ss'Z'",
    "U": "dddd, MMMM d, yyyy h:mm:ss tt",
    "y": "MMMM yyyy",
}
_STANDARD |= {letter.upper(): _STANDARD[letter] for letter in "mory"}

_TOKEN = re.compile(r"'[^']*'|\"[^\"]*\"|\\.|%|y+|M+|d+|H+|h+|m+|s+|f+|F+|t+|z+|g+|K|.", re.DOTALL)


def written(at: Timestamp, format: str = "o") -> str:
    """A timestamp by a .NET format in en-US, standard or custom. Raises `Fault` for one that .NET doesn't know."""
    if len(format) > 1000:
        raise Fault("a date format has at most 1,000 characters")
    made: list[str] = []
    for token in _tokens(_written_out(format)):
        shown = _shown(at, token)
        if token[0] == "F" and not shown and made and made[-1] == ".":
            made.pop()
        made.append(shown)
    return "".join(made)


def _written_out(format: str) -> str:
    if len(format) != 1:
        return format or _STANDARD["G"]
    if format not in _STANDARD:
        raise Fault(f"`{format}` is not a date format")
    return _STANDARD[format]


def _tokens(format: str) -> list[str]:
    tokens = _TOKEN.findall(format)
    for token in tokens:
        if token in ("'", '"') or token == "\\" or (token[0] in "fF" and len(token) > 7):
            raise Fault(f"`{format}` is not a date format")
    return tokens


def _literal(token: str) -> str:
    if token[0] in "'\"":
        return token[1:-1]
    return token[1:] if token[0] in "\\%" else token


def _shown(at: Timestamp, token: str) -> str:
    parts, count = at.parts, len(token)
    match token[0]:
        case "y":
            return f"{parts.year % 100 if count <= 2 else parts.year:0{count}}"
        case "M":
            return f"{parts.month:0{count}}" if count <= 2 else MONTHS[parts.month - 1][: 3 if count == 3 else None]
        case "d":
            weekday = DAYS[parts.isoweekday() % 7]
            return f"{parts.day:0{count}}" if count <= 2 else weekday[: 3 if count == 3 else None]
        case "H":
            return f"{parts.hour:0{min(count, 2)}}"
        case "h":
            return f"{(parts.hour + 11) % 12 + 1:0{min(count, 2)}}"
        case "m":
            return f"{parts.minute:0{min(count, 2)}}"
        case "s":
            return f"{parts.second:0{min(count, 2)}}"
        case "f":
            return f"{at.ticks % TICKS:07}"[:count]
        case "F":
            return f"{at.ticks % TICKS:07}"[:count].rstrip("0")
        case "t":
            return ("AM" if parts.hour < 12 else "PM")[: min(count, 2)]
        case "z":
            return "+0" if count == 1 else "+00" if count == 2 else "+00:00"
        case "K":
            return "Z" if at.utc else ""
        case "g":
            return "A.D."
    return _literal(token)


def span_text(ticks: int) -> str:
    """A difference of times as .NET prints it: `[-][d.]hh:mm:ss[.fffffff]`."""
    days, rest = divmod(abs(ticks), DAY)
    seconds, fraction = divmod(rest, TICKS)
    shown = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return ("-" if ticks < 0 else "") + (f"{days}." if days else "") + shown + (f".{fraction:07}" if fraction else "")
