"""What the stored alerts say of the rules: what they cover, which are noisy or silent, and how long they take."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from huntlake.core.errors import Invalid
from huntlake.detection.alerts import Alert
from huntlake.detection.entities import Entity
from huntlake.detection.incidents import Classification
from huntlake.detection.rules import AnalyticRule
from huntlake.detection.running import TIME
from huntlake.detection.service import Detection
from huntlake.state.records import Owner
from huntlake.workspace.query import Queries, QueryOptions
from huntlake.workspace.workspaces import Workspace

LAYER, NAVIGATOR, DOMAIN = "4.5", "5.1.0", "enterprise-attack"
"""The version of a layer's form, the Navigator that it came with, and the matrix it is of."""

_COLOURS = ["#ffffff00", "#9ecae1", "#08519c"]
_TELLING = {
    "Account": ("accountName", "aadUserId", "sid", "objectGuid"),
    "Host": ("hostName", "azureID"),
    "Ip": ("address",),
    "Mailbox": ("mailboxPrimaryAddress",),
    "FileHash": ("hashValue",),
    "Url": ("url",),
    "DnsResolution": ("domainName",),
    "Process": ("commandLine",),
    "MailMessage": ("networkMessageId", "internetMessageId"),
    "AzureResource": ("resourceId",),
}
"""Properties by which an entity is known in rows; others, such as a product's name, are in rows of everybody."""


@dataclass(frozen=True, slots=True)
class Span:
    """The alerts that count: those that ended between these times; None is without bound."""

    since: datetime | None = None
    until: datetime | None = None

    def holds(self, alert: Alert) -> bool:
        """Whether it is one of them."""
        at = alert.ended or alert.created
        if at is None:
            return self.since is None and self.until is None
        return (self.since is None or self.since <= at) and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True)
class Loudness:
    """How much a rule has told, and what people have made of it: incidents that were closed as right or as wrong."""

    name: str
    rule: AnalyticRule
    alerts: int
    incidents: int
    right: int
    wrong: int
    last: datetime | None


@dataclass(frozen=True, slots=True)
class AttackStep:
    """A step of an attack that is known: when it was, and the KQL that gives its rows, by table."""

    id: str
    title: str
    begin: datetime
    end: datetime
    queries: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Detected:
    """The first alert about a step, and the end of the window that found it; None where there is none."""

    step: AttackStep
    alert: Alert | None = None
    at: datetime | None = None

    @property
    def took(self) -> timedelta | None:
        """How long after the step's begin that was."""
        return None if self.at is None else self.at - self.step.begin


def told(detection: Detection, owner: Owner, span: Span = Span()) -> list[Alert]:
    """The alerts of rules that ended in a span, the first first."""
    found = [d.value for d in detection.alerts.list(owner) if d.value.rule and span.holds(d.value)]
    return sorted(found, key=lambda a: (a.ended is None, a.ended, a.title))


def coverage(detection: Detection, owner: Owner, span: Span, name: str) -> dict[str, Any]:
    """A layer of the ATT&CK Navigator: the techniques of enabled rules that have fired, scored by their alerts."""
    enabled = {d.name.lower(): d.value for d in detection.rules.list(owner) if d.value.enabled}
    scores, by = Counter[str](), defaultdict[str, Counter[str]](Counter)
    for alert in told(detection, owner, span):
        if (rule := enabled.get(alert.rule.lower())) is None:
            continue
        for technique in dict.fromkeys(t.upper() for t in alert.techniques):
            scores[technique] += 1
            by[technique][rule.display_name] += 1
    silent = len(enabled) - len({a.rule.lower() for a in told(detection, owner, span)} & enabled.keys())
    return {
        "name": name,
        "versions": {"attack": "18", "navigator": NAVIGATOR, "layer": LAYER},
        "domain": DOMAIN,
        "description": f"Techniques of enabled rules that have fired; {silent} of {len(enabled)} rules have not.",
        "sorting": 3,
        "hideDisabled": False,
        "techniques": [
            {
                "techniqueID": technique,
                "score": scores[technique],
                "enabled": True,
                "comment": "; ".join(f"{title} ({count})" for title, count in sorted(by[technique].items())),
                "showSubtechniques": "." in technique,
            }
            for technique in sorted(scores)
        ],
        "gradient": {"colors": _COLOURS, "minValue": 0, "maxValue": max(scores.values(), default=1)},
        "legendItems": [],
        "metadata": [],
    }


def noise(detection: Detection, owner: Owner, span: Span) -> tuple[Loudness, ...]:
    """Each enabled rule, and each that has told something: the loudest first, the silent ones last."""
    rules = {d.name.lower(): d for d in detection.rules.list(owner)}
    alerts = defaultdict[str, list[Alert]](list)
    for alert in told(detection, owner, span):
        alerts[alert.rule.lower()].append(alert)
    verdicts = {d.name.lower(): d.value.classification for d in detection.incidents.list(owner)}
    found = []
    for key, document in rules.items():
        if not document.value.enabled and not alerts[key]:
            continue
        held = {a.incident.lower() for a in alerts[key]} & verdicts.keys()
        wrong = (Classification.FALSE_POSITIVE, Classification.BENIGN_POSITIVE)
        found.append(
            Loudness(
                document.name,
                document.value,
                len(alerts[key]),
                len(held),
                sum(verdicts[i] is Classification.TRUE_POSITIVE for i in held),
                sum(verdicts[i] in wrong for i in held),
                max((a.ended for a in alerts[key] if a.ended), default=None),
            )
        )
    return tuple(sorted(found, key=lambda f: (-f.alerts, f.rule.display_name, f.name)))


def steps(path: Path) -> tuple[AttackStep, ...]:
    """The steps of an attack out of a file as the demo writes it; `Invalid` for another."""
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))["steps"]
        return tuple(
            AttackStep(
                s["id"],
                s["title"],
                datetime.fromisoformat(s["begin"]),
                datetime.fromisoformat(s["end"]),
                dict(s["queries"]),
            )
            for s in listed
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Invalid(f"{path} tells no steps of an attack: {error}") from None


def detected(
    queries: Queries, workspace: Workspace, known: Sequence[AttackStep], alerts: Sequence[Alert]
) -> tuple[Detected, ...]:
    """For each step the first alert about it: one of its time that names an account, host or the like of its rows."""
    return tuple(_first(step, _words(queries, workspace, step), alerts) for step in known)


def _first(step: AttackStep, words: frozenset[str], alerts: Iterable[Alert]) -> Detected:
    found = []
    for alert in alerts:
        if alert.started is None or alert.ended is None or alert.ended < step.begin or alert.started > step.end:
            continue
        if any(name in words for entity in alert.entities for name in _telling(entity)):
            found.append(Detected(step, alert, max(_seen(alert), step.begin)))
    return min(found, key=lambda d: (d.at, d.alert.title if d.alert else ""), default=Detected(step))


def _seen(alert: Alert) -> datetime:
    """The end of the window that has found it: sooner nobody could know."""
    try:
        return datetime.fromisoformat(str(alert.more.get("Query End Time UTC")))
    except ValueError:
        assert alert.ended is not None
        return alert.ended


def _telling(entity: Entity) -> Iterator[str]:
    known = {p: str(v).lower() for p, v in entity.properties.items() if v not in (None, "")}
    for property in _TELLING.get(entity.kind, ()):
        if property in known:
            yield known[property]
    first = known.get("accountName") or known.get("hostName")
    if first and (domain := known.get("upnSuffix") or known.get("dnsDomain")):
        yield f"{first}{'@' if 'accountName' in known else '.'}{domain}"
    if first and "ntDomain" in known:
        yield f"{known['ntDomain']}\\{first}"


def _words(queries: Queries, workspace: Workspace, step: AttackStep) -> frozenset[str]:
    """Every text in the rows of a step, in lower case."""
    options = QueryOptions(max_bytes=None, time_column=TIME)
    words: set[str] = set()
    for query in step.queries.values():
        for table in queries.run(workspace, query, options).tables:
            for row in orjson.loads(b"[" + b",".join(table.json_objects()) + b"]"):
                words.update(_texts(row))
    return frozenset(words)


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str() if value[:1] in "{[" and value:
            try:
                yield from _texts(orjson.loads(value))
            except orjson.JSONDecodeError:
                yield value.lower()
        case str() if value:
            yield value.lower()
        case dict():
            for one in value.values():
                yield from _texts(one)
        case list():
            for one in value:
                yield from _texts(one)
