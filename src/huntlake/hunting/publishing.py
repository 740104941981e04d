"""Approved hunts as rules of low severity, with a queue of incidents of their own: from the second phase on.

A rule goes on only as long as its hunt is on duty: what a breaker suspends, or a person retires, stops here too. What
was suspended goes on here when it is resumed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID, uuid5

from huntlake.core.clock import Clock
from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import Invalid, NotFound, PreconditionFailed
from huntlake.detection.events import IncidentCreated
from huntlake.detection.incidents import Incident, Label
from huntlake.detection.rules import (
    AnalyticRule,
    Grouping,
    IncidentConfiguration,
    Matching,
    RuleKind,
    TriggerOperator,
)
from huntlake.detection.service import Detection
from huntlake.detection.severity import Severity, Tactic
from huntlake.hunting.drafting.quoting import inlined
from huntlake.hunting.lifecycle.acting import HOUSE
from huntlake.hunting.lifecycle.events import HuntApproved
from huntlake.hunting.lifecycle.governed_hunts import GovernedHunts
from huntlake.hunting.lifecycle.hunt import GovernedHunt, HuntVersion
from huntlake.hunting.lifecycle.states import READY, HuntState
from huntlake.hunting.running.following import QUEUE
from huntlake.state.audit import SYSTEM, AuditEntry, AuditTrail
from huntlake.state.documents import Document, Shelf
from huntlake.state.events import Occasion
from huntlake.state.records import Only, Owner, Records

_LOG = logging.getLogger("huntlake.hunts")
_RULES = UUID("1c2b9d56-0e0a-4a8b-8a53-f7a0b7a1e9f4")
_USUAL, _LEAST, _MOST = timedelta(days=1), timedelta(minutes=5), timedelta(days=14)
_LIVE = (*READY, HuntState.RUNNING, HuntState.APPROVED)


@dataclass(frozen=True, slots=True)
class SetAside:
    """A rule that was disabled because that version of its hunt was suspended, and the rule's ETag then."""

    version: int
    etag: str


@dataclass(frozen=True)
class Publishing:
    """Publishes hunts as rules, and labels what those find. `aside` are rules of hunts that are suspended."""

    hunts: GovernedHunts
    detection: Detection
    audit: AuditTrail
    aside: Records[SetAside]
    tactics: Callable[[Iterable[str]], tuple[Tactic, ...]] = lambda techniques: ()
    """The tactics of techniques, where ATT&CK is here."""

    @classmethod
    def over(
        cls,
        shelf: Shelf,
        clock: Clock,
        hunts: GovernedHunts,
        detection: Detection,
        audit: AuditTrail,
        tactics: Callable[[Iterable[str]], tuple[Tactic, ...]] = lambda techniques: (),
    ) -> Publishing:
        """What publishes the hunts of a database."""
        return cls(hunts, detection, audit, Records(shelf, clock, "rules of suspended hunts", SetAside), tactics)

    def approved(self, occasion: Occasion, event: HuntApproved) -> None:
        """Publish a hunt that was approved in a later phase."""
        owner = (occasion.workspace,)
        # Told late or once more, it may be true no longer.
        if min(event.phase, self.hunts.rollouts.of(owner).phase) < 2:
            return
        try:
            hunt = self.hunts.get(owner, event.hunt).value
        except NotFound:
            return
        version = hunt.version(event.version)
        if hunt.state_of(event.version) not in _LIVE or hunt.approval(version.content.hash) is None:
            return
        name = rule_name(owner, event.hunt)
        try:
            rule = rule_of(hunt, version, self.tactics(hunt.techniques))
            self.detection.rules.put(owner, name, rule, HOUSE)
        except (Invalid, SourceError) as error:
            _LOG.warning("the hunt %s of %s isn't published as a rule: %s", event.hunt, owner[0], error)
            return
        self._note(owner, "hunt/publish", event.hunt, version, f"phase {event.phase}", name)

    def raised(self, occasion: Occasion, event: IncidentCreated) -> None:
        """Bring incidents of published hunts into their queue."""
        owner = (occasion.workspace,)
        found = self.detection.incidents.find(owner, event.incident)
        if found is None or not set(found.value.rules) & self._published(owner):
            return

        def labelled(incident: Incident) -> Incident:
            if any(label.label_name == QUEUE for label in incident.labels):
                return incident
            return replace(incident, labels=(*incident.labels, Label(QUEUE, "AutoAssigned")))

        with suppress(NotFound):
            self.detection.incidents.change(owner, event.incident, labelled, HOUSE)

    def settle(self, owner: Owner) -> int:
        """Disable the rules whose hunts aren't on duty any more, or all in the first phase; how many they were.

        Those that were disabled with a suspended hunt are enabled again when that was resumed.
        """
        ended, phase = 0, self.hunts.rollouts.of(owner).phase
        for document in self.hunts.list(owner):
            hunt, name = document.value, rule_name(owner, document.name)
            rule = self.detection.rules.find(owner, name)
            if rule is None:
                continue
            why, version = off_duty(hunt, phase), hunt.runnable or hunt.current
            if not why:
                self._resume(owner, document.name, hunt.version(version), rule)
            elif rule.value.enabled:
                rule = self.detection.rules.change(owner, name, lambda known: replace(known, enabled=False), HOUSE)
                if hunt.state_of(version) is HuntState.SUSPENDED:
                    self.aside.put(owner, name, SetAside(version, rule.etag), HOUSE)
                self._note(owner, "hunt/unpublish", document.name, hunt.version(version), why, name)
                ended += 1
        return ended

    def _resume(self, owner: Owner, hunt: str, version: HuntVersion, rule: Document[AnalyticRule]) -> None:
        """Enable a rule that was set aside with its hunt, unless somebody has had a hand in it since."""
        aside = self.aside.find(owner, rule.name)
        if aside is None:
            return
        if aside.value == SetAside(version.number, rule.etag):
            enabled = replace(rule.value, enabled=True)
            with suppress(PreconditionFailed):
                self.detection.rules.put(owner, rule.name, enabled, HOUSE, Only(rule.etag))
                self._note(owner, "hunt/publish", hunt, version, "it was resumed", rule.name)
        self.aside.delete(owner, rule.name)

    def _published(self, owner: Owner) -> frozenset[str]:
        return frozenset(rule_name(owner, document.name) for document in self.hunts.list(owner))

    def _note(self, owner: Owner, action: str, hunt: str, version: HuntVersion, reason: str, rule: str) -> None:
        entry = AuditEntry(
            SYSTEM,
            action,
            "hunt",
            hunt,
            version.number,
            content_hash=version.content.hash,
            reason=reason,
            responsible=version.responsible or version.author.name,
            details={"rule": rule},
        )
        self.audit.append(owner, entry)


def off_duty(hunt: GovernedHunt, phase: int) -> str:
    """Why a hunt has no published rule in that phase; nothing where it may have one."""
    state = hunt.state_of(hunt.runnable or hunt.current)
    if state not in _LIVE:
        return f"it is {state or hunt.state}"
    return "" if phase > 1 else "the workspace is in phase 1"


def rule_name(owner: Owner, hunt: str) -> str:
    """The name of the rule that a hunt is published as."""
    return str(uuid5(_RULES, f"{owner[0]}\n{hunt}"))


def rule_of(hunt: GovernedHunt, version: HuntVersion, tactics: tuple[Tactic, ...] = ()) -> AnalyticRule:
    """A hunt as a scheduled rule; `Invalid` where its parameters have no values."""
    content = version.content
    frequency = min(max(content.schedule.frequency or _USUAL, _LEAST), _MOST)
    return AnalyticRule(
        kind=RuleKind.SCHEDULED,
        display_name=f"Hunt: {hunt.title}"[:256],
        enabled=True,
        severity=Severity.LOW,
        query=inlined(content.query, content.parameters),
        suppression_duration=timedelta(hours=5),
        suppression_enabled=False,
        query_frequency=frequency,
        query_period=min(max(content.schedule.period, frequency), _MOST),
        trigger_operator=TriggerOperator.GREATER_THAN,
        trigger_threshold=0,
        description=hunt.statement[:5000],
        tactics=tactics,
        techniques=tuple(t for t in hunt.techniques if "." not in t),
        sub_techniques=tuple(t for t in hunt.techniques if "." in t),
        entity_mappings=content.entities,
        incident_configuration=IncidentConfiguration(
            True, Grouping(True, False, timedelta(days=1), Matching.ALL_ENTITIES)
        ),
    )
