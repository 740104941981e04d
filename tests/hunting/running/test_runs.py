"""Runs of hunts: once for each window, within their limits, told as they were."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count
from socket import socket
from time import monotonic
from typing import Any

import pytest
from tests.hunting.running.world import ANN, DAY, NOW, PROGRAM, World

from huntlake.core.errors import Busy, Cancelled, Conflict, Invalid, Refused
from huntlake.detection.events import IncidentCreated
from huntlake.detection.severity import Severity
from huntlake.engines.cancellation import Cancellation
from huntlake.engines.duckdb.database import Confined
from huntlake.hunting.coverage.silence import Silences
from huntlake.hunting.drafting.explanation import explained
from huntlake.hunting.lifecycle.acting import Acting
from huntlake.hunting.lifecycle.events import HuntFindings
from huntlake.hunting.lifecycle.hunt import HuntLimits
from huntlake.hunting.lifecycle.states import HuntState
from huntlake.hunting.running import runs
from huntlake.hunting.running.breakers import BreakerKind
from huntlake.hunting.running.run import FINDINGS, HuntRun, RunStatus, Verdict
from huntlake.hunting.running.runs import HuntRuns
from huntlake.state.documents import Document
from huntlake.state.events import Occasion
from huntlake.state.records import Author
from huntlake.workspace.query import Queries


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.session.close()


def run(world: World, name: str, days: int = 0) -> Document[HuntRun]:
    until = NOW + days * DAY
    world.clock.at = max(world.clock.at, until)
    return world.runs.run(world.workspace, name, until - DAY, until)


def told(world: World) -> list[str]:
    rows = [c for _, c in world.shelf.read_after(f"rows of {world.owner[0]}/{FINDINGS}", "") if isinstance(c, dict)]
    return [f"{row['Title']} {row['Rows']} {row.get('Verdict', '')}".strip() for row in rows]


def test_alike_rows_are_one_cluster_whatever_their_numbers(world: World) -> None:
    world.processes("ping 10.0.0.1", "ping 10.0.0.27", "whoami /all")
    found = run(world, world.hunt()).value
    assert found.status is RunStatus.FINDINGS
    assert found.rows == 3
    assert sorted(cluster.rows for cluster in found.clusters) == [1, 2]
    assert all(("Account", "CORP\\ann") in cluster.entities for cluster in found.clusters)


def test_a_window_is_run_once(world: World) -> None:
    world.processes("whoami")
    name, heard = world.hunt(), list[HuntFindings]()

    def hear(occasion: Occasion, event: HuntFindings) -> None:
        heard.append(event)

    world.detection.events.listen(HuntFindings, hear)
    first = run(world, name)
    world.processes("whoami /groups")
    assert run(world, name) == first
    assert len(heard) == 1
    assert len(told(world)) == 1
    assert world.hunts.get(world.owner, name).value.runs == 1


def test_a_run_whose_process_died_goes_on_in_the_next(world: World) -> None:
    world.processes("whoami")
    name = world.hunt()
    asked = world.runs._asked
    world.runs._asked = lambda *a: (_ for _ in ()).throw(KeyboardInterrupt)  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        run(world, name)
    world.runs._asked = asked  # type: ignore[method-assign]
    assert world.hunts.get(world.owner, name).value.state is HuntState.RUNNING
    assert run(world, name).value.status is RunStatus.FINDINGS
    assert world.hunts.get(world.owner, name).value.runs == 1


def test_another_window_waits_for_a_run_that_goes_on_and_not_for_a_dead_one(world: World) -> None:
    world.processes("whoami")
    name = world.hunt()
    asked = world.runs._asked
    world.runs._asked = lambda *a: (_ for _ in ()).throw(KeyboardInterrupt)  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        run(world, name)
    world.runs._asked = asked  # type: ignore[method-assign]
    with pytest.raises(Conflict, match="running"):
        run(world, name, -1)
    world.clock.at += timedelta(hours=1)
    assert run(world, name, -1).value.status is RunStatus.NO_FINDINGS
    assert [d.value.status for d in world.runs.list(world.owner, name)] == [RunStatus.FAILED, RunStatus.NO_FINDINGS]


def test_what_a_suppression_leaves_out_stands_in_its_explanation(world: World) -> None:
    world.processes("whoami")
    name = world.hunt()
    document = run(world, name)
    world.runs.suppress(world.owner, name, document.name, document.value.clusters[0].signature, ANN)
    latest = world.hunts.get(world.owner, name).value.latest
    assert latest.draft is not None
    assert [step.text for step in latest.draft.explanation] == [s.text for s in explained(latest.content.query)]
    assert "whoami" in latest.draft.explanation[-1].text


def test_nobody_can_have_a_window_looked_at_before_its_rows_come(world: World) -> None:
    name, until = world.hunt(), NOW + DAY
    # Run early it would find nothing, and when the scheduler comes it would be over.
    with pytest.raises(Invalid, match="in the future"):
        world.runs.run(world.workspace, name, NOW, until, ANN)
    world.processes("whoami", at=until)
    assert run(world, name, 1).value.status is RunStatus.FINDINGS


def test_a_query_that_fails_is_a_failed_run_and_three_suspend_the_hunt(world: World) -> None:
    name = world.hunt("NoSuchTable | where EventID == 1")
    for day in range(3):
        found = run(world, name, day).value
        assert found.status is RunStatus.FAILED
        assert "NoSuchTable" in found.failure
    assert world.hunts.get(world.owner, name).value.state is HuntState.SUSPENDED
    assert [one.kind for one in world.runs.opened(world.owner, name)] == [BreakerKind.ERRORS]
    with pytest.raises(Conflict):
        run(world, name, 3)


def test_too_many_rows_stop_the_run_keep_the_first_and_suspend(world: World) -> None:
    world.processes(*(f"tool{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(60)))
    name = world.hunt(limits=HuntLimits(rows_a_day=3))
    found = run(world, name).value
    # Ten times what the dry run said at most, which was 4 a day.
    assert found.status is RunStatus.STOPPED
    assert found.rows == 40
    assert len(found.clusters) == 40
    hunt = world.hunts.get(world.owner, name).value
    assert hunt.state is HuntState.SUSPENDED
    assert "volume" in hunt.reason


def test_what_a_person_let_go_on_is_not_stopped_for_what_was_before(world: World) -> None:
    name = world.hunt("NoSuchTable | where EventID == 1")
    for day in range(3):
        run(world, name, day)
    world.clock.at += timedelta(minutes=1)
    world.hunts.prove(world.owner, name)
    world.hunts.resume(world.owner, name, ANN, "the table comes today")
    assert run(world, name, 3).value.status is RunStatus.FAILED
    assert world.hunts.get(world.owner, name).value.state is HuntState.SCHEDULED
    assert world.runs.opened(world.owner, name)[0].closed is not None


def test_silent_tables_are_never_told_as_no_findings(world: World) -> None:
    world.runs._silence = Silences(world.session._analytics.queries)
    name = world.hunt()
    found = run(world, name).value
    assert found.status is RunStatus.BLIND
    assert "SecurityEvent" in found.failure
    hunt = world.hunts.get(world.owner, name).value
    assert hunt.state is HuntState.SCHEDULED
    assert hunt.quiet == 0


def test_a_table_that_is_quiet_at_night_is_not_silent_in_the_morning(world: World) -> None:
    world.runs._silence = Silences(world.session._analytics.queries)
    for day in range(5):
        for hour in range(9):
            # From 8 to 17 each day; the run ends at noon after a morning without rows.
            world.processes("x", at=NOW - (day + 1) * DAY + timedelta(hours=hour - 3))
    name = world.hunt("SecurityEvent | where EventID == 1")
    assert run(world, name).value.status is RunStatus.NO_FINDINGS
    assert run(world, name, 3).value.status is RunStatus.BLIND


def test_what_a_watchlist_calls_good_comes_last_and_is_no_finding(world: World) -> None:
    world.processes("backup.exe run")
    world.watchlists.put("KnownGood", [{"Value": "backup.exe run", "Reason": "the nightly backup"}], "Value")
    found = run(world, world.hunt()).value
    assert found.status is RunStatus.NO_FINDINGS
    assert found.clusters[0].known_good == "the nightly backup"
    assert found.clusters[0].score == 0


def test_only_a_person_says_what_was_found(world: World) -> None:
    world.processes("whoami")
    name = world.hunt()
    document = run(world, name)
    signature = document.value.clusters[0].signature
    with pytest.raises(Refused, match="person"):
        world.runs.judge(world.owner, name, document.name, signature, Verdict.TRUE_POSITIVE, "seen", PROGRAM)
    judged = world.runs.judge(world.owner, name, document.name, signature[:6], Verdict.TRUE_POSITIVE, "seen", ANN)
    assert judged.value.outcomes[0].verdict is Verdict.TRUE_POSITIVE
    assert world.runs.judged(world.owner, "odd") == (1, 1)
    assert told(world)[-1].endswith("true positive")
    assert not world.audit.verify(world.owner).faults


def test_mostly_false_clusters_suspend_the_hunt(world: World) -> None:
    world.processes(*(f"tool{chr(97 + n)}" for n in range(24)))
    name = world.hunt(limits=HuntLimits(rows_a_day=100))
    document = run(world, name)
    for cluster in document.value.clusters:
        if world.hunts.get(world.owner, name).value.state is HuntState.SUSPENDED:
            break
        world.runs.judge(world.owner, name, document.name, cluster.signature, Verdict.FALSE_POSITIVE, "admin", ANN)
    assert world.hunts.get(world.owner, name).value.state is HuntState.SUSPENDED
    assert world.runs.opened(world.owner, name)[0].kind is BreakerKind.FALSE_POSITIVES


def test_a_suppression_is_a_draft_and_what_runs_stays(world: World) -> None:
    world.processes('say "it\'s \\ fine" | where 1 == 1')
    name = world.hunt()
    document = run(world, name)
    signature = document.value.clusters[0].signature
    hunt = world.runs.suppress(world.owner, name, document.name, signature, ANN).value
    assert hunt.state is HuntState.DRAFT
    assert hunt.runnable == 1
    assert hunt.current == 2
    left = world.session._analytics.queries.run(world.workspace, hunt.latest.content.query).tables[0]
    assert list(left.json_objects()) == []


def test_a_bookmark_and_an_incident_are_made_once_by_a_person(world: World) -> None:
    world.processes("whoami")
    name, made = world.hunt(), list[str]()
    document = run(world, name)
    signature = document.value.clusters[0].signature

    def hear(occasion: Occasion, event: IncidentCreated) -> None:
        made.append(event.incident)

    world.detection.events.listen(IncidentCreated, hear)
    with pytest.raises(Refused):
        world.following.escalate(world.owner, name, document.name, signature, Severity.HIGH, PROGRAM)
    for _ in range(2):
        incident = world.following.escalate(world.owner, name, document.name, signature, Severity.HIGH, ANN)
    assert made == [incident]
    held = world.detection.incidents.held(world.owner, incident)
    assert len(held.alerts) == 1
    assert len(held.bookmarks) == 1
    names = {e.properties.get("accountName") for e in world.detection.incidents.entities(world.owner, incident)}
    assert "ann" in names
    kept = world.runs.get(world.owner, name, document.name).value
    assert kept.outcomes[0].made == f"incident {incident}"


def test_a_verdict_that_was_given_stays_when_a_bookmark_is_made(world: World) -> None:
    world.processes("whoami")
    name = world.hunt()
    document = run(world, name)
    signature = document.value.clusters[0].signature
    world.runs.judge(world.owner, name, document.name, signature, Verdict.TRUE_POSITIVE, "seen", ANN)
    world.following.bookmark(world.owner, name, document.name, signature, ANN)
    outcome = world.runs.get(world.owner, name, document.name).value.outcomes[0]
    assert replace(outcome, made="").verdict is Verdict.TRUE_POSITIVE
    assert outcome.made.startswith("bookmark")


def test_in_the_third_phase_what_is_hardly_worth_a_look_is_set_aside_and_nothing_else(world: World) -> None:
    lead = Acting.person(Author("9", "Eve"), hunts=True, approves=True, leads=True)
    world.hunts.rollouts.set(world.owner, 3, lead, "we trust it")
    name = world.hunt()
    for day in range(2):
        world.processes("whoami", at=NOW + day * DAY)
        run(world, name, day)
    later, first = world.runs.list(world.owner, name)
    assert not first.value.outcomes
    # It was there in every run before, and nothing else speaks for it.
    assert [(o.verdict, o.by.name) for o in later.value.outcomes] == [(Verdict.INCONCLUSIVE, "huntlake")]
    assert world.runs.judged(world.owner, "odd") == (0, 0)


def test_clusters_that_arent_kept_are_said(world: World) -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    world.processes(*(f"tool {a}{b}" for a in letters for b in letters[:8]))
    found = run(world, world.hunt(limits=HuntLimits(rows_a_day=1000))).value
    assert (found.rows, len(found.clusters)) == (208, 200)
    assert found.remarks == ("of 208 clusters 8, with 8 rows, aren't kept: narrow the query",)


def test_windows_that_differ_by_less_than_a_second_are_two_runs(world: World) -> None:
    world.processes("whoami")
    name = world.hunt()
    first = world.runs.run(world.workspace, name, NOW - DAY, NOW - timedelta(hours=1))
    second = world.runs.run(world.workspace, name, NOW - DAY, NOW - timedelta(hours=1) + timedelta(milliseconds=1))
    assert (first.value.rows, second.value.rows) == (0, 1)


def test_what_was_made_of_a_cluster_stays_known_when_a_verdict_is_given(world: World) -> None:
    world.processes("whoami")
    name = world.hunt()
    document = run(world, name)
    signature = document.value.clusters[0].signature
    incident = world.following.escalate(world.owner, name, document.name, signature, Severity.HIGH, ANN)
    world.runs.judge(world.owner, name, document.name, signature, Verdict.FALSE_POSITIVE, "ours", ANN)
    (outcome,) = world.runs.get(world.owner, name, document.name).value.outcomes
    assert (outcome.verdict, outcome.made) == (Verdict.FALSE_POSITIVE, f"incident {incident}")


def test_a_verdict_isnt_lost_to_who_has_read_the_run_before(world: World) -> None:
    world.processes("whoami")
    name = world.hunt()
    before = run(world, name)
    signature = before.value.clusters[0].signature
    world.runs.judge(world.owner, name, before.name, signature, Verdict.TRUE_POSITIVE, "seen", ANN)
    world.runs.made(world.owner, before, signature, "bookmark 1", ANN, "")
    (outcome,) = world.runs.get(world.owner, name, before.name).value.outcomes
    assert (outcome.verdict, outcome.reason, outcome.made) == (Verdict.TRUE_POSITIVE, "seen", "bookmark 1")


def test_an_incident_made_again_leaves_the_notes_of_its_bookmark(world: World) -> None:
    world.processes("whoami")
    name = world.hunt()
    document = run(world, name)
    signature = document.value.clusters[0].signature
    kept = world.following.bookmark(world.owner, name, document.name, signature, ANN, "what I have seen")
    for _ in range(2):
        world.following.escalate(world.owner, name, document.name, signature, Severity.HIGH, ANN, "go")
    assert world.detection.bookmarks.get(world.owner, kept).value.notes == "what I have seen"


HUGE = (
    "range a from 1 to 900000 step 1 | extend t = strcat_array(repeat(tostring(a), 200), '') "
    "| summarize Computer = tostring(array_length(make_list(t)))"
)


def test_a_run_has_no_more_memory_than_it_may(world: World) -> None:
    world.processes("whoami")
    name = world.hunt(HUGE, HuntLimits(memory_mib=64))
    found = run(world, name).value
    assert (found.status, found.rows) == (RunStatus.FAILED, 0)
    assert found.failure == "a limit ended it: 64 MiB of memory, which a run may take"
    # The next hunt has a process of its own.
    assert run(world, world.hunt()).value.status is RunStatus.FINDINGS
    for day in (1, 2):
        run(world, name, day)
    hunt = world.hunts.get(world.owner, name).value
    assert (hunt.state, world.runs.opened(world.owner, name)[0].kind) == (HuntState.SUSPENDED, BreakerKind.ERRORS)


def test_a_run_whose_process_is_killed_fails_and_is_made_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.processes("whoami")
    name, queries = world.hunt(), world.session._analytics.queries
    confined = type(queries).confined

    def killed(queries: Queries, memory: int, cpu: int) -> Confined:
        made = confined(queries, memory, cpu)
        connected, times = made.process.connected, count()

        def dies() -> socket:
            connection = connected()
            # One that is dead before would be begun anew.
            if next(times) > 0:
                assert made.process._process is not None
                made.process._process.kill()
            return connection

        monkeypatch.setattr(made.process, "connected", dies)
        return made

    with monkeypatch.context() as patched:
        patched.setattr(type(queries), "confined", killed)
        found = run(world, name).value
    assert (found.status, found.details["may pass"]) == (RunStatus.FAILED, "true")
    again = run(world, name)
    assert again.value.status is RunStatus.FINDINGS
    assert [d.name for d in world.runs.list(world.owner, name)] == [again.name]


def test_a_run_that_takes_too_long_is_ended_with_its_process(world: World) -> None:
    world.processes(*(f"tool {n}" for n in range(300)))
    heavy = "SecurityEvent | extend k = 1" + " | join kind=inner (SecurityEvent | extend k = 1) on k" * 3
    counted = "Computer = tostring(dcount(strcat(CommandLine, CommandLine1, CommandLine2)))"
    name = world.hunt(f"{heavy} | summarize {counted}", HuntLimits(seconds=1))
    begun = monotonic()
    found = run(world, name).value
    assert (found.status, found.rows) == (RunStatus.FAILED, 0)
    assert "longer" in found.failure, found.failure
    assert monotonic() - begun < 20


def test_no_more_than_two_runs_are_at_work_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.processes("whoami")
    name = world.hunt()
    monkeypatch.setattr(runs, "_LONGEST_WAIT", 0.01)
    with world.runs._turn(), world.runs._turn(), pytest.raises(Busy):
        run(world, name)
    assert not world.runs.list(world.owner, name)
    assert run(world, name).value.status is RunStatus.FINDINGS


def test_who_waits_for_a_window_that_another_runs_is_given_that_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.processes("whoami")
    name, turn = world.hunt(), HuntRuns._turn
    first = list[Document[HuntRun]]()

    @contextmanager
    def later(runs: HuntRuns, cancellation: Cancellation | None = None) -> Iterator[None]:
        monkeypatch.setattr(HuntRuns, "_turn", turn)
        first.append(run(world, name))
        with turn(runs, cancellation):
            yield

    monkeypatch.setattr(HuntRuns, "_turn", later)
    assert run(world, name) == first[0]
    assert len(world.runs.list(world.owner, name)) == 1


def test_who_waits_for_a_turn_ends_when_the_server_does(world: World) -> None:
    name, cancellation = world.hunt(), Cancellation()
    cancellation.cancel()
    begun = monotonic()
    with world.runs._turn(), world.runs._turn(), pytest.raises(Cancelled):
        world.runs.run(world.workspace, name, NOW - DAY, NOW, cancellation=cancellation)
    assert monotonic() - begun < 10
    assert not world.runs.list(world.owner, name)


def test_a_run_whose_process_cant_begin_fails_and_is_made_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.processes("whoami")
    name = world.hunt()

    def refused(process: Confined, sql: str, **more: Any) -> Any:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    with monkeypatch.context() as patched:
        patched.setattr(Confined, "stream", refused)
        found = run(world, name).value
    assert (found.status, found.details["may pass"]) == (RunStatus.FAILED, "true")
    assert world.hunts.get(world.owner, name).value.run == ""
    assert run(world, name).value.status is RunStatus.FINDINGS
