"""Connections of playbooks, as Azure Resource Manager shows them.

https://learn.microsoft.com/azure/templates/microsoft.web/connections
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from pydantic import Field

from huntlake.api.arm import belonging
from huntlake.api.arm.custom_apis import CUSTOM, document_of
from huntlake.api.arm.logic import refused
from huntlake.api.arm.resource import GROUP, SUBSCRIPTION, Place, Resource
from huntlake.api.arm.wire import Part, properties_of, read
from huntlake.core.errors import Invalid, Refused
from huntlake.identity.rights import Action
from huntlake.playbooks.connections import CONNECTIONS, OF_URLS, Connection, Mode, purpose
from huntlake.state.documents import Document
from huntlake.state.records import ALWAYS, Author, Only, Owner
from huntlake.workspace.workspaces import Workspace

TYPE = "Microsoft.Web/connections"
PATH = f"{GROUP}/providers/{TYPE}"
_BESIDE = ("kind", "location", "tags")


class ApiGiven(Part):
    """The connector, by the id of its `managedApis` or `customApis`."""

    SHOWN: ClassVar[frozenset[str]] = frozenset(
        {"brandColor", "category", "description", "displayName", "iconUri", "location", "name", "swagger", "type"}
    )
    id: str = Field(min_length=1, max_length=2000)

    @property
    def connector(self) -> str:
        """The connector's name."""
        above, _, name = self.id.rstrip("/").rpartition("/")
        if above.rpartition("/")[2].lower() not in ("managedapis", "customapis") or not name:
            raise Invalid(f"`properties.api.id`: `{self.id[:200]}` ends neither in `managedApis/…` nor `customApis/…`")
        return name.lower()

    @property
    def is_custom(self) -> bool:
        """Whether it is a custom connector."""
        return self.id.rstrip("/").rpartition("/")[0].lower().endswith("customapis")


class ValueGiven(Part):
    """A value in a set of them."""

    value: Any = None


class ValueSet(Part):
    """The values that one way to sign in asks for."""

    name: str = ""
    values: Mapping[str, ValueGiven] = Field(default_factory=dict)


class ConnectionProperties(Part):
    """What can be said of a connection."""

    SHOWN: ClassVar[frozenset[str]] = frozenset(
        {
            "authenticatedUser",
            "changedTime",
            "connectionState",
            "createdTime",
            "overallStatus",
            "statuses",
            "testLinks",
            "testRequests",
        }
    )
    api: ApiGiven
    display_name: str = Field("", max_length=1000)
    parameter_values: Mapping[str, Any] | None = None
    non_secret_parameter_values: Mapping[str, Any] | None = None
    custom_parameter_values: Mapping[str, Any] = Field(default_factory=dict)
    parameter_value_type: str = ""
    alternative_parameter_values: Mapping[str, Any] = Field(default_factory=dict)
    parameter_value_set: ValueSet | None = None
    huntlake_mode: Mode | None = None
    huntlake_cassette: str | None = Field(None, max_length=200)
    huntlake_workspace: str | None = None


class ConnectionAround(Part):
    """What is said of a connection beside its properties."""

    kind: str = Field("V1", pattern="^[Vv][12]$")
    location: str = ""
    tags: Mapping[str, str] = Field(default_factory=dict)


class ConnectionForm:
    """A connection: the values that it was given are never shown, and stay where nothing is said of them."""

    def shown(self, place: Place, document: Document[Connection]) -> dict[str, Any]:
        """The connection."""
        connection = document.value
        properties: dict[str, Any] = {
            "displayName": connection.display_name,
            "api": {
                "name": connection.connector,
                "displayName": connection.connector,
                "id": _api_id(place, connection),
                "type": f"Microsoft.Web/{'customApis' if connection.custom_api else 'locations/managedApis'}",
            },
            "statuses": [_status(place, connection)],
            "overallStatus": _status(place, connection)["status"],
            "connectionState": "Enabled",
            "createdTime": connection.created,
            "changedTime": connection.changed,
            "testLinks": [],
            "huntlakeMode": connection.mode.value,
            "huntlakeWorkspace": connection.workspace,
        }
        if connection.parameters:
            properties["nonSecretParameterValues"] = dict(connection.parameters)
        if connection.cassette:
            properties["huntlakeCassette"] = connection.cassette
        return {
            "id": connection_id(place, document.name),
            "kind": "V1",
            "location": connection.location or "local",
            "tags": dict(connection.tags),
            "properties": properties,
        }

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> Connection:
        """The connection that a body describes."""
        beside = {k: v for k, v in body.items() if k.lower() in _BESIDE}
        given = read(ConnectionProperties, properties_of(body, *_BESIDE))
        around = read(ConnectionAround, beside, "body")
        if given.parameter_value_type.lower() not in ("", "alternative"):
            raise Invalid(f"the `parameterValueType` `{given.parameter_value_type[:60]}` is not supported")
        if given.alternative_parameter_values:
            raise Invalid("`properties.alternativeParameterValues` is not supported")
        found = place.services.playbooks.connections.find(CONNECTIONS, name)
        before = found.value if found else None
        connector = given.api.connector
        same = before if before is not None and before.connector == connector else None
        workspace = belonging.chosen(place, given.huntlake_workspace, around.tags, before.workspace if before else None)
        custom = None
        if given.api.is_custom:
            custom = document_of(place, connector, workspace, same.custom_api if same else None)
        plain = _plain(given, same)
        if same is not None and (plain, custom) != (same.parameters, same.custom_api):
            # Elsewhere: who may change a connection must not learn what it was given, by sending it to a place of his.
            same = replace(same, mode=Mode.DRY_RUN, sealed={}, cassette="")
        mode = given.huntlake_mode or (same.mode if same else Mode.DRY_RUN)
        if mode is Mode.LIVE and (same is None or same.mode is not Mode.LIVE) and not place.is_person:
            raise Refused("a connection goes `live` when a person says so: an application can't")
        sealed = self._sealed(place, found.name if found else name, given, same)
        return Connection(
            connector=connector,
            display_name=given.display_name or name,
            workspace=workspace,
            mode=mode,
            parameters=plain,
            sealed=sealed,
            cassette=given.huntlake_cassette or (same.cassette if same else ""),
            location=around.location,
            tags=around.tags,
            custom_api=custom,
        )

    def _sealed(
        self, place: Place, name: str, given: ConnectionProperties, before: Connection | None
    ) -> Mapping[str, str]:
        """What it is given that nobody is shown; where nothing is said of it, what it was given before."""
        values = given.parameter_values
        if given.parameter_value_set is not None:
            values = {**(values or {}), **{k: v.value for k, v in given.parameter_value_set.values.items()}}
        if values is None:
            return before.sealed if before else {}
        seal = place.services.playbooks.seal
        return {k: seal.seal(_text(v), purpose(name, k)) for k, v in values.items() if v is not None}


def _plain(given: ConnectionProperties, before: Connection | None) -> dict[str, str]:
    """What it is told that anybody may see; where nothing is said of it, what it was told before."""
    said = given.non_secret_parameter_values, given.custom_parameter_values
    if before is not None and said[0] is None and not said[1]:
        return dict(before.parameters)
    return {k: _text(v) for values in said for k, v in (values or {}).items() if v is not None}


@dataclass(frozen=True)
class ConnectionStore:
    """The connections of the workspaces in which the caller may see playbooks."""

    place: Place

    def list(self, owner: Owner) -> Sequence[Document[Connection]]:
        """Those that the caller may see."""
        services, principal = self.place.services, self.place.principal
        seen = {w.name for w in services.workspaces.list() if principal.may(Action.WATCH, w.id)}
        return [d for d in services.playbooks.connections.list(CONNECTIONS) if d.value.workspace in seen]

    def get(self, owner: Owner, name: str) -> Document[Connection]:
        """One of them."""
        return self.place.services.playbooks.connections.get(CONNECTIONS, name)

    def put(
        self, owner: Owner, name: str, value: Connection, by: Author = Author(), only: Only = ALWAYS
    ) -> tuple[Document[Connection], bool]:
        """Keep a connection: its form has seen to it that the caller may make connections in its workspace."""
        return self.place.services.playbooks.connections.put(CONNECTIONS, name, value, by, only)

    def delete(self, owner: Owner, name: str, only: Only = ALWAYS) -> bool:
        """Delete a connection."""
        return self.place.services.playbooks.connections.delete(CONNECTIONS, name, only)


def connection_id(place: Place, name: str) -> str:
    """The id of a connection, wherever it is asked for."""
    return f"{_group(place)}/providers/{TYPE}/{name}"


def _group(place: Place) -> str:
    subscription = place.services.subscription
    return GROUP.replace("{subscription}", subscription.id).replace("{group}", subscription.group)


def _api_id(place: Place, connection: Connection) -> str:
    if connection.custom_api:
        return f"{_group(place)}/providers/Microsoft.Web/customApis/{connection.connector}"
    subscription = SUBSCRIPTION.replace("{subscription}", place.services.subscription.id)
    location = connection.location or "local"
    return f"{subscription}/providers/Microsoft.Web/locations/{location}/managedApis/{connection.connector}"


def _status(place: Place, connection: Connection) -> dict[str, Any]:
    known = connection.connector in OF_URLS or place.services.connectors(connection.connector)
    if known or connection.custom_api or connection.mode is Mode.REPLAY:
        return {"status": "Connected"}
    told = f"the connector `{connection.connector}` is not supported: what is asked of it is refused"
    return {"status": "Error", "error": {"code": "NotSupported", "message": told}}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _belongs(place: Place, name: str) -> Workspace | None:
    if not name:
        return None
    found = place.services.playbooks.connections.find(CONNECTIONS, name)
    return belonging.visible(place, found.value.workspace if found else None, f"`{name}` is among the connections")


def _no_links(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    # Who signs in is said by the connection's values: there is no page on which somebody consents.
    return 200, {"value": []}


RESOURCES: tuple[Resource[Any], ...] = (
    CUSTOM,
    Resource(
        type=TYPE,
        path=PATH,
        form=ConnectionForm(),
        store=ConnectionStore,
        read=Action.WATCH,
        write=Action.AUTOMATE,
        in_workspace=False,
        workspace_of=_belongs,
        filters=frozenset({"name", "properties/displayName", "properties/huntlakeMode", "properties/api/name"}),
        posts={
            "listConsentLinks": (Action.AUTOMATE, _no_links),
            "confirmConsentCode": (Action.AUTOMATE, refused("confirmConsentCode", "nobody consents in a browser")),
            "listConnectionKeys": (Action.AUTOMATE, refused("listConnectionKeys", "what was given is never shown")),
        },
    ),
)
