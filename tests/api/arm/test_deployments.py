"""Templates deployed through the management API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from huntlake.identity.rights import Role
from huntlake.playbooks.connections import CONNECTIONS, Mode
from huntlake.playbooks.workflows import WORKFLOWS

from .logic import Logic, logic_at

TEMPLATE: dict[str, Any] = {
    "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
    "contentVersion": "1.0.0.0",
    "parameters": {
        "PlaybookName": {"type": "string", "defaultValue": "Block-User"},
        "Token": {"type": "securestring"},
    },
    "variables": {"link": "[concat('azuresentinel-', parameters('PlaybookName'))]"},
    "resources": [
        {
            "type": "Microsoft.Web/connections",
            "apiVersion": "2016-06-01",
            "name": "[variables('link')]",
            "location": "[resourceGroup().location]",
            "properties": {
                "displayName": "[variables('link')]",
                "api": {
                    "id": "[concat('/subscriptions/', subscription().subscriptionId, '/providers/Microsoft.Web/"
                    "locations/', resourceGroup().location, '/managedApis/azuresentinel')]"
                },
            },
        },
        {
            "type": "Microsoft.Logic/workflows",
            "apiVersion": "2017-07-01",
            "name": "[parameters('PlaybookName')]",
            "location": "[resourceGroup().location]",
            "identity": {"type": "SystemAssigned"},
            "dependsOn": ["[resourceId('Microsoft.Web/connections', variables('link'))]"],
            "properties": {
                "state": "Enabled",
                "definition": {
                    "parameters": {"$connections": {"type": "Object", "defaultValue": {}}},
                    "triggers": {"manual": {"type": "Request"}},
                    "actions": {"Echo": {"type": "Compose", "inputs": 1}},
                },
                "parameters": {
                    "$connections": {
                        "value": {
                            "azuresentinel": {
                                "connectionId": "[resourceId('Microsoft.Web/connections', variables('link'))]",
                                "connectionName": "[variables('link')]",
                                "id": "/subscriptions/s/providers/Microsoft.Web/locations/l/managedApis/azuresentinel",
                            }
                        }
                    }
                },
            },
        },
        {"type": "Microsoft.Storage/storageAccounts", "apiVersion": "2022-09-01", "name": "logs", "location": "x"},
    ],
    "outputs": {"Name": {"type": "string", "value": "[parameters('PlaybookName')]"}},
}
GIVEN = {"Token": {"value": "s3cret"}}


@pytest.fixture(scope="module")
def logic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Logic]:
    with logic_at(tmp_path_factory.mktemp("lake")) as logic:
        yield logic


def path(logic: Logic, name: str = "") -> str:
    # As the CLI of Azure spells it.
    group = logic.group.replace("resourceGroups", "resourcegroups")
    return f"{group}/Microsoft.Resources/deployments/{name}"


def asked(parameters: Any = None, template: Any = None, **properties: Any) -> dict[str, Any]:
    given = GIVEN if parameters is None else parameters
    return {"properties": {"template": template or TEMPLATE, "parameters": given, "mode": "Incremental", **properties}}


def test_a_template_is_looked_at_deployed_read_and_forgotten(logic: Logic) -> None:
    looked = logic.call("POST", path(logic, "block/whatIf"), asked())
    changes = {c["resourceId"].rpartition("/")[2]: c["changeType"] for c in looked.json()["properties"]["changes"]}
    assert changes == {"azuresentinel-Block-User": "Create", "Block-User": "Create", "logs": "Unsupported"}
    checked = logic.call("POST", path(logic, "block/validate"), asked())
    assert checked.status_code == 200, checked.text
    assert len(checked.json()["properties"]["validatedResources"]) == 2
    assert logic.call("GET", "Block-User").status_code == 404

    made = logic.call("PUT", path(logic, "block"), asked())
    assert made.status_code == 201, made.text
    shown = made.json()
    properties = shown["properties"]
    assert (shown["name"], shown["type"]) == ("block", "Microsoft.Resources/deployments")
    assert (properties["provisioningState"], properties["mode"]) == ("Succeeded", "Incremental")
    assert properties["parameters"] == {"PlaybookName": {"type": "String", "value": "Block-User"}}
    assert properties["outputs"] == {"Name": {"type": "string", "value": "Block-User"}}
    assert [d["message"] for d in properties["diagnostics"]] == [
        "`Microsoft.Storage/storageAccounts` is not supported: `logs` was not deployed"
    ]
    assert "s3cret" not in made.text
    for resource in properties["outputResources"]:
        assert logic.get(resource["id"])["properties"]["huntlakeWorkspace"] == "soc"
    assert logic.get("Block-User")["identity"]["type"] == "SystemAssigned"
    held = logic.app.playbooks.connections.get(CONNECTIONS, "azuresentinel-Block-User").value
    assert held.mode is Mode.DRY_RUN

    again = logic.call("PUT", path(logic, "block"), asked())
    assert again.status_code == 200
    looked = logic.call("POST", path(logic, "block/whatIf"), asked({**GIVEN, "PlaybookName": {"value": "Other"}}))
    assert {c["changeType"] for c in looked.json()["properties"]["changes"]} == {"Create", "Unsupported"}
    operations = logic.get(path(logic, "block/operations"))["value"]
    # Where Azure's own client looks for them.
    short = path(logic, "block/operations").replace("providers/Microsoft.Resources/", "")
    assert logic.get(short)["value"] == operations
    assert logic.get(f"{short}/{operations[0]['operationId']}") == operations[0]
    assert logic.call("HEAD", path(logic, "block")).status_code == 204
    assert logic.call("HEAD", path(logic, "none")).status_code == 404
    assert {o["properties"]["targetResource"]["resourceName"] for o in operations} == {
        "Block-User",
        "azuresentinel-Block-User",
    }
    assert [d["name"] for d in logic.get(path(logic))["value"]] == ["block"]
    assert logic.call("DELETE", path(logic, "block")).status_code == 204
    assert logic.error(logic.call("GET", path(logic, "block/operations")), 404) == "ParentResourceNotFound"
    assert logic.call("GET", "Block-User").status_code == 200


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"properties": {"mode": "Incremental"}}, "`properties.template` is missing"),
        ({"properties": {"templateLink": {"uri": "https://x.example"}}}, "`properties.templateLink` is not supported"),
        (asked(mode="Complete"), "the mode `Complete` is not supported"),
        (asked({}), "no value is given for `Token`"),
        (asked({"Token": {"reference": {"keyVault": {"id": "x"}, "secretName": "y"}}}), "out of a key vault"),
        (asked({**GIVEN, "Colour": {"value": 1}}), "no parameter `Colour`"),
        (asked(template={"resources": [], "outputs": {}}, parameters={}), "neither a workflow nor a connection"),
        (asked(template={"a": 1}, parameters={}), "this is not a template"),
    ],
)
def test_a_template_that_cannot_be_deployed_makes_nothing(logic: Logic, body: dict[str, Any], told: str) -> None:
    answer = logic.call("PUT", path(logic, "never"), body)
    assert logic.error(answer, 400) == "BadRequest"
    assert told in answer.json()["error"]["message"]
    assert logic.call("GET", path(logic, "never")).status_code == 404
    if "neither" not in told:
        checked = logic.call("POST", path(logic, "never/validate"), body)
        assert told in checked.json()["error"]["message"]


def test_what_is_taken_back_takes_its_runs_and_its_principal_along(logic: Logic) -> None:
    given = {**GIVEN, "PlaybookName": {"value": "Back"}}
    assert logic.call("PUT", path(logic, "back"), asked(given)).status_code == 201
    identity, run = logic.get("Back")["identity"]["principalId"], logic.run("Back", {})
    playbooks = logic.app.playbooks
    playbooks.deployments.uninstall("back")
    assert logic.app.principals.of_id(identity) is None
    assert playbooks.runs.records.find((*WORKFLOWS, "Back"), run) is None
    assert logic.call("GET", "Back").status_code == 404


def test_who_may_make_no_playbooks_deploys_nothing_and_sees_no_deployment(logic: Logic) -> None:
    given = {**GIVEN, "PlaybookName": {"value": "Guarded"}}
    assert logic.call("PUT", path(logic, "guarded"), asked(given)).status_code == 201
    for role in (Role.SENTINEL_CONTRIBUTOR, Role.PLAYBOOK_OPERATOR):
        logic.act_as(role)
        for method, name in (("PUT", "new"), ("POST", "new/validate"), ("POST", "new/whatIf")):
            assert logic.error(logic.call(method, path(logic, name), asked()), 403) == "AuthorizationFailed"
        for method, name in (("GET", "guarded"), ("DELETE", "guarded"), ("GET", "guarded/operations")):
            assert logic.call(method, path(logic, name)).status_code == 404
        assert logic.get(path(logic)) == {"value": []}
    logic.act_as(Role.LOGIC_APP_CONTRIBUTOR)
    stale = logic.http.put(
        path(logic, "guarded"), json=asked(given), params={"api-version": "2022-09-01"}, headers={"If-Match": "x"}
    )
    assert logic.error(stale, 412) == "PreconditionFailed"
