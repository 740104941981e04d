from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from huntlake.assembly.analytics import Analytics
from huntlake.core.clock import FixedClock
from huntlake.core.errors import LimitExceeded
from huntlake.detection.alerts import Alert
from huntlake.detection.entity_types import ENTITY_TYPES
from huntlake.detection.extraction import entities_json, entity, from_alerts
from huntlake.detection.rules import (
    Aggregation,
    AnalyticRule,
    DetailsOverride,
    DynamicProperty,
    EntityMapping,
    EventGrouping,
    FieldMapping,
    RuleKind,
    SentinelEntity,
    TriggerOperator,
)
from huntlake.detection.running import MOST_ALERTS, MOST_ENTITIES, Run, Window, is_sorted, judged, run, triggers
from huntlake.detection.severity import Severity, Tactic
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.geography import Nowhere
from huntlake.kql.types import ScalarType
from huntlake.workspace.workspaces import Workspace

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SOC = Workspace("soc", "11111111-2222-3333-4444-555555555555")
RULE = AnalyticRule(
    kind=RuleKind.SCHEDULED,
    display_name="Failed sign-ins",
    enabled=True,
    severity=Severity.MEDIUM,
    query='SigninLogs | where ResultType != "0" | project TimeGenerated, UserPrincipalName, IPAddress, ResultType',
    suppression_duration=5 * HOUR,
    suppression_enabled=False,
    query_frequency=HOUR,
    query_period=HOUR,
    trigger_operator=TriggerOperator.GREATER_THAN,
    trigger_threshold=0,
    entity_mappings=(
        EntityMapping("Account", (FieldMapping("FullName", "UserPrincipalName"),)),
        EntityMapping("IP", (FieldMapping("Address", "IPAddress"),)),
    ),
    custom_details={"Reason": "ResultType"},
)
WINDOW = Window.ending(RULE, NOW)
EACH = EventGrouping(Aggregation.ALERT_PER_RESULT)


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Analytics]:
    made = Analytics.over(tmp_path / "home", Bounds(threads=1), Nowhere(), FixedClock(NOW + 5 * HOUR))
    rows = [
        (-90, "old@contoso.com", "192.0.2.9", "50126"),
        (-60, "ann@contoso.com", "192.0.2.1", "50126"),
        (-30, "bob@contoso.com", "192.0.2.1", "50053"),
        (-10, "cat@contoso.com", "192.0.2.2", "0"),
        (0, "new@contoso.com", "192.0.2.3", "50126"),
    ]
    file = tmp_path / "rows.jsonl"
    with file.open("w") as out:
        for minutes, who, address, result in rows:
            at = (NOW + timedelta(minutes=minutes)).isoformat()
            row = {"TimeGenerated": at, "UserPrincipalName": who, "IPAddress": address, "ResultType": result}
            out.write(json.dumps(row) + "\n")
    made.ingestion.ingest(SOC, "SigninLogs", file)
    yield made
    made.engine.close()


def ran(lake: Analytics, **changes: Any) -> Run:
    return run(lake.queries, SOC, "failed", replace(RULE, **changes), WINDOW)


def of(rows: list[dict[str, Any]], **changes: Any) -> Run:
    columns = dict.fromkeys((k for row in rows for k in row), ScalarType.STRING)
    return judged("failed", replace(RULE, entity_mappings=(), custom_details={}, **changes), WINDOW, rows, columns)


def one(found: Run) -> Alert:
    (raised,) = found.alerts
    return raised.alert


def test_a_run_sees_its_window_and_nothing_else(lake: Analytics) -> None:
    found = ran(lake)
    assert (found.rows, found.triggered, found.notes) == (2, True, ())
    alert = one(found)
    assert {e.properties.get("accountName") for e in alert.entities if e.kind == "Account"} == {"ann", "bob"}
    assert (alert.started, alert.ended) == (NOW - HOUR, NOW - HOUR / 2)


def test_windows_side_by_side_see_each_row_once(lake: Analytics) -> None:
    seen = [
        e.properties["accountName"]
        for n in (-1, 0, 1)
        for raised in run(lake.queries, SOC, "failed", RULE, Window.ending(RULE, NOW + n * HOUR)).alerts
        for e in raised.alert.entities
        if e.kind == "Account"
    ]
    assert sorted(seen) == ["ann", "bob", "new", "old"]


def test_now_is_the_end_of_the_window(lake: Analytics) -> None:
    found = ran(lake, query=f"print Right = now() == datetime({NOW.isoformat()}) | where Right", entity_mappings=())
    assert found.rows == 1


def test_running_again_raises_the_very_same_alerts(lake: Analytics) -> None:
    for grouping in (None, EACH):
        assert ran(lake, event_grouping_settings=grouping) == ran(lake, event_grouping_settings=grouping)


def test_another_window_or_rule_raises_other_alerts() -> None:
    rows = [{"a": "1"}]
    later = Window.ending(RULE, NOW + HOUR)
    columns = {"a": ScalarType.STRING}
    names = {judged(n, RULE, w, rows, columns).alerts[0].name for n in ("a", "b") for w in (WINDOW, later)}
    assert len(names) == 4


def test_the_order_of_rows_changes_no_alert() -> None:
    rows = [{"a": str(n % 7)} for n in range(20)]
    for grouping in (None, EACH):
        assert of(rows, event_grouping_settings=grouping) == of(rows[::-1], event_grouping_settings=grouping)


def test_the_same_row_twice_is_two_alerts() -> None:
    found = of([{"a": "1"}, {"a": "1"}], event_grouping_settings=EACH)
    assert len({raised.name for raised in found.alerts}) == 2


def test_of_too_many_rows_the_last_alert_is_about_all() -> None:
    found = of([{"a": str(n)} for n in range(200)], event_grouping_settings=EACH)
    assert len(found.alerts) == MOST_ALERTS
    assert "of 200 rows 149" in found.notes[0]


@pytest.mark.parametrize(
    ("operator", "rows"),
    [
        (TriggerOperator.GREATER_THAN, [3]),
        (TriggerOperator.LESS_THAN, [0, 1]),
        (TriggerOperator.EQUAL, [2]),
        (TriggerOperator.NOT_EQUAL, [0, 1, 3]),
    ],
)
def test_the_trigger_compares_the_number_of_rows(operator: TriggerOperator, rows: list[int]) -> None:
    rule = replace(RULE, trigger_operator=operator, trigger_threshold=2)
    assert [n for n in range(4) if triggers(rule, n)] == rows


def test_silence_can_be_an_alert() -> None:
    found = of([], trigger_operator=TriggerOperator.EQUAL, trigger_threshold=0, event_grouping_settings=EACH)
    assert one(found).entities == ()


def test_overrides_take_the_row(lake: Analytics) -> None:
    override = DetailsOverride(
        "{{UserPrincipalName}} from {{ IPAddress }}",
        "Said {{Gone}}",
        alert_severity_column_name="Level",
        alert_tactics_column_name="Steps",
        alert_dynamic_properties=(DynamicProperty("ProductName", "Product"), DynamicProperty("AlertLink", "Link")),
    )
    query = RULE.query + (
        ' | where UserPrincipalName startswith "ann" '
        '| extend Level = "high", Steps = dynamic(["Impact", "Nothing"]), Product = "Mine", Link = "https://x.example"'
    )
    found = ran(lake, query=query, alert_details_override=override, description="As it was")
    alert = one(found)
    assert alert.title == "ann@contoso.com from 192.0.2.1"
    assert (alert.description, found.notes) == ("As it was", ("the result has no column `Gone`, which the rule names",))
    assert (alert.severity, alert.tactics, alert.product) == (Severity.HIGH, (Tactic.IMPACT,), "Mine")
    assert alert.more["AlertLink"] == "https://x.example"


def test_the_first_row_of_a_sorted_query_heads_the_alert() -> None:
    rows = [{"a": "z"}, {"a": "b"}]
    override = DetailsOverride("{{a}}")
    assert one(of(rows, query="T | sort by a desc", alert_details_override=override)).title == "z"
    assert one(of(rows, query="T", alert_details_override=override)).title == "b"


@pytest.mark.parametrize(
    ("query", "is_so"),
    [
        ("T | sort by a", True),
        ("T | top 5 by a | project a", True),
        ("T | order by a | summarize count()", False),
        ("T | join (U | sort by a) on a", False),
        ("let x = T | sort by a; x | where 1 == 1", False),
        ("T | where a == 'sort'", False),
    ],
)
def test_whether_a_query_sorts_is_told_by_its_own_pipe(query: str, is_so: bool) -> None:
    assert is_sorted(query) is is_so


def test_custom_details_hold_each_value_once_and_fit() -> None:
    rows = [{"a": str(n), "b": "same"} for n in range(3000)]
    rule = replace(RULE, custom_details={"A": "a", "B": "b"}, entity_mappings=())
    found = judged("failed", rule, WINDOW, rows, {"a": ScalarType.STRING, "b": ScalarType.STRING})
    text = one(found).more["Custom Details"]
    assert len(text) <= 4096
    assert json.loads(text)["B"] == ["same"]
    assert "left out" in found.notes[0]


def test_entities_have_an_equal_share_of_the_room() -> None:
    rows = [{"UserPrincipalName": f"u{n}@x.example", "IPAddress": f"192.0.{n // 250}.{n % 250}"} for n in range(600)]
    columns = dict.fromkeys(("UserPrincipalName", "IPAddress", "ResultType"), ScalarType.STRING)
    found = judged("failed", RULE, WINDOW, rows, columns)
    kinds = [e.kind for e in one(found).entities]
    assert (kinds.count("Account"), kinds.count("Ip")) == (MOST_ENTITIES // 2, MOST_ENTITIES // 2)
    assert found.notes


def test_a_query_with_more_rows_than_can_be_read_fails(lake: Analytics) -> None:
    with pytest.raises(LimitExceeded):
        ran(lake, query="set truncationmaxrecords = 1;\n" + RULE.query)


# -- entities ---------------------------------------------------------------------


def test_a_full_name_is_told_as_its_parts() -> None:
    account, host = ENTITY_TYPES["Account"], ENTITY_TYPES["Host"]
    for type, full, parts in (
        (account, "CONTOSO\\ann", {"accountName": "ann", "ntDomain": "CONTOSO"}),
        (account, "ann@contoso.com", {"accountName": "ann", "upnSuffix": "contoso.com"}),
        (account, "ann", {"accountName": "ann"}),
        (host, "web1.contoso.com", {"hostName": "web1", "dnsDomain": "contoso.com"}),
        (host, "CONTOSO\\web1", {"hostName": "web1", "ntDomain": "CONTOSO"}),
        (host, "10.0.0.1", {"hostName": "10.0.0.1"}),
    ):
        made = entity(type, {"FullName": full})
        assert made is not None
        assert made.properties == parts


def test_a_strong_identifier_makes_two_sightings_one_entity() -> None:
    type = ENTITY_TYPES["Account"]
    seen = entity(type, {"AadUserId": "42"}), entity(type, {"AadUserId": "42", "DisplayName": "Ann"})
    assert len({e.id for e in seen if e}) == 1
    weak = entity(type, {"Name": "ann"}), entity(type, {"Name": "ann", "DisplayName": "Ann"})
    assert len({e.id for e in weak if e}) == 2


@pytest.mark.parametrize("type", ENTITY_TYPES.values(), ids=ENTITY_TYPES)
def test_each_type_survives_the_column_of_an_alert(type: Any) -> None:
    made = entity(type, {i: f"v-{i}" for i in type.identifiers if i != "FullName"})
    assert made is not None
    text = entities_json((made,))
    assert json.loads(text)[0]["Type"] == type.alert_type
    assert from_alerts(text) == (made,)
    assert all(i in type.identifiers for strong in type.strong for i in strong)


def test_a_rule_over_alerts_takes_their_entities() -> None:
    rows = [{"Entities": '[{"$id":"3","Address":"192.0.2.7","Type":"ip"},{"Type":"nothing"},4]'}, {"Entities": "odd"}]
    rule = replace(
        RULE, entity_mappings=(), custom_details={}, sentinel_entities_mappings=(SentinelEntity("Entities"),)
    )
    found = judged("failed", rule, WINDOW, rows, {"Entities": ScalarType.STRING})
    assert [e.properties for e in one(found).entities] == [{"address": "192.0.2.7"}]


def test_what_a_log_says_is_never_taken_for_what_the_rule_found() -> None:
    properties = tuple(DynamicProperty(name, "Text") for name in ("Custom Details", "Analytic Rule Ids", "AlertLink"))
    rule = replace(RULE, alert_details_override=DetailsOverride(alert_dynamic_properties=properties))
    for known in (rule, replace(rule, custom_details={})):
        found = judged("r1", known, WINDOW, [{"Text": "not JSON", "ResultType": "1"}], {"Text": ScalarType.STRING})
        (alert,) = (raised.alert for raised in found.alerts)
        assert alert.more.get("Custom Details", "{}") == ('{"Reason":["1"]}' if known is rule else "{}")
        assert (alert.more["Analytic Rule Ids"], alert.more["AlertLink"]) == ('["r1"]', "not JSON")
        assert "the property `Custom Details` of an alert is not for a rule to set" in found.notes
