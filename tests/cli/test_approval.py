"""`huntlake approval`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from tests.cli.conftest import Run

from huntlake.app import App
from huntlake.playbooks.calls import Held
from huntlake.playbooks.connectors.connector import Asked, Effect, Operation, RunContext
from huntlake.playbooks.connectors.questions import of_card
from huntlake.state.records import Author
from huntlake.wdl.runner.effects import Answer

CONTEXT = RunContext("default", "Contain", "r1", Author("7", "Ann"), datetime(2026, 1, 2, tzinfo=UTC))
ASKED = Asked(CONTEXT, "edr", "r1/Isolate#1", "POST", "/api/machines/m1/isolate", body={"Comment": "why"})
ISOLATE = Operation("IsolateMachine", "POST", "/x", "Isolate a machine", Effect.CONTAIN, lambda asked: Answer())
CARD = {
    "type": "AdaptiveCard",
    "body": [{"type": "TextBlock", "text": "Which?"}, {"type": "Input.Text", "id": "note"}],
    "actions": [{"type": "Action.Submit", "title": "Block"}],
}


def test_a_person_looks_at_what_is_asked_and_decides(run: Run, lake: Path) -> None:
    app = App.open(lake)
    held = app.playbooks.approvals.wants(ASKED, ISOLATE)
    app.close()
    assert isinstance(held, Held)
    (listed,) = json.loads(run("approval", "list", "-o", "json").out)
    assert (listed["approval"], listed["status"], listed["playbook"]) == (held.approval, "Pending", "Contain")
    shown = json.loads(run("approval", "show", held.approval[:8], "-o", "json").out)
    assert (shown["inputs"]["body"], shown["reasons"]) == ({"Comment": "why"}, ["containment"])
    assert "IsolateMachine" in run("approval", "show", held.approval).out
    assert run("approval", "approve", held.approval[:8], "-m", "seen").code == 0
    assert run("approval", "refuse", held.approval[:8]).code == 1
    assert json.loads(run("approval", "list", "-o", "json").out) == []
    app = App.open(lake)
    assert app.playbooks.approvals.wants(ASKED, ISOLATE) is None
    app.close()
    told = run("query", "SentinelAudit | summarize take_any(OperationName) by Description | count", "-o", "json")
    assert json.loads(told.out) == [{"Count": 2}]


def test_a_question_is_answered_with_what_is_entered(run: Run, lake: Path) -> None:
    app = App.open(lake)
    question = of_card({"notificationUrl": "https://here/1", "body": {"messageBody": json.dumps(CARD)}})
    name = app.playbooks.approvals.ask(ASKED, ISOLATE, question)
    app.close()
    assert run("approval", "answer", name, "Block", "--field", "note").code == 1
    assert run("approval", "answer", name, "Block", "--field", "note=odd").code == 0
    app = App.open(lake)
    answer = app.playbooks.approvals.get(("default",), name).value.answer
    app.close()
    assert (answer["submitActionId"], answer["data"]) == ("Block", {"note": "odd"})


def test_rules_are_made_listed_and_deleted(run: Run, lake: Path) -> None:
    made = ("approval", "rule", "set", "firewall", "--connector", "http", "--range", "10.0.0.0/8", "--four-eyes")
    assert run(*made).code == 0
    assert run("approval", "rule", "set", "bad", "--range", "ten").code == 1
    (rule,) = json.loads(run("approval", "rule", "list", "-o", "json").out)
    assert (rule["rule"], rule["connector"], rule["assets"], rule["four_eyes"]) == (
        "firewall",
        "http",
        "10.0.0.0/8",
        "yes",
    )
    assert run("approval", "rule", "delete", "firewall").code == 0
    assert run("approval", "rule", "delete", "firewall").code == 1


def test_a_notice_names_a_playbook_that_is_there(run: Run, lake: Path) -> None:
    assert run("approval", "notice", "set", "mail", "--playbook", "tell-of-approvals").code == 1
    assert run("playbook", "samples", "tell-of-approvals", "--install").code == 0
    made = run("approval", "notice", "set", "mail", "--playbook", "tell-of-approvals", "--kind", "Approval")
    assert made.code == 0, made.err
    (listed,) = json.loads(run("approval", "notice", "list", "-o", "json").out)
    assert (listed["playbook"], listed["kinds"], listed["enabled"]) == ("tell-of-approvals", ["Approval"], "yes")
    assert run("approval", "notice", "delete", "mail").code == 0
    assert run("approval", "notice", "delete", "mail").code == 1
