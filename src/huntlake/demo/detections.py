"""The pack of rules over the demo's fortnight: the attack as incidents, and how quiet the rest is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from huntlake.detection.correlation import CorrelationSetting
from huntlake.detection.pack import named_rules, pack_tests
from huntlake.detection.replaying import Progress, Replay, raised
from huntlake.engines.cancellation import Cancellation
from huntlake.state.records import Author

if TYPE_CHECKING:
    from huntlake.detection.service import Detection
    from huntlake.detection.testing.stored import RuleTests
    from huntlake.workspace.query import Queries
    from huntlake.workspace.workspaces import Workspace

BY = Author(name="huntlake demo")


@dataclass(frozen=True)
class Detected:
    """What the pack found: how many rules looked at how many windows, and why some couldn't."""

    rules: int
    windows: int
    runs: int
    failures: tuple[str, ...]


def detect(
    detection: Detection,
    queries: Queries,
    workspace: Workspace,
    end: datetime,
    days: int,
    progress: Progress | None = None,
) -> Detected:
    """Make the pack's rules those of the workspace, and run each over the days before `end` as its schedule would have.

    Alerts of all rules are correlated. What was raised before is not raised again.
    """
    owner, rules = (workspace.name,), named_rules()
    tests = pack_tests()
    detection.correlation.put(workspace.name, CorrelationSetting(enabled=True), BY)
    for name, rule in rules:
        if detection.rules.find(owner, name) is None:
            # Its schedule goes on where the days before `end` are over: no row is looked at by windows that lie askew.
            detection.rules.put(owner, name, replace(rule, start_time_utc=end), BY)
            for test_name, test in tests[name]:
                detection.rule_tests.put((*owner, name), test_name, test, BY)
    replay = Replay(queries, workspace, rules, end - timedelta(days=days), end, progress=progress)
    runs = list(raised(replay, detection.raising, workspace))
    planned = replay.planned()
    return Detected(
        len(rules),
        sum(p.windows for p in planned),
        len(runs),
        tuple(_failures((one.name, one.failure) for one, _ in runs if one.failure)),
    )


def prove(tests: RuleTests, workspace: Workspace) -> None:
    """Run the tests of the rules that have raised alerts: those are looked at first."""
    told = {document.value.rule.lower() for document in tests.detection.alerts.list((workspace.name,))}
    with tests.process() as process:
        for rule in sorted(told & {name.lower() for name in tests.tallies(workspace)}):
            tests.run(workspace, rule, Cancellation(), process=process)


def _failures(found: Iterable[tuple[str, str]]) -> Iterable[str]:
    return dict.fromkeys(f"{name}: {failure.splitlines()[0]}" for name, failure in found)
