"""Triggers that subscribe with another service as long as their workflow is enabled."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from huntlake.core.clock import FixedClock
from huntlake.detection.timeline import Timelines
from huntlake.playbooks.addresses import Addresses
from huntlake.playbooks.calls import Held
from huntlake.playbooks.runs.service import Runs
from huntlake.playbooks.triggers.subscriptions import Subscription, Subscriptions
from huntlake.playbooks.workflows import Workflow, Workflows, WorkflowState
from huntlake.state.memory import MemoryShelf
from huntlake.state.records import Author
from huntlake.state.sealing import Seal
from huntlake.wdl.runner.effects import Answer, Call

ME = Author(name="Ada")


class Desk:
    def __init__(self, home: Path, shelf: MemoryShelf | None = None, clock: FixedClock | None = None) -> None:
        self.home, self.shelf = home, shelf or MemoryShelf()
        self.clock = clock or FixedClock(datetime(2026, 3, 2, 10, tzinfo=UTC))
        self.workflows, seal = Workflows(self.shelf, self.clock), Seal(home / "key")
        self.runs = Runs(self.shelf, self.clock, self.workflows, seal, Timelines(self.shelf), lambda name: name)
        self.addresses = Addresses(self.shelf, self.clock, seal, self.workflows, lambda: "https://here.example")
        self.calls: list[Call] = []
        self.answer: Callable[[Call], Answer] = lambda call: Answer(201, body={"id": "s-7"})
        self.kept = Subscriptions(self.shelf, self.clock, self.runs, self, self.addresses.of_trigger)

    def call(self, context: Any, call: Call, connections: Any) -> Answer | Held:
        self.calls.append(call)
        return self.answer(call)

    def put(self, **changes: Any) -> None:
        body = {"to": "@listCallbackUrl()", "secret": "@parameters('Key')"}
        subscribe = {"method": "POST", "uri": "https://there.example/hooks", "body": body, **changes}
        unsubscribe = {"method": "DELETE", "uri": "https://there.example/hooks/@{triggerBody()['id']}"}
        definition = {
            "triggers": {
                "Hook": {"type": "HttpWebhook", "inputs": {"subscribe": subscribe, "unsubscribe": unsubscribe}}
            },
            "parameters": {"Key": {"type": "SecureString", "defaultValue": "s3cret"}},
            "actions": {},
        }
        self.workflows.put("w", Workflow(definition, "soc"))

    def look(self, **by: float) -> Subscription | None:
        self.clock.at += timedelta(**(by or {"seconds": 6}))
        self.kept.look()
        deadline = monotonic() + 10
        while self.kept._busy:
            assert monotonic() < deadline, "it took too long"
            sleep(0.005)
        return self.kept.find("W", "hook")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_an_enabled_workflow_is_subscribed_once_and_taken_back_when_it_is_disabled(desk: Desk) -> None:
    desk.put()
    desk.look()
    found = Desk(desk.home, desk.shelf, desk.clock).look()
    assert found is not None
    assert found.made
    (call,) = desk.calls
    assert call.inputs["body"]["to"] == desk.addresses.of_trigger("w", "Hook").url
    assert call.inputs["body"]["secret"] == "s3cret"
    assert "s3cret" not in str(list(desk.shelf.read_all("subscriptions of playbooks")))
    desk.runs.set_state("w", WorkflowState.DISABLED, ME)
    assert desk.look() is None
    assert [c.inputs["uri"] for c in desk.calls[1:]] == ["https://there.example/hooks/s-7"]
    desk.runs.set_state("w", WorkflowState.ENABLED, ME)
    desk.look()
    assert len(desk.calls) == 3
    assert desk.calls[2].inputs["method"] == "POST"


def test_a_workflow_that_is_deleted_leaves_no_subscription_behind(desk: Desk) -> None:
    desk.put()
    desk.look()
    desk.workflows.delete("w")
    desk.addresses.forget("w")
    assert desk.look() is None
    assert [c.inputs["method"] for c in desk.calls] == ["POST", "DELETE"]


def test_what_changes_or_a_new_key_subscribes_anew(desk: Desk) -> None:
    desk.put()
    desk.look()
    desk.put(uri="https://other.example/hooks")
    desk.look()
    desk.look()
    desk.addresses.regenerate("w", "Primary", ME)
    desk.look()
    desk.look()
    assert [c.inputs["method"] for c in desk.calls] == ["POST", "DELETE"] * 2 + ["POST"]
    assert len({c.inputs["body"]["to"] for c in desk.calls if "body" in c.inputs}) == 2


def test_a_service_that_fails_is_asked_again_later_under_the_same_key(desk: Desk) -> None:
    keys: list[str] = []

    def failing(call: Call) -> Answer:
        keys.append(call.key)
        return Answer(503) if len(keys) < 3 else Answer(200, body={"id": 1})

    desk.answer = failing
    desk.put()
    found = desk.look()
    assert found is not None
    assert "503" in found.problem
    desk.look()
    assert len(keys) == 1, "not before a minute is over"
    desk.look(minutes=2)
    found = desk.look(minutes=5)
    assert found is not None
    assert found.made
    assert len(set(keys)) == 1


def test_a_process_that_dies_while_it_subscribes_leaves_it_to_another(desk: Desk) -> None:
    def dies(call: Call) -> Answer:
        raise SystemExit

    desk.answer = dies
    desk.put()
    desk.look()
    other = Desk(desk.home, desk.shelf, desk.clock)
    assert not other.calls
    other.look()
    assert not other.calls, "the first has claimed it for a while"
    found = other.look(minutes=6)
    assert found is not None
    assert found.made


def test_a_subscription_that_nobody_knows_any_more_is_forgotten(desk: Desk) -> None:
    desk.put()
    desk.look()
    desk.answer = lambda call: Answer(404)
    desk.runs.set_state("w", WorkflowState.DISABLED, ME)
    assert desk.look() is None


def test_what_hinders_a_subscription_tells_no_secret(desk: Desk) -> None:
    desk.answer = lambda call: Answer(lost="can't reach https://there.example/s3cret")
    desk.put()
    found = desk.look()
    assert found is not None
    assert found.problem == "hidden: it may hold what is secure"
    assert {part for call in desk.calls for part in call.hidden} == {"inputs"}


def test_a_subscription_that_can_not_be_made_up_tells_no_secret(desk: Desk) -> None:
    desk.put(uri="@{int(parameters('Key'))}")
    found = desk.look()
    assert found is not None
    assert found.problem == "the trigger `Hook` failed: hidden: it may hold what is secure"
