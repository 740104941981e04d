"""What may be done to a hunt, by whom, and what is told of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from bench.hunt_world import ANN, BOB, EVE, INTERN, NOW, OWNER, PROGRAM, House, new

from huntlake.core.errors import Conflict, Invalid, NotFound, Refused
from huntlake.hunting.hypotheses.hypothesis import Maker
from huntlake.hunting.lifecycle.acting import BREAKER, SCHEDULER, SYSTEM, Acting
from huntlake.hunting.lifecycle.events import HuntApproved, HuntAwaitingReview
from huntlake.hunting.lifecycle.guards import GUARDS
from huntlake.hunting.lifecycle.hunt import Decision, HuntLimits
from huntlake.hunting.lifecycle.states import MOVES, HuntState
from huntlake.state.audit import TABLE, ActorKind
from huntlake.state.database import Database
from huntlake.state.documents import Put
from huntlake.state.events import Occasion
from huntlake.state.records import Author


@pytest.fixture
def house() -> House:
    return House()


def told(house: House) -> list[str]:
    rows = [cells for _, cells in house.shelf.read_after(f"rows of soc/{TABLE}", "") if isinstance(cells, dict)]
    return [f"{r['Action']} {r['FromState']} {r['ToState']}".strip() for r in rows]


def test_every_guard_of_a_move_is_there_and_used() -> None:
    assert {guard for move in MOVES for guard in move.guards} == set(GUARDS)


def test_no_move_leads_out_of_the_end() -> None:
    assert not [m for m in MOVES if m.before is HuntState.RETIRED]
    assert {m.before for m in MOVES} | {m.after for m in MOVES} | {HuntState.DRAFT} == set(HuntState)


def test_the_way_from_a_draft_to_findings_is_told_step_by_step(house: House) -> None:
    name = house.scheduled()
    house.hunts.start(OWNER, name, "run 1")
    house.hunts.finish(OWNER, name, "run 1", found=True)
    assert house.get(name).state is HuntState.FINDINGS
    assert told(house) == [
        "hunt/create  draft",
        "hunt/prove draft validated",
        "hunt/dry run validated dry_run_ok",
        "hunt/submit dry_run_ok in_review",
        "hunt/approve in_review approved",
        "hunt/schedule approved scheduled",
        "hunt/run scheduled running",
        "hunt/end run running findings",
    ]
    assert not house.audit.verify(OWNER).faults


def test_a_query_with_errors_is_invalid_and_can_be_proved_again(house: House) -> None:
    house.prover.error = "no table is named `SecurityEvnt`"
    name = house.made()
    assert house.hunts.prove(OWNER, name).value.state is HuntState.INVALID
    with pytest.raises(Conflict, match="is invalid, and can't be submitted"):
        house.hunts.submit(OWNER, name, ANN)
    house.prover.error = ""
    assert house.hunts.prove(OWNER, name).value.state is HuntState.DRY_RUN_OK


@pytest.mark.parametrize(("what", "value"), [("failure", "out of memory"), ("a_day", 51.0), ("read", 3 << 30)])
def test_a_dry_run_beyond_its_limits_has_failed(house: House, what: str, value: object) -> None:
    setattr(house.prover, what, value)
    name = house.made()
    assert house.hunts.prove(OWNER, name).value.state is HuntState.DRY_RUN_FAILED


def test_an_old_dry_run_is_no_ground_for_a_review(house: House) -> None:
    name = house.made()
    house.hunts.prove(OWNER, name)
    house.wait(days=8)
    with pytest.raises(Conflict, match=r"counts for 7 days.*guard `dry_run_is_good`"):
        house.hunts.submit(OWNER, name, ANN)


def test_what_nobody_has_described_isnt_reviewed(house: House) -> None:
    made = house.hunts.create(OWNER, replace(new("T"), techniques=(), rationale=""), ANN)
    house.hunts.prove(OWNER, made.name)
    with pytest.raises(Conflict, match=r"it lacks a rationale, techniques; add it \(guard `is_described`\)"):
        house.hunts.submit(OWNER, made.name, ANN)
    house.hunts.describe(OWNER, made.name, ANN, rationale="because", techniques=["T1003"])
    assert house.hunts.submit(OWNER, made.name, ANN).value.state is HuntState.IN_REVIEW


def test_nobody_approves_what_they_wrote(house: House) -> None:
    name = house.submitted(by=ANN)
    with pytest.raises(Refused, match=r"Ann wrote it.*guard `four_eyes`"):
        house.decide(name, ANN)
    again = Acting.person(Author("77", "", "ANN@contoso.example"), hunts=True, approves=True)
    with pytest.raises(Refused, match="four_eyes"):
        house.decide(name, again)


def test_nobody_approves_what_they_answer_for(house: House) -> None:
    made = replace(new("T"), maker=Maker.CORE, responsible="Bob")
    name = house.hunts.create(OWNER, made, SYSTEM).name
    house.hunts.prove(OWNER, name)
    house.hunts.submit(OWNER, name)
    with pytest.raises(Refused, match="four_eyes"):
        house.decide(name, BOB)
    assert house.decide(name, ANN).value.state is HuntState.APPROVED


def test_somebody_who_is_called_as_this_house_is_approves_what_it_made_and_not_what_they_did(house: House) -> None:
    named = Acting.person(Author(name="huntlake"), hunts=True, approves=True, leads=True)
    name = house.submitted(by=SYSTEM)
    assert house.decide(name, named).value.state is HuntState.APPROVED
    own = house.submitted("SecurityEvent | take 8", by=named)
    with pytest.raises(Refused, match="four_eyes"):
        house.decide(own, named)


def test_who_rolls_back_a_content_doesnt_approve_it_then(house: House) -> None:
    name = house.approved(by=ANN, approver=BOB)
    house.edited(name, "SecurityEvent | take 6", ANN)
    house.wait(days=91)
    house.hunts.roll_back(OWNER, name, 1, EVE, "the old one was better")
    house.hunts.submit(OWNER, name, EVE)
    for who in (EVE, ANN):
        with pytest.raises(Refused, match="four_eyes"):
            house.decide(name, who)
    assert house.decide(name, BOB).value.state is HuntState.APPROVED


@pytest.mark.parametrize(
    "who",
    [PROGRAM, SYSTEM, SCHEDULER, BREAKER, INTERN, Acting.model("gpt"),
     Acting.person(Author("8", "Bob", via=("playbook p",)), hunts=True, approves=True, leads=True)],
)  # fmt: skip
def test_only_a_person_who_may_approves(house: House, who: Acting) -> None:
    name = house.submitted()
    for decision in Decision:
        with pytest.raises((Refused, Conflict)):
            house.hunts.review(OWNER, name, decision, who, "yes")
    assert house.get(name).state is HuntState.IN_REVIEW


def test_what_a_model_drafted_takes_a_senior_hunter(house: House) -> None:
    made = replace(new("T"), maker=Maker.MODEL, responsible="Ann", model="llama")
    name = house.hunts.create(OWNER, made, SYSTEM).name
    house.hunts.prove(OWNER, name)
    house.hunts.submit(OWNER, name)
    with pytest.raises(Refused, match=r"a model drafted it.*senior_for_models"):
        house.decide(name, BOB)
    assert house.decide(name, EVE).value.state is HuntState.APPROVED


def test_a_models_draft_without_a_person_who_answers_for_it_is_refused(house: House) -> None:
    with pytest.raises(Invalid, match="say who is responsible"):
        house.hunts.create(OWNER, replace(new("T"), maker=Maker.MODEL), SYSTEM)
    with pytest.raises(Invalid, match="isn't a person's"):
        house.hunts.create(OWNER, new("T"), PROGRAM)


def test_a_decision_without_a_word_is_refused(house: House) -> None:
    name = house.submitted()
    for decision in Decision:
        with pytest.raises(Conflict, match="has_comment"):
            house.hunts.review(OWNER, name, decision, BOB, "  ")


def test_a_decision_about_something_else_than_was_seen_is_refused(house: House) -> None:
    name = house.submitted()
    with pytest.raises(Conflict, match="is_seen"):
        house.hunts.review(OWNER, name, Decision.APPROVED, BOB, "fine", seen="0" * 64)
    house.edited(name, "SecurityEvent | take 7")
    house.hunts.prove(OWNER, name)
    house.hunts.submit(OWNER, name, ANN)
    with pytest.raises(Conflict, match="version 2 is there"):
        house.hunts.review(OWNER, name, Decision.APPROVED, BOB, "fine", number=1)


def test_an_edit_leaves_what_runs_running_until_another_is_scheduled(house: House) -> None:
    name = house.scheduled()
    hunt = house.edited(name, "SecurityEvent | take 6")
    assert (hunt.state, hunt.current, hunt.runnable, hunt.runnable_state) == (
        HuntState.DRAFT, 2, 1, HuntState.SCHEDULED
    )  # fmt: skip
    house.hunts.start(OWNER, name, "r")
    house.hunts.finish(OWNER, name, "r", found=False)
    assert [r.version.number for r in house.hunts.runnable(OWNER)] == [1]
    house.hunts.prove(OWNER, name)
    house.hunts.submit(OWNER, name, ANN)
    house.decide(name)
    assert [r.version.number for r in house.hunts.runnable(OWNER)] == [1]
    house.hunts.schedule(OWNER, name, ANN)
    assert [r.version.number for r in house.hunts.runnable(OWNER)] == [2]
    with pytest.raises(Conflict, match="version 1 isn't what runs"):
        house.hunts.start(OWNER, name, "r2", number=1)


def test_versions_never_change(house: House) -> None:
    name = house.scheduled()
    first = house.get(name).version(1)
    house.edited(name, "SecurityEvent | take 6")
    house.hunts.roll_back(OWNER, name, 1, ANN, "back")
    after = house.get(name)
    assert [v.number for v in after.versions] == [1, 2, 3]
    assert after.version(1) == first


def test_an_edit_of_what_somebody_else_has_edited_is_refused(house: House) -> None:
    name = house.made()
    house.edited(name, "SecurityEvent | take 6")
    with pytest.raises(Conflict, match="version 2 is there already"):
        house.hunts.edit(OWNER, name, house.get(name).version(1).content, ANN, current=1)
    with pytest.raises(Conflict, match="nothing is different"):
        house.hunts.edit(OWNER, name, house.get(name).latest.content, ANN)


def test_roll_back_to_a_content_whose_approval_is_good_runs_at_once(house: House) -> None:
    name = house.scheduled()
    house.edited(name, "SecurityEvent | take 6")
    hunt = house.hunts.roll_back(OWNER, name, 1, ANN, "noisy").value
    assert (hunt.state, hunt.runnable, hunt.current) == (HuntState.SCHEDULED, 3, 3)
    assert hunt.version(3).content.hash == hunt.version(1).content.hash


def test_roll_back_to_a_content_that_was_never_approved_waits_for_review(house: House) -> None:
    name = house.made()
    house.edited(name, "SecurityEvent | take 6")
    hunt = house.hunts.roll_back(OWNER, name, 1, ANN, "noisy").value
    assert (hunt.state, hunt.runnable) == (HuntState.DRY_RUN_OK, 0)


def test_roll_back_to_a_content_that_was_rejected_later_waits_for_review(house: House) -> None:
    name = house.approved()
    house.edited(name, "SecurityEvent | take 6")
    content = house.get(name).version(1).content
    house.hunts.edit(OWNER, name, content, ANN)
    house.hunts.prove(OWNER, name)
    house.hunts.submit(OWNER, name, ANN)
    house.decide(name, BOB, Decision.REJECTED)
    house.edited(name, "SecurityEvent | take 7")
    assert house.hunts.roll_back(OWNER, name, 1, ANN, "again").value.state is HuntState.DRY_RUN_OK


def test_nobody_renews_an_approval_without_a_review(house: House) -> None:
    name = house.scheduled()
    house.hunts.suspend(OWNER, name, BREAKER, "noisy")
    house.edited(name, "SecurityEvent | take 6")
    house.wait(days=1)
    house.hunts.roll_back(OWNER, name, 1, EVE, "back")
    house.hunts.prove(OWNER, name, number=1)
    house.hunts.resume(OWNER, name, ANN, "tuned")
    assert house.get(name).state is not HuntState.IN_REVIEW
    for who in (ANN, BOB, EVE):
        with pytest.raises((Conflict, Refused)):
            house.decide(name, who)


def test_roll_back_is_no_way_round_a_suspension(house: House) -> None:
    name = house.scheduled()
    house.hunts.suspend(OWNER, name, BREAKER, "too many rows", rows="900")
    house.edited(name, "SecurityEvent | take 6")
    hunt = house.hunts.roll_back(OWNER, name, 1, ANN, "back").value
    assert hunt.state is not HuntState.SCHEDULED
    assert not house.hunts.runnable(OWNER)


def test_what_a_breaker_suspends_only_a_person_resumes_after_a_fresh_dry_run(house: House) -> None:
    name = house.scheduled()
    house.hunts.start(OWNER, name, "r")
    house.hunts.suspend(OWNER, name, BREAKER, "too many rows", rows="900")
    house.hunts.finish(OWNER, name, "r", found=True)
    assert house.get(name).state is HuntState.SUSPENDED
    with pytest.raises(Conflict, match="dry_run_since_suspended"):
        house.hunts.resume(OWNER, name, ANN, "tuned the source")
    house.wait(hours=1)
    house.prover.error = "the table is gone"
    house.hunts.prove(OWNER, name)
    with pytest.raises(Conflict, match="the table is gone"):
        house.hunts.resume(OWNER, name, ANN, "tuned the source")
    house.prover.error = ""
    house.hunts.prove(OWNER, name)
    for who in (PROGRAM, SYSTEM, BREAKER, SCHEDULER):
        with pytest.raises(Refused):
            house.hunts.resume(OWNER, name, who, "on")
    assert house.hunts.resume(OWNER, name, ANN, "tuned the source").value.state is HuntState.SCHEDULED


def test_an_approval_ends_after_ninety_days(house: House) -> None:
    name = house.scheduled()
    house.wait(days=89)
    assert house.hunts.expire("soc") == 0
    house.wait(days=1)
    with pytest.raises(Conflict, match=r"its approval ended on 2027-02-20.*approval_is_young"):
        house.hunts.start(OWNER, name, "r")
    assert house.hunts.expire("soc") == 1
    assert house.get(name).state is HuntState.EXPIRED
    assert "approval ended" in house.get(name).reason
    house.hunts.prove(OWNER, name)
    house.hunts.submit(OWNER, name, ANN)
    house.decide(name)
    assert house.hunts.schedule(OWNER, name, ANN).value.state is HuntState.SCHEDULED


def test_an_approval_doesnt_outlive_a_change_of_its_tables(house: House) -> None:
    name = house.scheduled()
    house.prover.schema = "s2"
    with pytest.raises(Conflict, match="schema_is_unchanged"):
        house.hunts.start(OWNER, name, "r")
    assert house.hunts.expire("soc") == 1
    assert house.get(name).state is HuntState.EXPIRED


def test_a_long_text_hides_no_change_from_the_audit(house: House) -> None:
    name = house.submitted("SecurityEvent | take 7")
    house.decide(name, BOB, Decision.CHANGES_REQUESTED)
    long = "x" * 9_000
    for statement in (long, long + "harmless", long + "hostile"):
        house.hunts.describe(OWNER, name, ANN, statement=statement)
    *_, one, other = [cells["Details"] for cells in house.audit.read(OWNER) if cells["Action"] == "hunt/describe"]
    before, after = other.split(" → ")
    assert before.split("SHA-256")[1] != after.split("SHA-256")[1]
    assert one.split("SHA-256")[-1].strip(') "}') == before.split("SHA-256")[1].strip(') "}')


def test_what_changed_while_it_was_reviewed_is_approved_by_nobody(house: House) -> None:
    name = house.submitted()
    house.prover.schema = "s2"
    with pytest.raises(Conflict, match=r"isn't as it was when it was proved.*rests_on_what_was_proved"):
        house.decide(name)
    # Proved anew it is another version: who has read this one decides about nothing else.
    house.hunts.prove(OWNER, name)
    hunt = house.get(name)
    assert (hunt.state, hunt.current, len(hunt.versions)) == (HuntState.DRY_RUN_OK, 2, 2)
    assert hunt.versions[0].content == hunt.versions[1].content
    assert hunt.versions[1].author == hunt.versions[0].author
    with pytest.raises(Conflict, match="version 1 isn't what is to be decided"):
        house.hunts.review(OWNER, name, Decision.APPROVED, BOB, "read", 1, hunt.latest.content.hash)
    house.hunts.submit(OWNER, name, ANN)
    with pytest.raises(Refused, match="four_eyes"):
        house.decide(name, ANN)
    house.decide(name)
    assert house.get(name).reviews[-1].schema == "s2"
    assert not house.audit.verify(OWNER).faults


def test_proved_again_as_it_was_a_version_stays_in_review(house: House) -> None:
    name = house.submitted()
    house.hunts.prove(OWNER, name)
    assert (house.get(name).state, house.get(name).current) == (HuntState.IN_REVIEW, 1)


def test_an_earlier_version_that_runs_expires_too(house: House) -> None:
    name = house.scheduled()
    house.edited(name, "SecurityEvent | take 6")
    house.prover.schema = "s2"
    assert house.hunts.expire("soc") == 1
    hunt = house.get(name)
    assert (hunt.state, hunt.runnable, hunt.runnable_state) == (HuntState.DRAFT, 0, None)


def test_nothing_runs_while_everything_is_stopped(house: House) -> None:
    name, house.stop = house.scheduled(), "somebody stopped everything"
    with pytest.raises(Conflict, match=r"somebody stopped everything.*nothing_is_stopped"):
        house.hunts.start(OWNER, name, "r")


def test_a_run_that_is_begun_twice_is_one(house: House) -> None:
    name = house.scheduled()
    house.hunts.start(OWNER, name, "r")
    before = told(house)
    house.hunts.start(OWNER, name, "r")
    assert told(house) == before
    with pytest.raises(Conflict):
        house.hunts.start(OWNER, name, "another")


def test_a_hunt_that_is_proposed_twice_is_one(house: House) -> None:
    assert house.made() == house.made()
    assert len(house.hunts.list(OWNER)) == 1


def test_retired_is_the_end(house: House) -> None:
    name = house.scheduled()
    house.hunts.retire(OWNER, name, ANN, "done")
    assert not house.hunts.runnable(OWNER)
    with pytest.raises(Conflict, match="begin another hunt"):
        house.edited(name, "SecurityEvent | take 6")
    with pytest.raises(Conflict):
        house.hunts.schedule(OWNER, name, ANN)


def test_this_house_retires_only_what_is_quiet_and_superseded(house: House) -> None:
    name, other = house.scheduled(), house.scheduled("SecurityEvent | take 9")
    with pytest.raises(Conflict, match="is_quiet_and_superseded"):
        house.hunts.retire(OWNER, name, SYSTEM, "quiet", other)
    for run in range(30):
        house.hunts.start(OWNER, name, str(run))
        house.hunts.finish(OWNER, name, str(run), found=False)
    assert house.hunts.retire(OWNER, name, SYSTEM, "quiet", other).value.state is HuntState.RETIRED


def test_only_what_has_found_something_is_promoted(house: House) -> None:
    name = house.scheduled()
    with pytest.raises(Conflict, match="has_found"):
        house.hunts.promote(OWNER, name, ANN, "rule-1")
    house.hunts.start(OWNER, name, "r")
    house.hunts.finish(OWNER, name, "r", found=True)
    for who in (SYSTEM, PROGRAM, BREAKER):
        with pytest.raises(Refused):
            house.hunts.promote(OWNER, name, who, "rule-1")
    assert house.hunts.promote(OWNER, name, ANN, "rule-1").value.rule == "rule-1"
    assert not house.hunts.runnable(OWNER)


def test_who_waits_for_a_review_hears_of_it(house: House) -> None:
    heard: list[object] = []

    def hear(occasion: Occasion, event: HuntAwaitingReview | HuntApproved) -> None:
        heard.append(event)

    house.events.listen(HuntAwaitingReview, hear)
    house.events.listen(HuntApproved, hear)
    name = house.approved()
    hunt = house.get(name)
    waiting, approved = heard
    assert isinstance(waiting, HuntAwaitingReview)
    assert isinstance(approved, HuntApproved)
    assert (waiting.hunt, waiting.content_hash, waiting.senior) == (name, hunt.latest.content.hash, False)
    assert (approved.version, approved.automatic, approved.by.name) == (1, "", "Bob")


def test_the_queue_holds_what_waits_longest_first(house: House) -> None:
    first = house.submitted("A")
    house.wait(hours=1)
    second = house.submitted("B")
    house.wait(hours=1)
    house.hunts.comment(OWNER, first, "soon", BOB)
    house.approved("C")
    assert [d.name for d in house.hunts.queue(OWNER)] == [first, second]


def test_a_difference_tells_everything_that_an_approval_is_for(house: House) -> None:
    name = house.made("SecurityEvent\n| where EventID == 1")
    content = replace(
        house.get(name).latest.content,
        query="SecurityEvent\n| where EventID == 2",
        parameters=(("host", '"a"'),),
        limits=HuntLimits(rows_a_day=10),
        entities=(),
    )
    house.hunts.edit(OWNER, name, content, ANN)
    found = house.hunts.difference(OWNER, name, 1, 2)
    assert "-| where EventID == 1\n+| where EventID == 2" in found.query
    assert {c.what for c in found.changed} == {"parameter host", "order of parameters", "rows a day", "entity 1"}
    assert house.hunts.difference(OWNER, name, 2, 2).is_none


def test_a_name_that_isnt_there_is_said(house: House) -> None:
    with pytest.raises(NotFound):
        house.hunts.get(OWNER, "nothing")
    name = house.made()
    assert house.hunts.get(OWNER, name[:6]).name == name
    with pytest.raises(NotFound, match="has no version 3"):
        house.hunts.version(OWNER, name, 3)


def test_the_audit_says_who_and_who_answers_for_it(house: House) -> None:
    house.approved()
    rows = [cells for _, cells in house.shelf.read_after(f"rows of soc/{TABLE}", "") if isinstance(cells, dict)]
    approve = next(r for r in rows if r["Action"] == "hunt/approve")
    assert (approve["ActorKind"], approve["ActorName"], approve["ActorRole"]) == (ActorKind.PERSON, "Bob", "approver")
    assert (approve["Reason"], approve["ResponsibleAnalyst"]) == ("I have read it", "Ann")
    assert approve["ContentHash"] == house.hunts.list(OWNER)[0].value.latest.content.hash


def test_a_comment_is_kept_with_its_version(house: House) -> None:
    name = house.submitted()
    house.hunts.comment(OWNER, name, "what of T1005?", BOB)
    (said,) = house.get(name).comments
    assert (said.version, said.by.name, said.at) == (1, "Bob", NOW)
    with pytest.raises(Refused):
        house.hunts.comment(OWNER, name, "me too", Acting.model("gpt"))
    with pytest.raises(Invalid):
        house.hunts.comment(OWNER, name, " ", BOB)


def test_a_dry_run_slower_than_its_limit_has_failed(house: House) -> None:
    name = house.made()
    slow = house.prover.prove("soc", house.get(name).latest.content)
    assert slow.dry_run is not None
    slow = replace(slow, dry_run=replace(slow.dry_run, seconds=timedelta(minutes=5).total_seconds()))
    assert house.hunts.prove(OWNER, name, proof=slow).value.state is HuntState.DRY_RUN_FAILED


def test_of_many_who_act_at_once_one_does_and_the_audit_stays_whole(tmp_path: Path) -> None:
    house = House(Database.open(tmp_path / "state.db"))
    name = house.scheduled()

    def start(run: int) -> bool:
        try:
            house.hunts.start(OWNER, name, f"run {run}")
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        began = list(pool.map(start, range(6)))
    assert sum(began) == 1
    assert house.get(name).run == f"run {began.index(True)}"
    found = house.audit.verify(OWNER)
    assert (found.faults, found.head.length) == ((), 7)


def test_what_is_beside_a_step_is_written_with_it_or_not_at_all(house: House) -> None:
    name = house.scheduled()
    note = Put("notes", "one", {"n": 1}, "e", create=True)
    house.hunts.start(OWNER, name, "r", beside=(note,))
    assert house.shelf.read("notes", "one") is not None
    before = told(house)
    with pytest.raises(Conflict, match="`one` among the notes"):
        house.hunts.finish(OWNER, name, "r", found=True, beside=(note,))
    assert (house.get(name).state, told(house)) == (HuntState.RUNNING, before)


def test_a_run_goes_on_after_a_death_only_under_the_guards_of_a_new_one(house: House) -> None:
    name = house.scheduled()
    house.hunts.start(OWNER, name, "r")
    with pytest.raises(Refused):
        house.hunts.start(OWNER, name, "r", PROGRAM)
    house.stop = "somebody stopped everything"
    with pytest.raises(Conflict, match="nothing_is_stopped"):
        house.hunts.start(OWNER, name, "r")
    house.stop, house.prover.schema = "", "s2"
    with pytest.raises(Conflict, match="schema_is_unchanged"):
        house.hunts.start(OWNER, name, "r")


@pytest.mark.parametrize("name", ["Bob  Stone", " bob stone", "BOB\u00a0STONE", "\uff22ob Stone", "B\u200bob Stone"])
def test_who_answers_for_a_version_is_known_however_the_name_is_written(house: House, name: str) -> None:
    bob = Acting.person(Author("8", "Bob Stone"), hunts=True, approves=True)
    made = house.hunts.create(OWNER, replace(new("T"), maker=Maker.CORE, responsible=name), SYSTEM).name
    house.hunts.prove(OWNER, made)
    house.hunts.submit(OWNER, made)
    with pytest.raises(Refused, match="four_eyes"):
        house.decide(made, bob)


def test_going_back_in_between_makes_no_draft_of_a_model_a_persons(house: House) -> None:
    name = house.approved("SecurityEvent | take 6")
    drafted = replace(house.get(name).latest.content, query="SecurityEvent | take 7")
    house.hunts.edit(OWNER, name, drafted, ANN, maker=Maker.MODEL, responsible="Ann", model="llama")
    house.hunts.roll_back(OWNER, name, 1, ANN, "not this one")
    assert not house.get(name).latest.model
    assert house.edited(name, "SecurityEvent | take 7").latest.model == "llama"


@pytest.mark.parametrize("maker", [Maker.PERSON, Maker.CORE])
def test_a_small_edit_of_a_models_draft_still_takes_a_senior_hunter(house: House, maker: Maker) -> None:
    made = replace(new("T"), maker=Maker.MODEL, responsible="Ian")
    name = house.hunts.create(OWNER, made, SYSTEM).name
    content = replace(house.get(name).latest.content, query="T ")
    house.hunts.edit(OWNER, name, content, ANN, maker=maker)
    house.hunts.prove(OWNER, name)
    house.hunts.submit(OWNER, name, ANN)
    with pytest.raises(Refused, match="senior_for_models"):
        house.decide(name, BOB)
    assert house.decide(name, EVE).value.state is HuntState.APPROVED


def test_a_program_changes_nothing_of_what_is_said_of_a_hunt_that_runs(house: House) -> None:
    name = house.scheduled()
    with pytest.raises(Refused, match="only a person"):
        house.hunts.describe(OWNER, name, PROGRAM, tables=[])
    assert house.hunts.describe(OWNER, name, ANN, title="Better").value.title == "Better"


def test_a_rule_of_a_version_that_runs_no_more_is_no_promotion(house: House) -> None:
    name = house.scheduled()
    house.hunts.start(OWNER, name, "r")
    house.hunts.finish(OWNER, name, "r", found=True)
    with pytest.raises(Conflict, match="version 2 isn't what runs"):
        house.hunts.promote(OWNER, name, ANN, "rule", "it works", number=2)
