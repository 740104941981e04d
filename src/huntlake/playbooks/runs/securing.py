"""What is secret although a definition doesn't say so: what secret stores answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from huntlake.wdl.definition.workflow import Action, ActionType, Definition

_STORE = "keyvault"
_KEY = re.compile(r"parameters\(\s*'\$connections'\s*\)\??\[\s*'((?:[^']|'')*)'\s*\]", re.IGNORECASE)
_NO_SECRET = re.compile(r"/secrets(/[^/@{}]+|/@\{[^{}]*\})?/?", re.IGNORECASE)
"""Paths that list secrets, or tell of one without its value."""
_VAULT = re.compile(r"\.vault\.(azure|usgovcloudapi)\.", re.IGNORECASE)


def secured(definition: Definition, connections: Any) -> Definition:
    """The definition, in which the outputs of actions that ask a secret store for secrets are secure."""
    return replace(definition, actions=tuple(_secured(a, connections) for a in definition.actions))


def _secured(action: Action, connections: Any) -> Action:
    made = replace(
        action,
        actions=tuple(_secured(a, connections) for a in action.actions),
        otherwise=tuple(_secured(a, connections) for a in action.otherwise),
        cases=tuple(
            replace(case, actions=tuple(_secured(a, connections) for a in case.actions)) for case in action.cases
        ),
    )
    return replace(made, secure=made.secure | {"outputs"}) if _tells(action, connections) else made


def _tells(action: Action, connections: Any) -> bool:
    inputs = action.inputs if isinstance(action.inputs, Mapping) else {}
    if action.type is ActionType.HTTP:
        return bool(_VAULT.search(str(inputs.get("uri") or "")))
    if action.type is not ActionType.API_CONNECTION or _connector(inputs, connections) != _STORE:
        return False
    # A path that is made when the action runs may ask for anything.
    return _NO_SECRET.fullmatch(str(inputs.get("path") or "").partition("?")[0]) is None


def _connector(inputs: Mapping[str, Any], connections: Any) -> str:
    """The name of the connector that an action means, in lower case."""
    host = inputs.get("host")
    connection = host.get("connection") if isinstance(host, Mapping) else None
    named = str(connection.get("name") or "") if isinstance(connection, Mapping) else ""
    found = _KEY.search(named)
    key = found[1].replace("''", "'").lower() if found else ""
    entries = connections if isinstance(connections, Mapping) else {}
    inner = entries.get("value")
    entries = inner if set(entries) == {"value"} and isinstance(inner, Mapping) else entries
    for name, entry in entries.items():
        if isinstance(entry, Mapping) and (
            name.lower() == key or (not key and str(entry.get("connectionId", "")).lower() == named.lower())
        ):
            id = next((str(v) for k, v in entry.items() if k.lower() == "id"), "")
            return id.rstrip("/").rpartition("/")[2].lower()
    return re.sub(r"[-_]\d+$", "", key)
