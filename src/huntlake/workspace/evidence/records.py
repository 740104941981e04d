"""What flows through an import: records as a file holds them, and rows as a table takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

Fields = Mapping[str, Any]
"""The fields of a record or of a row, as JSON has them."""


@dataclass(frozen=True, slots=True)
class Record:
    """One event of a file; `line` is where it stands, 1-based, or its number where a file has no lines."""

    line: int
    fields: Fields


@dataclass(frozen=True, slots=True)
class Unread:
    """A piece of a file that is no record: where it stood, why, and its text."""

    line: int | None
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row for a table. What the table has no column for is counted when it lands."""

    table: str
    fields: dict[str, Any]


@dataclass
class Notes:
    """What has to be said about the times of a file."""

    corrected: int = 0
    """Events whose stamp was moved to UTC, by what other stamps of the same file tell."""
    assumed: int = 0
    """Events whose stamp has no zone, and nothing that tells one: they were taken as UTC, or as the zone given."""
    undated: int = 0
    """Events that tell no time."""


@dataclass
class Context:
    """What mapping a record may need to know besides it."""

    file: str
    """The file's own name, without folders."""
    columns: Callable[[str], Mapping[str, str] | None]
    """The types of the columns of a table of the catalogue, by their names; None where there is no such table."""
    written_at: datetime
    """When the file was last written, in UTC: a time without a year is of the year before that."""
    zone: tzinfo = UTC
    """The zone of stamps that have none."""
    offset: Callable[[int, str], timedelta | None] = field(default=lambda line, computer: None)
    """How far the stamps of a computer are ahead of UTC at a line, if the file itself tells."""
    notes: Notes = field(default_factory=Notes)
    processes: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What was said of a process as it began, by its unique id: later events name no more than that id."""


@dataclass(frozen=True, slots=True)
class SourceKind:
    """A kind of record: how to know one, and the rows that it becomes; the first is the event, others further views.

    `claims` is asked of every kind in the order of the list, until one says yes. `rows` raises `ValueError` for a
    record that it can't make sense of.
    """

    name: str
    title: str
    claims: Callable[[Fields, str], bool]
    """Whether a record, of a file of that name, is of this kind."""
    rows: Callable[[Record, Context], Iterator[Row]]


def first(fields: Fields, *names: str) -> Any:
    """The first of these fields that says something; None where none does."""
    for name in names:
        value = fields.get(name)
        if value is not None and value != "":
            return value
    return None


def within(fields: Fields, *path: str) -> Any:
    """What stands at the end of a path of names; None where it breaks off."""
    value: Any = fields
    for name in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def said(fields: Mapping[str, Any]) -> dict[str, Any]:
    """`fields` without those that say nothing."""
    return {name: value for name, value in fields.items() if value is not None and value != ""}


def moment(value: Any, context: Context) -> datetime | None:
    """A stamp as a time in UTC; a stamp without a zone is of the context's. None where it is no time."""
    read = stamp(value)
    if read is None:
        return None
    if read.tzinfo is None:
        context.notes.assumed += 1
        read = read.replace(tzinfo=context.zone)
    try:
        return read.astimezone(UTC)
    except (OverflowError, ValueError):
        return None


def written(time: datetime | None) -> str | None:
    """A time as a row has it."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if time and time.year > 999 else None


def stamp(value: Any) -> datetime | None:
    """A stamp as it stands, with its zone if it has one: ISO 8601, a space for the T, more digits than microseconds,
    seconds or milliseconds since 1970, American dates with AM or PM, and Microsoft's `/Date(…)/`."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return _since_1970(float(value))
    text = str(value).strip()
    if not 8 <= len(text) <= 48:
        return None
    if text[4:5] == "-":
        return _iso(text)
    if text.startswith("/Date("):
        return stamp(_number(text[6:].split(")", 1)[0]))
    if text.replace(".", "", 1).isdigit():
        return _since_1970(float(text))
    for form in _AMERICAN:
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    return None


def _iso(text: str) -> datetime | None:
    text = text.removesuffix(" UTC") + "Z" if text.endswith(" UTC") else text
    date, clock = text[:10], text[10:].lstrip("T ")
    head, dot, tail = clock.partition(".")
    if dot:
        digits = len(tail) - len(tail.lstrip("0123456789"))
        clock = f"{head}.{tail[:digits][:6].ljust(6, '0')}{tail[digits:].strip()}"
    try:
        return datetime.fromisoformat(f"{date}T{clock}" if clock else date)
    except ValueError:
        return None


def _number(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def _since_1970(number: float) -> datetime | None:
    for least, most, unit in ((1e8, 1e11, 1.0), (1e11, 1e14, 1e3), (1e14, 1e17, 1e6), (1e17, 1e20, 1e9)):
        if least <= number < most:
            return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=round(number / unit * 1e6))
    return None


_AMERICAN = ("%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y, %I:%M:%S %p", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %I:%M %p")
