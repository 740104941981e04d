"""Rules over history: the same runs, whatever is left out, and however often they are asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from huntlake.assembly.analytics import Analytics
from huntlake.core.clock import FixedClock
from huntlake.core.errors import Cancelled, Invalid
from huntlake.detection.correlation import CorrelationSetting
from huntlake.detection.replaying import MOST_FAILURES, MovedClock, Replay, Replayed, raised
from huntlake.detection.rules import (
    AnalyticRule,
    EntityMapping,
    FieldMapping,
    RuleKind,
    TriggerOperator,
)
from huntlake.detection.service import Detection
from huntlake.detection.severity import Severity, Tactic
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.geography import Nowhere
from huntlake.state.memory import MemoryShelf
from huntlake.workspace.workspaces import Workspace

SOC = Workspace("soc", "11111111-2222-3333-4444-555555555555")
END = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SINCE = END - 30 * HOUR
HOURS = [(0.0, "a", 1), (0.5, "b", 7), (3.5, "b", 7), (10, "a", 7), (22.2, "c", 1), (22.4, "a", 9), (29, "b", 2)]
"""Hours before the end, a name, a number."""
RULE = AnalyticRule(
    kind=RuleKind.SCHEDULED,
    display_name="Anything",
    enabled=True,
    severity=Severity.MEDIUM,
    query="One_CL | where Number > 5 | extend Who = strcat(Name, '@corp.example')",
    suppression_duration=5 * HOUR,
    suppression_enabled=False,
    query_frequency=HOUR,
    query_period=HOUR,
    trigger_operator=TriggerOperator.GREATER_THAN,
    trigger_threshold=0,
    tactics=(Tactic.EXECUTION,),
    entity_mappings=(EntityMapping("Account", (FieldMapping("FullName", "Who"),)),),
)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Analytics]:
    folder = tmp_path_factory.mktemp("lake")
    made = Analytics.over(folder / "home", Bounds(threads=1), Nowhere(), FixedClock(END))
    file = folder / "rows.jsonl"
    with file.open("w") as out:
        for hours, name, number in HOURS:
            at = (END - timedelta(hours=hours)).isoformat()
            out.write(json.dumps({"TimeGenerated": at, "Name": name, "Number": number}) + "\n")
    made.ingestion.ingest(SOC, "One_CL", file)
    yield made
    made.engine.close()


def replay(lake: Analytics, *rules: AnalyticRule, **options: Any) -> Replay:
    named = [(f"rule {n}", rule) for n, rule in enumerate(rules)]
    return Replay(lake.queries, SOC, named, SINCE, END, **options)


def found(runs: Iterator[Replayed] | Replay) -> list[tuple[str, str, bytes]]:
    """What each run that has something to say says, to the byte."""
    return [
        (r.name, r.failure, orjson.dumps(r.run, default=str) if r.run else b"")
        for r in runs
        if r.failure or (r.run and (r.run.rows or r.run.triggered))
    ]


def story(runs: Replay) -> list[tuple[int, str, int]]:
    clock = MovedClock(SINCE)
    detection = Detection.over(MemoryShelf(), clock)
    detection.correlation.put(SOC.name, CorrelationSetting(True))
    for _ in raised(runs, detection.raising, SOC, clock):
        pass
    owner = (SOC.name,)
    documents = detection.incidents.list(owner)
    return sorted((d.value.number, d.value.title, len(detection.incidents.alerts(owner, d.name))) for d in documents)


def test_only_windows_that_can_hold_something_are_run(lake: Analytics) -> None:
    made = replay(lake, RULE)
    (planned,) = made.planned()
    assert (planned.windows, len(planned.ends)) == (30, len(list(made)))
    assert len(planned.ends) < 10
    # The end of a window isn't in it: the row of the very end is of the next one.
    ends = [END - r.window.until for r in made if r.run and r.run.triggered]
    assert ends == [22 * HOUR, 9 * HOUR, 3 * HOUR, 0 * HOUR]


def test_a_rule_that_fires_for_nothing_runs_each_time(lake: Analytics) -> None:
    silent = replace(RULE, trigger_operator=TriggerOperator.LESS_THAN, trigger_threshold=1)
    made = replay(lake, silent)
    assert len(made.planned()[0].ends) == 30
    assert sum(r.run is not None and r.run.triggered for r in made) == 26


def test_runs_come_in_the_order_of_their_windows_and_names(lake: Analytics) -> None:
    told = [(r.window.until, r.name) for r in replay(lake, RULE, RULE, replace(RULE, query="One_CL"), every=True)]
    assert told == sorted(told)
    assert len(told) == 90


QUERIES = st.sampled_from(
    [
        "One_CL",
        "One_CL | where Number > 5",
        "One_CL | where Name == 'a' | summarize Number = sum(Number) by Name",
        "One_CL | summarize Number = count() by Name | where Number > 1",
        "One_CL | summarize Number = count() | extend Name = 'x'",
        "One_CL | where TimeGenerated > ago(20m)",
        "One_CL | where Number > 5 | join kind=leftanti (One_CL | where TimeGenerated < ago(2h)) on Name",
        "One_CL | where hourofday(now()) > 12 and Name != 'c'",
        "One_CL | where Missing == 1",
        "print Name = 'a'",
    ]
)
RULES = st.builds(
    lambda query, hours, period, operator, threshold, suppressed: replace(
        RULE,
        query=query,
        query_frequency=hours * HOUR,
        query_period=max(hours, period) * HOUR,
        trigger_operator=operator,
        trigger_threshold=threshold,
        suppression_enabled=suppressed,
    ),
    QUERIES,
    st.sampled_from([1, 2, 7]),
    st.sampled_from([1, 3, 24]),
    st.sampled_from(TriggerOperator),
    st.sampled_from([0, 1, 2]),
    st.booleans(),
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(RULES, min_size=1, max_size=3))
def test_what_is_left_out_changes_nothing(lake: Analytics, rules: list[AnalyticRule]) -> None:
    some, every = replay(lake, *rules), replay(lake, *rules, every=True, threads=1)
    assert found(some) == found(every) == found(some)
    assert story(some) == story(every)


def test_a_rule_that_fails_is_told_and_does_not_stop_the_others(lake: Analytics) -> None:
    told = list(replay(lake, replace(RULE, query="One_CL | where Missing == 1"), RULE))
    failures = [r for r in told if r.failure]
    assert len(failures) == MOST_FAILURES
    assert all(r.name == "rule 0" and "Missing" in r.failure for r in failures)
    assert sum(r.run is not None and r.run.triggered for r in told) == 4


def test_alerts_become_the_incidents_that_they_would_have_been(lake: Analytics) -> None:
    hourly = replay(lake, RULE)
    assert story(hourly) == [(1, "Anything", 2), (2, "Anything", 2)]
    quiet = replace(RULE, suppression_enabled=True, suppression_duration=8 * HOUR)
    assert sum(n for _, _, n in story(replay(lake, quiet))) == sum(n for _, _, n in story(hourly)) - 1


def test_progress_ends_at_the_number_of_windows(lake: Analytics) -> None:
    steps = list[tuple[int, int]]()
    list(replay(lake, RULE, progress=lambda done, total: steps.append((done, total))))
    assert steps[0][0] > 20
    assert steps[-1] == (30, 30)
    assert steps == sorted(steps)


def test_a_replay_that_nobody_wants_any_more_ends(lake: Analytics) -> None:
    made = replay(lake, RULE, every=True)
    runs = iter(made)
    next(runs)
    made.cancellation.cancel()
    with pytest.raises(Cancelled):
        list(runs)


def test_one_that_is_left_early_can_be_begun_again(lake: Analytics) -> None:
    made = replay(lake, RULE)
    next(iter(made))
    assert len(list(made)) == len(made.planned()[0].ends)


def test_what_cannot_be_planned_is_refused(lake: Analytics) -> None:
    with pytest.raises(Invalid, match="queryFrequency"):
        replay(lake, replace(RULE, query_frequency=None)).planned()
    with pytest.raises(Invalid, match="same name"):
        Replay(lake.queries, SOC, [("r", RULE), ("r", RULE)], SINCE, END).planned()
