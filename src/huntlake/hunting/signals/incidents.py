"""Closed incidents as signals: what was seen once may be elsewhere, before, or go on; and why no rule had told."""

from __future__ import annotations

import hashlib
import ipaddress
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from huntlake.core.clock import Clock
from huntlake.core.diagnostics import Source, SourceError
from huntlake.detection.entities import Entity
from huntlake.detection.events import IncidentUpdated
from huntlake.detection.incidents import Classification, Incident, IncidentStatus
from huntlake.detection.rules import AnalyticRule
from huntlake.detection.service import Detection
from huntlake.hunting.extraction.attack import Attack
from huntlake.hunting.extraction.indicators import IndicatorKind, indicators
from huntlake.hunting.extraction.well_known import why_good_address, why_good_hash
from huntlake.hunting.scoring import SignalKind
from huntlake.hunting.signals.signal import Quote, Signal, SignalEntity, SignalIndicator, SignalTechnique
from huntlake.hunting.signals.store import Signals
from huntlake.kql.syntax.lexer import tokenize
from huntlake.kql.syntax.tokens import TokenKind
from huntlake.state.documents import Document
from huntlake.state.events import Occasion
from huntlake.state.records import Owner
from huntlake.workspace.query import Queries
from huntlake.workspace.workspaces import Workspace

_LOG = logging.getLogger("huntlake.signals")

HARMLESS = frozenset({Classification.FALSE_POSITIVE, Classification.BENIGN_POSITIVE})
"""What such an incident was of isn't looked for."""

LastRun = Callable[[Workspace, str], datetime | None]
"""When the last window ended that a rule of that name has looked at; None where it never ran."""

_HASHES = {32: IndicatorKind.MD5, 40: IndicatorKind.SHA1, 64: IndicatorKind.SHA256, 128: IndicatorKind.SHA512}
_NEIGHBOURS, _MOST_NEIGHBOURS = 3, 8
_MOST_RULES = 5
_LONGEST = 2_000


@dataclass(frozen=True)
class IncidentSignals:
    """Makes signals of incidents that people have closed."""

    detection: Detection
    attack: Attack
    queries: Queries
    clock: Clock
    last_run: LastRun = lambda workspace, rule: None

    def of(self, workspace: Workspace, incident: Document[Incident], trust: float) -> Signal | None:
        """The signal of a closed incident; None for one that isn't closed, or turned out to be harmless."""
        value, owner = incident.value, (workspace.name,)
        if value.status is not IncidentStatus.CLOSED or value.classification in HARMLESS:
            return None
        alerts = self.detection.incidents.alerts(owner, incident.name)
        entities = self.detection.incidents.entities(owner, incident.name)
        techniques = _techniques((a.value.title, a.value.techniques) for a in alerts)
        near = self._neighbours(techniques)
        said = [value.description or "", value.classification_comment or ""]
        said += [d.value.message for d in self.detection.incidents.comments.list((*owner, incident.name))]
        text = "\n".join(
            piece
            for piece in (value.title, *said, *(f"{a.value.title}: {a.value.description}" for a in alerts))
            if piece
        )
        found = {(i.kind, i.value): i for e in entities for i in _indicators(e)}
        for one in indicators(text):
            quote = Quote(one.raw, f"incident {value.number}", one.span.start, one.span.end)
            found.setdefault(
                (one.kind.value, one.value), SignalIndicator(one.kind.value, one.value, quote, one.known_good)
            )
        why = self.why_no_rule(
            workspace, value, [t.id for t in techniques], alerts_of_rules=any(a.value.rule for a in alerts)
        )
        closed = value.closed or self.clock.now()
        return Signal(
            SignalKind.INCIDENT,
            f"Incident {value.number}: {value.title}"[:300],
            "incident",
            incident.name,
            value.last_activity or closed,
            self.clock.now(),
            trust,
            # One that is opened and closed anew may have become another.
            hashlib.sha256(f"{incident.name}\n{closed.isoformat()}".encode()).hexdigest(),
            text,
            f"{value.title}: {len(alerts)} alerts about {len(entities)} entities, {value.classification or 'closed'}",
            (*techniques, *near),
            tuple(found.values()),
            tuple(_named(entities)),
            properties={
                "number": str(value.number),
                "severity": value.severity.value,
                "classification": str(value.classification or ""),
                "alerts": str(len(alerts)),
                **({"whyNoRule": " ".join(why)[:_LONGEST]} if why else {}),
            },
            remarks=tuple(why),
        )

    def why_no_rule(
        self, workspace: Workspace, incident: Incident, techniques: Sequence[str], *, alerts_of_rules: bool
    ) -> list[str]:
        """Why no rule of the workspace has raised an incident, in sentences; nothing where one has."""
        if incident.rules or alerts_of_rules:
            return []
        if not techniques:
            return ["no rule has raised it, and its alerts name no technique by which rules could be asked why"]
        told = []
        rules = self.detection.rules.list((workspace.name,))
        visible = self.queries.visible(workspace, fetch=False)
        known, filled = frozenset(visible.table_names()), frozenset(visible.tables_with_rows())
        since = incident.first_activity or incident.created
        for technique in dict.fromkeys(t[:5] for t in techniques):
            of_it = [
                d for d in rules if any(t[:5] == technique for t in (*d.value.techniques, *d.value.sub_techniques))
            ]
            enabled = [d for d in of_it if d.value.enabled]
            if not enabled:
                off = f", and the {len(of_it)} that there are, are disabled" if of_it else ""
                told.append(f"{technique}: no enabled rule is of it{off}")
                continue
            reasons = []
            for document in enabled:
                reasons.append(
                    f"`{document.value.display_name}` {self._why(workspace, document, since, known, filled)}"
                )
            told.append(
                f"{technique}: "
                + "; ".join(reasons[:_MOST_RULES])
                + (f"; and {len(reasons) - _MOST_RULES} more" if len(reasons) > _MOST_RULES else "")
            )
        return told

    def _why(
        self,
        workspace: Workspace,
        rule: Document[AnalyticRule],
        since: datetime | None,
        known: frozenset[str],
        filled: frozenset[str],
    ) -> str:
        ran = self.last_run(workspace, rule.name)
        if ran is None:
            return "has never run"
        if since is not None and ran < since:
            return f"ran last for the time until {ran:%Y-%m-%d %H:%M}, before it"
        tables = tables_named(rule.value.query, known)
        if tables and not filled.intersection(tables):
            return f"looks at {', '.join(tables)}, of which no rows are here"
        empty = [table for table in tables if table not in filled]
        return "ran, and has not matched" + (f"; no rows of {', '.join(empty)} are here" if empty else "")

    def _neighbours(self, techniques: Sequence[SignalTechnique]) -> list[SignalTechnique]:
        """Techniques that go with those of an incident, in what ATT&CK tells of groups and campaigns."""
        had = {t.id for t in techniques}
        best: dict[str, tuple[float, str]] = {}
        for one in techniques:
            for id, share in self.attack.neighbours(one.id, _NEIGHBOURS):
                if id not in had:
                    best[id] = max(best.get(id, (0.0, "")), (share, one.id))
        ranked = sorted(best.items(), key=lambda item: (-item[1][0], item[0]))[:_MOST_NEIGHBOURS]
        return [
            SignalTechnique(
                id,
                round(0.5 * share, 4),
                "tagged",
                (Quote(f"goes with {of} in groups and campaigns of ATT&CK", "neighbour"),),
            )
            for id, (share, of) in ranked
        ]


@dataclass(frozen=True)
class IncidentListener:
    """Hears of incidents that are closed, and keeps what they signal."""

    incidents: IncidentSignals
    signals: Signals
    workspace: Callable[[str], Workspace | None]
    trust: Callable[[str], float]

    def heard(self, occasion: Occasion, event: IncidentUpdated) -> None:
        """An event: one that is told twice gives the same signal. What fails is found by the next look at the lake: it
        must not have others hear of the incident again and again.
        """
        was, now = event.before.status, event.after.status
        if now is not IncidentStatus.CLOSED or was is IncidentStatus.CLOSED:
            return
        try:
            self._keep(occasion, event)
        except Exception:
            _LOG.exception("incident %s of %s gave no signal", event.incident, occasion.workspace)

    def _keep(self, occasion: Occasion, event: IncidentUpdated) -> None:
        workspace = self.workspace(occasion.workspace)
        found = self.incidents.detection.incidents.find((occasion.workspace,), event.incident)
        if workspace is None or found is None:
            return
        signal = self.incidents.of(workspace, found, self.trust(event.incident))
        if signal is not None:
            self.signals.add((occasion.workspace,), [signal])


def closed_between(detection: Detection, owner: Owner, since: datetime, until: datetime) -> list[Document[Incident]]:
    """The incidents that were closed in a time, by their numbers."""
    found = [
        d for d in detection.incidents.list(owner) if d.value.closed is not None and since <= d.value.closed < until
    ]
    return sorted(found, key=lambda d: (d.value.number, d.name))


def tables_named(query: str, known: frozenset[str]) -> tuple[str, ...]:
    """The tables that a query names, in its order."""
    try:
        tokens = tokenize(Source(query))
    except SourceError:
        return ()
    return tuple(dict.fromkeys(t.text for t in tokens if t.kind is TokenKind.NAME and t.text in known))


def _techniques(alerts: Iterable[tuple[str, Sequence[str]]]) -> list[SignalTechnique]:
    titles: dict[str, list[str]] = {}
    for title, techniques in alerts:
        for id in techniques:
            titles.setdefault(id.upper(), []).append(title)
    # Products name a technique beside its part, and mean the part.
    for part in [id for id in titles if "." in id]:
        titles.pop(part[:5], None)
    return [
        SignalTechnique(id, 1.0, "tagged", tuple(Quote(t[:200], "alert") for t in list(dict.fromkeys(said))[:3]))
        for id, said in sorted(titles.items())
    ]


def _text(entity: Entity, *names: str) -> str:
    for name in names:
        value = entity.properties.get(name)
        if isinstance(value, str) and value:
            return value[:_LONGEST]
    return ""


def _indicators(entity: Entity) -> Iterator[SignalIndicator]:
    quote = Quote("", f"entity {entity.kind}")
    match entity.kind.lower():
        case "ip":
            try:
                address = ipaddress.ip_address(_text(entity, "address"))
            except ValueError:
                return
            kind = IndicatorKind.IPV4 if address.version == 4 else IndicatorKind.IPV6
            yield SignalIndicator(kind.value, str(address), quote, why_good_address(str(address)))
        case "url":
            if value := _text(entity, "url"):
                yield SignalIndicator(IndicatorKind.URL.value, value, quote)
        case "dnsresolution":
            if value := _text(entity, "domainName"):
                yield SignalIndicator(IndicatorKind.DOMAIN.value, value.lower(), quote)
        case "filehash":
            value = _text(entity, "hashValue").lower()
            if (kind_of := _HASHES.get(len(value))) is not None:
                yield SignalIndicator(kind_of.value, value, quote, why_good_hash(value))
        case "file":
            if value := _text(entity, "fileName"):
                yield SignalIndicator(IndicatorKind.FILE.value, value, quote)
        case "mailmessage":
            if value := _text(entity, "sender", "p1Sender", "p2Sender"):
                yield SignalIndicator(IndicatorKind.MAIL.value, value.lower(), quote)


def _named(entities: Iterable[Entity]) -> Iterator[SignalEntity]:
    seen: set[tuple[str, str]] = set()
    for entity in entities:
        match entity.kind.lower():
            case "account":
                name, suffix = _text(entity, "accountName", "displayName"), _text(entity, "upnSuffix")
                type, value = "Account", f"{name}@{suffix}" if name and suffix and "@" not in name else name
            case "host":
                name, domain = _text(entity, "hostName", "netBiosName"), _text(entity, "dnsDomain")
                type, value = "Host", f"{name}.{domain}" if name and domain and "." not in name else name
            case "ip":
                type, value = "IP", _text(entity, "address")
            case "mailbox":
                type, value = "Mailbox", _text(entity, "mailboxPrimaryAddress", "upn")
            case "cloudapplication":
                type, value = "CloudApplication", _text(entity, "appName")
            case "process":
                type, value = "Process", _text(entity, "commandLine")
            case "azureresource":
                type, value = "AzureResource", _text(entity, "resourceId")
            case _:
                continue
        if value and (type, value.lower()) not in seen:
            seen.add((type, value.lower()))
            yield SignalEntity(type, value)
