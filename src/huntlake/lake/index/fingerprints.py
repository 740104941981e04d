"""The terms of a file, each with the blocks that hold it: a dictionary in which a term is a fingerprint of 16 bits.

It may say that a block holds a term that it doesn't, seldom, and never the reverse. Terms lie in buckets by the first
bits of their hashes, about six in each; the next 16 bits tell them apart. Two that agree in both are one, and that has
the blocks of both. Most terms stand in one block, and cost three bytes; those that stand in many say only that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Hashes = NDArray[np.uint64]

MOST_BLOCKS = 250
"""Blocks of a file that a byte can name, and the two words beside them."""
_ALL, _SEVERAL = 254, 255
_LISTED = 8
"""A term in no more blocks than so many, or a quarter of them, says in which."""
_KEY, _REST = 40, 16
"""Bits of a hash that are kept until the number of buckets is known; bits of a fingerprint."""
_IN_BUCKET = 8
FEW = 8
"""So many hashes are sought one by one sooner than all at once."""
_SEEN = 1 << 16


class Filling:
    """Takes in the terms of one block after another."""

    def __init__(self) -> None:
        import numpy as np

        self._seen = np.empty(_SEEN, np.uint64)
        self._last = np.zeros(_SEEN, np.int32)
        self._forget()
        self._waiting: list[Hashes] = []
        self._done: list[Hashes] = []

    def add(self, hashes: Hashes) -> None:
        """Take in terms of the block; those that it has change nothing."""
        import numpy as np

        # Most terms stand in a block many times. Of those that meet in one spot the last one stays there; what it
        # equals, now or before, needn't be sorted out.
        spot = (hashes & np.uint64(_SEEN - 1)).view(np.int64)
        hashes = hashes[fresh := self._seen[spot] != hashes]
        spot, number = spot[fresh], np.arange(len(hashes), dtype=np.int32)
        self._last[spot] = number
        last = self._last[spot]
        hashes = hashes[kept := (last == number) | (hashes[last] != hashes)]
        self._seen[spot[kept]] = hashes
        self._waiting.append(hashes)

    def end(self) -> None:
        """The block is over."""
        import numpy as np

        hashes = np.concatenate(self._waiting) if self._waiting else _none()
        keys = (hashes >> np.uint64(64 - _KEY)) << np.uint64(8)
        self._done.append(_distinct(keys) | np.uint64(len(self._done)))
        self._waiting.clear()
        self._forget()

    def _forget(self) -> None:
        # No hash is seen yet, nor is 0: what lies in a spot is what only another spot can have.
        self._seen[:] = 0
        self._seen[0] = 1

    def dictionary(self) -> Dictionary | None:
        """All of it; None where too many terms fall into one bucket, as by chance they never do."""
        import numpy as np

        packed = np.concatenate(self._done) if self._done else _none()
        # Those of each block are in order: to merge them takes a third of the time of sorting all.
        packed.sort(kind="stable")
        distinct = 1 + int(np.count_nonzero(np.diff(packed >> np.uint64(8)))) if len(packed) else 0
        least = (distinct // _IN_BUCKET).bit_length()
        tried = (_dictionary(packed, power, len(self._done)) for power in range(least, _KEY - _REST + 1))
        return next((made for made in tried if made is not None), None)


@dataclass(frozen=True)
class Dictionary:
    """The terms of a file with `blocks` blocks."""

    blocks: int
    power: int
    """There are 2 to this power buckets."""
    counts: NDArray[np.uint8]
    """How many terms each bucket has."""
    rests: NDArray[np.uint16]
    """The fingerprint of each term, in order within its bucket."""
    places: NDArray[np.uint8]
    """The block of each term, or that it is in several, or may be in all; empty where there is one block only."""
    sizes: NDArray[np.uint8]
    """Of each term that is in several, how many these are."""
    lists: NDArray[np.uint8]
    """The blocks of the terms that are in several, one list behind the other."""

    @property
    def bytes(self) -> int:
        """What it takes in memory, once it was asked."""
        return 5 * len(self.counts) + 3 * len(self.rests) + 9 * len(self.sizes) + len(self.lists)

    @property
    def all(self) -> int:
        """The set of all blocks. A set of blocks is a number with a bit for each."""
        return (1 << self.blocks) - 1

    def find(self, hashes: Hashes) -> dict[int, int]:
        """Of those of the terms that it may have, by their indices in `hashes`, where each stands here."""
        import numpy as np

        if not len(self.rests):
            return {}
        if len(hashes) <= FEW:
            return {i: at for i, one in enumerate(hashes.tolist()) for at in self._places_of(one)}
        # In two steps: a shift by all 64 bits is none.
        bucket = (hashes >> np.uint64(32) >> np.uint64(32 - self.power)).astype(np.int64)
        rest = (hashes >> np.uint64(64 - self.power - _REST)).astype(np.uint16)
        first, count = self._starts[bucket].astype(np.int64), self.counts[bucket].astype(np.int64)
        # All terms of the buckets, side by side.
        ends = np.cumsum(count)
        which = np.repeat(np.arange(len(hashes)), count)
        at = np.arange(ends[-1]) + np.repeat(first - ends + count, count)
        same = np.flatnonzero(self.rests[at] == rest[which])
        return dict(zip(which[same].tolist(), at[same].tolist(), strict=True))

    def _places_of(self, one: int) -> Iterator[int]:
        """Where the terms stand that may have that hash."""
        bucket, rest = one >> (64 - self.power), one >> (64 - self.power - _REST) & (1 << _REST) - 1
        first = int(self._starts[bucket])
        for i, there in enumerate(self.rests[first : first + int(self.counts[bucket])].tolist()):
            if there == rest:
                yield first + i

    def blocks_of(self, place: int) -> int:
        """The set of blocks that hold the term which stands at `place`."""
        if self.blocks <= 1:
            return self.all
        said = int(self.places[place])
        if said == _ALL:
            return self.all
        if said != _SEVERAL:
            return 1 << said
        several, ends = self._several
        index = int(several.searchsorted(place))
        found = 0
        for block in self.lists[int(ends[index]) - int(self.sizes[index]) : int(ends[index])].tolist():
            found |= 1 << block
        return found

    def parts(self) -> tuple[NDArray[np.generic], ...]:
        """What a file keeps of it, in the order of `read`."""
        return self.counts, self.rests, self.places, self.sizes, self.lists

    def facts(self) -> list[int]:
        """The numbers by which `read` knows the lengths of the parts."""
        return [self.blocks, self.power, len(self.rests), len(self.sizes), len(self.lists)]

    @cached_property
    def _starts(self) -> NDArray[np.uint32]:
        import numpy as np

        starts = np.zeros(len(self.counts) + 1, np.uint32)
        np.cumsum(self.counts, out=starts[1:])
        return starts

    @cached_property
    def _several(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where the terms stand that are in several blocks, and where the list of each ends."""
        import numpy as np

        return np.flatnonzero(self.places == _SEVERAL), np.cumsum(self.sizes, dtype=np.int64)


def nothing(blocks: int) -> Dictionary:
    """The dictionary of a file without terms."""
    made = _dictionary(_none(), 0, blocks)
    assert made is not None
    return made


def _distinct(values: Hashes, *, nearly: bool = False) -> Hashes:
    """The values, in order, each once. `nearly` says that few of them aren't in order yet.

    numpy's own way looks each up in a table, and takes ten times as long.
    """
    import numpy as np

    values = np.sort(values, kind="stable" if nearly else None)
    fresh = np.ones(len(values), bool)
    np.not_equal(values[1:], values[:-1], out=fresh[1:])
    return values[fresh]


def _none() -> Hashes:
    import numpy as np

    return np.empty(0, np.uint64)


def read(facts: Sequence[int], data: memoryview) -> Dictionary | None:
    """The dictionary of these facts, of which `data` has the parts; None where these don't agree."""
    import numpy as np

    blocks, power, terms, several, listed = facts
    places = terms if blocks > 1 else 0
    byte: np.dtype[Any] = np.dtype(np.uint8)
    kinds = [(byte, 1 << power), (np.dtype("<u2"), terms), (byte, places), (byte, several), (byte, listed)]
    parts, at = [], 0
    for kind, count in kinds:
        end = at + kind.itemsize * count
        if end > len(data):
            return None
        parts.append(np.frombuffer(data[at:end], kind))
        at = end
    counts, rests, ids, sizes, lists = parts
    agree = at == len(data) and int(counts.sum()) == terms and int(sizes.sum()) == listed
    if not agree or int(np.count_nonzero(ids == _SEVERAL)) != several:
        return None
    return Dictionary(blocks, power, counts, rests, ids, sizes, lists)


def _dictionary(packed: Hashes, power: int, blocks: int) -> Dictionary | None:
    """The dictionary of keys, in order, with their blocks in the last 8 bits; None where a bucket gets too many."""
    import numpy as np

    one = np.uint64(1)
    keys = packed >> np.uint64(8 + _KEY - _REST - power)
    placed = _distinct((keys << np.uint64(8)) | (packed & np.uint64(0xFF)), nearly=True)
    keys, block = placed >> np.uint64(8), (placed & np.uint64(0xFF)).astype(np.uint8)
    firsts = np.flatnonzero(np.diff(keys, prepend=keys[:1] ^ one)) if len(keys) else np.empty(0, np.int64)
    count = np.diff(firsts, append=len(keys))
    terms = keys[firsts]
    buckets = np.bincount((terms >> np.uint64(_REST)).astype(np.int64), minlength=1 << power)
    if len(terms) and buckets.max() > 255:
        return None
    places, sizes, lists = np.empty(0, np.uint8), np.empty(0, np.uint8), np.empty(0, np.uint8)
    if blocks > 1:
        places = block[firsts].copy()
        everywhere = (count == blocks) | (count > max(_LISTED, blocks // 4))
        several = (count > 1) & ~everywhere
        places[everywhere], places[several] = _ALL, _SEVERAL
        sizes, lists = count[several].astype(np.uint8), block[np.repeat(several, count)]
    rests = (terms & np.uint64((1 << _REST) - 1)).astype("<u2")
    return Dictionary(blocks, power, buckets.astype(np.uint8), rests, places, sizes, lists)
