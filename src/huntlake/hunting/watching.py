"""Breakers that aren't one hunt's alone: the load of a workspace, its incidents from hunts, and rules made of hunts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from huntlake.core.clock import Clock
from huntlake.core.errors import NotFound
from huntlake.detection.alerts import Alert
from huntlake.detection.incidents import Classification, Incident, IncidentStatus
from huntlake.detection.running import window_end
from huntlake.detection.service import Detection
from huntlake.hunting.lifecycle.acting import BREAKER, HOUSE
from huntlake.hunting.lifecycle.governed_hunts import GovernedHunts
from huntlake.hunting.publishing import Publishing, rule_name
from huntlake.hunting.running import breakers
from huntlake.hunting.running.breakers import Bounds, BreakerKind, Tripped
from huntlake.hunting.running.following import QUEUE
from huntlake.hunting.running.run import Verdict
from huntlake.hunting.running.runs import HuntRuns
from huntlake.state.audit import AuditEntry, AuditTrail
from huntlake.state.records import Owner

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_FRESH = timedelta(minutes=1)
_VERDICTS = {
    Classification.TRUE_POSITIVE: Verdict.TRUE_POSITIVE,
    Classification.BENIGN_POSITIVE: Verdict.BENIGN_POSITIVE,
    Classification.FALSE_POSITIVE: Verdict.FALSE_POSITIVE,
}


@dataclass
class Watching:
    """Looks after a workspace's hunting as a whole."""

    clock: Clock
    hunts: GovernedHunts
    runs: HuntRuns
    detection: Detection
    publishing: Publishing
    audit: AuditTrail
    bounds: Callable[[Owner], Bounds] = lambda owner: breakers.USUAL
    _loads: dict[str, tuple[datetime, Tripped | None]] = field(default_factory=dict, init=False, repr=False)

    def waits(self, owner: Owner) -> str:
        """Why hunts of a workspace wait for now: they took too much of the engine. Nothing where they needn't."""
        now = self.clock.now()
        known = self._loads.get(owner[0])
        if known is None or not timedelta() <= now - known[0] < _FRESH:
            known = self._loads[owner[0]] = (now, self._load(owner, now))
        return known[1].reason if known[1] else ""

    def look(self, owner: Owner) -> Sequence[Tripped]:
        """Fall back a phase, disable rules, and say so in the audit, where a breaker opens; what has opened."""
        opened = [*self._of_workspace(owner), *self._of_rules(owner)]
        self.publishing.settle(owner)
        return opened

    def _load(self, owner: Owner, now: datetime) -> Tripped | None:
        spent = sum(
            run.value.seconds
            for document in self.hunts.list(owner)
            if document.value.runs
            for run in self.runs.list(owner, document.name)
            if run.value.ended is not None and now - run.value.ended < _HOUR
        )
        return breakers.load(spent, _HOUR, self.bounds(owner))

    def _of_workspace(self, owner: Owner) -> Sequence[Tripped]:
        now, since = self.clock.now(), self.hunts.rollouts.of(owner).since
        made = {
            document.name: document.value.created
            for document in self.detection.incidents.list(owner)
            if any(label.label_name == QUEUE for label in document.value.labels)
            and document.value.created is not None
            and now - document.value.created < _DAY
            # Those before somebody set the phase are what they have seen when they did.
            and (since is None or document.value.created > since)
        }
        for document in self.detection.alerts.list(owner) if made else ():
            if (incident := document.value.incident) in made and (due := _due(document.value)) is not None:
                made[incident] = min(made[incident], due)
        count = breakers.most_within(made.values(), _DAY)
        found = [t for t in (breakers.incidents(count, self.bounds(owner)), self._load(owner, now)) if t]
        if found and self.hunts.rollouts.of(owner).phase > 1:
            self.hunts.rollouts.fall_back(owner, BREAKER, "; ".join(f"{one.kind}: {one.reason}" for one in found))
        return found

    def _of_rules(self, owner: Owner) -> Sequence[Tripped]:
        """Disable rules that were made of hunts, and have become too loud or wrong."""
        hunts = [d for d in self.hunts.list(owner) if d.value.rule or d.value.runnable]
        names = {name.lower(): d for d in hunts for name in (d.value.rule, rule_name(owner, d.name)) if name}
        if not names:
            return ()
        now, opened = self.clock.now(), list[Tripped]()
        incidents = [d.value for d in self.detection.incidents.list(owner)]
        raised = [d.value for d in self.detection.alerts.list(owner)]
        for name, document in names.items():
            rule = self.detection.rules.find(owner, name)
            if rule is None or not rule.value.enabled:
                continue
            since = max(t for t in (rule.value.last_modified, now - 30 * _DAY) if t is not None)
            tripped = breakers.false_positives(_verdicts(incidents, rule.name, since), self.bounds(owner))
            limit = document.value.approved.content.limits.rows_a_day
            last = [a for a in raised if a.rule.lower() == name and a.created and now - a.created < _DAY]
            alerts = breakers.most_within((due for a in last if (due := _due(a)) is not None), _DAY)
            if tripped is None and alerts > limit:
                reason = f"{alerts} alerts in a day, more than {limit}"
                tripped = Tripped(BreakerKind.VOLUME, reason, (("alerts", str(alerts)),))
            if tripped is not None:
                opened.append(tripped)
                with suppress(NotFound):
                    self.detection.rules.change(owner, rule.name, lambda r: replace(r, enabled=False), HOUSE)
                self._note(owner, document.name, rule.name, tripped)
        return opened

    def _note(self, owner: Owner, hunt: str, rule: str, tripped: Tripped) -> None:
        details = {"rule": rule, "breaker": tripped.kind.value, **dict(tripped.evidence)}
        self.audit.append(
            owner, AuditEntry(BREAKER.actor, "rule/disable", "hunt", hunt, reason=tripped.reason, details=details)
        )


def _due(alert: Alert) -> datetime | None:
    """When an alert was made, or would have been: those of windows that are made up come in a day, and aren't of it."""
    end = window_end(alert)
    return alert.created if end is None or alert.created is None else min(alert.created, end)


def _verdicts(incidents: Sequence[Incident], rule: str, since: datetime) -> list[Verdict]:
    """What people said of the incidents of a rule that were closed since then."""
    return [
        _VERDICTS[incident.classification]
        for incident in incidents
        if incident.status is IncidentStatus.CLOSED
        and incident.classification in _VERDICTS
        and rule in incident.rules
        and incident.closed is not None
        and incident.closed > since
    ]
