"""How alike two hunts are: by what they ask, what they are said to find, and where they look."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from huntlake.hunting.extraction.words import words
from huntlake.hunting.hypotheses.hypothesis import Hypothesis
from huntlake.hunting.retrieval import HuntCandidate

REMEMBERED = timedelta(days=30)
"""How long a hunt stands in the way of one like it."""

_WORDS, _TECHNIQUES, _TABLES = 0.6, 0.2, 0.2


@dataclass(frozen=True, slots=True)
class Features:
    """What two hunts are compared by. `values` are what parameters are filled with; two that look for others differ."""

    id: str
    words: frozenset[str]
    techniques: frozenset[str]
    tables: frozenset[str]
    candidate: str = ""
    values: frozenset[str] = frozenset()


def of_candidate(one: HuntCandidate, parameters: Sequence[tuple[str, str]] = ()) -> Features:
    """What a candidate is compared by."""
    text = f"{one.title}\n{one.description}\n{one.searched}"
    return Features("", frozenset(words(text)), one.techniques, frozenset(one.tables), one.id, _values(parameters))


def of_hypothesis(id: str, one: Hypothesis, text: str = "") -> Features:
    """What a hypothesis is compared by; `text` is its query, where there is one."""
    return Features(
        id,
        frozenset(words(f"{one.title}\n{text}")),
        frozenset(one.techniques),
        frozenset(one.tables),
        one.candidate,
        _values(one.parameters),
    )


def likeness(one: Features, other: Features) -> float:
    """From 0, nothing in common, to 1, the same."""
    if one.candidate and one.candidate == other.candidate:
        # The same query: what differs is what it looks for.
        return _share(one.values, other.values) if one.values or other.values else 1.0
    if one.values or other.values:
        # A sweep for values is like no other query.
        return 0.0
    return (
        _WORDS * _share(one.words, other.words)
        + _TECHNIQUES * _share(one.techniques, other.techniques)
        + _TABLES * _share(one.tables, other.tables)
    )


def nearest(one: Features, others: Iterable[Features]) -> tuple[float, str]:
    """How alike the likest of others is, and its id; 0 and nothing where there is none."""
    return max(((likeness(one, other), other.id) for other in others), default=(0.0, ""))


def is_remembered(made: datetime, now: datetime) -> bool:
    """Whether a hunt of that time still stands in the way of one like it."""
    return now - made <= REMEMBERED


def _values(parameters: Sequence[tuple[str, str]]) -> frozenset[str]:
    return frozenset(f"{name}={value}" for name, value in parameters)


def _share(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one or other else 0.0
