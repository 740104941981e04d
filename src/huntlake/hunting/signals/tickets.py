"""Tickets of changes, as JSON or CSV, as signals: which field says what is told by whoever brings them."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from huntlake.core.errors import Invalid, LimitExceeded
from huntlake.core.json_lines import Unreadable, json_lines, why_no_mapping
from huntlake.hunting.scoring import SignalKind
from huntlake.hunting.signals.changes import CONFIDENCE
from huntlake.hunting.signals.gathering import Gathering
from huntlake.hunting.signals.signal import Signal, SignalEntity

LARGEST, MOST = 32 << 20, 20_000
_LONGEST = 4_000

FIELDS = ("id", "title", "time", "text", "actor", "target", "target_type", "technique")
"""What a field of a ticket can be; `id`, `title` and `time` are needed."""

_USUAL: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "number", "key", "ticket"),
    "title": ("title", "short_description", "summary", "subject"),
    "time": ("time", "start_date", "opened_at", "created", "date"),
    "text": ("description", "text"),
    "actor": ("actor", "requested_by", "opened_by", "assignee"),
    "target": ("target", "cmdb_ci", "host", "asset"),
    "target_type": ("target_type",),
    "technique": ("technique",),
}
"""The names that a field is looked for by where nobody says otherwise."""


@dataclass(frozen=True, slots=True)
class TicketMapping:
    """The name of the field for each of `FIELDS`."""

    names: Mapping[str, str]

    @classmethod
    def of(cls, said: Mapping[str, str]) -> TicketMapping:
        """A mapping as a person says it; `Invalid` for what no ticket has."""
        if unknown := sorted(said.keys() - {*FIELDS}):
            raise Invalid(f"`{unknown[0][:40]}` is not supported: a ticket has {', '.join(FIELDS)}")
        return cls(dict(said))

    def value(self, ticket: Mapping[str, Any], field: str) -> str:
        """What a ticket says of something; nothing where it doesn't."""
        names = (self.names[field],) if field in self.names else _USUAL[field]
        for name in names:
            value: Any = ticket
            for part in name.split("."):
                value = value.get(part) if isinstance(value, dict) else None
            if isinstance(value, str | int | float) and not isinstance(value, bool) and str(value).strip():
                return str(value).strip()[:_LONGEST]
        return ""


@dataclass(frozen=True, slots=True)
class ReadTickets:
    """The tickets of a file, each with its place, and which entries can't be read, by their place, and why."""

    found: tuple[tuple[str, Mapping[str, Any]], ...]
    refused: tuple[tuple[str, str], ...] = ()


def tickets_of(data: bytes, name: str) -> ReadTickets:
    """The tickets of a file: CSV with a line of names, or JSON: a list, lines of objects, or one below `result`."""
    if len(data) > LARGEST:
        raise LimitExceeded(f"{len(data):,} bytes are more than the {LARGEST:,} that are read at most")
    rows = _rows(data, name) if name.lower().endswith(".csv") else _listed(data)
    found, refused = [], []
    for place, one in rows:
        if isinstance(one, dict):
            found.append((place, one))
        else:
            refused.append((place, why_no_mapping(one)))
        if len(found) + len(refused) > MOST:
            raise LimitExceeded(f"{name} has more than the {MOST:,} tickets that are read at most")
    return ReadTickets(tuple(found), tuple(refused))


def _listed(data: bytes) -> Iterator[tuple[str, Any]]:
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError:
        body = json_lines(data)
    if isinstance(body, dict):
        body = next((body[key] for key in ("result", "tickets", "issues", "value") if key in body), [body])
    if not isinstance(body, list):
        raise Invalid("tickets are a list, lines of objects, or a list below `result`, and there is none")
    return ((f"ticket {number}", one) for number, one in enumerate(body, start=1))


def _rows(data: bytes, name: str) -> Iterator[tuple[str, Any]]:
    """The rows of CSV; what stands for one that can't be read is `Unreadable`."""
    # Bytes that are no UTF-8 become lone surrogates: only the rows that have them are lost.
    reader = csv.reader(io.StringIO(data.decode("utf-8-sig", "surrogateescape"), newline=""), strict=True)
    try:
        names = next(reader, [])
    except csv.Error as error:
        raise Invalid(f"{name} is no CSV: {error}") from None
    if not names or not _is_text(names):
        raise Invalid(f"{name} is no CSV in UTF-8 with a line of names")
    while True:
        begin = reader.line_num + 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            # A quote that is open takes the lines behind it along: they are told, too.
            end = reader.line_num
            yield f"line {begin}" if end == begin else f"lines {begin} to {end}", Unreadable(f"it is no CSV: {error}")
            continue
        if fields is None:
            return
        if not fields:
            continue
        if not _is_text(fields):
            yield f"line {begin}", Unreadable("it is not UTF-8")
        elif len(fields) > len(names):
            told = f"it has {len(fields)} fields, and {len(names)} are named: is a comma not in quotes?"
            yield f"line {begin}", Unreadable(told)
        else:
            yield f"line {begin}", dict(zip(names, fields, strict=False))


def _is_text(fields: Iterable[str]) -> bool:
    return not any("\ud800" <= character <= "\udfff" or character == "\0" for field in fields for character in field)


@dataclass(frozen=True, slots=True)
class TicketSignals:
    """The signals of some tickets, and which can't be used, by their place, and why."""

    signals: tuple[Signal, ...]
    refused: tuple[tuple[str, str], ...]


def signals_of_tickets(
    tickets: ReadTickets, mapping: TicketMapping, *, reference: str, received: datetime, trust: float
) -> TicketSignals:
    """A signal for each ticket; one that can't be used is refused alone, `Invalid` where none can."""
    made, refused = [], list(tickets.refused)
    for place, ticket in tickets.found:
        try:
            made.append(_signal(ticket, mapping, reference=reference, received=received, trust=trust))
        except Invalid as error:
            refused.append((place, str(error)))
    if refused and not made:
        raise Invalid(f"none of {len(refused):,} tickets can be used; of {refused[0][0]}, {refused[0][1]}")
    return TicketSignals(tuple(made), tuple(refused))


def _signal(
    ticket: Mapping[str, Any], mapping: TicketMapping, *, reference: str, received: datetime, trust: float
) -> Signal:
    id, title, time = (mapping.value(ticket, field) for field in ("id", "title", "time"))
    if not id or not title:
        raise Invalid(f"it has no {'id' if not id else 'title'}: say which field it is")
    text, actor, target = (mapping.value(ticket, field) for field in ("text", "actor", "target"))
    entities = [SignalEntity("Account", actor)] if actor else []
    if target:
        entities.append(SignalEntity(mapping.value(ticket, "target_type") or "Host", target))
    gathered = Gathering()
    if technique := mapping.value(ticket, "technique"):
        gathered.technique(technique, title, id, CONFIDENCE)
    return Signal(
        SignalKind.CHANGE,
        f"{id}: {title}"[:300],
        "change",
        f"{reference}: {id}",
        _moment(time) or received,
        received,
        trust,
        hashlib.sha256(f"ticket\n{reference}\n{id}\n{time}".encode()).hexdigest(),
        text or title,
        title[:400],
        tuple(gathered.techniques.values()),
        entities=tuple(entities),
        properties={"ticket": id},
        remarks=tuple(gathered.remarks),
    )


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(f"its time is none in ISO 8601: `{text[:40]}`") from None
