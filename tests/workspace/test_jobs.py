"""Queries that run by themselves."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from huntlake.assembly.analytics import Analytics
from huntlake.core.clock import FixedClock, SystemClock
from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import Conflict, Invalid, NotFound, Refused, Unavailable
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.geography import Nowhere
from huntlake.lake.table import LakeTable
from huntlake.state.database import Database
from huntlake.state.documents import Shelf
from huntlake.state.memory import MemoryShelf
from huntlake.state.records import Author
from huntlake.workspace.jobs import running
from huntlake.workspace.jobs.kql_jobs import KqlJob, Missed, Schedule
from huntlake.workspace.jobs.landing import Landing, Rights
from huntlake.workspace.jobs.recurrence import Frequency, Recurrence
from huntlake.workspace.jobs.running import Runner
from huntlake.workspace.jobs.runs import KEPT_RUNS, Run, RunStatus
from huntlake.workspace.jobs.service import Jobs
from huntlake.workspace.jobs.summary_rules import BINS, SummaryRule
from huntlake.workspace.workspaces import Workspace, Workspaces

from .conftest import NOW, OTHER, SOC, Ask

ANN = Author("ann", "Ann")
HOUR = timedelta(hours=1)
HOURLY = Schedule(Frequency.HOUR)
FAILURES = "SigninLogs | where ResultType != '0' | summarize Failures = count() by UserPrincipalName"


class Allowed:
    """Who may do what: Ann everything in both workspaces, unless it is taken away."""

    def __init__(self) -> None:
        self.readable, self.manageable = {"soc", "other"}, {"soc", "other"}

    def rights(self) -> Rights:
        def may(names: set[str]) -> Callable[[str, str], Workspace | None]:
            both = {w.name: w for w in (SOC, OTHER)}
            return lambda owner, name: both.get(name) if owner == "ann" and name in names else None

        return Rights(may(self.readable), may(self.manageable))


class Lab:
    """Jobs over the workspace `soc`, with a clock that can be moved."""

    def __init__(self, hunting: Analytics, folder: Path, shelf: Shelf | None = None) -> None:
        self.clock, self.allowed, self.analytics = FixedClock(NOW), Allowed(), hunting
        shelf = shelf or MemoryShelf()
        workspaces = Workspaces(shelf)
        for one in (SOC, OTHER):
            if workspaces.find(one.name) is None:
                workspaces.create(one.name, one.id)
        landing = Landing(
            hunting.queries, hunting.ingestion, hunting.table_definitions, self.allowed.rights(), self.clock
        )
        self.told: list[Mapping[str, Any]] = []
        self.jobs = Jobs.over(shelf, folder / "jobs", landing, workspaces, self.clock, self._append)

    def _append(self, workspace: str, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        assert (workspace, table) == ("soc", BINS)
        self.told += rows
        self.analytics.streams.append(SOC, table, rows, source="huntlake")

    def put(self, name: str = "Failures", **more: Any) -> KqlJob:
        given = {"query": FAILURES, "table": "Failures_KQL_CL"} | more
        return self.jobs.kql.put(("soc",), name, KqlJob(**given), ANN)[0].value

    def rule(self, name: str = "Hourly", **more: Any) -> SummaryRule:
        given: dict[str, Any] = {"query": FAILURES, "table": "Summary_CL", "bin_size": 60} | more
        return self.jobs.summaries.put(("soc",), name, SummaryRule(**given), ANN)[0].value

    def after(self, span: timedelta) -> int:
        self.clock.at += span
        return self.jobs.runner.run_due()

    def runs(self, name: str = "Failures") -> list[Run]:
        found = [d.value for d in self.jobs.kql.runs.list(("soc", name))]
        return sorted(found, key=lambda run: (run.window, run.created))

    def bins(self, name: str = "Hourly") -> list[Run]:
        return sorted((d.value for d in self.jobs.summaries.runs.list(("soc", name))), key=lambda run: run.window)


@pytest.fixture
def lab(hunting: Analytics, tmp_path: Path) -> Lab:
    return Lab(hunting, tmp_path)


def outcomes(runs: list[Run]) -> list[str]:
    return [run.failure or run.status.value for run in runs]


def test_a_job_that_runs_once_runs_once_at_once(lab: Lab, ask: Ask) -> None:
    lab.put()
    assert lab.jobs.runner.run_due() == 1
    assert lab.after(timedelta(days=40)) == 0
    (run,) = lab.runs()
    assert (run.status, run.rows, run.attempts, run.window) == (RunStatus.SUCCEEDED, 1, 1, NOW)
    assert ask("Failures_KQL_CL | project UserPrincipalName, Failures, Type, TenantId") == [
        ["ann", 2, "Failures_KQL_CL", SOC.id]
    ]


def test_rows_without_a_time_have_that_of_the_run(lab: Lab, ask: Ask) -> None:
    lab.put(query="union (print x = 1), (print x = 2, TimeGenerated = datetime(2020-01-01))")
    lab.jobs.runner.run_due()
    assert ask("Failures_KQL_CL | order by x asc | project TimeGenerated") == [
        ["2026-11-21T12:00:00Z"],
        ["2020-01-01T00:00:00Z"],
    ]


def test_a_job_that_is_changed_runs_again_and_one_that_is_sent_as_it_is_does_not(lab: Lab) -> None:
    job = lab.put()
    lab.jobs.runner.run_due()
    lab.clock.at += HOUR
    lab.put(schedule=job.schedule, description="the same")
    assert lab.jobs.runner.run_due() == 0
    lab.put(query=f"{FAILURES} | take 1")
    assert lab.jobs.runner.run_due() == 1


def test_every_window_has_its_own_now_and_its_own_rows(lab: Lab, ask: Ask) -> None:
    query = "SigninLogs | summarize Rows = count() | extend Until = now()"
    lab.put(query=query, schedule=replace(HOURLY, start=NOW + HOUR), lookback=HOUR, delay=timedelta(minutes=15))
    assert lab.after(HOUR) == 0
    assert lab.after(timedelta(minutes=15)) == 1
    assert lab.after(HOUR) == 1
    # The sign-ins are of 12:00: they belong to the window that begins then.
    assert ask("Failures_KQL_CL | order by Until asc | project Rows, Until") == [
        [3, "2026-11-21T13:00:00Z"],
        [0, "2026-11-21T14:00:00Z"],
    ]


@pytest.mark.parametrize(("missed", "ran", "skipped"), [(Missed.ALL, 5, 0), (Missed.LATEST, 1, 4), (Missed.NONE, 0, 5)])
def test_windows_that_no_server_saw_are_made_up_for_as_the_job_says(
    lab: Lab, missed: Missed, ran: int, skipped: int
) -> None:
    job = lab.put(schedule=replace(HOURLY, start=NOW + HOUR), missed=missed)
    assert lab.after(timedelta(hours=5, minutes=30)) == ran
    assert lab.jobs.runner.book.get(job.id).skipped == skipped
    assert lab.after(timedelta(minutes=31)) == 1


def test_only_the_newest_hundred_windows_are_made_up_for(lab: Lab) -> None:
    job = lab.put(query="print x = 1 | take 0", schedule=Schedule(Frequency.MINUTE))
    assert lab.after(timedelta(minutes=149)) == 100
    assert lab.jobs.runner.book.get(job.id).skipped == 50


def test_a_job_that_is_disabled_rests_and_then_goes_on_from_there(lab: Lab) -> None:
    lab.put(schedule=HOURLY)
    lab.jobs.runner.run_due()
    lab.jobs.kql.enable(("soc",), "failures", False)
    assert lab.jobs.kql.following(lab.jobs.kql.get(("soc",), "Failures").value) is None
    assert lab.after(5 * HOUR) == 0
    lab.jobs.kql.enable(("soc",), "failures", True)
    assert lab.jobs.kql.following(lab.jobs.kql.get(("soc",), "Failures").value) == NOW + 5 * HOUR
    assert lab.after(HOUR) == 2
    assert [r.window.hour for r in lab.runs()] == [12, 17, 18]


def test_a_run_that_is_asked_for_is_one_more(lab: Lab, ask: Ask) -> None:
    lab.put(schedule=replace(HOURLY, start=NOW + HOUR), enabled=False)
    lab.jobs.run(("soc",), "Failures")
    assert lab.jobs.runner.run_due() == 1
    assert [run.manual for run in lab.runs()] == [True]
    assert ask("Failures_KQL_CL | count") == [[1]]


def test_a_run_that_fails_says_why_and_lands_nothing(lab: Lab, ask: Ask) -> None:
    query = "print x = 1 | where assert(now() < datetime(2026-11-21T13:00), 'too late')"
    lab.put(query=query, schedule=replace(HOURLY, start=NOW + HOUR))
    lab.after(HOUR)
    (run,) = lab.runs()
    assert (run.status, run.rows) == (RunStatus.FAILED, 0)
    assert "too late" in run.failure
    assert ask("Failures_KQL_CL | count") == [[0]]


def test_too_many_rows_land_none_of_them(lab: Lab, ask: Ask) -> None:
    lab.put(query="set truncationmaxrecords=5; range x from 1 to 10 step 1")
    lab.jobs.runner.run_due()
    assert [r.code for r in lab.runs()] == ["LimitExceeded"]
    assert ask("Failures_KQL_CL | count") == [[0]]


@pytest.mark.parametrize(
    ("more", "error", "words"),
    [
        ({"query": "SigninLogs | whree x"}, SourceError, "whree"),
        ({"query": "print 1; print 2"}, Invalid, "one result"),
        ({"table": "Failures"}, Invalid, "_KQL_CL"),
        ({"table": "Failures_CL"}, Invalid, "_KQL_CL"),
        ({"table": "SigninLogs"}, Invalid, "every workspace"),
        ({"query": "print a = 1h"}, Invalid, "timespan"),
        ({"query": "print _a = 1"}, Invalid, "_a"),
        ({"query": "print Type = 'x'"}, Invalid, "no column"),
        ({"query": "print TimeGenerated = 1"}, Invalid, "datetime"),
        ({"schedule": Schedule(Frequency.HOUR, 0)}, Invalid, "interval"),
        ({"schedule": Schedule(Frequency.HOUR, 1, NOW, NOW)}, Invalid, "ends before"),
        ({"schedule": Schedule(Frequency.ONCE, 1, NOW, NOW + HOUR)}, Invalid, "no end"),
        ({"delay": timedelta(days=2)}, Invalid, "delay"),
        ({"lookback": timedelta()}, Invalid, "lookback"),
        ({"name": "a-b"}, Invalid, "neither"),
        ({"name": "a" * 257}, Invalid, "256"),
    ],
)
def test_what_no_job_can_be_is_refused_and_leaves_nothing(
    lab: Lab, more: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        lab.put(**more)
    assert lab.jobs.kql.list(("soc",)) == []
    assert lab.analytics.lake.tables("soc") == ["SigninLogs"]


def test_rows_go_to_a_table_that_is_there_only_if_they_fit(lab: Lab) -> None:
    lab.put()
    with pytest.raises(Conflict, match="no column `More`"):
        lab.put("Other", query=f"{FAILURES} | extend More = 1")
    with pytest.raises(Conflict, match="is a `long`"):
        lab.put("Other", query="print Failures = 'x'")
    lab.put("Other", query="print Failures = 7")


def test_names_are_unique_in_the_lake(lab: Lab) -> None:
    lab.put()
    with pytest.raises(Conflict, match="unique"):
        lab.jobs.kql.put(("other",), "failures", KqlJob(FAILURES, "F_KQL_CL"), ANN)


def test_a_hundred_jobs_are_enabled_and_no_more(lab: Lab) -> None:
    for n in range(100):
        lab.put(f"job{n}", query="print x = 1", table="X_KQL_CL", schedule=replace(HOURLY, start=NOW + HOUR))
    with pytest.raises(Conflict, match="100"):
        lab.put("more")
    lab.put("more", enabled=False)
    with pytest.raises(Conflict, match="100"):
        lab.jobs.kql.enable(("soc",), "more", True)


def test_a_job_does_only_what_its_writer_may_still_do(lab: Lab, ask: Ask) -> None:
    lab.put(schedule=HOURLY)
    lab.allowed.manageable.remove("soc")
    lab.jobs.runner.run_due()
    lab.allowed.manageable.add("soc")
    lab.allowed.readable.remove("soc")
    lab.after(HOUR)
    assert [r.code for r in lab.runs()] == ["Refused", "Refused"]
    assert ask("Failures_KQL_CL | count") == [[0]]
    with pytest.raises(Refused):
        lab.put("Another")
    with pytest.raises(Refused):
        lab.jobs.kql.put(("soc",), "Another", KqlJob(FAILURES, "F_KQL_CL"), Author("bob"))
    with pytest.raises(Refused):
        # A record that says nothing of its writer has no rights at all.
        lab.jobs.kql.put(("soc",), "Another", KqlJob(FAILURES, "F_KQL_CL"))


def test_a_job_asks_the_workspaces_that_its_writer_may_read(lab: Lab, ask: Ask) -> None:
    lab.put(query="workspace('other').SigninLogs | summarize n = count() by UserPrincipalName", schedule=HOURLY)
    lab.jobs.runner.run_due()
    lab.allowed.readable.remove("other")
    lab.after(HOUR)
    assert [r.status for r in lab.runs()] == [RunStatus.SUCCEEDED, RunStatus.FAILED]
    assert ask("Failures_KQL_CL | project UserPrincipalName, n") == [["bob", 3]]


def test_a_run_that_waits_can_be_cancelled_and_one_that_ended_can_not(lab: Lab) -> None:
    lab.put(schedule=replace(HOURLY, start=NOW + HOUR))
    id = lab.jobs.run(("soc",), "Failures")
    lab.jobs.cancel(("soc",), "Failures", id)
    assert lab.jobs.runner.run_due() == 0
    assert outcomes(lab.runs()) == ["Canceled"]
    with pytest.raises(Conflict):
        lab.jobs.cancel(("soc",), "Failures", id)
    with pytest.raises(NotFound):
        lab.jobs.cancel(("soc",), "Failures", "x")


SLOW = "range a from 1 to 400000000 step 1 | summarize x = dcount(hash_sha256(tostring(a)))"


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("how", ["cancel", "delete"])
def test_a_run_at_work_ends_when_it_is_cancelled_or_its_job_deleted(lab: Lab, how: str) -> None:
    job = lab.put(query=SLOW)
    with lab.jobs.runner.running():
        until(lambda: outcomes(lab.runs()) == ["Running"])
        if how == "cancel":
            (id,) = lab.jobs.runner.book.get(job.id).open
            lab.jobs.cancel(("soc",), "Failures", id)
            until(lambda: not lab.jobs.runner.book.get(job.id).open)
            assert outcomes(lab.runs()) == ["Canceled"]
        else:
            lab.jobs.kql.delete(("soc",), "Failures")
            lab.jobs.runner.wake()
            until(lambda: not lab.jobs.runner._cancellations)
            assert lab.runs() == []


def test_a_server_that_ends_leaves_its_runs_to_the_next(lab: Lab) -> None:
    lab.put(query=SLOW)
    with lab.jobs.runner.running():
        until(lambda: outcomes(lab.runs()) == ["Running"])
    (run,) = lab.runs()
    assert (run.status, run.attempts) == (RunStatus.NOT_STARTED, 0)


def test_a_run_that_has_only_begun_when_the_server_ends_is_ended_too(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, ending = Event(), Event()
    plan, shutdown = lab.jobs.runner._plan, ThreadPoolExecutor.shutdown

    def slow(self: Runner, *words: Any) -> None:
        begun.set()
        ending.wait(10)
        # By now those that were known to run have been told.
        time.sleep(0.1)
        plan(*words)

    def ends(self: ThreadPoolExecutor, *words: Any, **more: Any) -> None:
        ending.set()
        shutdown(self, *words, **more)

    monkeypatch.setattr(Runner, "_plan", slow)
    monkeypatch.setattr(ThreadPoolExecutor, "shutdown", ends)
    lab.put(query=SLOW)
    with lab.jobs.runner.running():
        assert begun.wait(10)
        began = time.monotonic()
    assert time.monotonic() - began < 8
    assert outcomes(lab.runs()) == ["NotStarted"]


def test_one_owners_many_jobs_do_not_hold_up_another_owners_one(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    tasks = [replace(lab.jobs.kql.task(("soc", n)), by=n[0]) for n in ("a1", "a2", "a3", "b1") if lab.put(n)]
    monkeypatch.setattr(type(lab.jobs.runner), "_due", lambda self: [(lab.jobs.kql, t) for t in tasks])
    monkeypatch.setattr(type(lab.jobs.runner), "work", lambda self, kind, task: order.append(task.owner[1]))

    class Pool:
        def submit(self, work: Any, kind: Any, task: Any) -> Any:
            work(kind, task)
            return self

        def add_done_callback(self, _: Any) -> None:
            pass

    lab.jobs.runner._round(Pool(), {}, 2)  # type: ignore[arg-type]
    assert order == ["a1", "b1"]


class Ended(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("after", [False, True])
def test_a_run_whose_process_ended_around_the_commit_lands_once(
    lab: Lab, ask: Ask, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    lab.put()
    commit = LakeTable.commit

    def ends(self: LakeTable, *words: Any, **more: Any) -> None:
        if more.get("holds"):
            if after:
                commit(self, *words, **more)
            raise Ended

    monkeypatch.setattr(LakeTable, "commit", ends)
    with pytest.raises(Ended):
        lab.jobs.runner.run_due()
    monkeypatch.undo()
    assert outcomes(lab.runs()) == ["Running"]
    lab.jobs.runner.run_due()
    (run,) = lab.runs()
    assert (run.status, run.rows, run.attempts) == (RunStatus.SUCCEEDED, 1, 1 if after else 2)
    assert ask("Failures_KQL_CL | count") == [[1]]


def test_a_run_that_was_cut_short_is_looked_at_before_others_land(
    lab: Lab, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = lab.rule(bin_start=NOW, bin_delay=0, query="print x = 1")
    lab.allowed.readable.remove("soc")
    lab.after(HOUR)
    lab.allowed.readable.add("soc")
    # The first bin waits to be tried again, and in the meantime the second is cut short before it lands.
    (first,) = lab.jobs.runner.book.get(rule.id).open
    lab.jobs.runner.book.open(rule.id, first, lab.clock.at + 2 * HOUR)
    commit = LakeTable.commit

    def ends(self: LakeTable, *words: Any, **more: Any) -> None:
        if more.get("holds"):
            raise Ended
        commit(self, *words, **more)

    monkeypatch.setattr(LakeTable, "commit", ends)
    with pytest.raises(Ended):
        lab.after(HOUR)
    monkeypatch.undo()
    assert [r.status for r in lab.bins()] == [RunStatus.WAITING, RunStatus.RUNNING]
    lab.after(HOUR)
    assert [r.status for r in lab.bins()] == [RunStatus.SUCCEEDED] * 3
    assert ask("Summary_CL | summarize count(), dcount(_BinStartTime)") == [[3, 3]]


@pytest.mark.parametrize("landed", [True, False])
def test_a_run_that_was_cut_short_ends_though_its_owner_may_do_nothing_more(
    lab: Lab, ask: Ask, monkeypatch: pytest.MonkeyPatch, landed: bool
) -> None:
    lab.put()
    commit = LakeTable.commit

    def ends(self: LakeTable, *words: Any, **more: Any) -> None:
        if more.get("holds"):
            if landed:
                commit(self, *words, **more)
            raise Ended
        commit(self, *words, **more)

    monkeypatch.setattr(LakeTable, "commit", ends)
    with pytest.raises(Ended):
        lab.jobs.runner.run_due()
    monkeypatch.undo()
    lab.allowed.readable.clear()
    assert lab.jobs.runner.run_due() == 1
    (run,) = lab.runs()
    assert (run.status, run.rows) == ((RunStatus.SUCCEEDED, 1) if landed else (RunStatus.FAILED, 0))
    assert ask("Failures_KQL_CL | count") == [[int(landed)]]


def test_an_error_after_the_commit_is_no_failure(lab: Lab, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.put()
    commit = LakeTable.commit

    def breaks(self: LakeTable, *words: Any, **more: Any) -> None:
        commit(self, *words, **more)
        if more.get("holds"):
            raise OSError("the disk says no")

    monkeypatch.setattr(LakeTable, "commit", breaks)
    lab.jobs.runner.run_due()
    assert outcomes(lab.runs()) == ["Succeeded"]
    assert ask("Failures_KQL_CL | count") == [[1]]


def test_a_run_that_ends_its_process_again_and_again_is_given_up(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def ends(*_: Any) -> None:
        raise Ended

    lab.put()
    monkeypatch.setattr(Landing, "land", ends)
    for _ in range(running.INTERRUPTIONS):
        with pytest.raises(Ended):
            lab.jobs.runner.run_due()
    assert lab.jobs.runner.run_due() == 1
    assert [r.code for r in lab.runs()] == ["Interrupted"]


def test_a_window_that_another_process_runs_is_left_to_it(hunting: Analytics, tmp_path: Path) -> None:
    shelf = MemoryShelf()
    one, two = Lab(hunting, tmp_path, shelf), Lab(hunting, tmp_path, shelf)
    job = one.put()
    with one.jobs.runner._held(job.id) as held:
        assert held
        assert two.jobs.runner.run_due() == 0
    assert two.jobs.runner.run_due() == 1
    assert one.jobs.runner.run_due() == 0


def test_only_the_newest_runs_are_remembered(lab: Lab) -> None:
    lab.put(query="print x = 1 | take 0", schedule=replace(HOURLY, start=NOW + HOUR))
    for n in range(KEPT_RUNS + 60):
        at = NOW - timedelta(days=1, minutes=n)
        lab.jobs.kql.runs.put(("soc", "Failures"), f"r{n}", Run(at, at, status=RunStatus.SUCCEEDED))
    lab.after(HOUR)
    runs = lab.runs()
    assert len(runs) == KEPT_RUNS
    assert runs[-1].window == NOW + HOUR


def test_jobs_and_progress_outlive_the_process(hunting: Analytics, tmp_path: Path) -> None:
    database = Database.open(tmp_path / "state.db")
    first = Lab(hunting, tmp_path, database)
    first.put(schedule=Schedule(Frequency.DAY, 2, NOW, NOW + timedelta(days=9)), lookback=HOUR, delay=HOUR / 4)
    first.after(HOUR)
    second = Lab(hunting, tmp_path, database)
    assert second.jobs.kql.get(("soc",), "Failures") == first.jobs.kql.get(("soc",), "Failures")
    assert second.after(HOUR) == 0
    assert second.after(timedelta(days=20)) == 4
    database.close()


def _work(home: Path, folder: Path) -> None:
    analytics = Analytics.over(home, Bounds(threads=1), Nowhere(), SystemClock())
    lab = Lab(analytics, folder, Database.open(folder / "state.db"))
    lab.clock.at = NOW + timedelta(minutes=40)
    lab.jobs.runner.run_due()


@pytest.mark.timeout(300)
def test_no_kill_loses_or_doubles_a_window(hunting: Analytics, tmp_path: Path, ask: Ask) -> None:
    database = Database.open(tmp_path / "state.db")
    lab = Lab(hunting, tmp_path, database)
    lab.put(query="print Window = now()", schedule=Schedule(Frequency.MINUTE))
    spawn = multiprocessing.get_context("spawn")

    def begun(ended: int) -> bool:
        return len([r for r in lab.runs() if r.attempts]) > ended

    # By how far the work is, not by time: a run that is cut short three times in a row is given up.
    for ended, wait in ((0, 0.3), (7, 0.05), (20, 0.11)):
        workers = [spawn.Process(target=_work, args=(tmp_path / "home", tmp_path)) for _ in range(2)]
        for worker in workers:
            worker.start()
        until(partial(begun, ended))
        time.sleep(wait)
        for worker in workers:
            if worker.pid and worker.is_alive():
                os.kill(worker.pid, signal.SIGKILL)
            worker.join()
    lab.after(timedelta(minutes=40))
    assert ask("Failures_KQL_CL | summarize n = count(), windows = dcount(Window)") == [[41, 41]]
    assert {r.status for r in lab.runs()} == {RunStatus.SUCCEEDED}
    database.close()


def test_bins_of_an_hour_begin_with_the_one_that_is_under_way(lab: Lab, ask: Ask) -> None:
    lab.clock.at = NOW + timedelta(minutes=44)
    rule = lab.rule(bin_size=30)
    assert rule.first_end == NOW + HOUR
    assert lab.after(timedelta(minutes=19)) == 0
    assert lab.after(timedelta(minutes=1)) == 1
    assert lab.after(timedelta(minutes=30)) == 1
    assert [r.window for r in lab.bins()] == [NOW + HOUR, NOW + 1.5 * HOUR]
    # The sign-ins are of 12:00, before the first bin.
    assert ask("Summary_CL | count") == [[0]]


def test_rows_of_a_bin_say_which(lab: Lab, ask: Ask) -> None:
    query = "SigninLogs | summarize n = count(), TimeGenerated = max(TimeGenerated)"
    lab.rule(query=query, bin_start=NOW, bin_delay=0)
    lab.after(HOUR)
    assert ask("Summary_CL | project n, TimeGenerated_Original, _RuleName, _BinSize, _BinStartTime") == [
        [3, "2026-11-21T12:00:00Z", "Hourly", 60, "2026-11-21T12:00:00Z"]
    ]
    assert ask("Summary_CL | where _RuleLastModifiedTime == datetime(2026-11-21T12:00:00Z) | count") == [[1]]


@pytest.mark.parametrize(
    ("size", "ends"), [(1440, 24), (720, 12), (360, 6), (180, 3), (120, 2), (60, 1), (30, 0.5), (20, 1 / 3)]
)
def test_bins_lie_where_they_are_said_to_start(lab: Lab, size: int, ends: float) -> None:
    lab.clock.at = NOW + timedelta(minutes=44)
    start = NOW + timedelta(hours=19)
    assert lab.rule(bin_size=size, bin_start=start).first_end == start + timedelta(hours=ends)


def test_every_bin_runs_once_though_no_server_saw_it(lab: Lab, ask: Ask) -> None:
    lab.rule(query="print n = 1", bin_size=20)
    assert lab.after(timedelta(hours=30, minutes=5)) == 91
    assert lab.jobs.runner.run_due() == 0
    assert ask("Summary_CL | summarize count(), dcount(_BinStartTime)") == [[91, 91]]


def test_a_bin_that_fails_is_tried_again_and_then_given_up(lab: Lab) -> None:
    rule = lab.rule(bin_start=NOW, bin_delay=0)
    lab.allowed.readable.remove("soc")
    assert lab.after(HOUR) == 1
    assert [(r.status, r.attempts, r.code) for r in lab.bins()] == [(RunStatus.WAITING, 1, "Refused")]
    assert lab.jobs.runner.run_due() == 0
    assert lab.after(timedelta(minutes=1)) == 1
    assert lab.after(timedelta(minutes=1)) == 0
    assert lab.after(timedelta(minutes=1)) == 1
    assert (lab.bins()[0].status, lab.bins()[0].attempts) == (RunStatus.WAITING, 3)
    for _ in range(20):
        lab.after(HOUR)
    first = lab.bins()[0]
    assert (first.status, first.attempts) == (RunStatus.FAILED, 10)
    # Eight in a row, and the rule rests.
    kept = lab.jobs.summaries.get(("soc",), "Hourly").value
    assert (kept.active, kept.status_code) == (False, "DataPlaneError")
    lab.allowed.readable.add("soc")
    lab.jobs.retry_bin(("soc",), "hourly", NOW)
    assert lab.jobs.runner.run_due() >= 1
    assert lab.bins()[0].status is RunStatus.SUCCEEDED
    with pytest.raises(Conflict):
        lab.jobs.retry_bin(("soc",), "Hourly", NOW)
    lab.jobs.summaries.start(("soc",), "Hourly")
    assert lab.jobs.summaries.get(("soc",), "Hourly").value.active
    assert lab.jobs.runner.book.get(rule.id).failed_in_a_row == 0


def test_every_attempt_at_a_bin_is_told_in_a_table(lab: Lab, ask: Ask) -> None:
    lab.rule(bin_start=NOW, bin_delay=0)
    lab.allowed.readable.remove("soc")
    lab.after(HOUR)
    lab.allowed.readable.add("soc")
    lab.after(HOUR / 60)
    bins = "LASummaryLogs | where BinStartTime == datetime(2026-11-21T12:00:00Z) and BinSize == 60"
    bins += " | where RuleName == 'Hourly'"
    assert ask(f"{bins} | project Status, ResultsRecordCount, isnotempty(Message), isnull(QueryDurationMs)") == [
        ["Started", None, False, True],
        ["Failed", None, True, False],
        ["Started", None, False, True],
        ["Succeeded", ask("Summary_CL | count")[0][0], False, False],
    ]
    assert ask(f"{bins} | where RuleLastModifiedTime == datetime(2026-11-21T12:00:00Z) | count") == [[4]]


def test_a_bin_lands_though_nobody_can_be_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise Unavailable("the disk is full")

    monkeypatch.setattr(lab.analytics.streams, "append", full)
    lab.rule(bin_start=NOW, bin_delay=0)
    lab.after(HOUR)
    assert [r.status for r in lab.bins()] == [RunStatus.SUCCEEDED]


def test_a_rule_that_was_stopped_goes_on_where_its_bins_lie(lab: Lab) -> None:
    lab.rule(bin_start=NOW, bin_size=120, bin_delay=0)
    lab.jobs.summaries.stop(("soc",), "Hourly")
    assert lab.after(5 * HOUR) == 0
    lab.jobs.summaries.start(("soc",), "Hourly")
    assert lab.after(HOUR) == 1
    assert [r.window for r in lab.bins()] == [NOW + 6 * HOUR]


def test_a_rule_may_get_more_columns_and_its_table_does_too(lab: Lab, ask: Ask) -> None:
    lab.rule(query="print n = 1", bin_delay=0)
    lab.after(HOUR)
    lab.rule(query="print n = 2, More = 'x'", bin_delay=0)
    lab.after(HOUR)
    assert ask("Summary_CL | order by n asc | project n, More") == [[1, ""], [1, ""], [2, "x"]]
    with pytest.raises(Conflict, match="is a `long`"):
        lab.rule(query="print n = 'x'")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"bin_size": 25}, "binSize"),
        ({"bin_delay": 1441}, "binDelay"),
        ({"bin_start": NOW + timedelta(minutes=1)}, "whole hour"),
        ({"bin_start": NOW - 2 * HOUR}, "at least"),
        ({"table": "Summary"}, "_CL"),
        ({"table": "SigninLogs"}, "every workspace"),
    ],
)
def test_what_no_rule_can_be_is_refused(lab: Lab, more: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid, match=words):
        lab.rule(**more)
    assert lab.jobs.summaries.list(("soc",)) == []


_SPRING = datetime(2026, 4, 1, tzinfo=UTC), 30, datetime(2026, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("recurrence", "expected"),
    [
        (Recurrence(Frequency.MONTH, datetime(2026, 1, 31, 8, tzinfo=UTC)), ["01-31", "02-28", "03-31", "04-30"]),
        (Recurrence(Frequency.MONTH, datetime(2026, 1, 5, tzinfo=UTC), 2), ["01-05", "03-05", "05-05"]),
        (Recurrence(Frequency.WEEK, datetime(2026, 1, 5, tzinfo=UTC), 6), ["01-05", "02-16", "03-30", "05-11"]),
        (Recurrence(Frequency.ONCE, datetime(2026, 3, 5, tzinfo=UTC)), ["03-05"]),
        (
            Recurrence(Frequency.DAY, datetime(2026, 4, 1, tzinfo=UTC), 30, datetime(2026, 5, 1, tzinfo=UTC)),
            ["04-01", "05-01"],
        ),
    ],
)
def test_moments_of_a_recurrence(recurrence: Recurrence, expected: list[str]) -> None:
    first, last = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 5, 15, tzinfo=UTC)
    found, before = recurrence.between(first, last, 100)
    assert [f"{m:%m-%d}" for m in found if m <= datetime(2026, 5, 15, tzinfo=UTC)][: len(expected)] == expected
    assert before == 0
    one_by_one, after = [], first
    while (moment := recurrence.following(after)) is not None and moment <= last:
        one_by_one.append(moment)
        after = moment
    assert one_by_one == list(found)
    kept, before = recurrence.between(first, last, 2)
    assert (list(kept), before) == (one_by_one[-2:], max(0, len(found) - 2))


def test_a_recurrence_ends_with_the_calendar() -> None:
    late = Recurrence(Frequency.WEEK, datetime(9999, 12, 25, tzinfo=UTC), 52)
    assert late.following(datetime(9999, 12, 26, tzinfo=UTC)) is None
