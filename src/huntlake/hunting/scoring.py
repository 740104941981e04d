"""How urgent a hunt is: one number, of parts that are kept beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from math import sqrt


class SignalKind(StrEnum):
    """What a hunt may follow."""

    REPORT = "report"
    INDICATOR = "indicator"
    INCIDENT = "incident"
    CHANGE = "change"
    ANOMALY = "anomaly"


HALF_LIFE: Mapping[SignalKind, timedelta] = {
    SignalKind.REPORT: timedelta(days=30),
    SignalKind.INDICATOR: timedelta(days=14),
    SignalKind.INCIDENT: timedelta(days=90),
    SignalKind.CHANGE: timedelta(days=14),
    SignalKind.ANOMALY: timedelta(days=3),
}
"""After what time a signal says half of what it said."""


@dataclass(frozen=True, slots=True)
class SignalStrength:
    """What a signal says for a hunt: how far its source is trusted, how sure it is that it says so, and its age.

    `trust` and `extraction` lie between 0 and 1.
    """

    trust: float
    extraction: float
    age: timedelta
    kind: SignalKind

    @property
    def weight(self) -> float:
        """What is left of it, from 0 to 1."""
        left: float = 2.0 ** (-max(self.age, timedelta()) / HALF_LIFE[self.kind])
        return self.trust * self.extraction * left


@dataclass(frozen=True, slots=True)
class Weights:
    """What each part counts for; `version` names them in what was scored by them."""

    version: str = "1"
    threat: float = 0.30
    exposure: float = 0.20
    gap: float = 0.15
    yielded: float = 0.15
    anomaly: float = 0.10
    recency: float = 0.10
    cost: float = 10.0


@dataclass(frozen=True, slots=True)
class Parts:
    """What is known of a hunt before it runs, each from 0 to 1.

    `threat`: what signals say for it. `exposure`: the share of assets, by how critical they are, that it concerns.
    `visibility`: the share of the log sources it needs that have fresh rows. `gap`: 1 less the coverage by enabled
    rules. `yielded`: how often its like found something. `anomaly`: what is unusual in its window. `recency`: of a
    change it follows. `duplicate`: how alike it is to a hunt of late. `cost`: its estimate as a share of the budget.
    """

    threat: float
    exposure: float = 0.0
    visibility: float = 1.0
    gap: float = 0.0
    yielded: float = 0.0
    anomaly: float = 0.0
    recency: float = 0.0
    duplicate: float = 0.0
    cost: float = 0.0


def threat(signals: Iterable[SignalStrength]) -> float:
    """What several signals say together, from 0 to 1: each leaves less room for doubt."""
    doubt = 1.0
    for signal in signals:
        doubt *= 1 - signal.weight
    return 1 - doubt


def priority(parts: Parts, weights: Weights = Weights()) -> float:
    """The urgency of a hunt, at most 100; what can't be seen at all isn't urgent but a gap in the data."""
    said = (
        weights.threat * parts.threat
        + weights.exposure * parts.exposure
        + weights.gap * parts.gap
        + weights.yielded * parts.yielded
        + weights.anomaly * parts.anomaly
        + weights.recency * parts.recency
    )
    return 100 * said * sqrt(parts.visibility) * (1 - parts.duplicate) - weights.cost * parts.cost


def yielded(true: int, runs: int, before: float = 1.0, against: float = 3.0) -> float:
    """How often hunts of a kind find something, out of those that ran; few runs say little beside what is usual."""
    return (before + true) / (before + against + runs)
