"""Plans are carried out once, and taken back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.playbooks.deployment.place import Place, connected, definition, template

from huntlake.core.errors import Conflict, Invalid, NotFound
from huntlake.playbooks.connections import CONNECTIONS, Connection, Mode, opened
from huntlake.playbooks.deployment.plan import Plan
from huntlake.playbooks.deployment.sources import Given
from huntlake.playbooks.workflows import Workflow, WorkflowState

KEY = "open sesame, says the key"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place.at(tmp_path)


def planned(place: Place, body: Any = None, **given: Any) -> Plan:
    return place.deployments.plan_template(body or template(), {"Key": KEY, **given}, "first", "soc")


def changes(place: Place, plan: Plan) -> dict[str, str]:
    return {a.name: a.change.value for a in place.deployments.apply(plan, "soc", "template.json")}


def test_a_template_becomes_a_workflow_and_its_connection(place: Place) -> None:
    assert changes(place, planned(place)) == {"wdatp-Isolate": "created", "Isolate": "created"}
    workflow, connection = place.workflow("Isolate"), place.connection("wdatp-isolate")
    assert (workflow.workspace, workflow.state, dict(workflow.tags)) == ("soc", WorkflowState.ENABLED, {"team": "blue"})
    assert workflow.definition["outputs"]["bracket"]["value"] == "[kept]"
    id = workflow.parameters["$connections"]["wdatp"]["connectionId"]
    assert id == "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/connections/wdatp-Isolate"
    assert (connection.connector, connection.mode, dict(connection.parameters)) == (
        "wdatp",
        Mode.DRY_RUN,
        {"region": "eu"},
    )
    assert place.principals.of_id(workflow.identity) is not None


def test_secrets_are_kept_sealed_only(place: Place) -> None:
    changes(place, planned(place))
    workflow, connection = place.workflow("Isolate"), place.connection("wdatp-Isolate")
    assert json.loads(place.seal.open(workflow.sealed["secret"], "workflow Isolate secret")) == KEY
    assert opened("wdatp-Isolate", connection, place.seal)["token"] == KEY
    deployment = place.deployments.records.get(CONNECTIONS, "first")
    assert KEY not in repr((workflow, connection, deployment))
    assert KEY not in repr(planned(place))


def test_the_same_again_changes_nothing(place: Place) -> None:
    changes(place, planned(place))
    version = place.workflow("Isolate").version
    assert set(changes(place, planned(place)).values()) == {"unchanged"}
    assert place.workflow("Isolate").version == version


def test_what_is_missing_is_told_and_nothing_is_written(place: Place) -> None:
    plan = place.deployments.plan_template(template(), {}, "first", "soc")
    assert [(m.name, m.type, m.description) for m in plan.missing] == [("Key", "securestring", "The key of Defender.")]
    with pytest.raises(Invalid, match="no value is given for `Key`"):
        place.deployments.apply(plan, "soc")
    assert not place.workflows.all()


def test_other_resources_are_reported(place: Place) -> None:
    assert [(o.type, o.name) for o in planned(place).others] == [("Microsoft.Storage/storageAccounts", "kept")]


def test_a_definition_that_cannot_be_read_is_a_problem_at_its_place(place: Place) -> None:
    body = template()
    body["resources"][1]["properties"]["definition"] = definition({"a": {"type": "Dance"}})
    plan = planned(place, body)
    assert str(plan.problems[0]) == (
        "$.resources[1].properties.definition.actions['a'].type: the action type `Dance` is not supported"
    )
    with pytest.raises(Invalid, match="Dance"):
        place.deployments.apply(plan, "soc")


@pytest.mark.parametrize("part", ["definition", "parameters"])
def test_what_lies_behind_an_address_is_refused_at_its_place(place: Place, part: str) -> None:
    body = template()
    body["resources"][1]["properties"][f"{part}Link"] = {"uri": "https://there.example/a.json"}
    (problem,) = planned(place, body).problems
    verb = "is" if part == "definition" else "are"
    assert str(problem) == (
        f"$.resources[1].properties.{part}Link: a workflow whose {part} {verb} behind an address is not supported"
    )


def test_a_value_out_of_a_key_vault_is_refused_at_its_place(place: Place) -> None:
    body = template()
    vault = {"reference": {"keyVault": {"id": "v"}, "secretName": "s"}}
    body["resources"][1]["properties"]["parameters"]["secret"] = vault
    (problem,) = planned(place, body).problems
    assert str(problem).startswith("$.resources[1].properties.parameters.secret: a value out of a key vault")


def test_a_template_that_only_leads_to_another_says_so(place: Place) -> None:
    link = {"mode": "Incremental", "templateLink": {"uri": "https://there.example/azuredeploy.json"}}
    there = {"type": "Microsoft.Resources/deployments", "name": "there", "properties": link}
    plan = place.deployments.plan_template({"resources": [there]}, {}, "first", "soc")
    with pytest.raises(Invalid, match="template lies behind an address is not supported"):
        place.deployments.apply(plan, "soc")


def test_a_secret_in_plain_text_is_told(place: Place) -> None:
    body = template()
    body["resources"][1]["properties"]["definition"]["actions"]["Say"] = {
        "type": "Compose",
        "inputs": "[parameters('Key')]",
    }
    assert any("plain text" in n.message for n in planned(place, body).notes)


def test_a_connection_that_a_person_made_live_stays_so(place: Place) -> None:
    changes(place, planned(place))
    place.connections.change(CONNECTIONS, "wdatp-Isolate", lambda c: replace(c, mode=Mode.LIVE))
    changes(place, planned(place))
    assert place.connection("wdatp-Isolate").mode is Mode.LIVE


def test_kept_secrets_are_not_sent_to_an_address_of_a_template(place: Place) -> None:
    changes(place, planned(place))
    place.connections.change(CONNECTIONS, "wdatp-Isolate", lambda c: replace(c, mode=Mode.LIVE))
    body = template()
    body["resources"][0]["properties"]["parameterValues"] = {}
    body["resources"][0]["properties"]["nonSecretParameterValues"] = {"region": "attacker.example"}
    changes(place, planned(place, body))
    connection = place.connection("wdatp-Isolate")
    assert (connection.mode, dict(connection.sealed)) == (Mode.DRY_RUN, {})


def test_what_belongs_to_another_workspace_is_not_taken(place: Place) -> None:
    place.connections.put(CONNECTIONS, "wdatp-Isolate", Connection("wdatp", "theirs", "other"))
    with pytest.raises(Conflict, match="wdatp-Isolate"):
        place.deployments.apply(planned(place), "soc")
    assert not place.workflows.all()


def test_an_address_of_another_workspace_is_not_told(place: Place) -> None:
    for name, workspace in (("ours", "soc"), ("theirs", "other")):
        place.workflows.put(name, Workflow(definition(), workspace))
    id = "resourceId('Microsoft.Logic/workflows/triggers', '{}', 'manual')"
    asked = {n: f"[listCallbackUrl({id.format(n)}, '1').value]" for n in ("ours", "theirs")}
    outputs = {n: {"type": "string", "value": text} for n, text in asked.items()}
    plan = planned(place, template(outputs=outputs))
    assert plan.outputs == {"ours": {"type": "string", "value": "https://here.example/ours/manual"}}


def test_a_custom_connector_comes_with_its_connection(place: Place) -> None:
    body = template()
    described = {"swagger": "2.0", "paths": {"/hosts": {"get": {"operationId": "Hosts"}}}}
    properties = {
        "displayName": "Ours",
        "swagger": described,
        "backendService": {"serviceUrl": "https://ours.example/v1"},
    }
    body["resources"].append({"type": "Microsoft.Web/customApis", "name": "Ours", "properties": properties})
    body["resources"][0]["properties"]["api"] = {"id": "[resourceId('Microsoft.Web/customApis', 'Ours')]"}
    assert changes(place, planned(place, body))["Ours"] == "created"
    assert changes(place, planned(place, body))["Ours"] == "unchanged"
    document = place.connection("wdatp-Isolate").custom_api
    assert (document["host"], document["basePath"], document["paths"]) == ("ours.example", "/v1", described["paths"])
    assert place.apis.get(CONNECTIONS, "ours").value.workspace == "soc"


def test_a_custom_connector_whose_address_is_none_calls_no_other_one(place: Place) -> None:
    body = template()
    described = {"swagger": "2.0", "host": "sample.example", "paths": {"/hosts": {"get": {"operationId": "Hosts"}}}}
    properties = {"swagger": described, "backendService": {"serviceUrl": "our server"}}
    body["resources"].append({"type": "Microsoft.Web/customApis", "name": "Ours", "properties": properties})
    body["resources"][0]["properties"]["api"] = {"id": "[resourceId('Microsoft.Web/customApis', 'Ours')]"}
    plan = planned(place, body)
    assert any("`our server` is not the address of a service" in n.message for n in plan.notes)
    changes(place, plan)
    assert "host" not in place.connection("wdatp-Isolate").custom_api


def test_outputs_and_parameters_do_not_tell_secrets(place: Place) -> None:
    body = template(outputs={"told": {"type": "string", "value": "[concat('key: ', parameters('Key'))]"}})
    body["parameters"]["Copy"] = {"type": "string", "defaultValue": "[parameters('Key')]"}
    plan = planned(place, body)
    assert (plan.outputs["told"]["value"], "Copy" in plan.parameters) == (None, False)
    assert KEY not in repr((plan.outputs, plan.parameters))


def test_uninstalling_takes_back_what_the_import_made(place: Place) -> None:
    changes(place, planned(place))
    identity = place.workflow("Isolate").identity
    done = {a.name: a.change.value for a in place.deployments.uninstall("FIRST")}
    assert done == {"Isolate": "deleted", "wdatp-Isolate": "deleted"}
    assert not place.workflows.all()
    assert not place.connections.list(CONNECTIONS)
    assert place.principals.of_id(identity) is None
    with pytest.raises(NotFound):
        place.deployments.uninstall("first")


def test_a_connection_that_others_use_stays(place: Place) -> None:
    changes(place, planned(place))
    values = place.workflow("Isolate").parameters
    place.workflows.put("Another", Workflow(definition(), "soc", values))
    done = {a.name: a.change.value for a in place.deployments.uninstall("first")}
    assert done == {"Isolate": "deleted", "wdatp-Isolate": "kept"}


# -- files and folders --------------------------------------------------------------


def write(file: Path, body: Any) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(body if isinstance(body, str) else json.dumps(body))
    return file


def test_texts_of_the_command_line_have_the_types_of_their_parameters(place: Place, tmp_path: Path) -> None:
    parameters = {"n": {"type": "int"}, "list": {"type": "array"}, "PlaybookName": {"type": "string"}}
    inputs = ["[parameters('n')]", "[parameters('list')]"]
    properties = {"definition": definition({"a": {"type": "Compose", "inputs": inputs}})}
    workflow = {"type": "Microsoft.Logic/workflows", "name": "[parameters('PlaybookName')]", "properties": properties}
    body = {"parameters": parameters, "resources": [workflow]}
    file = write(tmp_path / "azuredeploy.json", body)
    plan = place.deployments.plan_file(file, "soc", Given(texts={"N": "3", "list": '["x"]'}, name="Named"))
    (found,) = plan.workflows
    assert (found.name, found.definition["actions"]["a"]["inputs"]) == ("Named", [3, ["x"]])
    with pytest.raises(Invalid, match="takes a value of type int"):
        place.deployments.plan_file(file, "soc", Given(texts={"n": "many"}))
    with pytest.raises(Invalid, match="has no parameter `other`"):
        place.deployments.plan_file(file, "soc", Given(texts={"other": "1"}))


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_definition_alone_is_a_workflow(place: Place, tmp_path: Path, wrapped: bool) -> None:
    body = definition(parameters={"n": {"type": "Int"}})
    file = write(tmp_path / "Enrich.json", {"definition": body} if wrapped else body)
    plan = place.deployments.plan_file(file, "soc", Given(texts={"n": "3"}))
    (workflow,), (connection,) = plan.workflows, plan.connections
    assert (workflow.name, workflow.parameters["n"]) == ("Enrich", 3)
    assert (connection.name, connection.connector) == ("wdatp", "wdatp")
    assert "it is taken for `wdatp`" in plan.notes[0].message


def test_a_folder_of_logic_apps_standard_is_its_workflows(place: Place, tmp_path: Path) -> None:
    inputs = {"host": {"connection": {"referenceName": "wdatp"}}, "method": "GET", "path": "/api/machines/1"}
    actions = {
        "Ask": {"type": "ApiConnection", "inputs": inputs},
        "Say": {"type": "Compose", "inputs": "@{parameters('Team')} @{toLower(appsetting('Token'))}"},
    }
    write(tmp_path / "app/host.json", {"version": "2.0"})
    write(
        tmp_path / "app/Enrich/workflow.json",
        {"definition": {**definition(actions), "parameters": {}}, "kind": "Stateful"},
    )
    write(tmp_path / "app/parameters.json", {"Team": {"type": "String", "value": "@appsetting('Team')"}})
    write(tmp_path / "app/local.settings.json", {"Values": {"Team": "blue"}})
    write(
        tmp_path / "app/connections.json",
        {
            "managedApiConnections": {
                "wdatp": {
                    "api": {"id": "/subscriptions/@{appsetting('Sub')}/managedApis/wdatp"},
                    "connection": {
                        "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/connections/wdatp-1"
                    },
                }
            },
            "serviceProviderConnections": {"blobs": {"serviceProvider": {"id": "/serviceProviders/AzureBlob"}}},
        },
    )
    plan = place.deployments.plan_file(tmp_path, "soc", Given(texts={"Sub": "s"}))
    assert [m.name for m in plan.missing] == ["Token"]
    plan = place.deployments.plan_file(tmp_path, "soc", Given(texts={"Sub": "s", "Token": "T"}))
    (workflow,), (connection,) = plan.workflows, plan.connections
    assert workflow.definition["actions"]["Say"]["inputs"] == (
        "@{parameters('Team')} @{toLower(parameters('appsetting Token'))}"
    )
    name = workflow.definition["actions"]["Ask"]["inputs"]["host"]["connection"]["name"]
    assert name == "@parameters('$connections')['wdatp']['connectionId']"
    assert workflow.secure == {"appsetting Token": "T", "Team": "blue"}, "what comes from settings is sealed"
    assert "blue" not in str(workflow.definition) + str(workflow.parameters) + str(plan.parameters)
    assert (connection.name, connection.connector, connection.declared) == ("wdatp-1", "wdatp", True)
    assert [(o.type, o.name) for o in plan.others] == [("serviceProviderConnections", "blobs")]
    assert changes(place, plan) == {"wdatp-1": "created", "Enrich": "created"}


def test_an_app_asks_for_nothing_that_azure_itself_would_set_or_that_means_nothing_here(
    place: Place, tmp_path: Path
) -> None:
    inputs = {"host": {"connection": {"referenceName": "wdatp"}}, "method": "GET", "path": "/api/machines/1"}
    own = "/subscriptions/@{appsetting('WORKFLOWS_SUBSCRIPTION_ID')}"
    group = f"{own}/resourceGroups/@{{appsetting('WORKFLOWS_RESOURCE_GROUP_NAME')}}"
    api = f"{own}/providers/Microsoft.Web/locations/@{{appsetting('WORKFLOWS_LOCATION_NAME')}}/managedApis/wdatp"
    connection = {
        "api": {"id": api},
        "connection": {"id": f"{group}/providers/Microsoft.Web/connections/wdatp-1"},
        "connectionRuntimeUrl": "@appsetting('wdatp-ConnectionRuntimeUrl')",
        "authentication": {"type": "Raw", "parameter": "@appsetting('wdatp-connectionKey')"},
    }
    write(tmp_path / "app/host.json", {"version": "2.0"})
    write(tmp_path / "app/connections.json", {"managedApiConnections": {"wdatp": connection}})
    write(
        tmp_path / "app/Ask/workflow.json",
        {"definition": {**definition({"Ask": {"type": "ApiConnection", "inputs": inputs}}), "parameters": {}}},
    )
    plan = place.deployments.plan_file(tmp_path, "soc", Given())
    assert (plan.missing, plan.problems) == ((), ())
    entry = plan.workflows[0].connections["wdatp"]
    assert entry["connectionId"] == "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/connections/wdatp-1"
    alone = place.deployments.plan_file(tmp_path / "app/Ask/workflow.json", "soc", Given())
    assert "one workflow of an app" in alone.notes[0].message


def test_a_folder_with_many_is_one_import(place: Place, tmp_path: Path) -> None:
    write(tmp_path / "a/azuredeploy.json", template())
    write(tmp_path / "b/Second.json", definition({"c": {"type": "Compose", "inputs": 1}}))
    write(tmp_path / "b/broken.json", '{"definition": ')
    write(tmp_path / "tsconfig.json", "{ // no playbook\n}")
    write(tmp_path / ".git/hidden.json", definition())
    plan = place.deployments.plan_file(tmp_path, "soc", Given(texts={"Key": KEY}))
    assert [w.name for w in plan.workflows] == ["Isolate", "Second"]
    assert ["broken.json" in str(p) for p in plan.problems] == [True]
    with pytest.raises(Invalid, match="has a parameter `nobodys`"):
        place.deployments.plan_file(tmp_path, "soc", Given(texts={"Key": KEY, "nobodys": "x"}))


def test_two_different_workflows_of_one_name_are_a_problem(place: Place, tmp_path: Path) -> None:
    for folder, inputs in (("a", 1), ("b", 2)):
        body = {"name": "Same", "definition": definition({"c": {"type": "Compose", "inputs": inputs}})}
        write(tmp_path / folder / "definition.json", body)
    (problem,) = place.deployments.plan_file(tmp_path, "soc").problems
    assert "another workflow is named `Same`" in problem.message


@pytest.mark.parametrize(
    ("type", "name"),
    [
        (
            "Microsoft.OperationalInsights/workspaces/providers/contentTemplates",
            "[concat(parameters('workspace'), '/Microsoft.SecurityInsights/', 'x')]",
        ),
        ("Microsoft.Resources/templateSpecs/versions", "[concat(parameters('workspace'), '/1.0.0')]"),
    ],
)
def test_a_packaged_solution_is_unpacked(place: Place, tmp_path: Path, type: str, name: str) -> None:
    inner = {
        "parameters": {"PlaybookName": {"type": "string", "defaultValue": "Packed"}},
        "resources": [
            {
                "type": "Microsoft.Logic/workflows",
                "name": "[[parameters('PlaybookName')]",
                "properties": {
                    "definition": definition({"a": {"type": "Compose", "inputs": ["[[[kept]", "[variables('outer')]"]}})
                },
            }
        ],
    }
    packed = {
        "type": type,
        "name": name,
        "properties": {"contentKind": "Playbook", "mainTemplate": inner},
    }
    rule = {
        "type": "Microsoft.OperationalInsights/workspaces/providers/contentTemplates",
        "name": "a/b/rule",
        "properties": {"mainTemplate": {"parameters": {"asked": {"type": "string"}}, "resources": []}},
    }
    body = {
        "parameters": {"workspace": {"type": "string", "defaultValue": "w"}},
        "variables": {"outer": "outside"},
        "resources": [packed, rule],
    }
    file = write(tmp_path / "mainTemplate.json", body)
    plan = place.deployments.plan_file(file, "soc", Given(texts={"PlaybookName": "Renamed"}))
    assert (plan.missing, plan.problems) == ((), ())
    (workflow,) = plan.workflows
    assert (workflow.name, workflow.definition["actions"]["a"]["inputs"]) == ("Renamed", ["[kept]", "outside"])
    assert [o.name for o in plan.others] == ["a/b/rule"]


def upper(node: Any, names: str) -> Any:
    """JSON in which objects have those names in capital letters."""
    if isinstance(node, list):
        return [upper(n, names) for n in node]
    if not isinstance(node, dict):
        return node
    return {k.upper() if k in names.split() else k: upper(v, names) for k, v in node.items()}


def test_the_names_that_a_template_is_made_of_are_known_in_whatever_case(place: Place) -> None:
    names = "parameters variables resources type name properties defaultValue definition api state displayName"
    given = upper(template(), names + " dependsOn parameterValues identity tags value")
    there = place.deployments.plan_template(template(), {"Key": KEY}, "first", "soc")
    made = place.deployments.plan_template(given, {"Key": KEY}, "first", "soc")
    (one,), (other,) = made.workflows, there.workflows
    assert (one.name, one.connections, one.state) == (other.name, other.connections, other.state)
    assert (one.tags, one.secure, one.identity) == (other.tags, other.secure, other.identity)
    assert [(c.name, c.secrets, c.parameters) for c in made.connections] == [
        (c.name, c.secrets, c.parameters) for c in there.connections
    ]


def test_a_recurrence_that_is_never_due_is_told_before(place: Place) -> None:
    daily = {"frequency": "Day", "interval": 1, "schedule": {"weekDays": ["Monday"]}}
    body = template()
    body["resources"][1]["properties"]["definition"] = definition() | {
        "triggers": {"R": {"type": "Recurrence", "recurrence": daily}}
    }
    (found,) = place.deployments.check(planned(place, body), "soc")
    assert [(f.path, f.message) for f in found.unsupported] == [
        ("$.triggers['R'].recurrence", "it is never due: `weekDays` of a schedule go with the frequency `Week`")
    ]


def test_kinds_that_are_not_supported_are_imported_and_told_before_the_first_run(place: Place) -> None:
    mail = {"When_a_new_email_arrives_(V3)": {"type": "ApiConnectionNotification", "inputs": connected()["inputs"]}}
    body = template()
    actions = {
        "Map": {"type": "Liquid", "kind": "JsonToJson", "inputs": {}},
        "Do": {"type": "ServiceProvider"},
        "Think": {"type": "Agent", "inputs": {}, "tools": {"Look": {"actions": {"A": {"type": "Compose"}}}}},
        "Count": {"type": "CSharpScriptCode", "inputs": {"CodeFile": "count.csx"}},
        "Ask": {"type": "PowerShellCode", "inputs": {"CodeFile": "ask.ps1"}},
    }
    body["resources"][1]["properties"]["definition"] = definition(actions) | {"triggers": mail}
    (found,) = place.deployments.check(planned(place, body), "soc")
    assert [f.message for f in found.unsupported] == [
        "a transformation in Liquid is not supported",
        "an operation that runs within Logic Apps Standard is not supported",
        "an agent, which lets a model choose its tools, is not supported",
        "an action that runs C# is not supported",
        "an action that runs PowerShell is not supported",
    ]
    assert "which nothing here hears: start it yourself" in found.triggers[0].how


# -- pre-flight ---------------------------------------------------------------------


def test_pre_flight_says_what_a_playbook_needs(place: Place) -> None:
    actions = {
        "Isolate_it": connected("POST", "/api/machines/@{triggerBody()?['id']}/isolate"),
        "Other": connected("GET", "/api/unknown"),
        "Web": {"type": "Http", "inputs": {"method": "POST", "uri": "https://there.example/a?key=secret"}},
        "Run": {"type": "JavaScriptCode", "inputs": {"code": "1"}},
        "Gone": {"type": "Compose", "inputs": "@body('Isolate_them')"},
        "Unset": {"type": "Compose", "inputs": "@variables('x')"},
        "Odd": {"type": "Compose", "inputs": "@utcNo()"},
        "Unread": {"type": "Compose", "inputs": "@{body('Web'}"},
    }
    body = template()
    declared = {"secret": {"type": "SecureString"}, "n": {"type": "Int"}}
    body["resources"][1]["properties"]["definition"] = definition(actions, parameters=declared)
    (found,) = place.deployments.check(planned(place, body), "soc")
    connection, web = found.connections
    assert (connection.name, connection.support) == ("wdatp-Isolate", "built in")
    assert (web.connector, web.mode) == ("http", "dry-run")
    assert (connection.mode, connection.missing) == ("dry-run", ())
    assert [(o.action, o.operation, o.effect, o.held) for o in found.operations] == [
        ("Isolate_it", "Isolate", "contain", "people decide"),
        ("Other", "", "", ""),
        ("Web", "POST", "write", ""),
    ]
    assert found.operations[2].route == "https://there.example/a"
    assert dict(found.permissions) == {"wdatp": "contain", "Http": "write"}
    assert [(f.path, f.message) for f in found.unsupported] == [
        ("$.actions['Run']", "an action that runs JavaScript is not supported")
    ]
    assert found.missing == ("n",)
    told = [(f.path, f.message) for f in found.warnings]
    assert ("$.actions['Gone'].inputs", "no action is named `Isolate_them`; did you mean `Isolate_it`?") in told
    assert ("$.actions['Unset'].inputs", "no variable is initialized as `x`") in told
    assert ("$.actions['Odd'].inputs", "no function is named `utcNo`; did you mean `utcNow`?") in told
    assert any(path == "$.actions['Unread'].inputs" and "can't be read" in message for path, message in told)
    assert any("has no operation `GET /api/unknown`" in message for _, message in told)
    assert not found.ready


def test_pre_flight_of_a_kept_playbook_sees_its_connections(place: Place) -> None:
    body = template()
    body["resources"][0]["properties"]["nonSecretParameterValues"] = {}
    changes(place, planned(place, body))
    found = place.deployments.check_kept("isolate")
    assert (found.connections[0].mode, found.connections[0].missing) == ("dry-run", ("region",))
    assert "signed URL" in found.triggers[0].how


def test_pre_flight_sees_that_a_connection_is_to_something_else(place: Place) -> None:
    body = template()
    body["resources"][0]["properties"]["api"]["id"] = "/managedApis/office365"
    (found,) = place.deployments.check(planned(place, body), "soc")
    assert [(f.path, f.message) for f in found.unsupported] == [
        (
            "$connections['wdatp']",
            "`wdatp-Isolate` is a connection to `office365`, and one to `wdatp` is wanted",
        )
    ]


def test_calls_of_urls_change_nothing_until_a_person_says_so(place: Place) -> None:
    body = template()
    actions = {"Web": {"type": "Http", "inputs": {"method": "DELETE", "uri": "https://there.example"}}}
    body["resources"][1]["properties"]["definition"] = definition(
        actions, parameters={"secret": {"type": "SecureString"}}
    )
    assert changes(place, planned(place, body))["http"] == "created"
    assert (place.connection("http").connector, place.connection("http").mode) == ("http", Mode.DRY_RUN)
    assert "http" not in changes(place, planned(place, body))
    place.deployments.uninstall("first")
    assert place.connection("http").mode is Mode.DRY_RUN


def test_calls_of_urls_of_other_playbooks_stay_as_they_are(place: Place) -> None:
    actions = {"Web": {"type": "Http", "inputs": {"method": "DELETE", "uri": "https://there.example"}}}
    place.workflows.put("Before", Workflow(definition(actions), "soc"))
    body = template()
    body["resources"][1]["properties"]["definition"] = definition(
        actions, parameters={"secret": {"type": "SecureString"}}
    )
    done = {a.name: a for a in place.deployments.apply(planned(place, body), "soc")}
    assert (done["http"].change.value, "are real" in done["http"].why) == ("kept", True)
    assert place.connections.find(CONNECTIONS, "http") is None
