"""Incidents across rules: alerts that are about the same accounts, hosts, mailboxes or files belong together.

Grouping, as a rule's configuration has it, knows the alerts of that rule alone. An attack shows in many rules, one
after the other, and what ties its steps together are the things that they are about. Where a workspace wants it so, an
alert joins the open incident that holds one of its entities, and brings its own to those by which the next is found.

Only what tells one entity from all others counts (`EntityType.strong`), and only of kinds that few share: an address of
an office or a domain of a provider ties everything to everything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

import orjson

from huntlake.core.clock import Clock
from huntlake.core.errors import PreconditionFailed
from huntlake.detection.alerts import Alert
from huntlake.detection.entities import Entity
from huntlake.detection.entity_types import ENTITY_TYPES, EntityType
from huntlake.state.documents import Document, Shelf, Write
from huntlake.state.records import Author, Only, Owner, Records

LOOKBACK = timedelta(days=3)
"""An incident takes more alerts so long after its last, where the workspace doesn't say otherwise."""

KEPT = timedelta(days=30)
"""For how much longer it is remembered what an incident holds, for runs that are made up for."""

_KINDS = {t.kind: t for t in ENTITY_TYPES.values() if t.name in ("Account", "Host", "Mailbox", "FileHash")}
_EVERYWHERE = frozenset({"system", "local service", "network service", "anonymous logon", "localsystem"})
"""Accounts that every machine has, under the same identifiers."""
_DOMAINS_EVERYWHERE = frozenset(
    {
        "builtin",
        "font driver host",
        "iis apppool",
        "nt authority",
        "nt service",
        "nt virtual machine",
        "window manager",
        "workgroup",
    }
)
"""Domains that every machine has: an account or a host in one of them is another one on each."""
_SIDS_OF_ONE = ("s-1-5-21-", "s-1-12-1-")
"""How a SID begins that was given once: by a domain or a machine, and by Entra. All others are known everywhere."""
_NAMES_EVERYWHERE = frozenset({"localhost"})
_EMPTY = frozenset(hashlib.new(name, b"").hexdigest() for name in ("md5", "sha1", "sha256", "sha512"))
"""What every file without content has in common."""
_TIES = 4
_LINKS = UUID("0d3c6d0b-0a4e-4f39-8a58-1b6f7f5f4f0e")


@dataclass(frozen=True, slots=True)
class CorrelationSetting:
    """Whether alerts of a workspace's rules are correlated, and how long an incident takes more."""

    enabled: bool = False
    lookback: timedelta = LOOKBACK


@dataclass(frozen=True, slots=True)
class _Tie:
    """An incident that holds an entity, and the end of the window that saw it there last."""

    incident: str
    latest: datetime


@dataclass(frozen=True, slots=True)
class _Link:
    """The incidents that hold an entity, the one that was tied last at the end.

    There are several where runs of last week are made up for beside those of today.
    """

    ties: tuple[_Tie, ...] = ()


class Correlation:
    """Which incident holds which entity, for each workspace that wants its alerts correlated."""

    def __init__(self, shelf: Shelf, clock: Clock) -> None:
        self._clock = clock
        self._settings = Records(shelf, clock, "correlation", CorrelationSetting)
        self._links = Records(shelf, clock, "correlated entities", _Link)

    def setting(self, workspace: str) -> CorrelationSetting:
        """What the workspace wants."""
        found = self._settings.find((workspace,), "setting")
        return found.value if found else CorrelationSetting()

    def put(self, workspace: str, setting: CorrelationSetting, by: Author = Author()) -> None:
        """From now on this is what the workspace wants; incidents that there are stay as they are."""
        self._settings.put((workspace,), "setting", setting, by)

    def expire(self, workspace: str) -> int:
        """Forget what no run will ask for any more, and say how many entities were forgotten."""
        setting, gone = self.setting(workspace), 0
        oldest = self._clock.now() - setting.lookback - KEPT
        for link in self._links.list((workspace,)):
            if all(tie.latest < oldest for tie in link.value.ties):
                with suppress(PreconditionFailed):
                    gone += self._links.delete((workspace,), link.name, Only(link.etag))
        return gone

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
            for tie in self._of(key).ties:
                if at - self._lookback <= tie.latest <= at + self._lookback:
                    shared[tie.incident] = shared.get(tie.incident, 0) + 1
        return sorted(shared, key=lambda name: -shared[name])

    def tie(self, alert: Alert, incident: str, at: datetime) -> None:
        """From now on the incident holds the alert's entities."""
        for key in keys(alert):
            ties = self._of(key).ties
            latest = max([at, *(t.latest for t in ties if t.incident == incident)])
            others = [t for t in ties if t.incident != incident]
            self._after[key] = _Link((*others, _Tie(incident, latest))[-_TIES:])

    def writes(self, by: Author) -> Iterator[Write]:
        """What keeps all that was tied."""
        for key, link in self._after.items():
            before = self._before.get(key)
            if before is None or before.value != link:
                yield from self._records.prepared(self._owner, key, link, by, before)[1]

    def _of(self, key: str) -> _Link:
        if key in self._after:
            return self._after[key]
        if key not in self._before:
            self._before[key] = self._records.find(self._owner, key)
        found = self._before[key]
        return found.value if found else _Link()


def keys(alert: Alert) -> tuple[str, ...]:
    """By what an alert's entities are found again: a key for each way to tell one of them from all others."""
    return tuple(dict.fromkeys(key for entity in alert.entities for key in ties(entity)))


def ties(entity: Entity) -> Iterator[str]:
    """A key for each way to tell an account, a host, a mailbox or a file from all others; nothing for other kinds."""
    type = _KINDS.get(entity.kind)
    if type is None or is_everywhere(entity):
        return
    known = _identifiers(type, entity.properties)
    if known.get("NTDomain") in _DOMAINS_EVERYWHERE:
        del known["NTDomain"]
    if not known.get("Sid", "").startswith(_SIDS_OF_ONE):
        known.pop("Sid", None)
    for strong in type.strong:
        if strong <= known.keys():
            yield uuid5(_LINKS, orjson.dumps([type.kind, sorted((i, known[i]) for i in strong)]).decode()).hex


def is_everywhere(entity: Entity) -> bool:
    """Whether every machine has it: two sightings of it have nothing to do with each other."""
    type = _KINDS.get(entity.kind)
    if type is None:
        return False
    known = _identifiers(type, entity.properties)
    return (
        known.get("Name") in _EVERYWHERE or known.get("HostName") in _NAMES_EVERYWHERE or known.get("Value") in _EMPTY
    )


def _identifiers(type: EntityType, properties: Mapping[str, object]) -> dict[str, str]:
    return {i: str(properties[p]).lower() for i, p in type.identifiers.items() if properties.get(p) not in (None, "")}
