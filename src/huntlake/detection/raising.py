"""The one door through which a rule's run becomes alerts and incidents: exactly once.

All that a run leaves behind is written in one transaction together with the mark that it was: a run that is stored
again, also after a crash at any moment, finds the mark and changes nothing. Times are those of the runs' windows and
not of the clock, so that runs which are made up for later group and suppress as they would have done in time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import Any
from uuid import UUID, uuid5

import orjson

from huntlake.core.clock import Clock
from huntlake.detection.alerts import Alert
from huntlake.detection.casebook import Incidents
from huntlake.detection.correlation import Correlation, Links
from huntlake.detection.entity_types import entity_type
from huntlake.detection.events import ALERT_GROUPING, IncidentCreated, IncidentUpdated
from huntlake.detection.incidents import Incident, IncidentRelation, IncidentStatus, RelatedKind
from huntlake.detection.rows import Held
from huntlake.detection.rules import AnalyticRule, Grouping, Matching
from huntlake.detection.running import Raised, Run
from huntlake.detection.severity import Severity
from huntlake.detection.timeline import Entry, EntryKind, changes
from huntlake.state.documents import Document, Put, Shelf, Write
from huntlake.state.events import Events
from huntlake.state.records import Author, Owner, Records
from huntlake.workspace.workspaces import Workspace

MOST_IN_AN_INCIDENT = 150
"""Alerts that one incident holds; the next opens another."""

MOST_NUMBER = 1 << 62
MARKS_KEPT = timedelta(days=30)
"""For how much longer a run is remembered than its window may be made up for."""
_SILENCES, _FAR_GROUPS = 10, 200
"""What a rule remembers at most of other times than that of its last run."""
STAGES, MULTI_STAGE = 3, "Attack in several stages"
"""An incident is called that once it has alerts of so many kinds and of so many tactics."""

CREATED_FROM_ALERT = Author(name="Incident created from alert")
_INCIDENTS = UUID("5f0c7f43-52a3-4b6d-a2c5-6f1a6f0a9f57")
_SEVERITIES = (Severity.INFORMATIONAL, Severity.LOW, Severity.MEDIUM, Severity.HIGH)


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a run: the names of its alerts, and of the incidents that hold them.

    `suppressed_until` is set where the rule was not to raise anything yet, and nothing was stored.
    """

    alerts: tuple[str, ...] = ()
    incidents: tuple[str, ...] = ()
    suppressed_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Group:
    """An incident that takes more alerts: those of the same key, not too long after `latest`."""

    key: str
    incident: str
    latest: datetime


@dataclass(frozen=True, slots=True)
class _Silence:
    """A stretch of time in which a rule raises nothing; at its ends it does."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class _Memory:
    """What a rule's earlier runs have to say to the next ones, the last ones last.

    Runs of last week that are made up for come between those of today: each finds what its own time has left.
    """

    silences: tuple[_Silence, ...] = ()
    groups: tuple[_Group, ...] = ()


@dataclass(slots=True)
class _Draft:
    """An incident as this run will leave it."""

    name: str
    before: Document[Incident] | None
    after: Incident
    held: Held
    added: list[Raised]
    turn: Put | None = None
    """The turn that was taken before what it held was read."""


class Raising:
    """Stores what runs of rules have found, and knows which rules are silent for a while."""

    def __init__(
        self,
        shelf: Shelf,
        clock: Clock,
        alerts: Records[Alert],
        incidents: Incidents,
        events: Events,
        correlation: Correlation,
    ) -> None:
        self._shelf, self._clock = shelf, clock
        self._correlation = correlation
        self._alerts, self._incidents, self._events = alerts, incidents, events
        self._runs = Records(shelf, clock, "raised runs", Stored)
        self._memories = Records(shelf, clock, "raising", _Memory)
        # Threads of this process take turns; those of others are noticed by what they wrote.
        self._turn = Lock()

    def suppressed_until(self, workspace: Workspace, name: str, rule: AnalyticRule, until: datetime) -> datetime | None:
        """Until when the rule isn't to be run, where a run whose window ends at `until` would be too early."""
        memory = self._memories.find((workspace.name,), name)
        return _suppressed(rule, memory.value, until) if memory else None

    def expire(self, workspace: str, before: datetime) -> int:
        """Forget the marks of runs whose windows ended before that, and say how many.

        Whoever stores such a run again finds its alerts, as long as these are kept.
        """
        owner, gone = (workspace,), 0
        for key in self._runs.names(owner):
            if datetime.fromisoformat(key.rpartition("/")[2]) < before:
                gone += self._runs.delete(owner, key)
        return gone

    def store(self, workspace: Workspace, name: str, rule: AnalyticRule, run: Run) -> Stored:
        """Keep the alerts of a run of the rule of that name, and put them into incidents.

        A run of the same rule and window that was stored before is told again, and nothing changes.
        """
        if not run.alerts:
            return Stored()
        owner = (workspace.name,)
        key = f"{name}/{run.window.since.isoformat()}/{run.window.until.isoformat()}"
        with self._turn:
            while True:
                if (known := self._runs.find(owner, key)) is not None:
                    return known.value
                memory = self._memories.find(owner, name)
                if memory and (until := _suppressed(rule, memory.value, run.window.until)):
                    return Stored(suppressed_until=until)
                stored, writes = self._prepared(owner, name, rule, run, memory)
                _, mark = self._runs.prepared(owner, key, stored, Author(), None)
                if self._shelf.write([*writes, *mark]):
                    break
        self._events.deliver(owner)
        return stored

    def _prepared(
        self, owner: Owner, name: str, rule: AnalyticRule, run: Run, memory: Document[_Memory] | None
    ) -> tuple[Stored, list[Write]]:
        kept = memory.value if memory else _Memory()
        at, by = run.window.until, Author(name=f"Analytic rule - {rule.display_name}")
        alerts = [raised for raised in run.alerts if self._alerts.find(owner, raised.name) is None]
        drafts: list[_Draft] = []
        writes: list[Write] = []
        groups = kept.groups
        configuration = rule.incident_configuration
        if configuration is None or configuration.create_incident:
            grouping = configuration.grouping_configuration if configuration else None
            if (links := self._correlation.over(owner)) is not None:
                drafts = self._correlated(owner, name, links, alerts, at)
                writes += links.writes(by)
                groups = ()
            elif grouping is None or not grouping.enabled:
                drafts = [_new(name, raised) for raised in alerts]
                groups = ()
            else:
                drafts, groups = self._grouped(owner, name, grouping, alerts, at, groups)
        incident_of = {raised.name: draft.name for draft in drafts for raised in draft.added}
        for raised in alerts:
            alert = replace(raised.alert, incident=incident_of.get(raised.name, ""))
            _, puts = self._alerts.prepared(owner, raised.name, alert, by, None)
            writes += puts
        writes += self._written(owner, drafts)
        if rule.suppression_enabled:
            silence = _Silence(at, at + rule.suppression_duration)
            kept = replace(kept, silences=(*kept.silences, silence)[-_SILENCES:])
        remembered = replace(kept, groups=groups)
        # Also where nothing is new: another run of the rule may have been stored since this was read.
        if memory is not None or remembered != _Memory():
            writes += self._memories.prepared(owner, name, remembered, by, memory)[1]
        return Stored(tuple(r.name for r in alerts), tuple(d.name for d in drafts)), writes

    def _grouped(
        self,
        owner: Owner,
        name: str,
        grouping: Grouping,
        alerts: Sequence[Raised],
        at: datetime,
        groups: tuple[_Group, ...],
    ) -> tuple[list[_Draft], tuple[_Group, ...]]:
        """Which incident takes which alert, and the incidents that take more after this run."""
        back = grouping.lookback_duration
        near = sorted((g for g in groups if at - back <= g.latest <= at), key=lambda g: g.latest)
        open = {g.key: g for g in near}
        # Runs that come late look back from their own window: what is of another time is not for them, and stays.
        far = [g for g in groups if not at - back <= g.latest <= at]
        drafts: dict[str, _Draft] = {}
        for raised in alerts:
            key = _key(grouping, raised.alert)
            draft = self._open(owner, grouping, open.get(key), drafts) if key is not None else None
            if draft is None:
                draft = _new(name, raised)
            else:
                _add(draft, name, raised)
            drafts[draft.name] = draft
            if key is not None:
                open[key] = _Group(key, draft.name, at)
        return list(drafts.values()), (*far[-_FAR_GROUPS:], *open.values())

    def _correlated(
        self, owner: Owner, name: str, links: Links, alerts: Sequence[Raised], at: datetime
    ) -> list[_Draft]:
        """Which incident takes which alert, where those of all rules are looked at together."""
        drafts: dict[str, _Draft] = {}
        for raised in sorted(alerts, key=lambda r: (r.alert.started or at, r.name)):
            found = (self._draft(owner, incident, drafts) for incident in links.candidates(raised.alert, at))
            open = [d for d in found if d and d.after.status is not IncidentStatus.CLOSED and _has_room(d)]
            if open:
                draft = min(open, key=lambda d: d.after.number or MOST_NUMBER)
                _add(draft, name, raised)
                _retitle(draft)
            else:
                draft = _new(name, raised)
            drafts[draft.name] = draft
            links.tie(raised.alert, draft.name, at)
        return list(drafts.values())

    def _draft(self, owner: Owner, incident: str, drafts: dict[str, _Draft]) -> _Draft | None:
        """An incident as this run leaves it so far; None where it is gone."""
        if incident in drafts:
            return drafts[incident]
        turn = self._incidents.turn(owner, incident)
        known = self._incidents.find(owner, incident)
        if known is None:
            return None
        return _Draft(known.name, known, known.value, self._incidents.held(owner, known.name), [], turn)

    def _open(self, owner: Owner, grouping: Grouping, group: _Group | None, drafts: dict[str, _Draft]) -> _Draft | None:
        """The group's incident, as this run leaves it so far; None where it takes no more."""
        if group is None:
            return None
        draft = self._draft(owner, group.incident, drafts)
        if draft is None:
            return None
        if draft.after.status is IncidentStatus.CLOSED:
            if not grouping.reopen_closed_incident:
                return None
            draft.after = replace(draft.after, status=IncidentStatus.ACTIVE)
        return draft if _has_room(draft) else None

    def _written(self, owner: Owner, drafts: Sequence[_Draft]) -> list[Write]:
        writes: list[Write] = []
        new = [d for d in drafts if d.before is None]
        if new:
            first, taken = self._incidents.numbering(owner, len(new))
            writes.append(taken)
            for number, draft in enumerate(new, start=first):
                draft.after = replace(draft.after, number=number)
        now = self._clock.now()
        for draft in drafts:
            by = CREATED_FROM_ALERT if draft.before is None else ALERT_GROUPING
            records, relations = self._incidents.records, self._incidents.relations
            made, puts = records.prepared(owner, draft.name, draft.after, by, draft.before, alone=True)
            writes += puts
            for raised in draft.added:
                relation = IncidentRelation(RelatedKind.ALERT, raised.name)
                writes += relations.prepared((*owner, draft.name), raised.name, relation, by, None, alone=True)[1]
            added = [
                Entry(EntryKind.ALERT_ADDED, raised.alert.title, by, now, {"name": raised.name})
                for raised in draft.added
            ]
            event: IncidentCreated | IncidentUpdated
            if draft.before is None:
                told = {"severity": made.value.severity}
                entries = [Entry(EntryKind.CREATED, f"made: {made.value.title}", by, now, told), *added]
                event = IncidentCreated(draft.name, by)
            else:
                entries = [*added, *changes(draft.before.value, made.value, by, now)]
                event = _updated(draft, draft.before.value, made.value, by)
            turn = draft.turn or self._incidents.turn(owner, draft.name)
            writes += self._incidents.recorded(owner, draft.name, made.value, draft.held, entries, event, now, turn)
        return writes


def _suppressed(rule: AnalyticRule, memory: _Memory, until: datetime) -> datetime | None:
    ends = [s.until for s in memory.silences if s.since < until < s.until]
    return max(ends) if ends and rule.suppression_enabled else None


def _new(rule: str, raised: Raised) -> _Draft:
    alert = raised.alert
    incident = Incident(
        title=alert.title,
        severity=alert.severity,
        status=IncidentStatus.NEW,
        description=alert.description or None,
        first_activity=alert.started,
        last_activity=alert.ended,
        rules=(rule,),
    )
    name = str(uuid5(_INCIDENTS, raised.name))
    return _Draft(name, None, incident, Held({raised.name: alert}), [raised])


def _add(draft: _Draft, rule: str, raised: Raised) -> None:
    alert, incident = raised.alert, draft.after
    # Only an alert that is worse than all before makes the incident worse: a person may have said it is harmless.
    worst = max((_SEVERITIES.index(a.severity) for a in draft.held.alerts.values()), default=-1)
    severity = alert.severity if _SEVERITIES.index(alert.severity) > worst else incident.severity
    starts = [t for t in (incident.first_activity, alert.started) if t]
    ends = [t for t in (incident.last_activity, alert.ended) if t]
    draft.after = replace(
        incident,
        severity=severity,
        first_activity=min(starts) if starts else None,
        last_activity=max(ends) if ends else None,
        rules=tuple(dict.fromkeys((*incident.rules, rule))),
    )
    draft.held = replace(draft.held, alerts={**draft.held.alerts, raised.name: alert})
    draft.added.append(raised)


def _has_room(draft: _Draft) -> bool:
    return len(draft.held.alerts) < MOST_IN_AN_INCIDENT


def _retitle(draft: _Draft) -> None:
    """Call an incident what it is once it shows several stages, unless a person has given it a name of their own."""
    alerts = sorted(draft.held.alerts.values(), key=lambda a: (a.started is None, a.started, a.title))
    tactics = list(dict.fromkeys(t for a in alerts for t in a.tactics))
    title = draft.after.title
    if min(len(tactics), len({a.title for a in alerts})) < STAGES or not (
        title.startswith(MULTI_STAGE) or any(a.title == title for a in alerts)
    ):
        return
    hosts = {e.id for a in alerts for e in a.entities if e.kind == "Host"}
    people = {e.id for a in alerts for e in a.entities if e.kind == "Account"}
    about = f"{_count(len(people), 'account')} and {_count(len(hosts), 'host')}"
    draft.after = replace(draft.after, title=f"{MULTI_STAGE}, from {tactics[0]} to {tactics[-1]}, on {about}")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _updated(draft: _Draft, before: Incident, after: Incident, by: Author) -> IncidentUpdated:
    added = {r.name for r in draft.added}
    had = {t for name, a in draft.held.alerts.items() if name not in added for t in a.tactics}
    tactics = dict.fromkeys(t.value for r in draft.added for t in r.alert.tactics if t not in had)
    return IncidentUpdated(
        draft.name, before, after, by, added_alerts=tuple(r.name for r in draft.added), added_tactics=tuple(tactics)
    )


def _key(grouping: Grouping, alert: Alert) -> str | None:
    """What alerts of one incident have in common; None for an alert that has nothing to be matched by."""
    match grouping.matching_method:
        case Matching.ANY_ALERT:
            return ""
        case Matching.ALL_ENTITIES:
            ids = sorted(e.id for e in alert.entities)
            return _digest(ids) if ids else None
        case Matching.SELECTED:
            kinds = {t.kind for name in grouping.group_by_entities if (t := entity_type(name))}
            parts: list[Any] = [sorted(e.id for e in alert.entities if e.kind in kinds)] if kinds else []
            for detail in grouping.group_by_alert_details:
                parts.append(alert.title if detail.lower() == "displayname" else alert.severity.value)
            details = _details(alert)
            parts += [sorted(map(str, details.get(name, []))) for name in grouping.group_by_custom_details]
            return _digest(parts) if all(parts) and parts else None


def _details(alert: Alert) -> dict[str, list[Any]]:
    found = orjson.loads(alert.more.get("Custom Details") or "{}")
    return found if isinstance(found, dict) else {}


def _digest(parts: Sequence[Any]) -> str:
    return uuid5(_INCIDENTS, orjson.dumps(parts).decode()).hex
