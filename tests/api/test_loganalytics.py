from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from huntlake.api.loganalytics.requests import parse_duration, parse_prefer, parse_timespan
from huntlake.core.errors import Invalid
from huntlake.identity.audiences import LAKE
from huntlake.identity.rights import Role

from .conftest import CLIENT, NOW, SUBSCRIPTION, WORKSPACE_ID, Server

PATH = f"/v1/workspaces/{WORKSPACE_ID}/query"
RESOURCE = (
    f"subscriptions/{SUBSCRIPTION.id}/resourceGroups/{SUBSCRIPTION.group}"
    "/providers/Microsoft.OperationalInsights/workspaces/contoso-soc"
)
OTHER = "22222222-2222-3333-4444-555555555555"


@pytest.fixture
def logs(server: Server) -> Iterator[TestClient]:
    with server.client() as client:
        client.headers["Authorization"] = f"Bearer {server.token('https://api.loganalytics.io')}"
        yield client


def ask(client: TestClient, text: str, *, path: str = PATH, prefer: str = "", **more: Any) -> Any:
    return client.post(path, json={"query": text, **more}, headers={"Prefer": prefer})


def problem(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()["error"]
    assert found["code"]
    assert found["message"]
    assert found["correlationId"]
    return found


@pytest.mark.parametrize(
    "path",
    [
        PATH,
        "/v1/workspaces/contoso-soc/query",
        f"/v1/{RESOURCE}/query",
        f"/v1//{RESOURCE}/query",
        f"/v1/{RESOURCE.replace('resourceGroups', 'resourcegroups')}/query",
    ],
)
def test_a_workspace_goes_by_id_name_and_resource(logs: TestClient, path: str) -> None:
    answer = ask(logs, "count 2", path=path)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "tables": [{"name": "PrimaryResult", "columns": [{"name": "x", "type": "long"}], "rows": [[1], [2]]}]
    }


def test_a_query_string_asks_as_a_body_does(server: Server, logs: TestClient) -> None:
    answer = logs.get(PATH, params={"query": "count 1", "timespan": "PT1H"})
    assert answer.json()["tables"][0]["rows"] == [[1]]
    options = server.queries.asked[-1][2]
    assert (options.time_column, options.since, options.until) == ("TimeGenerated", NOW - timedelta(hours=1), NOW)
    assert options.dynamic_as_text


def test_no_timespan_bounds_nothing(server: Server, logs: TestClient) -> None:
    ask(logs, "count 1", timespan=None, workspaces=None)
    options = server.queries.asked[-1][2]
    assert (options.time_column, options.since, options.until) == ("", None, None)


def test_statistics_and_pictures_come_when_asked_for(logs: TestClient) -> None:
    assert set(ask(logs, "count 1 render").json()) == {"tables"}
    answer = ask(logs, "count 3 render", prefer="wait=600, include-statistics=true,include-render=true").json()
    assert answer["statistics"]["query"]["datasetStatistics"] == [{"tableRowCount": 3, "tableSize": 0}]
    assert (answer["render"]["visualization"], answer["render"]["title"]) == ("barchart", "kit")
    assert answer["render"]["isQuerySorted"] is False


def test_the_older_form_of_an_answer_is_kustos(logs: TestClient) -> None:
    answer = ask(logs, "count 1", prefer="ai.response-thinning=false").json()
    assert answer["Tables"][0]["Rows"] == [[1]]


@pytest.mark.parametrize("text", ["timeout after 1000", "limit after 1000"])
def test_an_answer_that_breaks_off_says_so_beside_its_rows(logs: TestClient, text: str) -> None:
    answer = ask(logs, text)
    assert answer.status_code == 200
    assert len(answer.json()["tables"][0]["rows"]) == 1000
    assert answer.json()["error"]["code"] == "PartialError"
    assert answer.json()["error"]["details"][0]["innererror"]["severity"] == 2


def test_too_many_rows_are_a_partial_answer(server: Server) -> None:
    with server.client(query_max_rows=3) as client:
        client.headers["Authorization"] = f"Bearer {server.token('https://api.loganalytics.io')}"
        answer = ask(client, "count 5").json()
    assert answer["tables"][0]["rows"] == [[1], [2], [3]]
    assert "80DA0003" in answer["error"]["details"][0]["innererror"]["message"]


def test_a_mistake_stands_innermost_where_clients_look(logs: TestClient) -> None:
    for text, kind, code in (("syntax!", "SyntaxError", "SYN0002"), ("nonsense", "SemanticError", "SEM0100")):
        error = problem(ask(logs, text), 400)
        assert error["code"] == "BadArgumentError"
        assert error["innererror"]["code"] == kind
        assert error["innererror"]["innererror"]["code"] == code
        assert (error["innererror"]["innererror"]["line"], error["innererror"]["innererror"]["pos"]) == (1, 1)


def test_a_batch_answers_every_request_by_its_id(logs: TestClient) -> None:
    def one(id: str, text: str, **more: Any) -> dict[str, Any]:
        body = {"query": text, "timespan": None}
        return {"id": id, "workspace": WORKSPACE_ID, "path": "/query", "method": "POST", "body": body, **more}

    requests = [
        one("a", "count 2", headers={"prefer": "include-statistics=true"}),
        one("b", "syntax!"),
        one("c", "count 1", workspace=OTHER),
        one("d", "timeout after 0"),
        one("e", "count 1", path="/metadata"),
        one("f", "crash after 0"),
        one("g", "timeout after 1000"),
    ]
    answer = logs.post("/v1/$batch", json={"requests": requests})
    assert answer.status_code == 200
    found = {r["id"]: r for r in answer.json()["responses"]}
    assert {id: r["status"] for id, r in found.items()} == {
        "a": 200,
        "b": 400,
        "c": 403,
        "d": 504,
        "e": 400,
        "f": 500,
        "g": 200,
    }
    assert found["a"]["body"]["statistics"]
    assert found["b"]["body"]["error"]["code"] == "BadArgumentError"
    assert found["g"]["body"]["error"]["code"] == "PartialError"
    assert logs.post("/v1/$batch", json={"requests": []}).json() == {"responses": []}
    problem(logs.post("/v1/$batch", json={"requests": [one("a", "count 1"), one("a", "count 1")]}), 400)


def test_other_workspaces_are_asked_with_the_first(server: Server, logs: TestClient) -> None:
    server.workspaces.create("contoso-dev", OTHER)
    assert problem(ask(logs, "count 1", workspaces=[OTHER]), 403)["code"] == "InsufficientAccessError"
    server.principals.grant(CLIENT, OTHER, Role.READER)
    assert ask(logs, "count 1", workspaces=["contoso-dev", OTHER, WORKSPACE_ID]).status_code == 200
    assert [w.name for w in server.queries.also] == ["contoso-dev"]


def test_metadata_lists_tables_and_columns(logs: TestClient) -> None:
    for answer in (logs.get(f"/v1/workspaces/{WORKSPACE_ID}/metadata"), logs.post(f"/v1/{RESOURCE}/metadata")):
        found = {t["name"]: t for t in answer.json()["tables"]}
        assert found["SigninLogs"]["columns"][0] == {"name": "TimeGenerated", "type": "datetime"}
        assert found["SigninLogs"]["hasData"] is True
        assert found["Odd 'name'"]["timespanColumn"] is None
        assert answer.json()["workspaces"][0]["id"] == WORKSPACE_ID
    problem(logs.get("/v1/workspaces/nowhere/metadata"), 403)


def test_a_query_whose_time_ran_out_is_not_run_for_the_clients_retry(server: Server, logs: TestClient) -> None:
    same = {"x-ms-client-request-id": "r1"}
    for _ in range(3):
        answer = logs.post(PATH, json={"query": "timeout after 0"}, headers=same)
        assert problem(answer, 504)["code"] == "GatewayTimeout"
        assert "retry-after" not in answer.headers
    assert len(server.queries.asked) == 1
    problem(logs.post(PATH, json={"query": "timeout after 0"}, headers={"x-ms-client-request-id": "r2"}), 504)
    assert len(server.queries.asked) == 2


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", PATH, b"{not json", 400),
        ("POST", PATH, b"[]", 400),
        ("POST", PATH, b'{"unexpected": 1}', 400),
        ("POST", PATH, b'{"query": "count 1", "maxRows": 5}', 400),
        ("POST", PATH, b'{"query": "count 1", "timespan": "yesterday"}', 400),
        ("POST", PATH, b'{"query": "count 1", "workspaces": "x"}', 400),
        ("POST", PATH, b'{"query": "crash after 0"}', 500),
        ("POST", f"/v1/workspaces/{OTHER}/query", b'{"query": "count 1"}', 403),
        (
            "POST",
            "/v1/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/x/y/query",
            b'{"query":"count 1"}',
            400,
        ),
        ("POST", f"/v1/{RESOURCE.replace('kit-rg', 'other')}/query", b'{"query": "count 1"}', 403),
        ("GET", "/v1/$batch", b"", 405),
        ("PUT", PATH, b"", 405),
        ("GET", f"/v1/workspaces/{WORKSPACE_ID}/nothing", b"", 404),
    ],
)
def test_every_no_is_in_the_apis_own_envelope(
    logs: TestClient, method: str, path: str, body: bytes, status: int
) -> None:
    error = problem(logs.request(method, path, content=body), status)
    assert "boom" not in str(error)


def test_a_token_for_another_api_opens_nothing(server: Server, logs: TestClient) -> None:
    answer = logs.post(PATH, json={"query": "count 1"}, headers={"Authorization": f"Bearer {server.token(LAKE)}"})
    problem(answer, 401)
    assert answer.headers["www-authenticate"].startswith("Bearer ")


def test_durations_are_read_as_clients_write_them() -> None:
    spans = {
        "PT43200.0S": timedelta(hours=12),
        "P1D": timedelta(days=1),
        "PT1H30M": timedelta(minutes=90),
        "P1W": timedelta(weeks=1),
        "P1DT0.5S": timedelta(days=1, seconds=0.5),
    }
    assert {text: parse_duration(text) for text in spans} == spans
    assert [parse_duration(t) for t in ("", "P", "PT", "1D", "P1", "P-1D", "2026-01-01", "P1D ")] == [None] * 8


def test_timespans_are_read_as_clients_write_them() -> None:
    first, last = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC)
    for text in (
        "2026-01-01T00:00:00.000Z/PT172800.0S",
        "2026-01-01/2026-01-03",
        "P2D/2026-01-03T00:00:00Z",
        "2026-01-01T02:00:00+02:00/2026-01-03T00:00:00.0000000Z",
    ):
        assert parse_timespan(text, NOW) == (first, last)
    assert parse_timespan("P1D", NOW) == (NOW - timedelta(days=1), NOW)
    for wrong in ("", "/", "P1D/P1D", "2026-01-03/2026-01-01", "x/P1D", "P99999999D", 5):
        with pytest.raises(Invalid):
            parse_timespan(wrong, NOW)


def test_preferences_nobody_knows_are_passed_over() -> None:
    found = parse_prefer("respond-async, WAIT=9999 , include-render=true,,exclude-resourcePermissions")
    assert (found.wait, found.render, found.statistics) == (timedelta(seconds=600), True, False)
    with pytest.raises(Invalid):
        parse_prefer("wait=soon")
