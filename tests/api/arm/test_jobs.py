"""KQL jobs and summary rules through the management API, over a real lake."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from huntlake.core.clock import FixedClock
from huntlake.identity.rights import Role

from ..conftest import NOW
from .test_collection import Azure, azure

__all__ = ["azure"]

JOB = {"query": "print Answer = 42", "destinationTable": "Answers_KQL_CL"}
HOURLY = {"frequency": "Hour", "interval": 1}
RULE = {
    "ruleType": "User",
    "description": "d",
    "ruleDefinition": {"query": "print n = 1", "binSize": 60, "destinationTable": "Bins_CL", "binDelay": 0},
}


def call(azure: Azure, method: str, path: str, properties: Any = None, **headers: str) -> Any:
    body = None if properties is None else {"properties": properties}
    return azure.call(method, f"{azure.workspace()}/{path}", body, **headers)


def rows(azure: Azure, text: str) -> list[Any]:
    workspace = azure.app.workspaces.get("contoso")
    (table,) = azure.app.queries.run(workspace, text).tables
    return [list(row.values()) for batch in table.arrow() for row in batch.to_pylist()]


def error(answer: Any, status: int) -> str:
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert set(body) == {"error"}
    assert body["error"]["message"]
    return str(body["error"]["code"])


def move(azure: Azure, span: timedelta) -> None:
    clock = azure.app.clock
    assert isinstance(clock, FixedClock)
    clock.at += span
    azure.app.jobs.runner.run_due()
    # Tokens last for an hour.
    azure.act_as(Role.CONTRIBUTOR)


def test_a_job_is_made_shown_listed_changed_and_deleted(azure: Azure) -> None:
    made = call(azure, "PUT", "kqlJobs/answers", {**JOB, "schedule": HOURLY, "lookback": "PT1H", "delay": "PT15M"})
    assert made.status_code == 201, made.text
    shown = made.json()
    assert shown["type"] == "Microsoft.OperationalInsights/workspaces/kqlJobs"
    assert shown["id"].endswith("/workspaces/contoso/kqlJobs/answers")
    properties = shown["properties"]
    assert properties["schedule"] == {**HOURLY, "startTime": NOW.isoformat().replace("+00:00", "Z")}
    assert (properties["lookback"], properties["delay"], properties["missedRuns"]) == ("PT1H", "PT15M", "All")
    assert properties["nextRunTimeUtc"] == f"{NOW:%Y-%m-%dT%H:%M:%S.%fZ}"
    assert properties["owner"]["name"] == "someone"
    assert call(azure, "GET", "kqljobs/Answers").json() == shown
    assert call(azure, "GET", "kqlJobs").json()["value"] == [shown]
    again = call(azure, "PUT", "kqlJobs/answers", properties)
    assert again.status_code == 200, again.text
    assert again.json()["properties"]["jobId"] == properties["jobId"]
    assert call(azure, "PUT", "kqlJobs/answers", JOB, **{"If-Match": '"stale"'}).status_code == 412
    patched = call(azure, "PATCH", "kqlJobs/answers", {"enabled": False})
    assert (patched.status_code, "nextRunTimeUtc" in patched.json()["properties"]) == (200, False)
    assert call(azure, "DELETE", "kqlJobs/answers").status_code == 200
    assert call(azure, "DELETE", "kqlJobs/answers").status_code == 204
    assert error(call(azure, "GET", "kqlJobs/answers"), 404) == "ResourceNotFound"


def test_runs_are_shown_the_newest_first_and_can_be_asked_for_and_cancelled(azure: Azure) -> None:
    call(azure, "PUT", "kqlJobs/answers", {**JOB, "schedule": HOURLY})
    move(azure, timedelta(minutes=90))
    asked = call(azure, "POST", "kqlJobs/answers/run")
    assert asked.status_code == 202
    name = asked.json()["name"]
    assert asked.json()["id"].endswith(f"/kqlJobs/answers/runs/{name}")
    waiting = call(azure, "GET", f"kqlJobs/answers/runs/{name}").json()["properties"]
    assert (waiting["status"], waiting["manual"]) == ("NotStarted", True)
    assert call(azure, "POST", f"kqlJobs/answers/runs/{name}/cancel").status_code == 200
    assert error(call(azure, "POST", f"kqlJobs/answers/runs/{name}/cancel"), 409) == "Conflict"
    move(azure, timedelta(minutes=30))
    runs = [r["properties"] for r in call(azure, "GET", "kqlJobs/answers/runs").json()["value"]]
    assert [r["status"] for r in runs] == ["Succeeded", "Canceled", "Succeeded", "Succeeded"]
    assert runs[0]["rowCount"] == 1
    assert runs[0]["destinationTable"] == "Answers_KQL_CL"
    assert rows(azure, "Answers_KQL_CL | count") == [[3]]
    azure.http.params = azure.http.params.set("$filter", "properties/status eq 'Canceled'")
    assert len(call(azure, "GET", "kqlJobs/answers/runs").json()["value"]) == 1


def test_a_job_that_failed_says_why(azure: Azure) -> None:
    call(azure, "PUT", "kqlJobs/answers", {**JOB, "query": "Tables_CL | count"} | {"destinationTable": "T_KQL_CL"})
    assert error(call(azure, "PUT", "kqlJobs/answers", {**JOB, "query": "print 1; print 2"}), 400) == "BadRequest"
    assert error(call(azure, "PUT", "kqlJobs/answers", {**JOB, "query": "SigninLogs | whree"}), 400)
    assert error(call(azure, "PUT", "kqlJobs/answers", {**JOB, "destinationTable": "SigninLogs"}), 400) == "BadRequest"
    assert error(call(azure, "PUT", "kqlJobs/answers", {**JOB, "colour": "red"}), 400) == "BadRequest"
    assert error(call(azure, "PUT", "kqlJobs/an-swers", JOB), 400) == "BadRequest"
    assert error(call(azure, "PUT", "kqlJobs/a", {**JOB, "schedule": {"frequency": "Yearly"}}), 400) == "BadRequest"
    assert error(call(azure, "POST", "kqlJobs/answers/run"), 404) == "ResourceNotFound"


def test_enabling_and_disabling_keep_whose_job_it_is(azure: Azure) -> None:
    made = call(azure, "PUT", "kqlJobs/answers", {**JOB, "schedule": HOURLY}).json()
    azure.act_as(Role.CONTRIBUTOR)
    assert call(azure, "POST", "kqlJobs/answers/disable").status_code == 200
    shown = call(azure, "GET", "kqlJobs/answers").json()["properties"]
    assert (shown["enabled"], shown["owner"]) == (False, made["properties"]["owner"])
    assert call(azure, "POST", "kqlJobs/answers/enable").status_code == 200
    taken = call(azure, "PUT", "kqlJobs/answers", {**JOB, "schedule": HOURLY}).json()["properties"]
    assert taken["owner"] != made["properties"]["owner"]


@pytest.mark.parametrize("role", [Role.READER, Role.SENTINEL_CONTRIBUTOR])
def test_who_may_not_make_tables_sees_jobs_and_changes_none(azure: Azure, role: Role) -> None:
    call(azure, "PUT", "kqlJobs/answers", JOB)
    call(azure, "PUT", "summaryLogs/hourly", RULE)
    move(azure, timedelta())
    azure.act_as(role)
    assert len(call(azure, "GET", "kqlJobs").json()["value"]) == 1
    (run,) = call(azure, "GET", "kqlJobs/answers/runs").json()["value"]
    refused = [
        call(azure, "PUT", "kqlJobs/answers", JOB),
        call(azure, "PATCH", "kqlJobs/answers", {}),
        call(azure, "DELETE", "kqlJobs/answers"),
        call(azure, "POST", "kqlJobs/answers/run"),
        call(azure, "POST", "kqlJobs/answers/enable"),
        call(azure, "POST", f"kqlJobs/answers/runs/{run['name']}/cancel"),
        call(azure, "PUT", "summaryLogs/hourly", RULE),
        call(azure, "POST", "summaryLogs/hourly/stop"),
        call(azure, "POST", "summaryLogs/hourly/retrybin", {"retryBinStartTime": NOW.isoformat()}),
        call(azure, "DELETE", "summaryLogs/hourly"),
    ]
    assert {error(answer, 403) for answer in refused} == {"AuthorizationFailed"}


def test_runs_are_written_by_nobody(azure: Azure) -> None:
    call(azure, "PUT", "kqlJobs/answers", JOB)
    move(azure, timedelta())
    (run,) = call(azure, "GET", "kqlJobs/answers/runs").json()["value"]
    for method in ("PUT", "PATCH", "DELETE"):
        assert call(azure, method, f"kqlJobs/answers/runs/{run['name']}", {}).status_code == 405
    assert error(call(azure, "GET", "kqlJobs/other/runs"), 404)


def test_a_summary_rule_is_made_shown_listed_changed_and_deleted(azure: Azure) -> None:
    made = call(azure, "PUT", "summaryLogs/hourly", RULE)
    assert made.status_code == 201, made.text
    shown = made.json()
    assert shown["type"] == "Microsoft.OperationalInsights/workspaces/summaryLogs"
    properties = shown["properties"]
    assert (properties["isActive"], properties["provisioningState"]) == (True, "Succeeded")
    definition = RULE["ruleDefinition"]
    assert isinstance(definition, dict)
    assert properties["ruleDefinition"] == {**definition, "timeSelector": "TimeGenerated"}
    assert call(azure, "GET", "summarylogs/Hourly").json() == shown
    assert call(azure, "PUT", "summarylogs/hourly", properties).status_code == 200
    assert call(azure, "POST", "summarylogs/hourly/stop").status_code == 200
    stopped = call(azure, "GET", "summarylogs/hourly").json()["properties"]
    assert (stopped["isActive"], stopped["statusCode"]) == (False, "UserAction")
    # A change doesn't start it.
    assert call(azure, "PUT", "summarylogs/hourly", RULE).json()["properties"]["isActive"] is False
    assert call(azure, "POST", "summarylogs/hourly/start").status_code == 200
    assert "statusCode" not in call(azure, "GET", "summarylogs/hourly").json()["properties"]
    assert call(azure, "DELETE", "summarylogs/hourly").status_code == 200
    assert call(azure, "DELETE", "summarylogs/hourly").status_code == 204


def test_bins_run_once_and_can_be_seen(azure: Azure) -> None:
    call(azure, "PUT", "summaryLogs/hourly", RULE)
    move(azure, timedelta(hours=2))
    bins = [b["properties"] for b in call(azure, "GET", "summaryLogs/hourly/bins").json()["value"]]
    assert {b["status"] for b in bins} == {"Succeeded"}
    assert rows(azure, "Bins_CL | count") == [[len(bins)]]
    start = (NOW + timedelta(hours=1)).isoformat()
    assert error(call(azure, "POST", "summaryLogs/hourly/retrybin", {"retryBinStartTime": start}), 409) == "Conflict"
    assert rows(azure, "Bins_CL | count") == [[len(bins)]]
    odd = (NOW + timedelta(minutes=7)).isoformat()
    assert error(call(azure, "POST", "summaryLogs/hourly/retrybin", {"retryBinStartTime": odd}), 404)
    assert error(call(azure, "POST", "summaryLogs/hourly/retrybin", {}), 400) == "BadRequest"


@pytest.mark.parametrize(
    "change",
    [
        {"ruleType": "System"},
        {"ruleDefinition": {"query": "print n = 1", "binSize": 61, "destinationTable": "Bins_CL"}},
        {"ruleDefinition": {"query": "print n = 1", "binSize": 60, "destinationTable": "Bins"}},
        {"ruleDefinition": {"query": "print n = ", "binSize": 60, "destinationTable": "Bins_CL"}},
        {"ruleDefinition": {"query": "print 1", "binSize": 60, "destinationTable": "B_CL", "timeSelector": "x"}},
        {"ruleDefinition": {"binSize": 60, "destinationTable": "Bins_CL"}},
    ],
)
def test_what_no_rule_can_be_is_refused(azure: Azure, change: dict[str, Any]) -> None:
    assert error(call(azure, "PUT", "summaryLogs/hourly", {**RULE, **change}), 400)
