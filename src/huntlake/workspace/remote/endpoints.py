"""What the URL of a remote workspace says: which protocol is spoken there, and who gives tokens for it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from huntlake.core.errors import Invalid

PUBLIC_AUTHORITY = "https://login.microsoftonline.com"
LAKE_SCOPE = "4500ebfb-89b6-4b14-a480-7f749797bfcd/.default"
"""The scope of the Sentinel data lake."""


class Kind(StrEnum):
    """What an endpoint is: it decides the protocol, and the authority and scope that are meant if none are given."""

    LAKE = "lake"
    KUSTO = "kusto"
    LOG_ANALYTICS = "loganalytics"
    DEFENDER = "defender"
    GRAPH = "graph"
    HUNTLAKE = "huntlake"

    @property
    def has_databases(self) -> bool:
        """Whether a database, or the id of a workspace, has to be named."""
        return self not in (Kind.DEFENDER, Kind.GRAPH)


@dataclass(frozen=True, slots=True)
class Address:
    """A URL without a slash at its end, and the part of it that says whom one speaks to."""

    url: str
    origin: str
    host: str

    @property
    def is_loopback(self) -> bool:
        return _is_loopback(self.host)


def address(text: str, what: str = "the URL") -> Address:
    """A URL that credentials may be sent to: over TLS, or to this machine. `Invalid` for any other."""
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError as error:
        raise Invalid(f"{what} can't be understood: {error}") from None
    host = (parts.hostname or "").lower()
    if parts.scheme not in ("https", "http") or not host:
        raise Invalid(f"{what} has to begin with `https://` and a host")
    if parts.username is not None or parts.query or parts.fragment:
        raise Invalid(f"{what} may have no user name, no `?` and no `#`")
    if any(ord(c) <= 32 or ord(c) == 127 for c in text.strip()):
        raise Invalid(f"{what} may hold no blank")
    if parts.scheme == "http" and not _is_loopback(host):
        raise Invalid(f"{what} is plain http, over which no secret is sent but to this machine: use https")
    shown = f"[{host}]" if ":" in host else host
    origin = f"{parts.scheme}://{shown}" + (f":{port}" if port is not None else "")
    return Address(origin + parts.path.rstrip("/"), origin, host)


def kind_of(url: Address) -> Kind:
    """The kind that the URL suggests; hosts that nobody knows are taken for a huntlake."""
    for pattern, kind in _HOSTS.items():
        if fnmatchcase(url.host, pattern):
            return kind
    return Kind.HUNTLAKE


def authority_of(kind: Kind, url: Address) -> str:
    """Who gives tokens, unless somebody else is named."""
    return f"{url.origin}/adfs" if kind is Kind.HUNTLAKE else PUBLIC_AUTHORITY


def scope_of(kind: Kind, url: Address) -> str:
    """The scope of the tokens, unless another is named."""
    match kind:
        case Kind.LAKE:
            return LAKE_SCOPE
        case Kind.LOG_ANALYTICS if fnmatchcase(url.host, "*api.loganalytics.*"):
            return "https://api.loganalytics.io/.default"
        case Kind.KUSTO | Kind.HUNTLAKE | Kind.LOG_ANALYTICS | Kind.DEFENDER | Kind.GRAPH:
            return f"{url.origin}/.default"


_HOSTS = {
    "api.securityplatform.microsoft.com": Kind.LAKE,
    "*.api.securityplatform.microsoft.com": Kind.LAKE,
    "*.kusto.windows.net": Kind.KUSTO,
    "*.kusto.fabric.microsoft.com": Kind.KUSTO,
    "*.kusto.data.microsoft.com": Kind.KUSTO,
    "*.kusto.azuresynapse.net": Kind.KUSTO,
    "api.loganalytics.io": Kind.LOG_ANALYTICS,
    "*.api.loganalytics.io": Kind.LOG_ANALYTICS,
    "api.loganalytics.azure.com": Kind.LOG_ANALYTICS,
    "api.security.microsoft.com": Kind.DEFENDER,
    "*.security.microsoft.com": Kind.DEFENDER,
    "api.securitycenter.microsoft.com": Kind.DEFENDER,
    "*.securitycenter.microsoft.com": Kind.DEFENDER,
    "graph.microsoft.com": Kind.GRAPH,
}


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
