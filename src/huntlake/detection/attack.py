"""The identifiers of ATT&CK's techniques: which there are, and what took the place of those that were revoked."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

_FILE = Path(__file__).parent.parent / "content" / "attack" / "techniques.txt"


def is_technique(id: str) -> bool:
    """Whether there is such a technique now.

    Those of industrial systems, `T0…`, are taken as given, and so are those of later versions, whose numbers are higher
    than any here.
    """
    known = _known()[0]
    return id.startswith("T0") or id in known or id[:5] > max(known)[:5]


def successor(id: str) -> str | None:
    """What took the place of a technique that was revoked; None for any other."""
    revoked = _known()[1]
    found = revoked.get(id)
    while found is not None and found in revoked:
        found = revoked[found]
    return found


@cache
def _known() -> tuple[frozenset[str], Mapping[str, str]]:
    ids: set[str] = set()
    revoked: dict[str, str] = {}
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        match line.split():
            case ["#", *_] | []:
                pass
            case [before, ">", after]:
                revoked[before] = after
            case [technique, *parts]:
                ids |= {technique, *(f"{technique}.{part}" for part in parts)}
    return frozenset(ids), revoked
