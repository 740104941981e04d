"""Custom connectors: services that a person has described."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from huntlake.core.clock import Clock
from huntlake.core.errors import Invalid
from huntlake.state.documents import Shelf
from huntlake.state.records import Author, Records

CUSTOM_APIS = ("playbooks",)
"""Whose records they are: names are unique in a resource group, and a server has one."""


@dataclass(frozen=True, slots=True)
class CustomApi:
    """A custom connector (`Microsoft.Web/customApis`)."""

    swagger: Mapping[str, Any]
    """Its OpenAPI document."""
    display_name: str
    workspace: str
    """Whose people may see and change it."""
    description: str = ""
    service: str = ""
    """Where the service is, if not where the document says."""
    location: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    created: datetime | None = None
    changed: datetime | None = None

    @property
    def document(self) -> dict[str, Any]:
        """The OpenAPI document, with the address of the service in it."""
        if not self.service:
            return dict(self.swagger)
        if "openapi" in self.swagger:
            return {**self.swagger, "servers": [{"url": self.service}]}
        url = urlsplit(self.service)
        return {**self.swagger, "host": url.netloc, "basePath": url.path or "/", "schemes": [url.scheme]}


def custom_apis(shelf: Shelf, clock: Clock) -> Records[CustomApi]:
    """The custom connectors of a server; all are those of the owner `CUSTOM_APIS`."""
    return Records(shelf, clock, "custom connectors", CustomApi, _stamped)


def is_address(service: str) -> bool:
    """Whether a service can be there."""
    try:
        url = urlsplit(service)
    except ValueError:
        return False
    return url.scheme in ("http", "https") and bool(url.netloc)


def _stamped(api: CustomApi, before: CustomApi | None, by: Author, now: datetime) -> CustomApi:
    if not isinstance(api.swagger.get("paths"), Mapping):
        raise Invalid("the description of a custom connector is an OpenAPI document, with `paths`")
    if api.service and not is_address(api.service):
        raise Invalid(f"`{api.service[:200]}` is not the address of a service")
    return replace(api, created=before.created if before else now, changed=now)
