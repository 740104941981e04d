"""The world in which playbooks are tested: nothing leaves it, time jumps, and nothing hangs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from huntlake.playbooks.calls import Held
from huntlake.playbooks.connectors.connector import RunContext
from huntlake.playbooks.testing.world import Bounds, Coming, Played, Prompt, Script, SimulatedWorld, play
from huntlake.state.records import Author
from huntlake.wdl.definition.reading import read
from huntlake.wdl.runner.effects import Answer, Call

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
HTTP = {"type": "Http", "inputs": {"method": "GET", "uri": "https://a.example"}}
WEBHOOK = {"type": "ApiConnectionWebhook", "inputs": {"body": "@listCallbackUrl()"}}


class Answers:
    """A caller that gives what it was given, one after the other, and then the last again."""

    def __init__(self, *answers: Answer | Held) -> None:
        self.answers = list(answers) or [Answer(body={})]
        self.times: list[datetime] = []

    def call(self, context: RunContext, call: Call, connections: Any) -> Answer | Held:
        self.times.append(context.now)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def played(
    actions: Any, caller: Answers | None = None, script: Script | None = None, bounds: Bounds = Bounds(), seed: int = 0
) -> Played:
    context = RunContext("here", "flow", "run1", Author(), NOON)
    world = SimulatedWorld(caller or Answers(), context, script=script, bounds=bounds, seed=seed)
    return play(read({"triggers": {"manual": {"type": "Request"}}, "actions": actions}), {"body": {"a": 1}}, world)


def status(ran: Played) -> str:
    assert ran.ended is not None, ran.stuck
    return ran.ended.status.value


def test_a_wait_takes_simulated_time_only() -> None:
    ran = played({"W": {"type": "Wait", "inputs": {"interval": {"count": 3, "unit": "Day"}}}})
    assert (status(ran), ran.world.time - NOON) == ("Succeeded", timedelta(days=3))


def test_calls_that_fail_are_tried_again_later() -> None:
    caller = Answers(Answer(status=503), Answer(status=429, headers={"Retry-After": "30"}), Answer(body=1))
    ran = played({"H": HTTP}, caller)
    assert (status(ran), len(ran.world.made)) == ("Succeeded", 3)
    assert caller.times[2] - caller.times[1] == timedelta(seconds=30)


def test_the_same_seed_gives_the_same_run() -> None:
    actions = {"C": {"type": "Compose", "inputs": "@concat(guid(), rand(0, 1000000))"}}
    first, again, other = (played(actions, seed=s).records["C"].outputs for s in (1, 1, 2))
    assert first == again != other


def test_a_webhook_gets_the_answer_that_the_script_sends() -> None:
    ran = played({"W": WEBHOOK}, script=Prompt(Answer(body={"SelectedOption": "Yes"}), timedelta(hours=2)))
    assert ran.records["W"].outputs["body"] == {"SelectedOption": "Yes"}
    assert ran.world.time - NOON == timedelta(hours=2)


def test_a_webhook_that_is_answered_too_late_times_out() -> None:
    ran = played({"W": {**WEBHOOK, "limit": {"timeout": "PT1H"}}}, script=Prompt(after=timedelta(hours=2)))
    assert (ran.records["W"].status.value, ran.world.time - NOON) == ("TimedOut", timedelta(hours=1))


def test_a_webhook_that_nobody_answers_is_stuck_and_does_not_hang() -> None:
    ran = played({"W": WEBHOOK})
    assert (ran.ended, ran.stuck) == (None, "nobody will ever answer `W`")


def test_a_held_call_waits_for_its_decision_while_others_go_on() -> None:
    caller = Answers(Held("approval1", NOON + timedelta(days=1)), Answer(body="other"), Answer(body="done"))
    actions = {"Held": HTTP, "Free": {**HTTP, "runAfter": {}}}
    ran = played(actions, caller, Prompt(after=timedelta(minutes=10)))
    assert [m.call.action.name for m in ran.world.made] == ["Free", "Held"]
    assert caller.times == [NOON, NOON, NOON + timedelta(minutes=10)]
    assert [h.approval for _, h in ran.world.held] == ["approval1"]


def test_a_held_call_that_nobody_decides_is_asked_again_when_it_expires() -> None:
    caller = Answers(Held("approval1", NOON + timedelta(days=1)), Answer(refused="nobody approved it"))
    ran = played({"Held": HTTP}, caller)
    assert (status(ran), ran.records["Held"].code) == ("Failed", "NotSupported")
    assert caller.times[1] - NOON == timedelta(days=1)


def test_a_call_that_stays_held_is_stuck() -> None:
    ran = played({"Held": HTTP}, Answers(Held("approval1", NOON + timedelta(days=1))))
    assert "held again" in ran.stuck


def test_a_loop_without_end_meets_the_bound_on_calls() -> None:
    loop = {"type": "Until", "expression": "@equals(1, 2)", "limit": {"count": 5000}, "actions": {"H": HTTP}}
    ran = played({"U": loop}, bounds=Bounds(calls=100))
    assert "more than 100 calls" in ran.stuck


def test_a_loop_without_calls_meets_the_bound_on_records() -> None:
    inner = {"C": {"type": "Compose", "inputs": 1}}
    loop = {"type": "Until", "expression": "@equals(1, 2)", "limit": {"count": 5000}, "actions": inner}
    assert "more than 500 actions" in played({"U": loop}, bounds=Bounds(records=500)).stuck


def test_a_wait_of_years_meets_the_bound_on_time() -> None:
    ran = played({"W": {"type": "Wait", "inputs": {"until": {"timestamp": "2030-01-01"}}}})
    assert "after 90 days" in ran.stuck


def test_the_first_response_is_kept_and_the_second_is_skipped() -> None:
    answer = {"type": "Response", "inputs": {"statusCode": 200, "body": "one"}}
    ran = played({"A": answer, "B": {**answer, "runAfter": {"A": ["Succeeded"]}}})
    assert [r.body for r in ran.world.responses] == ["one"]
    assert ran.records["B"].code == "ActionResponseSkipped"


def test_an_answer_may_come_at_once() -> None:
    class AtOnce(Prompt):
        def callback(self, call: Call) -> Coming:
            return Coming(Answer(body=call.key))

    assert played({"W": WEBHOOK}, script=AtOnce()).records["W"].outputs["body"] == "W#1"
