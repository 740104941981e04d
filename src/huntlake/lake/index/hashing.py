"""The terms of many texts at once, as 64-bit hashes: numpy over the texts' bytes, no loop over texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from huntlake.lake.index.terms import SHORTEST

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Places = NDArray[np.int64]
    Hashes = NDArray[np.uint64]

LONGEST = 256
"""Of a longer term only so many bytes, its last ones and its length count."""

_WORD = 8
_M1, _M2, _M3 = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9


def hash_of(term: str) -> int:
    """The hash of one term."""
    import numpy as np

    data = np.zeros(len(term) + _WORD, np.uint8)
    data[: len(term)] = np.frombuffer(term.encode("ascii"), np.uint8)
    return int(_hashes(data, np.zeros(1, np.int64), np.array([len(term)]))[0])


def hashes(data: Bytes, offsets: Places) -> Hashes:
    """The hashes of the terms of texts, some of them more than once.

    Text i is the bytes `offsets[i]` to `offsets[i + 1]` of `data`.
    """
    import numpy as np

    begin, size = int(offsets[0]), int(offsets[-1] - offsets[0])
    if size <= 0:
        return np.empty(0, np.uint64)
    lower_case, wordy, digits = _tables()
    given = data[begin : begin + size]
    lower = np.zeros(size + _WORD, np.uint8)
    np.take(lower_case, given, out=lower[:size])
    starts, ends = _runs(wordy[given], offsets - begin)
    lengths = ends - starts
    long = lengths >= SHORTEST
    found = [_hashes(lower, starts[long], lengths[long])]
    found += _addresses(lower, starts, ends, digits)
    return np.concatenate(found) if len(found) > 1 else found[0]


def _tables() -> tuple[Bytes, NDArray[np.bool_], NDArray[np.bool_]]:
    import numpy as np

    if not _TABLES:
        lower = np.arange(256, dtype=np.uint8)
        lower[ord("A") : ord("Z") + 1] += 32
        digits = np.zeros(256, bool)
        digits[ord("0") : ord("9") + 1] = True
        wordy = digits.copy()
        wordy[ord("A") : ord("Z") + 1] = True
        wordy[ord("a") : ord("z") + 1] = True
        _TABLES.append((lower, wordy, digits))
    return _TABLES[0]


_TABLES: list[tuple[Bytes, NDArray[np.bool_], NDArray[np.bool_]]] = []


def _runs(wordy: NDArray[np.bool_], offsets: Places) -> tuple[Places, Places]:
    """Where runs of letters and digits start and end; none goes over the end of a text."""
    import numpy as np

    size = len(wordy)
    begins, ends = wordy.copy(), wordy.copy()
    begins[1:] &= ~wordy[:-1]
    ends[:-1] &= ~wordy[1:]
    firsts = offsets[:-1][offsets[:-1] < offsets[1:]]
    lasts = offsets[1:][offsets[:-1] < offsets[1:]] - 1
    begins[firsts] = wordy[firsts]
    ends[lasts] = wordy[lasts]
    assert size == len(begins)
    return np.flatnonzero(begins), np.flatnonzero(ends) + 1


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


def _addresses(lower: Bytes, starts: Places, ends: Places, digits: NDArray[np.bool_]) -> list[Hashes]:
    """The hashes of dotted IPv4 addresses and of their beginnings."""
    import numpy as np

    lengths = ends - starts
    short = np.flatnonzero(lengths <= 3)
    if len(short) < 4:
        return []
    at, end = starts[short], ends[short]
    number = digits[lower[at]] & digits[lower[end - 1]] & digits[lower[np.minimum(at + 1, end - 1)]]
    follows = (at[1:] - end[:-1] == 1) & number[1:] & number[:-1]
    follows &= lower[end[:-1]] == ord(".")
    four = np.flatnonzero(follows[:-2] & follows[1:-1] & follows[2:])
    if not len(four):
        return []
    first = at[four]
    # `10.1.2.3` whole, then `10.1.2.` and `10.1.`.
    bounds = (end[four + 3], end[four + 2] + 1, end[four + 1] + 1)
    return [_hashes(lower, first, bound - first) for bound in bounds]
