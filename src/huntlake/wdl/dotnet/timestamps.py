"""Points in time with 100 ns, and how .NET reads and writes them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from huntlake.wdl.dotnet.cultures import ENGLISH, Culture
from huntlake.wdl.dotnet.zones import zone
from huntlake.wdl.expressions.values import Fault

TICKS = 10_000_000
"""To the second."""
DAY = 86_400 * TICKS
LATEST = 3_652_059 * DAY - 1
_START = datetime(1, 1, 1)


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
    """A time on the clocks of `source`, or in UTC where it says so, on those of `target`.

    One that the clocks show twice is taken for standard time, as .NET takes it; one that they leave out raises `Fault`.
    """
    from_zone, to_zone = zone(source), zone(target)
    try:
        local = at.parts.replace(tzinfo=UTC if at.utc else from_zone, fold=1)
        moved = local.astimezone(UTC)
        if not at.utc and moved.astimezone(from_zone).replace(tzinfo=None, fold=0) != at.parts:
            raise Fault(f"the clocks of `{source}` never show {written(at, 's')}: they are put forward then")
        moved = moved.astimezone(to_zone).replace(tzinfo=None)
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

_TIME = r"(?P<hour>[0-9]{1,2})<:>(?P<minute>[0-9]{1,2})(?:<:>(?P<second>[0-9]{1,2})(?:[.,](?P<fraction>[0-9]{1,16}))?)?"
_TIME += r"(?:\s*(?P<half>[AaPp])\.?[Mm]\.?)?"
_ZONE = r"\s*(?P<zone>Z|z|GMT|UTC|[+-][0-9]{1,2}(?::?[0-9]{2})?)?"
_FURTHEST = 14 * 60
"""So many minutes a clock may be from UTC."""
_SEPARATED = r"[-/.]\s?"
_PARTS = {"y": r"(?P<year>[0-9]{4}|[0-9]{2})", "M": r"(?P<month>[0-9]{1,2})", "d": r"(?P<day>[0-9]{1,2})"}


@lru_cache(maxsize=64)
def _shapes(culture: Culture) -> tuple[re.Pattern[str], ...]:
    """The forms of a date in a culture, with a time behind it or none."""
    month, weekday = rf"(?P<name>{_any(_months(culture))})\.?", rf"(?P<weekday>{_any(_weekdays(culture))})"
    weekday = rf"(?:{weekday}\.?,?\s+)?"
    of = r"(?:de\s+|den\s+)?"
    dates = (
        r"(?P<year>[0-9]{4})[-/.](?P<month>[0-9]{1,2})[-/.](?P<day>[0-9]{1,2})",
        _SEPARATED.join(_PARTS[p] for p in culture.order),
        rf"{weekday}{month}\s+(?P<day>[0-9]{{1,2}}),?\s+(?P<year>[0-9]{{4}})",
        rf"{weekday}{of}(?P<day>[0-9]{{1,2}})\.?[\s-]{of}{month},?[\s-]{of}(?P<year>[0-9]{{4}})",
        rf"{month},?\s+{of}(?P<year>[0-9]{{4}})",
        r"(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})",
    )
    time = _time(culture)
    return tuple(re.compile(rf"\s*{d}(?:(?:\s*[Tt]\s*|,?\s+){time})?{_ZONE}\s*", re.IGNORECASE) for d in dates)


def _time(culture: Culture) -> str:
    return _TIME.replace("<:>", ":" if culture.time_mark == ":" else "[:.]")


@lru_cache(maxsize=64)
def _time_alone(culture: Culture) -> re.Pattern[str]:
    return re.compile(rf"\s*{_time(culture)}{_ZONE}\s*", re.IGNORECASE)


def _months(culture: Culture) -> dict[str, int]:
    """The number of each month by its names, in lower case and without the point of what is cut short."""
    kinds = [culture.months(short, beside) for short in (False, True) for beside in (False, True)]
    return {name.lower().rstrip("."): n for names in kinds for n, name in enumerate(names, 1)}


def _weekdays(culture: Culture) -> dict[str, int]:
    return {d.lower().rstrip("."): n for short in (True, False) for n, d in enumerate(culture.days(short))}


def _numbered(names: Mapping[str, int], name: str) -> int:
    # Capitals that no small letter of a culture has, as in Turkish, fit by one alphabet and not by the other.
    number = names.get(name.lower().rstrip("."))
    if number is None:
        raise Fault(f"`{name}` is not a valid date and time")
    return number


def _any(names: Iterable[str]) -> str:
    return "|".join(re.escape(n) for n in sorted(names, key=len, reverse=True))


def read(text: str, culture: Culture = ENGLISH, today: datetime | None = None) -> Timestamp:
    """A timestamp as .NET reads it leniently; with an offset it is moved to UTC. Raises `Fault`.

    A time alone is of `today`, where that is known.
    """
    if len(text) <= 100:
        for shape in _shapes(culture):
            if match := shape.fullmatch(text):
                return _made(match.groupdict(), text, culture)
        if today is not None and (match := _time_alone(culture).fullmatch(text)):
            date = {"year": f"{today.year:04}", "month": str(today.month), "day": str(today.day)}
            return _made({**match.groupdict(), **date}, text, culture)
    raise Fault(f"`{text[:100]}` is not a valid date and time")


def _made(parts: dict[str, str | None], text: str, culture: Culture) -> Timestamp:
    year = int(parts["year"] or 0)
    if len(parts["year"] or "") == 2:
        year += 2000 if year < 50 else 1900
    name = parts.get("name")
    month = _numbered(_months(culture), name) if name else int(parts["month"] or 1)
    hour = int(parts["hour"] or 0)
    if half := parts["half"]:
        if not 1 <= hour <= 12:
            raise Fault(f"`{text}` is not a valid date and time")
        hour = hour % 12 + (12 if half in "Pp" else 0)
    # .NET rounds to its ticks.
    fraction = round(Decimal(f"0.{parts['fraction'] or 0}").scaleb(7))
    midnight = hour == 24 and not int(parts["minute"] or 0) and not int(parts["second"] or 0)
    try:
        at = datetime(
            year, month, int(parts.get("day") or 1), 0 if midnight else hour, int(parts["minute"] or 0),
            int(parts["second"] or 0),
        )  # fmt: skip
    except ValueError:
        raise Fault(f"`{text}` is not a valid date and time") from None
    weekday = parts.get("weekday")
    if weekday and _numbered(_weekdays(culture), weekday) != at.isoweekday() % 7:
        raise Fault(f"`{text}` is not a valid date and time: that day is another day of the week")
    ticks = _ticks(at) + fraction + (DAY if midnight else 0)
    offset = parts["zone"]
    if not offset:
        return Timestamp(_inside(ticks), False)
    return Timestamp(_inside(ticks - _offset(offset, text)), True)


def _offset(zone: str, text: str) -> int:
    if zone[0] not in "+-":
        return 0
    digits = zone[1:].replace(":", "")
    hours, minutes = (int(digits), 0) if len(digits) <= 2 else (int(digits[:-2]), int(digits[-2:]))
    if minutes > 59 or hours * 60 + minutes > _FURTHEST:
        raise Fault(f"`{text}` is not a valid date and time: no clock is {zone} from UTC")
    return (hours * 60 + minutes) * 60 * TICKS * (-1 if zone[0] == "-" else 1)


def read_exactly(text: str, format: str, culture: Culture = ENGLISH, today: datetime | None = None) -> Timestamp:
    """A timestamp of text that has just this .NET format; a date that it doesn't say is today's. Raises `Fault`."""
    tokens = _tokens(_written_out(format, culture))
    pattern = "".join(_pattern(t, culture) for t in tokens)
    try:
        match = re.fullmatch(pattern, text.strip(), re.IGNORECASE)
    except re.error:
        raise Fault(f"the date format `{format}` is not supported for reading") from None
    if match is None:
        raise Fault(f"`{text[:100]}` has not the format `{format}`")
    parts: dict[str, str | None] = dict.fromkeys(("year", "month", "day", "hour", "minute", "second", "fraction"))
    parts |= {"half": None, "zone": None} | match.groupdict()
    if not parts["year"]:
        if today is None:
            raise Fault(f"the date format `{format}` is not supported here: it has no year")
        parts["year"] = f"{today.year:04}"
        if not (parts["month"] or parts.get("name") or parts["day"]):
            parts |= {"month": str(today.month), "day": str(today.day)}
    if (half := parts["half"]) is not None:
        halves = [h.lower() for h in culture.halves.split("|")]
        parts["half"] = "AP"[[h[: len(half)] for h in halves].index(half.lower())]
    return _made(parts, text, culture)


def _pattern(token: str, culture: Culture) -> str:
    match token:
        case "MMM" | "MMMM":
            months = culture.months(token == "MMM", False) + culture.months(token == "MMM", True)
            return f"(?P<name>{_any(months)})"
        case "ddd" | "dddd":
            return f"(?P<weekday>{_any(culture.days(token == 'ddd'))})"
        case "t" | "tt":
            halves = culture.halves.split("|")
            return f"(?P<half>{_any(h[: 1 if token == 't' else None] for h in halves)})"
        case "/" | ":":
            return re.escape(culture.date_mark if token == "/" else culture.time_mark)
    return _PATTERNS.get(token) or re.escape(_literal(token))


_PATTERNS = {
    "yyyy": r"(?P<year>[0-9]{4})",
    "yy": r"(?P<year>[0-9]{2})",
    "MM": r"(?P<month>[0-9]{2})",
    "M": r"(?P<month>[0-9]{1,2})",
    "dd": r"(?P<day>[0-9]{2})",
    "d": r"(?P<day>[0-9]{1,2})",
    "HH": r"(?P<hour>[0-9]{2})",
    "H": r"(?P<hour>[0-9]{1,2})",
    "hh": r"(?P<hour>[0-9]{2})",
    "h": r"(?P<hour>[0-9]{1,2})",
    "mm": r"(?P<minute>[0-9]{2})",
    "m": r"(?P<minute>[0-9]{1,2})",
    "ss": r"(?P<second>[0-9]{2})",
    "s": r"(?P<second>[0-9]{1,2})",
    "K": r"(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})?",
    "zzz": r"(?P<zone>[+-][0-9]{2}:[0-9]{2})",
    "zz": r"(?P<zone>[+-][0-9]{2})",
    **{"f" * n: rf"(?P<fraction>[0-9]{{{n}}})" for n in range(1, 8)},
    **{"F" * n: rf"(?P<fraction>[0-9]{{0,{n}}})" for n in range(1, 8)},
}


# -- writing ---------------------------------------------------------------------

_ALIKE = {
    "o": "yyyy-MM-ddTHH:mm:ss.fffffffK",
    "r": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
    "s": "yyyy-MM-ddTHH:mm:ss",
    "u": "yyyy-MM-dd HH:mm:ss'Z'",
}
"""The standard formats that are the same in every culture."""
_ALIKE |= {letter.upper(): _ALIKE[letter] for letter in "or"}
_CULTURAL = {letter: letter for letter in "dDfFgGmtTUy"} | {"M": "m", "Y": "y"}

_TOKEN = re.compile(r"'[^']*'|\"[^\"]*\"|\\.|%|y+|M+|d+|H+|h+|m+|s+|f+|F+|t+|z+|g+|K|.", re.DOTALL)


def written(at: Timestamp, format: str = "o", culture: Culture = ENGLISH) -> str:
    """A timestamp by a .NET format, standard or custom. Raises `Fault` for one that .NET doesn't know."""
    if len(format) > 1000:
        raise Fault("a date format has at most 1,000 characters")
    culture = ENGLISH if format in _ALIKE else culture
    tokens = _tokens(_written_out(format, culture))
    beside_day = "d" in tokens or "dd" in tokens
    made: list[str] = []
    for token in tokens:
        shown = _shown(at, token, culture, beside_day)
        if token[0] == "F" and not shown and made and made[-1] == ".":
            made.pop()
        made.append(shown)
    return "".join(made)


def _written_out(format: str, culture: Culture) -> str:
    if len(format) > 1:
        return format
    if (format or "G") in _CULTURAL:
        return culture.standard(_CULTURAL[format or "G"])
    if format not in _ALIKE:
        raise Fault(f"`{format}` is not a date format")
    return _ALIKE[format]


def _tokens(format: str) -> list[str]:
    tokens = _TOKEN.findall(format)
    for index, token in enumerate(tokens):
        open_ended = token == "%" and (index + 1 == len(tokens) or tokens[index + 1] == "%")
        if token in ("'", '"') or token == "\\" or (token[0] in "fF" and len(token) > 7) or open_ended:
            raise Fault(f"`{format}` is not a date format")
    return tokens


def _literal(token: str) -> str:
    if token[0] in "'\"":
        return token[1:-1]
    return token[1:] if token[0] in "\\%" else token


def _shown(at: Timestamp, token: str, culture: Culture, beside_day: bool) -> str:
    parts, count = at.parts, len(token)
    match token[0]:
        case "y":
            return f"{parts.year % 100 if count <= 2 else parts.year:0{count}}"
        case "M":
            return f"{parts.month:0{count}}" if count <= 2 else culture.months(count == 3, beside_day)[parts.month - 1]
        case "d":
            return f"{parts.day:0{count}}" if count <= 2 else culture.days(count == 3)[parts.isoweekday() % 7]
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
            half = culture.halves.split("|")[parts.hour >= 12]
            return half[:1] if count == 1 else half
        case "z":
            return "+0" if count == 1 else "+00" if count == 2 else "+00:00"
        case "K":
            return "Z" if at.utc else ""
        case "g":
            return "A.D."
        case "/":
            return culture.date_mark
        case ":":
            return culture.time_mark
    return _literal(token)


def span_text(ticks: int) -> str:
    """A difference of times as .NET prints it: `[-][d.]hh:mm:ss[.fffffff]`."""
    days, rest = divmod(abs(ticks), DAY)
    seconds, fraction = divmod(rest, TICKS)
    shown = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return ("-" if ticks < 0 else "") + (f"{days}." if days else "") + shown + (f".{fraction:07}" if fraction else "")
