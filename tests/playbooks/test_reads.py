"""Stubs for what no contract tells: what a workflow reads of an answer is in it, and it can work with that."""

from __future__ import annotations

from typing import Any

import pytest

from huntlake.playbooks.connectors.plausible import MOMENT, plausible
from huntlake.playbooks.connectors.reads import TRIGGER, reads
from huntlake.playbooks.connectors.schema_samples import made
from huntlake.wdl.actions.schemas import complaints
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
        ("@actions('Ask')['outputs']['body']['severity']", {"severity": "High"}),
        ("@json(body('Ask'))['severity']", '{"severity": "High"}'),
        ("@addSeconds('1970-01-01', body('Ask')['epoch'])", {"epoch": 1}),
        ("@range(0, body('Ask')['n'])", {"n": 1}),
        ("@setProperty(body('Ask')['held'], 'a', 1)", {"held": {"name": "held 1"}}),
        ("@union(body('Ask')['held'], json('{}'))", {"held": {"name": "held 1"}}),
        ("@uriHost(body('Ask')['held'])", {"held": "https://site1.example/path/item?page=1"}),
        ("@if(body('Ask')['flag'], 1, 2)", {"flag": True}),
        ("@bool(body('Ask')['flag'])", {"flag": True}),
        ("@split(body('Ask')['count'], 'T')", {"count": "1"}),
        ("@formatNumber(body('Ask')['share'], 'P')", {"share": 1}),
        ("@dataUriToString(body('Ask')['held'])", {"held": "data:text/plain;base64,aGVsZCAx"}),
        ("@sort(body('Ask')['rows'], 'b')", {"rows": [{"b": "b 1"}, {"b": "b 2"}]}),
        (
            "@concat(formDataValue('Ask', 'k'), formDataValue('Ask', 'k'))",
            {"$content-type": "application/x-www-form-urlencoded", "$formdata": [{"key": "k", "value": "k 1"}]},
        ),
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


def test_what_a_variable_comes_from_is_the_first_answer_that_is_written_into_it() -> None:
    variable = {"name": "v", "type": "array", "value": "@null"}
    actions = {
        "Init": {"type": "InitializeVariable", "inputs": {"variables": [variable]}},
        "Set": {"type": "SetVariable", "inputs": {"name": "v", "value": "@body('Ask')?['rows']"}},
        "Each": {"type": "Foreach", "foreach": "@variables('v')", "actions": {"C": compose("@items('Each')[1]")}},
    }
    assert body(actions) == {"rows": [["rows 1", "rows 2"], ["rows 1", "rows 2"]]}


def test_an_object_that_the_definition_spells_out_leads_to_what_stands_in_it() -> None:
    actions = {
        "Set": {"type": "SetVariable", "inputs": {"name": "v", "value": {"a": {"b": "@json(body('Ask'))['found']"}}}},
        "Parse": {"type": "ParseJson", "inputs": {"content": "@variables('v')", "schema": {}}},
        "Say": compose("@int(body('Parse')?['a']?['b'])"),
    }
    assert body(actions) == '{"found": 1}'


def test_an_array_that_is_made_of_an_element_leaves_the_element_what_it_is() -> None:
    table = {"type": "Table", "inputs": {"format": "HTML", "from": "@array(items('Each'))"}}
    inner = {"Table": table, "Say": compose("@items('Each')?['severity']")}
    actions = {"Each": {"type": "Foreach", "foreach": "@body('Ask')['value']", "actions": inner}}
    assert body(actions) == {"value": [{"severity": "High"}, {"severity": "High"}]}


def test_an_array_has_as_many_elements_as_are_asked_for_also_in_a_schema() -> None:
    values = {"type": "array", "items": {"type": "object", "properties": {"severity": {"type": "string"}}}}
    schema = {"type": "object", "properties": {"value": values, "rest": {"type": "array"}}}
    actions = {
        "Parse": {"type": "ParseJson", "inputs": {"content": "@body('Ask')", "schema": schema}},
        "Say": compose("@concat(body('Parse')['value'][2]['severity'], first(body('Parse')['rest'])?['severity'])"),
    }
    made_of = body(actions)
    assert made_of["value"] == [{"severity": "High"}] * 3
    assert made_of["rest"][0] == {"severity": "High"}


def test_each_place_of_a_schema_that_lists_its_elements_is_filled() -> None:
    items = [{"type": "object", "properties": {"severity": {"type": "string"}}}, {"type": "integer"}]
    assert made({"type": "array", "items": items}) == [{"severity": "High"}, 1]


def test_all_that_a_variable_may_come_from_is_alike() -> None:
    append = {"type": "AppendToArrayVariable", "inputs": {"name": "v", "value": "@item()"}}
    actions = {
        "Other": HTTP,
        "A": {"type": "Foreach", "foreach": "@body('Ask')['value']", "actions": {"One": append}},
        "B": {"type": "Foreach", "foreach": "@body('Other')['found']", "actions": {"Two": append}},
        "T": {
            "type": "Table",
            "inputs": {
                "format": "CSV",
                "from": "@variables('v')",
                "columns": [{"header": "a", "value": "@join(item()?['states'], ',')"}],
            },
        },
    }
    assert body(actions, "other")["found"][0] == {"states": ["states 1"]}


def test_what_is_read_as_xml_has_one_root_and_no_array_of_one_element() -> None:
    entries = {"type": "object", "properties": {"entry": {"type": "array", "items": {"type": "string"}}}}
    schema = {"type": "object", "properties": {"root": entries}}
    content = "@json(xml(body('Ask')))"
    made_of = body({"Parse": {"type": "ParseJson", "inputs": {"content": content, "schema": schema}}})
    assert made_of == {"root": {"entry": ["entry 1", "entry 1"]}}


def test_a_text_that_is_replaced_in_may_be_made_of_a_list() -> None:
    actions = {
        "Each": {"type": "Foreach", "foreach": "@body('Ask')['tags']", "actions": {}},
        "Say": compose("@replace(replace(string(body('Ask')['tags']), '[', ''), ']', '')"),
    }
    assert isinstance(body(actions)["tags"], list)


def test_what_a_condition_compares_with_a_text_is_that_text() -> None:
    check = {"type": "If", "expression": {"and": [{"equals": ["@body('Ask')?['kind']", "User"]}]}, "actions": {}}
    assert body({"Check": check}) == {"kind": "User"}


def test_what_a_condition_compares_with_a_parameter_is_its_value() -> None:
    compared = {"equals": ["@body('Ask')?['kind']", "@{parameters('wanted')}s"]}
    check = {"type": "If", "expression": {"and": [compared]}, "actions": {}}
    assert body({"Check": check}, parameters={"wanted": {"type": "String", "defaultValue": "User"}}) == {
        "kind": "Users"
    }


def test_a_text_that_a_condition_looks_for_is_in_what_it_looks_through() -> None:
    check = {"type": "If", "expression": {"contains": ["@body('Ask')?['path']", "Admins"]}, "actions": {}}
    assert "Admins" in body({"Check": check})["path"]


def test_what_is_counted_with_or_taken_for_a_date_is_a_number_or_a_date() -> None:
    actions = {
        "Sum": compose("@add(body('Ask')?['fee'], 1)"),
        "Most": compose("@max(body('Ask')?['least'], 1)"),
        "When": compose("@formatDateTime(body('Ask')?['when'], 'yyyy')"),
        "Span": compose("@dateDifference(body('Ask')?['from'], body('Ask')?['until'])"),
    }
    assert body(actions) == {"fee": 1, "least": 1, "when": MOMENT, "from": MOMENT, "until": MOMENT}


@pytest.mark.parametrize(
    ("name", "value"), [("Seen_t", MOMENT), ("Risk_d", 1), ("Known_b", True), ("SourceIP_s", "203.0.113.1")]
)
def test_columns_of_custom_logs_are_of_the_type_that_they_end_with(name: str, value: Any) -> None:
    assert plausible(name) == value


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "format": "date-time"},
        {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        {"type": "string", "pattern": "^[A-Z]{2,3}$"},
        {"type": "string", "minLength": 30},
        {"type": "string", "maxLength": 2},
        {"type": "integer", "minimum": 7, "multipleOf": 4},
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        {"type": "array", "minItems": 3, "items": {"type": "string"}},
        {"type": "object", "required": ["a"]},
    ],
)
def test_what_is_made_of_a_schema_passes_it(schema: Any) -> None:
    assert complaints(made(schema, "note"), schema) == []


def test_what_one_schema_takes_for_a_text_and_another_for_a_list_is_a_list_within_a_text() -> None:
    text = {"type": "object", "properties": {"tags": {"type": "string"}}}
    listed = {"type": "object", "properties": {"tags": {"type": "array"}}}
    actions = {
        "One": {"type": "ParseJson", "inputs": {"content": "@body('Ask')", "schema": text}},
        "Two": {"type": "ParseJson", "inputs": {"content": "@body('Ask')", "schema": listed}},
    }
    assert body(actions) == {"tags": '["item 1"]'}


def test_what_stands_in_an_array_that_is_spelled_out_is_alike() -> None:
    each = {"type": "Foreach", "foreach": "@createArray(body('Ask')?['a'], body('Ask')?['b'])"}
    actions = {"Each": {**each, "actions": {"Say": compose("@items('Each')?['x']")}}}
    assert body(actions) == {"a": {"x": "x 1"}, "b": {"x": "x 1"}}


def test_of_several_texts_that_are_looked_for_the_first_is_there_that_tells_of_no_failure() -> None:
    looked_for = ", ".join(f"equals(body('Ask')['state'], '{word}')" for word in ("Error", "done", "closed"))
    assert body({"Say": compose(f"@or({looked_for})")}) == {"state": "done"}


def query(where: str) -> dict[str, Any]:
    return {"type": "Query", "inputs": {"from": "@body('Ask')?['rows']", "where": where}}


@pytest.mark.parametrize(
    ("where", "wanted"),
    [
        ("@and(equals(item()?['a'], 'x'), greater(int(item()?['n']), 80))", {"a": "x", "n": 81}),
        ("@not(equals(item()?['a'], 'x'))", {"a": "other than x"}),
        ("@not(or(equals(item()?['a'], 'a 1'), less(item()?['n'], 5)))", {"a": "other than a 1", "n": 5}),
        ("@contains(toLower(item()?['a']), 'part')", {"a": "a 1partexample"}),
        ("@startsWith(item()?['a'], 'b')", {"a": "ba 1"}),
        ("@equals(item()?['a'], null)", {"a": None}),
        ("@equals(item()?['a'], false)", {"a": False}),
        ("@item()?['a']", {"a": True}),
        ("@greater(10, item()?['n'])", {"n": 9}),
    ],
)
def test_an_element_of_what_is_filtered_passes_the_filter(where: str, wanted: dict[str, Any]) -> None:
    found = body({"Filter": query(where), "Say": compose("@first(body('Filter'))?['a']")})["rows"][0]
    assert {k: v for k, v in found.items() if k in wanted} == wanted


def test_of_several_filters_each_has_an_element_that_passes_it() -> None:
    actions = {f"Of {kind}": query(f"@equals(item()?['kind'], '{kind}')") for kind in ("Ip", "Host", "File")}
    assert [row["kind"] for row in body(actions)["rows"]] == ["Ip", "Host", "File"]


def test_headers_and_a_status_that_a_workflow_looks_for_are_there() -> None:
    actions = {
        "Say": compose("@last(split(outputs('Ask')['headers']['Location'], '/'))"),
        "Later": compose("@int(outputs('Ask')?['headers']?['Retry-After'])"),
        "If": {
            "type": "If",
            "expression": {"and": [{"equals": ["@outputs('Ask')['statusCode']", 201]}]},
            "actions": {},
        },
    }
    definition = read({"triggers": {"manual": {"type": "Request"}}, "actions": {"Ask": HTTP, **actions}})
    answer = reads(definition)["ask"]
    assert (answer.status, answer.body()) == (201, None)
    headers = answer.beside("headers")
    assert (list(headers), headers["Retry-After"]) == (["Location", "Retry-After"], "1")


def test_what_a_trigger_is_asked_with_is_there() -> None:
    actions = {"Say": compose("@{triggerOutputs()['queries']['id']}@{trigger().outputs.relativePathParameters.name}")}
    trigger = reads(read({"triggers": {"manual": {"type": "Request"}}, "actions": actions}))[TRIGGER]
    assert list(trigger.beside("queries")) == ["id"]
    assert list(trigger.beside("relativePathParameters")) == ["name"]


def test_a_schema_that_refers_to_itself_has_a_sample() -> None:
    part = {"type": "object", "properties": {"n": {"type": "integer"}, "of": {"$ref": "#/definitions/part"}}}
    schema = {"definitions": {"part": part}, "$ref": "#/definitions/part"}
    assert not complaints(made(schema), schema)
    assert made({"$ref": "https://elsewhere.example/schema"}, "a") == "a 1"
