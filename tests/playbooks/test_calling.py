from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.playbooks.desk import NOW, OWNER, Desk

from huntlake.playbooks.calls import Held
from huntlake.playbooks.connections import Mode
from huntlake.playbooks.connectors.connector import Asked, Connector, Effect, Operation
from huntlake.playbooks.ledger import Outcome
from huntlake.wdl.definition.workflow import Action, ActionType
from huntlake.wdl.runner.effects import Answer, Call

PLAIN = "$.actions.A"


def comment(desk: Desk, **given: Any) -> Any:
    return desk.held("POST", "/Incidents/Comment", {"incidentArmId": desk.incident, "message": "m"}, **given)


def count(desk: Desk) -> int:
    return desk.app.detection.incidents.comments.count((*OWNER, "i1"))


def test_what_nobody_knows_is_refused_by_name(desk: Desk) -> None:
    desk.connect("nowhere", mode=Mode.LIVE)
    assert desk.ask("GET", "/x", connection="nowhere").refused == "the connector `nowhere` is not supported"
    refused = desk.ask("PUT", "/Incidents/Nonsense").refused
    assert refused == "the operation `PUT /Incidents/Nonsense` of the connector `azuresentinel` is not supported"
    assert "has no connection `missing`" in desk.ask("GET", "/x", connection="missing").refused


def test_a_connection_of_another_workspace_looks_as_if_there_was_none(desk: Desk) -> None:
    desk.app.workspaces.create("other")
    desk.connect("azuresentinel", "theirs", workspace="other")
    refused = comment(desk, connection="theirs").refused
    assert refused == comment(desk, connection="missing").refused.replace("missing", "theirs")


def test_a_connection_is_found_by_its_key_and_must_be_to_what_the_workflow_wants(desk: Desk) -> None:
    id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/connections/azuresentinel"
    entry = {"connectionId": id, "id": "/x/managedApis/AzureSentinel"}
    inputs = {"host": {"connection": {"referenceName": "Key"}}, "method": "post", "path": "/entities/ip", "body": []}
    call = Call("k", Action("A", ActionType.API_CONNECTION, PLAIN), inputs)
    assert desk.caller.call(desk.context(), call, {"key": entry}) == desk.caller.call(
        desk.context(), call, {"value": {"key": entry}}
    )
    other = desk.caller.call(desk.context(), call, {"key": {**entry, "id": "/x/managedApis/wdatp"}})
    assert isinstance(other, Answer)
    assert "wants one to `wdatp`" in other.refused


@pytest.mark.parametrize("inputs", [None, {}, {"host": 7}, {"host": {"connection": {"name": ""}}}, "text"])
def test_an_action_without_a_connection_is_refused(desk: Desk, inputs: Any) -> None:
    call = Call("k", Action("A", ActionType.API_CONNECTION, PLAIN), inputs)
    answer = desk.caller.call(desk.context(), call, None)
    assert isinstance(answer, Answer)
    assert answer.refused


def test_a_name_that_is_cut_within_an_emoji_fails_no_call(desk: Desk) -> None:
    cut = {"incidentArmId": desk.incident, "message": "seen on a\ud83d"}
    headers, queries = {"x-from": "a\ud83d"}, {"a\ud83d": "\ud83d"}
    assert desk.ask("POST", "/Incidents/Comment", cut, queries, headers).status == 201
    (told,) = desk.app.detection.incidents.comments.list((*OWNER, "i1"))
    assert told.value.message == "seen on a\ufffd"
    path = "/Watchlists/subscriptions/s/resourceGroups/g/workspaces/soc/watchlists/\ud83d"
    assert desk.ask("GET", path).status == 404


def test_a_new_connection_changes_nothing(desk: Desk) -> None:
    desk.connect("azuresentinel", mode=Mode.DRY_RUN)
    assert comment(desk).status == 201
    assert count(desk) == 0


def test_a_test_changes_nothing_even_over_a_live_connection(desk: Desk) -> None:
    before = desk.state()
    assert comment(desk, context=desk.context(test=True)).status == 201
    assert desk.state() == before


class Rules:
    """A policy that holds back what it is told, until it is decided."""

    def __init__(self, says: Held | Answer | None) -> None:
        self.says = says
        self.asked: list[tuple[Asked, Operation]] = []

    def wants(self, asked: Asked, operation: Operation) -> Held | Answer | None:
        self.asked.append((asked, operation))
        return self.says


def test_an_effect_waits_for_approval_and_is_made_once_after_it(desk: Desk) -> None:
    rules = desk.caller.policy = Rules(Held("ap1", NOW + timedelta(hours=1)))
    assert comment(desk, key="C#1") == Held("ap1", NOW + timedelta(hours=1))
    assert count(desk) == 0
    rules.says = None
    assert comment(desk, key="C#1").status == comment(desk, key="C#1").status == 201
    assert count(desk) == 1
    assert len(rules.asked) == 2, "what is done already needs no approval"
    asked, operation = rules.asked[0]
    assert (asked.key, asked.connector, operation.id) == ("C#1", "azuresentinel", "AddIncidentCommentV3")


def test_what_failed_in_passing_is_made_when_the_same_call_comes_again(desk: Desk) -> None:
    rules = desk.caller.policy = Rules(Answer(503, body={"error": {"code": "Later"}}))
    assert comment(desk, key="C").status == 503
    rules.says = None
    assert comment(desk, key="C").status == comment(desk, key="C").status == 201
    assert count(desk) == 1


def test_an_effect_that_a_person_refuses_is_not_made_and_stays_refused(desk: Desk) -> None:
    rules = desk.caller.policy = Rules(Answer(403, body={"error": {"code": "ApprovalRefused"}}))
    assert comment(desk, key="C#1").status == 403
    rules.says = None
    assert comment(desk, key="C#1").status == 403
    assert count(desk) == 0
    (entry,) = desk.app.outward.ledger.list("soc")
    assert entry.value.outcome is Outcome.FAILED


def test_reads_and_dry_runs_need_no_approval(desk: Desk) -> None:
    rules = desk.caller.policy = Rules(Held("ap1", NOW))
    assert desk.ask("POST", "/Incidents", {"incidentArmId": desk.incident}).status == 200
    desk.connect("azuresentinel", mode=Mode.DRY_RUN)
    assert comment(desk).status == 201
    assert rules.asked == []


def test_a_replayed_connection_answers_from_its_cassette_and_touches_nothing(desk: Desk) -> None:
    desk.connect("azuresentinel", cassette="tape1")
    recorded = comment(desk)
    desk.connect("azuresentinel", mode=Mode.REPLAY, cassette="tape1")
    before = desk.state()
    replayed = comment(desk)
    assert replayed.body == recorded.body
    assert desk.state() == before
    assert "has no such call" in desk.ask("POST", "/Incidents/CreateTask", {"incidentArmId": "x"}).refused
    desk.connect("unheard", mode=Mode.REPLAY, cassette="tape1")
    assert "has no such call" in desk.ask("GET", "/v1/x", connection="unheard").refused


def test_a_connector_that_breaks_fails_the_call_and_not_the_run(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    broken = Connector(
        "azuresentinel", "", (Operation("Break", "POST", "/break", "", Effect.READ, _boom),), inside=True
    )
    desk.caller.connector = lambda name: broken
    assert desk.ask("POST", "/break").status == 500
    assert "Traceback" in caplog.text
    assert "boom" in caplog.text
    caplog.clear()
    desk.ask("POST", "/break", hidden=frozenset({"outputs"}))
    assert "failed: KeyError" in caplog.text
    assert "boom" not in caplog.text


def _boom(asked: Asked) -> Answer:
    raise KeyError("boom")


def test_a_path_may_end_with_a_slash_and_carry_queries(desk: Desk) -> None:
    path = "/Incidents/subscriptions/x/resourceGroups/y/workspaces/soc/alerts/a1/?api-version=1"
    assert desk.ask("GET", path).body["id"] == desk.incident


def test_subscriptions_are_found_without_a_method() -> None:
    operation = Operation("Ask", "POST", "/a/{b}/$subscriptions", "", Effect.READ, _boom)
    connector = Connector("c", "C", (operation,))
    found = connector.find("", "/a/x%20y/$subscriptions")
    assert found is not None
    assert found[1] == {"b": "x y"}
    assert connector.find("GET", "/a/x/$subscriptions") is None


def test_the_next_page_is_asked_of_the_connection_wherever_the_link_leads(desk: Desk) -> None:
    seen = []

    def page(asked: Asked) -> Answer:
        seen.append((asked.path, dict(asked.queries), asked.body))
        return Answer(body={"value": []})

    operation = Operation("List", "GET", "/v1/{kind}", "", Effect.READ, page)
    connector = Connector("azuresentinel", "", (operation,), inside=True)
    desk.caller.connector = lambda name: connector
    host = {"connection": {"name": "/x/connections/azuresentinel"}}
    inputs = {"host": host, "method": "get", "path": "/v1/users", "body": {"a": 1}, "queries": {"top": 1}}
    action = Action("A", ActionType.API_CONNECTION, PLAIN)
    for link in ("https://evil.example/base/v1/users?skip=2", "/v1/users?skip=2"):
        desk.caller.call(desk.context(), Call("k", action, inputs, poll=link), None)
    assert seen == [("/v1/users", {"skip": "2"}, None)] * 2
    other = desk.caller.call(desk.context(), Call("k", action, inputs, poll="https://x.example/nothing"), None)
    assert isinstance(other, Answer)
    assert other.refused


def test_old_entries_of_the_ledger_are_forgotten(desk: Desk) -> None:
    comment(desk)
    assert desk.app.outward.ledger.expire("soc") == 0
    desk.app.clock.at = NOW + timedelta(days=200)  # type: ignore[attr-defined]
    assert desk.app.outward.ledger.expire("soc") == 1
    assert desk.app.outward.ledger.list("soc") == []
