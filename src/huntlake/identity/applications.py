"""Public clients: programs on a person's machine, which keep no secret, and where a person is sent back to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from huntlake.core.errors import Invalid
from huntlake.identity.principals import UnknownClient

FIRST_PARTY: Mapping[str, str] = {
    "04b07795-8ddb-461a-bbee-02f9e1bf7b46": "Azure CLI",
    "1950a258-227b-4e31-a9cf-717495945fc2": "Azure PowerShell",
    "14d82eec-204b-4c2f-b7e8-296a70dab67e": "Microsoft Graph PowerShell",
    "aebc6443-996d-45c2-90f0-388ff96faa56": "Visual Studio Code",
    "872cd9fa-d31f-45e0-9eab-6e460a02d1f1": "Visual Studio",
    "db662dc1-0cfe-4e1c-a843-19a68e65be58": "Kusto clients",
    "ad30ae9e-ac1b-4249-8817-d24f5d7ad3de": "Kusto Explorer",
    "a672d62c-fc7b-4e81-a576-e60dc46e951d": "Power BI Desktop",
}
"""Programs that bring a client id of their own, which nobody registers."""

_HOSTS = ("localhost", "127.0.0.1", "[::1]")


class WrongRedirect(Invalid):
    """The address to be sent back to isn't one of the client's: nobody is sent there, and no error either."""


@dataclass(frozen=True, slots=True)
class Application:
    """A public client, and the addresses beside this machine's own that it may have a person sent back to."""

    client_id: str
    name: str
    redirects: tuple[str, ...] = ()

    def redirect(self, uri: str) -> str:
        """`uri`, if a person may be sent back there; else `WrongRedirect`.

        On the person's own machine any port and path will do (RFC 8252 §7.3); elsewhere every letter counts.
        """
        if uri in self.redirects or _is_loopback(uri):
            return uri
        raise WrongRedirect(f"the redirect URI '{uri[:200]}' is none that the application '{self.client_id}' may use")


@dataclass(frozen=True)
class Applications:
    """The public clients: those that are well known, and those of the settings, by client id with their redirects."""

    registered: Mapping[str, tuple[str, ...]]

    def get(self, client_id: str) -> Application:
        """The public client of that id, or `UnknownClient`."""
        key = client_id.strip().lower()
        own = {id.lower(): redirects for id, redirects in self.registered.items()}
        if key not in own and key not in FIRST_PARTY:
            raise UnknownClient(f"no application that people sign in with has the identifier '{client_id[:100]}'")
        return Application(key, FIRST_PARTY.get(key, key), own.get(key, ()))


def _is_loopback(uri: str) -> bool:
    # What a browser would read otherwise than we do is none of ours.
    if not uri.isascii() or not uri.isprintable() or any(c in uri for c in "\\ \"'<>#"):
        return False
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return False
    # Compared with the text: what `urlsplit` calls the host may be a part of it only, as in `[::1].example.org`.
    spelled = parts.netloc.lower() in {f"{h}{p}" for h in _HOSTS for p in ("", ":", f":{port}")}
    return parts.scheme == "http" and spelled and (port is None or port > 0)
