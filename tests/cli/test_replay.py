"""`huntlake replay`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Run

RULE = """\
id: 0f9b7a52-3a0c-4a7c-8d0e-5a4a5b1f0001
name: Any sign-in
severity: Medium
kind: Scheduled
queryFrequency: 1h
queryPeriod: 1h
triggerOperator: gt
triggerThreshold: 0
query: SigninLogs | where ResultType == "50126" | extend Name = "bob@corp.example"
entityMappings:
  - entityType: Account
    fieldMappings: [{identifier: FullName, columnName: Name}]
"""
SPAN = ("--from", "2026-01-01", "--to", "2026-01-03T00:00:00Z")


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "one.yaml").write_text(RULE)
    other = RULE.replace("0001", "0002").replace("Any sign-in", "Another | rule").replace("1h", "2h")
    (folder / "other.yaml").write_text(other)
    (folder / "broken.yaml").write_text(RULE.replace("0001", "0003").replace("ResultType ==", "Missing =="))
    return folder


def test_what_rules_would_have_told_is_printed(run: Run, lake: Path, rules: Path) -> None:
    told = run("replay", rules, *SPAN)
    assert told.code == 0, told.err
    assert "2 alerts, 2 incidents; 1 rules failed" in told.err
    for said in ("Any sign-in", "01-02", "Account bob@corp.example (1)", "Missing", "2026-01-02T03:04:06Z"):
        assert said in told.out
    assert json.loads(run("incident", "list", "-o", "json").out) == []


def test_a_program_reads_the_same(run: Run, lake: Path, rules: Path) -> None:
    found = json.loads(run("replay", rules, *SPAN, "--correlate", "-f", "json").out)
    (incident,) = found["incidents"]
    assert (len(incident["alerts"]), incident["entities"]) == (2, ["Account bob@corp.example"])
    (overlap,) = found["overlaps"]
    assert (overlap["entities"], overlap["incidents"]) == (1, 1)
    first = next(r for r in found["rules"] if r["title"] == "Any sign-in")
    assert (first["windows"], first["alerts"], first["by_day"]) == (48, 1, {"2026-01-02": 1})
    assert first["runs"] < 5
    broken = next(r for r in found["rules"] if r["failures"])
    assert (broken["failures"][0]["windows"], broken["abandoned"]) == (8, 40)


def test_markdown_keeps_what_logs_and_rules_say_from_being_obeyed(run: Run, lake: Path, rules: Path) -> None:
    told = run("replay", rules, *SPAN, "-f", "markdown").out
    assert "Another \\| rule" in told


def test_rules_of_the_workspace_are_named(run: Run, lake: Path, rules: Path) -> None:
    assert run("replay", *SPAN, "--rule", "nope").code == 1
    assert "no rule is named" in run("replay", *SPAN).err
    assert "before" in run("replay", rules, "--from", "2026-01-03", "--to", "2026-01-01").err
