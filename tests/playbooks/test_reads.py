"""Stubs for what no contract tells: what a workflow reads of an answer is in it, and it can work with that."""

from __future__ import annotations

from typing import Any

import pytest

from huntlake.playbooks.connectors.reads import TRIGGER, made, reads
from huntlake.wdl.definition.reading import read

HTTP = {"type": "Http", "inputs": {"method": "GET", "uri": "https://there.example"}}


def body(actions: Any, of: str = "ask", trigger: Any = None, **parts: Any) -> Any:
    """The stub of an answer."""
    triggers = {"manual": {"type": "Request", **(trigger or {})}}
    definition = read({"triggers": triggers, "actions": {"Ask": HTTP, **actions}, **parts})
    return reads(definition)[of].body()


def compose(inputs: Any) -> dict[str, Any]:
    return {"type": "Compose", "inputs": inputs}


@pytest.mark.parametrize(
    ("inputs", "wanted"),
    [
        ("@body('Ask')?['device']?['hostName']", {"device": {"hostName": "host1"}}),
        ("@outputs('Ask')['body']['severity']", {"severity": "High"}),
        ("@int(body('Ask')['verdict'])", {"verdict": 1}),
        ("@join(body('Ask')['states'], ',')", {"states": ["states 1"]}),
        ("@json(body('Ask')['held'])", {"held": "{}"}),
        ("@base64ToString(body('Ask')['held'])", {"held": "aGVsZCAx"}),
        ("@split(body('Ask')['held'], '-')[1]", {"held": "held 1-part1"}),
        ("@addProperty(body('Ask')['held'], 'a', 1)", {"held": {"name": "held 1"}}),
        ("@equals(body('Ask')['kind'], 'User')", {"kind": "User"}),
        ("@indexOf(body('Ask')['who'], '@')", {"who": "who 1@example"}),
    ],
)
def test_an_answer_holds_what_is_read_of_it(inputs: str, wanted: Any) -> None:
    assert body({"Say": compose(inputs)}) == wanted


def test_a_text_that_is_taken_apart_as_an_id_is_one() -> None:
    held = body({"Say": compose("@split(body('Ask')['held'], '/')[8]")})["held"]
    assert held.split("/")[7:] == ["virtualMachines", "host1"]


def test_items_of_loops_and_tables_are_read_of_the_list() -> None:
    actions = {
        "Each": {
            "type": "Foreach",
            "foreach": "@body('Ask')?['hosts']",
            "actions": {"Say": compose("@items('Each')?['hostName']")},
        },
        "Table": {"type": "Table", "inputs": {"format": "HTML", "from": "@body('Ask')?['rows']"}},
    }
    assert body(actions) == {
        "hosts": [{"hostName": "host1"}, {"hostName": "host2"}],
        "rows": [{"name": "rows 1"}],
    }


def test_a_schema_says_the_types_and_a_variable_what_it_can_hold() -> None:
    schema = {"type": "object", "properties": {"risk": {"type": "integer"}, "@@odata.type": {"type": "string"}}}
    actions = {
        "Parse": {"type": "ParseJson", "inputs": {"content": "@body('Ask')['one']", "schema": schema}},
        "Say": compose("@body('Parse')?['name']"),
        "Keep": {
            "type": "InitializeVariable",
            "inputs": {"variables": [{"name": "n", "type": "integer", "value": "@body('Ask')['count_of']"}]},
        },
    }
    found = body(actions)
    assert found["one"] == {"risk": 1, "@odata.type": "@odata.type 1", "name": "name 1"}
    assert found["count_of"] == 1


def test_a_trigger_gives_what_its_schema_says_and_what_is_read() -> None:
    schema = {"type": "object", "properties": {"flag": {"type": "boolean"}}}
    found = body({"Say": compose("@triggerBody()?['text']")}, TRIGGER, {"inputs": {"schema": schema}})
    assert found == {"flag": True, "text": "text 1"}


def test_a_real_body_stays_and_is_only_added_to() -> None:
    definition = read({"triggers": {}, "actions": {"Say": compose("@triggerBody()?['object']?['severity']")}})
    real = {"object": {"title": "real"}}
    assert reads(definition)[TRIGGER].body(real) == {"object": {"title": "real", "severity": "High"}}


@pytest.mark.parametrize("schema", [{}, {"anyOf": [{"type": "null"}]}, {"properties": 1}, {"type": ["string", "null"]}])
def test_odd_schemas_give_something(schema: Any) -> None:
    made(schema)
