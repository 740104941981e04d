"""How many rows a day a query gives, from the windows that were looked at, and how sure that is."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from huntlake.hunting.proof.finding import Volume

Span = tuple[datetime, datetime]

MOST_WINDOWS = 31
_Z = 1.959963984540054
"""The normal distribution's bounds of 95 %."""
_SHARE = 0.01
_LEAST_SAMPLED = 3


def windows(now: datetime, history: timedelta, period: timedelta) -> tuple[Span, ...]:
    """The windows that runs would have looked at over the history, the newest first; the ends don't belong to them.

    Where there would be more than `MOST_WINDOWS`, they are longer than the period.
    """
    length = max(period, history / MOST_WINDOWS)
    count = max(1, round(history / length))
    return tuple((now - (n + 1) * length, now - n * length) for n in range(count))


def sampled(count: int, seed: int) -> tuple[int, ...]:
    """The places of the windows that are looked at first: the newest, and some more that the seed chooses."""
    more = min(count - 1, max(_LEAST_SAMPLED - 1, math.ceil(count * _SHARE)))
    return (0, *sorted(random.Random(seed).sample(range(1, count), more)))


def estimated(counts: Sequence[int], length: timedelta, said: str) -> Volume:
    """Rows a day by the rows of some windows, each so long.

    The interval is that of a Poisson count, wider by as much as the windows differ more than such counts do.
    """
    days = length / timedelta(days=1) * len(counts)
    total = sum(counts)
    spread = _spread(counts)
    # As if there had been fewer, independent rows: those that come in crowds tell less.
    low, high = (bound * spread for bound in interval(total / spread))
    return Volume(total / days, low / days, high / days, said)


def interval(count: float) -> tuple[float, float]:
    """The 95 % interval of the mean of a Poisson count, exact but for Wilson and Hilferty's approximation."""
    low = 0.0 if count <= 0 else max(0.0, _cubed(count, -_Z))
    return low, _cubed(count + 1, _Z)


def _cubed(count: float, z: float) -> float:
    return count * (1 - 1 / (9 * count) + z / (3 * math.sqrt(count))) ** 3 if count > 0 else 0.0


def _spread(counts: Sequence[int]) -> float:
    """How much more counts differ than chance would have it; at least 1."""
    mean = sum(counts) / len(counts)
    if len(counts) < 2 or not mean:
        return 1.0
    variance = sum((c - mean) ** 2 for c in counts) / (len(counts) - 1)
    return max(1.0, variance / mean)
