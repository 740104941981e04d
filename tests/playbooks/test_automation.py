from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from huntlake.core.clock import FixedClock
from huntlake.core.errors import Invalid
from huntlake.detection.alerts import Alert
from huntlake.detection.extraction import from_alerts
from huntlake.detection.incidents import (
    Classification,
    Incident,
    IncidentComment,
    IncidentRelation,
    IncidentStatus,
    Label,
    RelatedKind,
)
from huntlake.detection.raising import Stored
from huntlake.detection.rules import AnalyticRule, RuleKind, TriggerOperator
from huntlake.detection.running import Raised, Run, Window
from huntlake.detection.service import Detection
from huntlake.detection.severity import Severity, Tactic
from huntlake.playbooks.automation import KEPT, LONGEST_CHAIN, Automation, PlaybookRequested, automation_rules
from huntlake.playbooks.automation_rules import (
    ActionType,
    AutomationRule,
    Condition,
    ConditionType,
    RuleAction,
    Trigger,
    TriggersOn,
    TriggersWhen,
)
from huntlake.state.documents import Put, Shelf
from huntlake.state.memory import MemoryShelf
from huntlake.state.records import Author
from huntlake.workspace.workspaces import Workspace

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SOC = Workspace("soc", "11111111-2222-3333-4444-555555555555")
OWNER = ("soc",)
ANN = Author("7", "Ann")
ENTITIES = (
    '[{"Type":"account","Name":"bob","UPNSuffix":"northwind.example"},{"Type":"ip","Address":"192.0.2.7"},'
    '{"Type":"azure-resource","ResourceId":"/subscriptions/abc/resourceGroups/rg"}]'
)
ALERT = Alert(
    "Odd sign-in",
    Severity.MEDIUM,
    tactics=(Tactic.EXECUTION,),
    entities=from_alerts(ENTITIES),
    rule="r1",
    started=NOW,
    ended=NOW,
    more={"Custom Details": json.dumps({"Country": ["XX", "YY"]})},
)
RULE = AnalyticRule(
    kind=RuleKind.SCHEDULED,
    display_name="Odd",
    enabled=True,
    severity=Severity.MEDIUM,
    query="T",
    suppression_duration=timedelta(hours=1),
    suppression_enabled=False,
    query_frequency=timedelta(hours=1),
    query_period=timedelta(hours=1),
    trigger_operator=TriggerOperator.GREATER_THAN,
    trigger_threshold=0,
)
PLAYBOOK = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Logic/workflows/Block-User"


def modify(order: int = 1, **given: Any) -> RuleAction:
    return RuleAction(order, ActionType.MODIFY_PROPERTIES, given)


def when(name: str, operator: str, *values: str) -> Condition:
    given = {"propertyName": name, "operator": operator, "propertyValues": [*values]}
    return Condition(ConditionType.PROPERTY, given)


def rule(
    *actions: RuleAction,
    conditions: tuple[Condition, ...] = (),
    on: TriggersOn = TriggersOn.INCIDENTS,
    at: TriggersWhen = TriggersWhen.CREATED,
    order: int = 1,
    name: str = "Rule",
    enabled: bool = True,
    expires: datetime | None = None,
) -> AutomationRule:
    return AutomationRule(name, order, Trigger(enabled, on, at, expires, conditions), actions)


class Desk:
    def __init__(self, shelf: Shelf | None = None) -> None:
        self.shelf = shelf or MemoryShelf()
        self.clock = FixedClock(NOW)
        self.detection = Detection.over(self.shelf, self.clock)
        self.rules = automation_rules(self.shelf, self.clock)
        self.automation = Automation(self.shelf, self.clock, self.rules, self.detection)
        self.automation.listen()
        self.wanted: list[PlaybookRequested] = []
        self.detection.events.listen(PlaybookRequested, lambda occasion, event: self.wanted.append(event))

    def raised(self, alert: Alert = ALERT, hour: int = 0) -> Stored:
        until = NOW + timedelta(hours=hour)
        run = Run(Window(until - timedelta(hours=1), until), 1, True, (Raised(f"alert-{hour}", alert),))
        return self.detection.raising.store(SOC, "r1", RULE, run)

    def incident(self, stored: Stored) -> Incident:
        return self.detection.incidents.get(OWNER, stored.incidents[0]).value

    def told(self, stored: Stored) -> list[tuple[str, str]]:
        entries = self.detection.incidents.timeline(OWNER, stored.incidents[0])
        return [(e.by.name, e.text) for e in entries]


def test_a_new_incident_is_changed_by_the_rule_and_its_timeline_says_by_whom() -> None:
    desk = Desk()
    owner = {"userPrincipalName": "ann@northwind.example", "ownerType": "User"}
    actions = modify(severity="High", status="Active", owner=owner, labels=[{"labelName": "vip"}])
    desk.rules.put(OWNER, "one", rule(actions))
    stored = desk.raised()
    made = desk.incident(stored)
    assert (made.severity, made.status) == (Severity.HIGH, IncidentStatus.ACTIVE)
    assert made.owner.user_principal_name == "ann@northwind.example"
    assert made.labels == (Label("vip", "AutoAssigned"),)
    assert ("Automation rule - Rule", "severity: Medium → High") in desk.told(stored)
    rows = [v for _, v in desk.shelf.read_after("rows of soc/SecurityIncident", "")]
    assert [r["ModifiedBy"] for r in rows if isinstance(r, dict)] == [
        "Incident created from alert",
        "Automation rule - Rule",
    ]
    [health] = [v for _, v in desk.shelf.read_after("rows of soc/SentinelHealth", "")]
    assert isinstance(health, dict)
    assert health["SentinelResourceName"] == "Rule"


def test_rules_run_in_their_order_and_each_sees_what_the_last_has_done() -> None:
    desk = Desk()
    high = (when("IncidentSeverity", "Equals", "High"),)
    desk.rules.put(OWNER, "a", rule(modify(status="Active"), conditions=high, order=2))
    desk.rules.put(OWNER, "b", rule(modify(severity="High"), order=1))
    desk.rules.put(OWNER, "c", rule(modify(severity="Low"), conditions=high, order=3, enabled=False))
    desk.rules.put(OWNER, "d", rule(modify(severity="Low"), conditions=high, order=4, expires=NOW))
    made = desk.incident(desk.raised())
    assert (made.severity, made.status) == (Severity.HIGH, IncidentStatus.ACTIVE)


def test_an_incident_is_closed_with_its_classification() -> None:
    desk = Desk()
    closing: dict[str, Any] = {"status": "Closed", "classification": "BenignPositive"}
    closing |= {"classificationReason": "SuspiciousButExpected", "classificationComment": "a test"}
    desk.rules.put(OWNER, "one", rule(modify(**closing)))
    made = desk.incident(desk.raised())
    assert (made.status, made.classification) == (IncidentStatus.CLOSED, Classification.BENIGN_POSITIVE)
    assert made.classification_comment == "a test"


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (when("IncidentTitle", "Contains", "sign-IN"), True),
        (when("IncidentTitle", "NotContains", "sign-in"), False),
        (when("IncidentTitle", "StartsWith", "sign", "odd"), True),
        (when("IncidentTitle", "NotStartsWith", "odd"), False),
        (when("IncidentTitle", "EndsWith", "sign-in"), True),
        (when("IncidentTitle", "NotEndsWith", "x"), True),
        (when("IncidentStatus", "NotEquals", "Closed"), True),
        (when("IncidentTactics", "Equals", "Execution", "Impact"), True),
        (when("IncidentRelatedAnalyticRuleIds", "Equals", "/subscriptions/x/alertRules/R1"), True),
        (when("AlertAnalyticRuleIds", "NotContains", "r2"), True),
        (when("AlertProductNames", "Equals", "Azure Sentinel"), True),
        (when("AccountName", "Equals", "BOB"), True),
        (when("AccountUPNSuffix", "EndsWith", ".example"), True),
        (when("IPAddress", "StartsWith", "192.0.2."), True),
        (when("HostName", "Equals", "dc01"), False),
        (when("HostName", "NotEquals", "dc01"), True),
        (when("AzureResourceSubscriptionId", "Equals", "abc"), True),
        (when("IncidentCustomDetailsKey", "Equals", "Country"), True),
        (when("IncidentCustomDetailsValue", "Equals", "YY"), True),
        (when("IncidentLabel", "Contains", "x"), False),
        (when("IncidentDescription", "NotContains", "x"), True),
    ],
)
def test_properties_are_compared(condition: Condition, expected: bool) -> None:
    desk = Desk()
    desk.rules.put(OWNER, "one", rule(modify(severity="High"), conditions=(condition,)))
    assert (desk.incident(desk.raised()).severity is Severity.HIGH) is expected


def as_wire(*conditions: Condition) -> list[dict[str, Any]]:
    return [
        {"conditionType": c.condition_type.value, "conditionProperties": c.condition_properties} for c in conditions
    ]


@pytest.mark.parametrize(("operator", "expected"), [("And", False), ("Or", True)])
def test_conditions_are_joined(operator: str, expected: bool) -> None:
    inner = as_wire(when("IPAddress", "Equals", "192.0.2.7"), when("HostName", "Equals", "dc01"))
    both = Condition(ConditionType.BOOLEAN, {"operator": operator, "innerConditions": inner})
    desk = Desk()
    desk.rules.put(OWNER, "one", rule(modify(severity="High"), conditions=(both,)))
    assert (desk.incident(desk.raised()).severity is Severity.HIGH) is expected


@pytest.mark.parametrize(("value", "expected"), [("XX", True), ("ZZ", False)])
def test_one_of_the_details_fits_all_of_its_conditions(value: str, expected: bool) -> None:
    items = as_wire(
        when("IncidentCustomDetailsKey", "Equals", "Country"), when("IncidentCustomDetailsValue", "Equals", value)
    )
    given = {"arrayType": "CustomDetails", "arrayConditionType": "AnyItem", "itemConditions": items}
    desk = Desk()
    detail = Condition(ConditionType.PROPERTY_ARRAY, given)
    desk.rules.put(OWNER, "one", rule(modify(severity="High"), conditions=(detail,)))
    assert (desk.incident(desk.raised()).severity is Severity.HIGH) is expected


def changed(name: str, how: str | None = None, *values: str) -> Condition:
    given: dict[str, Any] = {"propertyName": name}
    if how is not None:
        given |= {"changeType": how, "operator": "Equals", "propertyValues": [*values]}
    return Condition(ConditionType.PROPERTY_CHANGED, given)


def grown(what: str) -> Condition:
    return Condition(ConditionType.PROPERTY_ARRAY_CHANGED, {"arrayType": what, "changeType": "Added"})


def test_updates_are_told_by_what_has_changed() -> None:
    desk = Desk()
    conditions = {
        "from": changed("IncidentSeverity", "ChangedFrom", "Medium"),
        "to": changed("IncidentStatus", "ChangedTo", "Active"),
        "any": changed("IncidentOwner"),
        "labels": grown("Labels"),
        "comments": grown("Comments"),
        "alerts": grown("Alerts"),
        "tactics": grown("Tactics"),
        "user": when("IncidentUpdatedBySource", "Equals", "User"),
    }
    for name, condition in conditions.items():
        action = RuleAction(1, ActionType.ADD_INCIDENT_TASK, {"title": name})
        desk.rules.put(OWNER, name, rule(action, conditions=(condition,), at=TriggersWhen.UPDATED, name=name))
    stored = desk.raised()
    name, incidents = stored.incidents[0], desk.detection.incidents

    def fired() -> set[str]:
        tasks = incidents.tasks.list((*OWNER, name))
        for task in tasks:
            incidents.tasks.delete((*OWNER, name), task.name, by=Author(via=tuple("x" * LONGEST_CHAIN)))
        return {task.value.title for task in tasks}

    assert fired() == set()
    incidents.change(OWNER, name, lambda i: replace(i, severity=Severity.HIGH), ANN)
    assert fired() == {"from", "user"}
    incidents.change(OWNER, name, lambda i: replace(i, status=IncidentStatus.ACTIVE), ANN)
    assert fired() == {"to", "user"}
    incidents.change(OWNER, name, lambda i: replace(i, owner=replace(i.owner, email="a@b.example")), ANN)
    assert fired() == {"any", "user"}
    incidents.change(OWNER, name, lambda i: replace(i, labels=(Label("x"),)), ANN)
    assert fired() == {"labels", "user"}
    incidents.comments.put((*OWNER, name), "c", IncidentComment("hm"), ANN)
    assert fired() == {"comments", "user"}
    desk.detection.alerts.put(OWNER, "other", replace(ALERT, tactics=(Tactic.IMPACT,)))
    incidents.relate(OWNER, name, "rel", IncidentRelation(RelatedKind.ALERT, "other"), ANN)
    assert fired() == {"alerts", "tactics", "user"}


def test_a_rule_does_not_set_itself_off_and_chains_end() -> None:
    desk = Desk()
    back, forth = modify(severity="Low"), modify(severity="High")
    high, low = (when("IncidentSeverity", "Equals", s) for s in ("High", "Low"))
    desk.rules.put(OWNER, "back", rule(back, conditions=(high,), at=TriggersWhen.UPDATED, name="back"))
    desk.rules.put(OWNER, "forth", rule(forth, conditions=(low,), at=TriggersWhen.UPDATED, name="forth"))
    stored = desk.raised()
    desk.detection.incidents.change(OWNER, stored.incidents[0], lambda i: replace(i, severity=Severity.HIGH), ANN)
    # High: `back` says Low, and `forth` says High again to that, and nothing more.
    assert len(desk.automation.runs.list(OWNER)) <= 2 * LONGEST_CHAIN
    for n in range(10):
        action = modify(labels=[{"labelName": f"tag {n}"}])
        desk.rules.put(OWNER, f"n{n}", rule(action, at=TriggersWhen.UPDATED, order=100 + n, name=f"n{n}"))
    desk.rules.delete(OWNER, "back")
    desk.rules.delete(OWNER, "forth")
    desk.detection.incidents.change(OWNER, stored.incidents[0], lambda i: replace(i, title="x"), ANN)
    assert len(desk.incident(stored).labels) == 10


def test_a_playbook_is_asked_for_and_the_timeline_remembers() -> None:
    desk = Desk()
    action = RuleAction(1, ActionType.RUN_PLAYBOOK, {"logicAppResourceId": PLAYBOOK, "tenantId": "t"})
    desk.rules.put(OWNER, "one", rule(action))
    desk.rules.put(OWNER, "two", rule(action, on=TriggersOn.ALERTS, name="Two"))
    stored = desk.raised()
    assert [(w.incident, w.alert, w.rule) for w in desk.wanted] == [
        (stored.incidents[0], "alert-0", "two"),
        (stored.incidents[0], "", "one"),
    ]
    assert {w.playbook for w in desk.wanted} == {PLAYBOOK}
    assert ("Automation rule - Rule", "asked for the playbook Block-User") in desk.told(stored)


class Dying(MemoryShelf):
    """A shelf whose process dies after so many writes."""

    left = -1

    def write(self, writes: Any) -> bool:
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        return super().write(writes)


def test_a_crash_anywhere_leaves_each_step_done_once() -> None:
    actions = (
        modify(1, severity="High"),
        RuleAction(2, ActionType.ADD_INCIDENT_TASK, {"title": "Ask Bob"}),
        RuleAction(3, ActionType.RUN_PLAYBOOK, {"logicAppResourceId": PLAYBOOK}),
    )
    for left in range(1, 6):
        shelf = Dying()
        desk = Desk(shelf)
        conditions = (when("IncidentSeverity", "Equals", "Medium"),)
        desk.rules.put(OWNER, "one", rule(*actions, conditions=conditions))
        shelf.left = left
        try:
            desk.raised()
        except KeyboardInterrupt:
            shelf.left = -1
        shelf.left = -1
        again = Desk(shelf)
        stored = again.raised()
        again.detection.events.deliver(OWNER)
        assert again.incident(stored).severity is Severity.HIGH, left
        assert len(again.detection.incidents.tasks.list((*OWNER, stored.incidents[0]))) == 1
        assert len({id(w) for w in (*desk.wanted, *again.wanted)}) == 1
        texts = [text for _, text in again.told(stored)]
        assert len(texts) == len(set(texts)) == 5


def test_rules_that_add_tasks_do_not_set_each_other_off() -> None:
    desk = Desk()
    for n in range(8):
        action = RuleAction(1, ActionType.ADD_INCIDENT_TASK, {"title": f"task {n}"})
        desk.rules.put(OWNER, f"n{n}", rule(action, at=TriggersWhen.UPDATED, name=f"n{n}"))
    (name,) = desk.raised().incidents
    desk.detection.incidents.change(OWNER, name, lambda i: replace(i, severity=Severity.LOW), ANN)
    assert len(desk.detection.incidents.tasks.list((*OWNER, name))) == 8


class Shared(MemoryShelf):
    """A shelf to which somebody else writes, once, right before the first step of a rule is."""

    meanwhile: Callable[[], object] | None = None

    def write(self, writes: Any) -> bool:
        steps = [w for w in writes if isinstance(w, Put) and w.collection.startswith("automation runs") and w.if_match]
        if steps and (meanwhile := self.meanwhile) is not None:
            self.meanwhile = None
            meanwhile()
        return super().write(writes)


def test_the_steps_of_a_process_that_dies_are_done_by_the_one_that_tells_the_same_event() -> None:
    shelf = Shared()
    desk, other = Desk(shelf), Desk(shelf)
    desk.rules.put(OWNER, "one", rule(modify(1, severity="High"), modify(2, status="Active")))

    def interrupted() -> None:
        # The other process does the first step, and dies before the second.
        write, done = shelf.write, 0

        def counted(writes: Any) -> bool:
            nonlocal done
            if any(isinstance(w, Put) and w.collection.startswith("automation runs") for w in writes):
                done += 1
                if done == 2:
                    raise KeyboardInterrupt
            return write(writes)

        shelf.write = counted  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            other.detection.events.deliver(OWNER)
        shelf.write = write  # type: ignore[method-assign]

    shelf.meanwhile = interrupted
    made = desk.incident(desk.raised())
    assert (made.severity, made.status) == (Severity.HIGH, IncidentStatus.ACTIVE)


def test_what_was_written_down_of_old_events_is_forgotten() -> None:
    desk = Desk()
    desk.rules.put(OWNER, "one", rule(modify(severity="High")))
    desk.raised()
    assert desk.automation.expire("soc") == 0
    desk.clock.at = NOW + KEPT + timedelta(seconds=1)
    assert desk.automation.expire("soc") == 1
    assert desk.automation.runs.list(OWNER) == []


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (rule(modify(colour="red")), "colour"),
        (rule(modify(severity="Worst")), "Worst"),
        (rule(modify(status="Active", classification="TruePositive")), "only a closed"),
        (
            rule(modify(status="Closed", classification="TruePositive", classificationReason="InaccurateData")),
            "doesn't fit",
        ),
        (rule(RuleAction(1, ActionType.RUN_PLAYBOOK, {})), "logicAppResourceId"),
        (rule(RuleAction(1, ActionType.ADD_INCIDENT_TASK, {"title": " "})), "title"),
        (rule(modify(severity="High"), on=TriggersOn.ALERTS), "not supported in a rule about alerts"),
        (rule(modify(severity="High"), conditions=(when("IncidentTitel", "Equals", "x"),)), "IncidentTitle"),
        (rule(modify(severity="High"), conditions=(when("IncidentTitle", "Like", "x"),)), "Like"),
        (rule(modify(severity="High"), conditions=(when("IncidentTitle", "Equals"),)), "propertyValues"),
        (rule(modify(severity="High"), conditions=(grown("Labels"),)), "must trigger on updates"),
        (
            rule(
                RuleAction(1, ActionType.RUN_PLAYBOOK, {"logicAppResourceId": PLAYBOOK}),
                on=TriggersOn.ALERTS,
                at=TriggersWhen.UPDATED,
            ),
            "not supported",
        ),
    ],
)
def test_what_a_rule_can_not_say_is_refused(wrong: AutomationRule, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        Desk().rules.put(OWNER, "one", wrong)
