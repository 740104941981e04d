"""What a signal says was done, sentence by sentence, and how well each candidate answers each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from huntlake.core.diagnostics import Span
from huntlake.hunting.extraction.lexical import Index
from huntlake.hunting.extraction.sentences import sentences
from huntlake.hunting.extraction.words import words
from huntlake.hunting.retrieval import HuntCandidate
from huntlake.hunting.signals.signal import Signal, SignalTechnique

Floats = NDArray[np.float64]

MOST_SENTENCES = 2_000
"""Of one signal; what is beyond them isn't looked at, and the signal's techniques speak for it."""

_SAID, _SEARCHED, _TECHNIQUE, _STATED = 1.0, 0.3, 0.2, 0.6
_NAMED = 0.6
"""How well a hunt answers a technique that is named without words."""
_FEW = 3
"""So few sentences say one thing, together."""
_TECHNIQUES, _FALLS_BY, _PARENT, _STATED_PARENT = 10, 0.15, 0.6, 0.2
_GIVEN = frozenset({"stated", "tagged"})
_LEAST_WORDS = 3
_LISTED = 2
"""More techniques than these, named in one sentence, are a list."""
_ID = re.compile(r"\bT\d{4}(?:\.\d{3})?\b")


class Suggests(Protocol):
    """Which techniques a phrase may mean."""

    def candidates(self, text: str, most: int = 10) -> Sequence[str]:
        """The ids that it is most alike to, the best first."""
        ...


class NothingSuggested:
    """Nobody has brought ATT&CK."""

    def candidates(self, text: str, most: int = 10) -> Sequence[str]:
        return ()


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Something that a signal says was done: the words, where they stand, and the techniques that they mean.

    `techniques` are given by the signal, from 0 to 1; `stated` are those among them that somebody has named.
    """

    signal: str
    text: str
    span: Span
    techniques: Mapping[str, float]
    stated: frozenset[str]


def behaviours(id: str, signal: Signal) -> list[Behaviour]:
    """What a signal says was done; at least one thing where it has words or techniques."""
    text = signal.text or f"{signal.title}\n{signal.summary}"
    spans = sentences(text)[:MOST_SENTENCES]
    if len(spans) <= _FEW:
        spans = [Span(0, len(text))] if text.strip() else []
    found, placed = [], set[str]()
    for span in spans:
        said = text[span.start : span.end]
        here = [t for t in signal.techniques if len(spans) == 1 or _is_of(t, said, span)]
        placed |= {t.id for t in here}
        listed = [t for t in here if t.origin in _GIVEN]
        if len(listed) > _LISTED:
            # A list of ids says many things, each of which was done.
            found += [_behaviour(id, "", Span(0, 0), [t]) for t in listed]
            here = [t for t in here if t not in listed]
            said = _ID.sub("", said)
        if here or len(set(words(said))) >= _LEAST_WORDS:
            found.append(_behaviour(id, said, span, here))
    # A technique that no sentence is quoted for, as sources tag them, is a thing that was done of its own.
    found += [_behaviour(id, "", Span(0, 0), [t]) for t in signal.techniques if t.id not in placed]
    return found


def _behaviour(id: str, text: str, span: Span, techniques: Iterable[SignalTechnique]) -> Behaviour:
    here = tuple(techniques)
    stated = frozenset(t.id for t in here if t.origin in _GIVEN)
    return Behaviour(id, text, span, {t.id: t.confidence for t in here}, stated)


def _is_of(technique: SignalTechnique, said: str, span: Span) -> bool:
    return any(
        (q.start is not None and span.start <= q.start < span.end) or (q.start is None and q.text and q.text in said)
        for q in technique.quotes
    )


class Answers:
    """Says how well each candidate answers what was done."""

    def __init__(self, candidates: Sequence[HuntCandidate], suggests: Suggests) -> None:
        self._suggests = suggests
        self._said = Index([words(f"{one.title}\n{one.description}") for one in candidates])
        self._searched = Index([words(one.searched) for one in candidates])
        self._techniques = [one.techniques for one in candidates]

    def to(self, asked: Sequence[Behaviour]) -> Floats:
        """For each behaviour, and each candidate, how well it answers, from 0 to 1."""
        told = [set(words(one.text)) for one in asked]
        said = [self._said.scores(one) for one in told]
        searched = [self._searched.scores(one) for one in told]
        usual = _usual(said), _usual(searched)
        rows = []
        for one, s, q in zip(asked, said, searched, strict=True):
            technique, stated = self._meant(one)
            if not one.text:
                # Named, and not a word of how: a hunt of the technique answers it, and whether rightly nobody knows.
                rows.append(_NAMED * stated if one.stated else _TECHNIQUE * technique)
                continue
            row = _SAID * _share(s, usual[0]) + _SEARCHED * _share(q, usual[1]) + _TECHNIQUE * technique
            whole = _SAID + _SEARCHED + _TECHNIQUE
            if one.stated:
                row, whole = row + _STATED * stated, whole + _STATED
            rows.append(row / whole)
        return np.stack(rows) if rows else np.zeros((0, len(self._techniques)))

    def _meant(self, one: Behaviour) -> tuple[Floats, Floats]:
        """For each candidate how likely one of its techniques is meant, and was named."""
        suggested = self._suggests.candidates(one.text, _TECHNIQUES) if one.text else ()
        meant = {id: 1 / (1 + _FALLS_BY * place) for place, id in enumerate(suggested)}
        for id, likely in one.techniques.items():
            meant[id] = max(meant.get(id, 0.0), likely)
        stated = {id: one.techniques[id] for id in one.stated}
        # Whoever names a part of a technique doesn't mean another part.
        return self._held(meant, _PARENT), self._held(stated, _STATED_PARENT)

    def _held(self, meant: Mapping[str, float], parent: float) -> Floats:
        parents: dict[str, float] = {}
        for id, likely in meant.items():
            parents[id[:5]] = max(parents.get(id[:5], 0.0), likely)
        return np.array(
            [
                max((max(meant.get(t, 0.0), parent * parents.get(t[:5], 0.0)) for t in techniques), default=0.0)
                for techniques in self._techniques
            ]
        )


def _usual(scores: Sequence[NDArray[np.float32]]) -> float:
    """What the best answer to a sentence usually scores."""
    best = [float(one.max(initial=0)) for one in scores]
    return float(np.median([b for b in best if b])) if any(best) else 1.0


def _share(scores: NDArray[np.float32], usual: float) -> Floats:
    """Scores as shares of the best; where the best is poor beside what is usual, they all say less."""
    best = float(scores.max(initial=0))
    if not best:
        return np.zeros(len(scores))
    found: Floats = scores.astype(np.float64) / best * min(1.0, best / usual)
    return found
