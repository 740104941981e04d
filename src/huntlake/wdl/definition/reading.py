"""JSON to a `Definition`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, NoReturn, TypeVar

from huntlake.core.diagnostics import did_you_mean
from huntlake.core.errors import Invalid
from huntlake.wdl.definition.inputs import spelled
from huntlake.wdl.definition.workflow import (
    Action,
    ActionType,
    Case,
    Definition,
    Limit,
    Parameter,
    ParameterType,
    Status,
    Trigger,
    TriggerType,
)

MOST_ACTIONS = 500
_DIGITS = re.compile("[0-9]{1,18}")
DEEPEST = 12
"""How deep actions may nest: the cloud allows 8, which published workflows reach."""

E = TypeVar("E", bound=StrEnum)


class InvalidDefinition(Invalid):
    """A definition that can't be understood; `path` is the place."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path


def read(definition: Any) -> Definition:
    """The definition that JSON holds. Raises `InvalidDefinition`."""
    body = _object(definition, "$")
    triggers = _part(body, "triggers", "$")
    actions = _actions(_part(body, "actions", "$"), "$.actions", 1)
    made = Definition(
        tuple(_trigger(n, t, f"$.triggers{_key(n)}") for n, t in triggers.items()),
        actions,
        {n: _parameter(n, p, f"$.parameters{_key(n)}") for n, p in _part(body, "parameters", "$").items()},
        _part(body, "outputs", "$"),
        _part(body, "staticResults", "$"),
        _text(_said(body, "$schema"), "$.$schema"),
        _text(_said(body, "contentVersion"), "$.contentVersion"),
    )
    _unique(made)
    return made


def _unique(definition: Definition) -> None:
    seen: dict[str, str] = {}
    for count, action in enumerate(definition.all(), 1):
        folded = action.name.lower()
        if folded in seen:
            _fail(action.path, f"an action of this name stands already at {seen[folded]}")
        seen[folded] = action.path
        if count > MOST_ACTIONS:
            _fail(action.path, f"a workflow has at most {MOST_ACTIONS} actions")
        if action.type in (ActionType.FOREACH, ActionType.UNTIL):
            for inner in action.all():
                if inner.type is ActionType.TERMINATE:
                    _fail(inner.path, "a Terminate can't stand within a loop")


# -- actions -----------------------------------------------------------------------


def _actions(body: Mapping[str, Any], path: str, depth: int) -> tuple[Action, ...]:
    if depth > DEEPEST and body:
        _fail(path, f"actions nest at most {DEEPEST} deep")
    names = {n.lower(): n for n in body}
    made = tuple(_action(n, a, f"{path}{_key(n)}", names, depth) for n, a in body.items())
    _acyclic(made)
    return made


def _action(name: str, value: Any, path: str, siblings: Mapping[str, str], depth: int) -> Action:
    body = _object(value, path)
    type = _one_of(ActionType, _aliased(_said(body, "type")), f"{path}.type", "the action type")
    settings = _part(body, "runtimeConfiguration", path)
    within = _part(body, "actions", path)
    otherwise = _part(_part(body, "else", path), "actions", f"{path}.else")
    default = _part(_part(body, "default", path), "actions", f"{path}.default")
    cases = _part(body, "cases", path)
    if type is ActionType.FOREACH and not _has(body, "foreach"):
        _fail(path, "a Foreach needs its `foreach`")
    if type in (ActionType.IF, ActionType.SWITCH, ActionType.UNTIL) and not _has(body, "expression"):
        _fail(path, f"this {type} needs its `expression`")
    if within and type not in (ActionType.IF, ActionType.SCOPE, ActionType.FOREACH, ActionType.UNTIL):
        _fail(f"{path}.actions", f"no actions may stand within a {type}")
    static = _part(settings, "staticResult", f"{path}.runtimeConfiguration")
    limit = _part(body, "limit", path)
    _count(limit, f"{path}.limit")
    inputs = spelled(type, _said(body, "inputs"))
    policy = inputs.get("retryPolicy") if isinstance(inputs, dict) else None
    if isinstance(policy, dict):
        _count(policy, f"{path}.inputs.retryPolicy")
    if type is ActionType.INITIALIZE and depth > 1:
        _fail(path, "variables are initialized at the top level only")
    return Action(
        name,
        type,
        path,
        _run_after(_part(body, "runAfter", path), f"{path}.runAfter", siblings, name),
        inputs,
        _text(_said(body, "kind"), f"{path}.kind"),
        _actions(within, f"{path}.actions", depth + 1),
        _actions(otherwise, f"{path}.else.actions", depth + 1)
        or _actions(default, f"{path}.default.actions", depth + 1),
        tuple(_case(n, c, f"{path}.cases{_key(n)}", depth) for n, c in cases.items()),
        _said(body, "expression"),
        _said(body, "foreach"),
        Limit(_said(limit, "timeout"), _said(limit, "count")),
        _options(body, path),
        _repetitions(settings, path),
        _secure(settings, path),
        _text(_said(static, "name"), path) if str(_said(static, "staticResultOptions")).lower() != "disabled" else "",
        _whole(_said(_part(settings, "paginationPolicy", f"{path}.runtimeConfiguration"), "minimumItemCount"), path),
        _part(body, "trackedProperties", path),
        {k: v for k, v in body.items() if k.lower() not in _READ},
    )


_READ = frozenset(
    "type kind inputs runafter actions else default cases expression foreach limit operationoptions"
    " runtimeconfiguration trackedproperties".split()
)


def _repetitions(settings: Mapping[str, Any], path: str) -> int | None:
    place = f"{path}.runtimeConfiguration.concurrency"
    count = _whole(_said(_part(settings, "concurrency", f"{path}.runtimeConfiguration"), "repetitions"), place)
    if count is not None and count > 50:
        _fail(place, "at most 50 rounds go on at once")
    return count


def _aliased(type: Any) -> Any:
    # The designer's own name for what the language calls JavaScriptCode.
    return "JavaScriptCode" if isinstance(type, str) and type.lower() == "inlinecode" else type


def _case(name: str, value: Any, path: str, depth: int) -> Case:
    body = _object(value, path)
    if not _has(body, "case"):
        _fail(path, "a case needs its `case`")
    return Case(name, _said(body, "case"), _actions(_part(body, "actions", path), f"{path}.actions", depth + 1))


def _run_after(
    body: Mapping[str, Any], path: str, siblings: Mapping[str, str], own: str
) -> Mapping[str, frozenset[Status]]:
    made = {}
    for name, statuses in body.items():
        place = f"{path}{_key(name)}"
        sibling = siblings.get(name.lower())
        if sibling is None or sibling == own:
            _fail(place, f"no action beside this one is named `{name}`")
        if not isinstance(statuses, list):
            _fail(place, "a list of statuses was expected")
        # An empty list is what the designer writes for the plain case.
        made[sibling] = frozenset(_one_of(Status, s, place, "the status") for s in statuses) or frozenset(
            (Status.SUCCEEDED,)
        )
    return made


def _acyclic(actions: tuple[Action, ...]) -> None:
    waiting = {a.name: set(a.run_after) for a in actions}
    while waiting:
        free = [n for n, after in waiting.items() if not after & waiting.keys()]
        if not free:
            name = next(iter(waiting))
            _fail(next(a.path for a in actions if a.name == name), "`runAfter` leads round in a circle")
        for name in free:
            del waiting[name]


# -- triggers and parameters -----------------------------------------------------


def _trigger(name: str, value: Any, path: str) -> Trigger:
    body = _object(value, path)
    settings = _part(body, "runtimeConfiguration", path)
    concurrency = _part(settings, "concurrency", f"{path}.runtimeConfiguration")
    conditions = _said(body, "conditions") or []
    if not isinstance(conditions, list):
        _fail(f"{path}.conditions", "a list was expected")
    recurrence = _said(body, "recurrence")
    type = _one_of(TriggerType, _said(body, "type"), f"{path}.type", "the trigger type")
    return Trigger(
        name,
        type,
        path,
        _text(_said(body, "kind"), f"{path}.kind"),
        spelled(type, _said(body, "inputs")),
        None if recurrence is None else _object(recurrence, f"{path}.recurrence"),
        tuple(_condition(c, f"{path}.conditions[{i}]") for i, c in enumerate(conditions)),
        _said(body, "splitOn"),
        _options(body, path),
        _whole(_said(concurrency, "runs"), f"{path}.runtimeConfiguration.concurrency.runs"),
        _whole(_said(concurrency, "maximumWaitingRuns"), f"{path}.runtimeConfiguration.concurrency.maximumWaitingRuns"),
        _secure(settings, path),
        _part(body, "trackedProperties", path),
        {k: v for k, v in body.items() if k.lower() not in _READ_OF_TRIGGER},
    )


_READ_OF_TRIGGER = frozenset(
    "type kind inputs recurrence conditions spliton operationoptions runtimeconfiguration trackedproperties".split()
)


def _condition(value: Any, path: str) -> Any:
    body = _object(value, path)
    if not _has(body, "expression"):
        _fail(path, "a condition needs its `expression`")
    return _said(body, "expression")


def _parameter(name: str, value: Any, path: str) -> Parameter:
    body = _object(value, path)
    allowed = _said(body, "allowedValues") or []
    if not isinstance(allowed, list):
        _fail(f"{path}.allowedValues", "a list was expected")
    described = _said(_part(body, "metadata", path), "description")
    return Parameter(
        name,
        _one_of(ParameterType, _said(body, "type"), f"{path}.type", "the parameter type"),
        _said(body, "defaultValue"),
        _has(body, "defaultValue"),
        tuple(allowed),
        described if isinstance(described, str) else "",
    )


# -- parts ---------------------------------------------------------------------------


def _fail(path: str, message: str) -> NoReturn:
    raise InvalidDefinition(path, message)


def _key(name: str) -> str:
    return f"['{name}']"


def _said(body: Mapping[str, Any], name: str) -> Any:
    """What is said of that name, in whatever case it is written; None where nothing is."""
    return body[name] if name in body else next((v for k, v in body.items() if k.lower() == name.lower()), None)


def _has(body: Mapping[str, Any], name: str) -> bool:
    return name in body or any(k.lower() == name.lower() for k in body)


def _object(value: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        _fail(path, "an object was expected")
    return value


def _part(body: Mapping[str, Any], name: str, path: str) -> Mapping[str, Any]:
    value = _said(body, name)
    return {} if value is None else _object(value, f"{path}.{name}")


def _text(value: Any, path: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        _fail(path, "a text was expected")
    return value


def _whole(value: Any, path: str) -> int | None:
    if value is None:
        return None
    number = int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else value
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        _fail(path, "a positive whole number was expected")
    return number


def _count(body: Mapping[str, Any], path: str) -> None:
    """Looks at a count that may be made when the action runs: where it stands there, it must be a number."""
    count = _said(body, "count")
    if isinstance(count, str) and "@" not in count:
        _whole(count, f"{path}.count")


def _one_of(members: type[E], value: Any, path: str, what: str) -> E:
    if not isinstance(value, str):
        _fail(path, f"{what} is missing")
    known: dict[str, E] = {m.value.lower(): m for m in members}
    if value.lower() not in known:
        help = did_you_mean(value, (m.value for m in members))
        _fail(path, f"{what} `{value}` is not supported" + (f"; {help}" if help else ""))
    return known[value.lower()]


def _options(body: Mapping[str, Any], path: str) -> frozenset[str]:
    text = _text(_said(body, "operationOptions"), f"{path}.operationOptions")
    return frozenset(o.strip().lower() for o in text.split(",") if o.strip())


def _secure(settings: Mapping[str, Any], path: str) -> frozenset[str]:
    place = f"{path}.runtimeConfiguration.secureData"
    listed: Iterable[Any] = _said(_part(settings, "secureData", f"{path}.runtimeConfiguration"), "properties") or ()
    if not isinstance(listed, list | tuple):
        _fail(place, "a list was expected")
    names = frozenset(str(p).lower() for p in listed)
    if names - {"inputs", "outputs"}:
        _fail(place, "only `inputs` and `outputs` can be secured")
    return names
