"""The addresses of workflows, over HTTP."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from starlette.testclient import TestClient
from tests.api.conftest import Server

from huntlake.playbooks.triggers.requests import Requests, Told
from huntlake.playbooks.workflows import Workflow


def address(server: Server, method: str = "POST") -> str:
    definition = {
        "triggers": {"manual": {"type": "Request", "inputs": {"method": method}}},
        "actions": {"A": {"type": "Compose", "inputs": 1}},
    }
    server.playbooks.workflows.put("called", Workflow(definition, "soc"))
    parts = urlsplit(server.playbooks.addresses.of_trigger("called", "manual").url)
    return f"{parts.path}?{parts.query}"


def test_a_signed_address_needs_no_token_and_names_the_run(server: Server, client: TestClient) -> None:
    del client.headers["Authorization"]
    answer = client.post(address(server), json={"a": 1})
    assert answer.status_code == 202, answer.text
    run = server.playbooks.runs.get("called", answer.headers["x-ms-workflow-run-id"])
    assert server.playbooks.runs.triggered(run.name)["outputs"]["body"] == {"a": 1}


def test_what_is_wrong_is_said_as_logic_apps_says_it(server: Server, client: TestClient) -> None:
    url = address(server)
    told = client.post(url.partition("?")[0])
    assert told.status_code == 403
    assert told.json()["error"]["code"] == "AuthorizationFailed"
    assert client.get(url).status_code == 405
    assert client.post(url.replace("/invoke", "/invoke/else")).json()["error"]["code"] == "NotFound"


def test_what_a_workflow_answers_runs_nowhere_at_the_pages_own_address(
    server: Server, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = {
        "Content-Type": "text/html",
        "content-security-policy": "script-src 'unsafe-inline'",
        "Set-Cookie": "__Host-huntlake-session=theirs; Secure; Path=/",
        "X-Own": "1",
    }
    told = Told(200, headers, b"<script>alert(1)</script>")
    monkeypatch.setattr(Requests, "invoke", lambda *given: told)
    answer = client.post(address(server), json={})
    assert (answer.headers["x-own"], answer.headers["content-type"]) == ("1", "text/html")
    assert "set-cookie" not in answer.headers
    assert answer.headers.get_list("content-security-policy") == [
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
    ]
