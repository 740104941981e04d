"""How sure a hypothesis is: what came of hypotheses that were as sure, once enough is known of that."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

LEAST_OUTCOMES = 200
"""Before so many outcomes are known a confidence is only low, medium or high."""

_LOW, _HIGH = 1 / 3, 2 / 3


@dataclass(frozen=True, slots=True)
class Calibration:
    """A curve that never falls: from which confidence on, how many came true."""

    steps: tuple[tuple[float, float], ...] = ()

    def of(self, confidence: float) -> float:
        """How often hypotheses that were as sure came true; the confidence itself where too little is known."""
        if not self.steps:
            return confidence
        return self.steps[max(bisect_right(self.steps, (confidence, 2.0)) - 1, 0)][1]

    @property
    def is_known(self) -> bool:
        """Whether its figures mean something by themselves."""
        return bool(self.steps)


def calibrated(outcomes: Iterable[tuple[float, bool]]) -> Calibration:
    """The isotonic regression of what came true on how sure it was; none from fewer than `LEAST_OUTCOMES`."""
    known = sorted(outcomes)
    if len(known) < LEAST_OUTCOMES:
        return Calibration()
    pools: list[tuple[float, float, int]] = []
    for confidence, true in known:
        pools.append((confidence, float(true), 1))
        # Neighbours that fall are one pool, and what is true of both is true of it; so are those that were as sure.
        while len(pools) > 1 and (pools[-2][0] == confidence or _share(pools[-2]) >= _share(pools[-1])):
            _, right, many = pools.pop()
            start, left, few = pools.pop()
            pools.append((start, left + right, few + many))
    return Calibration(tuple((start, true / count) for start, true, count in pools))


def _share(pool: tuple[float, float, int]) -> float:
    _, true, count = pool
    return true / count


def level(confidence: float) -> str:
    """The confidence in a word."""
    return "low" if confidence < _LOW else "medium" if confidence < _HIGH else "high"
