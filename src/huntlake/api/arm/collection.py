"""Data collection rules and endpoints, as Azure Resource Manager shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field

from huntlake.api.arm.resource import GROUP, Place, Resource
from huntlake.api.arm.wire import Part, properties_of, read
from huntlake.core.errors import Conflict, Invalid, NotFound, Refused
from huntlake.identity.rights import Action
from huntlake.state.documents import Document
from huntlake.state.records import ALWAYS, Author, Only, Owner
from huntlake.workspace.collection import Endpoint, Rule, RuleDefinition, definition_of, resource_of

_INSIGHTS = f"{GROUP}/providers/Microsoft.Insights"


class RuleForm:
    """A rule: as it was written, with its id and the address that takes its records."""

    def shown(self, place: Place, document: Document[Rule | RuleDefinition]) -> dict[str, Any]:
        """The rule."""
        rule = document.value
        assert isinstance(rule, Rule)
        shown = resource_of(rule.definition)
        shown["properties"] |= {
            "immutableId": rule.immutable_id,
            "endpoints": {"logsIngestion": place.base_url},
            "provisioningState": "Succeeded",
        }
        for destination in shown["properties"]["destinations"]["logAnalytics"]:
            named = next(d for d in rule.definition.destinations if d.name == destination["name"])
            if (workspace := place.services.workspaces.find(named.workspace)) is not None:
                destination["workspaceId"] = workspace.id
        return shown | {"systemData": {"createdAt": rule.created, "lastModifiedAt": rule.modified}}

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> Rule | RuleDefinition:
        """The rule that a body describes."""
        return definition_of(body)


@dataclass(frozen=True)
class Rules:
    """The rules that fill workspaces in which the caller may do what is asked."""

    place: Place

    def list(self, owner: Owner) -> Sequence[Document[Rule | RuleDefinition]]:
        """Those that the caller may read."""
        rules = self.place.services.collection.rules.list()
        return [_rule(d) for d in rules if self._may(Action.READ, d.value.definition)]

    def get(self, owner: Owner, name: str) -> Document[Rule | RuleDefinition]:
        """One of them; one that the caller may not read isn't there."""
        found = self.place.services.collection.rules.get(name)
        if not self._may(Action.READ, found.value.definition):
            raise NotFound(f"no data collection rule is named `{name}`")
        return _rule(found)

    def put(
        self, owner: Owner, name: str, value: Rule | RuleDefinition, by: Author = Author(), only: Only = ALWAYS
    ) -> tuple[Document[Rule | RuleDefinition], bool]:
        """Keep a rule: it takes the right to make tables in every workspace that it fills, or filled."""
        assert isinstance(value, RuleDefinition)
        rules = self.place.services.collection.rules
        self._let(Action.MANAGE, value, name)
        new = not self._manages_old(name)
        kept = rules.put(name, value, if_match=only.if_match, create_only=only.create)
        return _rule(kept), new

    def delete(self, owner: Owner, name: str, only: Only = ALWAYS) -> bool:
        """Forget a rule."""
        return self._manages_old(name) and self.place.services.collection.delete(name, if_match=only.if_match)

    def _manages_old(self, name: str) -> bool:
        """Whether there is such a rule; `Refused` where the caller may not change it."""
        try:
            before = self.place.services.collection.rules.get(name)
        except NotFound:
            return False
        self._let(Action.MANAGE, before.value.definition, name)
        return True

    def _let(self, action: Action, definition: RuleDefinition, name: str) -> None:
        if not self._may(action, definition):
            raise Refused(
                f"The client '{self.place.principal.client_id}' does not have authorization to perform action "
                f"'{action.value}' in each workspace that '{name}' fills."
            )

    def _may(self, action: Action, definition: RuleDefinition) -> bool:
        found = [self.place.services.workspaces.find(d.workspace) for d in definition.destinations]
        # Of a workspace that is gone nobody can have a right: who has it in the others is enough.
        left = [w for w in found if w is not None]
        return bool(left) and all(self.place.principal.may(action, w.id) for w in left)


class EndpointProperties(Part):
    """What can be said of an endpoint."""

    SHOWN: ClassVar[frozenset[str]] = frozenset(
        {
            "immutableId",
            "configurationAccess",
            "logsIngestion",
            "metricsIngestion",
            "provisioningState",
            "metadata",
            "privateLinkScopedResources",
            "failoverConfiguration",
        }
    )
    description: str | None = Field(None, max_length=10_000)
    network_acls: Mapping[str, Any] | None = None


class EndpointForm:
    """An endpoint: whatever it is called, the address behind it is that of this server."""

    def shown(self, place: Place, document: Document[Endpoint]) -> dict[str, Any]:
        """The endpoint."""
        endpoint = document.value
        properties: dict[str, Any] = {
            "immutableId": endpoint.immutable_id,
            "logsIngestion": {"endpoint": place.base_url},
            "networkAcls": {"publicNetworkAccess": "Enabled"},
            "provisioningState": "Succeeded",
        }
        if endpoint.description:
            properties["description"] = endpoint.description
        beside = {"location": endpoint.location or "local", "kind": endpoint.kind, "tags": dict(endpoint.tags)}
        return {"properties": properties} | {n: v for n, v in beside.items() if v}

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> Endpoint:
        """The endpoint that a body describes."""
        given = read(EndpointProperties, properties_of(body, "location", "kind", "tags", "identity"))
        access = (given.network_acls or {}).get("publicNetworkAccess", "Enabled")
        if str(access).lower() != "enabled":
            raise Invalid(f"`networkAcls.publicNetworkAccess` `{access}` is not supported: who may send, roles say")
        tags = body.get("tags") or {}
        if not isinstance(tags, dict):
            raise Invalid("`tags` is not an object")
        return Endpoint(
            name,
            description=given.description or "",
            location=str(body.get("location") or ""),
            kind=str(body.get("kind") or ""),
            tags={str(n): str(v) for n, v in tags.items()},
        )


@dataclass(frozen=True)
class Endpoints:
    """The endpoints, for whoever may read a workspace; who may make tables in one may make them."""

    place: Place

    def list(self, owner: Owner) -> Sequence[Document[Endpoint]]:
        """All of them."""
        return [_endpoint(d) for d in self.place.services.collection_endpoints.list()] if self._may(Action.READ) else []

    def get(self, owner: Owner, name: str) -> Document[Endpoint]:
        """One of them."""
        if not self._may(Action.READ):
            raise NotFound(f"no data collection endpoint is named `{name}`")
        return _endpoint(self.place.services.collection_endpoints.get(name))

    def put(
        self, owner: Owner, name: str, value: Endpoint, by: Author = Author(), only: Only = ALWAYS
    ) -> tuple[Document[Endpoint], bool]:
        """Keep one."""
        self._let(Action.MANAGE)
        endpoints = self.place.services.collection_endpoints
        new = all(d.value.name.lower() != name.lower() for d in endpoints.list())
        if only.create and not new:
            raise Conflict(f"the data collection endpoint `{name}` is already there")
        return _endpoint(endpoints.put(value, if_match=only.if_match, create_only=only.create)), new

    def delete(self, owner: Owner, name: str, only: Only = ALWAYS) -> bool:
        """Forget one."""
        self._let(Action.MANAGE)
        return self.place.services.collection_endpoints.delete(name, if_match=only.if_match)

    def _may(self, action: Action) -> bool:
        return any(self.place.principal.may(action, w.id) for w in self.place.services.workspaces.list())

    def _let(self, action: Action) -> None:
        if not self._may(action):
            raise Refused(
                f"The client '{self.place.principal.client_id}' does not have authorization to perform action "
                f"'{action.value}' in any workspace."
            )


def _rule(found: Document[Rule]) -> Document[Rule | RuleDefinition]:
    return Document(found.value.name, found.value, found.etag)


def _endpoint(found: Document[Endpoint]) -> Document[Endpoint]:
    return Document(found.value.name, found.value, found.etag)


RULES: Resource[Rule | RuleDefinition] = Resource(
    type="Microsoft.Insights/dataCollectionRules",
    path=f"{_INSIGHTS}/dataCollectionRules",
    form=RuleForm(),
    store=Rules,
    write=Action.MANAGE,
    in_workspace=False,
)

ENDPOINTS: Resource[Endpoint] = Resource(
    type="Microsoft.Insights/dataCollectionEndpoints",
    path=f"{_INSIGHTS}/dataCollectionEndpoints",
    form=EndpointForm(),
    store=Endpoints,
    write=Action.MANAGE,
    in_workspace=False,
)
