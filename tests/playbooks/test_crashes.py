"""Whatever kills the process: nothing is lost, nothing is done twice, and every run ends."""

from __future__ import annotations

import random

import pytest
from bench import playbook_world
from bench.playbook_world import Script, lived, scripts

from huntlake.wdl.runner.effects import Call

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


def test_the_proof_would_notice_a_key_that_differs_from_try_to_try(monkeypatch: pytest.MonkeyPatch) -> None:
    def own(call: Call) -> str:
        return call.key

    monkeypatch.setattr(playbook_world, "effect_key", own)
    assert sum(lived(scripts()[seed % len(scripts())], seed, faults=True).doubled for seed in range(100)) > 0
