"""Entities: the accounts, hosts, addresses and files that alerts are about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity: its kind, such as `Account` or `Ip`, and what is known of it, by Sentinel's names."""

    id: str
    kind: str
    properties: Mapping[str, Any] = field(default_factory=dict)


def called(entity: Entity) -> str:
    """What people call an entity, such as `ann@corp.example`; all that is known of one without a name."""
    known = entity.properties
    if entity.kind == "Account" and (account := known.get("accountName")):
        domain, suffix = known.get("ntDomain"), known.get("upnSuffix") or known.get("dnsDomain")
        text = f"{account}{f'@{suffix}' if suffix else ''}"
        return f"{domain}\\{text}" if domain and not suffix else text
    if entity.kind == "Host" and (host := known.get("hostName")):
        return f"{host}{f'.{d}' if (d := known.get('dnsDomain')) else ''}"
    return " ".join(str(v) for v in known.values() if v not in (None, ""))
