"""Approvals: no containment without a person who has seen what is done."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from huntlake.core.clock import FixedClock
from huntlake.core.errors import Conflict, Invalid, NotFound, Refused
from huntlake.detection.incidents import Incident, IncidentStatus
from huntlake.detection.rows import AUDIT, collection
from huntlake.detection.service import Detection
from huntlake.detection.severity import Severity
from huntlake.playbooks.approval_rules import ApprovalRule
from huntlake.playbooks.approvals import (
    GOOD,
    KEPT,
    Approval,
    ApprovalDecided,
    Approvals,
    Decider,
    Status,
    digest,
)
from huntlake.playbooks.calls import Held
from huntlake.playbooks.connectors.connector import Asked, Effect, Operation, RunContext
from huntlake.playbooks.connectors.questions import Question, of_card, of_mail
from huntlake.playbooks.masking import MASK
from huntlake.state.documents import Document
from huntlake.state.events import Occasion
from huntlake.state.memory import MemoryShelf
from huntlake.state.records import Author
from huntlake.wdl.runner.effects import Answer

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
OWNER = ("soc",)
ANN, BOB = Author("7", "Ann", "ann@contoso.example"), Author("8", "Bob")
PERSON = Decider(BOB, is_person=True)
ISOLATE = Operation(
    "IsolateMachine", "POST", "/api/machines/{id}/isolate", "Isolate a machine", Effect.CONTAIN, lambda asked: Answer()
)
COMMENT = Operation("Comment", "POST", "/Incidents/Comment", "Comment", Effect.WRITE, lambda asked: Answer())
READ = Operation("Get", "GET", "/api/machines/{id}", "Get a machine", Effect.READ, lambda asked: Answer())


class House:
    """Approvals over a state in memory, and the events that they told."""

    def __init__(self, watchlists: Mapping[str, Sequence[tuple[str, Mapping[str, str]]]] | None = None) -> None:
        self.clock, self.shelf = FixedClock(NOW), MemoryShelf()
        self.detection = Detection.over(self.shelf, self.clock)
        lists = watchlists or {}
        self.over: set[str] = set()
        self.approvals = Approvals(
            self.shelf,
            self.clock,
            self.detection,
            lambda workspace, alias: lists.get(alias),
            lambda w, run: run in self.over,
        )
        self.told: list[ApprovalDecided] = []
        self.detection.events.listen(ApprovalDecided, self._heard)

    def _heard(self, occasion: Occasion, event: ApprovalDecided) -> None:
        self.told.append(event)

    def asked(self, machine: str = "m1", run: str = "r1", key: str = "Isolate#1", **parts: Any) -> Asked:
        context = RunContext("soc", "Contain", run, parts.pop("by", ANN), self.clock.now(), parts.pop("incident", ""))
        given = {"body": {"Comment": "why", "IsolationType": "Full"}, "connector": "wdatp", "action": "Isolate"}
        return Asked(context, "defender", f"{run}/{key}", "POST", f"/api/machines/{machine}/isolate", **(given | parts))

    def held(self, asked: Asked, operation: Operation = ISOLATE) -> str:
        held = self.approvals.wants(asked, operation)
        assert isinstance(held, Held)
        return held.approval

    def refused(self, asked: Asked, operation: Operation = ISOLATE) -> str:
        answer = self.approvals.wants(asked, operation)
        assert isinstance(answer, Answer)
        assert answer.status == 403
        return str(answer.body["error"]["code"])

    @property
    def audit(self) -> list[dict[str, Any]]:
        return [cast("dict[str, Any]", v) for _, v in self.shelf.read_after(collection("soc", AUDIT), "")]


def test_what_contains_something_waits_for_a_person_and_is_then_done() -> None:
    house = House()
    held = house.approvals.wants(house.asked(), ISOLATE)
    assert isinstance(held, Held)
    assert held.until == NOW + timedelta(hours=24)
    assert house.held(house.asked()) == held.approval
    house.approvals.decide(OWNER, held.approval, True, PERSON, "go on")
    assert house.approvals.wants(house.asked(), ISOLATE) is None
    (event,) = house.told
    assert (event.approval, event.run, event.status, event.by) == (held.approval, "r1", Status.APPROVED, BOB)


def test_nobody_is_asked_before_a_read_or_a_write() -> None:
    house = House()
    assert house.approvals.wants(house.asked(), READ) is None
    assert house.approvals.wants(house.asked(), COMMENT) is None


def test_a_call_that_is_tried_again_needs_no_second_approval() -> None:
    house = House()
    house.approvals.decide(OWNER, house.held(house.asked(key="Isolate#1")), True, PERSON)
    assert house.approvals.wants(house.asked(key="Isolate#2"), ISOLATE) is None


@pytest.mark.parametrize(
    "other",
    [
        {"machine": "m2"},
        {"run": "r2"},
        {"key": "Isolate_again#1"},
        {"body": {"Comment": "why", "IsolationType": "Selective"}},
        {"queries": {"force": True}},
        {"headers": {"X-Tenant": "other"}},
        {"connector": "otheredr"},
    ],
)
def test_other_inputs_need_another_approval(other: dict[str, Any]) -> None:
    house = House()
    house.approvals.decide(OWNER, house.held(house.asked()), True, PERSON)
    assert isinstance(house.approvals.wants(house.asked(**other), ISOLATE), Held)


def test_a_refusal_is_told_with_its_reason() -> None:
    house = House()
    house.approvals.decide(OWNER, house.held(house.asked()), False, PERSON, "it is the mail server")
    answer = house.approvals.wants(house.asked(), ISOLATE)
    assert isinstance(answer, Answer)
    assert "refused by Bob: it is the mail server" in answer.body["error"]["message"]
    assert house.refused(house.asked()) == "ApprovalRefused"


def test_what_nobody_decides_in_time_is_refused() -> None:
    house = House()
    name = house.held(house.asked())
    house.clock.at += timedelta(hours=24)
    with pytest.raises(Conflict, match="expired"):
        house.approvals.decide(OWNER, name, True, PERSON)
    assert house.refused(house.asked()) == "ApprovalExpired"
    assert house.refused(house.asked()) == "ApprovalExpired"
    assert [e.status for e in house.told] == [Status.EXPIRED]


def test_an_approval_is_not_good_for_ever() -> None:
    house = House()
    house.approvals.decide(OWNER, house.held(house.asked()), True, PERSON)
    house.clock.at += GOOD
    assert house.refused(house.asked()) == "ApprovalExpired"


@pytest.mark.parametrize(
    "by",
    [
        Decider(Author("9", "Playbook's identity"), is_person=False),
        Decider(Author("8", "Bob", via=("automation-rule x",)), is_person=True),
        Decider(Author(), is_person=True),
    ],
)
def test_no_application_and_no_automation_decides(by: Decider) -> None:
    house = House()
    name = house.held(house.asked())
    for approved in (True, False):
        with pytest.raises(Refused):
            house.approvals.decide(OWNER, name, approved, by)
    assert house.approvals.get(OWNER, name).value.status is Status.PENDING


def test_with_four_eyes_somebody_else_decides() -> None:
    house = House()
    house.approvals.rules.put(OWNER, "two", ApprovalRule(four_eyes=True))
    name = house.held(house.asked(by=ANN))
    for same in (ANN, Author("", "ann"), Author("7"), Author(email="Ann@contoso.example")):
        with pytest.raises(Refused, match="somebody else"):
            house.approvals.decide(OWNER, name, True, Decider(same, is_person=True))
    house.approvals.decide(OWNER, name, True, PERSON)


def test_only_those_decide_whom_every_rule_names() -> None:
    house = House()
    house.approvals.rules.put(OWNER, "a", ApprovalRule(approvers=("bob", "ann")))
    house.approvals.rules.put(OWNER, "b", ApprovalRule(approvers=("ANN",)))
    name = house.held(house.asked())
    with pytest.raises(Refused, match="names"):
        house.approvals.decide(OWNER, name, True, PERSON)
    house.approvals.decide(OWNER, name, True, Decider(ANN, is_person=True))


def test_a_decision_stands() -> None:
    house = House()
    name = house.held(house.asked())
    house.approvals.decide(OWNER, name, False, PERSON)
    with pytest.raises(Conflict, match="refused already"):
        house.approvals.decide(OWNER, name, True, PERSON)


def test_what_was_seen_is_what_is_approved() -> None:
    house = House()
    name = house.held(house.asked())
    with pytest.raises(Conflict, match="seen"):
        house.approvals.decide(OWNER, name, True, PERSON, seen="0" * 64)
    house.approvals.decide(OWNER, name, True, PERSON, seen=digest(house.asked(), ISOLATE))


def test_an_approval_is_found_by_the_beginning_of_its_name() -> None:
    house = House()
    name = house.held(house.asked())
    assert house.approvals.get(OWNER, name[:8]).name == name
    for unknown in ("", "zzzz", name[:3]):
        with pytest.raises(NotFound):
            house.approvals.get(OWNER, unknown)
    with pytest.raises(NotFound):
        house.approvals.get(("other",), name)


def test_it_stands_in_the_audit_table_and_on_the_timeline() -> None:
    house = House()
    incident = Incident("Odd", Severity.HIGH, IncidentStatus.NEW)
    name = house.detection.incidents.put(OWNER, "i1", incident, ANN)[0].name
    asked = house.asked(incident=name)
    house.approvals.decide(OWNER, house.held(asked), True, PERSON, "go on")
    operations = [r["OperationName"].rpartition("/")[2] for r in house.audit]
    assert operations == ["Ask", "Approve"]
    details = json.loads(house.audit[1]["ExtendedProperties"])
    assert (details["CallerName"], details["InputsHash"]) == ("Bob", digest(asked, ISOLATE))
    assert details["Inputs"]["body"] == {"Comment": "why", "IsolationType": "Full"}
    kinds = [e.kind.value for e in house.detection.incidents.timeline(OWNER, name)]
    assert kinds[-2:] == ["ApprovalAsked", "ApprovalDecided"]


def test_secrets_are_not_shown_but_count() -> None:
    house = House()
    name = house.held(house.asked(body={"password": "first"}))
    approval = house.approvals.get(OWNER, name).value
    assert approval.inputs["body"] == {"password": MASK}
    assert house.held(house.asked(body={"password": "second"})) != name
    hidden = house.approvals.get(OWNER, house.held(house.asked(hidden=frozenset({"inputs"}), run="r9"))).value
    assert hidden.inputs == {"hidden": True}


def test_a_run_that_ended_asks_nothing_any_more() -> None:
    house = House()
    name, other = house.held(house.asked()), house.held(house.asked(run="r2"))
    house.over.add("r1")
    with pytest.raises(Conflict, match="ended"):
        house.approvals.decide(OWNER, name, True, PERSON)
    house.approvals.expire("soc")
    assert house.refused(house.asked()) == "ApprovalWithdrawn"
    assert house.approvals.get(OWNER, name).value.status is Status.WITHDRAWN
    assert house.approvals.get(OWNER, other).value.status is Status.PENDING


def test_what_is_old_is_forgotten_and_what_is_late_expires() -> None:
    house = House()
    name = house.held(house.asked())
    house.clock.at += timedelta(days=2)
    assert house.approvals.expire("soc") == 0
    assert house.approvals.get(OWNER, name).value.status is Status.EXPIRED
    house.clock.at += KEPT + timedelta(days=1)
    assert house.approvals.expire("soc") == 1
    assert house.approvals.list(OWNER) == []


VIPS = {
    "vips": [
        ("ada@contoso.example", {"Tags": "['board', 'vip']"}),
        ("dc01.corp.example", {"Tags": "tier0"}),
        ("192.0.2.10", {}),
    ]
}


@pytest.mark.parametrize(
    ("rule", "parts", "held"),
    [
        (ApprovalRule(connector="WD*", operation="comm?nt"), {}, True),
        (ApprovalRule(connector="teams"), {}, False),
        (ApprovalRule(operation="Isolate*"), {}, False),
        (ApprovalRule(path="*/machines/m?/*"), {}, True),
        (ApprovalRule(path="*/machines/n?/*"), {}, False),
        (ApprovalRule(enabled=False), {}, False),
        (ApprovalRule(effects=(Effect.CONTAIN,)), {}, False),
        (ApprovalRule(watchlist="vips"), {}, False),
        (ApprovalRule(watchlist="vips"), {"body": {"user": "ADA@contoso.example"}}, True),
        (ApprovalRule(watchlist="vips"), {"body": {"user": "ada@contoso.example.org"}}, True),
        (ApprovalRule(watchlist="vips"), {"body": {"user": "xada@contoso.example"}}, False),
        (ApprovalRule(watchlist="vips"), {"body": "host DC01 is odd"}, True),
        (ApprovalRule(watchlist="vips"), {"body": "host dc012"}, False),
        (ApprovalRule(watchlist="vips"), {"body": '{"deep": ["dc01.corp.example"]}'}, True),
        (ApprovalRule(watchlist="vips"), {"machine": "ada%2540contoso.example"}, True),
        (ApprovalRule(watchlist="vips"), {"queries": {"u": "ada@contoso.example"}}, True),
        (ApprovalRule(watchlist="vips", tag="tier0"), {"body": "ada@contoso.example"}, False),
        (ApprovalRule(watchlist="vips", tag="tier0"), {"body": "dc01"}, True),
        (ApprovalRule(watchlist="vips", tag="vip"), {"body": "ada@contoso.example"}, True),
        (ApprovalRule(watchlist="gone"), {}, True),
        (ApprovalRule(ranges=("10.0.0.0/8",)), {"body": {"ip": "10.1.2.3"}}, True),
        (ApprovalRule(ranges=("10.0.0.0/8",)), {"body": {"ip": "110.1.2.3"}}, False),
        (ApprovalRule(ranges=("10.0.0.0/8",)), {"body": "block 10.0.0.0/16 now"}, True),
        (ApprovalRule(ranges=("10.0.0.0/8",)), {"body": "block 0.0.0.0/0"}, True),
        (ApprovalRule(ranges=("10.0.0.0/8",)), {"body": "version 10.1.2.3.4"}, False),
        (ApprovalRule(ranges=("2001:db8::/32",)), {"body": "[2001:db8::1]:443"}, True),
    ],
)
def test_a_rule_holds_back_what_it_names(rule: ApprovalRule, parts: dict[str, Any], held: bool) -> None:
    house = House(VIPS)
    house.approvals.rules.put(OWNER, "r", rule)
    wanted = house.approvals.wants(house.asked(**parts), COMMENT)
    assert (wanted is not None) == held


def test_of_several_rules_the_strictest_counts() -> None:
    house = House()
    house.approvals.rules.put(OWNER, "long", ApprovalRule(minutes=600))
    house.approvals.rules.put(OWNER, "short", ApprovalRule(minutes=5, four_eyes=True))
    held = house.approvals.wants(house.asked(), ISOLATE)
    assert isinstance(held, Held)
    assert held.until == NOW + timedelta(minutes=5)
    approval = house.approvals.get(OWNER, held.approval).value
    assert (approval.reasons, approval.four_eyes) == (("containment", "long", "short"), True)


@pytest.mark.parametrize(
    "rule",
    [
        ApprovalRule(minutes=0),
        ApprovalRule(minutes=60 * 24 * 31),
        ApprovalRule(effects=()),
        ApprovalRule(effects=(Effect.READ, Effect.WRITE)),
        ApprovalRule(tag="x"),
        ApprovalRule(ranges=("ten",)),
    ],
)
def test_a_rule_that_says_nothing_is_refused(rule: ApprovalRule) -> None:
    with pytest.raises(Invalid):
        House().approvals.rules.put(OWNER, "r", rule)


def test_no_rule_takes_back_that_containment_is_approved() -> None:
    house = House()
    house.approvals.rules.put(OWNER, "containment", ApprovalRule(enabled=False))
    house.approvals.rules.put(OWNER, "*", ApprovalRule(connector="nothing"))
    assert isinstance(house.approvals.wants(house.asked(), ISOLATE), Held)


POST = Operation("HttpPost", "POST", "{url*}", "POST of a URL.", Effect.WRITE, lambda asked: Answer())


@pytest.mark.parametrize(
    ("url", "body", "held"),
    [
        ("https://edr.example/api/machines/m1/isolate", None, True),
        ("https://edr.example/api/machines/m1/unisolate", None, False),
        ("https://idp.example/v1/users/1/lifecycle/suspend", None, True),
        ("https://graph.example/v1.0/users/1/revokeSignInSessions", None, True),
        ("https://graph.example/v1.0/users/1", {"accountEnabled": False}, True),
        ("https://graph.example/v1.0/users/1", '{"accountEnabled" : false}', True),
        ("https://graph.example/v1.0/users/1", {"accountEnabled": True}, False),
        ("https://fw.example/%62lock", None, True),
        ("https://fw.example/networks/1/appliance/firewall/l3FirewallRules", {"rules": []}, True),
        ("https://arm.example/networkSecurityGroups/n/securityRules/r", {"properties": {}}, True),
        ("https://isolate.example/tickets?q=isolate", None, False),
        ("https://chat.example/hooks/1", {"text": "please isolate m1"}, False),
    ],
)
def test_what_a_url_contains_waits_for_a_person_too(url: str, body: Any, held: bool) -> None:
    house = House()
    asked = replace(house.asked(connector="http", body={"uri": url, "body": body, "type": "Http"}), path=url)
    assert (house.approvals.wants(asked, POST) is not None) == held


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["try", "approve", "refuse", "wait", "machine approves", "withdraw"]),
        st.integers(0, 2),
        st.integers(0, 2),
        st.sampled_from([0, 5, 60 * 12, 60 * 25]),
    ),
    max_size=25,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(STEPS)
def test_nothing_is_contained_but_what_a_person_approved(steps: list[tuple[str, int, int, int]]) -> None:
    house = House()
    names: list[str] = []
    approved: dict[tuple[str, str], datetime] = {}
    for kind, first, second, minutes in steps:
        asked = house.asked(machine=f"m{first}", run=f"r{second}")
        hash = digest(asked, ISOLATE)
        match kind:
            case "try":
                wants = house.approvals.wants(asked, ISOLATE)
                if wants is None:
                    at = approved[f"r{second}", hash]
                    assert house.clock.now() - at < GOOD
                elif isinstance(wants, Held):
                    names.append(wants.approval)
            case "approve" | "refuse" if names:
                name = names[first % len(names)]
                approval = house.approvals.get(OWNER, name).value
                try:
                    house.approvals.decide(OWNER, name, kind == "approve", PERSON)
                except Conflict:
                    continue
                if kind == "approve":
                    assert house.clock.now() < approval.expires
                    approved[approval.run, approval.hash] = house.clock.now()
            case "machine approves" if names:
                with pytest.raises(Refused):
                    house.approvals.decide(OWNER, names[0], True, Decider(ANN, is_person=False))
            case "withdraw":
                house.over ^= {f"r{second}"}
                house.approvals.expire("soc")
            case _:
                house.clock.at += timedelta(minutes=minutes)


CARD = {
    "type": "AdaptiveCard",
    "body": [
        {"type": "TextBlock", "text": "Suspicious address 192.0.2.7"},
        {"type": "ColumnSet", "columns": [{"type": "Column", "items": [{"type": "TextBlock", "text": "What now?"}]}]},
        {
            "type": "Input.ChoiceSet",
            "id": "severity",
            "value": "same",
            "choices": [{"title": "High", "value": "high"}, {"title": "Leave it", "value": "same"}],
        },
        {"type": "Input.Text", "id": "note", "isRequired": True, "label": "Note"},
    ],
    "actions": [{"type": "Action.Submit", "title": "Block"}, {"type": "Action.Submit", "title": "Ignore", "id": "x"}],
}
SENT_CARD = {
    "notificationUrl": "https://here/callback?sig=1",
    "body": {"messageBody": json.dumps(CARD), "recipient": {"channelId": "19:x"}},
}
SENT_MAIL = {
    "NotificationUrl": "https://here/callback?sig=1",
    "Message": {"To": "soc@contoso.example", "Subject": "Block?", "Options": "Approve, Reject", "Body": "<b>it</b>"},
}


def asked_question(house: House, question: Question) -> Document[Approval]:
    asked = house.asked(body={"messageBody": question.text})
    return house.approvals.get(OWNER, house.approvals.ask(asked, READ, question))


def test_a_mail_with_options_is_answered_as_outlook_would() -> None:
    house = House()
    question = asked_question(house, of_mail(SENT_MAIL))
    assert asked_question(house, of_mail(SENT_MAIL)).name == question.name
    assert [o.name for o in question.value.options] == ["Approve", "Reject"]
    with pytest.raises(Invalid, match="can't be chosen"):
        house.approvals.answer(OWNER, question.name, "Maybe", {}, PERSON)
    with pytest.raises(Invalid, match="no field"):
        house.approvals.answer(OWNER, question.name, "Approve", {"x": "y"}, PERSON)
    house.approvals.answer(OWNER, question.name, "approve", {}, Decider(ANN, is_person=True))
    (event,) = house.told
    assert event.callback == "https://here/callback?sig=1"
    assert event.answer == {"SelectedOption": "Approve", "UserEmailAddress": "ann@contoso.example", "UserId": "7"}


def test_a_card_is_answered_as_teams_would() -> None:
    house = House()
    question = asked_question(house, of_card(SENT_CARD))
    assert (question.value.summary, question.value.recipients) == ("Suspicious address 192.0.2.7", "19:x")
    assert [o.name for o in question.value.options] == ["Block", "Ignore"]
    with pytest.raises(Invalid, match="wants `note`"):
        house.approvals.answer(OWNER, question.name, "Block", {}, PERSON)
    with pytest.raises(Invalid, match="no choice of `severity`"):
        house.approvals.answer(OWNER, question.name, "Block", {"note": "n", "severity": "odd"}, PERSON)
    house.approvals.answer(OWNER, question.name, "Block", {"note": "mine", "severity": "High"}, PERSON)
    answer = house.told[0].answer
    assert answer["submitActionId"] == "Block"
    assert answer["data"] == {"severity": "high", "note": "mine"}
    assert answer["responder"]["displayName"] == "Bob"


def test_a_question_is_answered_yes_or_no_where_it_offers_that() -> None:
    house = House()
    mail = asked_question(house, of_mail(SENT_MAIL))
    assert house.approvals.decide(OWNER, mail.name, False, PERSON).value.answer["SelectedOption"] == "Reject"
    card = asked_question(house, of_card(SENT_CARD))
    with pytest.raises(Invalid, match="choose one of `Block`, `Ignore`"):
        house.approvals.decide(OWNER, card.name, True, PERSON)


def test_an_application_answers_no_question() -> None:
    house = House()
    mail = asked_question(house, of_mail(SENT_MAIL))
    with pytest.raises(Refused):
        house.approvals.answer(OWNER, mail.name, "Approve", {}, Decider(BOB, is_person=False))


def test_an_answered_question_approves_no_call() -> None:
    house = House()
    question = house.approvals.ask(house.asked(), ISOLATE, of_mail(SENT_MAIL))
    house.approvals.answer(OWNER, question, "Approve", {}, PERSON)
    assert isinstance(house.approvals.wants(house.asked(), ISOLATE), Held)


@pytest.mark.parametrize(
    "card", ["", "{", "[]", "null", '{"type": "AdaptiveCard"}', "[" * 5000, '{"a":' * 900 + "1" + "}" * 900]
)
def test_a_card_that_asks_nothing_is_refused(card: str) -> None:
    house = House()
    with pytest.raises(Invalid):
        asked_question(house, of_card({"notificationUrl": "https://x", "body": {"messageBody": card}}))
    with pytest.raises(Invalid, match="nobody waits"):
        asked_question(house, of_mail({"Message": {"Options": "a"}}))
