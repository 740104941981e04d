"""Runs: in which order, with which end."""

from datetime import timedelta
from typing import Any

import pytest
from tests.wdl.world import Ran, World

from huntlake.wdl.definition.reading import read
from huntlake.wdl.definition.workflow import Status
from huntlake.wdl.runner.effects import Answer, Call, Wait
from huntlake.wdl.runner.run import Ended, Run


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


def test_what_is_said_of_an_action_is_known_in_whatever_case_it_is_written() -> None:
    inner = {"C": {"TYPE": "Compose", "Inputs": "@item()"}}
    call = {"Method": "GET", "URI": "https://x.example", "RetryPolicy": {"type": "none"}}
    ran = Ran(
        {
            "B": {"Type": "Http", "INPUTS": call, "runafter": {"L": ["Succeeded"]}},
            "L": {
                "type": "Foreach",
                "ForEach": "@createArray(1, 2)",
                "Actions": inner,
                "OperationOptions": "Sequential",
                "RuntimeConfiguration": {"SecureData": {"Properties": ["Outputs"]}},
            },
            "P": {"type": "ParseJson", "inputs": {"Content": "{}", "SCHEMA": {"type": "object"}}},
            "If": {"type": "If", "Expression": "@true", "Actions": {}, "ELSE": {"ACTIONS": {"E": compose(1)}}},
        },
        World(lambda call: Answer(500)),
    )
    assert ran.statuses == {
        "B": "Failed",
        "L": "Succeeded",
        "L[0]/C": "Succeeded",
        "L[1]/C": "Succeeded",
        "P": "Succeeded",
        "If": "Succeeded",
        "E": "Skipped",
    }
    assert [c.inputs for c in ran.world.calls] == [
        {"method": "GET", "uri": "https://x.example", "retryPolicy": {"type": "none"}}
    ]
    assert ran.run.definition.actions[1].secure == {"outputs"}


def test_the_parts_of_a_variable_are_known_in_whatever_case_they_are_written() -> None:
    declared = [{"Name": "n", "Type": "Integer", "Value": 40}, {"name": "t", "type": "string"}]
    ran = Ran(
        {
            "V": {"type": "InitializeVariable", "inputs": {"Variables": declared}},
            "I": {"type": "IncrementVariable", "inputs": {"Name": "n", "Value": 2}, "runAfter": {"V": ["Succeeded"]}},
            "S": {"type": "SetVariable", "inputs": {"NAME": "t", "VALUE": "x"}, "runAfter": {"I": ["Succeeded"]}},
            "C": compose("@concat(variables('n'), variables('t'))", S=["Succeeded"]),
        }
    )
    assert ran.record("C").outputs == "42x"


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


HOOK = {
    "type": "HttpWebhook",
    "inputs": {
        "subscribe": {"method": "POST", "uri": "https://x.example/hooks", "body": "@{listCallbackUrl()}"},
        "unsubscribe": {"method": "DELETE", "uri": "https://x.example/hooks/@{action().outputs.body.id}"},
    },
    "limit": {"timeout": "PT1H"},
}


def test_a_webhook_that_times_out_is_unsubscribed_by_what_subscribing_gave() -> None:
    ran = Ran({"Ask": HOOK}, World(lambda call: Answer(body={"id": 7})))
    assert ran.statuses == {"Ask": "TimedOut"}
    assert [(c.key, c.unsubscribes) for c in ran.world.calls] == [("Ask#1", False), ("Ask/unsubscribe#1", True)]
    assert ran.world.calls[1].inputs == {"method": "DELETE", "uri": "https://x.example/hooks/7"}
    assert ran.record("Ask").outputs is None


def test_a_webhook_that_is_answered_stays_subscribed() -> None:
    ran = Ran({"Ask": HOOK}, World(lambda call: Answer(body={"id": 7}), callback=Answer(body="yes")))
    assert ran.record("Ask").outputs["body"] == "yes"
    assert len(ran.world.calls) == 1


def test_what_is_in_the_way_of_unsubscribing_is_told_and_the_run_goes_on() -> None:
    ran = Ran({"Ask": HOOK, "Late": compose("late", Ask=["TimedOut"])}, World(lambda call: Answer(400)))
    assert ran.record("Ask").code == "BadRequest"
    answers = {False: Answer(body={"id": 7}), True: Answer(403)}
    ran = Ran({"Ask": HOOK, "Late": compose("late", Ask=["TimedOut"])}, World(lambda c: answers[c.unsubscribes]))
    assert ran.statuses == {"Ask": "TimedOut", "Late": "Succeeded"}
    assert "could not be unsubscribed: the answer has the status 403" in ran.record("Ask").message
    ran = Ran({"Ask": HOOK}, World(lambda call: Answer(body={})))
    assert "could not be unsubscribed" in ran.record("Ask").message


def test_a_webhook_that_waits_when_the_run_is_terminated_is_unsubscribed() -> None:
    stop = {"type": "Terminate", "inputs": {"runStatus": "Failed"}, "runAfter": {"Pause": ["Succeeded"]}}
    pause = {"type": "Wait", "inputs": {"interval": {"count": 5, "unit": "Minute"}}}
    ran = Ran({"Ask": HOOK, "Pause": pause, "Stop": stop}, World(lambda call: Answer(body={"id": 7})))
    assert ran.ended.status is Status.FAILED
    assert ran.statuses["Ask"] == "Cancelled"
    assert [c.unsubscribes for c in ran.world.calls] == [False, True]


def test_a_run_that_is_broken_off_goes_on_with_unsubscribing_where_it_was() -> None:
    world = World(lambda call: Answer(body={"id": 7}))
    run = Run(read({"triggers": {"manual": {"type": "Request"}}, "actions": {"Ask": HOOK}}), {}, world)
    steps = run.steps()
    (subscribing,) = next(steps)
    (waiting,) = steps.send((subscribing, Answer(body={"id": 7})))
    (call,) = steps.send((waiting, None))
    (pause,) = steps.send((call, Answer(503)))
    steps.close()
    assert isinstance(pause, Wait)
    leaving = run.breaking_off(Ended(Status.CANCELLED, "Cancelled"))
    assert next(leaving) == (pause,)
    (again,) = leaving.send((pause, None))
    assert isinstance(again, Call)
    assert (again.key, again.attempt) == ("Ask/unsubscribe#2", 2)
    with pytest.raises(StopIteration):
        leaving.send((again, Answer(403)))
    (record,) = run.records
    assert (record.status, record.message) == (
        Status.CANCELLED,
        "it could not be unsubscribed: the answer has the status 403",
    )


def test_a_terminate_beside_a_call_that_unsubscribes_does_not_make_that_call_again() -> None:
    stop = {"type": "Terminate", "inputs": {"runStatus": "Failed"}, "runAfter": {"Other": ["Succeeded"]}}
    pause = {"type": "Wait", "inputs": {"interval": {"count": 1, "unit": "Hour"}}}
    other = {"type": "Http", "inputs": {"method": "GET", "uri": "https://x"}, "runAfter": {"Pause": ["Succeeded"]}}
    actions = {"Ask": HOOK, "Pause": pause, "Other": other, "Stop": stop}
    run = Run(read({"triggers": {"manual": {"type": "Request"}}, "actions": actions}), {}, World())
    steps = run.steps()
    subscribing, late = next(steps)
    waiting, _ = steps.send((subscribing, Answer(body={"id": 7})))
    steps.send((waiting, None))
    unsubscribing, calling = steps.send((late, None))
    assert steps.send((calling, Answer())) == (unsubscribing,)
    with pytest.raises(StopIteration):
        steps.send((unsubscribing, Answer()))
    assert {r.key: r.status for r in run.records}["Ask"] is Status.CANCELLED


def test_a_connectors_webhook_is_unsubscribed_where_its_answer_said() -> None:
    hook = {
        "type": "ApiConnectionWebhook",
        "inputs": {"host": {"connection": {"name": "c"}}, "path": "/asking/$subscriptions", "body": {"secret": 1}},
        "limit": {"timeout": "PT1H"},
    }
    ran = Ran({"Ask": hook}, World(lambda call: Answer(202, {"location": "https://c.example/asking/7?x=1"})))
    assert ran.statuses == {"Ask": "TimedOut"}
    assert ran.world.calls[1].inputs == {
        "host": {"connection": {"name": "c"}},
        "method": "DELETE",
        "path": "https://c.example/asking/7?x=1",
    }


def test_a_webhook_that_is_not_supported_is_not_waited_for() -> None:
    ran = Ran({"Ask": HOOK}, World(lambda call: Answer(refused="that is not supported")))
    assert ran.record("Ask").code == "NotSupported"
    assert len(ran.world.calls) == 1


def test_a_broken_reference_fails_only_where_it_is_reached() -> None:
    check = {"type": "If", "expression": "@equals(1, 2)", "actions": {"A": compose("@body('nowhere')")}}
    assert Ran({"C": check}).status is Status.SUCCEEDED
    ran = Ran({"A": compose("@variables('nowhere')")})
    assert ran.record("A").code == "InvalidTemplate"
    assert "is not initialized" in ran.record("A").message


@pytest.mark.parametrize(
    ("value", "schema", "message"),
    [
        (5, {"minimum": 5, "exclusiveMinimum": True}, "$: 5 is not more than 5"),
        (5, {"exclusiveMaximum": 5}, "$: 5 is not less than 5"),
        (0.3, {"multipleOf": 0.2}, "$: 0.3 is no multiple of 0.2"),
        ([1, 1.0], {"uniqueItems": True}, "$: an element stands twice"),
        ({}, {"minProperties": 1}, "$: 0 properties is less than 1"),
        ({"a": 1}, {"const": {"a": 2}}, "$: the value is not the one that is allowed"),
        ({"a": 1}, {"not": {"type": "object"}}, "$: the value fits the schema of `not`"),
    ],
)
def test_what_a_schema_forbids_is_told(value: Any, schema: dict[str, Any], message: str) -> None:
    parse = {"type": "ParseJson", "inputs": {"content": "@triggerBody()", "schema": schema}}
    assert Ran({"P": parse}, body=value).record("P").message.endswith(message)


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


@pytest.mark.parametrize(
    ("said", "status"), [("Skipped", "Skipped"), ("timedout", "TimedOut"), ("Failed", "Failed"), ("Aborted", "Failed")]
)
def test_a_static_result_ends_the_action_as_it_says(said: str, status: str) -> None:
    call = http() | {"runtimeConfiguration": {"staticResult": {"name": "H0"}}}
    ran = Ran({"H": call, "B": compose("x", H=["Skipped"])}, staticResults={"H0": {"status": said}})
    assert ran.statuses == {"H": status, "B": "Succeeded" if said == "Skipped" else "Skipped"}
    assert ("is not supported" in ran.record("H").message) == (said == "Aborted")


def test_secrets_and_what_is_made_of_them_are_not_shown() -> None:
    secret = http() | {"runtimeConfiguration": {"secureData": {"properties": ["outputs"]}}}
    ran = Ran(
        {"H": secret, "B": compose("@body('h')", H=["Succeeded"]), "P": compose("x@{parameters('key')}")},
        World(lambda call: Answer(body="hunter2")),
        parameters={"key": {"type": "securestring", "defaultValue": "hunter3"}},
    )
    assert "hunter" not in str([r.shown() for r in ran.run.records])
    assert ran.record("B").outputs == "hunter2"


SECURE = {"runtimeConfiguration": {"secureData": {"properties": ["inputs", "outputs"]}}}


@pytest.mark.parametrize(
    "later",
    [
        compose("@body ('h')"),
        compose("@result('S')"),
        compose("@outputs(concat('H', ''))"),
        compose("@actions('H').inputs"),
        compose("@actions('B')"),
        compose("x") | {"trackedProperties": {"k": "@body('H')"}},
        compose("@int(body('H'))"),
        compose("@addDays(variables('v'), 1)"),
        {"type": "Foreach", "foreach": "@createArray(body('H'))", "actions": {"I": compose("@item()")}},
        {"type": "Switch", "expression": "x", "cases": {"C": {"case": "@body('H')", "actions": {}}}},
        {"type": "Response", "inputs": {"statusCode": 200, "body": "@variables('v')"}},
    ],
)
def test_no_way_to_a_secret_shows_it(later: dict[str, Any]) -> None:
    variable = {"type": "InitializeVariable", "inputs": {"variables": [{"name": "v", "type": "String"}]}}
    write = {"type": "SetVariable", "inputs": {"name": "v", "value": "@body('H')"}}
    ran = Ran(
        {
            "V": variable,
            "S": {
                "type": "Scope",
                "actions": {"H": {"type": "Http", "inputs": {"method": "POST", "body": "hunter1"}, **SECURE}},
                "runAfter": {"V": ["Succeeded"]},
            },
            "B": compose("@body('H')", S=["Succeeded"]),
            "W": {**write, "runAfter": {"B": ["Succeeded"]}},
            "L": {**later, "runAfter": {"W": ["Succeeded"]}},
        },
        World(lambda call: Answer(body="hunter2")),
    )
    assert ran.status is not None
    assert not [r.key for r in ran.run.records if "hunter" in str(r.shown())]


def test_what_ends_a_run_tells_no_secret() -> None:
    stop = {"type": "Terminate", "inputs": {"runStatus": "Failed", "runError": {"message": "@body('H')"}}}
    ran = Ran(
        {"H": {**http(), **SECURE}, "T": {**stop, "runAfter": {"H": ["Succeeded"]}}},
        World(lambda call: Answer(body="hunter2")),
    )
    assert "hunter" not in ran.ended.message


def test_only_a_webhook_has_a_callback_url() -> None:
    assert "only a webhook has a callback URL" in Ran({"A": compose("@listCallbackUrl()")}).record("A").message


def test_kinds_of_action_that_are_not_supported_are_refused_by_name_where_they_are_reached() -> None:
    ran = Ran({"J": {"type": "JavaScriptCode", "inputs": {"code": "return 1"}}})
    assert ran.record("J").message == "an action that runs JavaScript is not supported"
    reached = {"type": "If", "expression": "@false", "actions": {"L": {"type": "Liquid", "kind": "JsonToJson"}}}
    ran = Ran({"I": reached, "S": {"type": "serviceprovider", "inputs": {}, "runAfter": {"I": ["Succeeded"]}}})
    assert ran.statuses == {"I": "Succeeded", "L": "Skipped", "S": "Failed"}
    assert ran.record("S").code == "NotSupported"
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
        {"type": "ParseJson", "inputs": {"content": "@null", "schema": {}}},
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
        {"type": "Http", "inputs": {"retryPolicy": {"type": "fixed", "count": "@concat('1_', '0')"}}},
        {"type": "Http", "inputs": {"retryPolicy": {"type": "fixed", "count": True}}},
        {"type": "Http", "inputs": {}, "limit": {"timeout": "soon"}},
        {"type": "Http", "runtimeConfiguration": {"staticResult": {"name": "none"}}},
        {"type": "Compose", "inputs": 1, "trackedProperties": {"x": "@action()['nothing']"}},
    ],
)
def test_what_an_action_cannot_do_fails_it_and_not_the_engine(action: dict[str, Any]) -> None:
    ran = Ran({"A": action, "B": compose(1, A=["Failed"])})
    assert ran.statuses == {"A": "Failed", "B": "Succeeded"}
    assert ran.record("A").message
