"""What was seen of indicators, as alerts of the kind `ThreatIntelligence`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID, uuid5

import orjson

from huntlake.detection.alerts import Alert
from huntlake.detection.entities import Entity
from huntlake.detection.entity_types import entity_type
from huntlake.detection.extraction import entity, merged
from huntlake.detection.indicators import Indicator
from huntlake.detection.intel.matching import Matched, Sighting
from huntlake.detection.intel.patterns import ObservableKind
from huntlake.detection.rules import AnalyticRule, Grouping, IncidentConfiguration, Matching, RuleKind
from huntlake.detection.running import MOST_ALERTS, MOST_ENTITIES, Raised, Run
from huntlake.detection.severity import Severity, Tactic

NAME = "ThreatIntelligence"
"""By what alerts and incidents name what raised them."""

_ALERTS = UUID("7b1a57e2-3a39-4c37-9a4c-3f6f38f0a4d9")
_TYPES = ("IP", "DNS", "URL", "FileHash", "Mailbox")
_HASHES = {32: "MD5", 40: "SHA1", 64: "SHA256"}

RULE = AnalyticRule(
    RuleKind.SCHEDULED,
    "Threat intelligence match",
    True,
    Severity.MEDIUM,
    "",
    timedelta(hours=5),
    False,
    incident_configuration=IncidentConfiguration(
        True, Grouping(True, False, timedelta(days=1), Matching.SELECTED, _TYPES)
    ),
)
"""How what is seen becomes incidents: within a day one for each observable."""


def run_of(matched: Matched, indicators: Mapping[str, Indicator]) -> Run:
    """The alerts about what was seen in a window: one for each observable, and of too many the last about the rest."""
    seen: dict[tuple[ObservableKind, str], list[Sighting]] = {}
    for sighting in matched.sightings:
        seen.setdefault((sighting.kind, sighting.value), []).append(sighting)
    groups = list(seen.values())
    notes = []
    if len(groups) > MOST_ALERTS:
        rest = [s for group in groups[MOST_ALERTS - 1 :] for s in group]
        notes.append(f"{len(groups)} observables were seen: the last alert is about all from the {MOST_ALERTS}th on")
        groups = [*groups[: MOST_ALERTS - 1], rest]
    raised = tuple(_raised(matched, group, indicators) for group in groups)
    return Run(matched.window, len(matched.sightings), triggered=bool(raised), alerts=raised, notes=tuple(notes))


def _raised(matched: Matched, group: Sequence[Sighting], indicators: Mapping[str, Indicator]) -> Raised:
    window, first = matched.window, group[0]
    values = tuple(dict.fromkeys((s.kind, s.value) for s in group))
    names = tuple(dict.fromkeys(n for s in group for n in s.names))
    known = [indicators[n] for n in names if n in indicators]
    tables = tuple(dict.fromkeys(s.table for s in group))
    what = f"{first.kind} {first.value}" + (f" and {len(values) - 1} more" if len(values) > 1 else "")
    sources = tuple(dict.fromkeys(i.source for i in known if i.source))
    details = {
        "Indicators": names[:50],
        "Sources": sources[:50],
        "Tables": tables,
        "Values": [v for _, v in values][:50],
    }
    alert = Alert(
        title=f"Threat intelligence: {what}"[:256],
        severity=_severity(known),
        description=_description(known, len(group), tables),
        provider="Threat Intelligence Alerts",
        alert_type=NAME,
        tactics=_tactics(known),
        entities=_entities(group)[:MOST_ENTITIES],
        rule=NAME,
        started=min(s.at for s in group),
        ended=max(s.at for s in group),
        more={
            "Custom Details": orjson.dumps(details).decode(),
            "Query Start Time UTC": window.since.isoformat(),
            "Query End Time UTC": window.until.isoformat(),
            "Search Query Results Overall Count": str(len(group)),
            "Analytic Rule Name": RULE.display_name,
        },
    )
    said = orjson.dumps([NAME, window.since, window.until, values]).decode()
    return Raised(str(uuid5(_ALERTS, said)), alert)


def _severity(known: Sequence[Indicator]) -> Severity:
    most = max((i.confidence for i in known if i.confidence is not None), default=50)
    return Severity.HIGH if most >= 80 else Severity.MEDIUM if most >= 30 else Severity.LOW


def _tactics(known: Sequence[Indicator]) -> tuple[Tactic, ...]:
    tactics = {t.lower(): t for t in Tactic}
    named = (p.phase_name.replace("-", "").lower() for i in known for p in i.kill_chain_phases)
    return tuple(dict.fromkeys(tactics[n] for n in named if n in tactics))


def _description(known: Sequence[Indicator], rows: int, tables: Sequence[str]) -> str:
    said = next((i.description for i in known if i.description), "") or next((i.display_name for i in known), "")
    return f"Seen in {rows} rows of {', '.join(tables)}. {said}".strip()[:5000]


def _entities(group: Sequence[Sighting]) -> tuple[Entity, ...]:
    return merged(e for s in group for e in (_observed(s), _made("Host", FullName=s.host), _account(s.account)) if e)


def _observed(sighting: Sighting) -> Entity | None:
    value = sighting.value
    match sighting.kind:
        case ObservableKind.ADDRESS | ObservableKind.NETWORK:
            return _made("IP", Address=value)
        case ObservableKind.DOMAIN:
            return _made("DNS", DomainName=value)
        case ObservableKind.URL:
            return _made("URL", Url=value)
        case ObservableKind.HASH:
            return _made("FileHash", Algorithm=_HASHES[len(value)], Value=value)
        case ObservableKind.MAIL:
            return _made("Mailbox", MailboxPrimaryAddress=value)


def _account(name: str) -> Entity | None:
    return _made("Account", FullName=name)


def _made(type: str, **given: str) -> Entity | None:
    known = entity_type(type)
    return entity(known, {n: v for n, v in given.items() if v}) if known and any(given.values()) else None
