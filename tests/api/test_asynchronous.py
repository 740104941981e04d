"""Asynchronous queries over HTTP."""

from __future__ import annotations

import time
from typing import Any

import pytest
from starlette.testclient import TestClient

from huntlake.identity.audiences import LAKE
from huntlake.identity.rights import Role

from .conftest import BASE, CLIENT, DB, PASSWORD, WORKSPACE_ID, Server

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


def test_a_person_sees_their_own_and_not_those_of_their_program(client: TestClient, server: Server) -> None:
    """Whose a query is, goes by the person who signed in, not by the application that they did it with."""
    users = server.sign_in.users
    users.create("bert@contoso.example", PASSWORD)
    users.grant("bert@contoso.example", WORKSPACE_ID, Role.READER)
    headers = {}
    for name in ("anna@contoso.example", "bert@contoso.example"):
        token = server.tokens.issue_for(users.get(name), CLIENT, LAKE, issuer=f"{BASE}/T/v2.0").text
        headers[name[0]] = {"Authorization": f"Bearer {token}"}
    taken = client.post(PATH, json={"csl": "count 2", "db": DB}, headers=headers["a"])
    place = taken.headers["operation-location"]
    end = time.monotonic() + 30
    while client.get(place, headers=headers["a"]).json()["status"] != "Succeeded":
        assert time.monotonic() < end
        time.sleep(0.01)
    assert client.get(f"{place}/result", headers=headers["a"]).status_code == 200
    for other in ({}, headers["b"]):
        assert client.get(PATH, headers=other).json() == {"value": []}
        assert client.get(f"{place}/result", headers=other).status_code == 404
        assert client.delete(place, headers=other).status_code == 404
    users.revoke("anna@contoso.example", WORKSPACE_ID)
    assert client.get(f"{place}/result", headers=headers["a"]).status_code == 403


def test_an_application_that_is_made_again_doesnt_get_what_the_one_before_asked(server: Server) -> None:
    with server.client() as client:
        client.headers["Authorization"] = f"Bearer {server.token()}"
        place = submit(client, "count 1").headers["operation-location"]
        assert ended(client, place)["status"] == "Succeeded"
        server.principals.delete(CLIENT)
        server.principals.create("another", client_id=CLIENT)
        server.principals.grant(CLIENT, WORKSPACE_ID, Role.READER)
        client.headers["Authorization"] = f"Bearer {server.token()}"
        assert client.get(f"{place}/result").status_code == 404
        assert client.get(PATH).json() == {"value": []}


def test_asking_for_later_counts_like_asking_now(server: Server) -> None:
    with server.client(queries_per_minute=1) as client:
        client.headers["Authorization"] = f"Bearer {server.token()}"
        assert submit(client, "count 1").status_code == 202
        assert submit(client, "count 1").status_code == 429
