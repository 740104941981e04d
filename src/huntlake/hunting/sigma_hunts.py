"""Rules of Sigma as hunts that could be run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

from huntlake.core.errors import Invalid
from huntlake.detection.sigma.sources import sources
from huntlake.hunting.retrieval import HuntCandidate

_TECHNIQUE = re.compile(r"attack\.(t\d{4}(?:\.\d{3})?)", re.IGNORECASE)
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LONGEST = 3_000
_MOST_PIECES = 10_000


def sigma_hunts(folder: Path) -> dict[Path, HuntCandidate]:
    """The rules below a folder by their file, where their log source is one that has a table; others are left out."""
    found = {}
    for path in sorted(folder.rglob("*.yml")):
        if (candidate := sigma_hunt(path.read_text(encoding="utf-8"), path.name)) is not None:
            found[path] = candidate
    return found


@lru_cache(maxsize=8_192)
def sigma_hunt(text: str, name: str) -> HuntCandidate | None:
    """A rule as a hunt; None for what is no rule, or of a log source that has no table. It isn't converted yet.

    What was read is remembered: thousands are asked for again and again, by the same texts.
    """
    try:
        rule = yaml.load(text, _LOADER)
    except yaml.YAMLError as error:
        raise Invalid(f"{name} is no YAML: {error}") from None
    if not isinstance(rule, dict) or not isinstance(rule.get("detection"), dict):
        return None
    log = rule.get("logsource")
    if not isinstance(log, dict):
        return None
    places = sources(*(_text(log.get(key)) or None for key in ("product", "category", "service")))
    if not places:
        return None
    tags = rule.get("tags") if isinstance(rule.get("tags"), list) else []
    return HuntCandidate(
        _text(rule.get("id")) or name,
        _text(rule.get("title")),
        _text(rule.get("description")),
        " ".join(islice(_values(rule["detection"]), _LONGEST))[:_LONGEST],
        frozenset(m[1].upper() for tag in tags or () if (m := _TECHNIQUE.fullmatch(str(tag)))),
        tuple(dict.fromkeys(place.table for place in places)),
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _values(value: Any) -> Iterator[str]:
    """The fields that a detection asks for, and what it asks of them."""
    # By its aliases a short text of YAML may be endless: so many pieces are looked at.
    waiting, left = [value], _MOST_PIECES
    while waiting and left:
        left -= 1
        match waiting.pop():
            case dict() as mapping:
                for key, inner in reversed(mapping.items()):
                    waiting += [inner, str(key)]
            case list() as several:
                waiting += reversed(several)
            case one:
                yield str(one)
