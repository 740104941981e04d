"""`huntlake report`."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.cli.conftest import Run
from tests.cli.test_rule import RULE

from huntlake.app import App
from huntlake.detection.replaying import Replay, raised
from huntlake.detection.rules import EntityMapping, FieldMapping

BOB = replace(
    RULE,
    display_name="Failed sign-in",
    query="SigninLogs | where ResultType == '50126' | extend Who = 'bob@example.org'",
    techniques=("T1110",),
    sub_techniques=("T1110.003",),
    entity_mappings=(EntityMapping("Account", (FieldMapping("FullName", "Who"),)),),
)
DAY = datetime(2026, 1, 2, tzinfo=UTC)
TRUTH = {
    "steps": [
        {
            "id": f"step-{n}",
            "title": title,
            "begin": f"2026-01-02T{hour:02}:04:00.000000Z",
            "end": f"2026-01-02T{hour:02}:05:00.000000Z",
            "queries": {"SigninLogs": f"print Who = '{who}', Bag = dynamic(['x'])"},
        }
        for n, (title, hour, who) in enumerate(
            [("Guessing", 3, "Bob@example.org"), ("Later", 9, "bob@example.org"), ("Other", 3, "ada@example.org")]
        )
    ]
}


@pytest.fixture
def fired(lake: Path) -> Path:
    """A lake in which one of two rules has fired once."""
    app = App.open(lake)
    (workspace,) = app.workspaces.list()
    app.detection.rules.put((workspace.name,), "loud", BOB)
    app.detection.rules.put((workspace.name,), "silent", replace(BOB, query="SigninLogs | where 1 == 2"))
    app.detection.rules.put((workspace.name,), "off", replace(BOB, enabled=False))
    rules = [(d.name, d.value) for d in app.detection.rules.list((workspace.name,)) if d.value.enabled]
    replay = Replay(app.analytics.queries, workspace, rules, DAY, DAY + timedelta(days=1))
    assert sum(len(stored.alerts) for _, stored in raised(replay, app.detection.raising, workspace)) == 1
    app.close()
    return lake


def test_the_layer_has_the_techniques_of_rules_that_have_fired(run: Run, fired: Path, tmp_path: Path) -> None:
    told = run("report", "coverage")
    layer = json.loads(told.out)
    assert layer["versions"]["layer"] == "4.5"
    assert [(t["techniqueID"], t["score"]) for t in layer["techniques"]] == [("T1110", 1), ("T1110.003", 1)]
    assert "1 of 2 rules have not" in layer["description"]
    assert json.loads(run("report", "coverage", "--from", "2026-01-03").out)["techniques"] == []
    assert run("report", "coverage", "--file", tmp_path / "layer.json").out == ""
    assert json.loads((tmp_path / "layer.json").read_text()) == layer


def test_a_rule_that_is_not_enabled_any_more_covers_nothing(run: Run, fired: Path) -> None:
    run("rule", "disable", "loud")
    assert json.loads(run("report", "coverage").out)["techniques"] == []


def test_loud_and_silent_rules_are_told_apart(run: Run, fired: Path) -> None:
    run("incident", "close", "1", "--as", "false-positive", "--reason", "inaccurate-data")
    told = run("report", "noise", "-o", "json")
    assert [(r["rule"], r["alerts"], r["right"], r["wrong"]) for r in json.loads(told.out)] == [
        ("loud", 1, 0, 1),
        ("silent", 0, 0, 0),
    ]
    assert "2 rules, 1 of them silent" in told.err


def test_a_step_is_detected_by_an_alert_about_it_at_its_time(run: Run, fired: Path) -> None:
    (fired / "ground-truth.json").write_text(json.dumps(TRUTH))
    told = run("report", "mttd", "-o", "json")
    assert [(r["step"], r["took"]) for r in json.loads(told.out)] == [
        ("Guessing", "0:56:00"),
        ("Later", ""),
        ("Other", ""),
    ]
    assert "1 of 3 steps detected, in 0:56:00 as a mean" in told.err


def test_a_file_that_tells_no_steps_is_refused(run: Run, fired: Path, tmp_path: Path) -> None:
    (tmp_path / "no.json").write_text("[]")
    told = run("report", "mttd", "--truth", tmp_path / "no.json")
    assert (told.code, "tells no steps" in told.err) == (1, True)
