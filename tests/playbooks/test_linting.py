"""The linter of playbooks: each trouble is told at its place, and what is well is left alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from huntlake.cli import app
from huntlake.playbooks.deployment.sources import sketched_files
from huntlake.playbooks.linting.findings import CODES, Finding, Level
from huntlake.playbooks.linting.linter import lint
from huntlake.playbooks.samples import PLAYBOOKS

RUNNER = CliRunner()
INCIDENT = {"incident": {"type": "ApiConnectionWebhook", "inputs": {"path": "/incident-creation"}}}
TITLE = "triggerBody()?['object']?['properties']?['title']"


def connected(connector: str, path: str, body: Any = None, method: str = "post", **more: Any) -> dict[str, Any]:
    host = {"connection": {"name": f"@parameters('$connections')['{connector}']['connectionId']"}}
    return {"type": "ApiConnection", "inputs": {"host": host, "method": method, "path": path, "body": body}, **more}


def asked(query: str, **more: Any) -> dict[str, Any]:
    return connected("azuremonitorlogs", "/queryDataV2", {"query": query}, **more)


def after(name: str, *statuses: str) -> dict[str, Any]:
    return {"runAfter": {name: list(statuses or ("Succeeded",))}}


def foreach(items: str, actions: Any, **more: Any) -> dict[str, Any]:
    return {"type": "Foreach", "foreach": items, "actions": actions, **more}


def compose(value: Any, **more: Any) -> dict[str, Any]:
    return {"type": "Compose", "inputs": value, **more}


def found(tmp_path: Path, actions: Any, triggers: Any = None, **parts: Any) -> list[Finding]:
    definition = {
        "parameters": {"$connections": {"type": "Object"}, "P": {"type": "String"}, "S": {"type": "SecureString"}},
        "triggers": INCIDENT if triggers is None else triggers,
        "actions": actions,
        **parts,
    }
    path = tmp_path / "flow.json"
    path.write_text(json.dumps({"definition": definition}, indent=1))
    return lint(path)


def codes(tmp_path: Path, actions: Any, triggers: Any = None, **parts: Any) -> list[str]:
    return [f.code for f in found(tmp_path, actions, triggers, **parts) if f.level is not Level.NOTE]


@pytest.mark.parametrize("path", sorted(PLAYBOOKS.glob("*.json")), ids=lambda p: p.stem)
def test_the_samples_are_well(path: Path) -> None:
    assert [str(f) for f in lint(path) if f.level is not Level.NOTE] == []


# -- queries


@pytest.mark.parametrize(
    "query",
    [
        "T | where a == '@{" + TITLE + "}'",
        "@concat('T | where a == ''', " + TITLE + ", '''')",
        "@" + TITLE,
        "T | where a == '@{replace(" + TITLE + ", '''', '')}'",
        "T | where a == '@{toLower(trim(" + TITLE + "))}'",
        "T | where a in ('@{join(body('S'), ''',''')}')",
        "T | where a == '@{items('L')?['Address']}'",
        "T | where a == '@{variables('v')}'",
        "@outputs('C')",
        "T | where a == '@{first(outputs('Other'))}'",
        "@{triggerOutputs()?['headers']?['x']} | take 1",
        "T | where a == '@{if(equals(1, 1), " + TITLE + ", 'b')}'",
        "T | where t > datetime(@{formatDateTime(utcNow(), " + TITLE + ")})",
    ],
)
def test_a_query_made_of_what_others_write_is_an_injection(tmp_path: Path, query: str) -> None:
    actions = {
        "I": {"type": "InitializeVariable", "inputs": {"variables": [{"name": "v", "type": "string"}]}},
        "Ips": connected("azuresentinel", "/entities/ip"),
        "Other": {"type": "Http", "inputs": {"method": "GET", "uri": "https://a.example"}},
        "S": {
            "type": "Select",
            "inputs": {"from": "@body('Ips')?['IPs']", "select": "@item()?['Address']"},
            **after("Ips"),
        },
        "Set": {
            "type": "SetVariable",
            "inputs": {"name": "v", "value": "@body('Ips')"},
            "runAfter": {"I": ["Succeeded"], "Ips": ["Succeeded"]},
        },
        "C": compose("T | where a has '@{" + TITLE + "}'"),
        "L": foreach(
            "@body('Ips')?['IPs']",
            {"Ask": asked(query)},
            runAfter={n: ["Succeeded"] for n in ("Set", "S", "C", "Other")},
            operationOptions="Sequential",
        ),
    }
    assert codes(tmp_path, actions) == ["LP107"]


@pytest.mark.parametrize(
    ("inputs", "query"),
    [
        ({"Name": "V", "VALUE": f"@{TITLE}"}, "@{VARIABLES('v')}"),
        ({"name": "v", "value": f"@{TITLE}"}, "@{variables(concat('v', ''))}"),
        ({"name": "@{parameters('P')}", "value": f"@{TITLE}"}, "@{variables('v')}"),
    ],
)
def test_a_variable_is_followed_however_its_name_is_written(tmp_path: Path, inputs: Any, query: str) -> None:
    actions = {
        "I": {"type": "InitializeVariable", "Inputs": {"Variables": [{"NAME": "v", "Type": "string"}]}},
        "Set": {"Type": "SetVariable", "INPUTS": inputs, "runafter": {"i": ["Succeeded"]}},
        "Ask": asked(f"T | where a == '{query}'", **after("set")),
    }
    assert codes(tmp_path, actions) == ["LP107"]


@pytest.mark.parametrize(
    "query",
    ["@{body('FIRST')}", "@{OUTPUTS('first')}", "@{actions('First')}", "@{body(variables('n'))}", "@{items('l')}"],
)
def test_actions_and_loops_are_followed_however_their_names_are_written(tmp_path: Path, query: str) -> None:
    actions = {
        "N": {"type": "InitializeVariable", "inputs": {"variables": [{"name": "n", "type": "string"}]}},
        "First": connected("azuresentinel", "/entities/ip"),
        "L": foreach("@body('first')", {"Ask": asked(f"T | where a == '{query}'")}, runAfter={
            "First": ["Succeeded"], "n": ["Succeeded"],
        }),
    }  # fmt: skip
    assert codes(tmp_path, actions) == ["LP107"]


def test_a_secure_parameter_is_followed_however_its_name_is_written(tmp_path: Path) -> None:
    for name in ("PARAMETERS('s')", "parameters(concat('S', ''))"):
        mail = connected("office365", "/v2/Mail", {"Body": f"@{{{name}}}"})
        assert "LP108" in codes(tmp_path, {"Mail": mail})


@pytest.mark.parametrize(
    "query",
    [
        "declare query_parameters(a:string); T | where a == a",
        "T | where a == '@{parameters('P')}'",
        "T | where n == @{int(" + TITLE + ")}",
        "T | where n == @{length(" + TITLE + ")}",
        "T | where a == base64_decode_tostring('@{base64(" + TITLE + ")}')",
        "T | where t > datetime(@{addDays(utcNow(), -1)})",
        "T | where n == @{triggerBody()?['object']?['properties']?['incidentNumber']}",
        "workspace('@{triggerBody()?['workspaceInfo']?['WorkspaceName']}').T",
    ],
)
def test_a_query_made_of_what_the_house_says_is_none(tmp_path: Path, query: str) -> None:
    assert codes(tmp_path, {"Ask": asked(query)}) == []


@pytest.mark.parametrize(
    "action",
    [
        connected("azuremonitorlogs_1", "/queryData", "T | where a == '@{" + TITLE + "}'"),
        connected("kusto", "/ListKustoResults/false", {"csl": "T | where a == '@{" + TITLE + "}'"}),
        connected("wdatp", "/api/advancedqueries/run", {"Query": "T | where a == '@{" + TITLE + "}'"}),
        {
            "type": "Http",
            "inputs": {"method": "POST", "uri": "https://a.example/v2/rest/query", "body": {"csl": "@" + TITLE}},
        },
        {
            "type": "Http",
            "inputs": {
                "method": "POST",
                "uri": "@parameters('P')",
                "body": '{"csl": "T | where a has \'@{' + TITLE + '}\'", "db": "d"}',
            },
        },
        {
            "type": "Http",
            "inputs": {
                "method": "GET",
                "uri": "https://api.loganalytics.io/v1/workspaces/w/query",
                "queries": {"query": "T | where a == '@{" + TITLE + "}'"},
            },
        },
    ],
)
def test_queries_are_known_wherever_they_are_sent(tmp_path: Path, action: Any) -> None:
    assert codes(tmp_path, {"Ask": action}) == ["LP107"]


def test_values_beside_the_query_are_no_injection(tmp_path: Path) -> None:
    body = {"query": "declare query_parameters(a:string);\nT | where x == a", "parameters": {"a": f"@{TITLE}"}}
    http = {
        "csl": "declare query_parameters(a:string);\nT",
        "properties": {"Parameters": {"a": "@{" + TITLE + "} | where b"}},
    }
    actions = {
        "Ask": connected("azuremonitorlogs", "/queryDataV2", body),
        "Http": {"type": "Http", "inputs": {"method": "POST", "uri": "https://a.example/v2/rest/query", "body": http}},
    }
    assert codes(tmp_path, actions) == []


def test_a_query_within_a_body_of_its_own_form_is_found(tmp_path: Path) -> None:
    body = {"properties": {"query": "T | where a == '@{" + TITLE + "}'", "displayName": "@{" + TITLE + "}"}}
    http = {"method": "PUT", "uri": "https://management.azure.com/x", "body": body}
    assert codes(tmp_path, {"A": {"type": "Http", "inputs": http}}) == ["LP107"]


def test_the_place_of_an_injection_is_shown(tmp_path: Path) -> None:
    (one,) = (f for f in found(tmp_path, {"Ask": asked("T\n| where a == '@{" + TITLE + "}'")}) if f.code == "LP107")
    assert one.place == "$.actions['Ask'].inputs.body.query"
    assert json.loads(one.path.read_text().splitlines()[one.line - 1].strip().partition(": ")[2]).startswith("T\n")
    assert "2 | | where a == '@{triggerBody()" in one.picture
    assert one.picture.splitlines()[-1].count("^") == len(TITLE)


# -- reaching


@pytest.mark.parametrize(
    ("actions", "name"),
    [
        ({"T": {"type": "Terminate", "inputs": {"runStatus": "Failed"}}, "A": compose(1, **after("T"))}, "A"),
        ({"C": compose(1), "A": compose(1, **after("C", "TimedOut"))}, "A"),
        ({"C": compose(1), "A": compose(1, **after("C", "Skipped"))}, "A"),
        (
            {
                "C": compose(1),
                "B": compose(1, **after("C")),
                "A": compose(1, runAfter={"B": ["Succeeded"], "C": ["Failed"]}),
            },
            "A",
        ),
        (
            {
                "S": {"type": "Scope", "actions": {"T": {"type": "Terminate", "inputs": {"runStatus": "Failed"}}}},
                "A": compose(1, **after("S")),
            },
            "A",
        ),
    ],
)
def test_actions_that_never_run_are_told(tmp_path: Path, actions: Any, name: str) -> None:
    (one,) = (f for f in found(tmp_path, actions) if f.code == "LP106")
    assert f"`{name}` never runs" in one.reason


def test_a_handler_that_may_run_is_left_alone(tmp_path: Path) -> None:
    actions = {
        "C": compose("@int('x')"),
        "B": compose(1, **after("C")),
        "A": compose(1, runAfter={"B": ["Succeeded", "Skipped"], "C": ["Failed"]}),
    }
    assert codes(tmp_path, actions) == []


# -- names and templates


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("@body('B)", "LP102"),
        ("@{triggerBody()", "LP102"),
        ("@nothing()", "LP103"),
        ("@length()", "LP103"),
        ("@body('Gone')", "LP104"),
        ("@variables('gone')", "LP104"),
        ("@parameters('gone')", "LP104"),
        ("@items('B')", "LP104"),
        ("@outputs('B')", "LP105"),
    ],
)
def test_what_is_wrong_with_a_template_is_told(tmp_path: Path, value: str, code: str) -> None:
    assert codes(tmp_path, {"A": compose(value), "B": compose(1)}) == [code]


def test_names_are_found_in_any_case_and_in_containers_before(tmp_path: Path) -> None:
    actions = {
        "S": {"type": "Scope", "actions": {"In": compose(1)}},
        "A": {
            "type": "If",
            "expression": {"equals": ["@outputs('in')", 1]},
            "actions": {"B": compose("@outputs('IN')")},
        }
        | after("S"),
    }
    assert codes(tmp_path, actions) == []


def test_a_variable_set_from_itself_is_told(tmp_path: Path) -> None:
    actions = {
        "I": {"type": "InitializeVariable", "inputs": {"variables": [{"name": "v", "type": "integer"}]}},
        "A": {"type": "SetVariable", "inputs": {"name": "v", "value": "@add(variables('V'), 1)"}, **after("I")},
    }
    assert codes(tmp_path, actions) == ["LP120"]


# -- secrets


def test_secrets_that_others_read_are_told(tmp_path: Path) -> None:
    secret = connected("keyvault", "/secrets/@{encodeURIComponent('k')}/value", method="get")
    actions = {
        "Get": secret,
        "Copy": compose("Bearer @{body('Get')?['value']}", **after("Get")),
        "Comment": connected("azuresentinel", "/Incidents/Comment", {"message": "@{outputs('Copy')}"}, **after("Copy")),
        "Mail": connected("office365", "/v2/Mail", {"Body": "@parameters('S')"}),
        "Handler": compose(1, **after("Mail", "Failed")),
    }
    assert codes(tmp_path, actions) == ["LP109", "LP108", "LP108"]
    secret["runtimeConfiguration"] = {"secureData": {"properties": ["outputs"]}}
    assert codes(tmp_path, {"Get": secret}) == []
    assert codes(tmp_path, {}, outputs={"o": {"type": "String", "value": "@parameters('S')"}}) == ["LP108"]


def test_secrets_spelled_out_are_told(tmp_path: Path) -> None:
    http = {"method": "GET", "uri": "https://a.example", "authentication": {"type": "Basic", "username": "u"}}
    bad = {**http, "authentication": {"type": "Basic", "username": "u", "password": "hunter2"}}
    good = {**http, "authentication": {"type": "Basic", "username": "u", "password": "@parameters('S')"}}
    assert codes(tmp_path, {"A": {"type": "Http", "inputs": bad}}) == ["LP110"]
    assert codes(tmp_path, {"A": {"type": "Http", "inputs": {**http, "headers": {"X-Api-Key": "abc"}}}}) == ["LP110"]
    assert codes(tmp_path, {"A": {"type": "Http", "inputs": good}}) == []


# -- loops and effects


def test_rounds_that_write_a_shared_variable_are_told(tmp_path: Path) -> None:
    init = {"type": "InitializeVariable", "inputs": {"variables": [{"name": "v", "type": "string"}]}}
    write = {"Set": {"type": "SetVariable", "inputs": {"name": "v", "value": "@item()"}}}
    loop = foreach("@createArray(1)", write, **after("I"))
    assert codes(tmp_path, {"I": init, "L": loop}) == ["LP111"]
    assert codes(tmp_path, {"I": init, "L": {**loop, "operationOptions": "Sequential"}}) == []
    one = {**loop, "runtimeConfiguration": {"concurrency": {"repetitions": 1}}}
    assert codes(tmp_path, {"I": init, "L": one}) == []
    nested = foreach("@createArray(1)", {"Inner": foreach("@createArray(1)", write)}, **after("I"))
    assert codes(tmp_path, {"I": init, "L": nested}) == ["LP111"]


def test_containment_whose_failure_nobody_hears_of_is_told(tmp_path: Path) -> None:
    isolate = connected("wdatp", "/api/machines/@{parameters('P')}/isolate", {"Comment": "c"})
    assert codes(tmp_path, {"A": isolate}) == ["LP113"]
    assert codes(tmp_path, {"A": isolate, "H": compose(1, **after("A", "Failed"))}) == []
    chain = {"A": isolate, "B": compose(1, **after("A")), "H": compose(1, **after("B", "Failed", "Skipped"))}
    assert codes(tmp_path, chain) == []
    scope = {"S": {"type": "Scope", "actions": {"A": isolate}}, "H": compose(1, **after("S", "Failed", "TimedOut"))}
    assert codes(tmp_path, scope) == []


def test_loops_without_a_sensible_end_are_told(tmp_path: Path) -> None:
    call = {"type": "Http", "inputs": {"method": "GET", "uri": "https://a.example"}}
    until = {"type": "Until", "expression": "@equals(outputs('G')?['statusCode'], 200)", "actions": {"G": call}}
    assert codes(tmp_path, {"U": until}) == ["LP116"]
    wait = {"type": "Wait", "inputs": {"interval": {"count": 1, "unit": "Minute"}}}
    good = {**until, "actions": {"G": call, "W": wait}}
    assert codes(tmp_path, {"U": good}) == []
    assert codes(tmp_path, {"U": {**good, "limit": {"count": 5000}}}) == ["LP116"]
    assert codes(tmp_path, {"U": {**until, "actions": {"C": compose(1)}, "expression": "@equals(1, 2)"}}) == ["LP116"]


# -- the rest


def test_other_troubles_are_told(tmp_path: Path) -> None:
    assert codes(tmp_path, {"A": {"type": "JavaScriptCode", "inputs": {"code": "1"}}}) == ["LP115"]
    assert codes(tmp_path, {"A": {"type": "Http", "inputs": {"uri": "http://a.example"}}}) == ["LP119"]
    assert codes(tmp_path, {"A": {"type": "Nothing"}}) == ["LP101"]
    schema = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": ["string", "null"]}}}
    parse = {"type": "ParseJson", "inputs": {"content": "@triggerBody()", "schema": schema}}
    (one,) = (f for f in found(tmp_path, {"A": parse}) if f.code == "LP118")
    assert "one of 1 values is null, such as `a`" in one.reason


def test_a_definition_made_to_take_long_does_not(tmp_path: Path) -> None:
    chain = {"C0": compose("@body('C0')")}
    for i in range(1, 400):
        chain[f"C{i}"] = compose(f"@concat(outputs('C{i - 1}'), outputs('C{i - 1}'))", **after(f"C{i - 1}"))
    assert "LP105" in codes(tmp_path, chain)


def test_a_file_that_holds_no_playbook_is_told(tmp_path: Path) -> None:
    path = tmp_path / "flow.json"
    for text in ("{", "[]", "{}", '{"a": '):
        path.write_text(text)
        assert [f.code for f in lint(path)] == ["PF001"]


def test_the_command_fails_for_errors_and_writes_all_forms(tmp_path: Path) -> None:
    found(tmp_path, {"Ask": asked("T | where a == '@{" + TITLE + "}'")})
    done = RUNNER.invoke(app, ["playbook", "lint", str(tmp_path)])
    assert done.exit_code == 1
    assert "error LP107" in done.output
    document = json.loads(RUNNER.invoke(app, ["playbook", "lint", str(tmp_path), "-f", "sarif"]).stdout)
    assert document["runs"][0]["results"][0]["ruleId"] == "LP107"
    (one,) = json.loads(RUNNER.invoke(app, ["playbook", "lint", str(tmp_path), "-f", "json"]).stdout)
    assert one["place"] == "$.actions['Ask'].inputs.body.query"
    assert RUNNER.invoke(app, ["playbook", "lint", str(PLAYBOOKS), "--strict", "-q"]).exit_code == 0


def test_each_code_says_what_it_means() -> None:
    assert all(text.endswith(".") for _, text in CODES.values())


def test_a_file_with_comments_and_trailing_commas_is_looked_at_and_has_its_places(tmp_path: Path) -> None:
    path = tmp_path / "flow.json"
    body = '{ // as the portal has it\n "definition": {\n\t"triggers": {}, "actions": {"A":\n'
    body += ' {"type": "Compose", "inputs": "@{"},},}, }'
    path.write_bytes(b"\xff\xfe" + body.encode("utf-16-le"))
    (one,) = [f for f in lint(path) if f.code == "LP102"]
    assert (one.line, one.place) == (4, "$.actions['A'].inputs")


def test_a_template_of_another_encoding_and_spelling_is_looked_at(tmp_path: Path) -> None:
    definition = {"triggers": {}, "actions": {"A": {"type": "Compose", "inputs": "@{"}}}
    workflow = {"Type": "Microsoft.Logic/workflows", "Name": "w", "properties": {"definition": definition}}
    path = tmp_path / "azuredeploy.json"
    path.write_text(json.dumps({"Resources": [workflow]}), encoding="utf-16")
    (one,) = [f for f in lint(path, sketched_files) if f.code == "LP102"]
    assert (one.line, one.place) == (1, "$.actions['A'].inputs")


def test_what_a_call_does_is_what_its_connector_declares(tmp_path: Path) -> None:
    risky = connected("azureadip", "/beta/riskyUsers/confirmCompromised")
    reads = connected("azuremonitorlogs", "/queryData", {"query": "T"})
    posted = {"type": "Http", "inputs": {"method": "POST", "uri": "https://there.example/api/advancedhunting/run"}}
    stops = {
        "type": "Http",
        "inputs": {"method": "PATCH", "uri": "@{triggerBody()}", "body": {"accountEnabled": False}},
    }
    told = {f.place: f.code for f in found(tmp_path, {"R": risky, "Q": reads, "P": posted, "S": stops})}
    assert told.get("$.actions['R']") == "LP113"
    assert told.get("$.actions['S']") == "LP113"
    assert "$.actions['Q']" not in told
    assert "$.actions['P']" not in told
