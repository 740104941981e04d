"""Texts of one shape put together, for `reduce`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import orjson

from huntlake.engines.duckdb.udf.function import udf

MAX_TEXTS = 200_000
"""Different texts that are looked at: more of them would need more memory than one query should have."""

_ANY = "*"
_Shape = tuple[tuple[int, str], ...]
"""Words with their places, those that are frequent there."""


@udf("hl_reduce", "VARCHAR", "VARCHAR", "DOUBLE", "VARCHAR", returns="VARCHAR")
def reduce(texts: str | None, counts: str | None, threshold: float | None, separators: str | None) -> str | None:
    """Patterns with their counts and a text of each, the largest first; what has none goes to `others`.

    The clustering of Vaarandi (2003): a word is frequent at its place where more than that share of the rows have it,
    and rows with the same frequent words are one pattern, if they are more than that share themselves. A word of
    digits is never frequent. Without `separators` whatever is no ASCII letter and no digit parts words.
    """
    if texts is None or counts is None or threshold is None:
        return None
    rows: list[tuple[str, int]] = list(zip(orjson.loads(texts), orjson.loads(counts), strict=True))
    if len(rows) > MAX_TEXTS:
        raise ValueError(f"reduce over more than {MAX_TEXTS} different texts is not supported")
    word = re.compile(r"[A-Za-z0-9]+" if not separators else f"[^{re.escape(separators)}]+")
    least = threshold * sum(c for _, c in rows)
    words: Counter[tuple[int, str]] = Counter()
    for text, count in rows:
        for place, found in enumerate(word.findall(text)):
            words[place, found] += count
    frequent = {w for w, count in words.items() if count > least and not w[1].isdecimal()}
    members: dict[_Shape, list[int]] = {}
    for number, (text, _) in enumerate(rows):
        shape = tuple(w for w in enumerate(word.findall(text)) if w in frequent)
        members.setdefault(shape, []).append(number)
    patterns: Counter[str] = Counter()
    shown: dict[str, tuple[int, str]] = {}
    others = 0
    for shape, numbers in members.items():
        size = sum(rows[n][1] for n in numbers)
        if not shape or size <= least:
            others += size
            continue
        pattern = _pattern(shape, [rows[n][0] for n in numbers], word)
        patterns[pattern] += size
        first = max(numbers, key=lambda n: (rows[n][1], -n))
        shown[pattern] = max(shown.get(pattern, (0, "")), (rows[first][1], rows[first][0]))
    answer = [[p, c, shown[p][1]] for p, c in sorted(patterns.items(), key=lambda x: (-x[1], x[0]))]
    if others:
        answer.append(["others", others, ""])
    return orjson.dumps(answer).decode()


def _pattern(shape: _Shape, texts: Sequence[str], word: re.Pattern[str]) -> str:
    """The frequent words, and between them what all of the texts have there, or `*`."""
    gaps: list[set[str]] = [set() for _ in range(len(shape) + 1)]
    for text in texts:
        spans = [m.span() for m in word.finditer(text)]
        at = 0
        for gap, (place, _) in zip(gaps, shape, strict=False):
            begin, end = spans[place]
            gap.add(text[at:begin])
            at = end
        gaps[-1].add(text[at:])
    filled = [min(g) if len(g) == 1 and not word.search(min(g)) else _wildcard(g) for g in gaps]
    return "".join(gap + found for gap, (_, found) in zip(filled, shape, strict=False)) + filled[-1]


def _wildcard(gap: set[str]) -> str:
    """A `*`, with the blanks that all of the texts have around it."""
    before = " " if all(g[:1].isspace() for g in gap) else ""
    after = " " if all(g[-1:].isspace() for g in gap) else ""
    return f"{before}{_ANY}{after}"
