"""Rules, watchlists, searches and indicators."""

from __future__ import annotations

from typing import Any

import pytest

from huntlake.identity.rights import Role

from .conftest import RULE, VERSION, WATCHLIST, WORKSPACE, Arm


def rule(arm: Arm, kind: str = "Scheduled", **other: Any) -> Any:
    return arm.put("alertRules/one", {k: v for k, v in {**RULE, **other}.items() if v != ""}, beside={"kind": kind})


def test_a_rule_keeps_all_that_is_said_of_it(arm: Arm) -> None:
    said: dict[str, Any] = {
        "entityMappings": [{"entityType": "Account", "fieldMappings": [{"identifier": "Name", "columnName": "x"}]}],
        "customDetails": {"Number": "x"},
        "alertDetailsOverride": {"alertDisplayNameFormat": "{{x}}", "alertDynamicProperties": []},
        "eventGroupingSettings": {"aggregationKind": "AlertPerResult"},
        "incidentConfiguration": {
            "createIncident": True,
            "groupingConfiguration": {
                "enabled": True,
                "reopenClosedIncident": False,
                "lookbackDuration": "PT5H",
                "matchingMethod": "Selected",
                "groupByEntities": ["Account"],
                "groupByAlertDetails": [],
                "groupByCustomDetails": [],
            },
        },
        "techniques": ["T1078"],
        "subTechniques": ["T1078.004"],
    }
    made = rule(arm, **said)
    assert made.status_code == 201, made.text
    shown = arm.get("alertRules/one").json()
    assert shown["kind"] == "Scheduled"
    for name, value in {**RULE, **said}.items():
        assert shown["properties"][name] == value, name


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"queryFrequency": "PT1M"}, "between 5 minutes and 14 days"),
        ({"queryPeriod": "PT30M"}, "shorter than `queryFrequency`"),
        ({"queryPeriod": "P2D", "queryFrequency": "PT30M"}, "at most once an hour"),
        ({"triggerThreshold": -1}, "triggerThreshold"),
        ({"suppressionDuration": "P2D"}, "`suppressionDuration`"),
        ({"severity": "Extreme"}, "properties.severity"),
        ({"query": "nonsense"}, "is not understood"),
        ({"queryPeriod": ""}, "`properties.queryPeriod` is missing"),
        ({"queryPeriod": "P99999999D"}, "queryPeriod"),
    ],
)
def test_a_rule_that_could_never_work_is_refused(arm: Arm, other: dict[str, Any], told: str) -> None:
    answer = rule(arm, **other)
    assert arm.error(answer, 400) == "BadRequest"
    assert told in answer.json()["error"]["message"]


@pytest.mark.parametrize("kind", ["Fusion", "MLBehaviorAnalytics", "", "x"])
def test_a_kind_of_rule_that_nothing_runs_is_refused_by_name(arm: Arm, kind: str) -> None:
    answer = rule(arm, kind)
    assert arm.error(answer, 400) == "BadRequest"
    assert f"rules of the kind `{kind}` are not supported" in answer.text


def test_a_rule_stays_of_its_kind(arm: Arm) -> None:
    rule(arm)
    scheduled = dict.fromkeys(("queryFrequency", "queryPeriod", "triggerOperator", "triggerThreshold"), "")
    assert arm.error(rule(arm, "NRT", **scheduled), 400) == "BadRequest"


def test_the_address_of_a_playbooks_trigger_is_never_shown(arm: Arm) -> None:
    rule(arm)
    secret = "https://example.org/?sig=secret"
    action = {"logicAppResourceId": "/subscriptions/x/workflows/block", "triggerUri": secret}
    made = arm.put("alertRules/one/actions/a", action)
    assert made.status_code == 201
    assert made.json()["properties"]["workflowId"] == "block"
    assert "secret" not in made.text + arm.get("alertRules/one/actions").text
    assert arm.error(arm.call("PATCH", "alertRules/one/actions/a", {}), 405) == "MethodNotAllowed"


def test_a_watchlist_is_what_queries_look_up(arm: Arm) -> None:
    arm.put("watchlists/Servers", WATCHLIST)
    workspace = arm.server.workspaces.get("contoso-soc")
    assert [i.fields["ip"] for i in arm.server.watchlists.items(workspace, "Servers")] == ["192.0.2.1", "192.0.2.2"]
    arm.put("watchlists/SERVERS/watchlistItems/i", {"itemsKeyValue": {"ip": "192.0.2.3", "owner": 7}})
    shown = arm.get("watchlists/servers/watchlistItems/i").json()["properties"]["itemsKeyValue"]
    assert shown == {"ip": "192.0.2.3", "owner": "7"}
    without = {k: v for k, v in WATCHLIST.items() if k != "rawContent"}
    arm.put("watchlists/servers", {**without, "description": "hello"})
    assert len(arm.get("watchlists/servers/watchlistItems").json()["value"]) == 3
    arm.put("watchlists/Servers", {**WATCHLIST, "rawContent": "ip\n192.0.2.9\n"})
    (left,) = arm.get("watchlists/servers/watchlistItems").json()["value"]
    assert left["properties"]["itemsKeyValue"] == {"ip": "192.0.2.9"}


@pytest.mark.parametrize(
    "other",
    [
        {"rawContent": "owner\na\n"},
        {"rawContent": "ip,ip\na,b\n"},
        {"rawContent": "ip\na,b\n"},
        {"contentType": "application/zip"},
        {"source": "Remote storage"},
        {"sourceType": "AzureStorage"},
        {"watchlistAlias": "another"},
    ],
)
def test_a_watchlist_that_cant_be_read_is_refused(arm: Arm, other: dict[str, Any]) -> None:
    assert arm.put("watchlists/one", {**WATCHLIST, **other}).status_code in (400, 409)
    assert arm.get("watchlists").json()["value"] == []


def test_a_search_with_an_alias_is_a_function(arm: Arm) -> None:
    path = f"{WORKSPACE}/savedSearches/s"
    search = {
        "category": "f",
        "displayName": "f",
        "query": "print x",
        "functionAlias": "Twice",
        "functionParameters": "x:long",
    }
    workspace = arm.server.workspaces.get("contoso-soc")
    functions = arm.server.saved_searches.functions
    assert arm.put(path, search).status_code == 200
    assert functions.get(workspace, "Twice").value.text.startswith("(x:long) {print x")
    assert arm.error(arm.put(path + "2", search), 409) == "Conflict"
    assert arm.put(path, {**search, "functionAlias": "Thrice"}).status_code == 200
    assert list(functions.known(workspace.name)) == ["Thrice"]  # type: ignore[call-overload]
    bad = arm.put(f"{WORKSPACE}/savedSearches/bad", {**search, "query": "| |", "functionAlias": "Bad"})
    assert arm.error(bad, 400) == "BadRequest"
    assert arm.get(f"{WORKSPACE}/savedSearches/bad").status_code == 404
    arm.call("DELETE", path)
    assert not list(functions.known(workspace.name))  # type: ignore[call-overload]


def indicator(arm: Arm, ip: str, **other: Any) -> Any:
    properties = {"pattern": f"[ipv4-addr:value = '{ip}']", "patternType": "ipv4-addr", "source": "kit", **other}
    body = {"kind": "indicator", "properties": properties}
    return arm.call("POST", "threatIntelligence/main/createIndicator", body)


def test_indicators_are_made_asked_for_and_counted(arm: Arm) -> None:
    first = indicator(arm, "192.0.2.1", confidence=80, threatTypes=["c2"], threatIntelligenceTags=["a"])
    assert first.status_code == 201, first.text
    assert first.json()["properties"]["parsedPattern"] == [
        {"patternTypeKey": "ipv4-addr", "patternTypeValues": [{"valueType": "value", "value": "192.0.2.1"}]}
    ]
    indicator(arm, "192.0.2.2", confidence=20, revoked=True)

    def asked(**criteria: Any) -> list[str]:
        answer = arm.call("POST", "threatIntelligence/main/queryIndicators", criteria)
        assert answer.status_code == 200, answer.text
        return [i["properties"]["pattern"][-14:-2] for i in answer.json()["value"]]

    assert len(asked()) == 1
    assert len(asked(includeDisabled=True)) == 2
    assert len(asked(minConfidence=50, threatTypes=["C2"], keywords=["192.0.2"])) == 1
    assert asked(maxConfidence=50) == []
    metrics = arm.get("threatIntelligence/main/metrics").json()["value"][0]["properties"]
    assert metrics["patternTypeMetrics"] == [{"metricName": "ipv4-addr", "metricValue": 2}]
    name = first.json()["name"]
    tags = {"threatIntelligenceTags": ["b"]}
    assert arm.call("POST", f"threatIntelligence/main/indicators/{name}/appendTags", tags).status_code == 200
    shown = arm.get(f"threatIntelligence/main/indicators/{name}").json()
    assert shown["properties"]["threatIntelligenceTags"] == ["a", "b"]
    body = {"kind": "indicator", "properties": {"threatIntelligenceTags": ["c"]}}
    replaced = arm.call("POST", f"threatIntelligence/main/indicators/{name}/replaceTags", body)
    assert replaced.json()["properties"]["threatIntelligenceTags"] == ["c"]


def test_pages_of_indicators_miss_nothing(arm: Arm) -> None:
    for number in range(5):
        indicator(arm, f"192.0.2.{number}", confidence=number)
    criteria: dict[str, Any] = {"pageSize": 2, "sortBy": [{"itemKey": "confidence", "sortOrder": "descending"}]}
    seen = []
    while True:
        page = arm.call("POST", "threatIntelligence/main/queryIndicators", criteria).json()
        seen += [i["properties"]["confidence"] for i in page["value"]]
        if "nextLink" not in page:
            break
        criteria["skipToken"] = page["nextLink"].split("skipToken=")[1]
    assert seen == [4, 3, 2, 1, 0]


def test_the_lists_that_clients_ask_for_are_there(arm: Arm) -> None:
    for path in ("alertRuleTemplates", "settings", "metadata", "automationRules"):
        assert arm.get(path).json() == {"value": []}
    (connector,) = arm.get("dataConnectors").json()["value"]
    assert connector["kind"] == "AzureActiveDirectory"
    assert arm.get("onboardingStates/default").json()["properties"] == {"customerManagedKey": False}
    operations = arm.http.get(
        "/providers/Microsoft.SecurityInsights/operations", params={"api-version": VERSION}
    ).json()
    assert operations["value"]


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        ("Anomalies", {}),
        ("EyesOn", {}),
        ("EntityAnalytics", {"entityProviders": ["AzureActiveDirectory"]}),
        ("Ueba", {"dataSources": ["SigninLogs", "AuditLogs"]}),
    ],
)
def test_a_setting_is_kept_under_the_name_of_its_kind(arm: Arm, kind: str, properties: dict[str, Any]) -> None:
    made = arm.put(f"settings/{kind}", properties, beside={"kind": kind})
    assert made.status_code == 201, made.text
    shown = arm.get(f"settings/{kind.lower()}").json()
    assert (shown["kind"], shown["properties"]) == (kind, properties)
    assert arm.call("PUT", f"settings/{kind}", shown).status_code == 200
    assert [s["name"] for s in arm.get("settings").json()["value"]] == [kind]
    assert arm.call("DELETE", f"settings/{kind}").status_code == 200
    assert arm.error(arm.put("settings/other", properties, beside={"kind": kind}), 400) == "BadRequest"
    assert arm.error(arm.put(f"settings/{kind}", {"colour": 1}, beside={"kind": kind}), 400) == "BadRequest"
    assert arm.error(arm.put(f"settings/{kind}", properties), 400) == "BadRequest"
    arm.act_as(Role.SENTINEL_READER)
    assert arm.error(arm.put(f"settings/{kind}", properties, beside={"kind": kind}), 403) == "AuthorizationFailed"
