"""What is unusual in a place: rows of `BehaviorAnalytics`, and a signal for what happened to one account or machine."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from huntlake.hunting.scoring import SignalKind
from huntlake.hunting.signals.lake_scans import Asked, LakeScan
from huntlake.hunting.signals.signal import Quote, Signal, SignalEntity, SignalTechnique

TABLE = "BehaviorAnalytics"
VENDOR = "huntlake"
"""By what rows of ours are told from a cloud's."""

_EVERYBODY = frozenset({"", "system", "local service", "network service", "root", "anonymous logon", "dwm-1", "umfd-0"})
_MOST_LINES = 20


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Something unusual, by which question."""

    scan: LakeScan
    query: str
    time: datetime
    user: str
    device: str
    ip: str
    location: str
    action: str
    value: str
    detail: str
    score: float
    table: str

    @property
    def id(self) -> str:
        """The same for the same thing, however often it is looked for."""
        said = (self.scan.id, self.user.lower(), self.device.lower(), self.ip, self.value, self.time.isoformat())
        return hashlib.sha256("\n".join(said).encode()).hexdigest()[:32]

    @property
    def whose(self) -> tuple[str, str]:
        """What it happened to: a type of entity, and its name, by which what belongs together is found."""
        account = self.user.lower().partition("@")[0].rpartition("\\")[2]
        if account not in _EVERYBODY and not account.endswith("$"):
            return "Account", account
        return ("Host", self.device.lower().partition(".")[0]) if self.device else ("IP", self.ip)

    def line(self) -> str:
        """It in a line."""
        where = " ".join(v for v in (self.user, self.device, self.ip) if v)
        return f"{self.time:%Y-%m-%d %H:%M} {where}: {self.detail}"[:500]

    def row(self, processed: datetime) -> dict[str, Any]:
        """It as a row of `BehaviorAnalytics`."""
        is_upn = "@" in self.user
        return {
            "TimeGenerated": self.time.isoformat(),
            "TimeProcessed": processed.isoformat(),
            "ActivityType": self.action,
            "ActionType": self.action,
            "UserName": self.user.partition("@")[0],
            "UserPrincipalName": self.user if is_upn else "",
            "Device": self.device,
            "SourceDevice": self.device,
            "SourceIPAddress": self.ip,
            "SourceIPLocation": self.location,
            "EventSource": self.table,
            "EventVendor": VENDOR,
            "NativeTableName": self.table,
            "SourceRecordId": self.id,
            "SourceSystem": VENDOR,
            "InvestigationPriority": round(self.score),
            "ActivityInsights": {
                **dict.fromkeys(self.scan.insights, "True"),
                "Anomaly": self.scan.id,
                "Value": self.value,
                "Detail": self.detail,
            },
            "UsersInsights": {},
            "DevicesInsights": {},
            "Type": TABLE,
        }


def anomalies_of(asked: Asked) -> list[Anomaly]:
    """What an answer tells, by time."""
    found = [
        Anomaly(
            asked.scan,
            asked.query,
            row["Time"],
            str(row["User"] or ""),
            str(row["Device"] or ""),
            str(row["IP"] or ""),
            str(row["Location"] or ""),
            str(row["Action"] or asked.scan.action),
            str(row["Value"] or ""),
            str(row["Detail"] or ""),
            min(max(float(row["Score"] or 0), 0.0), 10.0),
            str(row["Source"] or ""),
        )
        for row in asked.rows
        if row["Time"] is not None
    ]
    return sorted(found, key=lambda one: (one.time, one.id))


def signals_of_anomalies(found: Iterable[Anomaly], *, received: datetime, trust: float) -> Iterator[Signal]:
    """A signal for what was unusual about one account, machine or address in a day."""
    clusters: dict[tuple[str, str, str], list[Anomaly]] = defaultdict(list)
    for one in found:
        clusters[f"{one.time:%Y-%m-%d}", *one.whose].append(one)
    for (day, type, name), some in sorted(clusters.items()):
        yield _signal(day, type, name, some, received, trust)


def _signal(day: str, type: str, name: str, some: Sequence[Anomaly], received: datetime, trust: float) -> Signal:
    best = max(some, key=lambda one: (one.score, one.id))
    techniques: dict[str, SignalTechnique] = {}
    for one in sorted(some, key=lambda one: (-one.score, one.id)):
        for id in one.scan.techniques:
            quote = Quote(one.line(), one.table)
            techniques.setdefault(id, SignalTechnique(id, round(0.05 * one.score, 4), "tagged", (quote,)))
    entities: dict[tuple[str, str], SignalEntity] = {(type, name): SignalEntity(type, _as_told(some, type, name))}
    for one in some:
        for kind, value in (("Account", one.user), ("Host", one.device), ("IP", one.ip)):
            plain = value.lower().partition("@")[0] if kind == "Account" else value.lower().partition(".")[0]
            key = (kind, value if kind == "IP" else plain)
            if value and plain not in _EVERYBODY:
                entities.setdefault(key, SignalEntity(kind, value))
    kinds = list(dict.fromkeys(one.scan.id for one in some))
    lines = [one.line() for one in some[:_MOST_LINES]]
    more = len(some) - len(lines)
    return Signal(
        SignalKind.ANOMALY,
        f"{entities[type, name].value}: {best.scan.title}" + (f", and {len(kinds) - 1} more" if len(kinds) > 1 else ""),
        "anomaly",
        f"{type} {name} on {day}",
        some[0].time,
        received,
        trust,
        # Something else that is unusual on the same day makes it another; more of the same doesn't.
        hashlib.sha256("\n".join((day, type, name, *sorted(kinds))).encode()).hexdigest(),
        "\n".join(lines) + (f"\n… and {more} more" if more else ""),
        best.line(),
        tuple(techniques.values()),
        entities=tuple(entities.values()),
        tables=tuple(dict.fromkeys(one.table for one in some)),
        query=best.query,
        properties={
            "anomalies": ", ".join(kinds),
            "count": str(len(some)),
            "score": f"{best.score:.1f}",
            "day": day,
        },
    )


def _as_told(some: Sequence[Anomaly], type: str, name: str) -> str:
    for one in some:
        told = {"Account": one.user, "Host": one.device, "IP": one.ip}[type]
        if told and one.whose == (type, name):
            return told
    return name


def new_rows(found: Sequence[Anomaly], known: Iterable[str], processed: datetime) -> list[Mapping[str, Any]]:
    """The rows that the table doesn't have yet, by their `SourceRecordId`."""
    had = {*known}
    rows: dict[str, Mapping[str, Any]] = {}
    for one in found:
        if one.id not in had:
            rows.setdefault(one.id, one.row(processed))
    return list(rows.values())
