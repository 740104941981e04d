"""`huntlake hunt` for those who review, and `huntlake audit`."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bench.hunt_world import new
from tests.cli.conftest import Run

from huntlake.app import App
from huntlake.hunting.lifecycle.acting import Acting
from huntlake.hunting.proof.finding import Cost, DryRun, Proof, Volume
from huntlake.state.audit import TABLE
from huntlake.state.records import Author

OWNER = ("default",)
ANN = Acting.person(Author("7", "Ann"), hunts=True, approves=True)


@pytest.fixture
def hunt(lake: Path) -> str:
    """A hunt of somebody else's that waits for a review."""
    app = App.open(lake)
    try:
        hunts, now = app.hunting.hunts, datetime.now(UTC)
        made = new("SecurityEvent\n| where EventID == 1102\n| where Account == 'x\x1b[2J'")
        name = hunts.create(OWNER, made, ANN).name
        schema = app.hunting.hunts._prover.fingerprint("default", made.content)
        run = DryRun(now - timedelta(days=7), now, now, 14)
        hunts.prove(OWNER, name, proof=Proof(now, schema, (), Cost(1000, 10, ()), Volume(2, 1, 3, "a day"), run))
        hunts.submit(OWNER, name, ANN)
    finally:
        app.close()
    return name


def test_a_reviewer_sees_all_and_decides(run: Run, hunt: str) -> None:
    (waiting,) = json.loads(run("hunt", "queue", "-o", "json").out)
    assert (waiting["hunt"], waiting["state"], waiting["author"]) == (hunt, "in_review", "Ann")
    shown = run("hunt", "show", hunt[:8])
    assert "| where EventID == 1102" in shown.out
    assert "\x1b" not in shown.out
    assert run("hunt", "review", hunt, "approve").code == 1
    done = run("hunt", "review", hunt, "approve", "-m", "read")
    assert (done.code, "version 1 is approved" in done.err) == (0, True)
    assert json.loads(run("hunt", "queue", "-o", "json").out) == []
    assert run("hunt", "schedule", hunt).code == 0
    (listed,) = json.loads(run("hunt", "list", "--state", "scheduled", "-o", "json").out)
    assert (listed["version"], listed["runs"]) == (1, 1)
    assert run("hunt", "list", "--state", "odd").code == 1
    assert run("hunt", "retire", hunt).code == 1
    assert run("hunt", "retire", hunt, "-r", "done").code == 0


def test_what_one_edits_one_doesnt_approve_and_may_take_back(run: Run, hunt: str, tmp_path: Path) -> None:
    assert run("hunt", "review", hunt, "approve", "-m", "read").code == 0
    query = tmp_path / "q.kql"
    query.write_text("SecurityEvent\n| where EventID == 4625")
    assert run("hunt", "edit", hunt, "-q", str(query)).code == 0
    told = run("hunt", "diff", hunt, "1").out
    assert "-| where EventID == 1102" in told
    assert "\x1b" not in told
    assert run("hunt", "comment", hunt, "what of 4624?").code == 0
    rolled = run("hunt", "rollback", hunt, "--to", "1", "-r", "the first was better")
    assert (rolled.code, "version 3 is scheduled" in rolled.err) == (0, True)
    rows = json.loads(run("hunt", "versions", hunt, "-o", "json").out)
    assert [r["state"] for r in rows] == ["superseded", "superseded", "scheduled"]


def test_the_phase_is_said_and_set_with_a_reason(run: Run, lake: Path) -> None:
    assert json.loads(run("hunt", "phase", "-o", "json").out)["phase"] == 1
    assert run("hunt", "phase", "2").code == 1
    assert run("hunt", "phase", "4", "-r", "go").code == 1
    assert run("hunt", "phase", "2", "-r", "a quiet month").code == 0
    assert "phase 2, since" in run("hunt", "phase").out


def test_the_audit_is_shown_and_verified(run: Run, hunt: str, lake: Path) -> None:
    entries, noted = run("audit", "head").out.split()
    assert int(entries) == 4
    assert run("audit", "verify", "--expect", noted).code == 0
    assert run("audit", "verify", "--expect", "0" * 64).code == 1
    shown = json.loads(run("audit", "show", "--object", hunt, "--last", "1", "-o", "json").out)
    assert [(e["Action"], e["ToState"]) for e in shown] == [("hunt/submit", "in_review")]
    assert "draft → validated" in run("audit", "show").out
    told = run("query", "HuntlakeAudit | where Action == 'hunt/submit' | project ActorName, ToState", "-o", "json")
    assert json.loads(told.out) == [{"ActorName": "Ann", "ToState": "in_review"}]
    app = App.open(lake)
    name, cells = next(iter(app.state.read_after(f"rows of default/{TABLE}", "")))
    assert isinstance(cells, dict)
    app.state.upsert(f"rows of default/{TABLE}", name, cells | {"ActorName": "Bob"}, "")
    app.close()
    broken = run("audit", "verify")
    assert (broken.code, "entry 1: it isn't what was written" in broken.out) == (1, True)


def test_a_hunt_without_anything_is_shown_too(run: Run, lake: Path) -> None:
    app = App.open(lake)
    name = app.hunting.hunts.create(OWNER, replace(new("print 1"), techniques=()), ANN).name
    app.close()
    assert json.loads(run("hunt", "show", name, "-o", "json").out)["state"] == "draft"
    assert run("hunt", "submit", name).code == 1


def test_who_is_told_of_hunts_is_listed_set_and_deleted(run: Run, lake: Path) -> None:
    assert run("hunt", "notice", "set", "mail", "--playbook", "tell-of-hunts").code == 1
    assert run("playbook", "samples", "tell-of-hunts", "--install").code == 0
    made = run("hunt", "notice", "set", "mail", "--playbook", "tell-of-hunts", "--event", "HuntFindings")
    assert made.code == 0
    (listed,) = json.loads(run("hunt", "notice", "list", "-o", "json").out)
    assert (listed["playbook"], listed["events"], listed["enabled"]) == ("tell-of-hunts", ["HuntFindings"], "yes")
    assert run("hunt", "notice", "delete", "mail").code == 0
    assert run("hunt", "notice", "delete", "mail").code == 1


def test_one_begins_a_hunt_of_ones_own(run: Run, lake: Path, tmp_path: Path) -> None:
    query = tmp_path / "q.kql"
    query.write_text("SecurityEvent | where EventID == 1102 | project TimeGenerated, Computer, Account")
    described = ["--rationale", "why not", "--technique", "T1070.001", "--entity", "Host:HostName=Computer"]
    assert run("hunt", "new", str(query), "-t", "Logs", "--entity", "Host").code == 1
    made = run("hunt", "new", str(query), "-t", "Logs", *described, "--every", "60")
    assert made.code == 0, made.err
    (listed,) = json.loads(run("hunt", "list", "-o", "json").out)
    shown = json.loads(run("hunt", "show", listed["hunt"], "-o", "json").out)
    assert (shown["tables"], shown["entities"]) == (["SecurityEvent"], {"Host": {"HostName": "Computer"}})
    assert (shown["frequency"], shown["state"]) == ("every 1h", "dry_run_ok")
    assert run("hunt", "submit", listed["hunt"]).code == 0
    mine = run("hunt", "review", listed["hunt"], "approve", "-m", "it is mine")
    assert (mine.code, "four_eyes" in mine.err) == (1, True)


def test_a_repair_is_shown_and_made_a_version_where_somebody_says_so(run: Run, lake: Path, tmp_path: Path) -> None:
    (tmp_path / "q.kql").write_text("securityevent | where EventID = 1102")
    checked = run("hunt", "check", str(tmp_path / "q.kql"), "--repair")
    assert "HP501" in checked.out
    assert "SecurityEvent | where EventID == 1102" in checked.out
    made = run("hunt", "new", str(tmp_path / "q.kql"), "-t", "Cleared")
    name = json.loads(run("hunt", "list", "-o", "json").out)[0]["hunt"]
    assert made.code == 0, made.err
    shown = run("hunt", "repair", name)
    assert (shown.code, "SecurityEvent | where EventID == 1102" in shown.out) == (0, True)
    assert json.loads(run("hunt", "list", "-o", "json").out)[0]["version"] == 1
    assert run("hunt", "repair", name, "--apply").code == 0
    (listed,) = json.loads(run("hunt", "list", "-o", "json").out)
    assert listed["version"] == 2
    assert listed["state"] != "invalid"
    assert run("hunt", "repair", name).code == 1


def test_what_is_wrong_with_a_new_hunt_is_told_at_once(run: Run, lake: Path, tmp_path: Path) -> None:
    (tmp_path / "q.kql").write_text("SigninLogs | where Foo == 1\n")
    told = run("hunt", "new", tmp_path / "q.kql", "-t", "Bad")
    assert "query:1:20: " in told.err, told.err
    assert "no column is named `Foo`" in told.err
    assert "version 1 is invalid" in told.err


def test_nobody_is_another_by_what_the_environment_says(run: Run, hunt: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pwd = pytest.importorskip("pwd")
    for name in ("LOGNAME", "USER", "USERNAME"):
        monkeypatch.setenv(name, "Bob")
    assert run("hunt", "review", hunt, "changes", "-m", "too wide").code == 0
    told = json.loads(
        run("query", f"{TABLE} | where Action == 'hunt/request changes' | project ActorName", "-o", "json").out
    )
    assert told == [{"ActorName": pwd.getpwuid(os.getuid()).pw_name}]
