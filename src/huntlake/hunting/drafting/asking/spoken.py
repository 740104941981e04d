"""What a question says: values, a window of time, how many rows, what is counted by what."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from huntlake.hunting.drafting.asking.tables import said


class ValueKind(StrEnum):
    """What a value looks like."""

    ADDRESS = "address"
    MAIL = "mail"
    GUID = "guid"
    HASH = "hash"
    KEY = "key"
    CVE = "cve"
    URL = "url"
    DOMAIN = "domain"
    FILE = "file"
    PATH = "path"
    NUMBER = "number"
    QUOTED = "quoted"
    WORD = "word"


@dataclass(frozen=True, slots=True)
class SpokenValue:
    """A value in a question, and the words before and after it, the nearest first."""

    text: str
    kind: ValueKind
    before: tuple[str, ...]
    after: tuple[str, ...]
    start: int
    end: int
    denied: bool = False
    """Whether the question wants what is not so."""
    operator: str = ""
    """How to compare it, where the question says so: `contains`, `startswith`, `endswith`, `regex`, `==`, `>` …"""
    group: int = 0
    """Values that are listed together have the same."""


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """The time that a question is about: so long ago, a day (`today`, `yesterday`), or from and until.

    `before` are the words that lead to it.
    """

    ago: str = ""
    day: str = ""
    since: datetime | None = None
    until: datetime | None = None
    before: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Spoken:
    """A question, read.

    `counted` is whether it asks how many; `most` how many rows, `by` what may be the words of groups, `every` the
    length of each while that is counted alone. `read` are the places of what was read besides values, `beyond` the
    words of what such a reading has no room for: another time, how often something happened.
    """

    text: str
    words: tuple[str, ...]
    values: tuple[SpokenValue, ...]
    window: TimeWindow | None = None
    most: int | None = None
    counted: bool = False
    distinct: bool = False
    newest: bool = False
    ascending: bool = False
    by: tuple[tuple[str, ...], ...] = ()
    every: str = ""
    read: tuple[tuple[int, int], ...] = ()
    beyond: tuple[str, ...] = ()


_NUMBERS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "ten": 10, "couple of": 2, "few": 3,
}  # fmt: skip
_DAYS_OF = {"mo": 30, "w": 7, "y": 365, "q": 90, "d": 1}
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_AGO = re.compile(
    r"\b(?:in|over|during|within|for|from|of|since)?\s*(?:the\s+)?(?:last|past|previous|recent)\s+"
    rf"(?:(?P<count>\d+|{'|'.join(_NUMBERS)})\s*)?(?:full\s+)?"
    r"(?P<unit>minutes?|mins?|hours?|hrs?|hr|days?|weeks?|months?|years?|quarters?|[mhdw]\b)",
    re.I,
)
_BACK = re.compile(
    rf"\b(?P<count>\d+|{'|'.join(_NUMBERS)})\s*(?P<unit>minutes?|hours?|days?|weeks?|months?)\s+(?:ago|back)\b", re.I
)
_DAY = re.compile(r"\b(?P<day>today|yesterday)\b", re.I)
_DATE = (
    r"(?:\d{4}[-/]\d{1,2}[-/]\d{1,2}|\d{1,2}[-/]\d{1,2}[-/]\d{4}"
    rf"|(?:{'|'.join(_MONTHS)})[a-z]*\.?\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+\d{{4}})"
)
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:\s*[AP]M)?"
_MOMENT = re.compile(
    rf"(?P<date>{_DATE})(?:(?:\s*,?\s*(?:at\s+)?|T)(?P<clock>{_CLOCK}))?\s*(?:Z\b|UTC\b)?"
    rf"|(?P<clock2>{_CLOCK})\s*(?:UTC\s*)?(?:on|of)\s+(?P<date2>{_DATE})",
    re.I,
)
_MOST = re.compile(
    r"\b(?:top|first|limit(?:ed)?(?:\s+to)?|up\s+to|latest|last|show(?:\s+me)?|display|give(?:\s+me)?|get|list(?:\s+of)?|sample|"
    r"return|any|newest|oldest)\s+(?:the\s+)?(?:top\s+|first\s+|latest\s+|last\s+|newest\s+)?(?P<n>\d{1,6})\b"
    r"(?!\s*(?:days?|hours?|minutes?|weeks?|months?|d\b|h\b|[-/.:]\d))"
    r"|\b(?P<n2>\d{1,6})\s+(?:\w+\s+){0,2}?(?:entries|records|rows|results|samples?|events?|latest|newest)\b",
    re.I,
)
_COUNT = re.compile(r"\b(?:how many|count|number of|total)\b", re.I)
_DISTINCT = re.compile(r"\b(?:distinct|unique|different|list of|names? of)\b", re.I)
_NEWEST = re.compile(r"\b(?:latest|newest|most recent|recent first|starting with newest)\b", re.I)
_BY = re.compile(
    r"\b(?:by|per|for each|grouped by|group by|by each)\s+(?:the\s+)?(?!number\b|count\b|total\b)"
    r"((?:[A-Za-z_]+[ ,]*){1,5})",
    re.I,
)
_MOST_OF = re.compile(
    r"\b(?:top|first)\s+\d+\s+([a-z]+)\s+(?:by|with)\s+(?:the\s+)?(?:most|number|count|highest)\b", re.I
)
_EVERY = re.compile(r"\b(?:by|per|each|every)\s+(?P<unit>hour|day|week)\b|\b(?P<unit2>hour|dai|week)ly\b", re.I)
_TIMES = re.compile(
    r"\b(?:more|less|fewer|greater|at least|over|under)\b(?:\s+than)?\s+(\d+)\s*(?:times|events?|logins?|\w+s\b)?", re.I
)

_VALUE = re.compile(
    r"""
      (?P<quoted>  "(?P<q1>[^"\n]{1,300})" | “(?P<q2>[^”\n]{1,300})” | (?<![\w])'(?P<q3>[^'\n]{1,300})'(?!\w)
                 | ‘(?P<q4>[^’\n]{1,300})’ | `(?P<q5>[^`\n]{1,300})` )
    | (?P<mail>    [\w.+-]+@[\w-]+(?:\.[\w-]+)+ )
    | (?P<url>     https?://[^\s"'<>]+ )
    | (?P<guid>    \b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b )
    | (?P<path>    \b[a-z]:\\[^\s"'<>|]+ | \bHK(?:EY_)?[A-Z_]+\\[^\s"'<>|]+ )
    | (?P<address> \b\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?\b | \b(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{1,4}\b )
    | (?P<cve>     \bCVE-\d{4}-\d{3,7}\b )
    | (?P<hash>    \b(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})\b )
    | (?P<key>     \b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{10,63}\b | \b\d{9,40}\b )
    | (?P<file>    \b[\w$.-]+\.(?:exe|dll|msi|ps1|psm1|bat|cmd|vbs|vbe|js|jse|hta|scr|sys|docm?x?|xls[mx]?|
                     pptx?|pdf|zip|rar|7z|iso|img|lnk|txt|csv|php|aspx?|jsp|py|sh|jar|com|tmp|dat|bin|log)\b(?!\.) )
    | (?P<domain>  \b(?:[a-z0-9-]+\.)+[a-z]{2,12}\b | @[\w-]+(?:\.[\w-]+)+ )
    | (?P<number>  (?<![\w.])\d+(?:\.\d+)?(?![\w.]*\w) )
    """,
    re.X | re.I,
)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:[-'][A-Za-z0-9]+)*|[0-9]+[A-Za-z][\w-]*")
_TOGETHER = re.compile(r"\b(command|cmd|log|sign|host|user|alias)[ -](lines?|on|in|name)s?\b", re.I)
_NAMED = re.compile(
    r"\b(?:named|called|like|for|user|account|alias|device|machine|host|computer|users|devices|as|is|contains?|includes?|"
    r"containing|has|equals?(?:\s+to)?|from|in|city|country|department|vendor|group|by|to|on|with|name|id|type)\s+"
    r"(?!in\b|the\b|a\b|an\b)(?P<word>[A-Za-z][\w-]*[\w])"
)
DENIED = frozenset("not excluding except without isn't aren't doesn't don't exclude unless other".split())
_OPERATORS = (
    (re.compile(r"\b(?:start(?:s|ing)?(?:\s+with)?|begin(?:s|ning)?(?:\s+with)?|startswith)\W*$", re.I), "startswith"),
    (re.compile(r"\b(?:end(?:s|ing)?(?:\s+(?:with|in))?|endswith)\W*$", re.I), "endswith"),
    (re.compile(r"(?:\b(?:(?:greater|more|larger|higher|bigger) than|above|exceed(?:s|ed|ing)?)|>)\s*$", re.I), ">"),
    (re.compile(r"(?:\b(?:at least|(?:greater|more) than or equal to)|>=)\s*$", re.I), ">="),
    (re.compile(r"(?:\b(?:(?:less|fewer|smaller|lower) than|below)|<)\s*$", re.I), "<"),
    (re.compile(r"(?:\b(?:at most|(?:less|fewer) than or equal to)|<=)\s*$", re.I), "<="),
    (re.compile(r"\b(?:regex|regular expression)\W*(?:of)?\W*$", re.I), "regex"),
    (re.compile(r"\b(?:contain(?:s|ing|ed)?|inclu(?:des|de|d[ei]\w+)|like|mention(?:s|ing)?)\W*$", re.I), "contains"),
    (re.compile(r"\b(?:has|have|having)\W*$", re.I), "has"),
    (re.compile(r"(?:\b(?:is|equals?(?:\s+to)?|equal to|named|called|exactly)|[=:])\W*$", re.I), "=="),
)  # fmt: skip
_PLAIN = frozenset(
    "the not a an in on at no empty null true false less more greater equal or and most least old new to of from with "
    "there used being known enabled disabled compliant managed risky failed successful blocked allowed by for all "
    "any".split()
)
_BETWEEN_VALUES = re.compile(r"\s*(?:,|/|;|\bor\b|\band\b|,\s*and\b|,\s*or\b|&|\bnor\b)\s*(?:from\s+|the\s+)?", re.I)


def spoken(question: str) -> Spoken:
    """What a question says."""
    text = question.strip()[:4000]
    taken: list[tuple[int, int]] = []
    window = _window(text, taken)
    if window is not None:
        start = min(a for a, _ in taken)
        window = replace(window, before=tuple(_spoken_words(text[:start])[-4:]))
    most, ascending = None, bool(re.search(r"\b(?:oldest|least|rare|rarest|fewest|bottom|lowest|first)\b", text, re.I))
    if (limit := next((m for m in _MOST.finditer(text) if not _within(m.span(), taken)), None)) is not None:
        group = "n" if limit["n"] else "n2"
        most = int(limit[group])
        taken.append(limit.span(group))
    beyond = [text[start:end].strip() for start, end in _other_times(text, taken)]
    for found in _TIMES.finditer(text):
        if re.search(r"times|events|logins|machines|devices|users", found[0]):
            taken.append(found.span())
            beyond.append(found[0].strip())
    every = next((m for m in _EVERY.finditer(text) if not _within(m.span(), taken)), None)
    if every is not None:
        taken.append(every.span())
    values = _values(text, taken)
    words = tuple(_spoken_words(text))
    by = tuple(tuple(_WORD.findall(found[1])) for form in (_BY, _MOST_OF) for found in form.finditer(text))
    each = f"1{(every['unit'] or every['unit2'])[0].lower()}" if every is not None else ""
    return Spoken(
        text, words, tuple(values), window, most, bool(_COUNT.search(text)), bool(_DISTINCT.search(text)),
        bool(_NEWEST.search(text)), ascending, by, each, tuple(taken), tuple(beyond),
    )  # fmt: skip


def _other_times(text: str, taken: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The places of times besides the window that was taken: of one question one window is understood."""
    forms = (_MOMENT, _AGO, _BACK, _DAY)
    found = [m.span() for form in forms for m in form.finditer(text) if m.group() and not _within(m.span(), taken)]
    taken += found
    return found


def _within(span: tuple[int, int], taken: list[tuple[int, int]]) -> bool:
    return any(span[0] < end and start < span[1] for start, end in taken)


def _window(text: str, taken: list[tuple[int, int]]) -> TimeWindow | None:
    moments: list[tuple[re.Match[str], datetime, bool]] = []
    for found in _MOMENT.finditer(text):
        if len(moments) == 2:
            break
        at = _moment(found["date"] or found["date2"], found["clock"] or found["clock2"])
        if at is not None:
            moments.append((found, at, bool(found["clock"] or found["clock2"])))
            taken.append(found.span())
    if len(moments) >= 2:
        return TimeWindow(since=moments[0][1], until=moments[1][1])
    if moments:
        found, at, exact = moments[0]
        before = text[: found.start()].lower().rstrip()
        if re.search(r"\b(?:before|until|till|prior to|up to|older than)$", before):
            return TimeWindow(until=at)
        # `from 2022-10-05 20:44 to 20:49`
        if later := re.match(rf"\s*(?:to|until|and|-|till)\s*(?P<clock>{_CLOCK})", text[found.end() :], re.I):
            taken.append((found.end() + later.start(), found.end() + later.end()))
            return TimeWindow(since=at, until=_moment(found["date"] or found["date2"], later["clock"]))
        if exact or re.search(r"\b(?:after|since|from|starting|later than)$", before):
            return TimeWindow(since=at)
        return TimeWindow(since=at, until=at + timedelta(days=1))
    if (back := _AGO.search(text) or _BACK.search(text)) is not None:
        taken.append(back.span())
        return TimeWindow(ago=_span(back["count"], back["unit"]))
    if (day := _DAY.search(text)) is not None:
        taken.append(day.span())
        return TimeWindow(day=day["day"].lower())
    return None


def _span(count: str | None, unit: str) -> str:
    number = int(count) if count and count.isdecimal() else _NUMBERS.get((count or "one").lower(), 1)
    unit = unit.lower()
    for start, days in _DAYS_OF.items():
        if unit.startswith(start):
            return f"{number * days}d"
    return f"{number}{'h' if unit.startswith('h') else 'm'}"


def _moment(date: str, clock: str | None) -> datetime | None:
    parts = re.findall(r"\d+", date)
    try:
        if date[:1].isalpha():
            year, month, day = int(parts[1]), _MONTHS.index(date[:3].lower()) + 1, int(parts[0])
        elif len(parts[0]) == 4:
            year, month, day = map(int, parts)
        else:
            month, day, year = map(int, parts)
        at = datetime(year, month, day, tzinfo=UTC)
        if clock:
            hour, minute, *second = (int(p) for p in re.findall(r"\d+", clock)[:3])
            if half := re.search(r"[ap]m", clock, re.I):
                hour = hour % 12 + (12 if half[0].lower() == "pm" else 0)
            at = at.replace(hour=hour, minute=minute, second=second[0] if second else 0)
    except ValueError:
        return None
    return at


def _values(text: str, taken: list[tuple[int, int]]) -> list[SpokenValue]:
    found: list[tuple[int, int, str, ValueKind]] = []
    for match in _VALUE.finditer(text):
        if _within(match.span(), taken):
            continue
        kind = ValueKind(match.lastgroup if match.lastgroup in set(ValueKind) else "quoted")
        value = match[0]
        if match["quoted"]:
            value = next(v for v in match.group("q1", "q2", "q3", "q4", "q5") if v).strip()
            kind = _form_of(value)
        found.append((*match.span(), value.strip(), kind))
    spans = [(a, b) for a, b, *_ in found] + taken
    for match in _NAMED.finditer(text):
        span = match.span("word")
        if not _within(span, spans) and _is_name(match["word"], text, span):
            found.append((*span, match["word"], ValueKind.WORD))
            spans.append(span)
    found.sort()
    made: list[SpokenValue] = []
    group, last = 0, 0
    for place, (start, end, value, kind) in enumerate(found):
        listed = place > 0 and bool(_BETWEEN_VALUES.fullmatch(text[last:start]))
        if listed:
            before, denied, operator = made[-1].before, made[-1].denied, made[-1].operator
        else:
            group += 1
            edge = text[found[place - 1][1] if place else 0 : start]
            before = tuple(_spoken_words(edge)[-7:][::-1])
            denied = not DENIED.isdisjoint(before[:4]) or bool(re.search(r"(?:!=|n't)\s*$", edge[-14:]))
            operator, said_so = next(((n, m) for form, n in _OPERATORS if (m := form.search(edge))), ("", None))
            if said_so is not None:
                taken.append((start - len(edge) + said_so.start(), start))
        following = text[end : found[place + 1][0] if place + 1 < len(found) else len(text)]
        after = tuple(_spoken_words(following)[:4])
        made.append(SpokenValue(value, kind, before, after, start, end, denied, operator, group))
        last = end
    return made


def _form_of(quoted: str) -> ValueKind:
    """What a quoted value looks like: one that has the form of an address is one."""
    found = _VALUE.fullmatch(quoted)
    kind = ValueKind(found.lastgroup) if found and found.lastgroup in set(ValueKind) else ValueKind.QUOTED
    return ValueKind.QUOTED if kind in (ValueKind.NUMBER, ValueKind.KEY) else kind


def _spoken_words(text: str) -> list[str]:
    """The words of a text, each in the form that all who mean the same share."""
    return [said(w.lower()) for w in _WORD.findall(_TOGETHER.sub(r"\1\2", text))]


def _is_name(word: str, text: str, span: tuple[int, int]) -> bool:
    """Whether a plain word is a value: it has digits, hyphens or capitals as plain words haven't, or is said to be."""
    if re.search(r"\d", word) or re.search(r"[a-z]-[a-z0-9]|[A-Z]-", word):
        return len(word) > 3
    if re.search(r"\w+\s+(?:is|equals?(?:\s+to)?|named|called)\s+$", text[: span[0]], re.I) and word.islower():
        return word not in _PLAIN
    if re.search(r"[a-z][A-Z]", word):
        return True
    is_first = span[0] == 0 or text[: span[0]].rstrip().endswith((".", "?", "\n"))
    return word[0].isupper() and not is_first and not word.isupper()
