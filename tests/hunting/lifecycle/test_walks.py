"""Whatever is done to hunts, in whatever order and by whomever: some things never happen."""

from __future__ import annotations

from bench.hunt_states import walked
from bench.hunt_world import STEPS, Walk
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule


class AnyOrder(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.walk = Walk()
        self.walk.step("create", 0, 0, 2)

    @rule(
        what=st.sampled_from(sorted(set(STEPS))),
        who=st.integers(0, 8),
        which=st.integers(0, 3),
        value=st.integers(0, 1000),
    )
    def anything(self, what: str, who: int, which: int, value: int) -> None:
        self.walk.step(what, who, which, value)

    @rule(who=st.integers(0, 2), which=st.integers(0, 3))
    def go_on(self, who: int, which: int) -> None:
        for number, what in enumerate(("prove", "submit", "review", "schedule", "start")):
            self.walk.step(what, who + number % 2, which, 5)

    @invariant()
    def nothing_that_may_never_happen_has_happened(self) -> None:
        assert not self.walk.violations

    def teardown(self) -> None:
        assert not self.walk.check()


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)


def test_walks_get_somewhere_and_never_where_they_may_not() -> None:
    walks = [walked(seed) for seed in range(6)]
    assert [w.check() for w in walks] == [[]] * 6
    assert sum(w.runs for w in walks) > 0
