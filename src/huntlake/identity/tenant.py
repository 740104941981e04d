"""The one directory that this server is: every principal and token belongs to it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import cast

from huntlake.core.errors import Conflict, Invalid
from huntlake.state.documents import Documents, Shelf

_ANY_TENANT = frozenset({"organizations", "common"})


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant's id, a lower-case GUID, and the domain name it also answers to."""

    id: str
    name: str

    def is_called(self, text: str) -> bool:
        """Whether a URL's tenant segment means this one. Some clients lower the case, some raise it."""
        return text.lower() in {self.id, self.name.lower(), *_ANY_TENANT}


@dataclass(frozen=True, slots=True)
class Subscription:
    """Where Azure Resource Manager has this server's workspaces: a subscription (a lower-case GUID), a group in it."""

    id: str
    group: str


def subscription_of(tenant: Tenant, *, id: str = "", group: str = "huntlake") -> Subscription:
    """This server's one subscription: with the configured id, or else the tenant's."""
    try:
        return Subscription(str(uuid.UUID(id)) if id else tenant.id, group)
    except ValueError:
        raise Invalid(f"the subscription `{id}` is no GUID; one looks like {uuid.UUID(int=0)}") from None


def tenant_of(database: Shelf, *, id: str = "", name: str = "huntlake.local") -> Tenant:
    """This server's tenant: with the configured id, or else one that is made up once and kept."""
    if id:
        try:
            return Tenant(str(uuid.UUID(id)), name)
        except ValueError:
            raise Invalid(f"the tenant `{id}` is no GUID; one looks like {uuid.UUID(int=0)}") from None
    kept = Documents[str](database, "identity", lambda text: text, lambda stored: cast("str", stored))
    try:
        return Tenant(kept.put("tenant", str(uuid.uuid4()), create_only=True).value, name)
    except Conflict:
        return Tenant(kept.get("tenant").value, name)
