"""For whom a token is meant: the resources that clients of Azure's APIs ask tokens for."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

LAKE = "4500ebfb-89b6-4b14-a480-7f749797bfcd"
KUSTO = frozenset({LAKE, "https://kusto.kusto.windows.net", "https://api.securityplatform.microsoft.com"})
LOG_ANALYTICS = frozenset({"https://api.loganalytics.io", "https://api.loganalytics.azure.com"})
LOGS_INGESTION = frozenset({"https://monitor.azure.com"})
MANAGEMENT = frozenset({"https://management.azure.com", "https://management.core.windows.net"})
DEFENDER = frozenset(
    {
        "https://api.security.microsoft.com",
        "https://api.securitycenter.microsoft.com",
        "https://api.securitycenter.windows.com",
    }
)
GRAPH = frozenset({"https://graph.microsoft.com"})

_KNOWN = KUSTO | LOG_ANALYTICS | LOGS_INGESTION | MANAGEMENT | DEFENDER | GRAPH
_CLUSTERS = ".kusto.windows.net"


@dataclass(frozen=True, slots=True)
class Audiences:
    """The audiences that one face takes: the resources it stands for, and this server's own host names.

    A token for one of the other known resources is refused even when this server also answers under
    that resource's host name: a token for one API must not open another.
    """

    resources: frozenset[str]
    hosts: frozenset[str]

    def accept(self, audience: str) -> bool:
        """Whether a token for `audience` may be used here. Port, path and trailing slashes don't count."""
        name, host = _resource(audience)
        if name in _KNOWN:
            return name in self.resources
        # Also where a request says that this is the name it reached us by: whoever asks chooses what its Host says.
        if host.endswith(_CLUSTERS):
            return LAKE in self.resources
        return host in self.hosts


def manages(audience: str) -> bool:
    """Whether a token is for managing resources and nothing else: one for a host's name may open several APIs."""
    return _resource(audience)[0] in MANAGEMENT


def is_known(audience: str, hosts: frozenset[str]) -> bool:
    """Whether any face of a server with those host names takes tokens for `audience`."""
    name, host = _resource(audience)
    return name in _KNOWN or host in hosts or host.endswith(_CLUSTERS)


def _resource(audience: str) -> tuple[str, str]:
    """An audience as it is compared, and its host name: `https://Host:8443/path/` is `https://host`."""
    text = audience.strip().rstrip("/").lower()
    try:
        parts = urlsplit(text)
        host = parts.hostname if parts.scheme == "https" else None
    except ValueError:  # an address in brackets that is none
        host = None
    return (f"https://{host}", host) if host else (text, "")
