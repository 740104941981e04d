"""The entities of alerts as `SecurityAlert` holds them, whoever raised the alert."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from huntlake.core.errors import Invalid

_MOST, _DEEPEST = 5_000, 50


@dataclass(frozen=True, slots=True)
class AlertEntity:
    """An entity: its type in small letters, such as `account`, and its properties by Sentinel's names."""

    type: str
    properties: Mapping[str, Any]

    def text(self, name: str) -> str:
        """A property as text; nothing where there is none."""
        value = self.properties.get(name)
        return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class AlertFacts:
    """What of an alert it is grouped and asked by."""

    id: str
    title: str
    description: str
    start: datetime
    end: datetime
    entities: tuple[AlertEntity, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    """Its extended properties."""


def alert_entities(text: str) -> tuple[AlertEntity, ...]:
    """What the column `Entities` holds, those within others too; a reference to another stands for nothing new."""
    try:
        found = orjson.loads(text or "[]")
    except orjson.JSONDecodeError as error:
        raise Invalid(f"the entities of an alert are no JSON: {error}") from None
    entities = []
    for one in _within(found, 0):
        if isinstance(one.get("Type"), str):
            entities.append(AlertEntity(one["Type"].lower(), one))
            if len(entities) > _MOST:
                raise Invalid(f"an alert has more than {_MOST:,} entities")
    return tuple(entities)


def _within(value: Any, depth: int) -> Iterator[Mapping[str, Any]]:
    if depth > _DEEPEST:
        raise Invalid(f"the entities of an alert are more than {_DEEPEST} deep in each other")
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _within(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _within(inner, depth + 1)
