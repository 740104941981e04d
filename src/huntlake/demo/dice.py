"""Random numbers that are the same on every machine, with every release of every library."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

Longs = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


class Dice:
    """One stream of random numbers (SplitMix64), told apart from all others by its names.

    The library's own generators may change their streams from release to release; this one can't. Only exact
    operations follow it (no logarithms), so that no processor rounds differently.
    """

    def __init__(self, seed: int, *names: object) -> None:
        self._seed = seed
        self._names = names
        digest = blake2b(repr((seed, *map(str, names))).encode(), digest_size=8).digest()
        self._key = np.uint64(int.from_bytes(digest, "little"))
        self._drawn = 0

    def named(self, *names: object) -> Dice:
        """An independent stream, which doesn't depend on what was drawn from this one."""
        return Dice(self._seed, *self._names, *names)

    def bits(self, count: int) -> npt.NDArray[np.uint64]:
        """`count` numbers of 64 random bits."""
        at = np.arange(self._drawn + 1, self._drawn + count + 1, dtype=np.uint64)
        self._drawn += count
        x = at * _GOLDEN + self._key
        x = (x ^ (x >> np.uint64(30))) * _MIX_1
        x = (x ^ (x >> np.uint64(27))) * _MIX_2
        return x ^ (x >> np.uint64(31))

    def random(self, count: int) -> Reals:
        """`count` numbers, 0 <= x < 1, evenly spread."""
        return (self.bits(count) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def below(self, count: int, limit: int) -> Longs:
        """`count` whole numbers, 0 <= x < limit."""
        return (self.random(count) * limit).astype(np.int64)

    def between(self, count: int, low: float, high: float) -> Reals:
        """`count` numbers, low <= x < high."""
        return low + self.random(count) * (high - low)

    def pick(self, count: int, weights: Sequence[float] | Reals) -> Longs:
        """`count` indexes into `weights`, each as often as its weight says."""
        edges = np.cumsum(np.asarray(weights, dtype=np.float64))
        index: Longs = np.searchsorted(edges, self.random(count) * edges[-1], side="right").astype(np.int64)
        return index

    def counts(self, rates: Reals) -> Longs:
        """How often each thing happens when it happens `rates` times on average: from none to about twice that."""
        spread = rates * (0.4 + 1.2 * self.random(len(rates)))
        return np.floor(spread + self.random(len(rates))).astype(np.int64)

    def chance(self, count: int, probability: float) -> Bools:
        """`count` answers, of which that share is yes."""
        return self.random(count) < probability
