"""A signal: something that makes a hunt worth while, with what was read out of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from huntlake.hunting.scoring import SignalKind


@dataclass(frozen=True, slots=True)
class Quote:
    """What a signal says of something: the words, where they stand for people, and the characters they span."""

    text: str
    place: str = ""
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class SignalTechnique:
    """A technique of ATT&CK that a signal speaks of, how surely from 0 to 1, by whose word, and the words.

    `origin` is `stated`, `model` (coefficients that were learned), `tagged` by a source, or `llm`. `revoked` are ids
    that it took the place of.
    """

    id: str
    confidence: float
    origin: str
    quotes: tuple[Quote, ...] = ()
    revoked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SignalIndicator:
    """An indicator: `kind` is a value of `IndicatorKind`, `value` its plain form.

    `known_good` says why nobody hunts for it; nothing where one would.
    """

    kind: str
    value: str
    quote: Quote = Quote("")
    known_good: str = ""


@dataclass(frozen=True, slots=True)
class SignalEntity:
    """Someone or something of this place: `type` is one of Sentinel's, such as `Account`, `Host`, `IP`."""

    type: str
    value: str


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal. What it says is data: never an instruction, whatever its words are.

    `source` names where it comes from (`report`, `stix`, `taxii`, `misp`, `incident`, `incident trend`, `change`,
    `vulnerability`, `anomaly`), `reference` which one there (file, URL, id). `observed` is when it was said or seen,
    `received` when it came here; `trust`, from 0 to 1, is the source's. `digest` is the SHA-256 of what came in, by
    which a signal that comes twice is one. `tables` are those it was seen in, `query` KQL that shows it.
    """

    kind: SignalKind
    title: str
    source: str
    reference: str
    observed: datetime
    received: datetime
    trust: float
    digest: str
    text: str = ""
    summary: str = ""
    techniques: tuple[SignalTechnique, ...] = ()
    indicators: tuple[SignalIndicator, ...] = ()
    entities: tuple[SignalEntity, ...] = ()
    actors: tuple[str, ...] = ()
    software: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    query: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Its name among the workspace's signals: the same for the same thing from the same source."""
        return hashlib.sha256(f"{self.source}\n{self.digest}".encode()).hexdigest()[:16]
