"""The terms of many files, held in memory and asked together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from threading import Lock
from time import monotonic

from huntlake.lake.index import sidecar
from huntlake.lake.index.fingerprints import FEW, Dictionary
from huntlake.lake.index.hashing import hashes_of
from huntlake.lake.index.terms import Clause
from huntlake.lake.snapshot import DataFile

LIMIT = 512 * 2**20
"""Bytes of terms that one table keeps in memory; files beyond are read whole."""
PATIENCE = 5.0
"""Seconds after which a sidecar is looked for again that wasn't there: someone may have built it."""


@dataclass(frozen=True, slots=True)
class _Held:
    """What is known of a file: the columns, in lower case, and the terms; blocks in `anything` may hold any term."""

    block: int
    columns: frozenset[str]
    anything: int
    terms: Dictionary


class Shelf:
    """The terms of one table's files. Threads may share it."""

    def __init__(self, limit: int = LIMIT, patience: float = PATIENCE) -> None:
        self._limit = limit
        self._patience = patience
        self._lock = Lock()
        self._files: dict[str, _Held | None] = {}
        self._used = 0
        self._missing_since = 0.0
        self._full = False

    def narrowed(self, files: Sequence[DataFile], clauses: Sequence[Clause]) -> tuple[DataFile, ...]:
        """Of each file only the rows that may fit every clause; a file without such rows is left out."""
        if not clauses or not files:
            return tuple(files)
        held = self._holding(files)
        sought = _Sought(clauses)
        # Files that know and hold the same columns are asked the same.
        asked: dict[tuple[frozenset[str], tuple[str, ...]], list[int]] = {}
        found: list[DataFile] = []
        for file, of in zip(files, held, strict=True):
            if of is None:
                found.append(file)
                continue
            shape = of.columns, file.columns
            if shape not in asked:
                asked[shape] = sought.answerable(*shape)
            blocks = sought.blocks(of, asked[shape])
            rows = _rows_of(file, of, blocks) if blocks else None
            if rows is not None:
                found.append(rows)
        return tuple(found)

    def held(self, files: Sequence[DataFile], clause: Clause) -> frozenset[tuple[str, ...]]:
        """The needles of a clause that some row of the files may hold, of those rows that are read of them."""
        sought = _Sought((clause,))
        found: set[tuple[str, ...]] = set()
        for file, of in zip(files, self._holding(files), strict=True):
            blocks = 0 if of is None else _blocks_of(file, of)
            if of is None or blocks & of.anything or not sought.answerable(of.columns, file.columns):
                return frozenset(clause.needles)
            found.update(sought.held(of, blocks))
        return frozenset(found)

    # -- what lies on the shelf ------------------------------------------------------

    def _holding(self, files: Sequence[DataFile]) -> list[_Held | None]:
        with self._lock:
            if monotonic() - self._missing_since > self._patience and not self._full:
                self._files = {name: held for name, held in self._files.items() if held is not None}
                self._missing_since = monotonic()
            new = [f for f in files if f.path.name not in self._files]
            if new:
                known = len(self._files) + len(new)
                if self._used > self._limit // 2 and known > 2 * len(files):
                    # Most of it is of files that nobody asks for: begin anew.
                    self._files, self._used, self._full = {}, 0, False
                    new = list(files)
                for file in new:
                    self._files[file.path.name] = self._taken_up(file)
            return [self._files[f.path.name] for f in files]

    def _taken_up(self, file: DataFile) -> _Held | None:
        if self._full:
            return None
        try:
            found = sidecar.read(file.path)
        except sidecar.Damaged:
            return None
        if found is None or found.rows != file.rows:
            return None
        if self._used + found.terms.bytes > self._limit:
            self._full = True
            return None
        self._used += found.terms.bytes
        anything = 0
        for block in found.anything:
            anything |= 1 << block
        return _Held(found.block, frozenset(n.lower() for n in found.columns), anything, found.terms)


class _Sought:
    """Clauses, made ready for the question to many files. A set of blocks is a number with a bit for each."""

    def __init__(self, clauses: Sequence[Clause]) -> None:
        self._clauses = clauses
        terms = dict.fromkeys(t for c in clauses for n in c.needles for t in n)
        numbers = {term: i for i, term in enumerate(terms)}
        self._hashes = hashes_of(tuple(terms))
        self._columns: dict[int, frozenset[str]] = {}
        self._needles = [_Needles([[numbers[t] for t in n] for n in c.needles], len(terms)) for c in clauses]

    def answerable(self, known: frozenset[str], held: Sequence[str]) -> list[int]:
        """The clauses that the index of a file can say something of, which has terms of the columns `known`."""
        # In a column that the file doesn't hold there is no term: the index needn't know of it.
        unknown = {n.lower() for n in held} - known
        return [i for i in range(len(self._clauses)) if not unknown or self._leaves_out(i, unknown)]

    def _leaves_out(self, clause: int, columns: Set[str]) -> bool:
        """Whether a clause asks for nothing in any of some columns."""
        of = self._clauses[clause].columns
        if of is None:
            return True
        if clause not in self._columns:
            self._columns[clause] = frozenset(n.lower() for n in of)
        return columns.isdisjoint(self._columns[clause])

    def blocks(self, held: _Held, clauses: Sequence[int]) -> int:
        """The blocks of a file that may fit every clause of those."""
        left = held.terms.all
        if not clauses:
            return left
        places = held.terms.find(self._hashes)
        for clause in clauses:
            some = held.anything
            for needle in self._needles[clause].among(places):
                of_all = left
                for term in needle:
                    of_all &= held.terms.blocks_of(places[term])
                some |= of_all
                if some & left == left:
                    break
            left &= some
            if not left:
                break
        return left

    def held(self, held: _Held, blocks: int) -> Iterator[tuple[str, ...]]:
        """The needles of the first clause that one of some blocks may hold."""
        places = held.terms.find(self._hashes)
        for index in self._needles[0].indices(places):
            of_all = blocks
            for term in self._needles[0].terms(index):
                of_all &= held.terms.blocks_of(places[term])
            if of_all:
                yield self._clauses[0].needles[index]


class _Needles:
    """Needles, each of them some numbers of terms. So many terms have a number."""

    def __init__(self, needles: list[list[int]], terms: int) -> None:
        import numpy as np

        self._count = terms
        self._needles = needles
        self._terms = np.array([t for n in needles for t in n], np.int64)
        lengths = np.array([len(n) for n in needles], np.int64)
        self._starts = np.cumsum(lengths) - lengths

    def among(self, places: Mapping[int, int]) -> Iterator[list[int]]:
        """The needles all of whose terms have a place."""
        return map(self.terms, self.indices(places))

    def indices(self, places: Mapping[int, int]) -> list[int]:
        """The numbers of those needles."""
        import numpy as np

        if not places:
            return []
        if len(self._needles) <= FEW:
            return [i for i, needle in enumerate(self._needles) if all(t in places for t in needle)]
        there = np.zeros(self._count, bool)
        there[np.fromiter(places, np.int64)] = True
        found: list[int] = np.flatnonzero(np.logical_and.reduceat(there[self._terms], self._starts)).tolist()
        return found

    def terms(self, index: int) -> list[int]:
        """The terms of one needle."""
        return self._needles[index]


def _blocks_of(file: DataFile, held: _Held) -> int:
    """The blocks of the rows that are read of a file."""
    if file.ranges is None:
        return held.terms.all
    blocks = 0
    for first, last in file.ranges:
        for block in range(first // held.block, last // held.block + 1):
            blocks |= 1 << block
    return blocks


def _rows_of(file: DataFile, held: _Held, blocks: int) -> DataFile:
    """The file, with the ranges of rows of some of its blocks."""
    if blocks == held.terms.all:
        return file
    ranges: list[tuple[int, int]] = []
    for block in range(held.terms.blocks):
        if not blocks >> block & 1:
            continue
        low, high = block * held.block, min((block + 1) * held.block, file.rows) - 1
        if ranges and ranges[-1][1] + 1 == low:
            ranges[-1] = ranges[-1][0], high
        else:
            ranges.append((low, high))
    return replace(file, ranges=tuple(ranges))
