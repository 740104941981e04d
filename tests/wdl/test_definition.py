"""Definitions: what is read, and what is refused at which place."""

from typing import Any

import pytest
from bench import wdl, wdl_definitions

from huntlake.wdl.definition.reading import InvalidDefinition, read
from huntlake.wdl.definition.workflow import ActionType, Status, TriggerType

COMPOSE = {"type": "Compose", "inputs": 1}


def test_what_is_written_in_another_case_is_understood() -> None:
    made = read(
        {
            "$schema": "s",
            "triggers": {"r": {"type": "recurrence", "recurrence": {"frequency": "Day", "interval": 1}}},
            "actions": {"A": {"type": "wait"}, "B": {"type": "COMPOSE", "runAfter": {"a": ["SUCCEEDED", "timedout"]}}},
            "parameters": {"p": {"type": "securestring"}},
        }
    )
    assert made.triggers[0].type is TriggerType.RECURRENCE
    assert [a.type for a in made.actions] == [ActionType.WAIT, ActionType.COMPOSE]
    assert made.actions[1].run_after == {"A": {Status.SUCCEEDED, Status.TIMED_OUT}}
    assert made.parameters["p"].type.secure


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        (
            {"A": {"type": "Foreach", "foreach": "@x", "actions": {"B": {"type": "Compse"}}}},
            "$.actions['A'].actions['B'].type: the action type `Compse` is not supported; did you mean `Compose`?",
        ),
        ({"A": {"inputs": 1}}, "$.actions['A'].type: the action type is missing"),
        (
            {"A": {"type": "Until", "expression": "@true", "actions": {"B": {"type": "Terminate"}}}},
            "$.actions['A'].actions['B']: a Terminate can't stand within a loop",
        ),
        ({"A": 1}, "$.actions['A']: an object was expected"),
        (
            {"A": COMPOSE | {"runAfter": {"B": ["Succeeded"]}}},
            "$.actions['A'].runAfter['B']: no action beside this one is named `B`",
        ),
        (
            {"A": COMPOSE | {"runAfter": {"B": []}}, "B": COMPOSE | {"runAfter": {"A": []}}},
            "$.actions['A']: `runAfter` leads round in a circle",
        ),
        (
            {"A": COMPOSE, "S": {"type": "Scope", "actions": {"a": COMPOSE}}},
            "$.actions['S'].actions['a']: an action of this name stands already at $.actions['A']",
        ),
        ({"A": {"type": "Until"}}, "$.actions['A']: this Until needs its `expression`"),
        (
            {"A": COMPOSE | {"runtimeConfiguration": {"secureData": {"properties": ["headers"]}}}},
            "$.actions['A'].runtimeConfiguration.secureData: only `inputs` and `outputs` can be secured",
        ),
        (
            {"A": {"type": "Http", "inputs": {"retryPolicy": {"type": "fixed", "count": "1_0"}}}},
            "$.actions['A'].inputs.retryPolicy.count: a positive whole number was expected",
        ),
        (
            {"A": {"type": "Until", "expression": "@true", "limit": {"count": " 1 0"}}},
            "$.actions['A'].limit.count: a positive whole number was expected",
        ),
        (
            {"A": {"type": "Foreach", "foreach": "@x", "runtimeConfiguration": {"concurrency": {"repetitions": "２"}}}},
            "$.actions['A'].runtimeConfiguration.concurrency: a positive whole number was expected",
        ),
    ],
)
def test_what_is_wrong_is_told_at_its_place(actions: Any, message: str) -> None:
    with pytest.raises(InvalidDefinition) as raised:
        read({"triggers": {}, "actions": actions})
    assert str(raised.value) == message


def test_counts_may_be_written_as_digits_or_made_when_the_action_runs() -> None:
    loop = {"type": "Foreach", "foreach": "@x", "runtimeConfiguration": {"concurrency": {"repetitions": "5"}}}
    call = {"type": "Http", "inputs": {"retryPolicy": {"type": "fixed", "count": "@variables('n')"}}}
    made = read({"triggers": {}, "actions": {"A": loop, "B": call}})
    assert made.actions[0].repetitions == 5


@pytest.mark.skipif(not wdl.CASES.exists(), reason="the templates are not here")
def test_published_definitions_are_read() -> None:
    broken = []
    for name, definition in wdl_definitions.definitions():
        if definition is None:
            continue
        try:
            read(definition)
        except InvalidDefinition as error:
            broken.append(f"{name}: {error}")
    # This one has its triggers a level too deep: the cloud doesn't take it either.
    assert [b.rpartition("/")[2] for b in broken] == [
        "azuredeploy.json: $.triggers['triggers'].type: the trigger type is missing"
    ]
