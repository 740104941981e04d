"""A data collection rule as Azure writes it, in JSON, and what it says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from huntlake.core.diagnostics import did_you_mean
from huntlake.core.errors import Invalid
from huntlake.kql.types import Column, ScalarType

T = TypeVar("T")

CUSTOM, BUILT_IN = "Custom-", "Microsoft-"
"""What begins the name of a stream into a table of one's own, and into one that every workspace has."""

TYPES = {
    "bool": ScalarType.BOOL,
    "boolean": ScalarType.BOOL,
    "datetime": ScalarType.DATETIME,
    "dynamic": ScalarType.DYNAMIC,
    "guid": ScalarType.GUID,
    "int": ScalarType.INT,
    "long": ScalarType.LONG,
    "real": ScalarType.REAL,
    "string": ScalarType.STRING,
}
"""The types that columns are declared with, by their names in lower case."""

_SPELLED = {ScalarType.BOOL: "boolean"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,127}")
_WORKSPACE = re.compile(r"(?:/.*)?/workspaces/([^/]+)/?|([^/]+)", re.IGNORECASE)
_REFUSED_PROPERTIES = {
    "agentSettings": "no agent is there to obey them",
    "dataSources": "no agent collects them; rows come through the Logs Ingestion API",
    "directDataSources": "rows come through the Logs Ingestion API",
    "references": "",
}
_AROUND = {
    "dataCollectionEndpointId",
    "etag",
    "id",
    "identity",
    "kind",
    "location",
    "name",
    "properties",
    "systemData",
    "tags",
    "type",
}
_OUT = {"immutableId", "provisioningState", "endpoints", "metadata", "ingestionQuotas"}
"""What a service adds, and clients send back as they got it."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where rows go: a workspace, under the name that the rule's flows use."""

    name: str
    workspace: str
    resource_id: str
    """What the rule says of the workspace; empty where that is its name alone."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Which streams go where, and what becomes of them on the way."""

    streams: tuple[str, ...]
    destinations: tuple[str, ...]
    transform: str = ""
    """KQL over the table `source`; empty leaves the records as they are."""
    output: str = ""
    """The stream of the table that takes the rows; empty is the one that came in."""


@dataclass(frozen=True)
class RuleDefinition:
    """What a person says of a data collection rule."""

    streams: Mapping[str, tuple[Column, ...]]
    """The streams that the rule declares, and their columns."""
    destinations: tuple[Destination, ...]
    flows: tuple[Flow, ...]
    description: str = ""
    kind: str = ""
    location: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    endpoint_id: str = ""
    """The resource id of the data collection endpoint, where one is named."""


def definition_of(resource: Mapping[str, Any]) -> RuleDefinition:
    """What the JSON of a rule says: `{"location", "kind", "tags", "properties": {…}}`, as in Azure.

    :raises Invalid: something in it makes no sense, or isn't supported; the message says where
    """
    _no_other(resource, _AROUND, "")
    if resource.get("identity") not in (None, {}, {"type": "None"}):
        raise Invalid("`identity` is not supported")
    kind = _text(resource, "kind", "")
    if kind not in ("", "Direct"):
        raise Invalid(f"`kind`: rules of the kind `{kind[:50]}` are not supported; `Direct` is")
    properties = _object(resource.get("properties", {}), "properties")
    for name, why in _REFUSED_PROPERTIES.items():
        if properties.get(name):
            raise Invalid(f"`properties.{name}` is not supported" + (f": {why}" if why else ""))
    known = {"description", "dataCollectionEndpointId", "streamDeclarations", "destinations", "dataFlows"}
    _no_other(properties, known | _OUT | _REFUSED_PROPERTIES.keys(), "properties")
    streams = {
        name: _columns(_object(said, at := f"properties.streamDeclarations.{name}"), at)
        for name, said in _object(properties.get("streamDeclarations", {}), "properties.streamDeclarations").items()
    }
    destinations = _destinations(properties.get("destinations"))
    flows = _listed(properties.get("dataFlows"), "properties.dataFlows", _flow)
    definition = RuleDefinition(
        streams,
        destinations,
        flows,
        description=_text(properties, "description", "properties"),
        kind=kind,
        location=_text(resource, "location", ""),
        tags={name: str(value) for name, value in _object(resource.get("tags") or {}, "tags").items()},
        endpoint_id=_text(properties, "dataCollectionEndpointId", "properties")
        or _text(resource, "dataCollectionEndpointId", ""),
    )
    _check(definition)
    return definition


def resource_of(definition: RuleDefinition) -> dict[str, Any]:
    """The JSON of a rule, which `definition_of` reads."""
    properties: dict[str, Any] = {
        "streamDeclarations": {
            name: {"columns": [{"name": c.name, "type": _SPELLED.get(c.type, str(c.type))} for c in columns]}
            for name, columns in definition.streams.items()
        },
        "destinations": {
            "logAnalytics": [
                {"workspaceResourceId": d.resource_id or d.workspace, "name": d.name} for d in definition.destinations
            ]
        },
        "dataFlows": [
            {
                "streams": list(f.streams),
                "destinations": list(f.destinations),
                **({"transformKql": f.transform} if f.transform else {}),
                **({"outputStream": f.output} if f.output else {}),
            }
            for f in definition.flows
        ],
    }
    if definition.description:
        properties["description"] = definition.description
    if definition.endpoint_id:
        properties["dataCollectionEndpointId"] = definition.endpoint_id
    resource: dict[str, Any] = {"properties": properties}
    for name, value in (("location", definition.location), ("kind", definition.kind), ("tags", definition.tags)):
        if value:
            resource[name] = dict(value) if isinstance(value, Mapping) else value
    return resource


def check_name(name: str) -> str:
    """`name`, if Azure would take it for a rule or an endpoint."""
    if not _NAME.fullmatch(name):
        raise Invalid(f"`{name[:130]}` can't name it: use 2 to 128 letters, digits, `.`, `_` and `-`, no sign first")
    return name


def table_of(stream: str) -> str:
    """The table that a stream goes into."""
    return stream.removeprefix(CUSTOM).removeprefix(BUILT_IN)


def _check(definition: RuleDefinition) -> None:
    for name in definition.streams:
        if not name.startswith(CUSTOM) or name == CUSTOM:
            raise Invalid(f"`properties.streamDeclarations`: `{name}` doesn't begin with `{CUSTOM}`")
    if not definition.flows:
        raise Invalid("`properties.dataFlows` is empty: no record would go anywhere")
    for i, flow in enumerate(definition.flows):
        _check_flow(flow, definition, f"properties.dataFlows[{i}]")


def _check_flow(flow: Flow, definition: RuleDefinition, at: str) -> None:
    named = [d.name for d in definition.destinations]
    if flow.transform and len(flow.streams) > 1:
        raise Invalid(f"`{at}`: a flow with `transformKql` has one stream, this has {len(flow.streams)}")
    for stream in flow.streams:
        if stream.startswith(CUSTOM) and stream not in definition.streams:
            raise Invalid(f"`{at}.streams`: no stream `{stream}` is declared{_hint(stream, definition.streams)}")
        if not stream.startswith((CUSTOM, BUILT_IN)):
            raise Invalid(f"`{at}.streams`: `{stream}` doesn't begin with `{CUSTOM}` or `{BUILT_IN}`, as streams do")
    for destination in flow.destinations:
        if destination not in named:
            raise Invalid(f"`{at}.destinations`: none is named `{destination}`{_hint(destination, named)}")
    if flow.output and not flow.output.startswith((CUSTOM, BUILT_IN)):
        raise Invalid(f"`{at}.outputStream`: it is `{CUSTOM}NAME_CL`, or `{BUILT_IN}NAME` for a table that Azure has")


def _hint(name: str, known: Iterable[str]) -> str:
    found = did_you_mean(name, known)
    return f": {found}" if found else ""


def _destinations(given: object) -> tuple[Destination, ...]:
    at = "properties.destinations"
    said = _object(given, at)
    for name, value in said.items():
        if name != "logAnalytics" and value:
            raise Invalid(f"`{at}.{name}` is not supported: rows go into workspaces, `logAnalytics`")
    found = _listed(said.get("logAnalytics"), f"{at}.logAnalytics", _destination)
    if len({d.name for d in found}) < len(found):
        raise Invalid(f"`{at}.logAnalytics`: two destinations have one name")
    return found


def _destination(given: Mapping[str, Any], at: str) -> Destination:
    _no_other(given, {"workspaceResourceId", "workspaceId", "name"}, at)
    id = _text(given, "workspaceResourceId", at, needed=True)
    match = _WORKSPACE.fullmatch(id.strip())
    if match is None:
        raise Invalid(f"`{at}.workspaceResourceId` ends with `/workspaces/NAME`, and `{id[:200]}` doesn't")
    workspace = match[1] or match[2]
    return Destination(_text(given, "name", at, needed=True), workspace, id if match[1] else "")


def _flow(given: Mapping[str, Any], at: str) -> Flow:
    _no_other(
        given, {"streams", "destinations", "transformKql", "outputStream", "builtInTransform", "captureOverflow"}, at
    )
    for name in ("builtInTransform", "captureOverflow"):
        if given.get(name):
            raise Invalid(f"`{at}.{name}` is not supported")
    return Flow(
        _names(given, "streams", at),
        _names(given, "destinations", at),
        _text(given, "transformKql", at),
        _text(given, "outputStream", at),
    )


def _columns(given: Mapping[str, Any], at: str) -> tuple[Column, ...]:
    found = _listed(given.get("columns"), f"{at}.columns", _column)
    seen: dict[str, str] = {}
    for column in found:
        if (other := seen.setdefault(column.name.lower(), column.name)) != column.name or list(found).count(column) > 1:
            raise Invalid(
                f"`{at}.columns`: `{column.name}` and `{other}` are one name: case doesn't tell columns apart"
            )
    if not found:
        raise Invalid(f"`{at}.columns` is empty")
    return found


def _column(given: Mapping[str, Any], at: str) -> Column:
    name, type = _text(given, "name", at, needed=True), _text(given, "type", at, needed=True)
    if not name.strip():
        raise Invalid(f"`{at}.name` is blank")
    return Column(name, type_of(type, f"{at}.type"))


def type_of(name: str, at: str) -> ScalarType:
    """The type that a column is declared with; `at` says where."""
    if (found := TYPES.get(name.lower())) is None:
        raise Invalid(f"`{at}`: `{name[:50]}` is no type of a column; {', '.join(sorted(TYPES.keys() - {'bool'}))} are")
    return found


def _listed(given: object, at: str, read: Callable[[Mapping[str, Any], str], T]) -> tuple[T, ...]:
    if given is None:
        raise Invalid(f"`{at}` is missing")
    if not isinstance(given, Sequence) or isinstance(given, str | bytes):
        raise Invalid(f"`{at}` is no list")
    return tuple(read(_object(one, f"{at}[{i}]"), f"{at}[{i}]") for i, one in enumerate(given))


def _names(given: Mapping[str, Any], name: str, at: str) -> tuple[str, ...]:
    found = given.get(name)
    if not isinstance(found, list) or not found or not all(isinstance(n, str) and n for n in found):
        raise Invalid(f"`{at}.{name}` is no list of names, or has none")
    return tuple(dict.fromkeys(found))


def _object(given: object, at: str) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise Invalid(f"`{at}` is missing" if given is None else f"`{at}` is no object")
    return given


def _text(given: Mapping[str, Any], name: str, at: str, *, needed: bool = False) -> str:
    found = given.get(name)
    place = f"{at}.{name}".lstrip(".")
    if found is not None and not isinstance(found, str):
        raise Invalid(f"`{place}` is no text")
    if needed and not found:
        raise Invalid(f"`{place}` is missing")
    return found or ""


def _no_other(given: Mapping[str, Any], known: set[str], at: str) -> None:
    for name in given:
        if name not in known:
            raise Invalid(f"`{f'{at}.{name}'.lstrip('.')}` is not supported{_hint(name, known)}")
