"""A template of Azure Resource Manager to a plan."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import Invalid
from huntlake.playbooks.connectors.declared import ENDPOINT
from huntlake.playbooks.custom_apis import is_address
from huntlake.playbooks.deployment.plan import Other, Place, Plan, PlannedConnection, PlannedCustomApi, PlannedWorkflow
from huntlake.playbooks.deployment.reading_definitions import Findings, last, referred, texts, workflow
from huntlake.playbooks.deployment.templates.parameters import Parameter, declared
from huntlake.playbooks.deployment.templates.place import Where
from huntlake.playbooks.deployment.templates.spelling import spelled
from huntlake.playbooks.deployment.templates.template import (
    CONNECTION,
    CUSTOM_API,
    DEPLOYMENT,
    LEAST_SECRET,
    OURS,
    WORKFLOW,
    Resource,
    evaluate,
    inner_parameters,
)
from huntlake.playbooks.lenient_json import read


def plan_template(
    template: Any, given: Mapping[str, Any], where: Where, file: str = "", texts: Mapping[str, str] | None = None
) -> Plan:
    """What a template would make, with values for its parameters; `texts` are those from the command line.

    Raises `TemplateError` for what is no template, and for values that its parameters don't take.
    """
    template = spelled(template)
    made = evaluate(template, {**given, **_understood(template, texts or {})}, where)
    findings = Findings(file)
    for note in made.notes:
        findings.note(note.path, note.message)
    ours: list[Resource] = []
    others: list[Other] = []
    for one in made.resources:
        if one.type.lower() in OURS and not one.problem:
            ours.append(one)
        elif one.type.lower() in OURS:
            path, _, message = one.problem.partition(": ")
            findings.problem(path, message)
        else:
            others.append(Other(one.type, one.name, Place(file, one.path), one.problem))
            if one.type.lower() == DEPLOYMENT:
                findings.note(one.path, one.problem.partition(": ")[2] or "this deployment makes nothing")
    apis = [_custom_api(r, findings) for r in ours if r.type.lower() == CUSTOM_API]
    connections = [c for r in ours if r.type.lower() == CONNECTION if (c := _connection(r, apis, findings))]
    workflows = [w for r in ours if r.type.lower() == WORKFLOW if (w := _workflow(r, made.secrets, findings))]
    names = {c.name.lower() for c in connections}
    named = {c.name.lower(): c for c in referred(workflows, findings)}
    connections += [_with_api(c, apis) for n, c in named.items() if n not in names]
    return Plan(
        where.name,
        tuple(workflows),
        tuple(connections),
        tuple(apis),
        tuple(others),
        made.missing,
        tuple(findings.problems),
        tuple(findings.notes),
        made.parameters,
        made.outputs,
    )


def _understood(template: Any, given: Mapping[str, str]) -> dict[str, Any]:
    """Texts from the command line as values of the parameters that they are for."""
    known = _parameters(template) if given else {}
    return {n: known[n.lower()].read(t) if n.lower() in known else t for n, t in given.items()}


def parameter_names(template: Any) -> set[str]:
    """The names of a template's parameters, in lower case. Raises `TemplateError`."""
    return set(_parameters(spelled(template)))


def _parameters(template: Any) -> dict[str, Parameter]:
    body = template if isinstance(template, dict) else {}
    definitions = body.get("definitions")
    known = declared(body.get("parameters") or {}, "$.parameters", definitions if isinstance(definitions, dict) else {})
    return {**inner_parameters(template), **known}


def read_parameters(content: bytes, file: str) -> dict[str, Any]:
    """The values of a file of parameters: as deployments take them, or simply by name. Raises `Invalid`."""
    try:
        body = read(content, file)
    except SourceError as error:
        raise Invalid(str(error)) from None
    if not isinstance(body, dict):
        raise Invalid(f"{file} holds no parameters: an object was expected")
    if not isinstance(body.get("parameters"), dict):
        return {k: v for k, v in body.items() if k not in ("$schema", "contentVersion")}
    made = {}
    for name, given in body["parameters"].items():
        if not isinstance(given, dict) or "value" not in given:
            why = (
                "a value out of a key vault in Azure is not supported" if "reference" in (given or {}) else "no `value`"
            )
            raise Invalid(f"{file}: the parameter `{name}`: {why}")
        made[name] = given["value"]
    return made


# -- resources ---------------------------------------------------------------------


def _workflow(resource: Resource, secrets: Iterable[str], findings: Findings) -> PlannedWorkflow | None:
    properties = _part(resource.body, "properties")
    path = f"{resource.path}.properties"
    made = workflow(resource.name, properties, path, findings, resource=resource.body)
    if made is None:
        return None
    shown = json.dumps([made.definition, dict(made.parameters)], ensure_ascii=False)
    if any(len(s) >= LEAST_SECRET and json.dumps(s, ensure_ascii=False)[1:-1] in shown for s in secrets):
        findings.note(path, "a secure parameter stands in the definition as plain text: whoever reads it, has it")
    return made


def _connection(resource: Resource, apis: Iterable[PlannedCustomApi], findings: Findings) -> PlannedConnection | None:
    properties = _part(resource.body, "properties")
    path = f"{resource.path}.properties"
    api = _part(properties, "api")
    connector = (last(api.get("id")) or str(api.get("name") or "")).lower()
    if not connector:
        findings.problem(f"{path}.api", "nothing says which connector this connection is to")
        return None
    plain = {**texts(properties.get("nonSecretParameterValues")), **texts(properties.get("customParameterValues"))}
    secret = texts(properties.get("parameterValues"))
    held = _part(_part(properties, "parameterValueSet"), "values")
    secret |= texts({k: v.get("value") for k, v in held.items() if isinstance(v, Mapping)})
    made = PlannedConnection(
        resource.name,
        connector,
        Place(findings.file, path),
        str(properties.get("displayName") or resource.name),
        plain,
        secret,
        str(resource.body.get("location") or ""),
        texts(resource.body.get("tags")),
    )
    return _with_api(made, apis)


def _with_api(connection: PlannedConnection, apis: Iterable[PlannedCustomApi]) -> PlannedConnection:
    found = next((a for a in apis if a.name.lower() == connection.connector and a.description is not None), None)
    return replace(connection, custom_api=found.document) if found else connection


def _custom_api(resource: Resource, findings: Findings) -> PlannedCustomApi:
    properties = _part(resource.body, "properties")
    described = properties.get("swagger")
    service = str(_part(properties, "backendService").get("serviceUrl") or "")
    path = f"{resource.path}.properties"
    if not isinstance(described, Mapping):
        lies = str(_part(properties, "apiDefinitions").get("originalSwaggerUrl") or "")
        findings.note(
            path, f"the description of this connector lies elsewhere{f' ({lies})' if lies else ''}: give it later"
        )
    elif service and not is_address(service):
        findings.note(
            f"{path}.backendService.serviceUrl",
            f"`{service[:200]}` is not the address of a service: connections say it as their `{ENDPOINT}`",
        )
        # What the document says is what the template didn't want.
        service, described = "", {k: v for k, v in described.items() if k not in ("host", "servers")}
    return PlannedCustomApi(
        resource.name,
        Place(findings.file, path),
        described if isinstance(described, Mapping) else None,
        service,
        str(properties.get("displayName") or resource.name),
    )


def _part(body: Any, name: str) -> Mapping[str, Any]:
    value = body.get(name) if isinstance(body, Mapping) else None
    return value if isinstance(value, Mapping) else {}
