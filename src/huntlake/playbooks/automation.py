"""Automation rules at work: they hear of incidents and alerts, and change them, or ask for playbooks.

A rule that matches an event is written down before it does anything, and each of its steps in the same transaction as
what the step changes: an event that is told twice does nothing twice, and a crash between two steps is made good by the
next telling. A rule is never set off by what it did itself, and a chain of rules ends after `LONGEST_CHAIN`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from huntlake.core.clock import Clock
from huntlake.core.errors import Conflict, DomainError, Invalid, NotFound, PreconditionFailed
from huntlake.detection.events import AlertCreated, IncidentCreated, IncidentUpdated, UpdateSource
from huntlake.detection.incidents import (
    REASONS,
    Classification,
    ClassificationReason,
    Incident,
    IncidentOwner,
    IncidentStatus,
    IncidentTask,
    Label,
    OwnerType,
    TaskStatus,
)
from huntlake.detection.rows import HEALTH, Held, row, written
from huntlake.detection.service import Detection
from huntlake.detection.severity import Severity
from huntlake.detection.timeline import Entry, EntryKind
from huntlake.playbooks.automation_rules import ActionType, AutomationRule, RuleAction, TriggersOn, TriggersWhen
from huntlake.playbooks.conditions import Case, check, holds
from huntlake.state.documents import Document, Shelf, Write
from huntlake.state.events import Occasion
from huntlake.state.records import Author, Only, Owner, Records

LONGEST_CHAIN = 5
"""How many rules may set each other off, one after the other."""

KEPT = timedelta(days=30)
"""How long it is remembered which steps of a rule are done."""

_LOG = logging.getLogger("huntlake.automation")
_TASKS = UUID("6c1f9a52-9c1b-4f3e-8d8e-6f27cb6f2f0d")


@dataclass(frozen=True, slots=True)
class Updates:
    """What has changed of an incident: its properties by name, what it has got, and by whom or what."""

    fields: tuple[str, ...]
    alerts: tuple[str, ...]
    comments: tuple[str, ...]
    labels: tuple[str, ...]
    tactics: tuple[str, ...]
    by: str
    source: UpdateSource


@dataclass(frozen=True, slots=True)
class PlaybookRequested:
    """A rule, or a person where `rule` is empty, wants a playbook to run on an incident or an alert.

    `playbook` is its resource id, `updates` what the rule heard of, where it hears of updates.
    """

    playbook: str
    tenant: str
    incident: str
    alert: str
    rule: str
    by: Author
    updates: Updates | None = None


@dataclass(frozen=True, slots=True)
class AutomationRun:
    """A rule that matched an event, and the steps of it that are done, by their place."""

    event: str
    rule: str
    display_name: str
    incident: str
    alert: str
    at: datetime
    done: tuple[int, ...] = ()


def automation_rules(shelf: Shelf, clock: Clock) -> Records[AutomationRule]:
    """The automation rules of each workspace."""
    return Records(shelf, clock, "automation rules", AutomationRule, _stamped)


class Automation:
    """Runs the automation rules of every workspace."""

    def __init__(self, shelf: Shelf, clock: Clock, rules: Records[AutomationRule], detection: Detection) -> None:
        self._shelf, self._clock, self._rules, self._detection = shelf, clock, rules, detection
        self.runs = Records(shelf, clock, "automation runs", AutomationRun)

    def listen(self) -> None:
        """Hear of everything that happens from now on, and of what nobody has heard yet."""
        events = self._detection.events
        events.listen(IncidentCreated, self._incident_created)
        events.listen(IncidentUpdated, self._incident_updated)
        events.listen(AlertCreated, self._alert_created)

    def expire(self, workspace: str) -> int:
        """Forget what was written down of events that nobody will tell again, and say of how many."""
        oldest, gone = self._clock.now() - KEPT, 0
        pending = self._detection.events.pending((workspace,))
        for run in self.runs.list((workspace,)):
            if run.value.at < oldest and run.value.event not in pending:
                with suppress(PreconditionFailed):
                    gone += self.runs.delete((workspace,), run.name, Only(run.etag))
        return gone

    def _incident_created(self, occasion: Occasion, event: IncidentCreated) -> None:
        self._incident(occasion, event.incident, event.by, TriggersWhen.CREATED, None)

    def _incident_updated(self, occasion: Occasion, event: IncidentUpdated) -> None:
        if event.sets_off:
            self._incident(occasion, event.incident, event.by, TriggersWhen.UPDATED, event)

    def _alert_created(self, occasion: Occasion, event: AlertCreated) -> None:
        owner = (occasion.workspace,)
        for rule in self._triggered(owner, event.by, TriggersOn.ALERTS, TriggersWhen.CREATED):
            alert = self._detection.alerts.find(owner, event.alert)
            if alert is None:
                return
            case = Case(Held({alert.name: alert.value}))
            self._run(occasion, rule, case, event.by, alert.value.incident, alert.name)

    def _incident(
        self, occasion: Occasion, name: str, by: Author, when: TriggersWhen, update: IncidentUpdated | None
    ) -> None:
        owner = (occasion.workspace,)
        for rule in self._triggered(owner, by, TriggersOn.INCIDENTS, when):
            # Each rule sees what those before it have made of the incident.
            incident = self._detection.incidents.find(owner, name)
            if incident is None:
                return
            case = Case(self._detection.incidents.held(owner, name), incident.value, update)
            self._run(occasion, rule, case, by, incident.name, "")

    def _triggered(
        self, owner: Owner, by: Author, on: TriggersOn, when: TriggersWhen
    ) -> Iterator[Document[AutomationRule]]:
        """The rules of that trigger, in their order."""
        if len(by.via) >= LONGEST_CHAIN:
            return
        now = self._clock.now()
        for rule in sorted(self._rules.list(owner), key=lambda d: (d.value.order, d.name)):
            trigger = rule.value.triggering_logic
            expires = trigger.expiration_time_utc
            if (trigger.triggers_on, trigger.triggers_when) != (on, when) or not trigger.is_enabled:
                continue
            if (expires is None or now < expires) and _source(rule) not in by.via:
                yield rule

    def _run(
        self, occasion: Occasion, rule: Document[AutomationRule], case: Case, cause: Author, incident: str, alert: str
    ) -> None:
        owner, key = (occasion.workspace,), f"{occasion.id}/{rule.name}"
        run = self.runs.find(owner, key)
        if run is None:
            try:
                if not all(holds(condition, case) for condition in rule.value.triggering_logic.conditions):
                    return
            except (KeyError, Invalid) as error:
                _LOG.warning("automation rule `%s`: %s", rule.value.display_name, error)
                return
            run = self._begun(occasion, rule, incident, alert)
        title = rule.value.display_name
        author = Author(name=f"Automation rule - {title}", via=(*cause.via, _source(rule)))
        for place, action in sorted(enumerate(rule.value.actions), key=lambda pair: (pair[1].order, pair[0])):
            while place not in run.value.done:
                done = replace(run.value, done=(*run.value.done, place))
                _, beside = self.runs.prepared(owner, key, done, author, run)
                try:
                    self._act(owner, run.value, action, place, author, beside, case.update)
                except Conflict:
                    # Another process is at it, and may die before the next step: whoever tells an event sees to all.
                    before, run = run, self.runs.get(owner, key)
                    if run.etag == before.etag:
                        raise
                    continue
                except NotFound:
                    return  # the incident was deleted meanwhile
                except DomainError as error:
                    _LOG.warning("automation rule `%s`: %s", title, error)
                    break
                run = self.runs.find(owner, key) or run

    def _begun(
        self, occasion: Occasion, rule: Document[AutomationRule], incident: str, alert: str
    ) -> Document[AutomationRun]:
        owner, now, title = (occasion.workspace,), self._clock.now(), rule.value.display_name
        began = AutomationRun(occasion.id, rule.name, title, incident, alert, now)
        health = {
            "TimeGenerated": written(now),
            "OperationName": "Automation rule run",
            "SentinelResourceId": rule.name,
            "SentinelResourceName": title,
            "SentinelResourceType": "Automation rule",
            "Status": "Success",
            "Description": "The rule was triggered and its conditions were met",
            "RecordId": f"{occasion.id}/{rule.name}",
            "Type": HEALTH,
        }
        key = f"{occasion.id}/{rule.name}"
        try:
            return self.runs.put(owner, key, began, beside=[row(owner, HEALTH, health)])[0]
        except Conflict:
            return self.runs.get(owner, key)

    def _act(
        self,
        owner: Owner,
        run: AutomationRun,
        action: RuleAction,
        place: int,
        by: Author,
        beside: Sequence[Write],
        update: IncidentUpdated | None,
    ) -> None:
        given = action.action_configuration
        match action.action_type:
            case ActionType.MODIFY_PROPERTIES:
                self._detection.incidents.change(owner, run.incident, lambda i: _modified(i, given), by, beside)
            case ActionType.ADD_INCIDENT_TASK:
                task = IncidentTask(str(given["title"]), TaskStatus.NEW, given.get("description"))
                name = str(uuid5(_TASKS, f"{run.event}/{run.rule}/{place}"))
                self._detection.incidents.tasks.put((*owner, run.incident), name, task, by, beside=beside)
            case ActionType.RUN_PLAYBOOK:
                playbook, tenant = str(given["logicAppResourceId"]), str(given.get("tenantId") or "")
                updates = _updates(update) if update else None
                wanted = PlaybookRequested(playbook, tenant, run.incident, run.alert, run.rule, by, updates)
                asked = ask_for_playbook(self._detection, self._clock.now(), owner, wanted)
                if not self._shelf.write([*asked, *beside]):
                    raise Conflict("another process has asked for the playbook")


def ask_for_playbook(detection: Detection, at: datetime, owner: Owner, wanted: PlaybookRequested) -> Sequence[Write]:
    """What asks for a playbook, and says so on the incident's timeline; to be written at once, and then delivered."""
    writes: list[Write] = [detection.events.append(owner, wanted)]
    if wanted.incident:
        told = f"asked for the playbook {wanted.playbook.rpartition('/')[2]}"
        entry = Entry(EntryKind.PLAYBOOK_REQUESTED, told, wanted.by, at, {"playbook": wanted.playbook})
        writes.append(detection.incidents.timelines.append(owner, wanted.incident, entry))
    return writes


def _updates(update: IncidentUpdated) -> Updates:
    before, after = update.before, update.after
    fields = [shown for name, shown in _UPDATED.items() if getattr(before, name) != getattr(after, name)]
    added = {
        "Alerts": update.added_alerts,
        "Comments": update.added_comments,
        "Labels": update.added_labels,
        "Tactics": update.added_tactics,
    }
    fields += [name for name, what in added.items() if what]
    return Updates(
        tuple(fields),
        update.added_alerts,
        update.added_comments,
        update.added_labels,
        update.added_tactics,
        update.by.name or update.by.user_principal_name or update.by.object_id,
        update.source,
    )


def _source(rule: Document[AutomationRule]) -> str:
    return f"automation-rule {rule.name.lower()}"


def _modified(incident: Incident, given: Mapping[str, Any]) -> Incident:
    """The incident with what a step says of it; its tags are added to those that are there."""
    made = incident
    if (severity := given.get("severity")) is not None:
        made = replace(made, severity=Severity(severity))
    if (status := given.get("status")) is not None:
        made = replace(made, status=IncidentStatus(status))
    if (kind := given.get("classification")) is not None:
        reason, comment = given.get("classificationReason"), given.get("classificationComment")
        made = replace(
            made,
            classification=Classification(kind),
            classification_reason=ClassificationReason(reason) if reason else None,
            classification_comment=comment,
        )
    if (owner := given.get("owner")) is not None:
        made = replace(made, owner=_owner(owner))
    if labels := given.get("labels"):
        had = {label.label_name for label in made.labels}
        new = dict.fromkeys(str(x["labelName"]) for x in labels)
        made = replace(made, labels=(*made.labels, *(Label(n, "AutoAssigned") for n in new if n not in had)))
    return made


def _owner(given: Mapping[str, Any]) -> IncidentOwner:
    kind = given.get("ownerType")
    return IncidentOwner(
        object_id=given.get("objectId"),
        email=given.get("email"),
        assigned_to=given.get("assignedTo"),
        user_principal_name=given.get("userPrincipalName"),
        owner_type=OwnerType(kind) if kind else None,
    )


def _stamped(rule: AutomationRule, before: AutomationRule | None, by: Author, now: datetime) -> AutomationRule:
    trigger = rule.triggering_logic
    if not 1 <= rule.order <= 1000:
        raise Invalid("an automation rule's `order` lies between 1 and 1000")
    if not 1 <= len(rule.actions) <= 20:
        raise Invalid("an automation rule has 1 to 20 actions")
    if len(trigger.conditions) > 50:
        raise Invalid("an automation rule has at most 50 conditions")
    if trigger.triggers_on is TriggersOn.ALERTS and trigger.triggers_when is not TriggersWhen.CREATED:
        raise Invalid("a rule about alerts triggers when they are created; on updates it is not supported")
    for condition in trigger.conditions:
        check(condition, trigger.triggers_on, trigger.triggers_when)
    for action in rule.actions:
        _check_action(action, trigger.triggers_on)
    return replace(
        rule,
        created=before.created if before else now,
        created_by=before.created_by if before else by,
        modified=now,
        modified_by=by,
    )


_UPDATED = {
    "title": "Title",
    "description": "Description",
    "severity": "Severity",
    "status": "Status",
    "owner": "Owner",
    "classification": "Classification",
}
"""By the name of a property, how those who hear of updates know it."""

_FIELDS: Mapping[ActionType, frozenset[str]] = {
    ActionType.MODIFY_PROPERTIES: frozenset(
        {"severity", "status", "classification", "classificationReason", "classificationComment", "owner", "labels"}
    ),
    ActionType.ADD_INCIDENT_TASK: frozenset({"title", "description"}),
    ActionType.RUN_PLAYBOOK: frozenset({"logicAppResourceId", "tenantId"}),
}
_OWNERS = frozenset({"objectId", "email", "assignedTo", "userPrincipalName", "ownerType"})
_VALUES: Mapping[str, Sequence[str]] = {
    "severity": tuple(Severity),
    "status": tuple(IncidentStatus),
    "classification": tuple(Classification),
    "classificationReason": tuple(ClassificationReason),
}


def _check_action(action: RuleAction, on: TriggersOn) -> None:
    given, type = action.action_configuration, action.action_type
    if on is TriggersOn.ALERTS and type is not ActionType.RUN_PLAYBOOK:
        raise Invalid(f"`{type}` is not supported in a rule about alerts: an alert has no such properties")
    for field in given:
        if field not in _FIELDS[type]:
            raise Invalid(f"the field `{field[:60]}` of a `{type}` action is not supported")
    match type:
        case ActionType.RUN_PLAYBOOK:
            if not isinstance(given.get("logicAppResourceId"), str) or not given["logicAppResourceId"]:
                raise Invalid("a `RunPlaybook` action has no `logicAppResourceId`")
        case ActionType.ADD_INCIDENT_TASK:
            if not isinstance(given.get("title"), str) or not given["title"].strip():
                raise Invalid("an `AddIncidentTask` action has no `title`")
        case ActionType.MODIFY_PROPERTIES:
            _check_modification(given)


def _check_modification(given: Mapping[str, Any]) -> None:
    for field, values in _VALUES.items():
        value = given.get(field)
        if value is not None and value not in values:
            raise Invalid(f"the {field} `{str(value)[:60]}` is not supported; there are {', '.join(values)}")
    kind, reason = given.get("classification"), given.get("classificationReason")
    if reason is not None and (kind is None or reason not in REASONS[Classification(kind)]):
        raise Invalid(f"the classification reason `{reason}` doesn't fit `{kind or 'no classification'}`")
    if kind is not None and given.get("status") != IncidentStatus.CLOSED:
        raise Invalid("only a closed incident is classified: the action sets its `status` to `Closed`, too")
    owner = given.get("owner")
    if owner is not None and (not isinstance(owner, dict) or not set(owner) <= _OWNERS):
        raise Invalid(f"an `owner` has {', '.join(sorted(_OWNERS))}")
    if owner and owner.get("ownerType") not in (None, *OwnerType):
        raise Invalid(f"the owner's type `{str(owner['ownerType'])[:60]}` is not supported")
    labels = given.get("labels")
    if labels is not None and not (
        isinstance(labels, list)
        and all(isinstance(x, dict) and isinstance(x.get("labelName"), str) and x["labelName"] for x in labels)
    ):
        raise Invalid("each of the `labels` has a `labelName`")
