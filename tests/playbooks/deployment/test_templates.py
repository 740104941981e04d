"""Templates of Azure Resource Manager, and every `>>>` of their functions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from time import process_time
from typing import Any

import pytest

from huntlake.playbooks.deployment.templates.functions import FUNCTIONS, SHARED
from huntlake.playbooks.deployment.templates.functions.refused import REFUSED
from huntlake.playbooks.deployment.templates.parameters import TemplateError
from huntlake.playbooks.deployment.templates.place import Where
from huntlake.playbooks.deployment.templates.template import Evaluated, evaluate
from huntlake.wdl.expressions.values import json_text

WHERE = Where(subscription="s", group="g", tenant="t", now=datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC))
OWN = {id(f): f for n, f in FUNCTIONS.items() if n not in {s.lower() for s in SHARED}}.values()
EXAMPLES = [(f.name, call, value) for f in OWN for call, value in f.examples]
WITHOUT = set(
    "copyIndex deployment environment fail lambdaVariables list managementGroup managementGroupResourceId newGuid"
    " parameters reference resourceGroup resourceInfo subscription tenant utcNow variables".split()
)
"""Their value hangs on the deployment."""


def made(**parts: Any) -> Evaluated:
    given = parts.pop("given", {})
    return evaluate({"resources": [], **parts}, given, parts.pop("where", WHERE))


def value(expression: str, **parts: Any) -> Any:
    evaluated = made(**parts, outputs={"it": {"type": "object", "value": expression}})
    assert "it" in evaluated.outputs, evaluated.notes
    return evaluated.outputs["it"]["value"]


def refusal(expression: str, **parts: Any) -> str:
    resource = {"type": "A.B/c", "name": "n", "apiVersion": "1", "properties": {"it": expression}}
    return made(**parts, resources=[resource]).resources[0].problem


@pytest.mark.parametrize(("name", "call", "wanted"), EXAMPLES)
def test_the_example_holds(name: str, call: str, wanted: str) -> None:
    assert json_text(value(f"[{call}]")) == wanted


def test_every_function_shows_an_example_or_hangs_on_the_deployment() -> None:
    lists = {f.name for f in OWN if f.name.startswith("list")}
    assert {f.name for f in OWN if not f.examples} - lists - set(REFUSED) == WITHOUT - {"list"}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_only_azure_knows_is_refused_by_name(name: str) -> None:
    assert f"`{name}` is not supported" in refusal(f"[{name}('a', 'b')]")


def test_what_azure_offers_of_other_kinds_is_refused_by_name() -> None:
    assert value("[providers('microsoft.web', 'Connections').apiVersions[0]]") == "2016-06-01"
    assert "`providers` of `Microsoft.KeyVault/vaults` is not supported" in refusal(
        "[providers('Microsoft.KeyVault', 'vaults').apiVersions[0]]"
    )


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("[[parameters('x')]", "[parameters('x')]"),
        ("[not closed", "[not closed"),
        (" [true()]", " [true()]"),
        ("[concat('@{encodeURIComponent(''', 'x', ''')}')]", "@{encodeURIComponent('x')}"),
        ("[createArray(1,2)[1]]", 2),
        ("[createObject('A', 1).a]", 1),
        ("[createObject('a', 1).?b]", None),
        ("[createArray(1)[?4]]", None),
        ("[resourceGroup().id]", "/subscriptions/s/resourceGroups/g"),
        ("[utcNow()]", "20260304T050607Z"),
        ("[deployment().name]", "deployment"),
        ("[if(true(), 'a', noSuchFunction())]", "a"),
    ],
)
def test_texts_mean_what_azure_says_they_do(text: str, wanted: object) -> None:
    assert value(text) == wanted


def test_an_error_names_its_place_and_the_expression() -> None:
    assert refusal("[concat('a', parameters2('x'))]").splitlines() == [
        "$.resources[0].properties.it: error[ARM002]: no function is named `parameters2`",
        " --> expression:1:14",
        "  |",
        "1 | [concat('a', parameters2('x'))]",
        "  |              ^^^^^^^^^^^^^^^^",
        "  = help: did you mean `parameters`?",
    ]
    assert refusal("[concat('a' 'b')]").startswith("$.resources[0].properties.it: error[ARM001]: a `)` was expected")


@pytest.mark.parametrize(
    ("declared", "given", "told"),
    [
        ({"type": "int"}, "1", "takes a value of type int, not string"),
        ({"type": "string", "allowedValues": ["a", "b"]}, "c", "takes one of `a`, `b`, not `c`"),
        ({"type": "securestring", "allowedValues": ["a"]}, "secret", "takes one of `a`"),
        ({"type": "int", "minValue": 3}, 2, "takes at least 3"),
        ({"type": "array", "maxLength": 1}, [1, 2], "takes at most 1 characters or elements"),
        ({"type": "date"}, "x", "the parameter type `date` is not supported"),
    ],
)
def test_a_parameter_takes_only_what_it_says(declared: Any, given: Any, told: str) -> None:
    with pytest.raises(TemplateError) as refused:
        made(parameters={"p": declared}, given={"p": given})
    assert told in str(refused.value)
    assert "secret" not in str(refused.value).replace("securestring", "")


def test_a_parameter_that_no_template_has_is_refused() -> None:
    with pytest.raises(TemplateError, match="has no parameter `PlaybokName`; did you mean `PlaybookName`"):
        made(parameters={"PlaybookName": {"type": "string", "defaultValue": "x"}}, given={"PlaybokName": "y"})


def test_defaults_see_other_parameters_and_variables_are_found_in_any_case() -> None:
    parameters = {"a": {"type": "string", "defaultValue": "x"}, "b": {"defaultValue": "[parameters('A')]"}}
    assert value("[variables('V')]", parameters=parameters, variables={"v": "[parameters('b')]"}) == "x"


def test_what_refers_to_itself_is_told_and_asked_for() -> None:
    evaluated = made(parameters={"p": {"type": "string", "defaultValue": "[parameters('p')]"}})
    assert [m.name for m in evaluated.missing] == ["p"]
    assert "refers to itself" in refusal("[variables('v')]", variables={"v": "[variables('v')]"})


def test_a_default_that_its_own_parameter_refuses_counts_as_none() -> None:
    evaluated = made(parameters={"p": {"type": "string", "defaultValue": "", "minLength": 1}})
    assert [m.name for m in evaluated.missing] == ["p"]


def test_copies_are_made_of_variables_properties_and_resources() -> None:
    variables = {
        "copy": [{"name": "list", "count": 2, "input": "[concat('v', copyIndex('list'))]"}],
        "held": {"copy": [{"name": "inner", "count": 2, "input": "[copyIndex('inner', 5)]"}], "rest": 1},
    }
    assert value("[variables('list')]", variables=variables) == ["v0", "v1"]
    assert value("[variables('held')]", variables=variables) == {"inner": [5, 6], "rest": 1}
    resource = {
        "type": "A.B/c",
        "name": "[concat('r', copyIndex(1))]",
        "copy": {"name": "loop", "count": 3},
        "properties": {"at": "[copyIndex('loop')]"},
    }
    found = made(resources=[resource]).resources
    assert [(r.name, r.body["properties"]["at"]) for r in found] == [("r1", 0), ("r2", 1), ("r3", 2)]
    with pytest.raises(TemplateError, match="0 to 800 copies"):
        made(resources=[resource | {"copy": {"name": "loop", "count": 100_000}}])


def test_a_condition_leaves_a_resource_out_and_dependencies_order_the_rest() -> None:
    resources = [
        {"type": "A.B/c", "name": "last", "dependsOn": ["[resourceId('A.B/c', 'first')]"]},
        {"type": "A.B/c", "name": "gone", "condition": "[equals(1, 2)]"},
        {"type": "A.B/c", "name": "first", "resources": [{"type": "d", "name": "child"}]},
    ]
    assert [(r.type, r.name) for r in made(resources=resources).resources] == [
        ("A.B/c", "first"),
        ("A.B/c", "last"),
        ("A.B/c/d", "first/child"),
    ]


def test_resources_that_depend_on_each_other_are_refused() -> None:
    resources = [{"type": "A.B/c", "name": "x", "dependsOn": ["y"]}, {"type": "A.B/c", "name": "y", "dependsOn": ["x"]}]
    with pytest.raises(TemplateError, match="depends on itself"):
        made(resources=resources)


FULL = "[reference('x', '1', 'Full').location]"


def test_a_reference_sees_the_properties_of_another_resource() -> None:
    resources = [
        {"type": "A.B/c", "name": "x", "location": "here", "properties": {"a": {"b": 1}}},
        {
            "type": "A.B/c",
            "name": "y",
            "properties": {"of": "[reference('x').a.b]", "at": "[reference('x','1','Full').location]"},
        },
    ]
    assert made(resources=resources).resources[1].body["properties"] == {"of": 1, "at": "here"}


def nested(scope: str, template: Any) -> Any:
    properties = {"expressionEvaluationOptions": {"scope": scope}, "template": {"resources": [], **template}}
    return {"type": "Microsoft.Resources/deployments", "name": "in", "properties": properties}


def test_a_nested_template_sees_its_own_names_or_those_around_it() -> None:
    inner = {
        "variables": {"v": "inner"},
        "outputs": {"o": {"type": "string", "value": "[variables('v')]"}},
    }
    for scope, wanted in (("inner", "inner"), ("outer", "outer")):
        told = value("[reference('in').outputs.o.value]", variables={"v": "outer"}, resources=[nested(scope, inner)])
        assert told == wanted


def test_a_template_behind_an_address_is_refused() -> None:
    linked = {"type": "Microsoft.Resources/deployments", "name": "in", "properties": {"templateLink": {"uri": "x"}}}
    assert "is not supported" in made(resources=[linked]).resources[0].problem
    given = {"template": {"resources": []}, "parametersLink": {"uri": "x"}}
    linked = {"type": "Microsoft.Resources/deployments", "name": "in", "properties": given}
    assert "is not supported" in made(resources=[linked]).resources[0].problem


def test_a_resource_is_told_of_by_its_symbolic_name() -> None:
    workflow = {"type": "Microsoft.Logic/workflows", "name": "w", "apiVersion": "1", "properties": {}}
    told = value("[resourceInfo('wf').id]", languageVersion="2.0", resources={"wf": workflow})
    assert told == "/subscriptions/s/resourceGroups/g/providers/Microsoft.Logic/workflows/w"


def test_what_exists_already_is_not_waited_for() -> None:
    vault = {"existing": True, "type": "Microsoft.KeyVault/vaults", "name": "v", "apiVersion": "1"}
    workflow = {"type": "Microsoft.Logic/workflows", "name": "w", "apiVersion": "1", "dependsOn": ["kv"]}
    assert not made(languageVersion="2.0", resources={"kv": vault, "wf": workflow}).notes


def test_a_resource_that_a_template_has_twice_is_told_of() -> None:
    workflow = {"type": "Microsoft.Logic/workflows", "name": "w", "apiVersion": "1", "properties": {}}
    assert [n.path for n in made(resources=[workflow, workflow]).notes] == ["$.resources[1]"]


def test_a_template_that_fails_by_its_own_word_says_so() -> None:
    assert "the template says: no region" in refusal("[if(true(), fail('no region'), 1)]")


def test_functions_of_its_own_see_only_their_arguments() -> None:
    functions = [
        {
            "namespace": "own",
            "members": {
                "twice": {
                    "parameters": [{"name": "x", "type": "string"}],
                    "output": {"type": "string", "value": "[concat(parameters('x'), parameters('x'))]"},
                }
            },
        }
    ]
    assert value("[own.twice('a')]", functions=functions) == "aa"


def test_what_only_azure_knows_is_asked_for_by_the_call_that_needs_it() -> None:
    id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a"
    body = {"definition": "[listKeys(resourceId('Microsoft.Storage/storageAccounts', 'a'), '1').keys[0].value]"}
    workflow = {"type": "Microsoft.Logic/workflows", "name": "w", "properties": body}
    (missing,) = made(resources=[workflow]).missing
    assert missing.name == f"listKeys({id})"
    known = Where(subscription="s", group="g", values={missing.name: {"keys": [{"value": "k"}]}})
    assert evaluate({"resources": [workflow]}, {}, known).resources[0].body["properties"] == {"definition": "k"}


@pytest.mark.parametrize("call", ["union({0}, {0})", "base64({0})", "if(true(), {0}, 1)", "createArray({0})", "{0}.a"])
def test_a_lambda_is_no_value(call: str) -> None:
    told = refusal("[" + call.format("lambda('x', lambdaVariables('x'))") + "]")
    assert "function" in told


def test_a_template_cannot_grow_without_bounds() -> None:
    variables = {
        "v0": "x" * 100,
        **{f"v{n}": f"[concat(variables('v{n - 1}'), variables('v{n - 1}'))]" for n in range(1, 40)},
    }
    assert "makes" in refusal("[variables('v39')]", variables=variables)


def test_functions_of_large_arrays_take_no_time() -> None:
    began = process_time()
    assert value("[length(union(range(0, 60000), range(30000, 60000)))]") == 90_000
    assert process_time() - began < 5


def test_copies_within_copies_cannot_grow_without_bounds() -> None:
    inner: Any = "x"
    for depth in range(4):
        inner = {"copy": [{"name": "list", "count": 800, "input": inner}], "depth": depth}
    assert "makes too much" in refusal("[variables('v')]", variables={"v": inner})


def test_values_that_refer_to_one_another_too_deep_are_refused() -> None:
    variables = {"v0": "x", **{f"v{n}": f"[variables('v{n - 1}')]" for n in range(1, 500)}}
    assert "more than 60 parameters and variables" in refusal("[variables('v499')]", variables=variables)


def test_of_what_only_azure_knows_it_is_told_what_is_read_of_it() -> None:
    vault = "reference(resourceId('Microsoft.KeyVault/vaults', 'v'), '2019-09-01')"
    parts = [f"[{vault}.vaultUri]", f"[concat({vault}.a[copyIndex('n')].b, {vault}.properties.tags[0])]"]
    evaluated = made(
        resources=[
            {"type": "Microsoft.Logic/workflows", "name": "w", "apiVersion": "1", "properties": {"it": parts[0]}},
            {"type": "Microsoft.Logic/workflows", "name": "x", "apiVersion": "1", "properties": {"it": parts[1]}},
        ]
    )
    (one,) = evaluated.missing
    assert one.name == "reference(/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v)"
    assert set(one.wanted) == {".vaultUri", ".a", ".properties.tags[0]"}
    assert one.told.startswith("what this resource is in Azure: .")


@pytest.mark.parametrize(
    ("read", "told", "value"),
    [
        ("reference('Microsoft.Storage/storageAccounts/st').primaryEndpoints.blob", ".primaryEndpoints.blob", "there"),
        ("reference('st', '1', 'Full').identity.principalId", ".identity.principalId", "them"),
        ("concat(reference('st').tier, reference('st').Kept)", ".Kept", "hotkept"),
    ],
)
def test_what_azure_adds_to_a_resource_of_the_template_is_asked_for(read: str, told: str, value: str) -> None:
    resources = [
        {"type": "Microsoft.Storage/storageAccounts", "name": "st", "properties": {"tier": "hot"}},
        {"type": "Microsoft.Logic/workflows", "name": "w", "properties": {"it": f"[{read}]"}},
    ]
    (one,) = made(resources=resources).missing
    said = {"primaryEndpoints": {"blob": "there"}, "identity": {"principalId": "them"}, "kept": "kept"}
    assert one.name == "reference(/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/st)"
    assert one.wanted == (told,)
    asked = made(resources=resources, where=replace(WHERE, values={one.name: said}))
    assert (asked.missing, asked.resources[1].body["properties"]["it"]) == ((), value)


def test_what_is_asked_for_says_its_bounds() -> None:
    name = {"type": "string", "minLength": 3, "maxLength": 24, "metadata": {"description": "Its name"}}
    asked = made(parameters={"name": name, "days": {"type": "int", "minValue": 5}}).missing
    assert [m.told for m in asked] == [
        "Its name: at least 3 characters, at most 24 characters",
        "at least 5",
    ]


def test_what_lies_in_a_key_vault_for_a_nested_template_is_asked_for_and_taken() -> None:
    inner = {
        "definitions": {"kind": {"type": "string"}},
        "parameters": {
            "Key": {"type": "securestring", "defaultValue": "none"},
            "Kind": {"$ref": "#/definitions/kind", "defaultValue": "k"},
        },
        "resources": [
            {"type": "Microsoft.Web/connections", "name": "c", "apiVersion": "1",
             "properties": {"api": {"name": "x"}, "parameterValues": {"k": "[parameters('Key')]"}}}
        ],
    }  # fmt: skip
    nested = {
        "type": "Microsoft.Resources/deployments",
        "name": "n",
        "apiVersion": "1",
        "properties": {
            "template": inner,
            "expressionEvaluationOptions": {"scope": "inner"},
            "parameters": {"key": {"reference": {"keyVault": {"id": "v"}, "secretName": "s"}}},
        },
    }
    assert [(m.name, m.type) for m in made(resources=[nested]).missing] == [("Key", "securestring")]
    evaluated = made(resources=[nested], given={"key": "pass-word"})
    assert not evaluated.missing
    assert evaluated.resources[0].body["properties"]["parameterValues"] == {"k": "pass-word"}
