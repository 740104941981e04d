"""A folder of Logic Apps Standard to a plan: a workflow in each folder with a `workflow.json`, and what they share.

`connections.json` says what their connections are, `parameters.json` holds values that all of them see, and
`local.settings.json` the settings of the app, which `appsetting()` gives.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from huntlake.core.diagnostics import SourceError
from huntlake.playbooks.deployment.plan import Other, Place, Plan, PlannedConnection, PlannedWorkflow
from huntlake.playbooks.deployment.reading_definitions import Findings, last, referred, texts, workflow
from huntlake.playbooks.deployment.templates.parameters import Missing
from huntlake.playbooks.deployment.templates.place import Where
from huntlake.playbooks.lenient_json import read
from huntlake.wdl.expressions.nodes import Access, Call, Expression, Interpolation, Literal
from huntlake.wdl.expressions.parser import template
from huntlake.wdl.expressions.values import found

CONNECTIONS, PARAMETERS, SETTINGS, HOST, WORKFLOW = (
    "connections.json",
    "parameters.json",
    "local.settings.json",
    "host.json",
    "workflow.json",
)


def is_app(folder: Path) -> bool:
    """Whether a folder is an app of Logic Apps Standard."""
    return (folder / HOST).is_file() and any(folder.glob(f"*/{WORKFLOW}"))


def plan_app(folder: Path, given: Mapping[str, Any], where: Where) -> Plan:
    """What the workflows of an app would be. `given` are values of parameters, and of settings."""
    app = _App(folder, given, where)
    workflows = [w for file in sorted(folder.glob(f"*/{WORKFLOW}")) if (w := app.workflow(file))]
    connections = list(app.connections(workflows))
    findings = app.all_findings()
    return Plan(
        where.name,
        tuple(workflows),
        tuple(connections),
        (),
        tuple(app.others()),
        tuple(app.missing.values()),
        tuple(p for f in findings for p in f.problems),
        tuple(dict.fromkeys(n for f in findings for n in f.notes)),
        {n: v for n, v in app.values.items() if n not in app.secret},
    )


@dataclass(frozen=True)
class _Value:
    """A parameter of the app."""

    type: str
    value: Any


class _App:
    def __init__(self, folder: Path, given: Mapping[str, Any], where: Where) -> None:
        self.folder = folder
        self.known = {
            "workflows_location_name": where.location,
            "workflows_resource_group_name": where.group,
            "workflows_subscription_id": where.subscription,
            "workflows_tenant_id": where.tenant,
            "website_site_name": folder.resolve().name,
        }
        """Settings that Azure itself makes."""
        self.findings: dict[str, Findings] = {}
        self.missing: dict[str, Missing] = {}
        self.given = {n.lower(): v for n, v in given.items()}
        settings = self._read(folder / SETTINGS).get("Values")
        self.settings = {str(k).lower(): v for k, v in settings.items()} if isinstance(settings, Mapping) else {}
        self.used_settings: set[str] = set()
        self.parameters = dict(self._parameters())
        self.declared = self._read(folder / CONNECTIONS)
        self.secret = {n for n, p in self.parameters.items() if p.type.lower().startswith("secure")}
        self.values = {n: p.value for n, p in self.parameters.items()}

    def _read(self, file: Path) -> Mapping[str, Any]:
        if not file.is_file():
            return {}
        try:
            body = read(file.read_bytes(), str(file))
        except SourceError as error:
            self._of(file).problem("$", str(error))
            return {}
        if not isinstance(body, Mapping):
            self._of(file).problem("$", "an object was expected")
            return {}
        return body

    def _of(self, file: Path) -> Findings:
        return self.findings.setdefault(str(file), Findings(str(file)))

    def all_findings(self) -> list[Findings]:
        """What was found in each file."""
        return list(self.findings.values())

    # -- values

    def _parameters(self) -> Iterator[tuple[str, _Value]]:
        file = self.folder / PARAMETERS
        for name, body in self._read(file).items():
            if not isinstance(body, Mapping):
                continue
            value = self.given[name.lower()] if name.lower() in self.given else self.resolved(body.get("value"), file)
            type = str(body.get("type") or _type_of(value))
            # What an app keeps among its settings, rather than beside its parameters, is what nobody shall read.
            secret = name.lower() not in self.given and _has_setting(body.get("value"))
            yield name, _Value(_secured(type) if secret else type, value)

    def resolved(self, node: Any, file: Path, parameters: bool = False) -> Any:
        """A value in which settings, and `parameters` if asked for, stand in place of the functions that give them."""

        def put(call: Call) -> str | None:
            name = _argument(call)
            if name is None:
                return None
            if call.name.lower() == "appsetting":
                return str(self.setting(name, file))
            held = found(self.values, name) if parameters and call.name.lower() == "parameters" else None
            return None if held is None else str(self.values[held])

        match node:
            case str() if "@" in node:
                return _replaced(node, put)
            case list():
                return [self.resolved(n, file, parameters) for n in node]
            case dict():
                return {k: self.resolved(v, file, parameters) for k, v in node.items()}
        return node

    def setting(self, name: str, file: Path) -> Any:
        """A setting of the app; something stands in for one that is missing."""
        self.used_settings.add(name)
        for held in (self.given, self.settings, self.known):
            if name.lower() in held:
                return held[name.lower()]
        self.missing[name.lower()] = Missing(name, "securestring", "a setting of the app", (), str(file))
        return f"<{name}>"

    # -- workflows

    def workflow(self, file: Path) -> PlannedWorkflow | None:
        """The workflow of a folder."""
        findings = self._of(file)
        body = self._read(file)
        if not body:
            return None
        if str(body.get("kind", "")).lower() == "stateless":
            findings.note("$.kind", "a stateless workflow keeps its history here like any other")
        definition = json.loads(json.dumps(body.get("definition")))
        if not isinstance(definition, dict):
            findings.problem("$.definition", "an object was expected")
            return None
        declared = definition.setdefault("parameters", {})
        used: set[str] = set()
        definition = {k: v if k == "parameters" else self._rewritten(v, file, used) for k, v in definition.items()}
        values: dict[str, Any] = {}
        for name in used:
            known, value = self._shared(name)
            own = found(declared, name) if isinstance(declared, dict) else None
            if own is None:
                declared[name] = {"type": known}
            values[own or name] = {"value": value}
        keys = self._connection_values()
        if keys:
            declared["$connections"] = {"type": "Object", "defaultValue": {}}
            values["$connections"] = {"value": keys}
        return workflow(file.parent.name, {"definition": definition, "parameters": values}, "$", findings)

    def _shared(self, name: str) -> tuple[str, Any]:
        """The type and the value of a parameter of the app, or of one that a setting became."""
        held = next((n for n in self.parameters if n.lower() == name.lower()), None)
        if held is not None:
            return self.parameters[held].type, self.parameters[held].value
        return "SecureString", str(self.setting(name.removeprefix(_SETTING), self.folder / SETTINGS))

    def _rewritten(self, node: Any, file: Path, used: set[str]) -> Any:
        """A part of a definition with connections by `$connections`, and settings as parameters."""
        if isinstance(node, dict):
            named = node.get("referenceName")
            if isinstance(named, str) and set(node) == {"referenceName"}:
                key = named.replace("'", "''")
                return {"name": f"@parameters('$connections')['{key}']['connectionId']"}
            return {k: self._rewritten(v, file, used) for k, v in node.items()}
        if isinstance(node, list):
            return [self._rewritten(n, file, used) for n in node]
        if not isinstance(node, str) or "@" not in node:
            return node

        def put(call: Call) -> str | None:
            name = _argument(call)
            if name is None:
                return None
            if call.name.lower() == "appsetting":
                self.setting(name, file)
                used.add(_SETTING + name)
                return _quoted_call(_SETTING + name)
            if call.name.lower() == "parameters" and found(self.values, name) is not None:
                used.add(name)
            return None

        return _rewritten(node, put)

    # -- connections

    def _connection_values(self) -> dict[str, Any]:
        made = {}
        for key, body in self._part("managedApiConnections"):
            # How Azure reaches it, and as whom, means nothing here.
            api, connection = (
                self.resolved(body.get(n), self.folder / CONNECTIONS, parameters=True) for n in ("api", "connection")
            )
            id = connection.get("id") if isinstance(connection, Mapping) else None
            name = last(id) or key
            made[key] = {
                "connectionId": id
                if isinstance(id, str) and last(id)
                else f"/providers/Microsoft.Web/connections/{key}",
                "connectionName": name,
                "id": api.get("id") if isinstance(api, Mapping) else "",
            }
        return made

    def connections(self, workflows: list[PlannedWorkflow]) -> Iterator[PlannedConnection]:
        """The connections of the app."""
        file = self.folder / CONNECTIONS
        names = {c.name.lower(): c for c in referred(workflows, self._of(file))}
        shown = dict(self._part("managedApiConnections"))
        for key, entry in self._connection_values().items():
            one = names.get(last(entry["connectionId"]).lower())
            if one is None:
                continue
            title, parameters = (
                self.resolved(shown[key].get(n), file, parameters=True) for n in ("displayName", "parameterValues")
            )
            yield replace(
                one,
                place=Place(str(file), f"$.managedApiConnections.{key}"),
                display_name=str(title or key),
                secrets=texts(parameters),
                declared=True,
            )

    def others(self) -> Iterator[Other]:
        """What `connections.json` holds that means nothing here."""
        file = str(self.folder / CONNECTIONS)
        for part, why in _NOT_HERE.items():
            for key, _ in self._part(part):
                yield Other(part, key, Place(file, f"$.{part}.{key}"), why)

    def _part(self, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        held = self.declared.get(name)
        for key, body in held.items() if isinstance(held, Mapping) else ():
            if isinstance(body, Mapping):
                yield key, body


_SETTING = "appsetting "
"""What stands before the name of a parameter that a setting became."""
_NOT_HERE = {
    "serviceProviderConnections": "connections that run within Logic Apps Standard are not supported",
    "functionConnections": "connections to functions are not supported: their actions need an address",
    "apiManagementConnections": "connections to API Management are not supported: their actions need an address",
    "agentConnections": "connections to agents are not supported",
}


def _has_setting(node: Any) -> bool:
    match node:
        case str() if "@" in node:
            return any(c.name.lower() == "appsetting" for e in _expressions(node) for c in _calls(e))
        case list():
            return any(map(_has_setting, node))
        case dict():
            return any(map(_has_setting, node.values()))
    return False


def _secured(type: str) -> str:
    return {"string": "SecureString", "object": "SecureObject"}.get(type.lower(), type)


def _type_of(value: Any) -> str:
    match value:
        case bool():
            return "Bool"
        case int():
            return "Int"
        case float():
            return "Float"
        case list():
            return "Array"
        case dict():
            return "Object"
    return "String"


def _argument(call: Call) -> str | None:
    first = call.arguments[0] if len(call.arguments) == 1 else None
    return first.value if isinstance(first, Literal) and isinstance(first.value, str) else None


def _calls(node: Expression) -> Iterator[Call]:
    match node:
        case Call(_, arguments):
            yield node
            for argument in arguments:
                yield from _calls(argument)
        case Access(parent, key):
            yield from _calls(parent)
            yield from _calls(key)


def _expressions(text: str) -> list[Expression]:
    try:
        read = template(text)
    except SourceError:
        return []
    if isinstance(read, str):
        return []
    parts = read.parts if isinstance(read, Interpolation) else (read,)
    return [p for p in parts if not isinstance(p, str)]


def _quoted_call(name: str) -> str:
    return "parameters('" + name.replace("'", "''") + "')"


def _rewritten(text: str, put: Callable[[Call], str | None]) -> str:
    """A template in which calls stand that `put` has in place of others."""
    calls = [c for e in _expressions(text) for c in _calls(e)]
    for call in sorted(calls, key=lambda c: c.span.start, reverse=True):
        if (instead := put(call)) is not None:
            text = text[: call.span.start] + instead + text[call.span.end :]
    return text


def _replaced(text: str, put: Callable[[Call], str | None]) -> str:
    """A template in which the values of calls stand: `@appsetting('x')`, and `…@{appsetting('x')}…`."""
    for expression in sorted(_expressions(text), key=lambda e: e.span.start, reverse=True):
        if isinstance(expression, Call) and (value := put(expression)) is not None:
            start, end = expression.span.start, expression.span.end
            if text[:start].endswith("@{") and text[end:].startswith("}"):
                text = text[: start - 2] + value + text[end + 1 :]
            elif text[:start] == "@" and end == len(text):
                text = value
    return text
