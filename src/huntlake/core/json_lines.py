"""Lines of JSON out of files that others have written: one that is broken is told, and loses no other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from huntlake.core.errors import Invalid


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What stands for a line that is no JSON, so that the places of the others stay."""

    reason: str


def json_lines(data: bytes) -> list[Any]:
    """The values of lines, without empty ones; `Invalid` where no line is a mapping: those are no lines of JSON."""
    found: list[Any] = []
    for line in data.splitlines():
        if line.strip():
            try:
                found.append(orjson.loads(line))
            except orjson.JSONDecodeError as error:
                found.append(Unreadable(f"it is no JSON: {error}"))
    if not any(isinstance(one, dict) for one in found):
        first = next((one.reason for one in found if isinstance(one, Unreadable)), "it is no JSON: there is nothing")
        raise Invalid(f"that is neither JSON nor lines of it: of the first line, {first}")
    return found


def why_no_mapping(one: Any) -> str:
    """Why something that isn't a mapping can't be used."""
    return one.reason if isinstance(one, Unreadable) else "it is not a mapping"
