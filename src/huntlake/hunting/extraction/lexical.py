"""How alike a sentence is to what ATT&CK says of each technique: BM25 over procedures, and over descriptions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from huntlake.hunting.extraction.knowledge import Knowledge
from huntlake.hunting.extraction.words import words

Floats = NDArray[np.float32]

_SATURATION, _LENGTH = 1.2, 0.75
_NEAREST, _COUNTED = 250, 5
"""How many procedures are looked at, and how many of one technique speak for it."""


class Index:
    """Texts that can be asked which of them have the words of another."""

    def __init__(self, texts: Sequence[Sequence[str]]) -> None:
        counts = [Counter(text) for text in texts]
        lengths = np.array([len(text) for text in texts], dtype=np.float32)
        weights = _SATURATION * (1 - _LENGTH + _LENGTH * lengths / max(float(lengths.sum()) / max(len(texts), 1), 1.0))
        places: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for number, count in enumerate(counts):
            for word, often in count.items():
                places[word].append((number, often))
        self._size = len(texts)
        self._postings: dict[str, tuple[NDArray[np.int64], Floats]] = {}
        for word, held in places.items():
            numbers = np.array([number for number, _ in held])
            times = np.array([count for _, count in held], dtype=np.float32)
            rarity = np.log(1 + (self._size - len(held) + 0.5) / (len(held) + 0.5))
            scores = rarity * times * (_SATURATION + 1) / (times + weights[numbers])
            self._postings[word] = (numbers, scores.astype(np.float32))

    def scores(self, asked: set[str]) -> Floats:
        """For each text how well it answers; 0 where it has none of the words."""
        found = np.zeros(self._size, dtype=np.float32)
        for word in sorted(asked):
            if (held := self._postings.get(word)) is not None:
                found[held[0]] += held[1]
        return found


class Lexical:
    """The techniques of ATT&CK, to be asked which a sentence speaks of."""

    def __init__(self, knowledge: Knowledge) -> None:
        self.ids = tuple(t.id for t in knowledge.techniques)
        self._places = {id: place for place, id in enumerate(self.ids)}
        # Who did it is no part of what was done: else each report on an actor would speak of all that the actor did.
        procedures = [(n, p.text.replace(p.by, "")) for n, t in enumerate(knowledge.techniques) for p in t.procedures]
        self._of = np.array([n for n, _ in procedures])
        self._procedures = Index([words(text) for _, text in procedures])
        self._descriptions = Index(
            [
                words("\n".join((t.name, t.name, t.description, *(a.text for a in t.analytics))))
                for t in knowledge.techniques
            ]
        )

    def place(self, id: str) -> int:
        """Where in `ids` a technique stands."""
        return self._places[id]

    def of(self, sentence: str) -> tuple[Floats, Floats]:
        """For each technique how alike its procedures are to a sentence, and how alike what is said of it is."""
        asked = set(words(sentence))
        scores = self._procedures.scores(asked)
        found = np.zeros(len(self.ids), dtype=np.float32)
        nearest = min(_NEAREST, len(scores))
        if nearest and scores.any():
            top = np.argpartition(-scores, nearest - 1)[:nearest]
            counted: Counter[int] = Counter()
            for place in top[np.argsort(-scores[top], kind="stable")]:
                technique = int(self._of[place])
                if counted[technique] < _COUNTED:
                    counted[technique] += 1
                    found[technique] += scores[place]
        return found, self._descriptions.scores(asked)
