"""Runs that wait for people: for an approval, and for the answer to a question."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from tests.playbooks.place import Place, Service, executing, http

from huntlake.core.errors import Conflict
from huntlake.playbooks.approvals import Approval, Decider, Status
from huntlake.playbooks.calls import Held
from huntlake.playbooks.connectors.connector import Asked, Effect, Operation
from huntlake.playbooks.connectors.questions import of_mail
from huntlake.playbooks.notices import ApprovalNotice
from huntlake.playbooks.runs.service import Wanted
from huntlake.state.documents import Document
from huntlake.state.records import Author
from huntlake.wdl.runner.effects import Answer, Call
from huntlake.wdl.runner.records import HIDDEN

OWNER = ("soc",)
BOB = Decider(Author("8", "Bob"), is_person=True)
ISOLATE = Operation("Isolate", "POST", "/isolate", "Isolate a machine", Effect.CONTAIN, lambda asked: Answer())
QUESTION = Operation("Mail", "GET", "/approvalmail/$subscriptions", "Ask", Effect.READ, lambda asked: Answer())


class Guarded(Service):
    """A service that does nothing without an approval, and puts questions to people."""

    place: Place
    done: list[Any]

    def call(self, context: Any, call: Call, connections: Any) -> Answer | Held:
        super().call(context, call, connections)
        path = call.inputs.get("uri", call.inputs.get("path", ""))
        asked = Asked(context, "", f"{context.run}/{call.key}", "POST", path, body=call.inputs.get("body"))
        if path.endswith("$subscriptions"):
            self.place.playbooks.approvals.ask(asked, QUESTION, of_mail(asked.body))
            return Answer(202)
        wants = self.place.playbooks.approvals.wants(asked, ISOLATE)
        if wants is None:
            self.done.append(asked.body)
            return Answer(200, body={"status": "Pending"})
        return wants


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    guarded = Guarded()
    guarded.done = []
    with executing(tmp_path, guarded) as place:
        guarded.place = place
        yield place


def waiting(place: Place, seconds: float = 20) -> Document[Approval]:
    """The first approval that somebody is asked for."""
    deadline = monotonic() + seconds
    while not (known := place.playbooks.approvals.list(OWNER)):
        assert monotonic() < deadline, "nobody was asked"
        sleep(0.02)
    return known[0]


def done(place: Place) -> list[Any]:
    assert isinstance(place.service, Guarded)
    return place.service.done


@pytest.mark.parametrize("approved", [True, False])
def test_a_run_goes_on_when_a_person_has_decided(place: Place, approved: bool) -> None:
    place.put("contain", {"Isolate": http(body="m1"), "After": {"type": "Compose", "inputs": 1, "runAfter": AFTER}})
    (run,) = place.fire("contain")
    asked = waiting(place)
    assert done(place) == []
    place.playbooks.approvals.decide(OWNER, asked.name, approved, BOB)
    ended = place.playbooks.runs.wait("contain", run.name, 20)
    assert done(place) == (["m1"] if approved else [])
    assert place.statuses(ended) == {"Isolate": "Succeeded" if approved else "Failed", "After": "Succeeded"}


def test_a_run_is_told_which_option_a_person_has_chosen(place: Place) -> None:
    mail = {
        "NotificationUrl": "@{listCallbackUrl()}",
        "Message": {"To": "soc@contoso.example", "Subject": "Block?", "Options": "Block, Ignore"},
    }
    ask = {"type": "ApiConnectionWebhook", "inputs": {"path": "/approvalmail/$subscriptions", "body": mail}}
    after = {"Ask": ["Succeeded"]}
    said = {"type": "Compose", "inputs": "@body('Ask')?['SelectedOption']", "runAfter": after}
    place.put("question", {"Ask": ask, "Said": said})
    (run,) = place.fire("question")
    question = waiting(place)
    assert question.value.callback.startswith("https://here.example/")
    place.playbooks.approvals.answer(OWNER, question.name, "ignore", {}, BOB)
    ended = place.playbooks.runs.wait("question", run.name, 20)
    outputs = {e.name: e.outputs for _, e in place.playbooks.runs.actions(ended.name)}
    assert outputs["Said"] == "Ignore"


def test_nobody_approves_what_a_run_that_ended_has_asked(place: Place) -> None:
    place.put("contain", {"Isolate": http(body="m1")})
    (run,) = place.fire("contain")
    asked = waiting(place)
    place.playbooks.runs.cancel("contain", run.name, BOB.author)
    place.playbooks.runs.wait("contain", run.name, 20)
    with pytest.raises(Conflict, match="ended"):
        place.playbooks.approvals.decide(OWNER, asked.name, True, BOB)
    place.playbooks.approvals.expire("soc")
    assert place.playbooks.approvals.get(OWNER, asked.name).value.status is Status.WITHDRAWN
    assert done(place) == []


def test_nobody_approves_what_a_workflow_that_is_gone_has_asked(place: Place) -> None:
    place.put("contain", {"Isolate": http(body="m1")})
    place.fire("contain")
    asked = waiting(place)
    place.playbooks.runs.delete("contain", BOB.author)
    with pytest.raises(Conflict, match="withdrawn"):
        place.playbooks.approvals.decide(OWNER, asked.name, True, BOB)
    assert place.playbooks.approvals.get(OWNER, asked.name).value.status is Status.WITHDRAWN


AFTER = {"Isolate": ["Succeeded", "Failed"]}


def _noticing(place: Place, **parts: Any) -> None:
    place.put("tell", {"Say": {"type": "Compose", "inputs": "@triggerBody()"}})
    place.playbooks.notices.records.put(OWNER, "all", ApprovalNotice("tell", **parts))


def _told(place: Place, count: int = 1) -> list[Any]:
    deadline = monotonic() + 20
    while len(runs := place.playbooks.runs.list(Wanted("tell")).runs) < count:
        assert monotonic() < deadline, "nobody was told"
        sleep(0.01)
    return [place.playbooks.runs.triggered(r.name)["outputs"]["body"] for r in runs]


def test_a_playbook_tells_people_once_that_something_waits(place: Place) -> None:
    _noticing(place)
    place.put("contain", {"Isolate": http(uri="https://there.example/m1")})
    (run,) = place.fire("contain")
    name = waiting(place).name
    (told,) = _told(place)
    assert (told["approval"], told["workflow"], told["run"]) == (name, "contain", run.name)
    assert told["url"] == "https://here.example/app/playbooks?view=approvals"
    place.playbooks.approvals.decide(OWNER, name, True, BOB)
    place.playbooks.runs.wait("contain", run.name, 20)
    assert len(_told(place)) == 1


def test_a_playbook_that_tells_of_approvals_and_needs_one_does_not_tell_of_itself(place: Place) -> None:
    place.put("tell", {"Say": http(uri="https://there.example/say")})
    place.playbooks.notices.records.put(OWNER, "all", ApprovalNotice("tell"))
    place.put("contain", {"Isolate": http(uri="https://there.example/m1")})
    place.fire("contain")
    deadline = monotonic() + 20
    while len(place.playbooks.approvals.list(OWNER)) < 2:
        assert monotonic() < deadline
        sleep(0.01)
    sleep(0.3)
    assert len(place.playbooks.runs.list(Wanted("tell")).runs) == 1


def test_a_notice_is_about_what_it_says_and_a_playbook_that_is_gone_stops_nothing(place: Place) -> None:
    _noticing(place, workflow="other-*")
    place.playbooks.notices.records.put(OWNER, "gone", ApprovalNotice("nowhere"))
    for name in ("contain", "other-1"):
        place.put(name, {"Isolate": http(uri="https://there.example/m1")})
        place.fire(name)
    assert [t["workflow"] for t in _told(place)] == ["other-1"]
    deadline = monotonic() + 20
    while len(place.playbooks.approvals.list(OWNER)) < 2:
        assert monotonic() < deadline
        sleep(0.01)
    assert len(_told(place)) == 1


def test_what_a_secret_store_answers_is_hidden_although_nothing_says_so(place: Place) -> None:
    place.service.answers = lambda call: Answer(body={"value": "s3cret"})
    host = {"connection": {"name": "@parameters('$connections')['keyvault_1']['connectionId']"}}
    ask = {"type": "ApiConnection", "inputs": {"host": host, "method": "get", "path": "/secrets/@{'Key'}/value"}}
    listed = {"type": "ApiConnection", "inputs": {"host": host, "method": "get", "path": "/secrets"}}
    url = {"type": "Http", "inputs": {"method": "GET", "uri": "https://v.vault.azure.net/secrets/Key?api-version=7.4"}}
    actions = {
        "Within": {"type": "Scope", "actions": {"Ask": ask}},
        "List": listed,
        "Url": url,
        "Use": {"type": "Compose", "inputs": "@body('Ask')?['value']", "runAfter": {"Within": ["Succeeded"]}},
    }
    entry = {"connectionId": "/c/vault", "id": "/subscriptions/s/providers/Microsoft.Web/managedApis/KeyVault"}
    parameters = {"$connections": {"type": "Object", "defaultValue": {"keyvault_1": entry}}}
    place.service.call = lambda context, call, connections: Answer(body={"value": "s3cret"})  # type: ignore[method-assign]
    place.put("vault", actions, parameters=parameters)
    run = place.run("vault")
    entries = {e.name: e for _, e in place.playbooks.runs.actions(run.name)}
    assert entries["Ask"].outputs == entries["Url"].outputs == entries["Use"].outputs == HIDDEN
    assert entries["List"].outputs["body"] == {"value": "s3cret"}
