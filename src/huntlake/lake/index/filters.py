"""A compact filter of the terms of one block of rows: it may say that it holds a term that it doesn't, never the reverse.

A Bloom filter is filled in a wide vector first and then folded to the size that the number of its terms asks for:
nobody has to count or sort the terms before. A fold keeps each bit at its place modulo the new size, which therefore
divides the old one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HASHES = 6
BITS_A_TERM = 12

_WIDTH = 2**16 * 3 * 5 * 7
"""Bits of the wide vector: many sizes divide it."""
_SIZES = tuple(sorted(n for i in range(6, 17) for m in (1, 3, 5, 7, 15, 21, 35, 105) if _WIDTH % (n := 2**i * m) == 0))


def places(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The places of each hash in the wide vector, a row to each."""
    import numpy as np

    low, high = hashes & np.uint64(0xFFFFFFFF), (hashes >> np.uint64(32)) | np.uint64(1)
    steps = np.arange(HASHES, dtype=np.uint64)
    found: NDArray[np.int64] = ((low[:, None] + steps * high[:, None]) % np.uint64(_WIDTH)).astype(np.int64)
    return found


class Filling:
    """The wide vector, filled by one block after another."""

    def __init__(self) -> None:
        import numpy as np

        self._bits = np.zeros(_WIDTH, bool)

    def add(self, hashes: NDArray[np.uint64]) -> None:
        """Take in terms; those that it has change nothing."""
        import numpy as np

        low, high = hashes & np.uint64(0xFFFFFFFF), (hashes >> np.uint64(32)) | np.uint64(1)
        for step in range(HASHES):
            self._bits[((low + np.uint64(step) * high) % np.uint64(_WIDTH)).astype(np.int64)] = True

    def take(self) -> NDArray[np.uint8]:
        """The folded filter as bytes, eight bits to each; the next block begins with nothing."""
        import numpy as np

        filled = int(self._bits.sum())
        if filled == 0:
            return np.empty(0, np.uint8)
        terms = -_WIDTH / HASHES * math.log1p(-min(filled, _WIDTH - 1) / _WIDTH)
        wanted = terms * BITS_A_TERM
        size = next((s for s in _SIZES if s >= wanted), _WIDTH)
        folded = self._bits.reshape(-1, size).any(axis=0)
        self._bits[:] = False
        return np.packbits(folded, bitorder="little")


def everything() -> NDArray[np.uint8]:
    """The filter of a block that may hold any term."""
    import numpy as np

    return np.full(_SIZES[0] // 8, 0xFF, np.uint8)
