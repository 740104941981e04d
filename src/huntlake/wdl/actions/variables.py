"""Actions on variables."""

from __future__ import annotations

from typing import Any

from huntlake.wdl.actions.local import ActionFailed, Given, Means, Variable
from huntlake.wdl.definition.workflow import Action
from huntlake.wdl.expressions.values import found, kind, number, text

_EMPTY = {"string": "", "integer": 0, "float": 0.0, "boolean": False, "array": [], "object": None}


def initialize(action: Action, means: Means) -> Given:
    """Makes variables, with a value or with the empty one of their type."""
    inputs = means.evaluator.value(action.inputs)
    listed = _said(inputs, "variables") if isinstance(inputs, dict) else None
    if not isinstance(listed, list) or not all(isinstance(v, dict) for v in listed):
        raise ActionFailed("InvalidTemplate", "`variables` must be a list of variables", inputs)
    for one in listed:
        name, type = text(_said(one, "name")), text(_said(one, "type")).lower()
        if not name or type not in _EMPTY:
            raise ActionFailed("InvalidTemplate", f"a variable has no name, or its type `{type}` is none", inputs)
        if name.lower() in means.variables.held:
            raise ActionFailed("InvalidTemplate", f"the variable `{name}` is initialized already", inputs)
        value = _copy(_EMPTY[type]) if found(one, "value") is None else _fitting(type, _said(one, "value"), name)
        means.variables.held[name.lower()] = Variable(name, type, value)
    return Given(inputs, None)


def set_variable(action: Action, means: Means) -> Given:
    """Gives a variable a value of its type."""
    inputs, variable = _named(action, means)
    variable.value = _fitting(variable.type, _said(inputs, "value"), variable.name)
    return Given(inputs, {"body": {"name": variable.name, "value": variable.value}})


def append_to_array(action: Action, means: Means) -> Given:
    """Puts a value behind the others of an array."""
    inputs, variable = _named(action, means)
    if variable.type != "array":
        raise _wrong(variable, "an array", inputs)
    value = _said(inputs, "value")
    if value is None or isinstance(value, list):
        raise ActionFailed("BadRequest", f"a value of type {kind(value)} can't be appended to an array", inputs)
    variable.value = [*variable.value, value]
    return Given(inputs, None)


def append_to_string(action: Action, means: Means) -> Given:
    """Puts text behind a text; numbers and booleans are printed."""
    inputs, variable = _named(action, means)
    if variable.type != "string":
        raise _wrong(variable, "a string", inputs)
    value = _said(inputs, "value")
    if value is None or isinstance(value, list | dict):
        raise ActionFailed("BadRequest", f"a value of type {kind(value)} can't be appended to a string", inputs)
    variable.value += text(value)
    return Given(inputs, None)


def increment(action: Action, means: Means) -> Given:
    """Adds to a number; 1 where nothing is said."""
    return _moved(action, means, "add")


def decrement(action: Action, means: Means) -> Given:
    """Takes from a number; 1 where nothing is said."""
    return _moved(action, means, "sub")


def _moved(action: Action, means: Means, function: str) -> Given:
    inputs, variable = _named(action, means)
    if variable.type not in ("integer", "float"):
        raise _wrong(variable, "a number", inputs)
    by = _said(inputs, "value")
    moved = means.evaluator.call(function, [variable.value, 1 if by is None else by])
    variable.value = _fitting(variable.type, moved, variable.name)
    return Given(inputs, {"body": {"name": variable.name, "value": variable.value}})


def _named(action: Action, means: Means) -> tuple[dict[str, Any], Variable]:
    inputs = means.evaluator.value(action.inputs)
    if not isinstance(inputs, dict) or found(inputs, "name") is None:
        raise ActionFailed("InvalidTemplate", "the name of a variable is missing", inputs)
    return inputs, means.variables.get(text(_said(inputs, "name")))


def _said(of: dict[str, Any], name: str) -> Any:
    """What stands under a name, in whatever case it is written; None where nothing does."""
    key = found(of, name)
    return None if key is None else of[key]


def _wrong(variable: Variable, wanted: str, inputs: Any) -> ActionFailed:
    return ActionFailed(
        "BadRequest", f"the variable `{variable.name}` is of type {variable.type}, not {wanted}", inputs
    )


def _fitting(type: str, value: Any, name: str) -> Any:
    if value is None:
        if type in ("string", "array", "object"):
            return _copy(_EMPTY[type])
    elif type == "float" and number(value):
        return float(value)
    elif kind(value) == type:
        return value
    raise ActionFailed("BadRequest", f"the variable `{name}` of type {type} can't hold a value of type {kind(value)}")


def _copy(value: Any) -> Any:
    return list(value) if isinstance(value, list) else value
