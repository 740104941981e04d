"""Which inputs and outputs the history must not show: those that are marked, and whatever is made of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from huntlake.wdl.actions import LOCAL
from huntlake.wdl.definition.workflow import Action, ActionType, Definition, Trigger
from huntlake.wdl.expressions.values import found

_FUNCTIONS = "body|outputs|actions|actionBody|actionOutputs|variables|parameters|items|result"
_FUNCTIONS += "|formDataValue|formDataMultiValues|multipartBody"
_NAMED = re.compile(rf"\b({_FUNCTIONS})\s*\(\s*'((?:[^']|'')*)'", re.I)
_COMPUTED = re.compile(rf"\b({_FUNCTIONS})\s*\(\s*[^'\s)]", re.I)
_TRIGGER = re.compile(r"\btrigger\w*\s*\(", re.I)
_WHOLE_TRIGGER = re.compile(r"\btrigger\s*\(", re.I)
_ITEM = re.compile(r"\bitem\s*\(\s*\)", re.I)
_OWN = re.compile(r"\baction\s*\(\s*\)", re.I)
_COUNTS = {ActionType.INCREMENT, ActionType.DECREMENT}
"""Actions that give what a variable holds, though their inputs ask for none."""
_WRITES = {
    ActionType.APPEND_TO_ARRAY,
    ActionType.APPEND_TO_STRING,
    ActionType.INITIALIZE,
    ActionType.SET_VARIABLE,
    *_COUNTS,
}
_GIVES = {*LOCAL, ActionType.RESPONSE}
"""Actions whose outputs are made of their inputs."""
TRACKED = "trackedProperties"
_ANY = "\0"
"""Stands for every name: whatever name is asked for, this may be it."""

Secret = tuple[str, str]
"""Something that holds what is secret: its kind, and its name in lower case."""


@dataclass(frozen=True)
class Hidden:
    """What the history of a workflow's runs must not show."""

    actions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By the name of each action, what of it is secret: `inputs`, `outputs`, `trackedProperties`; actions without
    secrets are left out."""
    triggers: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The same of each trigger: `inputs`, `outputs`."""
    outputs: bool = False
    """Whether what the workflow gives is, and why it couldn't give it: nobody knows of which secret it is made."""


def hidden(definition: Definition) -> Hidden:
    """What is secret of a workflow."""
    around = {a.name: above for a, above in _around(definition.actions, ())}
    actions = list(definition.all())
    made = dict[str, frozenset[str]]()
    secret: set[Secret] = {("parameters", n.lower()) for n, p in definition.parameters.items() if p.type.secure}
    secret |= {("trigger", part) for t in definition.triggers for part in t.secure}

    def hide(action: Action, *parts: str) -> None:
        made[action.name] = made.get(action.name, frozenset()) | set(parts)
        for part in parts:
            secret.add((part, action.name.lower()))
            # What became of the actions within a scope is told by `result()` of it.
            secret.update((part, outer.name.lower()) for outer in around[action.name])

    for action in actions:
        hide(action, *action.secure)
    if not secret:
        return Hidden()
    results = dict(definition.static_results)
    mentioned = []
    for action in actions:
        loop = next((o for o in around[action.name] if o.type is ActionType.FOREACH), None)
        given = [action.inputs, action.foreach, action.expression, [c.value for c in action.cases]]
        given += [action.limit.timeout, action.limit.count, results.get(found(results, action.static_result) or "")]
        asked = _mentioned(given, loop)
        if action.type in _COUNTS:
            asked |= {("any", "") if n == _ANY else ("variables", n.lower()) for n in _written(action)}
        mentioned.append((action, asked, _mentioned(dict(action.tracked), loop)))
    while True:
        before = len(secret), sum(map(len, made.values()))
        for action, inputs, tracked in mentioned:
            if _tells(inputs, secret):
                hide(action, "inputs", *(["outputs"] if action.type in _GIVES or action.static_result else []))
                if action.type is ActionType.FOREACH:
                    secret.add(("items", action.name.lower()))
                if action.type in _WRITES:
                    secret |= {("variables", n.lower()) for n in _written(action)}
            if _tells(tracked, secret) or (made.get(action.name) and ("own", "") in tracked):
                hide(action, TRACKED)
        if (len(secret), sum(map(len, made.values()))) == before:
            triggers = {t.name: t.secure | _asked(t, secret) for t in definition.triggers}
            return Hidden({n: p for n, p in made.items() if p}, {n: p for n, p in triggers.items() if p}, True)


def _asked(trigger: Trigger, secret: set[Secret]) -> frozenset[str]:
    given = [trigger.inputs, dict(trigger.recurrence or {}), list(trigger.conditions), trigger.split_on]
    return frozenset(["inputs"] if _tells(_mentioned(given, None), secret) else [])


def _around(actions: Iterable[Action], above: tuple[Action, ...]) -> Iterator[tuple[Action, tuple[Action, ...]]]:
    """Every action with those that it stands in, the innermost first."""
    for action in actions:
        yield action, above
        yield from _around(action.within, (action, *above))


def _tells(mentioned: set[Secret], secret: set[Secret]) -> bool:
    # A name that is only computed may be any.
    return bool(mentioned & secret) or (("any", "") in mentioned and bool(secret))


def _mentioned(node: Any, loop: Action | None) -> set[Secret]:
    named = set[Secret]()
    for text in _texts(node):
        if _TRIGGER.search(text):
            named.add(("trigger", "outputs"))
        if _WHOLE_TRIGGER.search(text):
            named.add(("trigger", "inputs"))
        if _COMPUTED.search(text):
            named.add(("any", ""))
        if _OWN.search(text):
            named.add(("own", ""))
        if loop is not None and _ITEM.search(text):
            named.add(("items", loop.name.lower()))
        for function, quoted in _NAMED.findall(text):
            kind, name = function.lower(), quoted.replace("''", "'").lower()
            if kind in ("variables", "parameters", "items"):
                named |= {(kind, name), (kind, _ANY)}
                continue
            named.add(("outputs", name))
            if kind in ("actions", "result"):
                named |= {("inputs", name), (TRACKED, name)}
    return named


def _written(action: Action) -> Iterator[str]:
    """The names of the variables that an action changes; `_ANY` for one that is only computed."""
    inputs = action.inputs if isinstance(action.inputs, dict) else {}
    listed = inputs.get("variables") if action.type is ActionType.INITIALIZE else [inputs]
    for one in listed if isinstance(listed, list) else [None]:
        name = one.get(found(one, "name")) if isinstance(one, dict) else None
        yield name if isinstance(name, str) and "@" not in name else _ANY


def _texts(node: Any) -> Iterator[str]:
    match node:
        case str():
            yield node
        case list():
            for inner in node:
                yield from _texts(inner)
        case dict():
            for key, inner in node.items():
                yield key
                yield from _texts(inner)
