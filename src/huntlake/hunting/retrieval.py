"""Which of many hunts that could be run answer a signal best: by its words, and by the techniques that it speaks of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from huntlake.hunting.extraction.lexical import Index
from huntlake.hunting.extraction.techniques import TechniqueFinder
from huntlake.hunting.extraction.words import words
from huntlake.hunting.scoring import Parts, priority

_SAID, _SEARCHED, _TECHNIQUE = 1.0, 0.3, 0.2
_TECHNIQUES = 10
_FALLS_BY = 0.15
_PARENT = 0.6
"""What it says for a hunt that it is of another part of the same technique."""


@dataclass(frozen=True, slots=True)
class HuntCandidate:
    """A hunt that could be run: what it is said to find, what it searches for, its techniques, and its tables.

    `tables` are those of which it needs one to have rows.
    """

    id: str
    title: str
    description: str
    searched: str
    techniques: frozenset[str]
    tables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RankedHunt:
    """A candidate, how urgent it is, and why: the parts of the score, and those of its relevance, each from 0 to 1."""

    candidate: HuntCandidate
    priority: float
    parts: Parts
    said: float
    searched: float
    technique: float


class Retrieval:
    """Ranks the candidates for a signal."""

    def __init__(self, candidates: Sequence[HuntCandidate], finder: TechniqueFinder) -> None:
        self._candidates = tuple(candidates)
        self._finder = finder
        self._said = Index([words(f"{one.title}\n{one.description}") for one in self._candidates])
        self._searched = Index([words(one.searched) for one in self._candidates])

    def rank(
        self,
        text: str,
        is_visible: Callable[[str], bool],
        techniques: Mapping[str, float] | None = None,
        trust: float = 1.0,
    ) -> list[RankedHunt]:
        """The candidates that answer what a text says, the most urgent first.

        `is_visible` says whether a table has rows: where none of a candidate's has, it can't find anything and is left
        out. `techniques` are those that are known to be meant, from 0 to 1; those that the text is alike to join them.
        """
        asked = set(words(text))
        said, searched = _share(self._said.scores(asked)), _share(self._searched.scores(asked))
        meant = {id: 1 / (1 + _FALLS_BY * place) for place, id in enumerate(self._finder.candidates(text, _TECHNIQUES))}
        for id, likely in (techniques or {}).items():
            meant[id] = max(meant.get(id, 0.0), likely)
        parents: dict[str, float] = {}
        for id, likely in meant.items():
            parents[id[:5]] = max(parents.get(id[:5], 0.0), likely)
        found = []
        for place, one in enumerate(self._candidates):
            if not any(is_visible(table) for table in one.tables):
                continue
            technique = max(
                (max(meant.get(t, 0.0), _PARENT * parents.get(t[:5], 0.0)) for t in one.techniques), default=0
            )
            relevance = _SAID * said[place] + _SEARCHED * searched[place] + _TECHNIQUE * technique
            if relevance > 0:
                parts = Parts(threat=trust * float(relevance) / (_SAID + _SEARCHED + _TECHNIQUE))
                found.append(
                    RankedHunt(
                        one, priority(parts), parts, float(said[place]), float(searched[place]), float(technique)
                    )
                )
        return sorted(found, key=lambda hunt: (-hunt.priority, hunt.candidate.id))


def _share(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scores as shares of the best."""
    best = float(scores.max(initial=0))
    return scores / best if best else scores
