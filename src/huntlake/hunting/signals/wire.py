"""A signal as JSON, as commands print it and the API tells it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from huntlake.hunting.signals.signal import Quote, Signal


def told(signal: Signal, *, text: bool = False) -> dict[str, Any]:
    """A signal's properties, in camel case; the whole text only where it is asked for."""
    said: dict[str, Any] = {
        "id": signal.id,
        "kind": signal.kind.value,
        "title": signal.title,
        "source": signal.source,
        "reference": signal.reference,
        "observedTimeUtc": stamp(signal.observed),
        "receivedTimeUtc": stamp(signal.received),
        "trust": signal.trust,
        "digest": signal.digest,
        "summary": signal.summary,
        "techniques": [
            {
                "id": t.id,
                "confidence": t.confidence,
                "origin": t.origin,
                "revoked": list(t.revoked),
                "quotes": [_quote(quote) for quote in t.quotes],
            }
            for t in signal.techniques
        ],
        "indicators": [
            {"kind": i.kind, "value": i.value, "knownGood": i.known_good, "quote": _quote(i.quote)}
            for i in signal.indicators
        ],
        "entities": [{"type": e.type, "value": e.value} for e in signal.entities],
        "actors": list(signal.actors),
        "software": list(signal.software),
        "tables": list(signal.tables),
        "query": signal.query,
        "properties": dict(signal.properties),
        "remarks": list(signal.remarks),
    }
    return {**said, "text": signal.text} if text else said


def stamp(at: datetime) -> str:
    """A moment as the APIs write it."""
    return f"{at:%Y-%m-%dT%H:%M:%S.%fZ}"


def _quote(quote: Quote) -> dict[str, Any]:
    said = {"text": quote.text, "place": quote.place, "start": quote.start, "end": quote.end}
    return {name: value for name, value in said.items() if value not in (None, "")}
