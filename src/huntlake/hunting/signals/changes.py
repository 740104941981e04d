"""What has changed in a place, as signals: one for what was changed in a day, or for a day on which much was."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from huntlake.hunting.scoring import SignalKind
from huntlake.hunting.signals.lake_scans import Asked
from huntlake.hunting.signals.signal import Quote, Signal, SignalEntity, SignalTechnique

CONFIDENCE = 0.4
"""How likely a change is of the technique that it could be of: changes are mostly work."""
MOST_TARGETS = 10
"""Of one kind in a day; of more than these one signal is made."""
_MOST_NAMED = 100
_MOST_LINES = 20


def signals_of_changes(asked: Asked, *, received: datetime, trust: float) -> Iterator[Signal]:
    """The signals that the answer to one question is. The same changes give the same signals, whatever the window."""
    days: dict[str, dict[str, list[Mapping[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for row in asked.rows:
        if row["Time"] is not None and row["Target"]:
            days[f"{row['Time']:%Y-%m-%d}"][str(row["Target"]).lower()].append(row)
    for day, targets in sorted(days.items()):
        if len(targets) > MOST_TARGETS:
            every = [row for rows in targets.values() for row in rows]
            yield _signal(asked, f"{len(targets)} on {day}", "*", day, every, received, trust)
            continue
        for target, rows in sorted(targets.items()):
            yield _signal(asked, str(rows[0]["Target"]), target, day, rows, received, trust)


def _signal(
    asked: Asked,
    told: str,
    target: str,
    day: str,
    rows: Sequence[Mapping[str, Any]],
    received: datetime,
    trust: float,
) -> Signal:
    ordered = sorted(rows, key=lambda row: (row["Time"], str(row["Target"]), str(row["Detail"])))
    lines = tuple(line_of(row) for row in ordered[:_MOST_LINES])
    more = len(ordered) - len(lines)
    scan = asked.scan
    return Signal(
        SignalKind.CHANGE,
        f"{scan.title}: {told}"[:300],
        "change",
        f"{scan.id} of {day}: {target}",
        ordered[0]["Time"],
        received,
        trust,
        hashlib.sha256(f"{scan.id}\n{day}\n{target}".encode()).hexdigest(),
        "\n".join(lines) + (f"\n… and {more} more" if more else ""),
        f"{scan.title}: {lines[0]}",
        tuple(SignalTechnique(id, CONFIDENCE, "tagged", (Quote(lines[0], scan.id),)) for id in scan.techniques),
        entities=entities_of(ordered),
        tables=scan.tables,
        query=asked.query,
        properties={"change": scan.id, "count": str(len(ordered)), "day": day},
    )


def line_of(row: Mapping[str, Any]) -> str:
    """A change in a line."""
    actor = f" by {row['Actor']}" if row.get("Actor") else ""
    place = f" from {row['IP']}" if row.get("IP") else ""
    detail = f": {row['Detail']}" if row.get("Detail") else ""
    return f"{row['Time']:%Y-%m-%d %H:%M} {row['Target']}{detail}{actor}{place}"[:500]


def entities_of(rows: Iterable[Mapping[str, Any]]) -> tuple[SignalEntity, ...]:
    """Who changed what, and from where; each once."""
    found: dict[tuple[str, str], SignalEntity] = {}
    for row in rows:
        for type, value in (
            ("Account", row.get("Actor")),
            (str(row.get("TargetType") or "AzureResource"), row.get("Target")),
            ("IP", row.get("IP")),
        ):
            if value and len(found) < _MOST_NAMED:
                found.setdefault((type, str(value).lower()), SignalEntity(type, str(value)))
    return tuple(found.values())
