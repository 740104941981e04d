"""Connectors to services, against servers on the loopback address."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any
from urllib.parse import parse_qs

import pytest
from tests.playbooks.desk import Desk
from tests.playbooks.test_http import Server, house, server

from huntlake.core.errors import Invalid
from huntlake.playbooks.approvals import Decider, Status
from huntlake.playbooks.calls import Held
from huntlake.playbooks.connections import Mode
from huntlake.playbooks.connectors import CONNECTORS, connector, declared, names
from huntlake.playbooks.connectors.connector import Effect
from huntlake.playbooks.connectors.declared import declaration
from huntlake.state.records import Author
from huntlake.wdl.definition.workflow import ActionType

__all__ = ["house", "server"]

APP = {"tenant": "t1", "client_id": "app"}


def reply(server: Server, path: str, body: Any, status: int = 200, **headers: str) -> None:
    server.answers[path] = (status, {"Content-Type": "application/json", **headers}, json.dumps(body).encode())


def connected(house: Desk, server: Server, name: str, secret: Any = None, mode: Mode = Mode.LIVE, **more: str) -> None:
    house.connect(name, mode=mode, parameters={"endpoint": server.url, **more}, secret=secret or {"api_key": "k-123"})


def test_every_connector_that_is_data_can_be_built(house: Desk) -> None:
    assert len(declared()) > 20
    for name in names():
        made = connector(name, house.app.outward.house)
        assert made is not None
        ids = [o.id for o in made.operations]
        assert len(ids) == len(set(ids)), f"{name} has an operation twice"
        assert not (name in CONNECTORS and name in declared()), f"{name} is declared twice"
        for operation in made.operations:
            assert operation.summary.endswith("."), f"{name} {operation.id}"
            if operation.effect is Effect.READ:
                assert operation.plausible is None, f"{name} {operation.id}: a dry run makes what reads"


def test_a_service_is_asked_with_its_key_and_answers(house: Desk, server: Server) -> None:
    connected(house, server, "virustotal")
    reply(server, "/api/v3/domains/x.example", {"data": {"id": 1}})
    answer = house.ask("GET", "/api/v3/domains/x.example", connection="virustotal")
    assert (answer.status, answer.body) == (200, {"data": {"id": 1}})
    assert server.seen[0]["headers"]["x-apikey"] == "k-123"
    reply(server, "/api/v3/ip_addresses/192.0.2.7", {}, 404)
    assert house.ask("GET", "/api/v3/ip_addresses/connectorV2/192.0.2.7", connection="virustotal").status == 404


def test_an_argument_stays_one_segment_of_the_path(house: Desk, server: Server) -> None:
    connected(house, server, "recordedfuture")
    house.ask("GET", "/url/https%253A%252F%252Fx%252Fa%253Fb", connection="recordedfuture", queries={"fields": "risk"})
    assert server.seen[0]["path"] == "/url/https%3A%2F%2Fx%2Fa%3Fb?fields=risk"
    connected(house, server, "virustotal")
    for path in ("/api/v3/domains/..", "/api/v3/domains/%2E%2E", "/api/v3/domains/x%2F..%2Fy"):
        assert house.ask("GET", path, connection="virustotal").status == 400
    assert len(server.seen) == 1


def test_a_connection_without_its_key_is_refused_by_name(house: Desk, server: Server) -> None:
    house.connect("virustotal", parameters={"endpoint": server.url})
    answer = house.ask("GET", "/api/v3/domains/x", connection="virustotal")
    assert "`api_key`" in answer.refused
    assert "not supported" in house.ask("GET", "/api/v3/unknown", connection="virustotal").refused


def test_what_changes_something_is_not_sent_in_a_dry_run(house: Desk, server: Server) -> None:
    secret = {"password": "p"}
    connected(house, server, "service-now", secret, Mode.DRY_RUN, instance="x.example", username="u")
    path = "/api/now/v2/table/incident"
    made = house.ask("POST", path, {"short_description": "Odd"}, connection="service-now")
    assert made.body["result"]["short_description"] == "Odd"
    assert made.body["result"]["number"].startswith("DRY")
    assert server.seen == []
    reply(server, path, {"result": [{"sys_id": "7"}]})
    found = house.ask("GET", path, queries={"sysparm_query": "a=b"}, connection="service-now")
    assert found.body == {"result": [{"sys_id": "7"}]}
    assert server.seen[0]["headers"]["authorization"].startswith("Basic ")
    assert server.seen[0]["path"].endswith("?sysparm_query=a%3Db")


def test_an_issue_of_jira_is_made_in_its_project(house: Desk, server: Server) -> None:
    connected(house, server, "jira", {"api_token": "t"}, instance="x", username="u")
    reply(server, "/rest/api/2/issue", {"id": "7", "key": "SOC-7"}, 201)
    fields = {"summary": "Odd", "issuetype": {"id": "3"}}
    made = house.ask("POST", "/issue", {"fields": fields}, {"projectKey": "SOC"}, connection="jira")
    assert (made.status, made.body["id"]) == (201, "7")
    assert json.loads(server.seen[0]["body"]) == {"fields": {**fields, "project": {"key": "SOC"}}}
    assert server.seen[0]["path"] == "/rest/api/2/issue"
    house.ask("POST", "/issue/SOC-7/comment", {"body": "seen"}, connection="jira")
    assert server.seen[1]["path"] == "/rest/api/2/issue/SOC-7/comment"


def test_slack_says_200_of_a_failure_and_the_action_fails(house: Desk, server: Server) -> None:
    connected(house, server, "slack", {"token": "xoxb"})
    reply(server, "/chat.postMessage", {"ok": False, "error": "channel_not_found"})
    queries = {"channel": "soc", "text": "hello & <b>"}
    assert house.ask("POST", "/chat.postMessage", queries=queries, connection="slack").status == 400
    reply(server, "/chat.postMessage", {"ok": True, "ts": "1"})
    assert house.ask("POST", "/chat.postMessage", queries=queries, connection="slack").status == 200
    assert json.loads(server.seen[1]["body"]) == {"channel": "soc", "text": "hello & <b>"}
    assert server.seen[1]["headers"]["authorization"] == "Bearer xoxb"


def test_a_report_is_sent_as_a_form(house: Desk, server: Server) -> None:
    connected(house, server, "abuseipdbapi")
    queries = {"ip": "192.0.2.7", "categories": "18,22", "comment": "a&b"}
    house.ask("POST", "/report", queries=queries, connection="abuseipdbapi")
    assert server.seen[0]["path"] == "/report"
    assert parse_qs(server.seen[0]["body"].decode()) == {k: [v] for k, v in queries.items()}
    assert server.seen[0]["headers"]["content-type"] == "application/x-www-form-urlencoded"


def test_answers_in_lines_become_a_list(house: Desk, server: Server) -> None:
    connected(house, server, "farsightdnsdb")
    lines = b'{"rrname": "a."}\n{"rrname": "b."}\n'
    server.answers["/lookup/rrset/name/x.example/A"] = (200, {"Content-Type": "application/x-ndjson"}, lines)
    answer = house.ask("GET", "/lookup/rrset/name/x.example/A", connection="farsightdnsdb")
    assert [r["rrname"] for r in answer.body] == ["a.", "b."]


def graph(house: Desk, server: Server, name: str, mode: Mode = Mode.LIVE) -> None:
    reply(server, "/t1/oauth2/v2.0/token", {"access_token": "T", "expires_in": 3600})
    connected(house, server, name, {"client_secret": "s"}, mode, authority=server.url, **APP)


def test_an_application_asks_graph_with_one_token_for_many_calls(house: Desk, server: Server) -> None:
    graph(house, server, "azuread")
    reply(server, "/v1.0/users/ada", {"displayName": "Ada"})
    for _ in range(2):
        assert house.ask("GET", "/v1.0/users/ada", connection="azuread").body == {"displayName": "Ada"}
    paths = [s["path"] for s in server.seen]
    assert paths == ["/t1/oauth2/v2.0/token", "/v1.0/users/ada", "/v1.0/users/ada"]
    form = parse_qs(server.seen[0]["body"].decode())
    assert (form["client_id"], form["scope"]) == (["app"], ["https://graph.microsoft.com/.default"])
    assert server.seen[1]["headers"]["authorization"] == "Bearer T"


def test_an_authority_that_gives_no_token_is_told(house: Desk, server: Server) -> None:
    graph(house, server, "azuread")
    reply(server, "/t1/oauth2/v2.0/token", {"error": "invalid_client", "error_description": "wrong secret"}, 401)
    answer = house.ask("GET", "/v1.0/users/ada", connection="azuread")
    assert (answer.status, "wrong secret" in answer.body["error"]["message"]) == (401, True)


def test_a_user_is_disabled_only_when_a_person_has_approved_it(house: Desk, server: Server) -> None:
    graph(house, server, "azuread")
    server.answers["/v1.0/users/ada"] = (204, {}, b"")
    call: dict[str, Any] = {"body": {"accountEnabled": False}, "connection": "azuread", "key": "Disable"}
    held = house.held("PATCH", "/v1.0/users/ada", **call)
    assert isinstance(held, Held)
    assert server.seen == []
    person = Decider(Author("9", "Bob"), is_person=True)
    house.app.playbooks.approvals.decide(("soc",), held.approval, True, person)
    assert house.ask("PATCH", "/v1.0/users/ada", **call).status == 204
    assert house.ask("PATCH", "/v1.0/users/ada", **call).status == 204
    changes = [s for s in server.seen if s["method"] == "PATCH"]
    assert [json.loads(s["body"]) for s in changes] == [{"accountEnabled": False}]


def test_management_calls_have_the_version_that_the_connector_was_given(house: Desk, server: Server) -> None:
    graph(house, server, "arm")
    house.ask("GET", "/subscriptions/1/resources", queries={"x-ms-api-version": "2020", "$top": 5}, connection="arm")
    assert server.seen[1]["path"] == "/subscriptions/1/resources?%24top=5&api-version=2020"


# -- declarations ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("{", "isn't YAML"),
        ("{name: a, title: A, url: x, operations: [], colour: red}", "colour"),
        ("{name: a, title: A, url: '{host}', operations: []}", "`host`"),
        ("{name: a, title: A, url: x, operations: [{id: B, ask: GET, effect: read, summary: S}]}", "`B`"),
        (
            "{name: a, title: A, url: x, operations: [{id: B, ask: GET /, effect: read, summary: S, body: '{key}'}]}",
            "`{key}`",
        ),
        ("{name: a, title: A, url: x, operations: [{id: B, ask: GET /, effect: odd, summary: S}]}", "effect"),
    ],
)
def test_a_declaration_that_is_wrong_is_told(text: str, wrong: str) -> None:
    with pytest.raises(Invalid, match=wrong.replace("{", r"\{").replace("}", r"\}")):
        declaration(text.encode(), "a.yaml")


# -- Teams -----------------------------------------------------------------------------

CARD = {"type": "AdaptiveCard", "body": [{"type": "TextBlock", "text": "Odd"}], "version": "1.2"}
TO = {"groupId": "g 1", "channelId": "19:x@thread"}


def test_a_card_goes_to_an_incoming_webhook(house: Desk, server: Server) -> None:
    house.connect("teams", secret={"webhook_url": f"{server.url}/hook?sig=1"})
    path = "/v1.0/teams/conversation/adaptivecard/poster/Flow%20bot/location/Channel"
    answer = house.ask("POST", path, {"messageBody": json.dumps(CARD), "recipient": TO}, connection="teams")
    assert (answer.status, bool(answer.body["id"])) == (200, True)
    sent = json.loads(server.seen[0]["body"])
    assert sent["attachments"][0]["content"] == CARD
    message = {"body": {"content": "<p>Hello <b>you</b></p>"}, "subject": "S"}
    house.ask("POST", "/v3/beta/teams/g/channels/c/messages", message, connection="teams")
    blocks = json.loads(server.seen[1]["body"])["attachments"][0]["content"]["body"]
    assert [b["text"] for b in blocks] == ["S", "Hello you"]


def test_a_message_goes_to_a_channel_over_graph(house: Desk, server: Server) -> None:
    reply(server, "/t1/oauth2/v2.0/token", {"access_token": "T", "expires_in": 3600})
    parameters = {**APP, "authority": server.url, "graph": server.url}
    house.connect("teams", parameters=parameters, secret={"client_secret": "s"})
    path = "/beta/teams/conversation/message/poster/Flow bot/location/Channel"
    house.ask("POST", path, {"messageBody": "<b>x</b>", "recipient": TO}, connection="teams")
    assert server.seen[1]["path"] == "/v1.0/teams/g%201/channels/19%3Ax%40thread/messages"
    assert json.loads(server.seen[1]["body"]) == {"body": {"contentType": "html", "content": "<b>x</b>"}}


def test_what_teams_can_not_do_here_is_refused_by_name(house: Desk, server: Server) -> None:
    house.connect("teams")
    path = "/v1.0/teams/conversation/adaptivecard/poster/Flow bot/location"
    body = {"messageBody": json.dumps(CARD), "recipient": TO}
    assert "webhook_url" in house.ask("POST", f"{path}/Channel", body, connection="teams").refused
    assert house.ask("POST", f"{path}/Chat with Flow bot", body, connection="teams").status == 400
    assert house.ask("POST", f"{path}/Channel", {"messageBody": "{"}, connection="teams").status == 400


@pytest.mark.parametrize("mode", [Mode.LIVE, Mode.DRY_RUN])
def test_a_card_that_waits_becomes_a_question_to_people_here(house: Desk, mode: Mode) -> None:
    house.connect("teams", mode=mode)
    card = {**CARD, "actions": [{"type": "Action.Submit", "title": "Block"}]}
    body = {"notificationUrl": "https://here/1", "body": {"messageBody": json.dumps(card), "recipient": TO}}
    for path in (
        "/v1.0/teams/conversation/gatherinput/poster/Flow bot/location/Channel/$subscriptions",
        "/flowbot/actions/flowcontinuation/recipienttypes/channel/$subscriptions",
    ):
        answer = house.held("", path, body, connection="teams", type=ActionType.API_CONNECTION_WEBHOOK)
        assert not isinstance(answer, Held)
        assert answer.status == 202
        question = house.app.playbooks.approvals.get(("soc",), answer.body["id"]).value
        assert ([o.name for o in question.options], question.callback) == (["Block"], "https://here/1")
        assert house.ask("DELETE", answer.headers["Location"], connection="teams").status == 200
        assert house.app.playbooks.approvals.get(("soc",), answer.body["id"]).value.status is Status.WITHDRAWN
        other = house.context("another run")
        assert house.ask("DELETE", answer.headers["Location"], connection="teams", context=other).status == 404


# -- custom connectors -----------------------------------------------------------------

SWAGGER = {
    "swagger": "2.0",
    "info": {"title": "Firewall", "version": "1"},
    "host": "fw.example",
    "basePath": "/api",
    "schemes": ["https"],
    "securityDefinitions": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}},
    "security": [{"key": []}],
    "paths": {
        "/rules/{rule-id}": {
            "parameters": [{"name": "rule-id", "in": "path", "type": "string"}],
            "get": {
                "operationId": "GetRule",
                "parameters": [{"name": "api-version", "in": "query", "default": "7"}, {"$ref": "#/parameters/trace"}],
            },
            "delete": {"operationId": "DeleteRule"},
        },
        "/rules/all": {"get": {"operationId": "ListRules"}},
        "/hosts/{id}/block": {"post": {"operationId": "BlockHost"}},
    },
    "parameters": {"trace": {"name": "X-Trace", "in": "header", "type": "string"}},
}


def customised(house: Desk, server: Server, document: Any, secret: Any = None, mode: Mode = Mode.LIVE) -> None:
    house.connect(
        "firewall",
        mode=mode,
        custom_api=document,
        parameters={"endpoint": f"{server.url}/api"},
        secret={"api_key": "k"} if secret is None else secret,
    )


def test_a_custom_connector_does_what_its_document_says(house: Desk, server: Server) -> None:
    customised(house, server, SWAGGER)
    headers = {"X-Trace": "1", "X-Other": "2"}
    assert house.ask("GET", "/rules/a%2Fb", headers=headers, connection="firewall").status == 200
    seen = server.seen[0]
    assert seen["path"] == "/api/rules/a%2Fb?api-version=7"
    assert (seen["headers"]["x-key"], seen["headers"]["x-trace"]) == ("k", "1")
    assert "x-other" not in seen["headers"]
    house.ask("GET", "/rules/all", connection="firewall")
    assert server.seen[1]["path"] == "/api/rules/all"
    assert "not supported" in house.ask("POST", "/rules/all", connection="firewall").refused


def test_what_a_custom_connector_contains_waits_for_a_person(house: Desk, server: Server) -> None:
    customised(house, server, SWAGGER)
    assert isinstance(house.held("POST", "/hosts/1/block", {}, connection="firewall"), Held)
    assert server.seen == []


def test_a_custom_connector_without_its_key_is_refused_by_name(house: Desk, server: Server) -> None:
    customised(house, server, SWAGGER, {})
    assert "`api_key`" in house.ask("GET", "/rules/all", connection="firewall").refused


def test_a_document_of_openapi_3_is_read_too(house: Desk, server: Server) -> None:
    document = {
        "openapi": "3.0.0",
        "info": {"title": "x"},
        "servers": [{"url": "https://{region}.x.example", "variables": {"region": {"default": "eu"}}}],
        "components": {"securitySchemes": {"b": {"type": "http", "scheme": "bearer"}}},
        "paths": {"/a": {"post": {"operationId": "MakeA"}}},
    }
    customised(house, server, document)
    house.ask("POST", "/a", {"n": 1}, connection="firewall")
    seen = server.seen[0]
    assert (seen["headers"]["authorization"], json.loads(seen["body"])) == ("Bearer k", {"n": 1})


@pytest.mark.parametrize("kind", ["oauth2", "openIdConnect"])
def test_signing_in_by_what_is_not_supported_is_refused_by_name(house: Desk, server: Server, kind: str) -> None:
    customised(house, server, {**SWAGGER, "securityDefinitions": {"key": {"type": kind}}})
    assert "not supported" in house.ask("GET", "/rules/all", connection="firewall").refused
    assert server.seen == []


@pytest.mark.parametrize("document", [[], {"paths": 1}, {"swagger": "2.0"}])
def test_a_document_that_describes_nothing_is_told(house: Desk, server: Server, document: Any) -> None:
    customised(house, server, document)
    assert house.ask("GET", "/rules/all", connection="firewall").status == 400


def test_private_hosts_of_connections_are_refused_unless_they_are_listed(house: Desk, server: Server) -> None:
    for endpoint in ("https://127.0.0.2:1/x", "https://169.254.169.254/latest", "https://localhost:1"):
        house.connect("virustotal", parameters={"endpoint": endpoint}, secret={"api_key": "k"})
        answer = house.ask("GET", "/api/v3/domains/x", connection="virustotal")
        assert answer.refused or answer.lost


def test_an_approval_is_for_where_the_connection_led_and_for_whom_it_was_used(house: Desk, server: Server) -> None:
    def asked_for() -> str:
        body = {"accountEnabled": False}
        held = house.held("PATCH", "/v1.0/users/ada", body, connection="azuread", key="Disable#1")
        assert isinstance(held, Held)
        return held.approval

    connected(house, server, "azuread", {"client_secret": "s1"}, Mode.LIVE, **APP)
    first = asked_for()
    assert asked_for() == first
    house.app.playbooks.approvals.decide(("soc",), first, True, Decider(Author("8", "Bob"), True))
    connected(house, server, "azuread", {"client_secret": "s1"}, Mode.LIVE, **APP | {"tenant": "t2"})
    second = asked_for()
    assert second != first, "another tenant: nobody has approved that"
    connected(house, server, "azuread", {"client_secret": "s2"}, Mode.LIVE, **APP | {"tenant": "t2"})
    third = asked_for()
    assert third not in (first, second), "another application's secret, perhaps"
    house.identity()
    assert asked_for() not in (first, second, third), "the workflow is somebody else now"


def test_connectors_are_loaded_when_they_are_asked_for_and_not_with_the_server() -> None:
    program = "import sys, huntlake.api.arm.services; print(*(m for m in sys.modules if 'playbooks.connectors.' in m))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    loaded = {m.rpartition(".")[2] for m in done.stdout.split()}
    assert not loaded & {*CONNECTORS, "mail", "http", "house"}, loaded
