"""What every type of resource can do, whatever it is."""

from __future__ import annotations

from typing import Any

import pytest

from huntlake.identity.rights import Role

from .conftest import EXAMPLES, GROUP, INCIDENT, SENTINEL, VERSION, WORKSPACE, Arm


@pytest.mark.parametrize("path", EXAMPLES)
def test_a_resource_is_made_shown_listed_changed_and_deleted(parents: Arm, path: str) -> None:
    properties = EXAMPLES[path]
    made = parents.put(path, properties)
    assert made.status_code == (200 if "savedSearches" in path else 201), made.text
    body = made.json()
    assert body["name"] == "one"
    assert body["id"].lower().endswith(path.lower())
    assert body["type"].lower().split("/")[0] in ("microsoft.securityinsights", "microsoft.operationalinsights")
    for name, value in properties.items():
        if name != "rawContent":
            assert body["properties"][name] == value, name
    shown = parents.get(path)
    assert shown.json() == body
    assert shown.headers["etag"] == body["etag"]
    assert body in parents.get(path.removesuffix("/one")).json()["value"]
    assert parents.get(path, headers={"If-None-Match": body["etag"]}).status_code == 304
    again = parents.put(path, properties)
    assert again.status_code == 200
    assert parents.call("DELETE", path).status_code == 200
    assert parents.call("DELETE", path).status_code == 204
    assert parents.error(parents.get(path), 404) == "ResourceNotFound"


@pytest.mark.parametrize("path", EXAMPLES)
def test_what_a_client_read_it_can_send_back(parents: Arm, path: str) -> None:
    parents.put(path, EXAMPLES[path])
    body = parents.get(path).json()
    assert parents.call("PUT", path, body).status_code == 200


@pytest.mark.parametrize("path", EXAMPLES)
def test_a_stale_version_writes_nothing(parents: Arm, path: str) -> None:
    parents.put(path, EXAMPLES[path])
    stale = {"If-Match": '"0123"'}
    assert parents.error(parents.put(path, EXAMPLES[path], headers=stale), 412) == "PreconditionFailed"
    assert parents.error(parents.put(path, EXAMPLES[path], beside={"etag": '"0123"'}), 409) == "Conflict"
    assert parents.error(parents.call("DELETE", path, headers=stale), 412) == "PreconditionFailed"
    anew = {"If-None-Match": "*"}
    assert parents.error(parents.put(path, EXAMPLES[path], headers=anew), 412) == "PreconditionFailed"
    current = {"If-Match": parents.get(path).headers["etag"]}
    assert parents.put(path, EXAMPLES[path], headers=current).status_code == 200
    absent = path.removesuffix("one") + "absent"
    assert parents.error(parents.put(absent, EXAMPLES[path], headers={"If-Match": "*"}), 412) == "PreconditionFailed"


@pytest.mark.parametrize("path", EXAMPLES)
def test_an_unknown_property_is_refused_by_name(parents: Arm, path: str) -> None:
    answer = parents.put(path, {**EXAMPLES[path], "colour": "red"})
    assert parents.error(answer, 400) == "BadRequest"
    assert "`properties.colour` is not supported" in answer.text
    assert parents.error(parents.put(path, EXAMPLES[path], beside={"colour": 1}), 400) == "BadRequest"


@pytest.mark.parametrize("path", EXAMPLES)
def test_a_reader_may_read_and_not_write(parents: Arm, path: str) -> None:
    parents.put(path, EXAMPLES[path])
    parents.act_as(Role.SENTINEL_READER)
    assert parents.get(path).status_code == 200
    assert parents.error(parents.put(path, EXAMPLES[path]), 403) == "AuthorizationFailed"
    assert parents.error(parents.call("PATCH", path, {}), 403) == "AuthorizationFailed"
    assert parents.error(parents.call("DELETE", path), 403) == "AuthorizationFailed"


def test_a_responder_changes_incidents_and_no_rules(parents: Arm) -> None:
    parents.act_as(Role.SENTINEL_RESPONDER)
    assert parents.put("incidents/one", INCIDENT).status_code == 201
    for path, properties in EXAMPLES.items():
        if not path.startswith("incidents"):
            assert parents.error(parents.put(path, properties), 403) == "AuthorizationFailed"


def test_a_workspace_without_a_role_and_one_that_isnt_there_look_alike(arm: Arm) -> None:
    arm.server.workspaces.create("other")
    told = [arm.get(WORKSPACE.replace("contoso-soc", name) + "/savedSearches") for name in ("other", "nothing")]
    assert [arm.error(a, 403) for a in told] == ["AuthorizationFailed"] * 2
    assert "other" not in arm.get(f"{GROUP}/providers/Microsoft.OperationalInsights/workspaces").text


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_child_of_nothing_isnt_there(arm: Arm, method: str) -> None:
    answer = arm.call(method, "incidents/nothing/comments/one", {"properties": {"message": "x"}})
    assert arm.error(answer, 404) == "ParentResourceNotFound"


def test_children_go_with_their_parent(parents: Arm) -> None:
    parents.put("incidents/parent/comments/one", {"message": "hello"})
    parents.call("DELETE", "incidents/parent")
    parents.put("incidents/parent", INCIDENT)
    assert parents.get("incidents/parent/comments").json()["value"] == []


def test_paths_and_properties_are_read_in_any_case(arm: Arm) -> None:
    arm.put("incidents/One", {k.upper(): v for k, v in INCIDENT.items()})
    assert arm.get(SENTINEL.upper() + "/INCIDENTS/oNE").json()["name"] == "One"


def test_a_patch_changes_what_it_names(arm: Arm) -> None:
    arm.put("incidents/one", {**INCIDENT, "description": "why", "owner": {"email": "a@contoso.example"}})
    body = {"properties": {"severity": "Low", "owner": {"assignedTo": "Ada"}, "description": None}}
    patched = arm.call("PATCH", "incidents/one", body).json()["properties"]
    assert patched["severity"] == "Low"
    assert patched["title"] == INCIDENT["title"]
    assert patched["owner"] == {"email": "a@contoso.example", "assignedTo": "Ada"}
    assert "description" not in patched


def test_a_list_comes_in_pages_that_miss_nothing(arm: Arm) -> None:
    for number in range(7):
        arm.put(f"incidents/{number}", INCIDENT)
    url, seen = f"{SENTINEL}/incidents?api-version={VERSION}&$top=3", []
    while url:
        page = arm.http.get(url).json()
        seen += [i["name"] for i in page["value"]]
        if len(seen) == 3:
            arm.call("DELETE", "incidents/2")  # the one that the next page begins after
        url = page.get("nextLink", "")
    assert seen == list("0123456")


def test_incidents_are_filtered_and_sorted(arm: Arm) -> None:
    for name, severity in (("a", "High"), ("b", "Low"), ("c", "High")):
        arm.put(f"incidents/{name}", {**INCIDENT, "severity": severity, "labels": [{"labelName": f"tag-{name}"}]})

    def names(**parameters: str) -> list[str]:
        answer = arm.get("incidents", params={f"${k}": v for k, v in parameters.items()})
        assert answer.status_code == 200, answer.text
        return [i["name"] for i in answer.json()["value"]]

    assert names(filter="properties/severity eq 'High'") == ["a", "c"]
    assert names(filter="(properties/severity eq 'high' and properties/incidentNumber gt 1)") == ["c"]
    assert names(filter="not (severity eq 'High')") == ["b"]
    assert names(filter="properties/labels/any(l: l/labelName eq 'TAG-B')") == ["b"]
    assert names(filter="startswith(properties/title, 'odd')") == ["a", "b", "c"]
    assert names(filter="properties/severity in ('Low', 'Medium')") == ["b"]
    assert names(filter="properties/createdTimeUtc ge 2026-03-01T12:00:00Z") == ["a", "b", "c"]
    assert names(filter="properties/createdTimeUtc gt 2026-03-01") == ["a", "b", "c"]
    assert names(filter="properties/createdTimeUtc lt 2026-03-01T13:00:00%2B02:00".replace("%2B", "+")) == []
    assert names(orderby="properties/incidentNumber desc") == ["c", "b", "a"]
    assert names(orderby="properties/severity asc, properties/incidentNumber desc") == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("parameter", "value", "told"),
    [
        ("$filter", "properties/colour eq 'red'", "`properties/colour` is not supported"),
        ("$filter", "matches(properties/title, 'a')", "the function `matches` is not supported"),
        ("$filter", "properties/title eq", "where a property or a value should be"),
        ("$filter", "properties/title = 'a'", "not understood at `= 'a'`"),
        ("$filter", "(" * 200, "nested too deeply"),
        # With three labels and twenty levels it would be at work for a day.
        ("$filter", "properties/labels/any(a: properties/labels/all(b: false))", "`all` inside `any` or `all`"),
        ("$orderby", "properties/labels/0", "the name of a property"),
        ("$orderby", "properties/colour", "`properties/colour` is not supported"),
        ("$top", "0", "a whole number"),
        ("$top", "many", "a whole number"),
        ("$skipToken", "nonsense", "isn't one that an answer gave"),
    ],
)
def test_a_question_that_isnt_understood_is_refused(arm: Arm, parameter: str, value: str, told: str) -> None:
    answer = arm.get("incidents", params={parameter: value})
    assert arm.error(answer, 400) == "BadRequest"
    assert told in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/subscriptions/nothing/resourceGroups", 404, "SubscriptionNotFound"),
        ("GET", f"{GROUP}x/providers/Microsoft.OperationalInsights/workspaces", 404, "ResourceGroupNotFound"),
        ("GET", "spaceships", 404, "InvalidResourceType"),
        ("GET", "incidents/one/wings", 404, "InvalidResourceType"),
        ("GET", "incidents/%00", 400, "BadRequest"),
        ("POST", "incidents", 405, "MethodNotAllowed"),
        ("DELETE", "incidents", 405, "MethodNotAllowed"),
        ("POST", "incidents/one", 405, "MethodNotAllowed"),
        ("PUT", "dataConnectors/one", 405, "MethodNotAllowed"),
        ("PATCH", "alertRules/one/actions/two", 404, "ParentResourceNotFound"),
    ],
)
def test_a_path_or_method_that_isnt_there_is_told_as_azure_does(
    arm: Arm, method: str, path: str, status: int, code: str
) -> None:
    assert arm.error(arm.call(method, path), status) == code


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"null", b"1", b"{'a': __import__('os')}", b"\xff", b'{"a":' * 900, b"'"]
)
def test_a_body_that_is_no_resource_is_a_bad_request(arm: Arm, body: bytes) -> None:
    answer = arm.http.put(f"{SENTINEL}/incidents/x", content=body, params={"api-version": VERSION})
    assert arm.error(answer, 400) == "BadRequest"


def test_a_body_may_be_what_python_prints(arm: Arm) -> None:
    body: dict[str, Any] = {"properties": {**INCIDENT, "title": 'it\'s "quoted"', "owner": None, "labels": []}}
    answer = arm.http.put(f"{SENTINEL}/incidents/x", content=str(body), params={"api-version": VERSION})
    assert answer.json()["properties"]["title"] == 'it\'s "quoted"'
    text = str(body).replace("None", "null")
    assert arm.http.put(f"{SENTINEL}/incidents/x", content=text, params={"api-version": VERSION}).status_code == 200


@pytest.mark.parametrize(
    ("version", "code"), [(None, "MissingApiVersionParameter"), ("new'", "InvalidApiVersionParameter")]
)
def test_a_request_names_its_version(arm: Arm, version: str | None, code: str) -> None:
    parameters = {"api-version": version} if version else {}
    assert arm.error(arm.http.get(f"{SENTINEL}/incidents", params=parameters), 400) == code


def test_a_token_for_another_api_opens_nothing(arm: Arm) -> None:
    arm.http.headers["Authorization"] = f"Bearer {arm.server.token('https://graph.microsoft.com')}"
    assert arm.error(arm.get("incidents"), 401) == "AuthenticationFailed"


def test_what_is_above_a_workspace_can_be_listed(arm: Arm) -> None:
    subscription = arm.get("/subscriptions").json()["value"][0]
    assert subscription["subscriptionId"] in GROUP
    assert arm.get(subscription["id"] + "/resourceGroups").json()["value"][0]["name"] == "kit-rg"
    for scope in (subscription["id"], GROUP):
        (workspace,) = arm.get(f"{scope}/providers/microsoft.operationalinsights/workspaces").json()["value"]
        assert workspace["id"] == WORKSPACE
    assert arm.get(WORKSPACE).json()["properties"]["customerId"] == workspace["properties"]["customerId"]
    assert arm.get("/tenants").json()["value"][0]["tenantId"] == arm.server.tenant.id
    assert arm.get(f"{subscription['id']}/providers/Microsoft.SecurityInsights").json()["registrationState"]


def test_the_endpoints_are_told_to_anyone(arm: Arm) -> None:
    arm.http.headers.pop("Authorization")
    body = arm.http.get("/metadata/endpoints", params={"api-version": "latest"}).json()
    assert body["authentication"]["loginEndpoint"] == "https://lake.example:8443/adfs"
