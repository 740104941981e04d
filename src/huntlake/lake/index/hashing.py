"""The terms of many texts at once, as 64-bit hashes: numpy over the texts' bytes, no loop over texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from huntlake.lake.index.terms import SHORTEST

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Places = NDArray[np.int64]
    Hashes = NDArray[np.uint64]

LONGEST = 256
"""Of a longer term only so many bytes, its last ones and its length count."""

_PART = 1 << 20
"""Bytes of texts that are looked at together."""

_WORD = 8
_M1, _M2, _M3 = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9


def hash_of(term: str) -> int:
    """The hash of one term."""
    return int(hashes_of([term])[0])


def hashes_of(terms: Sequence[str]) -> Hashes:
    """The hash of each of some terms."""
    import numpy as np

    data = np.frombuffer("".join(terms).encode("ascii") + bytes(_WORD), np.uint8)
    lengths = np.array([len(t) for t in terms], np.int64)
    return _hashes(data, np.cumsum(lengths) - lengths, lengths)


def hashes(texts: pa.Array) -> tuple[Hashes, Places]:
    """The hashes of the terms of texts, none of them null, and the number of the text that each is of.

    A term comes as often as it stands there.
    """
    import numpy as np

    parts = [(part.hashes(), part.owners() + at) for at, part in _parts(texts)]
    if not parts:
        return np.empty(0, np.uint64), np.empty(0, np.int64)
    return np.concatenate([h for h, _ in parts]), np.concatenate([o for _, o in parts])


def hashes_alone(texts: pa.Array) -> Hashes:
    """The hashes of the terms of texts, none of them null, as `hashes` tells them; of which text, nobody asks."""
    import numpy as np

    parts = [part.hashes() for _, part in _parts(texts)]
    return np.concatenate(parts) if parts else np.empty(0, np.uint64)


def _parts(texts: pa.Array) -> Iterator[tuple[int, _Part]]:
    """Parts that fit the processor's cache, and memory that the last part has just given back; where each begins."""
    step = max(len(texts) * _PART // max(texts.nbytes, 1), 1)
    for at in range(0, len(texts), step):
        yield at, _Part(texts.slice(at, step))


class _Part:
    """Texts that are looked at together."""

    def __init__(self, texts: pa.Array) -> None:
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        self._texts = texts
        # A line end between two texts, and one before the first: no run of letters goes over it.
        whole = pc.binary_join(pa.ListArray.from_arrays(pa.array([0, len(texts)], pa.int32()), texts), "\n")
        given = b"\n" + whole[0].as_buffer().to_pybytes()
        size = len(given)
        self._given = np.frombuffer(given, np.uint8)
        self._lower = np.zeros(size + _WORD, np.uint8)
        self._lower[:size] = np.frombuffer(given.translate(_LOWER), np.uint8)
        word = self._lower[: size + 1] != 0
        edges = np.flatnonzero(word[1:] != word[:-1]) + 1
        self._starts, self._ends = edges[0::2], edges[1::2]
        lengths = self._ends - self._starts
        self._long = np.flatnonzero(lengths >= SHORTEST)
        self._lengths = lengths[self._long]
        self._four = _addresses(self._given, self._starts, self._ends)

    def hashes(self) -> Hashes:
        """The hashes of the terms, those of addresses last."""
        import numpy as np

        found = [_hashes(self._lower, self._starts[self._long], self._lengths)]
        if len(self._four):
            # `10.1.2.3` whole, then `10.1.2.` and `10.1.`. The dots are part of them.
            spelled = np.concatenate([self._given, np.zeros(_WORD, np.uint8)])
            first = self._starts[self._four]
            bounds = (self._ends[self._four + 3], self._ends[self._four + 2] + 1, self._ends[self._four + 1] + 1)
            found += [_hashes(spelled, first, bound - first) for bound in bounds]
        return np.concatenate(found) if len(found) > 1 else found[0]

    def owners(self) -> Places:
        """The number of the text that each is of."""
        import numpy as np
        import pyarrow.compute as pc

        after = np.cumsum(pc.binary_length(self._texts).to_numpy(zero_copy_only=False).astype(np.int64) + 1)
        ends = np.searchsorted(self._starts, after)
        owners = np.repeat(np.arange(len(self._texts)), np.diff(ends, prepend=0))
        return np.concatenate([owners[self._long], *[owners[self._four]] * 3])


_LOWER = bytes(c + 32 if 65 <= c <= 90 else c if 48 <= c <= 57 or 97 <= c <= 122 else 0 for c in range(256))
"""What each byte is in a term; 0 where it is in none."""


def _hashes(lower: Bytes, starts: Places, lengths: Places) -> Hashes:
    """The hashes of parts of `lower`, which goes on for a word behind the last of them."""
    import numpy as np

    # Every place of the text as the 64-bit word that starts there.
    words = np.ndarray((len(lower) - _WORD + 1,), dtype="<u8", buffer=lower.data, strides=(1,))
    masks = np.array([(1 << (8 * i)) - 1 for i in range(_WORD)] + [2**64 - 1], np.uint64)
    found = _mixed((words[starts] & masks[np.minimum(lengths, _WORD)]) ^ (lengths.astype(np.uint64) * np.uint64(_M3)))
    long = np.flatnonzero(lengths > _WORD)
    if len(long):
        at, length, hashed = starts[long], lengths[long], found[long]
        hashed = _mixed(hashed ^ words[at + length - _WORD])
        for step in range(_WORD, LONGEST, _WORD):
            more = np.flatnonzero(length > step + _WORD)
            if not len(more):
                break
            hashed[more] = _mixed(hashed[more] ^ words[at[more] + step])
        found[long] = hashed
    return found


def _mixed(value: Hashes) -> Hashes:
    import numpy as np

    value = value * np.uint64(_M1)
    value ^= value >> np.uint64(29)
    value *= np.uint64(_M2)
    value ^= value >> np.uint64(32)
    return value


def _addresses(given: Bytes, starts: Places, ends: Places) -> Places:
    """Which runs of letters are the first of the four numbers of a dotted IPv4 address."""
    import numpy as np

    none = np.empty(0, np.int64)
    short = np.flatnonzero(ends - starts <= 3)
    if len(short) < 4:
        return none
    at, end = starts[short], ends[short]
    dotted = np.flatnonzero((at[1:] - end[:-1] == 1) & (given[end[:-1]] == ord(".")))
    if len(dotted) < 3:
        return none
    number = np.ones(len(short), bool)
    for place in (at, end - 1, np.minimum(at + 1, end - 1)):
        number &= given[place] - np.uint8(48) < 10
    follows = np.zeros(len(short) - 1, bool)
    follows[dotted] = number[dotted] & number[dotted + 1]
    return short[np.flatnonzero(follows[:-2] & follows[1:-1] & follows[2:])]
