"""Triggers that fire by the clock: each time sets off one run, whatever happens; and batches."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from huntlake.core.clock import FixedClock
from huntlake.detection.timeline import Timelines
from huntlake.playbooks.calls import Held
from huntlake.playbooks.runs.records import PlaybookRun, RunStatus
from huntlake.playbooks.runs.service import Runs, Wanted
from huntlake.playbooks.runs.starting import Start
from huntlake.playbooks.triggers.batches import Batches
from huntlake.playbooks.triggers.times import Times
from huntlake.playbooks.workflows import Workflow, Workflows
from huntlake.state.documents import Document
from huntlake.state.memory import MemoryShelf
from huntlake.state.records import Author
from huntlake.state.sealing import Seal
from huntlake.wdl.definition.workflow import Action, ActionType
from huntlake.wdl.runner.effects import Answer, Call

BEGAN = datetime(2026, 3, 2, 10, tzinfo=UTC)


class Watch:
    def __init__(self, home: Path, shelf: MemoryShelf | None = None, clock: FixedClock | None = None) -> None:
        self.shelf, self.clock, self.home = shelf or MemoryShelf(), clock or FixedClock(BEGAN), home
        self.workflows = Workflows(self.shelf, self.clock)
        timelines = Timelines(self.shelf)
        self.runs = Runs(self.shelf, self.clock, self.workflows, Seal(home / "key"), timelines, lambda name: name)
        self.batches = Batches(self.shelf, self.clock, self.runs)
        self.answers: list[Answer] = []
        self.calls: list[Call] = []
        self.times = Times(self.shelf, self.clock, self.runs, self, self.batches)

    def call(self, context: Any, call: Call, connections: Any) -> Answer | Held:
        self.calls.append(call)
        return self.answers.pop(0)

    def again(self) -> Watch:
        """Another process over the same state."""
        return Watch(self.home, self.shelf, self.clock)

    def put(self, trigger: dict[str, Any], name: str = "w", **parts: Any) -> Document[Workflow]:
        definition = {"triggers": {"Tick": trigger}, "actions": {"A": {"type": "Compose", "inputs": 1}}, **parts}
        return self.workflows.put(name, Workflow(definition, "soc"))[0]

    def ahead(self, **by: float) -> None:
        self.clock.at += timedelta(**by)
        self.times.look()

    def fired(self, name: str = "w") -> list[Document[PlaybookRun]]:
        return list(reversed(self.runs.list(Wanted(name), most=1000).runs))

    def body(self, number: int = 0, name: str = "w") -> Any:
        return self.runs.triggered(self.fired(name)[number].name)["outputs"].get("body")


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    return Watch(tmp_path)


def test_each_time_sets_off_one_run_over_restarts_and_with_two_servers(watch: Watch) -> None:
    watch.put({"type": "Recurrence", "recurrence": {"frequency": "Minute", "interval": 10}})
    other = watch.again()
    for _ in range(6):
        for one in (watch, other, watch.again()):
            one.times.look()
        watch.clock.at += timedelta(minutes=5)
    assert [r.value.started - BEGAN for r in watch.fired()] == [timedelta(minutes=m) for m in (0, 10, 20)]


def test_what_was_missed_is_made_up_for_once(watch: Watch) -> None:
    watch.put({"type": "Recurrence", "recurrence": {"frequency": "Hour", "startTime": "2026-03-02T00:00:00Z"}})
    watch.times.look()
    watch.ahead(hours=5.5)
    watch.ahead(hours=1)
    assert [f"{r.value.started:%H:%M}" for r in watch.fired()] == ["11:00", "16:00"]


def test_windows_are_all_made_up_for_in_their_order(watch: Watch) -> None:
    watch.put({"type": "SlidingWindow", "recurrence": {"frequency": "Hour"}, "inputs": {"delay": "PT10M"}})
    watch.times.look()
    watch.ahead(hours=1, minutes=5)
    assert not watch.fired(), "the delay isn't over"
    watch.ahead(hours=2, minutes=10)
    outputs = [watch.runs.triggered(r.name)["outputs"] for r in watch.fired()]
    assert [o["windowStartTime"][11:16] for o in outputs] == ["10:00", "11:00", "12:00"]
    assert [o["windowEndTime"][11:16] for o in outputs] == ["11:00", "12:00", "13:00"]


def test_a_change_of_the_recurrence_counts_anew_and_one_of_the_actions_does_not(watch: Watch) -> None:
    trigger = {"type": "Recurrence", "recurrence": {"frequency": "Hour"}}
    watch.put(trigger)
    watch.times.look()
    watch.put(trigger, actions={"B": {"type": "Compose", "inputs": 2}})
    watch.ahead(minutes=10)
    assert len(watch.fired()) == 1
    watch.put({**trigger, "recurrence": {"frequency": "Minute"}})
    watch.ahead(minutes=10)
    assert len(watch.fired()) == 2


def test_a_trigger_that_another_process_resets_counts_anew(watch: Watch) -> None:
    watch.put({"type": "Recurrence", "recurrence": {"frequency": "Minute", "interval": 10}})
    watch.times.look()
    watch.clock.at += timedelta(minutes=4)
    assert watch.again().times.reset("W", "tick")
    assert not watch.again().times.reset("w", "none")
    for _ in range(8):
        watch.ahead(minutes=3)
    # The first was due at the reset's next look; a server that knew the trigger before goes on with it.
    assert len(watch.fired()) >= 3
    gaps = [b.value.started - a.value.started for a, b in zip(watch.fired()[1:], watch.fired()[2:], strict=False)]
    assert set(gaps) == {timedelta(minutes=10)}


def test_a_single_instance_skips_what_comes_while_it_runs(watch: Watch) -> None:
    once = {"operationOptions": "SingleInstance"}
    watch.put({"type": "Recurrence", "recurrence": {"frequency": "Minute"}, **once})
    watch.times.look()
    watch.ahead(minutes=1)
    assert len(watch.fired()) == 1
    hand = watch.times.hand("w", "Tick")
    assert hand is not None
    assert "skipped" in hand.problem


def test_a_recurrence_may_be_made_of_parameters_and_a_wrong_one_is_told(watch: Watch) -> None:
    parameters = {"Every": {"type": "String", "defaultValue": "Day"}}
    watch.put({"type": "Recurrence", "recurrence": {"frequency": "@parameters('Every')"}}, parameters=parameters)
    watch.put({"type": "Recurrence", "recurrence": {"frequency": "Moon"}}, "wrong")
    watch.times.look()
    assert len(watch.fired()) == 1
    hand = watch.times.hand("wrong", "Tick")
    assert hand is not None
    assert "`Moon` is not supported" in hand.problem


def test_a_service_that_is_asked_sets_off_a_run_for_each_item(watch: Watch) -> None:
    trigger = {"type": "Http", "inputs": {"method": "GET", "uri": "https://there.example"}}
    watch.put({**trigger, "recurrence": {"frequency": "Minute"}, "splitOn": "@triggerBody()?['value']"})
    watch.answers = [Answer(202, {"Retry-After": "300"}), Answer(body={"value": [1, 2]})]
    watch.times.look()
    _until(lambda: len(watch.answers) == 1 and watch.times._polled == set())
    watch.ahead(minutes=4)
    assert len(watch.answers) == 1, "it asked to be left alone for five minutes"
    watch.ahead(minutes=2)
    _until(lambda: len(watch.fired()) == 2)
    assert sorted([watch.body(0), watch.body(1)]) == [1, 2]


def test_nothing_that_was_given_is_lost_or_told_twice_when_the_process_dies_meanwhile(watch: Watch) -> None:
    trigger = {"type": "Http", "inputs": {"method": "GET", "uri": "https://there.example"}}
    watch.put({**trigger, "recurrence": {"frequency": "Minute"}, "splitOn": "@triggerBody()"})
    watch.answers = [Answer(body=["a", "b", "c"]), Answer(202)]
    fire = watch.runs.start
    died: list[str] = []

    def dies(workflow: Any, start: Start, *rest: Any, **more: Any) -> Any:
        if start.outputs["body"] == "b" and not died:
            died.append("b")
            raise SystemExit  # as if the process were gone
        return fire(workflow, start, *rest, **more)

    watch.runs.start = dies  # type: ignore[method-assign]
    watch.times.look()
    _until(lambda: died)
    assert [watch.body(n) for n in range(len(watch.fired()))] == ["a"]
    other = watch.again()
    other.answers = [Answer(body=["must not be asked"])]
    other.times.look()
    _until(lambda: len(watch.fired()) == 3)
    assert sorted(watch.body(n) for n in range(3)) == ["a", "b", "c"]
    assert len(other.answers) == 1


def test_items_that_find_no_room_are_tried_again(watch: Watch) -> None:
    trigger = {"type": "Http", "inputs": {"method": "GET", "uri": "https://there.example"}, "splitOn": "@triggerBody()"}
    bound = {"runtimeConfiguration": {"concurrency": {"runs": 1, "maximumWaitingRuns": 1}}}
    watch.put({**trigger, "recurrence": {"frequency": "Hour"}, **bound})
    watch.answers = [Answer(body=["a", "b", "c"])]
    watch.times.look()
    _until(lambda: (h := watch.times.hand("w", "Tick")) is not None and "waits" in h.problem)
    assert sorted(watch.body(n) for n in range(2)) == ["a", "b"]
    _until(lambda: watch.times._polled == set())
    watch.runs.cancel("w", watch.fired()[1].name, Author())
    watch.ahead(seconds=10)
    _until(lambda: len(watch.fired()) == 3)
    assert sorted(watch.body(n) for n in range(3)) == ["a", "b", "c"]


def test_the_next_question_goes_where_the_last_answer_leads_and_what_is_asked_is_made_anew(watch: Watch) -> None:
    inputs = {"method": "GET", "uri": "https://there.example/new?since=@{utcNow('mm')}"}
    watch.put({"type": "Http", "inputs": inputs, "recurrence": {"frequency": "Minute"}})
    watch.answers = [Answer(202), Answer(202, {"location": "/from/here"}), Answer(202)]
    for left in (2, 1, 0):
        watch.ahead(minutes=1)
        _until(lambda left=left: len(watch.answers) == left and watch.times._polled == set())
    assert [c.inputs["uri"][-2:] for c in watch.calls] == ["01", "02", "03"]
    assert [c.poll for c in watch.calls] == ["", "", "https://there.example/from/here"]


def test_a_recurrence_that_has_ended_sets_nothing_off_any_more(watch: Watch) -> None:
    watch.put({"type": "Recurrence", "recurrence": {"frequency": "Hour", "endTime": "2026-03-02T12:30:00Z"}})
    watch.put({"type": "Recurrence", "recurrence": {"frequency": "Hour", "count": 2}}, "counted")
    window = {"frequency": "Hour", "endTime": "2026-03-02T12:00:00Z"}
    watch.put({"type": "SlidingWindow", "recurrence": window}, "window")
    watch.times.look()
    for _ in range(8):
        watch.ahead(hours=1)
    assert [f"{r.value.started:%H}" for r in watch.fired()] == ["10", "11", "12"]
    assert [f"{r.value.started:%H}" for r in watch.fired("counted")] == ["10", "11"]
    assert [f"{r.value.started:%H}" for r in watch.fired("window")] == ["10", "11"]
    hand = watch.again().times.hand("counted", "Tick")
    assert hand is not None
    assert hand.over


def test_no_window_is_left_out_where_there_is_no_room_for_its_run(watch: Watch) -> None:
    once = {"operationOptions": "SingleInstance"}
    watch.put({"type": "SlidingWindow", "recurrence": {"frequency": "Hour"}, **once})
    watch.times.look()
    watch.ahead(hours=3)
    assert len(watch.fired()) == 1
    watch.runs.cancel("w", watch.fired()[0].name, Author())
    run = watch.fired()[0]
    watch.runs.ended(run, replace(run.value, status=RunStatus.CANCELLED))
    watch.ahead(minutes=1)
    assert [f"{r.value.started:%H}" for r in watch.fired()] == ["10", "11"]


def _sent(watch: Watch, number: int, **given: Any) -> Answer:
    run = PlaybookRun("sender", "v", "soc", "t", watch.fired("seed")[0].value.status, BEGAN, "t")
    action = Action("Send", ActionType.SEND_TO_BATCH, "$")
    host = {"triggerName": "Tick", "workflow": {"id": "/x/workflows/w"}}
    inputs = {"batchName": "feed", "content": {"n": number}, "host": host, **given}
    answer = watch.batches.call(Document(f"run{number}", run, ""), Call("Send#1", action, inputs), {})
    assert isinstance(answer, Answer)
    return answer


def _batching(watch: Watch, **criteria: Any) -> None:
    watch.put({"type": "Request"}, "seed")
    seed = watch.workflows.get("seed")

    watch.runs.fire(seed, Start({}, Author()))
    configurations = {"Feed": {"releaseCriteria": criteria}}
    watch.put({"type": "Batch", "inputs": {"mode": "Inline", "configurations": configurations}})


def test_a_batch_goes_when_it_is_full_and_holds_each_message_once(watch: Watch) -> None:
    _batching(watch, messageCount=3)
    for number in (1, 1, 2, 2, 3, 3, 4):
        assert _sent(watch, number).status == 202
        watch.clock.at += timedelta(seconds=1)
    assert len(watch.fired()) == 1
    body = watch.body()
    assert [i["content"]["n"] for i in body["items"]] == [1, 2, 3]
    assert body["batchName"] == "feed"


def test_batches_of_other_partitions_are_apart_and_go_when_it_is_time(watch: Watch) -> None:
    _batching(watch, messageCount=100, recurrence={"frequency": "Hour", "startTime": "2026-03-02T00:00:00Z"})
    watch.times.look()
    _sent(watch, 1, partitionName="a")
    _sent(watch, 2, partitionName="b")
    assert not watch.fired()
    watch.ahead(hours=1)
    assert sorted(watch.body(n)["partitionName"] for n in (0, 1)) == ["a", "b"]
    watch.ahead(hours=1)
    assert len(watch.fired()) == 2, "an empty batch stays"


def test_a_batch_that_nobody_has_is_refused(watch: Watch) -> None:
    _batching(watch, messageCount=3)
    assert _sent(watch, 1, batchName="other").status == 400
    assert _sent(watch, 1, host={"workflow": {"id": "nowhere"}}).status == 404


@pytest.mark.parametrize("count", ["1_0", "many", -1])
def test_a_batch_whose_criteria_are_no_numbers_is_refused_and_stops_nothing(watch: Watch, count: Any) -> None:
    _batching(watch, messageCount=count)
    answer = _sent(watch, 1)
    assert answer.status == 400
    assert "releaseCriteria.messageCount" in answer.body["error"]["message"]


def _until(holds: Any) -> None:
    deadline = monotonic() + 10
    while not holds():
        assert monotonic() < deadline, "it took too long"
        sleep(0.01)
