"""Workflows and connections out of what files say of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from huntlake.playbooks.deployment.plan import Place, PlannedConnection, PlannedWorkflow, Told
from huntlake.playbooks.workflows import WorkflowState
from huntlake.wdl.definition.reading import InvalidDefinition, read
from huntlake.wdl.definition.workflow import ParameterType
from huntlake.wdl.expressions.values import found

_CONNECTED = re.compile(r"parameters\('\$connections'\)\??\[\s*'((?:[^']|'')+)'\s*\]")
_NUMBERED = re.compile(r"[-_]\d+$")
_NAME = re.compile(r"[^/\\?#%\x00-\x1f]{1,260}")
_SECURE = frozenset(t.value.lower() for t in ParameterType if t.secure)


class Findings:
    """What a person should know, as it is found in one file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Told] = []
        self.notes: list[Told] = []

    def problem(self, path: str, message: str) -> None:
        """Something that stands in the way of an import."""
        self.problems.append(Told(Place(self.file, path), message))

    def note(self, path: str, message: str) -> None:
        """Something that doesn't."""
        self.notes.append(Told(Place(self.file, path), message))


def workflow(
    name: str,
    body: Mapping[str, Any],
    path: str,
    findings: Findings,
    *,
    resource: Mapping[str, Any] | None = None,
) -> PlannedWorkflow | None:
    """The workflow that `definition`, `parameters` and `state` of `body` mean; None where there is a problem.

    `resource` says what stands beside them: its location, tags and identity.
    """
    beside = resource or {}
    if not _NAME.fullmatch(name):
        findings.problem(path, f"`{name}` can't be the name of a workflow")
        return None
    definition = body.get("definition")
    for part, what in (("definitionLink", "definition is"), ("parametersLink", "parameters are")):
        if (link := found(dict(body), part)) is not None:
            findings.problem(f"{path}.{link}", f"a workflow whose {what} behind an address is not supported")
            return None
    if definition is None:
        findings.problem(f"{path}.definition", "a workflow needs its `definition`")
        return None
    try:
        known = read(definition)
    except InvalidDefinition as error:
        findings.problem(f"{path}.definition{error.path.removeprefix('$')}", str(error).partition(": ")[2])
        return None
    state = str(body.get("state") or "Enabled")
    states = {s.value.lower(): s for s in WorkflowState}
    if state.lower() not in states:
        findings.note(f"{path}.state", f"the state `{state}` means nothing here: it is taken for Disabled")
    plain: dict[str, Any] = {}
    secure: dict[str, Any] = {}
    for key, value in _values(body.get("parameters"), f"{path}.parameters", findings):
        own = found(dict(known.parameters), key)
        if own is None:
            findings.note(f"{path}.parameters.{key}", "the definition has no such parameter: its value is left out")
        elif known.parameters[own].type.value.lower() in _SECURE:
            secure[own] = value
        else:
            plain[own] = value
    for part in ("accessControl", "integrationAccount", "integrationServiceEnvironment", "endpointsConfiguration"):
        if body.get(part):
            findings.note(f"{path}.{part}", "is not supported: it is left out")
    identity = beside.get("identity")
    identity = dict(identity) if isinstance(identity, Mapping) else {}
    kind = str(identity.get(found(identity, "type"), ""))
    return PlannedWorkflow(
        name,
        definition,
        Place(findings.file, path),
        _with_connections(plain, definition, path, findings),
        secure,
        states.get(state.lower(), WorkflowState.DISABLED),
        str(beside.get("location") or ""),
        texts(beside.get("tags")),
        kind.lower() not in ("", "none"),
    )


def _values(given: Any, path: str, findings: Findings) -> Iterator[tuple[str, Any]]:
    for key, body in given.items() if isinstance(given, Mapping) else ():
        held = dict(body) if isinstance(body, Mapping) else {}
        if found(held, "reference") is not None:
            why = "a value out of a key vault in Azure is not supported: a parameter of the template is asked for"
            findings.problem(f"{path}.{key}", why)
        elif (name := found(held, "value")) is not None:
            yield key, held[name]
        else:
            # A folder's own files give values without this wrapping.
            yield key, body


def _with_connections(values: dict[str, Any], definition: Any, path: str, findings: Findings) -> dict[str, Any]:
    """The values with an entry in `$connections` for each key that the definition names."""
    held = values.get("$connections")
    held = dict(held) if isinstance(held, Mapping) else {}
    for key, entry in held.items():
        if isinstance(entry, Mapping) and (id := _completed(entry)):
            findings.note(path, f"the id of `{key}` in `$connections` names no connection: its `connectionName` does")
            held[key] = {**entry, "connectionId": id}
    for key in connection_keys(definition):
        if found(held, key) is None:
            connector = _NUMBERED.sub("", key).lower()
            findings.note(path, f"nothing says what `{key}` of `$connections` is: it is taken for `{connector}`")
            held[key] = {
                "connectionId": f"/providers/Microsoft.Web/connections/{key}",
                "connectionName": key,
                "id": f"/providers/Microsoft.Web/locations/local/managedApis/{connector}",
            }
    return {**values, "$connections": held} if held else values


def _completed(entry: Mapping[str, Any]) -> str:
    """The id of a connection where that has lost its name, which published templates have happen to them."""
    id, name = entry.get("connectionId"), entry.get("connectionName")
    if not isinstance(id, str) or not isinstance(name, str) or not name:
        return ""
    return f"{id.rstrip('/')}/{name}" if id.lower().rstrip("/").endswith("/connections") else ""


def connection_keys(definition: Any) -> list[str]:
    """The keys of `$connections` that a definition names, each once."""
    text = json.dumps(definition, ensure_ascii=False)
    return list(dict.fromkeys(k.replace("''", "'") for k in _CONNECTED.findall(text)))


def referred(workflows: Iterable[PlannedWorkflow], findings: Findings) -> Iterator[PlannedConnection]:
    """The connections that workflows refer to."""
    for one in workflows:
        for key, entry in one.connections.items():
            name = connection_name(entry)
            connector = last(entry.get("id")).lower()
            place = f"{one.place.path}.parameters.$connections.value.{key}"
            if not name or not _NAME.fullmatch(name):
                findings.note(place, "this names no connection")
            else:
                yield PlannedConnection(name, connector, Place(findings.file, place), name, declared=False)


def connection_name(entry: Mapping[str, Any]) -> str:
    """The name of the connection that an entry of `$connections` means; empty where it means none."""
    return last(entry.get("connectionId")) or str(entry.get("connectionName") or "")


def last(id: Any) -> str:
    """The last part of an id; empty where it is none."""
    return id.rstrip("/").rpartition("/")[2] if isinstance(id, str) else ""


def texts(given: Any) -> dict[str, str]:
    """Values as texts, such as tags, or the parameters of a connection; null is none."""
    return {
        str(k): v if isinstance(v, str) else json.dumps(v)
        for k, v in (given.items() if isinstance(given, Mapping) else ())
        if v is not None
    }
