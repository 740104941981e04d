"""Which inputs and outputs the history must not show: those that are marked, and whatever is made of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from huntlake.wdl.actions import LOCAL
from huntlake.wdl.definition.workflow import Action, ActionType, Definition

_NAMED = re.compile(
    r"\b(body|outputs|actions|actionBody|actionOutputs|variables|parameters|items|result)\(\s*'((?:[^']|'')*)'", re.I
)
_TRIGGER = re.compile(r"\btrigger\w*\(", re.I)
_WRITES = {
    ActionType.APPEND_TO_ARRAY,
    ActionType.APPEND_TO_STRING,
    ActionType.INITIALIZE,
    ActionType.SET_VARIABLE,
}


def hidden(definition: Definition) -> dict[str, frozenset[str]]:
    """By the name of each action, which of its inputs and outputs are secret; actions without secrets are left out."""
    made = {a.name: a.secure for a in definition.all()}
    secret = {("parameters", n.lower()) for n, p in definition.parameters.items() if p.type.secure}
    if any("outputs" in t.secure for t in definition.triggers):
        secret.add(("trigger", ""))
    for action in definition.all():
        if "outputs" in action.secure:
            secret.add(("action", action.name.lower()))
    actions = list(definition.all())
    while True:
        before = len(secret)
        for action in actions:
            if not _mentioned(action) & secret:
                continue
            made[action.name] |= {"inputs"}
            if action.type in LOCAL:
                made[action.name] |= {"outputs"}
                secret.add(("action", action.name.lower()))
            if action.type is ActionType.FOREACH:
                secret.add(("items", action.name.lower()))
            if action.type in _WRITES:
                secret |= {("variables", n.lower()) for n in _written(action)}
        if len(secret) == before:
            return {name: parts for name, parts in made.items() if parts}


def _mentioned(action: Action) -> set[tuple[str, str]]:
    named = set()
    for text in _texts([action.inputs, action.foreach, action.expression]):
        if _TRIGGER.search(text):
            named.add(("trigger", ""))
        for function, name in _NAMED.findall(text):
            kind = function.lower() if function.lower() in ("variables", "parameters", "items") else "action"
            named.add((kind, name.replace("''", "'").lower()))
    return named


def _written(action: Action) -> Iterator[str]:
    inputs = action.inputs if isinstance(action.inputs, dict) else {}
    listed = inputs.get("variables") if isinstance(inputs.get("variables"), list) else [inputs]
    for one in listed or []:
        if isinstance(one, dict) and isinstance(one.get("name"), str):
            yield one["name"]


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
