"""A compact filter of one block's terms: it may say that it holds a term that it doesn't, never the reverse.

A Bloom filter is filled in a wide vector first, and then folded to the size that the number of its terms asks for:
nobody has to count or sort the terms before. A place in the wide vector is a third of it and a place in that third;
a fold keeps the last bits of the latter, and the thirds or not. So there are the sizes 2ⁿ and 3·2ⁿ.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HASHES = 6
BITS_A_TERM = 10
"""At least; up to half as many more."""
WIDTH = 21
"""A third of the wide vector has 2 to this power bits."""
NARROWEST = 6

_SEEN = 1 << 16


class Filling:
    """The terms of one block after another."""

    def __init__(self) -> None:
        import numpy as np

        self._seen = np.zeros(_SEEN, np.uint64)
        self._last = np.zeros(_SEEN, np.int32)
        self._hashes: list[NDArray[np.uint64]] = []

    def add(self, hashes: NDArray[np.uint64]) -> None:
        """Take in terms; those that it has change nothing."""
        import numpy as np

        # Most terms stand in a block many times. Of those that meet in one spot the last one stays there; what it
        # equals, now or before, needs no setting again.
        spot = (hashes & np.uint64(_SEEN - 1)).astype(np.intp)
        hashes = hashes[fresh := self._seen[spot] != hashes]
        spot, number = spot[fresh], np.arange(len(hashes), dtype=np.int32)
        self._last[spot] = number
        last = self._last[spot]
        hashes = hashes[kept := (last == number) | (hashes[last] != hashes)]
        self._seen[spot[kept]] = hashes
        self._hashes.append(hashes)

    def take(self) -> tuple[int, NDArray[np.uint8]]:
        """The folded filter: its size, as `bytes_of` reads it, and its bytes. The next block begins with nothing."""
        import numpy as np

        # No wider than so many terms could need, were they all different: most files are small.
        hashes = np.concatenate(self._hashes) if self._hashes else np.empty(0, np.uint64)
        width = _size_for(len(hashes) * BITS_A_TERM)[0]
        bits = np.zeros((3, 1 << width), bool)
        flat, mask = bits.reshape(-1), (1 << width) - 1
        for thirds, within in places(hashes):
            flat[(thirds << width) | (within & mask)] = True
        self._hashes.clear()
        self._seen[:] = 0
        filled, whole = int(np.count_nonzero(bits)), bits.size
        terms = -whole / HASHES * math.log1p(-min(filled, whole - 1) / whole)
        power, in_thirds = _size_for(terms * BITS_A_TERM)
        power = min(power, width)
        folded = bits.reshape(3, -1, 1 << power).any(axis=1)
        folded = folded if in_thirds else folded.any(axis=0)
        return (power << 1) | in_thirds, np.packbits(folded.reshape(-1), bitorder="little")


def everything() -> tuple[int, NDArray[np.uint8]]:
    """The filter of a block that may hold any term."""
    import numpy as np

    return NARROWEST << 1, np.full((1 << NARROWEST) // 8, 0xFF, np.uint8)


def bytes_of(size: int) -> int:
    """How many bytes a filter of this size has."""
    return ((3 if size & 1 else 1) << (size >> 1)) // 8


def places(hashes: NDArray[np.uint64]) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """For each hash its places in the wide vector: the third, and where in it."""
    import numpy as np

    low, high = hashes & np.uint64(0xFFFFFFFF), (hashes >> np.uint64(32)) | np.uint64(1)
    thirds = (np.arange(256) % 3).astype(np.int64)
    found = []
    for _ in range(HASHES):
        third = thirds[((low >> np.uint64(24)) & np.uint64(0xFF)).astype(np.int64)]
        found.append((third, (low & np.uint64((1 << WIDTH) - 1)).astype(np.int64)))
        low = low + high
    return found


def _size_for(bits: float) -> tuple[int, int]:
    """The smallest size of so many bits: 2ⁿ, or 3·2ⁿ⁻¹ between it and the next."""
    for power in range(NARROWEST, WIDTH + 1):
        if 1 << power >= bits:
            return power, 0
        if 3 << (power - 1) >= bits and power > NARROWEST:
            return power - 1, 1
    return WIDTH, 1
