"""Custom connectors, as Azure Resource Manager shows them.

https://learn.microsoft.com/azure/templates/microsoft.web/customapis
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field

from huntlake.api.arm import belonging
from huntlake.api.arm.resource import GROUP, Place, Resource
from huntlake.api.arm.wire import Part, properties_of, read
from huntlake.core.errors import Invalid
from huntlake.identity.rights import Action
from huntlake.playbooks.custom_apis import CUSTOM_APIS, CustomApi
from huntlake.state.documents import Document
from huntlake.state.records import ALWAYS, Author, Only, Owner
from huntlake.workspace.workspaces import Workspace

TYPE = "Microsoft.Web/customApis"
PATH = f"{GROUP}/providers/{TYPE}"
_BESIDE = ("location", "tags")


class Service(Part):
    """Where the service is."""

    service_url: str = Field("", max_length=2000)


class CustomApiProperties(Part):
    """What can be said of a custom connector."""

    SHOWN: ClassVar[frozenset[str]] = frozenset(
        {"brandColor", "capabilities", "connectionParameters", "iconUri", "runtimeUrls"}
    )
    swagger: Mapping[str, Any]
    display_name: str = Field("", max_length=1000)
    description: str = Field("", max_length=10_000)
    backend_service: Service = Service(service_url="")
    api_type: str = "Rest"
    huntlake_workspace: str | None = None


class CustomApiAround(Part):
    """What is said of a custom connector beside its properties."""

    location: str = ""
    tags: Mapping[str, str] = Field(default_factory=dict)


class CustomApiForm:
    """A custom connector."""

    def shown(self, place: Place, document: Document[CustomApi]) -> dict[str, Any]:
        """The custom connector."""
        api = document.value
        return {
            "location": api.location or "local",
            "tags": dict(api.tags),
            "properties": {
                "displayName": api.display_name,
                "description": api.description,
                "apiType": "Rest",
                "swagger": api.swagger,
                "backendService": {"serviceUrl": api.service},
                "huntlakeWorkspace": api.workspace,
            },
        }

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> CustomApi:
        """The custom connector that a body describes."""
        beside = {k: v for k, v in body.items() if k.lower() in _BESIDE}
        given = read(CustomApiProperties, properties_of(body, *_BESIDE))
        around = read(CustomApiAround, beside, "body")
        if given.api_type.lower() != "rest":
            raise Invalid(f"the `apiType` `{given.api_type[:40]}` is not supported: `Rest` is")
        found = place.services.playbooks.custom_apis.find(CUSTOM_APIS, name)
        before = found.value.workspace if found else None
        return CustomApi(
            swagger=given.swagger,
            display_name=given.display_name or name,
            workspace=belonging.chosen(place, given.huntlake_workspace, around.tags, before),
            description=given.description,
            service=given.backend_service.service_url,
            location=around.location,
            tags=around.tags,
        )


@dataclass(frozen=True)
class CustomApiStore:
    """The custom connectors of the workspaces in which the caller may see playbooks."""

    place: Place

    def list(self, owner: Owner) -> Sequence[Document[CustomApi]]:
        """Those that the caller may see."""
        services, principal = self.place.services, self.place.principal
        seen = {w.name for w in services.workspaces.list() if principal.may(Action.WATCH, w.id)}
        return [d for d in services.playbooks.custom_apis.list(CUSTOM_APIS) if d.value.workspace in seen]

    def get(self, owner: Owner, name: str) -> Document[CustomApi]:
        """One of them."""
        return self.place.services.playbooks.custom_apis.get(CUSTOM_APIS, name)

    def put(
        self, owner: Owner, name: str, value: CustomApi, by: Author = Author(), only: Only = ALWAYS
    ) -> tuple[Document[CustomApi], bool]:
        """Keep a custom connector; connections that were made to it before keep the description that they have."""
        return self.place.services.playbooks.custom_apis.put(CUSTOM_APIS, name, value, by, only)

    def delete(self, owner: Owner, name: str, only: Only = ALWAYS) -> bool:
        """Delete a custom connector."""
        return self.place.services.playbooks.custom_apis.delete(CUSTOM_APIS, name, only)


def document_of(place: Place, name: str, workspace: str, before: Any) -> Any:
    """The OpenAPI document of a custom connector of that workspace; where none has that name, the one `before`.

    `Invalid` where there is neither.
    """
    found = place.services.playbooks.custom_apis.find(CUSTOM_APIS, name)
    if found is not None and found.value.workspace == workspace:
        return found.value.document
    if before is None:
        raise Invalid(f"no custom connector of the workspace is named `{name[:100]}`")
    return before


def _belongs(place: Place, name: str) -> Workspace | None:
    if not name:
        return None
    found = place.services.playbooks.custom_apis.find(CUSTOM_APIS, name)
    return belonging.visible(
        place, found.value.workspace if found else None, f"`{name}` is among the custom connectors"
    )


CUSTOM: Resource[CustomApi] = Resource(
    type=TYPE,
    path=PATH,
    form=CustomApiForm(),
    store=CustomApiStore,
    read=Action.WATCH,
    write=Action.AUTOMATE,
    in_workspace=False,
    workspace_of=_belongs,
    filters=frozenset({"name", "properties/displayName"}),
)
