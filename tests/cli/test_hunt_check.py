"""`huntlake hunt check`."""

from __future__ import annotations

import json
from pathlib import Path

from .conftest import Run


def put(run: Run, folder: Path) -> None:
    rows = folder / "rows.jsonl"
    rows.write_text('{"TimeGenerated": "2026-11-20T10:00:00Z", "UserPrincipalName": "ann@corp.example"}\n')
    assert run("ingest", rows, "--table", "SigninLogs").code == 0


def test_findings_have_their_places_and_decide_the_exit_code(run: Run, tmp_path: Path) -> None:
    put(run, tmp_path)
    file = tmp_path / "hunt.kql"
    file.write_text("SigninLogs\n| where UserPrincipalNam has 'ann'")
    bad = run("hunt", "check", file)
    assert bad.code == 1
    assert f"{file}:2:9: HP011 error: no column is named `UserPrincipalNam`" in bad.out
    file.write_text("SigninLogs\n| where UserPrincipalName has 'ann'")
    good = run("hunt", "check", file)
    assert good.code == 0
    assert "0 errors" in good.out
    assert run("hunt", "check", tmp_path / "nowhere.kql").code == 1


def test_a_dry_run_is_told_as_json(run: Run, tmp_path: Path) -> None:
    put(run, tmp_path)
    file = tmp_path / "hunt.kql"
    file.write_text("declare query_parameters(who:string); SigninLogs | where UserPrincipalName has who")
    quiet = tmp_path / "SigninLogs.jsonl"
    quiet.write_text('{"TimeGenerated": "2025-01-01T00:00:00Z", "UserPrincipalName": "bob@corp.example"}\n')
    entity = "Account.FullName=UserPrincipalName"
    options = ("--run", "-p", "who='ann'", "--entity", entity, "--must-stay-quiet", quiet, "-o", "json")
    done = run("hunt", "check", file, *options)
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert told["valid"]
    assert told["ran"]
    assert told["checks"] == [{"recording": "SigninLogs", "expectation": "must stay quiet", "rows": 0, "passed": True}]
    assert told["dryRun"]["failure"] == ""


def test_text_of_a_query_is_no_command_of_the_terminal(run: Run, tmp_path: Path) -> None:
    put(run, tmp_path)
    file = tmp_path / "hunt.kql"
    file.write_text("SigninLogs | where ['\x1b[2J'] == 1")
    done = run("hunt", "check", file)
    assert done.code == 1
    assert "\x1b" not in done.out


def test_recorded_data_are_kept_listed_and_forgotten(run: Run, tmp_path: Path) -> None:
    put(run, tmp_path)
    quiet = tmp_path / "SigninLogs.jsonl"
    quiet.write_text('{"TimeGenerated": "2025-01-01T00:00:00Z", "UserPrincipalName": "bob@corp.example"}\n')
    add = ("hunt", "recording", "add", "a-day", quiet, "--expect", "must-stay-quiet")
    assert "say for which hunts" in run(*add).err
    assert run(*add, "--hunt", "nothing").code == 1
    assert run(*add, "--hunt", "*").code == 0
    (kept,) = json.loads(run("hunt", "recording", "list", "-o", "json").out)
    assert (kept["recording"], kept["tables"], kept["rows"], kept["for"]) == ("a-day", ["SigninLogs"], 1, ["*"])
    assert run("hunt", "recording", "remove", "a-day").code == 0
    assert run("hunt", "recording", "remove", "a-day").code == 1
