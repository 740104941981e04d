"""What reports name without meaning that it is bad."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path

_FILE = Path(__file__).parents[2] / "content" / "extraction" / "well_known.txt"

_RESOLVERS = frozenset(
    {"1.0.0.1", "1.1.1.1", "4.2.2.2", "8.8.4.4", "8.8.8.8", "9.9.9.9", "208.67.220.220", "208.67.222.222"}
    | {"2001:4860:4860::8844", "2001:4860:4860::8888", "2606:4700:4700::1001", "2606:4700:4700::1111", "2620:fe::fe"}
)
_INSIDE = tuple(
    ipaddress.ip_network(n)
    for n in (
        "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.168.0.0/16 224.0.0.0/3 "
        "::/127 fc00::/7 fe80::/10 ff00::/8"
    ).split()
)
"""Addresses that mean something only inside a network, or no machine at all.

Those reserved for documentation aren't among them: fictional reports, and tests of a hunt, are made of them.
"""

_EMPTY = frozenset(
    {
        "d41d8cd98f00b204e9800998ecf8427e",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    }
)


class Standing(StrEnum):
    """What is known of a name."""

    REFERENCE = "reference"
    SHARED = "shared"
    PRODUCT = "product"


def standing(domain: str) -> Standing | None:
    """What is known of a domain, or of one above it; None for a stranger."""
    known = _known()
    name = domain.lower()
    while name:
        if (found := known.get(name)) is not None:
            return found
        _, _, name = name.partition(".")
    return None


def why_good_address(address: str) -> str:
    """Why nobody hunts for an address or a network; nothing where one would."""
    network = ipaddress.ip_network(address, strict=False)
    if any(network.version == n.version and network.subnet_of(n) for n in _INSIDE):  # type: ignore[arg-type]
        return "an address inside networks"
    return "a public resolver" if str(network.network_address) in _RESOLVERS else ""


def why_good_hash(digest: str) -> str:
    """Why nobody hunts for a hash; nothing where one would."""
    return "the hash of no bytes" if digest in _EMPTY else ""


@cache
def _known() -> Mapping[str, Standing]:
    found: dict[str, Standing] = {}
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        kind, *names = line.split() or ("#",)
        if kind != "#":
            found |= dict.fromkeys(names, Standing(kind))
    return found
