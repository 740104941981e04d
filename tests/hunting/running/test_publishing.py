"""Hunts as rules: only of what is approved at that moment, in a phase that publishes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.hunting.running.world import ANN, NOW, World

from huntlake.hunting.lifecycle.acting import BREAKER, Acting
from huntlake.hunting.lifecycle.events import HuntApproved
from huntlake.hunting.publishing import Publishing, rule_name
from huntlake.state.events import Occasion
from huntlake.state.records import Author

EVE = Acting.person(Author("9", "Eve"), hunts=True, approves=True, leads=True)


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    world.hunts.rollouts.set(world.owner, 2, EVE, "we trust it")
    yield world
    world.session.close()


def tell(world: World, hunt: str) -> Publishing:
    """Tell of the approval of the first version, as it is told again after a crash."""
    publishing = Publishing.over(world.shelf, world.clock, world.hunts, world.detection, world.audit)
    publishing.approved(Occasion("1", world.owner[0], NOW), HuntApproved(hunt, 1, 2, "", ANN.author))
    return publishing


def is_enabled(world: World, hunt: str) -> bool | None:
    rule = world.detection.rules.find(world.owner, rule_name(world.owner, hunt))
    return rule.value.enabled if rule else None


def test_an_approval_that_is_told_late_makes_no_rule_of_what_was_retired(world: World) -> None:
    name = world.hunt()
    world.hunts.retire(world.owner, name, ANN, "wrong")
    tell(world, name)
    assert is_enabled(world, name) is None


def test_an_approval_that_is_told_again_enables_no_rule_of_what_was_retired(world: World) -> None:
    name = world.hunt()
    publishing = tell(world, name)
    assert is_enabled(world, name)
    world.hunts.retire(world.owner, name, ANN, "wrong")
    assert publishing.settle(world.owner) == 1
    tell(world, name)
    assert is_enabled(world, name) is False


def test_a_workspace_that_falls_back_to_the_first_phase_has_no_rules_of_hunts(world: World) -> None:
    name, other = world.hunt(), world.hunt("SecurityEvent | where EventID == 4624")
    publishing = tell(world, name)
    world.hunts.rollouts.fall_back(world.owner, BREAKER, "too many incidents")
    assert publishing.settle(world.owner) == 1
    assert is_enabled(world, name) is False
    tell(world, other)
    assert is_enabled(world, other) is None


def resumed(world: World, name: str) -> None:
    world.clock.at += timedelta(hours=1)
    world.hunts.prove(world.owner, name)
    world.hunts.resume(world.owner, name, ANN, "it was the backup")


def test_a_rule_comes_back_when_its_hunt_is_resumed(world: World) -> None:
    name = world.hunt()
    publishing = tell(world, name)
    world.hunts.suspend(world.owner, name, BREAKER, "volume: too many rows")
    assert publishing.settle(world.owner) == 1
    assert publishing.settle(world.owner) == 0
    assert is_enabled(world, name) is False
    resumed(world, name)
    # So it does in another process.
    Publishing.over(world.shelf, world.clock, world.hunts, world.detection, world.audit).settle(world.owner)
    assert is_enabled(world, name) is True
    last = list(world.audit.read(world.owner))[-1]
    assert (last["Action"], last["Reason"]) == ("hunt/publish", "it was resumed")


def test_a_rule_that_somebody_has_had_a_hand_in_stays_disabled_when_its_hunt_is_resumed(world: World) -> None:
    name = world.hunt()
    publishing, rule = tell(world, name), rule_name(world.owner, name)
    # Here a person was first.
    world.detection.rules.change(world.owner, rule, lambda r: replace(r, enabled=False))
    world.hunts.suspend(world.owner, name, BREAKER, "volume: too many rows")
    publishing.settle(world.owner)
    resumed(world, name)
    publishing.settle(world.owner)
    assert is_enabled(world, name) is False
    # And here came after.
    world.detection.rules.change(world.owner, rule, lambda r: replace(r, enabled=True))
    world.hunts.suspend(world.owner, name, BREAKER, "volume: too many rows")
    publishing.settle(world.owner)
    world.detection.rules.change(world.owner, rule, lambda r: replace(r, description="leave it"))
    resumed(world, name)
    publishing.settle(world.owner)
    assert is_enabled(world, name) is False
