"""Asynchronous queries over HTTP."""

from __future__ import annotations

import time
from typing import Any

import pytest
from starlette.testclient import TestClient

from .conftest import CLIENT, DB, Server

PATH = "/lake/kql/v2/rest/asyncqueries"


def submit(client: TestClient, text: str, **more: Any) -> Any:
    return client.post(PATH, json={"csl": text, "db": DB, **more})


def ended(client: TestClient, place: str) -> dict[str, Any]:
    end = time.monotonic() + 30
    while (found := client.get(place).json())["status"] in ("NotStarted", "Running"):
        assert time.monotonic() < end
        time.sleep(0.01)
    return dict(found)


def test_a_query_is_taken_watched_and_read(client: TestClient) -> None:
    taken = submit(client, "count 3")
    assert taken.status_code == 202
    place = taken.headers["operation-location"]
    found = ended(client, place)
    assert (found["status"], found["tables"][0]["rows"]) == ("Succeeded", 3)
    frames = client.get(found["resultLocation"]).json()
    assert [len(f["Rows"]) for f in frames if f.get("TableKind") == "PrimaryResult"] == [3]
    assert [one["id"] for one in client.get(PATH).json()["value"]] == [found["id"]]
    assert client.delete(place).status_code == 204
    assert client.get(place).status_code == 404


def test_a_wrong_query_is_refused_at_once(client: TestClient) -> None:
    refused = submit(client, "nonsense")
    assert refused.status_code == 400
    assert "nonsense" in refused.json()["error"]["message"]


def test_an_accident_is_told_without_what_is_inside(client: TestClient) -> None:
    found = ended(client, submit(client, "crash after 1").headers["operation-location"])
    assert (found["status"], found["error"]["code"]) == ("Failed", "InternalServiceError")
    assert "boom" not in str(found)


@pytest.mark.parametrize("body", [{"csl": ".show tables", "db": DB}, {"csl": "", "db": DB}, {"db": DB}, []])
def test_what_is_no_query_is_refused(client: TestClient, body: object) -> None:
    assert client.post(PATH, json=body).status_code == 400


def test_another_database_is_refused(client: TestClient) -> None:
    assert submit(client, "count 1", db="other").status_code == 403


def test_a_result_that_is_not_there_yet_is_a_conflict(client: TestClient, server: Server) -> None:
    place = submit(client, "wait").headers["operation-location"]
    assert client.get(f"{place}/result").status_code == 409
    assert client.delete(place).status_code == 204
    assert ended(client, place)["status"] == "Canceled"


def test_nobody_else_sees_it(client: TestClient, server: Server) -> None:
    place = submit(client, "count 1").headers["operation-location"]
    other = server.principals.create("other")
    headers = {"Authorization": f"Bearer {server.token(client_id=other.client_id)}"}
    assert client.get(place, headers=headers).status_code == 404
    assert client.delete(place, headers=headers).status_code == 404
    assert client.get(PATH, headers=headers).json() == {"value": []}
    assert other.client_id != CLIENT


def test_without_a_token_nothing_is_told(server: Server) -> None:
    for method, path in (
        ("post", PATH),
        ("get", PATH),
        ("get", f"{PATH}/x"),
        ("delete", f"{PATH}/x"),
        ("get", f"{PATH}/x/result"),
    ):
        assert getattr(server.client(), method)(path).status_code == 401
