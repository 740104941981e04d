"""Servers that share a PostgreSQL go on with the runs of one that is gone; and runs that nobody ever will end."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.playbooks.place import Service, executing, http, place_at

from huntlake.playbooks.runs import working
from huntlake.playbooks.runs.records import RunStatus

CHILD = """
import sys, time
from pathlib import Path
from tests.playbooks.place import Service, executing, http

with executing(Path(sys.argv[1]), Service(), sys.argv[2]) as place:
    wait = {"type": "Wait", "inputs": {"interval": {"count": 3, "unit": "Second"}}, "runAfter": {"A": ["Succeeded"]}}
    place.put("shared", {"A": http(), "Wait": wait, "B": http("Wait")})
    (run,) = place.fire("shared", key="k")
    while place.statuses(run).get("Wait") != "Running":
        time.sleep(0.05)
    print(run.name, flush=True)
    time.sleep(60)
"""


def test_a_server_goes_on_with_the_runs_of_one_that_was_killed(
    tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(first), postgres], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        run = child.stdout.readline().strip()
        child.kill()
    assert run
    second.mkdir()
    if (first / "secrets.key").exists():
        shutil.copy(first / "secrets.key", second / "secrets.key")
    monkeypatch.setattr(working, "ALIVE", timedelta(seconds=2.5))
    monkeypatch.setattr(working, "_BEAT", 1.0)
    with executing(second, Service(), postgres) as place:
        ended = place.playbooks.runs.wait("shared", run, 60)
        assert ended.value.status is RunStatus.SUCCEEDED
        assert [c.key for c in place.service.asked] == ["B"], "what was done is not done again"


def test_a_run_whose_definition_is_lost_ends_and_says_why(tmp_path: Path) -> None:
    place = place_at(tmp_path)
    place.put("lost", {"A": http()})
    (run,) = place.fire("lost")
    place.playbooks.runs.records.change(("playbooks", "lost"), run.name, lambda r: replace(r, version="gone"))
    place.state.close()
    with executing(tmp_path) as place:
        ended = place.playbooks.runs.wait("lost", run.name, 30)
        assert ended.value.status is RunStatus.FAILED
        assert ended.value.code == "InvalidWorkflow"
        assert not place.playbooks.runs.open.names()


def test_a_run_whose_journal_does_not_fit_it_any_more_ends_and_says_why(tmp_path: Path) -> None:
    wait = {"type": "Wait", "inputs": {"interval": {"count": 1, "unit": "Hour"}}, "runAfter": {"A": ["Succeeded"]}}
    with executing(tmp_path) as place:
        place.put("changed", {"A": http(), "Wait": wait})
        (run,) = place.fire("changed")
        while place.statuses(run).get("Wait") != "Running":
            pass
    with sqlite3.connect(tmp_path / "runs.db") as journal:
        journal.execute("update operation_outputs set function_name = 'B#1' where function_name = 'A#1'")
    journal.close()
    with executing(tmp_path) as place:
        ended = place.playbooks.runs.wait("changed", run.name, 30)
        assert (ended.value.status, ended.value.code) == (RunStatus.FAILED, "RunNotResumable")


def test_a_run_that_was_left_behind_goes_on_where_it_was(tmp_path: Path) -> None:
    wait = {"type": "Wait", "inputs": {"interval": {"count": 2, "unit": "Second"}}, "runAfter": {"A": ["Succeeded"]}}
    with executing(tmp_path) as place:
        place.put("left", {"A": http(), "Wait": wait, "B": http("Wait")})
        (run,) = place.fire("left")
        while place.statuses(run).get("Wait") != "Running":
            pass
    with executing(tmp_path) as place:
        assert place.playbooks.runs.wait("left", run.name, 30).value.status is RunStatus.SUCCEEDED
        assert [c.key for c in place.service.asked] == ["B"]


def test_a_server_that_ends_fails_no_run_that_is_under_way(tmp_path: Path) -> None:
    wait = {"type": "Wait", "inputs": {"interval": {"count": 3, "unit": "Second"}}, "runAfter": {"A": ["Succeeded"]}}
    with executing(tmp_path) as place:
        place.put("many", {"A": http(), "Wait": wait, "B": http("Wait")})
        runs = [place.fire("many", n)[0] for n in range(20)]
    with executing(tmp_path) as place:
        ended = [place.playbooks.runs.wait("many", r.name, 60) for r in runs]
        assert {e.value.status for e in ended} == {RunStatus.SUCCEEDED}


def test_a_run_that_nobody_works_on_any_more_gets_its_end(tmp_path: Path) -> None:
    wait = {"type": "Wait", "inputs": {"interval": {"count": 1, "unit": "Hour"}}, "runAfter": {"A": ["Succeeded"]}}
    with executing(tmp_path) as place:
        place.put("abandoned", {"A": http(), "Wait": wait})
        (run,) = place.fire("abandoned")
        while place.statuses(run).get("Wait") != "Running":
            pass
    with sqlite3.connect(tmp_path / "runs.db") as journal:
        journal.execute("update workflow_status set status = 'MAX_RECOVERY_ATTEMPTS_EXCEEDED'")
    journal.close()
    with executing(tmp_path) as place:
        ended = place.playbooks.runs.wait("abandoned", run.name, 30)
        assert (ended.value.status, ended.value.code) == (RunStatus.FAILED, "RunAbandoned")
        assert "the process died each time" in ended.value.error
