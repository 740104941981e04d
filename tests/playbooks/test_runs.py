"""Runs that are executed for real, in one process that stays alive."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from tests.playbooks.place import ME, Place, Service, executing, http, place_at

from huntlake.core.errors import Busy, Conflict, Invalid
from huntlake.playbooks.calls import Held
from huntlake.playbooks.runs.host import Timed
from huntlake.playbooks.runs.records import PlaybookRun, RunStatus
from huntlake.playbooks.runs.service import Wanted
from huntlake.playbooks.workflows import Workflow, WorkflowState
from huntlake.state.documents import Document
from huntlake.wdl.runner.effects import Answer, Call


@pytest.fixture(scope="module")
def alive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with executing(tmp_path_factory.mktemp("runs"), Service()) as place:
        yield place


@pytest.fixture
def place(alive: Place) -> Place:
    alive.service.asked.clear()
    alive.service.answers = lambda call: Answer(body=call.inputs)
    return alive


def test_an_occasion_that_is_told_twice_sets_off_one_run(place: Place) -> None:
    place.put("once", {"A": http()})
    at = datetime(2026, 3, 4, tzinfo=UTC)
    first = place.run("once", 1, key="incident 1", at=at)
    again = place.run("once", 1, key="incident 1", at=at)
    assert first.name == again.name
    assert len(place.service.asked) == 1


def test_the_history_says_what_each_action_did(place: Place) -> None:
    place.put(
        "told",
        {
            "Each": {"type": "Foreach", "foreach": "@triggerBody()", "actions": {"Ask": http(body="@item()")}},
            "Large": {"type": "Compose", "inputs": "@range(1, 20000)", "runAfter": {"Each": ["Succeeded"]}},
        },
    )
    run = place.run("told", ["a", "b"])
    assert run.value.status is RunStatus.SUCCEEDED
    entries = dict(place.playbooks.runs.actions(run.name))
    assert [e.key for e in entries.values()] == ["Each", "Each[0]/Ask", "Each[1]/Ask", "Large"]
    assert entries[1].inputs["body"] == "a"
    assert entries[1].outputs["statusCode"] == 200
    assert entries[1].place == (("Each", 0),)
    assert entries[3].outputs is None
    assert entries[3].apart == ("inputs", "outputs")
    assert len(place.playbooks.runs.history.whole(run.name, 3, entries[3]).outputs) == 20_000
    assert json.dumps(place.playbooks.runs.export(run))


def test_secrets_are_in_no_history_and_no_journal_in_plain(place: Place, tmp_path_factory: Any) -> None:
    secure = {"runtimeConfiguration": {"secureData": {"properties": ["inputs", "outputs"]}}}
    place.put("hush", {"Ask": {**http(body="pass-word-1"), **secure}, "Wait": _wait(0.1, "Ask")})
    place.service.answers = lambda call: Answer(body="pass-word-2")
    run = place.run("hush")
    assert run.value.status is RunStatus.SUCCEEDED
    home = place.playbooks.worker.home
    for file in home.iterdir():
        if file.is_file() and file.name.startswith(("runs.db", "huntlake.db")):
            content = file.read_bytes()
            assert b"pass-word-2" not in content, file
    entry = place.playbooks.runs.actions(run.name, "ask")[0][1]
    assert entry.outputs == {"hidden": True}
    assert entry.hidden == ("inputs", "outputs")


def test_what_a_child_and_a_webhook_answer_lies_nowhere_in_plain(place: Place) -> None:
    secure = {"runtimeConfiguration": {"secureData": {"properties": ["inputs", "outputs"]}}}
    trigger = {"type": "Request", "runtimeConfiguration": {"secureData": {"properties": ["outputs"]}}}
    reply = {"type": "Response", "inputs": {"statusCode": 200, "body": "@triggerBody()"}}
    place.put("confidant", {"Reply": {**reply, **secure}}, trigger)
    host = {"workflow": {"id": "confidant"}}
    call = {"type": "Workflow", "inputs": {"host": host, "body": "@concat('pass-', 'word-3')"}, **secure}
    webhook = {"type": "HttpWebhook", "inputs": {"subscribe": {"body": "@{listCallbackUrl()}"}}, **secure}
    place.put("confides", {"Call": call, "Hook": {**webhook, "runAfter": {"Call": ["Succeeded"]}}})

    def answers(call: Call) -> Answer:
        id = call.inputs["subscribe"]["body"].split("/runs/")[1].split("/")[0]
        place.playbooks.runs.answer("confides", id, "Hook", Answer(body="pass-word-4"))
        return Answer()

    place.service.answers = answers
    run = place.run("confides")
    assert run.value.status is RunStatus.SUCCEEDED
    for file in place.playbooks.worker.home.iterdir():
        if file.is_file() and file.name.startswith(("runs.db", "huntlake.db")):
            assert not re.search(rb"pass-word-[34]", file.read_bytes()), file


def test_a_call_that_waits_for_a_person_is_made_when_it_is_decided(place: Place) -> None:
    place.put("held", {"Isolate": http()})
    decided: list[bool] = []

    def answers(call: Call) -> Answer | Held:
        until = datetime.now(UTC) + timedelta(hours=1)
        return Answer(body="done") if decided else Held("approval-1", until)

    place.service.answers = answers
    (run,) = place.fire("held")
    _until(lambda: bool(place.service.asked))
    decided.append(True)
    place.playbooks.runs.decided("held", run.name, "approval-1")
    assert place.playbooks.runs.wait("held", run.name, 20).value.status is RunStatus.SUCCEEDED
    assert [c.key for c in place.service.asked] == ["Isolate", "Isolate"]


def test_nobody_decides_and_the_call_is_made_again_when_the_time_is_over(place: Place) -> None:
    place.put("expired", {"Isolate": http()})
    until = datetime.now(UTC) + timedelta(seconds=0.5)
    place.service.answers = lambda call: (
        Held("approval-2", until) if datetime.now(UTC) < until else Answer(refused="nobody approved")
    )
    run = place.run("expired")
    assert run.value.status is RunStatus.FAILED
    assert place.playbooks.runs.actions(run.name)[0][1].error == "nobody approved"


def test_a_webhook_waits_for_its_answer_also_for_one_that_came_early(place: Place) -> None:
    webhook = {"type": "HttpWebhook", "inputs": {"subscribe": {"body": "@{listCallbackUrl()}"}}}
    place.put("hook", {"Ask": webhook, "Say": {"type": "Compose", "inputs": "@body('Ask')", "runAfter": {"Ask": []}}})

    def answers(call: Call) -> Answer:
        # The other side is quicker than the answer to the subscription.
        id = call.inputs["subscribe"]["body"].split("/runs/")[1].split("/")[0]
        place.playbooks.runs.answer("hook", id, "Ask", Answer(body={"SelectedOption": "Approve"}))
        return Answer()

    place.service.answers = answers
    run = place.run("hook")
    assert run.value.status is RunStatus.SUCCEEDED
    assert place.playbooks.runs.actions(run.name)[1][1].outputs == {"SelectedOption": "Approve"}


def test_cancelling_ends_what_runs_and_skips_the_rest(place: Place) -> None:
    place.put("long", {"Wait": _wait(3600), "After": http("Wait")})
    (run,) = place.fire("long")
    _until(lambda: place.statuses(run) == {"Wait": "Running"})
    place.playbooks.runs.cancel("long", run.name, ME)
    ended = place.playbooks.runs.wait("long", run.name, 20)
    assert ended.value.status is RunStatus.CANCELLED
    assert ended.value.cancelled_by == ME
    assert place.statuses(run) == {"Wait": "Cancelled", "After": "Skipped"}
    with pytest.raises(Conflict):
        place.playbooks.runs.cancel("long", run.name, ME)


def test_a_child_answers_its_parent_and_knows_who_called(place: Place) -> None:
    said = "@triggerOutputs()['headers']['x-ms-workflow-name']"
    place.put("child", {"Reply": {"type": "Response", "inputs": {"statusCode": 201, "body": said}}})
    call = {"type": "Workflow", "inputs": {"host": {"workflow": {"id": "/x/y/CHILD"}, "triggerName": "Manual"}}}
    place.put("parent", {"Call": call})
    run = place.run("parent", tracking_id="followed")
    outputs = place.playbooks.runs.actions(run.name)[0][1].outputs
    assert outputs["statusCode"] == 201
    assert outputs["body"] == "parent"
    (child,) = place.playbooks.runs.list(Wanted("child")).runs
    assert child.value.tracking_id == "followed"
    assert child.value.started_by.via == ("playbook parent",)


def test_a_child_that_ends_without_its_response_says_so(place: Place) -> None:
    stop = {"type": "Terminate", "inputs": {"runStatus": "Failed", "runError": {"code": "No", "message": "not today"}}}
    reply = {"type": "Response", "inputs": {"statusCode": 200}, "runAfter": {"Stop": ["Succeeded"]}}
    place.put("mute", {"Stop": stop, "Reply": reply})
    retries = {"retryPolicy": {"type": "none"}}
    place.put("asks", {"Call": {"type": "Workflow", "inputs": {"host": {"workflow": {"id": "mute"}}, **retries}}})
    run = place.run("asks")
    outputs = place.playbooks.runs.actions(run.name)[0][1].outputs
    assert outputs["statusCode"] == 502
    assert "not today" in outputs["body"]["error"]["message"]


def test_a_child_that_was_called_off_is_not_begun_again(place: Place) -> None:
    reply = {"type": "Response", "inputs": {"statusCode": 200}, "runAfter": {"Wait": ["Succeeded"]}}
    place.put("slow", {"Wait": _wait(600), "Reply": reply})
    place.put("patient", {"Call": {"type": "Workflow", "inputs": {"host": {"workflow": {"id": "slow"}}}}})
    (run,) = place.fire("patient")
    _until(lambda: place.playbooks.runs.list(Wanted("slow")).runs)
    (child,) = place.playbooks.runs.list(Wanted("slow")).runs
    place.playbooks.runs.cancel("slow", child.name, ME)
    assert place.playbooks.runs.wait("patient", run.name, 20).value.status is RunStatus.FAILED
    assert place.playbooks.runs.actions(run.name)[0][1].outputs["statusCode"] == 409
    assert [r.name for r in place.playbooks.runs.list(Wanted("slow")).runs] == [child.name]


def test_a_value_that_is_put_into_itself_again_and_again_ends_the_loop_and_leaves_the_history(place: Place) -> None:
    put = {
        "type": "SetVariable",
        "inputs": {"name": "v", "value": "@outputs('Put')"},
        "runAfter": {"Put": ["Succeeded"]},
    }
    wrap = {"Put": {"type": "Compose", "inputs": "@createArray(variables('v'))"}, "Keep": put}
    begin = {"type": "InitializeVariable", "inputs": {"variables": [{"name": "v", "type": "array"}]}}
    loop = {"type": "Until", "expression": "@false", "limit": {"count": 210}, "actions": wrap}
    place.put("wraps", {"Begin": begin, "Loop": {**loop, "runAfter": {"Begin": ["Succeeded"]}}})
    run = place.run("wraps")
    assert run.value.status is RunStatus.FAILED
    told = [e.error for _, e in place.playbooks.runs.actions(run.name) if e.code == "InvalidTemplate"]
    assert "the value nests deeper than 200" in told[0]


def test_a_value_that_is_put_twice_into_itself_again_and_again_ends_the_loop(place: Place) -> None:
    begin = {"type": "InitializeVariable", "inputs": {"variables": [{"name": "v", "type": "array"}]}}
    twice = {"a": "@variables('v')", "b": "@variables('v')"}
    double = {"Put": {"type": "AppendToArrayVariable", "inputs": {"name": "v", "value": twice}}}
    loop = {"type": "Until", "expression": "@false", "limit": {"count": 20}, "actions": double}
    place.put("doubles", {"Begin": begin, "Loop": {**loop, "runAfter": {"Begin": ["Succeeded"]}}})
    run = place.run("doubles", seconds=60)
    assert run.value.status is RunStatus.FAILED
    told = next(e for _, e in place.playbooks.runs.actions(run.name, "Put") if e.status == "Failed")
    assert "the value repeats its parts, and has more than 1,000,000 of them" in told.error


@pytest.mark.parametrize(
    "action",
    [
        {"type": "Compose", "inputs": "@outputs(first('😀'))"},
        {"type": "Terminate", "inputs": {"runStatus": "Failed", "runError": {"message": "@first('😀')"}}},
    ],
)
def test_half_a_character_in_a_message_leaves_the_history(place: Place, action: dict[str, Any]) -> None:
    place.put("halves", {"A": action})
    run = place.run("halves")
    assert run.value.status is RunStatus.FAILED
    assert run.value.code != "RunAbandoned"
    assert place.playbooks.runs.actions(run.name)


def test_a_decimal_is_a_number_wherever_a_run_gives_it(place: Place) -> None:
    reply = {"type": "Response", "inputs": {"statusCode": 200, "body": {"d": "@decimal('1.50')"}}}
    place.put("counts", {"Reply": reply})
    call = {"type": "Workflow", "inputs": {"host": {"workflow": {"id": "counts"}}}}
    after = {"Call": ["Succeeded"]}
    place.put("asks-counts", {"Call": call, "A": {"type": "Compose", "inputs": "@body('Call')", "runAfter": after}})
    place.service.answers = lambda call: Answer(body=call.inputs["body"])
    place.put("echoes", {"A": http(body="@decimal('1.50')"), "B": {"type": "Compose", "inputs": "@div(1.0, 0.0)"}})
    (_, told) = place.playbooks.runs.actions(place.run("asks-counts").name, "A")[0]
    entries = {e.name: e.outputs for _, e in place.playbooks.runs.actions(place.run("echoes").name)}
    assert (told.outputs, entries["A"]["body"], entries["B"]) == ({"d": 1.5}, 1.5, "Infinity")


def test_an_occasion_that_nests_too_deep_sets_off_nothing(place: Place) -> None:
    place.put("shallow", {"A": http()})
    body: Any = 1
    for _ in range(300):
        body = [body]
    with pytest.raises(Invalid, match="nests deeper than 200"):
        place.fire("shallow", body)


def test_a_child_without_a_response_is_not_waited_for(place: Place) -> None:
    place.put("slow", {"Wait": _wait(3600)})
    place.put("quick", {"Call": {"type": "Workflow", "inputs": {"host": {"workflow": {"id": "slow"}}}}})
    run = place.run("quick")
    assert run.value.status is RunStatus.SUCCEEDED
    assert place.playbooks.runs.actions(run.name)[0][1].outputs["statusCode"] == 202
    _end_all(place, "slow")


def test_a_workflow_of_another_workspace_is_not_called(place: Place) -> None:
    body = {"triggers": {"manual": {"type": "Request"}}, "actions": {}}
    place.playbooks.workflows.put("theirs", Workflow(body, "other"))
    place.put("curious", {"Call": {"type": "Workflow", "inputs": {"host": {"workflow": {"id": "theirs"}}}}})
    run = place.run("curious")
    assert run.value.status is RunStatus.FAILED
    assert not place.playbooks.runs.list(Wanted("theirs")).runs


def test_cancelling_unsubscribes_a_webhook_that_waits(place: Place) -> None:
    inputs = {"subscribe": {"uri": "https://x.example/s"}, "unsubscribe": {"uri": "https://x.example/u"}}
    place.put("hooked", {"Ask": {"type": "HttpWebhook", "inputs": inputs}})
    (run,) = place.fire("hooked")
    _until(lambda: place.statuses(run) == {"Ask": "Running"})
    place.playbooks.runs.cancel("hooked", run.name, ME)
    ended = place.playbooks.runs.wait("hooked", run.name, 20)
    assert ended.value.status is RunStatus.CANCELLED
    assert [(c.key, c.unsubscribes) for c in place.service.asked] == [("Ask", False), ("Ask/unsubscribe", True)]
    assert place.service.asked[1].inputs["uri"] == "https://x.example/u"


def test_a_response_reaches_the_caller_before_the_run_ends(place: Place) -> None:
    reply = {"type": "Response", "inputs": {"statusCode": 200, "body": "at once"}}
    place.put("replies", {"Reply": reply, "Wait": _wait(3600, "Reply")})
    (run,) = place.fire("replies", awaited=True)
    answer = place.playbooks.runs.wait_for_response("replies", run.name, 20)
    assert (answer.status, answer.body) == (200, "at once")
    _end_all(place, "replies")


def test_a_response_that_nobody_waits_for_is_kept_and_a_second_one_fails(place: Place) -> None:
    def reply(status: int, after: str = "") -> dict[str, Any]:
        made: dict[str, Any] = {"type": "Response", "inputs": {"statusCode": status}}
        return made | ({"runAfter": {after: ["Succeeded"]}} if after else {})

    place.put("twice", {"First": reply(201), "Second": reply(202, "First")})
    run = place.run("twice")
    assert place.statuses(run) == {"First": "Succeeded", "Second": "Failed"}
    kept = place.playbooks.runs.response(run.name)
    assert kept is not None
    assert kept.status == run.value.response == 201


def test_only_so_many_runs_go_on_at_once_and_the_others_in_their_order(place: Place) -> None:
    trigger = {"type": "Request", "runtimeConfiguration": {"concurrency": {"runs": 1, "maximumWaitingRuns": 2}}}
    place.put("turns", {"Wait": _wait(0.3), "Say": http("Wait", body="@triggerBody()")}, trigger)
    runs = [place.fire("turns", n)[0] for n in range(3)]
    assert [r.value.status for r in runs] == [RunStatus.RUNNING, RunStatus.WAITING, RunStatus.WAITING]
    with pytest.raises(Busy):
        place.fire("turns", 4)
    place.playbooks.runs.cancel("turns", runs[1].name, ME)
    ended = [place.playbooks.runs.wait("turns", r.name, 30).value.status for r in runs]
    assert ended == [RunStatus.SUCCEEDED, RunStatus.CANCELLED, RunStatus.SUCCEEDED]
    assert [c.inputs["body"] for c in place.service.asked] == [0, 2]


def test_conditions_and_splitting_decide_which_runs_there_are(place: Place) -> None:
    trigger = {"type": "Request", "splitOn": "@triggerBody()?['value']"}
    condition = [{"expression": "@greater(length(triggerBody()?['value']), 1)"}]
    place.put("split", {"Say": http(body="@triggerBody()")}, {**trigger, "conditions": condition})
    assert place.fire("split", {"value": [1]}) == []
    runs = place.fire("split", {"value": [1, 2]})
    assert len(runs) == 2
    for run in runs:
        place.playbooks.runs.wait("split", run.name, 20)
    assert sorted(c.inputs["body"] for c in place.service.asked) == [1, 2]


def test_a_disabled_workflow_is_not_set_off(place: Place) -> None:
    place.put("off", {"A": http()})
    place.playbooks.runs.set_state("off", WorkflowState.DISABLED, ME)
    with pytest.raises(Conflict, match="disabled"):
        place.fire("off")


def test_resubmitting_from_an_action_takes_over_what_was_done_before_it(place: Place) -> None:
    place.put(
        "again",
        {
            "First": http(),
            "Wait": _wait(0.05, "First"),
            "Second": http("Wait", body="@body('First')"),
            "Third": http("Second"),
        },
    )
    place.service.answers = lambda call: Answer(500 if call.key == "Second" else 200, body=call.key)
    actions = place.playbooks.workflows.get("again").value.definition["actions"]
    actions["Second"]["inputs"]["retryPolicy"] = {"type": "none"}
    place.put("again", actions)
    run = place.run("again")
    assert run.value.status is RunStatus.FAILED
    place.service.asked.clear()
    place.service.answers = lambda call: Answer(body=call.key)
    again = place.playbooks.runs.resubmit("again", run.name, ME, ["second"])
    ended = place.playbooks.runs.wait("again", again.name, 20)
    assert ended.value.status is RunStatus.SUCCEEDED
    assert ended.value.origin is not None
    assert ended.value.origin.run == run.name
    assert [c.key for c in place.service.asked] == ["Second", "Third"]
    assert place.service.asked[0].inputs["body"] == "First"


def test_resubmitting_keeps_the_definition_of_then_unless_the_present_one_is_asked_for(place: Place) -> None:
    place.put("versions", {"Say": http(body="old")})
    run = place.run("versions")
    place.put("versions", {"Say": http(body="new")})
    for present, said in ((False, "old"), (True, "new")):
        again = place.playbooks.runs.resubmit("versions", run.name, ME, present=present)
        place.playbooks.runs.wait("versions", again.name, 20)
        assert place.service.asked[-1].inputs["body"] == said


def test_a_deleted_workflow_takes_its_runs_with_it(place: Place) -> None:
    place.put("gone", {"Wait": _wait(3600)})
    (run,) = place.fire("gone")
    _until(lambda: place.statuses(run) == {"Wait": "Running"})
    assert place.playbooks.runs.delete("gone", ME)
    _until(lambda: place.playbooks.runs.open.find(run.name) is None)
    _until(lambda: not place.statuses(run))


def test_runs_are_found_by_what_is_asked_of_them(place: Place) -> None:
    place.put("found", {"A": http()})
    for incident in ("i1", "i2"):
        place.run("found", incident=incident)
    runs = place.playbooks.runs
    assert [r.value.incident for r in runs.list(Wanted("found")).runs] == ["i2", "i1"]
    assert [r.value.incident for r in runs.list(Wanted("found", incident="I1")).runs] == ["i1"]
    first = runs.list(Wanted("found"), most=1)
    assert [r.value.incident for r in runs.list(Wanted("found"), after=first.next, most=1).runs] == ["i1"]
    assert not runs.list(Wanted("found", workspaces=frozenset({"other"}))).runs
    assert not runs.list(Wanted("found", statuses=frozenset({RunStatus.FAILED}))).runs


def test_a_call_that_breaks_this_program_fails_its_action_alone(place: Place) -> None:
    place.put("broken", {"A": http(retryPolicy={"type": "none"}), "B": http()})

    def answers(call: Call) -> Answer:
        if call.key == "A":
            raise RuntimeError("boom")
        return Answer()

    place.service.answers = answers
    run = place.run("broken")
    assert place.statuses(run) == {"A": "Failed", "B": "Succeeded"}


def test_a_second_lake_in_the_process_is_refused_by_name(place: Place, tmp_path: Path) -> None:
    place.put("here", {"A": http()})
    place.run("here")
    with executing(tmp_path) as other:
        other.put("there", {"A": http()})
        with pytest.raises(Conflict, match="those of another lake beside it are not supported"):
            other.fire("there")


def test_another_process_of_the_home_leaves_the_runs_to_the_first(place: Place) -> None:
    other = place_at(place.playbooks.worker.home)
    with other.playbooks.worker.executing() as here:
        assert not here
        place.put("shared", {"A": http()})
        (run,) = other.fire("shared")
        assert other.playbooks.runs.wait("shared", run.name, 20).value.status is RunStatus.SUCCEEDED
    assert len(place.service.asked) == 1
    other.state.close()


def _wait(seconds: float, after: str = "") -> dict[str, Any]:
    until = f"@addSeconds(utcNow(), {int(seconds)})" if seconds >= 1 else "@addToTime(utcNow(), 0, 'Second')"
    made: dict[str, Any] = {"type": "Wait", "inputs": {"until": {"timestamp": until}}}
    return made | ({"runAfter": {after: ["Succeeded"]}} if after else {})


def _until(holds: Any) -> None:
    deadline = monotonic() + 20
    while not holds():
        assert monotonic() < deadline, "it took too long"
        sleep(0.02)


def _end_all(place: Place, workflow: str) -> None:
    for run in _open(place, workflow):
        place.playbooks.runs.cancel(workflow, run.name, ME)


def _open(place: Place, workflow: str) -> list[Document[PlaybookRun]]:
    return [r for r in place.playbooks.runs.list(Wanted(workflow)).runs if not r.value.status.ended]


def test_a_response_and_outputs_that_fail_put_no_secret_into_what_is_kept(place: Place) -> None:
    secure = {"runtimeConfiguration": {"secureData": {"properties": ["inputs", "outputs"]}}}
    respond = {"type": "Response", "inputs": {"body": "@body('Ask')"}, "runAfter": {"Ask": ["Succeeded"]}}
    outputs = {"o": {"type": "Int", "value": "@int(body('Ask'))"}}
    place.put("hush", {"Ask": {**http(), **secure}, "Respond": respond}, outputs=outputs)
    place.service.answers = lambda call: Answer(body="pass-word-2")
    run = place.run("hush", awaited=True)
    assert (run.value.status, run.value.code) == (RunStatus.FAILED, "InvalidTemplate")
    answered = place.playbooks.runs.response(run.name)
    assert answered is not None
    assert answered.body == "pass-word-2"
    assert "pass-word" not in json.dumps(place.playbooks.runs.export(run))
    for file in place.playbooks.worker.home.iterdir():
        if file.is_file() and file.name.startswith("huntlake.db"):
            assert b"pass-word-2" not in file.read_bytes(), file


@pytest.mark.parametrize("part", ["inputs", "outputs"])
def test_a_trigger_that_fails_tells_no_secret(place: Place, part: str) -> None:
    secure = {"runtimeConfiguration": {"secureData": {"properties": [part]}}}
    trigger = {"type": "Request", "conditions": [{"expression": "@equals(int(triggerBody()), 1)"}], **secure}
    place.put("hush", {"Ask": http()}, trigger)
    with pytest.raises(Invalid, match="the trigger `manual` failed: hidden"):
        place.fire("hush", "pass-word-1")


def test_a_condition_that_asks_for_a_secure_parameter_tells_no_secret(place: Place) -> None:
    trigger = {"type": "Request", "conditions": [{"expression": "@equals(int(parameters('Key')), 1)"}]}
    key = {"Key": {"type": "SecureString", "defaultValue": "pass-word-1"}}
    place.put("hush", {"Ask": http()}, trigger, parameters=key)
    with pytest.raises(Invalid, match="the trigger `manual` failed: hidden"):
        place.fire("hush")


def test_the_journal_knows_the_time_whatever_sqlite_is_there(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "journal.db", factory=Timed)) as journal:
        journal.execute("create table told (id text, at integer not null default (unixepoch('subsec') * 1000))")
        journal.execute("insert into told (id) values ('a')")
        ((told,),) = journal.execute("select at from told").fetchall()
    assert abs(told - time.time() * 1000) < 10_000
