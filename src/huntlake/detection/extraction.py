"""Entities out of rows: what an alert is about."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid5

import orjson

from huntlake.detection.entities import Entity
from huntlake.detection.entity_types import ENTITY_TYPES, EntityType, entity_type
from huntlake.detection.rules import EntityMapping

_ENTITIES = UUID("3a5be9c7-40f6-4f5b-9d8d-6d6f4b1a2e10")
_TRUTHS = {"true": True, "false": False, "1": True, "0": False}
_KINDS = {t.kind: t for t in ENTITY_TYPES.values()}
_ALERT_TYPES = {t.alert_type.lower(): t for t in ENTITY_TYPES.values()}


def text_of(value: Any) -> str:
    """A value of a row as a text; nothing for none."""
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def mapped(mapping: EntityMapping, row: Mapping[str, Any]) -> Entity | None:
    """The entity that a row names; None where every column is empty, or missing."""
    type = entity_type(mapping.entity_type)
    if type is None:
        return None
    given = {m.identifier: text_of(row.get(m.column_name)).strip() for m in mapping.field_mappings}
    return entity(type, {identifier: value for identifier, value in given.items() if value})


def from_alerts(value: Any) -> tuple[Entity, ...]:
    """The entities in a column such as `SecurityAlert.Entities`; what isn't an entity of a known type is left out."""
    try:
        listed = orjson.loads(value) if isinstance(value, str) and value else value
    except orjson.JSONDecodeError:
        return ()
    found = []
    for one in listed if isinstance(listed, list) else ():
        type = _ALERT_TYPES.get(str(one.get("Type", "")).lower()) if isinstance(one, dict) else None
        if type is None:
            continue
        given = {i: text_of(v) for n, v in one.items() if (i := type.identifier(n)) and not isinstance(v, dict | list)}
        if made := entity(type, {i: v for i, v in given.items() if v}):
            found.append(made)
    return tuple(found)


def entity(type: EntityType, given: Mapping[str, str]) -> Entity | None:
    """The entity of that type with those identifiers; None where there are none.

    Its id is made of a strong identifier where it has one, and else of all that is known of it.
    """
    known = _parted(type, given)
    if not known:
        return None
    strong = next((s for s in type.strong if s <= known.keys()), None)
    telling = sorted((i, known[i].lower()) for i in (known if strong is None else strong))
    id = uuid5(_ENTITIES, orjson.dumps([type.kind, telling]).decode())
    properties: dict[str, Any] = {}
    for identifier, property in type.identifiers.items():
        if identifier in known:
            value = known[identifier]
            properties[property] = _TRUTHS.get(value.lower(), value) if identifier.startswith("Is") else value
    return Entity(str(id), type.kind, properties)


def merged(found: Iterable[Entity]) -> tuple[Entity, ...]:
    """Each entity once, with all that is known of it; of two values the first counts."""
    by_id: dict[str, Entity] = {}
    for one in found:
        before = by_id.get(one.id)
        more = {**one.properties, **before.properties} if before else one.properties
        by_id[one.id] = Entity(one.id, one.kind, more)
    return tuple(by_id.values())


def entities_json(entities: Sequence[Entity]) -> str:
    """Entities as `SecurityAlert.Entities` holds them."""
    listed = []
    for number, one in enumerate(entities, start=2):
        type = _KINDS.get(one.kind)
        if type is None:
            listed.append({"$id": str(number), **one.properties, "Type": one.kind.lower()})
            continue
        names = {property: identifier for identifier, property in type.identifiers.items()}
        known = {names[p]: v for p, v in one.properties.items() if p in names}
        listed.append({"$id": str(number), **known, "Type": type.alert_type})
    return orjson.dumps(listed).decode()


def _parted(type: EntityType, given: Mapping[str, str]) -> dict[str, str]:
    """The identifiers, in which a full name is told as its parts."""
    known = dict(given)
    full = known.pop("FullName", "")
    parts: dict[str, str] = {}
    if full and type.name == "Account":
        parts = _account(full)
    elif full and type.name == "Host":
        parts = _host(full)
    # What a rule says by itself counts more than what its full name says.
    return {**{k: v for k, v in parts.items() if v}, **known}


def _account(full: str) -> dict[str, str]:
    domain, slash, name = full.partition("\\")
    if slash:
        return {"Name": name, "DnsDomain" if "." in domain else "NTDomain": domain}
    name, at, suffix = full.rpartition("@")
    return {"Name": name, "UPNSuffix": suffix} if at and name else {"Name": full}


def _host(full: str) -> dict[str, str]:
    domain, slash, name = full.partition("\\")
    if slash:
        return {"HostName": name, "NTDomain": domain}
    try:
        ipaddress.ip_address(full)
    except ValueError:
        host, _, rest = full.partition(".")
        return {"HostName": host, "DnsDomain": rest}
    return {"HostName": full}
