"""Patterns in rows of discrete values: which values often come together.

Rows come in groups: each a list of codes, one for each column, 0 for a value too rare to be of a pattern. A pattern
is a group, and the columns in which its values are fixed: `{"row": 3, "columns": [0, 2], "counts": [120]}`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil

import orjson

from huntlake.engines.duckdb.udf.function import udf

MAX_GROUPS = 200_000
"""Groups of rows that are mined: more of them would need more memory than one query should have."""
MAX_PATTERNS = 20_000
"""Patterns that are looked at where all of them are asked for."""
COVERED = 0.5
"""The share of its rows that others may have before a pattern says nothing new."""

Pattern = tuple[tuple[int, int], ...]
"""Columns with their codes, in the order of the columns."""


class _Rows:
    """The groups as sets of bits, one bit for each group: the weight of a set is a matter of a few machine words."""

    def __init__(self, groups: Sequence[Sequence[int]], weights: Sequence[int]) -> None:
        if len(groups) > MAX_GROUPS:
            raise ValueError(f"a search for patterns in more than {MAX_GROUPS} different rows is not supported")
        self.groups = groups
        self.all = (1 << len(groups)) - 1
        self.items: dict[tuple[int, int], int] = {}
        places: dict[tuple[int, int], list[int]] = {}
        for place, codes in enumerate(groups):
            for column, code in enumerate(codes):
                if code:
                    places.setdefault((column, code), []).append(place)
        for item in sorted(places):
            self.items[item] = _bits(places[item])
        # Weights by their binary digits: the weight of a set is a sum of counts.
        self._single = all(w == 1 for w in weights)
        self._digits: list[int] = []
        for digit in range(max(weights, default=0).bit_length()):
            self._digits.append(_bits([i for i, w in enumerate(weights) if w >> digit & 1]))

    def weight(self, rows: int) -> int:
        """How much the rows weigh."""
        if self._single:
            return rows.bit_count()
        return sum((rows & mask).bit_count() << digit for digit, mask in enumerate(self._digits))

    def of(self, pattern: Pattern) -> int:
        """The rows that have a pattern's values."""
        rows = self.all
        for item in pattern:
            rows &= self.items[item]
        return rows

    def closed(self, rows: int) -> Pattern:
        """Every value that all of the rows share."""
        if not rows:
            return ()
        first = self.groups[(rows & -rows).bit_length() - 1]
        return tuple((c, code) for c, code in enumerate(first) if code and rows & self.items[c, code] == rows)

    def closed_patterns(self, heavy: Sequence[tuple[_Rows, int]], dimensions: int) -> dict[Pattern, int]:
        """The closed patterns with their rows, made of so many values and what these imply.

        A pattern is heavy enough where it reaches the least weight in one of the tables.
        """

        def enough(rows: int) -> bool:
            return any(table.weight(rows) >= least for table, least in heavy)

        items = [(item[0], rows) for item, rows in self.items.items() if enough(rows)]
        found: dict[Pattern, int] = {}
        # Each set of values is met once, in the order of the values; the last of them, and the columns that are fixed.
        level: list[tuple[int, frozenset[int], int]] = [(-1, frozenset(), self.all)]
        for _ in range(max(0, dimensions)):
            following: list[tuple[int, frozenset[int], int]] = []
            for last, fixed, rows in level:
                for number in range(last + 1, len(items)):
                    column, its_rows = items[number]
                    if column in fixed:
                        continue
                    both = rows & its_rows
                    if not both or not enough(both):
                        continue
                    closed = self.closed(both)
                    found[closed] = both
                    following.append((number, frozenset(c for c, _ in closed), both))
                    if len(following) > MAX_PATTERNS:
                        raise ValueError(f"more than {MAX_PATTERNS} patterns in one search is not supported")
            level = following
        return found


@dataclass(frozen=True)
class _Scored:
    score: float
    pattern: Pattern
    rows: int


@udf("hl_basket", "VARCHAR", "VARCHAR", "BIGINT", "BIGINT", returns="VARCHAR")
def basket(groups: str | None, weights: str | None, least: int | None, dimensions: int | None) -> str | None:
    """Every pattern that weighs enough, those that say most first; of equal ones the one with the most values."""
    if groups is None or weights is None or least is None or dimensions is None:
        return None
    rows = _Rows(orjson.loads(groups), orjson.loads(weights))
    found = rows.closed_patterns([(rows, max(1, least))], dimensions)
    weighed = [(p, r, rows.weight(r)) for p, r in found.items()]
    weighed.sort(key=lambda f: (-f[2] * len(f[0]), f[0]))
    return _written((p, r, [w]) for p, r, w in weighed)


@udf("hl_autocluster", "VARCHAR", "VARCHAR", "DOUBLE", "BIGINT", returns="VARCHAR")
def autocluster(groups: str | None, weights: str | None, size_weight: float | None, seeds: int | None) -> str | None:
    """A few patterns that speak of many rows in many columns.

    From groups all over the rows the search takes away and adds values, as long as the score grows: the weighted
    geometric mean of the share of the rows and the share of the columns. Patterns whose rows others have are left out.
    """
    if groups is None or weights is None or size_weight is None or seeds is None:
        return None
    weight_of = orjson.loads(weights)
    rows = _Rows(orjson.loads(groups), weight_of)
    total = rows.weight(rows.all)
    found: dict[Pattern, _Scored] = {}

    def scored(pattern: Pattern) -> _Scored:
        if pattern not in found:
            its_rows = rows.of(pattern)
            size, shared = rows.weight(its_rows) / total, len(pattern) / len(rows.groups[0])
            found[pattern] = _Scored(size**size_weight * shared ** (1 - size_weight), pattern, its_rows)
        return found[pattern]

    best: dict[Pattern, _Scored] = {}
    for seed in _spread(weight_of, seeds):
        whole = [(c, code) for c, code in enumerate(rows.groups[seed]) if code]
        if not whole or not total:
            continue
        current = scored(tuple(whole))
        while True:
            fixed = set(current.pattern)
            nearby = [scored(tuple(sorted(fixed ^ {item}))) for item in whole if fixed != {item}]
            better = max(nearby, key=lambda s: (s.score, s.pattern), default=current)
            if better.score <= current.score:
                break
            current = better
        best[current.pattern] = current
    winners = _new(rows, sorted(best.values(), key=lambda s: (-s.score, s.pattern)))
    return _written((w.pattern, w.rows, [rows.weight(w.rows)]) for w in winners)


@udf("hl_diffpatterns", "VARCHAR", "VARCHAR", "VARCHAR", "DOUBLE", "BIGINT", returns="VARCHAR")
def diffpatterns(
    groups: str | None, in_a: str | None, in_b: str | None, threshold: float | None, dimensions: int | None
) -> str | None:
    """A few patterns whose shares of two tables differ, the largest difference first.

    Of patterns that speak of the same rows the one with the largest difference stays.
    """
    if groups is None or in_a is None or in_b is None or threshold is None or dimensions is None:
        return None
    codes = orjson.loads(groups)
    a, b = _Rows(codes, orjson.loads(in_a)), _Rows(codes, orjson.loads(in_b))
    whole = a.weight(a.all), b.weight(b.all)
    heavy = [(table, max(1, ceil(round(threshold * total, 6)))) for table, total in zip((a, b), whole, strict=True)]
    found = []
    for pattern, rows in a.closed_patterns(heavy, dimensions).items():
        shares = [t.weight(rows) / w if w else 0.0 for t, w in zip((a, b), whole, strict=True)]
        # 0.35 - 0.3 is a little less than 0.05.
        if pattern and round(abs(shares[0] - shares[1]), 9) >= threshold:
            found.append(_Scored(shares[0] - shares[1], pattern, rows))
    found.sort(key=lambda s: (-abs(s.score), len(s.pattern), s.pattern))
    more_in_a = _new(a, [s for s in found if s.score > 0])
    more_in_b = _new(b, [s for s in found if s.score < 0])
    winners = sorted(more_in_a + more_in_b, key=lambda s: (-abs(s.score), len(s.pattern), s.pattern))
    return _written((w.pattern, w.rows, [a.weight(w.rows), b.weight(w.rows)]) for w in winners)


def _spread(weights: Sequence[int], count: int) -> list[int]:
    """So many groups, at equal distances in their order: heavy ones are met more often than light ones."""
    ends = list(accumulate(weights))
    if not ends or not ends[-1]:
        return []
    places = (ends[-1] * (2 * i + 1) // (2 * count) for i in range(max(0, count)))
    return list(dict.fromkeys(bisect_right(ends, p) for p in places))


def _new(table: _Rows, ranked: Sequence[_Scored]) -> list[_Scored]:
    """Those of which, in this table, enough rows are in none before."""
    chosen: list[_Scored] = []
    covered = 0
    for candidate in ranked:
        weight = table.weight(candidate.rows)
        if weight and table.weight(candidate.rows & covered) < COVERED * weight:
            chosen.append(candidate)
            covered |= candidate.rows
    return chosen


def _bits(places: Sequence[int]) -> int:
    """The set of some places. Set bit by bit, a large number would be copied for each."""
    if not places:
        return 0
    octets = bytearray(max(places) // 8 + 1)
    for place in places:
        octets[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(octets, "little")


def _written(patterns: Iterator[tuple[Pattern, int, list[int]]]) -> str:
    found = [
        {"row": (rows & -rows).bit_length() - 1, "columns": [c for c, _ in pattern], "counts": counts}
        for pattern, rows, counts in patterns
    ]
    return orjson.dumps(found).decode()
