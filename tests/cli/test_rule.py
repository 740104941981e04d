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
