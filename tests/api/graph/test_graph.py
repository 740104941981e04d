from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from huntlake.api.graph.hunting import period
from huntlake.core.errors import Invalid
from huntlake.detection.alerts import Alert
from huntlake.detection.incidents import Incident, IncidentRelation, IncidentStatus, RelatedKind
from huntlake.detection.severity import Severity, Tactic
from huntlake.identity.rights import Role
from huntlake.state.records import Author

from ..conftest import NOW
from ..faces import Face, at, served

OWNER = ("soc",)
SIGN_INS, AUDITS = "/v1.0/auditLogs/signIns", "/v1.0/auditLogs/directoryAudits"


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Face]:
    with served(tmp_path_factory.mktemp("graph"), "https://graph.microsoft.com") as face:
        count = 12
        face.load(
            "SigninLogs",
            {
                # Three of each time, and four without an id.
                "TimeGenerated": [at(i // 3) for i in range(count)],
                "Id": [f"s{i:02}" if i % 3 else "" for i in range(count)],
                "UserPrincipalName": [
                    "Ada@contoso.example" if i % 2 else "o'brien@contoso.example" for i in range(count)
                ],
                "ResultType": ["0" if i % 2 else "50126" for i in range(count)],
                "ResultDescription": ["" if i % 2 else "wrong password" for i in range(count)],
                "IsInteractive": [i % 4 == 0 for i in range(count)],
                "AppDisplayName": [f"app {i}" for i in range(count)],
                "LocationDetails": ['{"city":"Oslo","countryOrRegion":"NO","geoCoordinates":{"latitude":59.9}}']
                * count,
                "DeviceDetail": ['{"deviceId":"d1","browser":"Edge","isCompliant":true}'] * count,
            },
        )
        face.load(
            "AuditLogs",
            {
                "TimeGenerated": [at(1), at(2)],
                "Id": ["a1", "a2"],
                "OperationName": ["Add user", "Delete user"],
                "Category": ["UserManagement"] * 2,
                "Result": ["success", "failure"],
                "InitiatedBy": ['{"user":{"userPrincipalName":"ada@contoso.example"}}', '{"app":{"displayName":"x"}}'],
                "TargetResources": ['[{"displayName":"t","type":"User","modifiedProperties":[]}]', "[]"],
            },
        )
        yield face


def check(answer: Any, status: int, code: str = "BadRequest") -> str:
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["code"] == code
    assert set(error["innerError"]) == {"date", "request-id", "client-request-id"}
    assert answer.headers["request-id"] == error["innerError"]["request-id"]
    return str(error["message"])


def hunt(face: Face, path: str = "/v1.0/security/runHuntingQuery", **body: Any) -> Any:
    return face.http.post(path, json=body)


@pytest.mark.parametrize("root", ["/v1.0", "/beta"])
@pytest.mark.parametrize("name", ["runHuntingQuery", "microsoft.graph.security.runHuntingQuery"])
def test_a_hunting_query_is_answered_with_objects(graph: Face, root: str, name: str) -> None:
    text = (
        "print ['a \"b'] = 1, d = dynamic({'x':[1,null]}), t = 1d, s = \"ü\", n = int(null), dt = datetime(2026-01-01)"
    )
    body = hunt(graph, f"{root}/security/{name}", Query=text).json()
    assert [c["type"] for c in body["schema"]] == ["Int64", "Object", "TimeSpan", "String", "Int32", "DateTime"]
    (row,) = body["results"]
    assert row == {
        'a "b': 1, "d": {"x": [1, None]}, "t": "1.00:00:00", "s": "ü", "n": None, "dt": "2026-01-01T00:00:00Z"
    }  # fmt: skip
    assert body["@odata.context"].endswith("huntingQueryResults")


def test_a_timespan_bounds_the_rows(graph: Face) -> None:
    def count(span: str | None) -> int:
        body = {"Query": "SigninLogs | count"} | ({"Timespan": span} if span else {})
        return int(hunt(graph, **body).json()["results"][0]["Count"])

    assert count(None) == 12
    assert count("2026-02-28T01:00:00Z/PT1H") == 6
    assert count("2026-02-28T03:00:00Z") == 3
    assert count("PT1H/2026-02-28T00:30:00Z") == 3
    assert count("PT1H") == 0


NO_TIMESPANS = "P30D/P30D P PT tomorrow / P99999999999D 2026-02-02/2026-02-01 P1DT P900000D".split()


@pytest.mark.parametrize("text", NO_TIMESPANS)
def test_a_timespan_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        period(text, NOW)


def test_timespans_mean_what_graph_says() -> None:
    at_noon = datetime(2026, 2, 1, 12, tzinfo=UTC)
    assert period("P1D", NOW) == (NOW - timedelta(days=1), NOW)
    assert period("2026-02-01T12:00:00Z/PT1H30M", NOW) == (at_noon, at_noon + timedelta(minutes=90))
    assert period("P1W/2026-02-01T12:00:00Z", NOW) == (at_noon - timedelta(days=7), at_noon)


NO_QUESTIONS: list[Any] = [{}, {"Query": ""}, {"Query": 1}, {"Query": "print 1", "colour": 1}]


@pytest.mark.parametrize("body", [*NO_QUESTIONS, {"Query": "print 1", "Timespan": 5}])
def test_a_body_that_asks_nothing_is_a_bad_request(graph: Face, body: Any) -> None:
    check(graph.http.post("/v1.0/security/runHuntingQuery", json=body), 400)


def test_a_query_that_isnt_understood_says_where(graph: Face) -> None:
    told = check(hunt(graph, Query="SigninLogs | where Nothing == 1"), 400)
    assert "Nothing" in told
    assert "[line 1, column 20]" in told


def test_all_rows_are_given_or_none(graph: Face) -> None:
    told = check(hunt(graph, Query="range x from 1 to 200000 step 1"), 400)
    assert "exceeded the allowed result size" in told
    assert check(hunt(graph, Query="print 1; print 2"), 400)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1.0/spaceships", 404, "NotFound"),
        ("GET", "/beta", 404, "NotFound"),
        ("GET", "/v1.0/security/runHuntingQuery", 405, "MethodNotAllowed"),
        ("DELETE", "/v1.0/security/incidents/1", 405, "MethodNotAllowed"),
        ("GET", "/v1.0/security/incidents/99", 404, "NotFound"),
        ("GET", "/v1.0/security/incidents/x", 404, "NotFound"),
        ("GET", "/v1.0/security/alerts_v2/x", 404, "NotFound"),
        ("GET", f"{SIGN_INS}/nothing", 404, "NotFound"),
        ("PATCH", "/v1.0/security/incidents/1", 400, "BadRequest"),
    ],
)
def test_errors_are_told_as_graph_does(graph: Face, method: str, path: str, status: int, code: str) -> None:
    check(graph.call(method, path), status, code)


def test_no_token_is_told_as_graph_does(graph: Face) -> None:
    answer = graph.http.get(SIGN_INS, headers={"Authorization": ""})
    check(answer, 401, "InvalidAuthenticationToken")
    arm = graph.app.tokens.issue(graph.app.principals.get(graph.client_id), "https://management.azure.com", issuer="x")
    answer = graph.http.get(SIGN_INS, headers={"Authorization": f"Bearer {arm.text}"})
    check(answer, 401, "InvalidAuthenticationToken")


def test_a_sign_in_looks_as_graph_shows_it(graph: Face) -> None:
    shown = graph.get(f"{SIGN_INS}/s02").json()
    assert shown["createdDateTime"] == "2026-02-28T00:00:00Z"
    assert shown["status"] == {"errorCode": 50126, "failureReason": "wrong password", "additionalDetails": ""}
    assert shown["location"] == {
        "city": "Oslo",
        "state": "",
        "countryOrRegion": "NO",
        "geoCoordinates": {"latitude": 59.9},
    }
    assert shown["deviceDetail"]["isCompliant"] is True
    assert shown["isInteractive"] is False


@pytest.mark.parametrize(
    ("filter", "rows"),
    [
        ("userPrincipalName eq 'o''brien@contoso.example'", 6),
        ("userPrincipalName eq 'ADA@contoso.example'", 6),
        ("startswith(userPrincipalName, 'ada')", 6),
        ("contains(appDisplayName, 'P 1')", 3),
        ("status/errorCode eq 0", 6),
        ("status/errorCode ne 0 and createdDateTime ge 2026-02-28T02:00:00Z", 3),
        ("isInteractive eq true", 3),
        ("isInteractive", 3),
        ("not isInteractive", 9),
        ("createdDateTime gt 2026-02-28T02:00:00Z or location/city eq 'Bergen'", 3),
        ("2026-02-28T02:00:00Z lt createdDateTime", 3),
        ("appDisplayName in ('app 1', 'APP 2', 'app x')", 2),
        ("tolower(location/countryOrRegion) eq 'no'", 12),
        ("id eq null", 4),
        ("id ne null", 8),
        ("userPrincipalName eq '''); drop table x; --'", 0),
        ("userPrincipalName eq '\" | take 1 //'", 0),
        ("appDisplayName lt 'app 2'", 4),
    ],
)
def test_sign_ins_are_filtered(graph: Face, filter: str, rows: int) -> None:
    assert len(graph.values(SIGN_INS, filter=filter)) == rows


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"filter": "colour eq 'red'"}, "`colour` is not supported"),
        (
            {"filter": "appliedConditionalAccessPolicies/any(p: p/result eq 'x')"},
            "`appliedConditionalAccessPolicies/any`",
        ),
        ({"filter": "status/errorCode eq 'x'"}, "can't be compared"),
        ({"filter": "userPrincipalName eq userId"}, "comparing two properties"),
        ({"filter": "userPrincipalName"}, "a value where a condition should be"),
        ({"filter": "createdDateTime eq yesterday"}, "comparing two properties"),
        ({"orderby": "appDisplayName"}, "sorting by anything but"),
        ({"expand": "x"}, "`$expand` is not supported"),
        ({"skip": "1"}, "`$skip` is not supported"),
        ({"search": "x"}, "`$search` is not supported"),
        ({"skiptoken": "x"}, "isn't one that an answer gave"),
        ({"top": "-1"}, "a whole number"),
        ({"select": "colour"}, "`$select` names `colour`"),
    ],
)
def test_what_isnt_supported_is_refused_by_name(graph: Face, parameters: dict[str, str], told: str) -> None:
    assert told in check(graph.get(SIGN_INS, **parameters), 400)


@pytest.mark.parametrize("order", ["createdDateTime desc", "createdDateTime asc"])
@pytest.mark.parametrize("top", ["1", "2", "5", "12"])
def test_pages_of_sign_ins_miss_nothing_though_times_and_ids_are_alike(graph: Face, order: str, top: str) -> None:
    answer = graph.get(SIGN_INS, top=top, orderby=order, count="true", filter="isInteractive ne null").json()
    seen = answer["value"]
    assert answer["@odata.count"] == 12
    while "@odata.nextLink" in answer:
        answer = graph.http.get(answer["@odata.nextLink"]).json()
        seen += answer["value"]
    assert sorted(s["appDisplayName"] for s in seen) == sorted(f"app {i}" for i in range(12))
    times = [s["createdDateTime"] for s in seen]
    assert times == sorted(times, reverse=order.endswith("desc"))


def test_only_what_is_selected_is_shown(graph: Face) -> None:
    assert graph.values(SIGN_INS, select="id, status", top="1")[0].keys() == {"id", "status"}


def test_audits_are_shown_and_filtered(graph: Face) -> None:
    first, second = graph.values(AUDITS, orderby="activityDateTime")
    assert first["initiatedBy"]["user"]["userPrincipalName"] == "ada@contoso.example"
    assert first["activityDisplayName"] == "Add user"
    assert second["targetResources"] == []
    (found,) = graph.values(AUDITS, filter="initiatedBy/user/userPrincipalName eq 'ada@contoso.example'")
    assert found["id"] == "a1"
    assert graph.values(AUDITS, filter="activityDisplayName eq 'delete user' and result eq 'failure'")[0]["id"] == "a2"


@pytest.fixture
def incident(graph: Face) -> str:
    detection, name = graph.app.detection, "i1"
    detection.incidents.delete(OWNER, name)
    document, _ = detection.incidents.put(OWNER, name, Incident("Odd", Severity.HIGH, IncidentStatus.NEW))
    alert = Alert("Odd sign-in", Severity.HIGH, tactics=(Tactic.IMPACT,), techniques=("T1078",), rule="r")
    detection.alerts.put(OWNER, "alert-1", alert)
    detection.incidents.relate(OWNER, name, "r", IncidentRelation(RelatedKind.ALERT, "alert-1"), Author())
    return str(document.value.number)


def test_an_incident_is_shown_with_its_alerts(graph: Face, incident: str) -> None:
    (shown,) = graph.values("/v1.0/security/incidents", expand="alerts", filter="status eq 'active'")
    assert (shown["id"], shown["displayName"], shown["severity"]) == (incident, "Odd", "high")
    assert shown["alerts"][0]["incidentId"] == incident
    (alert,) = graph.values("/v1.0/security/alerts_v2", filter=f"incidentId eq '{incident}'")
    assert (alert["title"], alert["category"], alert["mitreTechniques"]) == ("Odd sign-in", "Impact", ["T1078"])
    assert graph.values(f"/v1.0/security/incidents/{incident}/alerts")[0]["id"] == "alert-1"
    assert graph.get("/v1.0/security/incidents", count="true", top="1").json()["@odata.count"] == 1


def test_an_incident_is_changed_as_arm_would_see_it(graph: Face, incident: str) -> None:
    path = f"/v1.0/security/incidents/{incident}"
    changes = {
        "status": "resolved",
        "classification": "truePositive",
        "determination": "phishing",
        "assignedTo": "ada@contoso.example",
        "customTags": ["vip"],
        "resolvingComment": "done",
    }
    answer = graph.call("PATCH", path, changes)
    assert answer.status_code == 200, answer.text
    for name, value in changes.items():
        assert answer.json()[name] == value
    kept = graph.app.detection.incidents.get(OWNER, "i1").value
    assert (kept.status, kept.classification_comment) == (IncidentStatus.CLOSED, "done")
    assert kept.labels[0].label_name == "vip"
    comments = graph.call("POST", f"{path}/comments", {"comment": "hello"}).json()["value"]
    assert [(c["comment"], c["createdByDisplayName"]) for c in comments] == [("hello", "hunter")]


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "redirected"},
        {"status": 1},
        {"colour": "red"},
        {"classification": "truePositive"},
        {"determination": "x"},
        {"severity": "extreme"},
        {"displayName": ""},
    ],
)
def test_a_change_that_isnt_supported_changes_nothing(graph: Face, incident: str, changes: Any) -> None:
    before = graph.app.detection.incidents.get(OWNER, "i1")
    check(graph.call("PATCH", f"/v1.0/security/incidents/{incident}", changes), 400)
    assert graph.app.detection.incidents.get(OWNER, "i1") == before


def test_an_alert_is_changed_and_commented(graph: Face, incident: str) -> None:
    path = "/v1.0/security/alerts_v2/alert-1"
    changes = {"status": "resolved", "assignedTo": "ada", "classification": "falsePositive", "determination": "other"}
    shown = graph.call("PATCH", path, changes).json()
    assert {name: shown[name] for name in changes} == changes
    assert shown["resolvedDateTime"]
    said = graph.call("POST", f"{path}/comments", {"comment": "no"}).json()["value"]
    assert said[-1]["comment"] == "no"


def test_a_reader_changes_nothing(graph: Face, incident: str) -> None:
    graph.act_as(Role.SENTINEL_READER)
    try:
        assert graph.get(f"/v1.0/security/incidents/{incident}").status_code == 200
        for path in (f"incidents/{incident}", "alerts_v2/alert-1"):
            check(graph.call("PATCH", f"/v1.0/security/{path}", {"status": "resolved"}), 403, "Forbidden")
            check(graph.call("POST", f"/v1.0/security/{path}/comments", {"comment": "x"}), 403, "Forbidden")
    finally:
        graph.act_as(Role.SENTINEL_RESPONDER)


def test_a_workspace_is_named_where_several_could_be_meant(graph: Face) -> None:
    other = graph.app.workspaces.create("other")
    assert hunt(graph, Query="print 1").status_code == 200
    check(hunt(graph, Query="print 1", workspaceId=other.id), 403, "Forbidden")
    check(hunt(graph, Query="print 1", workspaceId="nothing"), 403, "Forbidden")
    graph.app.principals.grant(graph.client_id, other.id, Role.READER)
    try:
        assert "several workspaces" in check(hunt(graph, Query="print 1"), 400)
        assert hunt(graph, Query="print 1", workspaceId=graph.workspace.id).status_code == 200
    finally:
        graph.app.principals.revoke(graph.client_id, other.id)


def test_a_time_long_ago_is_a_time(graph: Face) -> None:
    """A year below 1000 has four digits in a query, too."""
    assert len(graph.values(SIGN_INS, filter="createdDateTime gt 0500-01-01")) > 1
    assert graph.values(SIGN_INS, filter="createdDateTime lt 0001-01-01T00:00:00Z") == []
