"""Incidents across rules: alerts that are about the same accounts, hosts, mailboxes or files belong together.

Grouping, as a rule's configuration has it, knows the alerts of that rule alone. An attack shows in many rules, one
after the other, and what ties its steps together are the things that they are about. Where a workspace wants it so, an
alert joins the open incident that holds one of its entities, and brings its own to those by which the next is found.

Only what tells one entity from all others counts (`EntityType.strong`), and only of kinds that few share: an address of
an office or a domain of a provider ties everything to everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

import orjson

from huntlake.core.clock import Clock
from huntlake.detection.alerts import Alert
from huntlake.detection.entities import Entity
from huntlake.detection.entity_types import ENTITY_TYPES, EntityType
from huntlake.state.documents import Document, Shelf, Write
from huntlake.state.records import Author, Owner, Records

LOOKBACK = timedelta(days=3)
"""An incident takes more alerts so long after its last, where the workspace doesn't say otherwise."""

_KINDS = {t.kind: t for t in ENTITY_TYPES.values() if t.name in ("Account", "Host", "Mailbox", "FileHash")}
_EVERYWHERE = frozenset({"system", "local service", "network service", "anonymous logon", "localsystem"})
"""Accounts that every machine has, under the same identifiers."""
_EVERYWHERE_SIDS = frozenset({"s-1-5-18", "s-1-5-19", "s-1-5-20", "s-1-5-7", "s-1-0-0"})
_LINKS = UUID("0d3c6d0b-0a4e-4f39-8a58-1b6f7f5f4f0e")


@dataclass(frozen=True, slots=True)
class CorrelationSetting:
    """Whether alerts of a workspace's rules are correlated, and how long an incident takes more."""

    enabled: bool = False
    lookback: timedelta = LOOKBACK


@dataclass(frozen=True, slots=True)
class _Link:
    """The incident that holds an entity, and the end of the window that saw it there last."""

    incident: str
    latest: datetime


class Correlation:
    """Which incident holds which entity, for each workspace that wants its alerts correlated."""

    def __init__(self, shelf: Shelf, clock: Clock) -> None:
        self._settings = Records(shelf, clock, "correlation", CorrelationSetting)
        self._links = Records(shelf, clock, "correlated entities", _Link)

    def setting(self, workspace: str) -> CorrelationSetting:
        """What the workspace wants."""
        found = self._settings.find((workspace,), "setting")
        return found.value if found else CorrelationSetting()

    def put(self, workspace: str, setting: CorrelationSetting, by: Author = Author()) -> None:
        """From now on this is what the workspace wants; incidents that there are stay as they are."""
        self._settings.put((workspace,), "setting", setting, by)

    def over(self, owner: Owner) -> Links | None:
        """What is known, for one run; None where the workspace doesn't correlate."""
        setting = self.setting(owner[0])
        return Links(self._links, owner, setting.lookback) if setting.enabled else None


class Links:
    """Which incident holds which entity, as one run reads it and leaves it."""

    def __init__(self, links: Records[_Link], owner: Owner, lookback: timedelta) -> None:
        self._records, self._owner, self._lookback = links, owner, lookback
        self._before: dict[str, Document[_Link] | None] = {}
        self._after: dict[str, _Link] = {}

    def candidates(self, alert: Alert, at: datetime) -> list[str]:
        """The incidents that hold an entity of the alert, those with more of them first."""
        shared: dict[str, int] = {}
        for key in keys(alert):
            link = self._of(key)
            if link is not None and at - self._lookback <= link.latest <= at + self._lookback:
                shared[link.incident] = shared.get(link.incident, 0) + 1
        return sorted(shared, key=lambda name: -shared[name])

    def tie(self, alert: Alert, incident: str, at: datetime) -> None:
        """From now on the incident holds the alert's entities."""
        for key in keys(alert):
            known = self._of(key)
            latest = max(at, known.latest) if known is not None and known.incident == incident else at
            self._after[key] = _Link(incident, latest)

    def writes(self, by: Author) -> Iterator[Write]:
        """What keeps all that was tied."""
        for key, link in self._after.items():
            before = self._before.get(key)
            if before is None or before.value != link:
                yield from self._records.prepared(self._owner, key, link, by, before)[1]

    def _of(self, key: str) -> _Link | None:
        if key in self._after:
            return self._after[key]
        if key not in self._before:
            self._before[key] = self._records.find(self._owner, key)
        found = self._before[key]
        return found.value if found else None


def keys(alert: Alert) -> tuple[str, ...]:
    """By what an alert's entities are found again: a key for each way to tell one of them from all others."""
    return tuple(dict.fromkeys(key for entity in alert.entities for key in _keys(entity)))


def _keys(entity: Entity) -> Iterator[str]:
    type = _KINDS.get(entity.kind)
    if type is None:
        return
    known = _identifiers(type, entity.properties)
    if known.get("Name", "") in _EVERYWHERE or known.get("Sid", "") in _EVERYWHERE_SIDS:
        return
    for strong in type.strong:
        if strong <= known.keys():
            yield uuid5(_LINKS, orjson.dumps([type.kind, sorted((i, known[i]) for i in strong)]).decode()).hex


def _identifiers(type: EntityType, properties: Mapping[str, object]) -> dict[str, str]:
    return {i: str(properties[p]).lower() for i, p in type.identifiers.items() if properties.get(p) not in (None, "")}
