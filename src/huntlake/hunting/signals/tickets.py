"""Tickets of changes, as JSON or CSV, as signals: which field says what is told by whoever brings them."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from huntlake.core.errors import Invalid, LimitExceeded
from huntlake.hunting.scoring import SignalKind
from huntlake.hunting.signals.changes import CONFIDENCE
from huntlake.hunting.signals.signal import Quote, Signal, SignalEntity, SignalTechnique

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


def tickets_of(data: bytes, name: str) -> list[Mapping[str, Any]]:
    """The tickets of a file: CSV with a line of names, or JSON: a list, lines of objects, or one below `result`."""
    if len(data) > LARGEST:
        raise LimitExceeded(f"{len(data):,} bytes are more than the {LARGEST:,} that are read at most")
    found: list[Any]
    if name.lower().endswith(".csv"):
        try:
            found = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig")), strict=True))
        except (csv.Error, UnicodeDecodeError) as error:
            raise Invalid(f"{name} is no CSV: {error}") from None
    else:
        try:
            body = orjson.loads(data)
        except orjson.JSONDecodeError:
            try:
                body = [orjson.loads(line) for line in data.splitlines() if line.strip()]
            except orjson.JSONDecodeError as error:
                raise Invalid(f"{name} is no JSON: {error}") from None
        if isinstance(body, dict):
            body = next((body[key] for key in ("result", "tickets", "issues", "value") if key in body), [body])
        found = body if isinstance(body, list) else []
    if len(found) > MOST:
        raise LimitExceeded(f"{name} has {len(found):,} tickets, and {MOST:,} are read at most")
    for number, one in enumerate(found, start=1):
        if not isinstance(one, dict):
            raise Invalid(f"ticket {number} of {name} is not a mapping")
    return found


def signals_of_tickets(
    tickets: list[Mapping[str, Any]], mapping: TicketMapping, *, reference: str, received: datetime, trust: float
) -> Iterator[Signal]:
    """A signal for each ticket; `Invalid` names the one that can't be used, and what of it."""
    for number, ticket in enumerate(tickets, start=1):
        id, title, time = (mapping.value(ticket, field) for field in ("id", "title", "time"))
        if not id or not title:
            raise Invalid(f"ticket {number} of {reference} has no {'id' if not id else 'title'}: say which field it is")
        at = _moment(time, number)
        text, actor, target = (mapping.value(ticket, field) for field in ("text", "actor", "target"))
        technique = mapping.value(ticket, "technique").upper()
        entities = [SignalEntity("Account", actor)] if actor else []
        if target:
            entities.append(SignalEntity(mapping.value(ticket, "target_type") or "Host", target))
        yield Signal(
            SignalKind.CHANGE,
            f"{id}: {title}"[:300],
            "change",
            f"{reference}: {id}",
            at or received,
            received,
            trust,
            hashlib.sha256(f"ticket\n{reference}\n{id}\n{time}".encode()).hexdigest(),
            text or title,
            title[:400],
            (SignalTechnique(technique, CONFIDENCE, "tagged", (Quote(title, id),)),) if technique else (),
            entities=tuple(entities),
            properties={"ticket": id},
        )


def _moment(text: str, number: int) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(f"the time of ticket {number} is none in ISO 8601: `{text[:40]}`") from None
