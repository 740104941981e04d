"""Runs: in which order, with which end."""

from datetime import timedelta
from typing import Any

import pytest
from tests.wdl.world import Ran, World

from huntlake.wdl.definition.workflow import Status
from huntlake.wdl.runner.effects import Answer, Call


def compose(inputs: Any, **after: list[str]) -> dict[str, Any]:
    return {"type": "Compose", "inputs": inputs, "runAfter": after}


def http(**after: list[str]) -> dict[str, Any]:
    return {"type": "Http", "inputs": {"method": "GET", "uri": "https://x.example"}, "runAfter": after}


FAILS = "@int('x')"


def test_actions_run_after_those_they_name_whatever_the_order() -> None:
    ran = Ran({"B": compose("@outputs('a')", A=["Succeeded"]), "A": compose("@triggerBody()['x']")}, body={"x": 1})
    assert [r.key for r in ran.run.records] == ["A", "B"]
    assert ran.record("B").outputs == 1
    assert ran.status is Status.SUCCEEDED


def test_a_failure_that_is_handled_does_not_fail_the_run() -> None:
    ran = Ran({"A": compose(FAILS), "B": compose(1, A=["FAILED"])})
    assert ran.statuses == {"A": "Failed", "B": "Succeeded"}
    assert ran.status is Status.SUCCEEDED


def test_a_failure_whose_successor_is_skipped_fails_the_run() -> None:
    ran = Ran({"A": compose(FAILS), "B": compose(1, A=["Succeeded"]), "C": compose(1, B=["Succeeded"])})
    assert ran.statuses == {"A": "Failed", "B": "Skipped", "C": "Skipped"}
    assert ran.status is Status.FAILED


def test_an_action_after_two_needs_both() -> None:
    ran = Ran({"A": compose(FAILS), "B": compose(1), "C": compose(1, A=["Failed"], B=["Failed"])})
    assert ran.statuses["C"] == "Skipped"
    assert ran.status is Status.FAILED


def test_the_branch_not_taken_is_skipped_to_its_depth() -> None:
    inner = {"type": "Scope", "actions": {"Deep": compose(1)}}
    ran = Ran(
        {
            "Check": {
                "type": "If",
                "expression": {"and": [{"equals": ["@triggerBody()", "x"]}, {"not": {"contains": ["abc", "z"]}}]},
                "actions": {"Yes": compose(1)},
                "else": {"actions": {"No": inner}},
            }
        },
        body="x",
    )
    assert ran.statuses == {"Check": "Succeeded", "No": "Skipped", "Deep": "Skipped", "Yes": "Succeeded"}
    assert ran.record("Deep").code == "ActionBranchingConditionNotSatisfied"


@pytest.mark.parametrize(("value", "taken"), [("a", "InA"), ("A", "Other"), (2, "InB")])
def test_a_switch_tells_cases_apart(value: Any, taken: str) -> None:
    ran = Ran(
        {
            "S": {
                "type": "Switch",
                "expression": "@triggerBody()",
                "cases": {
                    "One": {"case": "a", "actions": {"InA": compose(1)}},
                    "Two": {"case": 2, "actions": {"InB": compose(1)}},
                },
                "default": {"actions": {"Other": compose(1)}},
            }
        },
        body=value,
    )
    assert [k for k, s in ran.statuses.items() if s == "Succeeded" and k != "S"] == [taken]


def test_a_loop_goes_over_its_items_and_is_seen_from_outside_as_an_array() -> None:
    ran = Ran(
        {
            "V": {"type": "InitializeVariable", "inputs": {"variables": [{"name": "v", "type": "Array"}]}},
            "Each": {
                "type": "Foreach",
                "foreach": "@triggerBody()",
                "runAfter": {"V": ["Succeeded"]},
                "actions": {
                    "In": compose("@mul(item(), 2)"),
                    "Put": {
                        "type": "AppendToArrayVariable",
                        "inputs": {"name": "V", "value": "@outputs('In')"},
                        "runAfter": {"In": ["Succeeded"]},
                    },
                },
            },
            "After": compose("@outputs('In')", Each=["Succeeded"]),
            "Held": compose("@variables('v')", Each=["Succeeded"]),
        },
        body=[1, 2, 3],
    )
    assert ran.record("After").outputs == [2, 4, 6]
    assert ran.record("Held").outputs == [2, 4, 6]
    assert ran.status is Status.SUCCEEDED


def test_a_round_that_fails_stops_no_other_and_fails_the_loop() -> None:
    ran = Ran(
        {"Each": {"type": "Foreach", "foreach": "@triggerBody()", "actions": {"In": compose("@div(1, item())")}}},
        body=[1, 0, 2],
    )
    assert ran.statuses == {
        "Each": "Failed",
        "Each[0]/In": "Succeeded",
        "Each[1]/In": "Failed",
        "Each[2]/In": "Succeeded",
    }


@pytest.mark.parametrize(("items", "status"), [([], "Succeeded"), (None, "Failed"), ({}, "Failed")])
def test_a_loop_without_rounds_skips_what_is_in_it(items: Any, status: str) -> None:
    ran = Ran({"Each": {"type": "Foreach", "foreach": "@triggerBody()", "actions": {"In": compose(1)}}}, body=items)
    assert ran.statuses == {"Each": status, "In": "Skipped"}


def test_waits_in_the_rounds_of_a_loop_go_on_side_by_side_but_not_within_another() -> None:
    wait = {"W": {"type": "Wait", "inputs": {"interval": {"count": 1, "unit": "Hour"}}}}
    each = {"type": "Foreach", "foreach": "@triggerBody()", "actions": wait}
    ran = Ran({"Each": each}, body=[1, 2, 3])
    assert ran.world.time - ran.run.records[0].started == timedelta(hours=1)
    ran = Ran({"Outer": {"type": "Foreach", "foreach": "@createArray(1)", "actions": {"Each": each}}}, body=[1, 2, 3])
    assert ran.world.time - ran.run.records[0].started == timedelta(hours=3)


def test_until_ends_when_true_and_succeeds_at_its_limit() -> None:
    def until(**parts: Any) -> Ran:
        return Ran(
            {
                "V": {"type": "InitializeVariable", "inputs": {"variables": [{"name": "n", "type": "integer"}]}},
                "U": {
                    "type": "Until",
                    "expression": "@greaterOrEquals(variables('n'), 3)",
                    "runAfter": {"V": ["Succeeded"]},
                    "actions": {"Up": {"type": "IncrementVariable", "inputs": {"name": "n", "value": 1}}},
                    **parts,
                },
                "N": compose("@variables('n')", U=["Succeeded"]),
            }
        )

    assert until().record("N").outputs == 3
    assert until(limit={"count": 2}).record("N").outputs == 2
    assert until(limit={"count": 2}, operationOptions="FailWhenLimitsReached").status is Status.FAILED


def test_terminate_ends_the_run_at_once() -> None:
    ran = Ran(
        {
            "Slow": {"type": "Wait", "inputs": {"interval": {"count": 1, "unit": "Day"}}},
            "End": {
                "type": "Terminate",
                "inputs": {"runStatus": "Failed", "runError": {"code": "No", "message": "no @{triggerBody()}"}},
            },
        },
        body="host",
    )
    assert (ran.status, ran.ended.code, ran.ended.message) == (Status.FAILED, "No", "no host")
    assert ran.statuses == {"Slow": "Cancelled", "End": "Succeeded"}


def test_a_call_is_made_again_after_429_and_500_and_not_after_404() -> None:
    answers = iter([Answer(429, {"Retry-After": "30"}), Answer(500), Answer(lost="reset"), Answer(200, body={"ok": 1})])
    ran = Ran({"H": http()}, World(lambda call: next(answers)))
    assert ran.status is Status.SUCCEEDED
    assert [c.key for c in ran.world.calls] == ["H#1", "H#2", "H#3", "H#4"]
    ran = Ran({"H": http(), "B": compose("@body('H')", H=["Failed"])}, World(lambda call: Answer(404, body="gone")))
    assert (ran.record("H").code, ran.record("B").outputs, len(ran.world.calls)) == ("NotFound", "gone", 1)


def test_an_accepted_call_is_asked_until_it_is_done() -> None:
    def answers(call: Call) -> Answer:
        if len(ran_world.calls) < 3:
            return Answer(202, {"location": "https://x.example/later", "retry-after": "5"})
        return Answer(200, body="done")

    ran_world = World(answers)
    ran = Ran({"H": http()}, ran_world)
    assert ran.record("H").outputs["body"] == "done"
    assert [c.poll for c in ran_world.calls] == ["", "https://x.example/later", "https://x.example/later"]


def test_an_approval_that_nobody_gives_times_out() -> None:
    hook = {
        "Ask": {
            "type": "ApiConnectionWebhook",
            "inputs": {"body": {"notificationUrl": "@{listCallbackUrl()}"}},
            "limit": {"timeout": "PT1H"},
        },
        "Late": compose("late", Ask=["TimedOut"]),
    }
    ran = Ran(hook)
    assert ran.statuses == {"Ask": "TimedOut", "Late": "Succeeded"}
    assert ran.world.calls[0].inputs["body"]["notificationUrl"] == "https://here.example/Ask"
    ran = Ran(hook, World(callback=Answer(body={"SelectedOption": "Approve"})))
    assert ran.record("Ask").outputs["body"] == {"SelectedOption": "Approve"}
    assert ran.statuses["Late"] == "Skipped"


def test_a_broken_reference_fails_only_where_it_is_reached() -> None:
    check = {"type": "If", "expression": "@equals(1, 2)", "actions": {"A": compose("@body('nowhere')")}}
    assert Ran({"C": check}).status is Status.SUCCEEDED
    ran = Ran({"A": compose("@variables('nowhere')")})
    assert ran.record("A").code == "InvalidTemplate"
    assert "is not initialized" in ran.record("A").message


def test_data_actions_give_what_their_reference_says() -> None:
    people = [{"n": "a<b", "v": 1}, {"n": 'c"d', "v": None}]
    ran = Ran(
        {
            "Q": {"type": "Query", "inputs": {"from": "@triggerBody()", "where": "@equals(item()['v'], 1)"}},
            "S": {"type": "Select", "inputs": {"from": "@triggerBody()", "select": {"@item()['n']": "@item()['v']"}}},
            "J": {"type": "Join", "inputs": {"from": "@createArray(1, null, 'x')", "joinWith": ";"}},
            "T": {"type": "Table", "inputs": {"from": "@triggerBody()", "format": "HTML"}},
            "C": {
                "type": "Table",
                "inputs": {
                    "from": "@triggerBody()",
                    "format": "CSV",
                    "columns": [{"header": "N", "value": "@item()['n']"}],
                },
            },
        },
        body=people,
    )
    assert ran.record("Q").outputs["body"] == people[:1]
    assert ran.record("S").outputs["body"] == [{"a<b": 1}, {'c"d': None}]
    assert ran.record("J").outputs["body"] == "1;;x"
    assert ran.record("T").outputs["body"] == (
        "<table><thead><tr><th>n</th><th>v</th></tr></thead><tbody><tr><td>a&lt;b</td><td>1</td></tr>"
        "<tr><td>c&quot;d</td><td></td></tr></tbody></table>"
    )
    assert ran.record("C").outputs["body"] == 'N\r\na<b\r\n"c""d"\r\n'


def test_parse_json_refuses_null_where_a_string_is_wanted_and_gives_the_body_still() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}, "@@odata.x": {"type": "integer"}}}
    parse = {"type": "ParseJson", "inputs": {"content": "@triggerBody()", "schema": schema}}
    ran = Ran({"P": parse}, body='{"a":"x","@odata.x":1,"more":[]}')
    assert ran.record("P").outputs["body"] == {"a": "x", "@odata.x": 1, "more": []}
    ran = Ran({"P": parse}, body='{"a":null}')
    assert ran.record("P").message == "JSON validation failed: $.a: expected string but got null"
    assert ran.record("P").outputs["body"] == {"a": None}


def test_a_static_result_stands_for_the_call() -> None:
    call = http() | {"runtimeConfiguration": {"staticResult": {"name": "H0", "staticResultOptions": "Enabled"}}}
    results = {"H0": {"status": "Succeeded", "outputs": {"statusCode": "OK", "body": {"x": 1}}}}
    ran = Ran({"H": call, "B": compose("@body('H')['x']", H=["Succeeded"])}, staticResults=results)
    assert ran.record("B").outputs == 1
    assert not ran.world.calls


def test_secrets_and_what_is_made_of_them_are_not_shown() -> None:
    secret = http() | {"runtimeConfiguration": {"secureData": {"properties": ["outputs"]}}}
    ran = Ran(
        {"H": secret, "B": compose("@body('h')", H=["Succeeded"]), "P": compose("x@{parameters('key')}")},
        World(lambda call: Answer(body="hunter2")),
        parameters={"key": {"type": "securestring", "defaultValue": "hunter3"}},
    )
    assert "hunter" not in str([r.shown() for r in ran.run.records])
    assert ran.record("B").outputs == "hunter2"


def test_javascript_is_refused_by_name() -> None:
    ran = Ran({"J": {"type": "JavaScriptCode", "inputs": {"code": "return 1"}}})
    assert ran.record("J").message == "an action that runs JavaScript is not supported"
    assert ran.status is Status.FAILED


def test_a_second_response_fails() -> None:
    respond = {"type": "Response", "inputs": {"statusCode": "200", "body": "@triggerBody()"}}
    ran = Ran({"R": respond, "S": respond | {"runAfter": {"R": ["Succeeded"]}}}, body={"a": 1})
    assert (ran.world.responses[0].status, ran.world.responses[0].body) == (200, {"a": 1})
    assert (ran.record("S").status, ran.record("S").code) == (Status.FAILED, "ActionResponseSkipped")


def test_the_same_run_twice_makes_the_same_calls() -> None:
    actions = {"Each": {"type": "Foreach", "foreach": "@triggerBody()", "actions": {"H": http()}}, "A": http()}
    keys = [[c.key for c in Ran(actions, body=[1, 2]).world.calls] for _ in range(2)]
    assert keys[0] == keys[1] == ["Each[0]/H#1", "Each[1]/H#1", "A#1"]


def test_tracked_properties_see_their_own_action() -> None:
    ran = Ran({"A": compose({"x": 1}) | {"trackedProperties": {"x": "@action()['outputs']['x']"}}})
    assert ran.record("A").tracked == {"x": 1}


@pytest.mark.parametrize(
    "action",
    [
        {"type": "Wait", "inputs": {"interval": {"count": 10**15, "unit": "Day"}}},
        {"type": "Wait", "inputs": {"interval": {"count": "x", "unit": "Day"}}},
        {"type": "Wait", "inputs": {"interval": {"count": 1, "unit": "Aeon"}}},
        {"type": "Wait", "inputs": 1},
        {"type": "Wait", "inputs": {"until": {"timestamp": "soon"}}},
        {"type": "Response", "inputs": {"statusCode": 200, "headers": "x"}},
        {"type": "Response", "inputs": {"statusCode": 99999}},
        {"type": "Table", "inputs": {"from": [{}], "format": "HTML", "columns": "@createArray(1)"}},
        {"type": "Table", "inputs": {"from": [1], "format": "CSV"}},
        {"type": "Select", "inputs": {"select": 1}},
        {"type": "Query", "inputs": {"from": [1], "where": "@item()"}},
        {"type": "Join", "inputs": {"from": [1], "joinWith": None}},
        {"type": "ParseJson", "inputs": {"content": "{", "schema": {}}},
        {"type": "ParseJson", "inputs": {"content": {"a": 1}, "schema": {"type": "array", "required": True}}},
        {"type": "Expression", "kind": "Sundial", "inputs": {}},
        {"type": "Expression", "kind": "AddToTime", "inputs": {"baseTime": "2026-01-01"}},
        {"type": "InitializeVariable", "inputs": {"variables": [{"name": "v", "type": "complex"}]}},
        {"type": "SetVariable", "inputs": {"name": "nowhere", "value": 1}},
        {"type": "Until", "expression": "@true", "limit": {"count": 0}, "actions": {}},
        {"type": "Until", "expression": "@true", "limit": {"timeout": "P99999Y"}, "actions": {}},
        {"type": "If", "expression": {"nothing": [1]}, "actions": {}},
        {"type": "If", "expression": {"and": [1]}, "actions": {}},
        {"type": "If", "expression": "@null", "actions": {}},
        {"type": "Terminate", "inputs": {"runStatus": "Maybe"}},
        {"type": "Http", "inputs": {"retryPolicy": {"type": "sometimes"}}},
        {"type": "Http", "inputs": {"retryPolicy": {"type": "fixed", "count": 1000}}},
        {"type": "Http", "inputs": {}, "limit": {"timeout": "soon"}},
        {"type": "Http", "runtimeConfiguration": {"staticResult": {"name": "none"}}},
        {"type": "Compose", "inputs": 1, "trackedProperties": {"x": "@action()['nothing']"}},
    ],
)
def test_what_an_action_cannot_do_fails_it_and_not_the_engine(action: dict[str, Any]) -> None:
    ran = Ran({"A": action, "B": compose(1, A=["Failed"])})
    assert ran.statuses == {"A": "Failed", "B": "Succeeded"}
    assert ran.record("A").message
