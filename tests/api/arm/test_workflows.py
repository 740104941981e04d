"""Workflows, their versions, and connections through the management API."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from huntlake.core.clock import FixedClock
from huntlake.identity.rights import Role
from huntlake.playbooks.connections import CONNECTIONS, Mode, opened
from huntlake.playbooks.workflows import WorkflowState

from ..conftest import BASE, CLIENT, WORKSPACE_ID, Server
from .conftest import GROUP, WORKSPACE, Arm

LOGIC = f"{GROUP}/providers/Microsoft.Logic"
FLOW = f"{LOGIC}/workflows/enrich"
LINKS = f"{GROUP}/providers/Microsoft.Web/connections"
API = f"{GROUP.partition('/resourceGroups')[0]}/providers/Microsoft.Web/locations/local/managedApis"


def definition(inputs: Any = 1, **parameters: Any) -> dict[str, Any]:
    return {
        "$schema": "https://schema.management.azure.com/schemas/2016-06-01/workflowdefinition.json#",
        "contentVersion": "1.0.0.0",
        "parameters": parameters,
        "triggers": {"manual": {"type": "Request", "kind": "Http", "inputs": {"schema": {}}}},
        "actions": {"Compose": {"type": "Compose", "inputs": inputs, "runAfter": {}}},
        "outputs": {},
    }


SECURE = definition(token={"type": "SecureString"}, limit={"type": "Int", "defaultValue": 5})


@pytest.fixture
def azure(arm: Arm) -> Arm:
    arm.act_as(Role.LOGIC_APP_CONTRIBUTOR)
    return arm


def put(arm: Arm, properties: dict[str, Any] | None = None, path: str = FLOW, **beside: Any) -> Any:
    given = {"definition": definition()} if properties is None else properties
    return arm.put(path, given, beside={"location": "westeurope", **beside})


def test_a_workflow_is_made_shown_listed_changed_and_deleted(azure: Arm) -> None:
    made = put(azure, tags={"team": "blue"})
    assert made.status_code == 201, made.text
    shown = made.json()
    properties = shown["properties"]
    assert (shown["id"], shown["type"]) == (FLOW, "Microsoft.Logic/workflows")
    assert (shown["location"], shown["tags"]) == ("westeurope", {"team": "blue"})
    assert (properties["state"], properties["provisioningState"]) == ("Enabled", "Succeeded")
    assert properties["accessEndpoint"].startswith(f"{BASE}/workflows/")
    assert properties["definition"] == definition()
    assert properties["createdTime"] == properties["changedTime"] == "2026-03-01T12:00:00Z"
    assert "identity" not in shown

    again = put(azure, {"definition": definition(2), "state": "Disabled"})
    assert again.status_code == 200
    assert again.json()["properties"]["version"] != properties["version"]
    assert again.json()["etag"] != shown["etag"]
    subscription = f"{GROUP.partition('/resourceGroups')[0]}/providers/Microsoft.Logic/workflows"
    for path in (f"{LOGIC}/workflows", subscription):
        (listed,) = azure.get(path).json()["value"]
        assert (listed["id"], listed["properties"]["state"]) == (FLOW, "Disabled")
    assert azure.call("DELETE", FLOW).status_code == 200
    assert azure.call("DELETE", FLOW).status_code == 204
    assert azure.error(azure.get(FLOW), 404) == "ResourceNotFound"


def test_a_list_of_workflows_is_filtered_and_comes_in_pages(azure: Arm) -> None:
    for number in range(5):
        state = "Enabled" if number % 2 else "Disabled"
        put(azure, {"definition": definition(), "state": state}, f"{LOGIC}/workflows/flow-{number}")
    on = azure.get(f"{LOGIC}/workflows", params={"$filter": "state eq 'Enabled'"}).json()["value"]
    assert [w["name"] for w in on] == ["flow-1", "flow-3"]
    names, url = [], None
    while True:
        page = azure.http.get(url).json() if url else azure.get(f"{LOGIC}/workflows", params={"$top": "2"}).json()
        names += [w["name"] for w in page["value"]]
        if (url := page.get("nextLink")) is None:
            break
    assert names == [f"flow-{n}" for n in range(5)]
    assert azure.error(azure.get(f"{LOGIC}/workflows", params={"$filter": "colour eq 'x'"}), 400) == "BadRequest"


def test_a_workflow_keeps_every_version(azure: Arm, server: Server) -> None:
    first = put(azure, {"definition": definition(1)}).json()["properties"]["version"]
    assert isinstance(server.clock, FixedClock)
    second = put(azure, {"definition": definition(2)}).json()["properties"]["version"]
    versions = azure.get(f"{FLOW}/versions").json()["value"]
    assert {v["name"] for v in versions} == {first, second}
    old = azure.get(f"{FLOW}/versions/{first}").json()
    assert old["type"] == "Microsoft.Logic/workflows/versions"
    assert old["properties"]["definition"] == definition(1)
    assert azure.error(azure.get(f"{FLOW}/versions/none"), 404) == "ResourceNotFound"
    assert azure.error(azure.get(f"{LOGIC}/workflows/none/versions"), 404) == "ParentResourceNotFound"
    assert azure.call("DELETE", f"{FLOW}/versions/{first}").status_code == 405


def test_what_a_secure_parameter_holds_is_never_shown_and_stays(azure: Arm, server: Server) -> None:
    secret = {"token": {"value": "s3cret"}, "limit": {"value": 7}}
    made = put(azure, {"definition": SECURE, "parameters": secret})
    assert made.json()["properties"]["parameters"] == {"limit": {"value": 7}, "token": {"type": "SecureString"}}
    version = made.json()["properties"]["version"]
    # As a client does that reads, changes something else, and writes.
    back = made.json()
    back["tags"] = {"a": "b"}
    again = azure.call("PUT", FLOW, back)
    assert again.status_code == 200, again.text
    assert again.json()["properties"]["version"] == version
    stored = server.playbooks.workflows.get("enrich").value
    assert stored.tags == {"a": "b"}
    assert server.playbooks.seal.open(stored.sealed["token"], "workflow enrich token") == '"s3cret"'
    for path in (FLOW, f"{LOGIC}/workflows", f"{FLOW}/versions"):
        assert "s3cret" not in azure.get(path).text
    # The same secret said again is no new version; another one is.
    same = put(azure, {"definition": SECURE, "parameters": secret}).json()["properties"]["version"]
    other = put(azure, {"definition": SECURE, "parameters": {**secret, "token": {"value": "new"}}})
    assert same == version != other.json()["properties"]["version"]
    assert azure.error(put(azure, {"definition": SECURE, "parameters": {}}), 400) == "BadRequest"


@pytest.mark.parametrize(
    ("properties", "told"),
    [
        ({}, "`properties.definition` is missing"),
        ({"definition": {"triggers": {}, "actions": {"a": {"type": "Nothing"}}}}, "can't be read"),
        ({"definition": definition(), "parameters": {"x": {"value": 1}}}, "declares no parameter `x`"),
        ({"definition": SECURE}, "`token` is not provided"),
        ({"definition": definition(), "colour": 1}, "`properties.colour` is not supported"),
        (
            {"definition": definition(), "accessControl": {"triggers": {}}},
            "`properties.accessControl` is not",
        ),
        ({"definition": definition(), "integrationAccount": {"id": "x"}}, "integrationAccount` is not supported"),
        ({"definition": definition(), "state": "Suspended"}, "properties.state"),
    ],
)
def test_a_workflow_that_cannot_be_is_refused_by_name(azure: Arm, properties: dict[str, Any], told: str) -> None:
    for answer in (put(azure, properties), azure.call("POST", f"{FLOW}/validate", {"properties": properties})):
        assert azure.error(answer, 400) == "BadRequest"
        assert told in answer.json()["error"]["message"]
    assert azure.get(FLOW).status_code == 404


def test_a_workflow_is_validated_before_it_is_there(azure: Arm) -> None:
    body = {"location": "local", "properties": {"definition": definition()}}
    assert azure.call("POST", f"{FLOW}/validate", body).status_code == 200
    assert azure.call("POST", f"{LOGIC}/locations/local/workflows/enrich/validate", body).status_code == 200
    assert azure.get(FLOW).status_code == 404
    azure.act_as(Role.PLAYBOOK_OPERATOR)
    assert azure.error(azure.call("POST", f"{FLOW}/validate", body), 403) == "AuthorizationFailed"


def test_a_workflow_is_switched_off_and_on(azure: Arm, server: Server) -> None:
    version = put(azure).json()["properties"]["version"]
    azure.act_as(Role.LOGIC_APP_OPERATOR)
    for verb, state in (("disable", WorkflowState.DISABLED), ("enable", WorkflowState.ENABLED)):
        assert azure.call("POST", f"{FLOW}/{verb}").status_code == 200
        found = server.playbooks.workflows.get("enrich").value
        assert (found.state, found.version) == (state, version)
    assert azure.error(put(azure), 403) == "AuthorizationFailed"


def test_a_workflow_gets_a_principal_of_its_own_and_takes_it_along(azure: Arm, server: Server) -> None:
    shown = put(azure, identity={"type": "SystemAssigned"}).json()["identity"]
    principal = server.principals.of_id(shown["principalId"])
    assert principal is not None
    assert not principal.grants
    assert (shown["type"], shown["tenantId"]) == ("SystemAssigned", server.tenant.id)
    # Said again it stays the same, sent back as it was shown, too.
    assert put(azure, identity=shown).json()["identity"] == shown
    assert azure.call("PATCH", FLOW, {"tags": {"a": "b"}}).json()["identity"] == shown
    assert azure.call("DELETE", FLOW).status_code == 200
    assert server.principals.of_id(shown["principalId"]) is None
    refused = put(azure, identity={"type": "UserAssigned"})
    assert "`UserAssigned` is not supported" in refused.json()["error"]["message"]


def test_a_write_that_is_refused_leaves_no_principal(azure: Arm, server: Server) -> None:
    put(azure)
    before = len(server.principals.list())
    stale = azure.put(
        FLOW,
        {"definition": definition()},
        beside={"identity": {"type": "SystemAssigned"}},
        headers={"If-Match": '"stale"'},
    )
    assert azure.error(stale, 412) == "PreconditionFailed"
    assert len(server.principals.list()) == before


@pytest.mark.parametrize("verb", ["listSwagger", "generateUpgradedDefinition", "move"])
def test_what_is_not_done_with_workflows_is_refused_by_name(azure: Arm, verb: str) -> None:
    put(azure)
    answer = azure.call("POST", f"{FLOW}/{verb}", {})
    assert azure.error(answer, 400) == "BadRequest"
    assert f"`{verb}` is not supported" in answer.json()["error"]["message"]


def test_nobody_without_rights_in_its_workspace_sees_a_workflow(azure: Arm, server: Server) -> None:
    put(azure)
    azure.put(f"{LINKS}/sentinel", {"api": {"id": f"{API}/azuresentinel"}})
    other = server.workspaces.create("other")
    server.principals.revoke(CLIENT, WORKSPACE_ID)
    server.principals.grant(CLIENT, other.id, Role.CONTRIBUTOR)
    for path in (FLOW, f"{FLOW}/versions", f"{LINKS}/sentinel"):
        assert azure.get(path).status_code == 404, path
    assert azure.get(f"{LOGIC}/workflows").json() == azure.get(LINKS).json() == {"value": []}
    for verb in ("PUT", "PATCH", "DELETE"):
        assert azure.call(verb, FLOW, {"properties": {"definition": definition()}}).status_code == 404
    assert azure.call("POST", f"{FLOW}/disable").status_code == 404
    # One that isn't there is told in the same words.
    hidden, absent = (azure.get(f"{p}/versions").json()["error"] for p in (FLOW, f"{LOGIC}/workflows/absent"))
    assert hidden["message"].replace("enrich", "absent") == absent["message"]
    assert hidden["code"] == absent["code"]


@pytest.mark.parametrize("role", [Role.PUBLISHER])
def test_who_only_sends_records_sees_no_workflow(azure: Arm, role: Role) -> None:
    put(azure)
    azure.act_as(role)
    assert azure.get(FLOW).status_code == 404
    assert azure.get(f"{LOGIC}/workflows").json() == {"value": []}


def test_a_workflow_says_to_which_workspace_it_belongs(azure: Arm, server: Server) -> None:
    other = server.workspaces.create("other")
    assert put(azure).json()["properties"]["huntlakeWorkspace"] == "contoso-soc"
    tag = {"hidden-SentinelWorkspaceId": f"{WORKSPACE.rpartition('/')[0]}/other"}
    # It takes the right to make playbooks there as well.
    assert azure.error(put(azure, tags=tag), 403) == "AuthorizationFailed"
    server.principals.grant(CLIENT, other.id, Role.LOGIC_APP_CONTRIBUTOR)
    assert put(azure, tags=tag).json()["properties"]["huntlakeWorkspace"] == "other"
    assert put(azure).json()["properties"]["huntlakeWorkspace"] == "other"
    new = put(azure, path=f"{LOGIC}/workflows/new")
    assert azure.error(new, 400) == "BadRequest"
    assert "several workspaces" in new.json()["error"]["message"]
    said = put(azure, {"definition": definition(), "huntlakeWorkspace": "contoso-soc"})
    assert said.json()["properties"]["huntlakeWorkspace"] == "contoso-soc"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", f"{FLOW}/nothing", 404, "InvalidResourceType"),
        ("GET", f"{FLOW}/runs/x/nothing/y/z", 404, "InvalidResourceType"),
        ("POST", FLOW, 405, "MethodNotAllowed"),
        ("GET", f"{FLOW}/enable", 405, "MethodNotAllowed"),
        ("DELETE", f"{LOGIC}/workflows", 405, "MethodNotAllowed"),
        ("PUT", f"{FLOW}/versions/x", 405, "MethodNotAllowed"),
        ("GET", f"{LOGIC}/integrationAccounts", 404, "InvalidResourceType"),
        ("POST", f"{LOGIC}/workflows/none/enable", 404, "ResourceNotFound"),
        ("PATCH", f"{LOGIC}/workflows/none", 404, "ResourceNotFound"),
    ],
)
def test_what_cannot_be_asked_is_answered_in_azures_shape(
    azure: Arm, method: str, path: str, status: int, code: str
) -> None:
    put(azure)
    assert azure.error(azure.call(method, path), status) == code


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"null", b"\xff", b'{"properties": 1}', b'{"a":' * 60 + b"1" + b"}" * 60]
)
def test_a_body_that_is_no_workflow_is_refused(azure: Arm, body: bytes) -> None:
    for method, path in (("PUT", FLOW), ("POST", f"{FLOW}/validate"), ("PUT", f"{LINKS}/one")):
        answer = azure.http.request(method, path, content=body, params={"api-version": "2019-05-01"})
        assert azure.error(answer, 400) == "BadRequest"


# -- connections ---------------------------------------------------------------


def test_a_connection_is_made_shown_listed_changed_and_deleted(azure: Arm) -> None:
    given = {"displayName": "Sentinel", "customParameterValues": {}, "api": {"id": f"{API}/AzureSentinel"}}
    made = azure.put(f"{LINKS}/sentinel", {**given, "parameterValueType": "Alternative"}, beside={"kind": "V1"})
    assert made.status_code == 201, made.text
    shown = made.json()
    properties = shown["properties"]
    assert (shown["id"], shown["type"], shown["kind"]) == (f"{LINKS}/sentinel", "Microsoft.Web/connections", "V1")
    assert properties["api"]["id"] == f"{API}/azuresentinel"
    assert (properties["huntlakeMode"], properties["overallStatus"]) == ("dry-run", "Connected")
    assert azure.call("PUT", f"{LINKS}/sentinel", shown).status_code == 200
    patched = azure.call("PATCH", f"{LINKS}/sentinel", {"properties": {"huntlakeMode": "replay"}})
    assert patched.json()["properties"]["huntlakeMode"] == "replay"
    # What says nothing of the mode leaves it; another connector begins anew.
    assert azure.put(f"{LINKS}/sentinel", given).json()["properties"]["huntlakeMode"] == "replay"
    moved = azure.put(f"{LINKS}/sentinel", {"api": {"id": f"{API}/teams"}})
    assert moved.json()["properties"]["huntlakeMode"] == "dry-run"
    assert [c["name"] for c in azure.get(LINKS).json()["value"]] == ["sentinel"]
    assert azure.call("DELETE", f"{LINKS}/sentinel").status_code == 200
    assert azure.error(azure.get(f"{LINKS}/sentinel"), 404) == "ResourceNotFound"


def test_what_a_connection_was_given_is_never_shown(azure: Arm, server: Server) -> None:
    values = {"parameterValues": {"apiKey": "k3y"}, "nonSecretParameterValues": {"url": "https://x.example"}}
    made = azure.put(f"{LINKS}/vt", {"api": {"id": f"{API}/virustotal"}, **values})
    assert made.json()["properties"]["nonSecretParameterValues"] == {"url": "https://x.example"}

    def stored() -> Any:
        return server.playbooks.connections.get(CONNECTIONS, "vt").value

    assert opened("vt", stored(), server.playbooks.seal) == {"apiKey": "k3y", "url": "https://x.example"}
    assert azure.call("PATCH", f"{LINKS}/VT", {"properties": {"displayName": "VT"}}).status_code == 200
    assert opened("vt", stored(), server.playbooks.seal)["apiKey"] == "k3y"
    for answer in (made, azure.get(f"{LINKS}/vt"), azure.get(LINKS)):
        assert "k3y" not in answer.text


def test_what_a_connection_was_given_is_not_sent_elsewhere(azure: Arm, server: Server) -> None:
    api = {"api": {"id": f"{API}/jira"}}
    there, here = {"url": "https://there.example"}, {"url": "https://elsewhere.example"}
    azure.put(f"{LINKS}/jira", {**api, "parameterValues": {"key": "k3y"}, "nonSecretParameterValues": there})
    stored = server.playbooks.connections.change(CONNECTIONS, "jira", lambda c: replace(c, mode=Mode.LIVE))
    assert azure.put(f"{LINKS}/jira", {**api, "nonSecretParameterValues": there}).status_code == 200
    same = server.playbooks.connections.get(CONNECTIONS, "jira").value
    assert (same.sealed, same.mode) == (stored.value.sealed, Mode.LIVE)
    for name in ("nonSecretParameterValues", "customParameterValues"):
        assert azure.put(f"{LINKS}/jira", {**api, name: here}).status_code == 200
        moved = server.playbooks.connections.get(CONNECTIONS, "jira").value
        assert (moved.parameters, moved.sealed, moved.mode) == (here, {}, Mode.DRY_RUN)


def test_a_connection_goes_live_when_a_person_says_so(azure: Arm, server: Server) -> None:
    live = {"properties": {"api": {"id": f"{API}/teams"}, "huntlakeMode": "live"}}
    refused = azure.call("PUT", f"{LINKS}/teams", live)
    assert azure.error(refused, 403) == "AuthorizationFailed"
    azure.put(f"{LINKS}/teams", {"api": {"id": f"{API}/teams"}})
    assert azure.error(azure.call("PATCH", f"{LINKS}/teams", live), 403) == "AuthorizationFailed"
    anna = server.sign_in.users.grant("anna@contoso.example", WORKSPACE_ID, Role.LOGIC_APP_CONTRIBUTOR)
    token = server.tokens.issue_for(anna, CLIENT, "https://management.azure.com", issuer=f"{BASE}/T/v2.0").text
    spoken = azure.call("PATCH", f"{LINKS}/teams", live, headers={"Authorization": f"Bearer {token}"})
    assert spoken.status_code == 200, spoken.text
    # What an application says of it afterwards leaves it live.
    assert azure.call("PUT", f"{LINKS}/teams", live).status_code == 200
    assert server.playbooks.connections.get(CONNECTIONS, "teams").value.mode is Mode.LIVE


@pytest.mark.parametrize(
    ("properties", "told"),
    [
        ({}, "`properties.api` is missing"),
        ({"api": {"id": "/teams"}}, "ends neither in"),
        ({"api": {"id": f"{API}/teams"}, "huntlakeMode": "wet"}, "properties.huntlakeMode"),
        ({"api": {"id": f"{API}/teams"}, "gateway": {"id": "x"}}, "`properties.gateway` is not supported"),
        ({"api": {"id": f"{API}/teams"}, "alternativeParameterValues": {"a": 1}}, "ParameterValues` is not supported"),
    ],
)
def test_a_connection_that_cannot_be_is_refused_by_name(azure: Arm, properties: dict[str, Any], told: str) -> None:
    answer = azure.put(f"{LINKS}/one", properties)
    assert azure.error(answer, 400) == "BadRequest"
    assert told in answer.json()["error"]["message"]


def test_a_connection_to_what_nobody_knows_says_so(azure: Arm) -> None:
    made = azure.put(f"{LINKS}/odd", {"api": {"id": f"{API}/odd"}}).json()["properties"]
    assert made["overallStatus"] == "Error"
    assert "`odd` is not supported" in made["statuses"][0]["error"]["message"]


def test_a_connection_of_calls_of_urls_is_no_unknown_connector(azure: Arm) -> None:
    made = azure.put(f"{LINKS}/http", {"api": {"id": f"{API}/http"}}).json()["properties"]
    assert made["overallStatus"] == "Connected"


def test_a_connection_needs_no_consent(azure: Arm) -> None:
    azure.put(f"{LINKS}/one", {"api": {"id": f"{API}/teams"}})
    assert azure.call("POST", f"{LINKS}/one/listConsentLinks", {"parameters": []}).json() == {"value": []}
    for verb in ("confirmConsentCode", "listConnectionKeys"):
        answer = azure.call("POST", f"{LINKS}/one/{verb}", {})
        assert f"`{verb}` is not supported" in answer.json()["error"]["message"]


# -- custom connectors -----------------------------------------------------------

CUSTOM = f"{GROUP}/providers/Microsoft.Web/customApis"
SWAGGER = {"swagger": "2.0", "info": {"title": "t", "version": "1"}, "host": "x.example", "paths": {"/a": {"get": {}}}}


def test_a_custom_connector_is_described_and_connected_to(azure: Arm, server: Server) -> None:
    service = {"backendService": {"serviceUrl": "https://there.example/api"}}
    made = azure.put(f"{CUSTOM}/Own", {"displayName": "Own", "swagger": SWAGGER, **service})
    assert made.status_code == 201, made.text
    assert made.json()["properties"]["swagger"] == SWAGGER
    assert [c["name"] for c in azure.get(CUSTOM).json()["value"]] == ["Own"]
    assert azure.put(f"{LINKS}/own", {"api": {"id": f"{CUSTOM}/Own"}}).status_code == 201
    held = server.playbooks.connections.get(CONNECTIONS, "own").value
    assert held.custom_api == {**SWAGGER, "host": "there.example", "basePath": "/api", "schemes": ["https"]}
    assert azure.get(f"{LINKS}/own").json()["properties"]["api"]["id"] == f"{CUSTOM}/own"
    # A connection is told of another address when it is written again, and forgets what it was given.
    azure.put(f"{LINKS}/own", {"api": {"id": f"{CUSTOM}/Own"}, "parameterValues": {"key": "k"}})
    azure.put(f"{CUSTOM}/Own", {"swagger": SWAGGER})
    assert azure.call("PATCH", f"{LINKS}/own", {"tags": {"a": "b"}}).status_code == 200
    moved = server.playbooks.connections.get(CONNECTIONS, "own").value
    assert (moved.custom_api, moved.sealed) == (SWAGGER, {})
    assert azure.call("DELETE", f"{CUSTOM}/own").status_code == 200
    assert azure.call("PATCH", f"{LINKS}/own", {"tags": {}}).status_code == 200


@pytest.mark.parametrize(
    ("properties", "told"),
    [
        ({}, "`properties.swagger` is missing"),
        ({"swagger": {}}, "an OpenAPI document"),
        ({"swagger": SWAGGER, "apiType": "Soap"}, "`Soap` is not supported"),
        ({"swagger": SWAGGER, "wsdlDefinition": {"url": "x"}}, "wsdlDefinition` is not supported"),
        ({"swagger": SWAGGER, "backendService": {"serviceUrl": "file:///etc"}}, "not the address of a service"),
        ({"swagger": SWAGGER, "backendService": {"serviceUrl": "http://[x"}}, "not the address of a service"),
    ],
)
def test_a_custom_connector_that_cannot_be_is_refused(azure: Arm, properties: dict[str, Any], told: str) -> None:
    answer = azure.put(f"{CUSTOM}/own", properties)
    assert azure.error(answer, 400) == "BadRequest"
    assert told in answer.json()["error"]["message"]


def test_a_connection_to_a_custom_connector_that_is_not_there_is_refused(azure: Arm) -> None:
    answer = azure.put(f"{LINKS}/own", {"api": {"id": f"{CUSTOM}/none"}})
    assert "no custom connector" in answer.json()["error"]["message"]
