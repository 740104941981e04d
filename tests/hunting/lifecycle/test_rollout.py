"""What is decided without a person, in which phase."""

from __future__ import annotations

import pytest
from bench.hunt_world import ANN, BOB, EVE, OWNER, PROGRAM, House

from huntlake.core.errors import Conflict, Invalid, Refused
from huntlake.hunting.hypotheses.hypothesis import Maker
from huntlake.hunting.lifecycle.acting import BREAKER, SYSTEM, Acting
from huntlake.hunting.lifecycle.hunt import Decision
from huntlake.hunting.lifecycle.rollout import human_approvals, wilson_low
from huntlake.hunting.lifecycle.states import HuntState


@pytest.fixture
def house() -> House:
    house = House()
    house.outcomes.good, house.outcomes.judged_ = 30, 40
    for number in range(20):
        house.decide(house.from_template(f"host-{number}"), BOB)
    return house


def phase(house: House, number: int) -> None:
    house.hunts.rollouts.set(OWNER, number, EVE, "we trust it")


def state(house: House, name: str) -> HuntState:
    return house.get(name).state


def test_in_the_first_phase_a_person_decides(house: House) -> None:
    assert state(house, house.from_template("new")) is HuntState.IN_REVIEW


def test_in_the_second_phase_what_is_like_twenty_approved_ones_is_approved(house: House) -> None:
    phase(house, 2)
    name = house.from_template("new")
    (review,) = house.get(name).reviews
    assert (state(house, name), review.by.name) == (HuntState.APPROVED, "huntlake")
    assert "persons have approved enough of the template host-sweep" in review.automatic


def test_in_the_third_phase_it_is_scheduled_too(house: House) -> None:
    phase(house, 3)
    assert state(house, house.from_template("new")) is HuntState.SCHEDULED
    by_hand = house.approved("SecurityEvent | take 3")
    assert state(house, by_hand) is HuntState.APPROVED
    with pytest.raises(Refused, match="policy_schedules"):
        house.hunts.schedule(OWNER, by_hand, SYSTEM)


def test_what_was_approved_without_a_person_is_no_ground_to_approve_more() -> None:
    house = House()
    house.outcomes.good = house.outcomes.judged_ = 40
    for number in range(19):
        house.decide(house.from_template(f"host-{number}"), BOB)
    phase(house, 2)
    assert state(house, house.from_template("a")) is HuntState.IN_REVIEW
    house.decide(house.from_template("b"), BOB)
    name = house.from_template("c")
    assert state(house, name) is HuntState.APPROVED
    known = [d.value for d in house.hunts.list(OWNER)]
    assert human_approvals(known, house.get(name).latest) == 20


def test_templates_whose_findings_arent_worth_a_look_are_read_by_a_person(house: House) -> None:
    phase(house, 2)
    house.outcomes.good = 20
    assert state(house, house.from_template("new")) is HuntState.IN_REVIEW
    house.outcomes.good = house.outcomes.judged_ = 3
    assert state(house, house.from_template("newer")) is HuntState.IN_REVIEW


def test_a_share_of_few_is_worth_little() -> None:
    assert wilson_low(0, 0) == 0
    assert wilson_low(3, 3) < 0.5 < wilson_low(30, 40)
    assert wilson_low(40, 40) > 0.9


def test_what_costs_too_much_is_read_by_a_person_if_at_all(house: House) -> None:
    phase(house, 2)
    house.prover.read = 3 << 30
    with pytest.raises(Conflict):
        house.from_template("new")


def test_what_a_model_made_of_a_template_is_read_by_a_person(house: House) -> None:
    phase(house, 3)
    assert state(house, house.from_template("new", Maker.MODEL, "Ann")) is HuntState.IN_REVIEW


def test_another_query_under_a_templates_name_is_read_by_a_person(house: House) -> None:
    phase(house, 3)
    name = house.from_template("new")
    house.edited(name, "SecurityEvent | where Computer == host | take 9")
    house.hunts.prove(OWNER, name)
    house.hunts.submit(OWNER, name, ANN)
    assert state(house, name) is HuntState.IN_REVIEW


def test_approvals_that_were_taken_back_dont_count(house: House) -> None:
    name = next(d.name for d in house.hunts.list(OWNER) if d.value.title == "Sweep for host-0")
    hunt = house.get(name)
    content = hunt.latest.content
    house.edited(name, "SecurityEvent | take 1")
    house.hunts.edit(OWNER, name, content, ANN)
    house.hunts.prove(OWNER, name)
    house.hunts.submit(OWNER, name, ANN)
    house.decide(name, BOB, Decision.REJECTED)
    phase(house, 2)
    assert state(house, house.from_template("new")) is HuntState.IN_REVIEW


def test_only_a_senior_hunter_sets_the_phase(house: House) -> None:
    for who in (ANN, BOB, PROGRAM, SYSTEM, BREAKER, Acting.model("gpt")):
        with pytest.raises(Refused):
            house.hunts.rollouts.set(OWNER, 2, who, "go")
    with pytest.raises(Conflict, match="no reason"):
        house.hunts.rollouts.set(OWNER, 2, EVE, " ")
    with pytest.raises(Invalid, match="there is no phase 4"):
        house.hunts.rollouts.set(OWNER, 4, EVE, "go")
    assert house.hunts.rollouts.of(OWNER).phase == 1


def test_a_breaker_brings_the_phase_one_down_and_never_up(house: House) -> None:
    phase(house, 3)
    with pytest.raises(Refused):
        house.hunts.rollouts.fall_back(OWNER, SYSTEM, "too much load")
    assert [house.hunts.rollouts.fall_back(OWNER, BREAKER, "too much load").phase for _ in range(3)] == [2, 1, 1]
    entries = [e for e in house.audit.read(OWNER) if str(e["Action"]).startswith("rollout/")]
    assert [(e["FromState"], e["ToState"], e["ActorRole"]) for e in entries] == [
        ("phase 1", "phase 3", "senior hunter"),
        ("phase 3", "phase 2", "breaker"),
        ("phase 2", "phase 1", "breaker"),
    ]
    assert not house.audit.verify(OWNER).faults


def test_what_a_person_has_rejected_is_never_approved_without_one(house: House) -> None:
    name = house.from_template("new")
    house.decide(name, BOB, Decision.REJECTED)
    phase(house, 3)
    house.edited(name, "SecurityEvent | take 1")
    house.hunts.roll_back(OWNER, name, 1, ANN, "once more")
    assert house.hunts.submit(OWNER, name, ANN).value.state is HuntState.IN_REVIEW
