"""What signals come from outside by: one request, whose answer is bounded."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from huntlake.core.errors import Invalid, NotFound, Refused, Unavailable


@dataclass(frozen=True)
class Page:
    """An answer that came whole."""

    status: int
    content: bytes
    url: str
    """Where it came from in the end."""
    headers: Mapping[str, str] = field(default_factory=dict)


class Fetch(Protocol):
    """Asks for a page; only hosts that are listed, or `named` by a person, are called."""

    def __call__(self, url: str, named: Sequence[str] = (), headers: Mapping[str, str] = ...) -> Page: ...


def nowhere(url: str, named: Sequence[str] = (), headers: Mapping[str, str] | None = None) -> Page:
    """What there is where nothing is fetched: `Refused`."""
    raise Refused("fetching pages is not supported here")


def host_of(url: str) -> str:
    """The host of a URL as lists of hosts have it; `Invalid` for what is no URL of a page."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise Invalid(f"`{url[:100]}` is no URL") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Invalid(f"`{url[:100]}` is no URL of a page: it begins with neither https:// nor http://")
    if parts.username is not None or parts.password is not None:
        raise Invalid("a URL with a user or a password in it is not supported")
    usual = 443 if parts.scheme == "https" else 80
    name = parts.hostname.lower() + (f":{port}" if port not in (None, usual) else "")
    return name if parts.scheme == "https" else f"http://{name}"


def fetched(fetch: Fetch, url: str, *, named: bool = False, headers: Mapping[str, str] | None = None) -> Page:
    """A page that is there; `named` says that a person has named this very URL, so that its host need not be listed.

    `NotFound`, `Refused` and `Unavailable` say why there is none.
    """
    host = host_of(url)
    page = fetch(url.strip(), (host,) if named and not _is_inside(url) else (), headers or {})
    if page.status == 200:
        return page
    if page.status == 404:
        raise NotFound(f"nothing is at {url[:200]}")
    if page.status in (401, 403):
        raise Refused(f"{host} answers {page.status}")
    raise Unavailable(f"{host} answers {page.status}")


def _is_inside(url: str) -> bool:
    """Whether a URL gives an address that isn't of the whole internet: a list of pages must not lead in here."""
    try:
        return not ipaddress.ip_address(urlsplit(url.strip()).hostname or "").is_global
    except ValueError:
        return False
