"""`huntlake rule`."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from tests.cli.conftest import Run

from huntlake.app import App
from huntlake.detection.rules import AnalyticRule, RuleKind, TriggerOperator
from huntlake.detection.severity import Severity

_HOUR = timedelta(hours=1)
RULE = AnalyticRule(
    kind=RuleKind.SCHEDULED,
    display_name="Any",
    enabled=True,
    severity=Severity.LOW,
    query="print Host = 'a'",
    suppression_duration=_HOUR,
    suppression_enabled=False,
    query_frequency=_HOUR,
    query_period=_HOUR,
    trigger_operator=TriggerOperator.GREATER_THAN,
    trigger_threshold=0,
)


def test_a_rule_is_listed_run_and_switched(run: Run, lake: Path) -> None:
    app = App.open(lake)
    (workspace,) = app.workspaces.list()
    app.detection.rules.put((workspace.name,), "r1", RULE)
    app.close()
    (listed,) = json.loads(run("rule", "list", "-o", "json").out)
    assert (listed["rule"], listed["name"], listed["enabled"]) == ("r1", "Any", True)
    told = run("rule", "run", "r1", "--dry", "-o", "json")
    assert (told.code, "1 rows" in told.err) == (0, True)
    (alert,) = json.loads(run("rule", "run", "r1", "--until", "2026-01-31T12:00", "-o", "json").out)
    assert alert["title"] == "Any"
    assert json.loads(run("rule", "history", "r1", "-o", "json").out) == []
    assert run("rule", "disable", "r1").code == 0
    assert json.loads(run("rule", "list", "--state", "enabled", "-o", "json").out) == []
    shown = {row["what"]: row["is"] for row in json.loads(run("rule", "show", "r1", "-o", "json").out)}
    assert (shown["enabled"], shown["query"]) == (False, "print Host = 'a'")
    assert run("rule", "enable", "r1").code == 0
    audited = run("query", "SentinelAudit | where Description has 'update' | count", "-o", "json")
    assert json.loads(audited.out)[0]["Count"] == 3


def test_a_rule_or_a_time_that_is_not_there_is_told(run: Run, lake: Path) -> None:
    assert run("rule", "show", "nope").code == 1
    told = run("rule", "run", "nope", "--until", "yesterday")
    assert (told.code, "is no time" in told.err) == (1, True)


def test_tests_are_run_and_exported_with_their_rule(run: Run, lake: Path, tmp_path: Path) -> None:
    app = App.open(lake)
    (workspace,) = app.workspaces.list()
    for name in ("r1", "r2"):
        app.detection.rules.put((workspace.name,), name, RULE)
    for name, alerts in (("good", 1), ("bad", 2)):
        test = app.rule_tests.meant(workspace, f"name: {name} one\nexpect: {{alerts: {alerts}}}\n")
        app.rule_tests.put(workspace, "r1", name, test)
    app.close()
    told = run("rule", "test", "--verbose")
    assert told.code == 1
    assert "pass  r1/good: good one" in told.out
    assert "FAIL  r1/bad: bad one\n  r1/bad:2: 2 alerts expected, 1 found: `Any`" in told.out
    assert "2 tests: 1 passed, 1 failed" in told.err
    assert '<testsuites name="huntlake rule test"' in run("rule", "test", "r1", "-f", "junit").out
    assert run("rule", "test", "r2").code == 1
    assert run("rule", "test", "nope").code == 1
    folder = tmp_path / "out"
    told = run("rule", "export", folder)
    assert (told.code, "2 rules and 1 files of tests" in told.err) == (0, True)
    assert sorted(p.name for p in folder.iterdir()) == ["any-2.yaml", "any.test.yaml", "any.yaml"]
    assert "1 passed, 1 failed" in run("test", folder).err
    assert "--force" in run("rule", "export", folder, "r1").err
    assert run("rule", "export", folder, "r1", "--force").code == 0
