"""Functions of the run: its trigger, its actions, its variables and parameters."""

from __future__ import annotations

from huntlake.wdl.expressions.symbols import Anything, Array, Integer, Object, Scope, String, function
from huntlake.wdl.expressions.values import Fault, Value, found, kind


def _part(value: Value, name: str) -> Value:
    """The key of that name; null where there is none."""
    if not isinstance(value, dict):
        return None
    key = found(value, name)
    return None if key is None else value[key]


def _body(record: Value) -> Value:
    # Of an action in a loop, seen from outside of it, there is a record for every round.
    if isinstance(record, list):
        return [_body(r) for r in record]
    return _part(_part(record, "outputs"), "body")


def _outputs(record: Value) -> Value:
    return [_outputs(r) for r in record] if isinstance(record, list) else _part(record, "outputs")


@function("trigger")
def trigger(scope: Scope) -> Object:
    """The trigger: its name, inputs, outputs, times and status."""
    return scope.trigger()  # type: ignore[no-any-return]


@function("triggerOutputs")
def trigger_outputs(scope: Scope) -> Anything:
    """What the trigger gave."""
    return _part(scope.trigger(), "outputs")


@function("triggerBody")
def trigger_body(scope: Scope) -> Anything:
    """The body of what the trigger gave; null where it has none."""
    return _body(scope.trigger())


@function("action")
def action(scope: Scope) -> Anything:
    """The present action."""
    return scope.action(None)


@function("actions")
def actions(scope: Scope, action_name: String) -> Anything:
    """An action that has ended: its name, inputs, outputs, times, status and error."""
    return scope.action(action_name)


@function("body", "actionBody")
def body(scope: Scope, action_name: String) -> Anything:
    """The body of what an action gave; null where it has none."""
    return _body(scope.action(action_name))


@function("outputs", "actionOutputs")
def outputs(scope: Scope, action_name: String) -> Anything:
    """What an action gave."""
    return _outputs(scope.action(action_name))


@function("items")
def items(scope: Scope, loop_name: String) -> Anything:
    """The present item of a Foreach."""
    return scope.item(loop_name)


@function("item")
def item(scope: Scope) -> Anything:
    """The present item of the innermost Foreach, Query, Select or Table."""
    return scope.item(None)


@function("iterationIndexes")
def iteration_indexes(scope: Scope, loop_name: String) -> Integer:
    """The number of the present round of an Until, from 0."""
    return scope.iteration(loop_name)


@function("variables")
def variables(scope: Scope, variable_name: String) -> Anything:
    """The value of a variable."""
    return scope.variable(variable_name)


@function("parameters")
def parameters(scope: Scope, parameter_name: String) -> Anything:
    """The value of a parameter of the workflow."""
    return scope.parameter(parameter_name)


@function("result")
def result(scope: Scope, scoped_action_name: String) -> Array:
    """What became of the actions directly within a scope."""
    return scope.result(scoped_action_name)  # type: ignore[no-any-return]


@function("workflow")
def workflow(scope: Scope) -> Object:
    """What is known of the workflow and of this run."""
    return scope.workflow()  # type: ignore[no-any-return]


@function("listCallbackUrl")
def list_callback_url(scope: Scope) -> String:
    """The URL that brings this webhook on."""
    return scope.callback()


@function("appsetting")
def appsetting(scope: Scope, setting_name: String) -> Anything:
    """A setting of the application."""
    return scope.setting(setting_name)


# -- forms and parts ---------------------------------------------------------------


def _form_values(body: Value, key: str) -> list[Value]:
    form = _part(body, "$formdata")
    if not isinstance(form, list):
        raise Fault("the body is not a form")
    return [_part(f, "value") for f in form if _part(f, "key") == key]


def _one(values: list[Value], key: str) -> Value:
    if len(values) > 1:
        raise Fault(f"the form has several values for `{key}`")
    return values[0] if values else None


def _multipart(body: Value, index: int) -> Value:
    parts = _part(body, "$multipart")
    if not isinstance(parts, list):
        raise Fault(f"the body has no parts: it is of type {kind(body)}")
    if not 0 <= index < len(parts):
        raise Fault(f"the body has {len(parts)} parts, and none at {index}")
    return _part(parts[index], "body")


@function("formDataValue")
def form_data_value(scope: Scope, action_name: String, key: String) -> Anything:
    """The one value of a key in the form that an action gave."""
    return _one(_form_values(_body(scope.action(action_name)), key), key)


@function("formDataMultiValues")
def form_data_multi_values(scope: Scope, action_name: String, key: String) -> Array:
    """All values of a key in the form that an action gave."""
    return _form_values(_body(scope.action(action_name)), key)


@function("multipartBody")
def multipart_body(scope: Scope, action_name: String, index: Integer) -> Anything:
    """One part of what an action gave in several."""
    return _multipart(_body(scope.action(action_name)), index)


@function("triggerFormDataValue")
def trigger_form_data_value(scope: Scope, key: String) -> Anything:
    """The one value of a key in the form that the trigger gave."""
    return _one(_form_values(_body(scope.trigger()), key), key)


@function("triggerFormDataMultiValues")
def trigger_form_data_multi_values(scope: Scope, key: String) -> Array:
    """All values of a key in the form that the trigger gave."""
    return _form_values(_body(scope.trigger()), key)


@function("triggerMultipartBody")
def trigger_multipart_body(scope: Scope, index: Integer) -> Anything:
    """One part of what the trigger gave in several."""
    return _multipart(_body(scope.trigger()), index)
