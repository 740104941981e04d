"""What rules would have told over a stretch of history: alerts, what they are about, and the incidents that they make.

Nothing is kept: the alerts are raised into a store in memory, by the same door as those of every day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import combinations

from huntlake.core.errors import LimitExceeded
from huntlake.detection.alerts import Alert
from huntlake.detection.correlation import CorrelationSetting
from huntlake.detection.entities import Entity, called
from huntlake.detection.incidents import Incident
from huntlake.detection.replaying import MovedClock, Replay, Replayed, raised
from huntlake.detection.rules import AnalyticRule
from huntlake.detection.service import Detection
from huntlake.state.memory import MemoryShelf
from huntlake.workspace.workspaces import Workspace


@dataclass
class RuleTold:
    """What became of one rule. `windows` is how many there are, `runs` how many of them were run."""

    name: str
    rule: AnalyticRule
    windows: int
    runs: int = 0
    suppressed: int = 0
    alerts: list[Alert] = field(default_factory=list)
    by_day: Counter[date] = field(default_factory=Counter)
    """Alerts of the windows that end on a day, UTC."""
    entities: Counter[str] = field(default_factory=Counter)
    """In how many alerts each entity is."""
    failures: Counter[str] = field(default_factory=Counter)
    """In how many windows it failed, by reason."""
    abandoned: int = 0
    """Windows that weren't run since too many before them had failed."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two rules that tell of the same things: how many entities both have, and how many incidents hold both."""

    one: str
    other: str
    entities: int
    incidents: int


@dataclass(frozen=True, slots=True)
class RuleOverlap:
    """Another rule: how many entities both tell of, and that as a share of all that either does (Jaccard)."""

    rule: str
    title: str
    shared: int
    jaccard: float


@dataclass(frozen=True, slots=True)
class IncidentTold:
    """An incident at the end, with its alerts in the order of their times, and its entities."""

    incident: Incident
    alerts: tuple[Alert, ...]
    entities: tuple[Entity, ...]


@dataclass(frozen=True, slots=True)
class Backtest:
    """All that rules would have told from `since` to `until`."""

    since: datetime
    until: datetime
    rules: tuple[RuleTold, ...]
    overlaps: tuple[Overlap, ...]
    incidents: tuple[IncidentTold, ...]

    @property
    def days(self) -> tuple[date, ...]:
        """The days, UTC, on which windows end."""
        days = (self.until.date() - self.since.date()).days
        return tuple(self.since.date() + timedelta(days=n) for n in range(days + 1))


def backtest(
    replay: Replay,
    correlation: CorrelationSetting = CorrelationSetting(),
    most_alerts: int | None = None,
    most_kept: int | None = None,
) -> Backtest:
    """What the rules of a replay would have told.

    Raises `Cancelled` where it is ended early, and `LimitExceeded` where there are more than `most_alerts`, or all that
    they hold has more than `most_kept` characters.
    """
    clock, owner = MovedClock(replay.since), (replay.workspace.name,)
    detection = Detection.over(MemoryShelf(most_kept), clock)
    detection.correlation.put(replay.workspace.name, correlation)
    told = {p.name: RuleTold(p.name, p.rule, p.windows, abandoned=len(p.ends)) for p in replay.planned()}
    alerts = 0
    for one, stored in raised(replay, detection.raising, replay.workspace, clock):
        alerts += len(stored.alerts)
        if most_alerts is not None and alerts > most_alerts:
            raise LimitExceeded(f"more than {most_alerts:,} alerts: take fewer days, or narrow the query")
        _add(told[one.name], one, stored.alerts, stored.suppressed_until is not None)
    incidents = [
        IncidentTold(
            document.value,
            tuple(sorted((d.value for d in detection.incidents.alerts(owner, document.name)), key=_moment)),
            tuple(detection.incidents.entities(owner, document.name)),
        )
        for document in sorted(detection.incidents.list(owner), key=lambda d: d.value.number)
    ]
    rules = tuple(sorted(told.values(), key=lambda t: (-len(t.alerts), t.rule.display_name, t.name)))
    return Backtest(replay.since, replay.until, rules, overlaps(rules, incidents), tuple(incidents))


def overlaps(rules: Sequence[RuleTold], incidents: Iterable[IncidentTold] = ()) -> tuple[Overlap, ...]:
    """The pairs of rules that share entities or incidents, those that share most first."""
    together = Counter[tuple[str, str]]()
    for one in incidents:
        together.update(combinations(sorted({a.rule for a in one.alerts}), 2))
    found = []
    for first, second in combinations(sorted(rules, key=lambda t: t.name), 2):
        entities = len(first.entities.keys() & second.entities.keys())
        held = together[first.name, second.name]
        if entities or held:
            found.append(Overlap(first.name, second.name, entities, held))
    return tuple(sorted(found, key=lambda o: (-o.entities, -o.incidents, o.one, o.other)))


def sharing(
    detection: Detection, workspace: Workspace, name: str, alerts: Iterable[Alert], since: datetime, until: datetime
) -> tuple[RuleOverlap, ...]:
    """How what the rule of that name tells overlaps with what other rules have told in the time."""
    own = {named(e) for a in alerts for e in a.entities}
    others: dict[str, set[str]] = {}
    for document in detection.alerts.list((workspace.name,)):
        alert = document.value
        inside = (alert.ended is None or alert.ended >= since) and (alert.started is None or alert.started < until)
        if alert.rule and alert.rule.lower() != name.lower() and inside:
            others.setdefault(alert.rule, set()).update(named(e) for e in alert.entities)
    found = []
    for rule, entities in others.items():
        if shared := own & entities:
            known = detection.rules.find((workspace.name,), rule)
            title = known.value.display_name if known else rule
            found.append(RuleOverlap(rule, title, len(shared), len(shared) / len(own | entities)))
    return tuple(sorted(found, key=lambda o: (-o.jaccard, o.title, o.rule)))


def named(entity: Entity) -> str:
    """An entity in a few words, such as `Account ann@corp.example`."""
    return f"{entity.kind} {called(entity)}"


def _add(told: RuleTold, one: Replayed, names: Sequence[str], suppressed: bool) -> None:
    told.runs += 1
    told.abandoned -= 1
    told.suppressed += suppressed
    if one.run is None:
        told.failures[one.failure] += 1
        return
    for alert in (r.alert for r in one.run.alerts if r.name in names):
        told.alerts.append(alert)
        told.by_day[one.window.until.date()] += 1
        told.entities.update({named(e) for e in alert.entities})


def _moment(alert: Alert) -> tuple[bool, datetime | None, str]:
    return (alert.started is None, alert.started, alert.title)
