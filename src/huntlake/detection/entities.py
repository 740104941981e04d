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
