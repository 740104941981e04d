"""What requests to sign in have in common: the authority they name, their form, and the resource they are about."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.requests import Request

from huntlake.core.errors import Invalid
from huntlake.identity.tenant import Tenant

_MOST_FIELDS = 100
_ABOUT_THE_PERSON = {"openid", "profile", "email", "offline_access"}
_GRAPH = "https://graph.microsoft.com"


class UnknownTenant(Invalid):
    """The path names a tenant that isn't this server's."""


class InvalidScope(Invalid):
    """The scope names no resource that a token could be for."""


def root_of(request: Request, tenant: Tenant) -> str:
    """The authority's URL as the client spelled it, after a look at the tenant in it."""
    named = request.path_params.get("tenant")
    if named is not None and not tenant.is_called(named):
        raise UnknownTenant(f"there is no tenant '{named[:100]}'")
    adfs = request.url.path.startswith("/adfs")
    return f"{request.state.base_url}{'/adfs' if adfs else ''}{f'/{named}' if named else ''}"


def read_form(body: bytes) -> dict[str, str]:
    """The fields of a form; of two with one name the last."""
    try:
        fields = parse_qsl(body.decode(errors="replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise Invalid(f"the form has more than {_MOST_FIELDS} fields") from None
    return dict(fields)


def audience_of(scopes: str, resource: str = "") -> str:
    """The resource that a person's token is asked for; what it allows there, the person's roles say and not the scope.

    `https://host/.default` and `https://host/user_impersonation` are about `https://host`; a scope without a resource,
    as `User.Read`, is Microsoft Graph's.
    """
    named = [s for s in scopes.split() if s.lower() not in _ABOUT_THE_PERSON]
    found = {s.rpartition("/")[0] if "/" in s else _GRAPH for s in named}
    if len(found) > 1:
        raise InvalidScope("the scopes of one request are about one resource")
    if found:
        return found.pop()
    return resource.strip() or _GRAPH
