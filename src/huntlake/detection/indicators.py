"""Threat-intelligence indicators: patterns that, once seen, mean something bad."""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from huntlake.core.clock import Clock
from huntlake.core.errors import Invalid
from huntlake.state.documents import Put, Shelf, Write
from huntlake.state.records import Author, Owner, Records

KIND = "indicators"


@dataclass(frozen=True, slots=True)
class KillChainPhase:
    """A phase of an attack, and the model it is of."""

    kill_chain_name: str
    phase_name: str


@dataclass(frozen=True, slots=True)
class ExternalReference:
    """Where more is said of an indicator."""

    source_name: str | None = None
    description: str | None = None
    external_id: str | None = None
    url: str | None = None
    hashes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Indicator:
    """An indicator; `pattern` is a STIX pattern, such as `[ipv4-addr:value = '192.0.2.1']`."""

    pattern: str
    pattern_type: str
    display_name: str = ""
    source: str = ""
    description: str | None = None
    threat_types: tuple[str, ...] = ()
    indicator_types: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    confidence: int | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    revoked: bool = False
    pattern_version: str | None = None
    kill_chain_phases: tuple[KillChainPhase, ...] = ()
    external_id: str | None = None
    external_references: tuple[ExternalReference, ...] = ()
    external_last_updated: datetime | None = None
    created_by_ref: str | None = None
    defanged: bool | None = None
    object_marking_refs: tuple[str, ...] = ()
    language: str | None = None
    extensions: Mapping[str, Any] = field(default_factory=dict)
    created: datetime | None = None
    modified: datetime | None = None


@dataclass(frozen=True, slots=True)
class PatternValue:
    """One comparison of a pattern: `ipv4-addr`, and the value it is compared with."""

    key: str
    value_type: str
    value: str


_COMPARISON = re.compile(r"([a-z0-9-]{1,64}):([\w.'-]{1,128}?)\s*=\s*'((?:[^'\\]|\\.)*)'")


def comparisons(pattern: str) -> list[PatternValue]:
    """What a STIX pattern compares for equality; other comparisons aren't listed."""
    return [PatternValue(k, property, re.sub(r"\\(.)", r"\1", v)) for k, property, v in _COMPARISON.findall(pattern)]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which indicators are asked for; empty and None mean any."""

    sources: tuple[str, ...] = ()
    pattern_types: tuple[str, ...] = ()
    threat_types: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    min_confidence: int | None = None
    max_confidence: int | None = None
    min_valid_until: datetime | None = None
    max_valid_until: datetime | None = None
    include_disabled: bool = False

    def holds(self, name: str, indicator: Indicator) -> bool:
        """Whether an indicator is one of those."""
        confidence, until = indicator.confidence or 0, indicator.valid_until
        return (
            (self.include_disabled or not indicator.revoked)
            and _among(self.sources, (indicator.source,))
            and _among(self.pattern_types, (indicator.pattern_type,))
            and _among(self.threat_types, indicator.threat_types)
            and _among(self.ids, (name, indicator.external_id or ""))
            and (self.min_confidence is None or confidence >= self.min_confidence)
            and (self.max_confidence is None or confidence <= self.max_confidence)
            and (self.min_valid_until is None or (until is not None and until >= self.min_valid_until))
            and (self.max_valid_until is None or (until is not None and until <= self.max_valid_until))
            and (not self.keywords or any(k.lower() in _text(indicator) for k in self.keywords))
        )


@dataclass(frozen=True, slots=True)
class Metrics:
    """How many indicators there are of each kind, by what they tell."""

    last_updated: datetime | None
    threat_types: Mapping[str, int]
    pattern_types: Mapping[str, int]
    sources: Mapping[str, int]


def indicators(shelf: Shelf, clock: Clock) -> Records[Indicator]:
    """The indicators of each workspace."""
    return Records(shelf, clock, KIND, Indicator, _stamped, (), lambda change: [mark(change.owner[0])])


def collection(workspace: str) -> str:
    """Where the indicators of a workspace are kept."""
    return f"{KIND} of {workspace}"


def changes_of(workspace: str) -> tuple[str, str]:
    """The collection and the name of the document whose ETag changes whenever an indicator of a workspace does."""
    return "changes of indicators", workspace


def mark(workspace: str) -> Write:
    """What is written with every change."""
    return Put(*changes_of(workspace), {}, uuid.uuid4().hex)


def metrics(records: Records[Indicator], owner: Owner) -> Metrics:
    """How many indicators a workspace has."""
    known = [d.value for d in records.list(owner)]
    return Metrics(
        max((i.modified for i in known if i.modified), default=None),
        Counter(t for i in known for t in i.threat_types),
        Counter(i.pattern_type for i in known),
        Counter(i.source for i in known),
    )


def _stamped(indicator: Indicator, before: Indicator | None, _: Author, now: datetime) -> Indicator:
    if indicator.confidence is not None and not 0 <= indicator.confidence <= 100:
        raise Invalid("an indicator's `confidence` lies between 0 and 100")
    since, until = indicator.valid_from, indicator.valid_until
    if since is not None and until is not None and until <= since:
        raise Invalid("an indicator's `validUntil` is not after its `validFrom`")
    return replace(indicator, created=(before.created if before else indicator.created) or now, modified=now)


def _among(wanted: tuple[str, ...], values: tuple[str, ...]) -> bool:
    return not wanted or bool({w.lower() for w in wanted} & {v.lower() for v in values})


def _text(indicator: Indicator) -> str:
    return "\n".join((indicator.display_name, indicator.description or "", indicator.pattern)).lower()
