"""The filters of many files, held in memory and asked together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING

from huntlake.lake.index import sidecar
from huntlake.lake.index.filters import bytes_of, places
from huntlake.lake.index.hashing import hash_of
from huntlake.lake.index.terms import Clause
from huntlake.lake.snapshot import DataFile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Blocks = NDArray[np.int64]

LIMIT = 512 * 2**20
"""Bytes of filters that one table keeps in memory; files beyond are read whole."""


@dataclass(frozen=True, slots=True)
class _Held:
    """Where a file's filters lie on the shelf; `blocks` is 0 where it has none that could be used."""

    first: int = 0
    blocks: int = 0
    block: int = 0
    columns: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Arrays:
    """The filters, and for each block where its own begins, in bits, and its size. What is here is not written to."""

    bytes: NDArray[np.uint8]
    starts: Blocks
    powers: Blocks
    thirds: Blocks

    @classmethod
    def empty(cls) -> _Arrays:
        import numpy as np

        nothing = np.zeros(0, np.int64)
        return cls(np.zeros(1 << 16, np.uint8), nothing, nothing, nothing)

    def fitting(self, blocks: Blocks, clauses: Sequence[Clause]) -> Blocks:
        import numpy as np

        for clause in clauses:
            some = [self._with_all(blocks, needle) for needle in clause.needles]
            blocks = some[0] if len(some) == 1 else np.unique(np.concatenate(some))
            if not len(blocks):
                break
        return blocks

    def _with_all(self, blocks: Blocks, terms: Sequence[str]) -> Blocks:
        """The blocks among `blocks` that may hold all of `terms`."""
        import numpy as np

        wanted = np.array([hash_of(t) for t in terms], np.uint64)
        for thirds, within in places(wanted):
            for third, place in zip(thirds.tolist(), within.tolist(), strict=True):
                powers = self.powers[blocks]
                at = self.starts[blocks] + ((third * self.thirds[blocks]) << powers) + (place & ((1 << powers) - 1))
                blocks = blocks[(self.bytes[at >> 3] >> (at & 7)) & 1 == 1]
                if not len(blocks):
                    return blocks
        return blocks


class Shelf:
    """The filters of one table's files. Threads may share it."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._lock = Lock()
        self._files: dict[str, _Held] = {}
        self._used = 0
        self._arrays = _Arrays.empty()

    def narrowed(self, files: Sequence[DataFile], clauses: Sequence[Clause]) -> tuple[DataFile, ...]:
        """Of each file only the rows that may fit every clause; a file without such rows is left out."""
        import numpy as np

        if not clauses or not files:
            return tuple(files)
        with self._lock:
            held, arrays = self._holding(files), self._arrays
        found: list[DataFile] = []
        # Files that know and hold the same columns are asked together.
        shapes: dict[tuple[frozenset[str], tuple[str, ...]], list[int]] = {}
        for i, h in enumerate(held):
            if h.blocks:
                shapes.setdefault((h.columns, files[i].columns), []).append(i)
        for (known, present), of in shapes.items():
            # In a column that a file doesn't hold there is no term: its filters needn't know of it.
            unknown = {n.lower() for n in present} - known
            asked = [c for c in clauses if c.columns is None or unknown.isdisjoint(n.lower() for n in c.columns)]
            # Files stand on the shelf in the order in which they were first asked for.
            spans = sorted((held[i].first, held[i].first + held[i].blocks) for i in of)
            blocks = np.concatenate([np.arange(*span) for span in spans])
            left = arrays.fitting(blocks, asked)
            for i in of:
                low, high = np.searchsorted(left, (held[i].first, held[i].first + held[i].blocks))
                file = _rows_of(files[i], held[i], left[low:high] - held[i].first)
                found += [file] if file else []
        found += [f for f, h in zip(files, held, strict=True) if not h.blocks]
        order = {f.path: i for i, f in enumerate(files)}
        return tuple(sorted(found, key=lambda f: order[f.path]))

    # -- what lies on the shelf ------------------------------------------------------

    def _holding(self, files: Sequence[DataFile]) -> list[_Held]:
        new = [f for f in files if f.path.name not in self._files]
        if new:
            known = len(self._files) + len(new)
            if self._used > self._limit // 2 and known > 2 * len(files):
                # Most of it is of files that nobody asks for: begin anew.
                self._clear()
                new = list(files)
            self._take_up(new)
        return [self._files[f.path.name] for f in files]

    def _clear(self) -> None:
        self._files.clear()
        self._used, self._arrays = 0, _Arrays.empty()

    def _take_up(self, files: Sequence[DataFile]) -> None:
        import numpy as np

        old = self._arrays
        parts, starts, sizes, first = [], [], [], len(old.starts)
        for file in files:
            try:
                found = sidecar.read(file.path)
            except sidecar.Damaged:
                found = None
            if found is None or found.rows != file.rows or self._used + len(found.filters) > self._limit:
                self._files[file.path.name] = _Held()
                continue
            columns = frozenset(n.lower() for n in found.columns)
            self._files[file.path.name] = _Held(first, len(found.sizes), found.block, columns)
            first += len(found.sizes)
            for size in found.sizes:
                starts.append(self._used * 8)
                sizes.append(size)
                self._used += bytes_of(size)
            parts.append(found.filters)
        if not parts:
            return
        more, bytes = np.concatenate(parts), old.bytes
        if self._used > len(bytes):
            bytes = np.zeros(max(self._used, 2 * len(bytes)), np.uint8)
            bytes[: self._used - len(more)] = old.bytes[: self._used - len(more)]
        bytes[self._used - len(more) : self._used] = more
        packed = np.array(sizes, np.int64)
        self._arrays = _Arrays(
            bytes,
            np.concatenate([old.starts, np.array(starts, np.int64)]),
            np.concatenate([old.powers, packed >> 1]),
            np.concatenate([old.thirds, packed & 1]),
        )


def _rows_of(file: DataFile, held: _Held, blocks: Blocks) -> DataFile | None:
    """The file, with the ranges of rows of some of its blocks; None of none."""
    if not len(blocks):
        return None
    if len(blocks) == held.blocks:
        return file
    ranges: list[tuple[int, int]] = []
    for block in blocks.tolist():
        low, high = block * held.block, min((block + 1) * held.block, file.rows) - 1
        if ranges and ranges[-1][1] + 1 == low:
            ranges[-1] = ranges[-1][0], high
        else:
            ranges.append((low, high))
    return replace(file, ranges=tuple(ranges))
