"""Tenants, subscriptions, resource groups and workspaces, as Azure Resource Manager shows them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from huntlake.api.arm.resource import GROUP, SUBSCRIPTION, WORKSPACES, Place, Resource
from huntlake.core.errors import NotFound
from huntlake.identity.rights import Action
from huntlake.state.documents import Document
from huntlake.state.records import ALWAYS, Author, Only, Owner
from huntlake.workspace.workspaces import Workspace


@dataclass(frozen=True)
class Fixed:
    """Things that are as they are: they can be listed and read."""

    things: Callable[[], Sequence[tuple[str, Any]]]

    def list(self, owner: Owner) -> Sequence[Document[Any]]:
        """All of them."""
        return [Document(name, thing, "") for name, thing in self.things()]

    def get(self, owner: Owner, name: str) -> Document[Any]:
        """One of them, by its name in any case."""
        found = next((d for d in self.list(owner) if d.name.lower() == name.lower()), None)
        if found is None:
            raise NotFound(f"there is no `{name}` here")
        return found

    def put(
        self, owner: Owner, name: str, value: Any, by: Author = Author(), only: Only = ALWAYS
    ) -> tuple[Document[Any], bool]:
        """Nothing writes them."""
        raise NotFound(f"`{name}` can't be written")

    def delete(self, owner: Owner, name: str, only: Only = ALWAYS) -> bool:
        """Nothing deletes them."""
        raise NotFound(f"`{name}` can't be deleted")


class Shown:
    """The form of things that are only shown."""

    def __init__(self, show: Callable[[Place, Any], dict[str, Any]]) -> None:
        self._show = show

    def shown(self, place: Place, document: Document[Any]) -> dict[str, Any]:
        """What there is to see."""
        return self._show(place, document.value)

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> Any:
        """Nothing can be said."""
        raise NotFound(f"`{name}` can't be written")


def _subscription(place: Place, id: str) -> dict[str, Any]:
    return {
        "id": f"/subscriptions/{id}",
        "subscriptionId": id,
        "tenantId": place.services.tenant.id,
        "displayName": "huntlake",
        "state": "Enabled",
        "authorizationSource": "RoleBased",
    }


def _tenant(_: Place, tenant: Any) -> dict[str, Any]:
    return {
        "id": f"/tenants/{tenant.id}",
        "tenantId": tenant.id,
        "displayName": tenant.name,
        "defaultDomain": tenant.name,
        "tenantCategory": "Home",
    }


def _group(place: Place, name: str) -> dict[str, Any]:
    return {
        "id": f"/subscriptions/{place.services.subscription.id}/resourceGroups/{name}",
        "location": "local",
        "properties": {"provisioningState": "Succeeded"},
    }


def _provider(place: Place, name: str) -> dict[str, Any]:
    return {
        "id": f"/subscriptions/{place.services.subscription.id}/providers/{name}",
        "namespace": name,
        "registrationState": "Registered",
        "registrationPolicy": "RegistrationRequired",
        "resourceTypes": [],
    }


def _workspace(place: Place, workspace: Workspace) -> dict[str, Any]:
    subscription = place.services.subscription
    path = WORKSPACES.replace("{subscription}", subscription.id).replace("{group}", subscription.group)
    return {
        "id": f"{path}/{workspace.name}",
        "location": "local",
        "tags": {},
        "properties": {
            "customerId": workspace.id,
            "provisioningState": "Succeeded",
            "sku": {"name": "PerGB2018"},
            "publicNetworkAccessForIngestion": "Enabled",
            "publicNetworkAccessForQuery": "Enabled",
            "features": {"enableLogAccessUsingOnlyResourcePermissions": True},
        },
    }


def _readable(place: Place) -> Fixed:
    """The workspaces that the caller may read."""
    return Fixed(
        lambda: [(w.name, w) for w in place.services.workspaces.list() if place.principal.may(Action.READ, w.id)]
    )


PROVIDERS = (
    "Microsoft.OperationalInsights",
    "Microsoft.SecurityInsights",
    "Microsoft.Insights",
    "Microsoft.Logic",
    "Microsoft.Resources",
    "Microsoft.Web",
)

_WORKSPACE_TYPE = "Microsoft.OperationalInsights/workspaces"

RESOURCES: tuple[Resource[Any], ...] = (
    Resource(
        type="Microsoft.Resources/tenants",
        path="/tenants",
        form=Shown(_tenant),
        store=lambda place: Fixed(lambda: [(place.services.tenant.id, place.services.tenant)]),
        in_workspace=False,
    ),
    Resource(
        type="Microsoft.Resources/subscriptions",
        path="/subscriptions",
        form=Shown(_subscription),
        store=lambda place: Fixed(lambda: [(place.services.subscription.id,) * 2]),
        in_workspace=False,
    ),
    Resource(
        type="Microsoft.Resources/resourceGroups",
        path=f"{SUBSCRIPTION}/resourceGroups",
        form=Shown(_group),
        store=lambda place: Fixed(lambda: [(place.services.subscription.group,) * 2]),
        in_workspace=False,
    ),
    Resource(
        type=_WORKSPACE_TYPE,
        path=f"{SUBSCRIPTION}/providers/{_WORKSPACE_TYPE}",
        form=Shown(_workspace),
        store=_readable,
        in_workspace=False,
    ),
    Resource(
        type=_WORKSPACE_TYPE,
        path=WORKSPACES,
        form=Shown(_workspace),
        store=_readable,
        in_workspace=False,
    ),
    Resource(
        type=_WORKSPACE_TYPE,
        path=f"{GROUP}/resources",
        form=Shown(_workspace),
        store=_readable,
        filters=frozenset({"resourceType", "name", "type"}),
        in_workspace=False,
    ),
    Resource(
        type="Microsoft.Resources/providers",
        path=f"{SUBSCRIPTION}/providers",
        form=Shown(_provider),
        store=lambda place: Fixed(lambda: [(name, name) for name in PROVIDERS]),
        in_workspace=False,
    ),
)
