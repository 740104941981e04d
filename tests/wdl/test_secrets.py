"""What is secure stays out of all that a run remembers, by whichever way it would get there."""

from __future__ import annotations

from typing import Any

import pytest
from tests.wdl.world import Ran, World

from huntlake.wdl.definition.workflow import ActionType, Status
from huntlake.wdl.runner.effects import Answer, Call

SECURE: dict[str, Any] = {"runtimeConfiguration": {"secureData": {"properties": ["inputs", "outputs"]}}}
OUTPUTS: dict[str, Any] = {"runtimeConfiguration": {"secureData": {"properties": ["outputs"]}}}
HIDDEN = "hidden: it may hold what is secure"


def compose(inputs: Any, **rest: Any) -> dict[str, Any]:
    return {"type": "Compose", "inputs": inputs, **rest}


def http(uri: Any = "https://x.example/", **rest: Any) -> dict[str, Any]:
    return {"type": "Http", "inputs": {"method": "GET", "uri": uri}, **rest}


def hook(unsubscribe: str, **rest: Any) -> dict[str, Any]:
    subscribe = {"method": "POST", "uri": "https://x.example/hooks"}
    inputs = {"subscribe": subscribe, "unsubscribe": {"method": "DELETE", "uri": unsubscribe}}
    return {"type": "HttpWebhook", "inputs": inputs, "limit": {"timeout": "PT1H"}, **rest}


def told(later: dict[str, Any], answers: Any = None, **parts: Any) -> Ran:
    """A run with a secure call `H` that gives `hunter2`, a variable `v` and an action `L` after them."""
    variable = {"type": "InitializeVariable", "inputs": {"variables": [{"name": "v", "type": "String"}]}}
    number = {"type": "InitializeVariable", "inputs": {"variables": [{"name": "n", "type": "Integer"}]}}
    actions = {
        "V": variable,
        "N": number | {"runAfter": {"V": ["Succeeded"]}},
        "H": http(**SECURE) | {"runAfter": {"N": ["Succeeded"]}},
        "L": later | {"runAfter": {"H": ["Succeeded"]}},
    }
    return Ran(actions | parts.pop("more", {}), World(answers or (lambda call: Answer(body="hunter2"))), **parts)


def leaks(ran: Ran, secret: str = "hunter") -> list[str]:
    found = [r.key for r in ran.run.records if secret in str(r.shown())]
    return found + ["run"] * (secret in ran.ended.message)


@pytest.mark.parametrize(
    "later",
    [
        hook("@{int(body('H'))}"),
        hook("@{int(action().outputs.body)}", **SECURE),
        hook("@{int(action().outputs.body)}", **OUTPUTS),
        http(limit={"timeout": "@body('H')"}),
        {
            "type": "Until",
            "expression": "@equals(1, 1)",
            "limit": {"count": "@body('H')", "timeout": "PT1H"},
            "actions": {"Q": compose(1)},
        },
        compose("x", trackedProperties={"k": "@int(body('H'))"}),
        http(trackedProperties={"k": "@int(action().outputs.body)"}, **OUTPUTS),
    ],
)
def test_no_error_tells_a_secret(later: dict[str, Any]) -> None:
    ran = told(later)
    assert ran.record("L").status in (Status.FAILED, Status.TIMED_OUT)
    assert "hunter2" in ran.record("L").message
    assert not leaks(ran)


def test_what_hinders_a_call_with_secret_inputs_is_not_told() -> None:
    def answers(call: Call) -> Answer:
        lost = "can't reach https://x.example/?k=hunter2"
        return Answer(lost=lost) if call.action.name == "L" else Answer(body="hunter2")

    ran = told(http("https://x.example/?k=@{body('H')}"), answers)
    assert ran.record("L").shown_error == {"code": "ServiceUnavailable", "message": HIDDEN}


def test_what_hinders_taking_a_subscription_back_is_not_told_where_it_is_secret() -> None:
    def answers(call: Call) -> Answer:
        if call.unsubscribes:
            return Answer(refused="hunter2 is not supported")
        return Answer(body="hunter2" if call.action.name == "H" else "")

    ran = told(hook("https://x.example/@{body('H')}"), answers)
    assert not leaks(ran)
    stop = {"type": "Terminate", "inputs": {"runStatus": "Cancelled"}, "runAfter": {"W": ["Succeeded"]}}
    wait = {"type": "Wait", "inputs": {"interval": {"count": 1, "unit": "Minute"}}}
    ended = told(hook("https://x.example/@{body('H')}"), answers, more={"W": wait, "T": stop})
    assert "hunter2" in ended.record("L").message
    assert not leaks(ended)


def test_a_call_to_where_a_secret_answer_leads_has_secret_inputs() -> None:
    def answers(call: Call) -> Answer:
        later = call.action.type is ActionType.HTTP and call.action.name == "L" and not call.poll
        return Answer(202 if later else 200, {"Location": "https://x.example/hunter2"}, {"id": "hunter2"})

    polled = told(http(**OUTPUTS), answers)
    webhook = told(hook("https://x.example/@{action().outputs.body.id}", **OUTPUTS), answers)
    for ran in (polled, webhook):
        first, second = (c for c in ran.world.calls if c.action.name == "L")
        assert (sorted(first.hidden), sorted(second.hidden)) == (["outputs"], ["inputs", "outputs"])


def test_a_message_that_can_hold_no_secret_is_shown() -> None:
    ran = told(http(**SECURE), lambda call: Answer(403 if call.action.name == "L" else 200))
    assert ran.record("L").shown_error["message"] == "the answer has the status 403"
    ran = told(http(**OUTPUTS), lambda call: Answer(refused="it is not supported" * (call.action.name == "L")))
    assert ran.record("L").shown_error["message"] == "it is not supported"
    ran = told(http(**SECURE), lambda call: Answer(403))
    assert "the actions before it" in ran.record("L").shown_error["message"]


@pytest.mark.parametrize(
    "write",
    [
        {"name": "@concat('v', '')", "value": "@body('H')"},
        {"@{'name'}": "v", "value": "@body('H')"},
        '@json(concat(\'{"name": "v", "value": "\', body(\'H\'), \'"}\'))',
    ],
)
def test_a_variable_that_is_written_by_a_computed_name_is_secret(write: Any) -> None:
    later = compose("@variables('v')", runAfter={"L": ["Succeeded"]})
    ran = told({"type": "SetVariable", "inputs": write}, more={"B": later})
    assert ran.record("B").outputs == "hunter2"
    assert not leaks(ran)


def test_a_variable_that_is_counted_up_from_a_secret_is_secret() -> None:
    one = {"type": "IncrementVariable", "inputs": {"name": "N", "value": 1}, "runAfter": {"L": ["Succeeded"]}}
    other = {"type": "DecrementVariable", "inputs": {"name": "@toLower('N')"}, "runAfter": {"I": ["Succeeded"]}}
    ran = told(
        {"type": "IncrementVariable", "inputs": {"name": "n", "value": "@body('H')"}},
        lambda call: Answer(body=77771),
        more={"I": one, "D": other, "B": compose("@variables('n')", runAfter={"D": ["Succeeded"]})},
    )
    assert ran.record("B").outputs == 77771
    assert not leaks(ran, "7777")


def test_a_static_result_that_is_made_of_a_secret_is_not_shown() -> None:
    call = http(runtimeConfiguration={"staticResult": {"name": "L0"}})
    result = {
        "status": "Failed",
        "code": "@{body('H')}",
        "error": {"message": "@{body('H')}"},
        "outputs": {"body": "@body('H')"},
    }
    ran = told(call, staticResults={"L0": result})
    assert ran.record("L").message == "hunter2"
    assert not leaks(ran)


@pytest.mark.parametrize(
    "parts",
    [
        {"outputs": {"o": {"type": "Int", "value": "@int(body('H'))"}}},
        {
            "outputs": {"o": {"type": "Int", "value": "@int(parameters('key'))"}},
            "parameters": {"key": {"type": "securestring", "defaultValue": "hunter3"}},
        },
    ],
)
def test_outputs_that_fail_tell_no_secret(parts: dict[str, Any]) -> None:
    ran = told(compose(1), **parts)
    assert (ran.ended.status, ran.ended.code, ran.ended.message) == (Status.FAILED, "InvalidTemplate", HIDDEN)
    assert ran.run.secret


def test_outputs_of_a_secure_parameter_that_no_action_asks_for_are_secret() -> None:
    key = {"key": {"type": "securestring", "defaultValue": "hunter3"}}
    assert Ran({"B": compose(1)}, parameters=key, outputs={"o": {"value": "@parameters('key')"}}).run.secret
    assert not Ran({"B": compose(1)}, outputs={"o": {"value": "x"}}).run.secret
