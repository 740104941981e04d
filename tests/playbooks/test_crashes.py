"""Whatever kills the process: nothing is lost, nothing is done twice, and every run ends."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bench import playbook_world
from bench.playbook_world import Died, Script, Service, World, lived, scripts

from huntlake.playbooks.runs.driving import effect_key
from huntlake.playbooks.testing.cases import Case, Expectation
from huntlake.playbooks.testing.mocks import Mocks
from huntlake.wdl.definition.reading import read
from huntlake.wdl.definition.workflow import Status
from huntlake.wdl.runner.effects import Answer, Call

FIRST = {s.name.partition(":")[0]: s for s in reversed(scripts())}


@pytest.mark.parametrize("script", FIRST.values(), ids=FIRST)
def test_a_crash_after_any_step_changes_nothing(script: Script) -> None:
    known = lived(script)
    for point in range(1, known.points + 1):
        assert lived(script, deaths=frozenset({point})).said == known.said


def test_faults_and_crashes_lose_nothing_and_do_nothing_twice() -> None:
    dice = random.Random(7)
    for seed in range(150):
        script = scripts()[seed % len(scripts())]
        known = lived(script, seed, faults=True)
        deaths = frozenset(dice.randint(1, max(1, 2 * known.points)) for _ in range(3))
        one = lived(script, seed, faults=True, deaths=deaths)
        assert one.said == known.said
        assert (one.lost, one.doubled) == (0, 0)
        assert one.status is not None


class Subscriptions(Service):
    """A service to subscribe to, which does once what comes under one key; taking back fails the first time."""

    asked: dict[str, str]

    def call(self, call: Call, now: datetime) -> tuple[Answer, timedelta]:
        """Subscribes, or takes back."""
        key = effect_key(call)
        if call.unsubscribes and call.attempt == 1:
            return Answer(503), timedelta()
        self.performed[key] = max(1, self.performed.get(key, 0))
        self.asked[key] = call.inputs.get("uri") or call.inputs["subscribe"]["uri"]
        return Answer(201, body={"id": 7}), timedelta(seconds=1)


@pytest.mark.parametrize(
    "cancelled", [None, timedelta(minutes=5), timedelta(hours=1, seconds=3)], ids=["not", "waiting", "between tries"]
)
def test_a_webhook_that_nobody_answers_is_unsubscribed_once_whatever_crashes(cancelled: timedelta | None) -> None:
    subscribe = {"method": "POST", "uri": "https://a.example/hooks", "body": "@{listCallbackUrl()}"}
    unsubscribe = {"method": "DELETE", "uri": "https://a.example/hooks/@{action().outputs.body.id}"}
    hook = {"type": "HttpWebhook", "inputs": {"subscribe": subscribe, "unsubscribe": unsubscribe}}
    actions = {"Ask": {**hook, "limit": {"timeout": "PT1H"}}}
    definition = read({"triggers": {"manual": {"type": "Request"}}, "actions": actions})
    case = Case("hook", 1, datetime(2026, 3, 4, tzinfo=UTC), {}, Expectation(1))

    def once(deaths: frozenset[int]) -> tuple[int, tuple[Any, ...]]:
        service = Subscriptions(Mocks(), {})
        service.asked = {}
        world = World(Script("hook", definition, {}, case), service, deaths, now=case.clock)
        if cancelled:
            world.cancel(cancelled)
        while True:
            try:
                run, ended = world.live("run")
            except Died:
                continue
            told = [(r.key, r.status, r.message) for r in run.records]
            return world.points, (ended.status, told, service.performed, service.asked)

    points, known = once(frozenset())
    assert known[0] is (Status.CANCELLED if cancelled else Status.TIMED_OUT)
    assert known[2] == {"Ask": 1, "Ask/unsubscribe": 1}
    assert known[3]["Ask/unsubscribe"] == "https://a.example/hooks/7"
    for point in range(1, points + 1):
        assert once(frozenset({point}))[1] == known


def test_the_proof_would_notice_a_key_that_differs_from_try_to_try(monkeypatch: pytest.MonkeyPatch) -> None:
    def own(call: Call) -> str:
        return call.key

    monkeypatch.setattr(playbook_world, "effect_key", own)
    assert sum(lived(scripts()[seed % len(scripts())], seed, faults=True).doubled for seed in range(100)) > 0
