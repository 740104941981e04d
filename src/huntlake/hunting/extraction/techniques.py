"""The techniques of ATT&CK that a report speaks of, each with the sentences that say so."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from huntlake.core.diagnostics import Span
from huntlake.core.errors import LimitExceeded
from huntlake.detection.attack import is_technique, successor
from huntlake.hunting.extraction.knowledge import Knowledge
from huntlake.hunting.extraction.lexical import Lexical
from huntlake.hunting.extraction.sentences import sentences
from huntlake.hunting.extraction.technique_model import Floats, TechniqueModel, prepared
from huntlake.hunting.extraction.words import features

MOST_SENTENCES = 20_000
"""Of a report; a long one has some thousand."""

_ID = re.compile(r"(?<![A-Za-z0-9])T\d{4}(?:[./]\d{3})?(?![A-Za-z0-9])")
_FEW = 5
_WORDS_SENTENCE, _WORDS_REPORT, _USUAL = -2.85, -2.5, 0.2
"""Where the words alone have to decide: the logits above which F1 is best, and what a technique's share counts."""


class Origin(StrEnum):
    """Who says that a report speaks of a technique."""

    STATED = "stated"
    """The report, by the technique's id."""
    MODEL = "model"
    """What was learned from labelled reports, and how alike it is to what ATT&CK says."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence that speaks of a technique, where it stands, and how likely it does, from 0 to 1."""

    span: Span
    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class FoundTechnique:
    """A technique of a report, how likely it is, from 0 to 1, and its evidence, the best first.

    `revoked` are ids that the report gives and that this one took the place of.
    """

    id: str
    confidence: float
    origin: Origin
    evidence: tuple[Evidence, ...]
    revoked: tuple[str, ...] = ()


class TechniqueFinder:
    """Finds techniques in reports, by what ATT&CK says of them and by what was learned.

    Without ATT&CK, which is brought by a person, the words that were learned decide alone, and there are no candidates.
    """

    def __init__(self, knowledge: Knowledge | None, model: TechniqueModel) -> None:
        self._lexical = Lexical(knowledge) if knowledge is not None else None
        self._known = frozenset(self._lexical.ids) if self._lexical is not None else frozenset(model.labels)
        self._model = model

    def find(self, text: str) -> list[FoundTechnique]:
        """The techniques of a report, those that it states first, then the likeliest first.

        `LimitExceeded` for a text of more than `MOST_SENTENCES`.
        """
        stated = stated_techniques(text)
        named = {one.id for one in stated}
        return stated + [one for one in self._learned(text) if one.id not in named]

    def candidates(self, text: str, most: int = 10) -> list[str]:
        """Of all techniques of ATT&CK those that a sentence or a phrase is most alike to, the best first."""
        if self._lexical is None:
            return []
        procedures, descriptions = self._lexical.of(text)
        alike = procedures / max(float(procedures.max(initial=0)), 1e-6)
        alike = alike + descriptions / max(float(descriptions.max(initial=0)), 1e-6)
        order = np.argsort(-alike, kind="stable")[:most]
        return [self._lexical.ids[place] for place in order if alike[place] > 0]

    def _learned(self, text: str) -> list[FoundTechnique]:
        spans = sentences(text)
        if len(spans) > MOST_SENTENCES:
            raise LimitExceeded(f"a text of {len(spans):,} sentences is longer than {MOST_SENTENCES:,}")
        if not spans:
            return []
        model = self._model.among(self._known)
        pieces = [text[s.start : s.end] for s in spans]
        if self._lexical is None:
            scores = model.linear.of(model.vocabulary.rows([features(piece) for piece in pieces]))
            whole = scores.max(axis=0) + _USUAL * model.usual
            of_sentence, of_report = _WORDS_SENTENCE, _WORDS_REPORT
        else:
            report = prepared(self._lexical, pieces)
            scores = model.sentences(self._lexical, report)
            whole = model.whole(self._lexical, report, scores)
            of_sentence, of_report = model.sentence_threshold, model.report_threshold
        found = [
            FoundTechnique(
                model.labels[place],
                _likely(whole[place]),
                Origin.MODEL,
                tuple(_evidence(text, spans, scores[:, place], of_sentence)),
            )
            for place in np.flatnonzero(whole > of_report)
        ]
        return sorted(found, key=lambda one: (-one.confidence, one.id))


def stated_techniques(text: str) -> list[FoundTechnique]:
    """The techniques that a text gives by their ids, in their order; what was revoked by what took its place.

    What only looks like an id, and is none of ATT&CK's, is left out.
    """
    places: dict[str, list[Span]] = {}
    revoked: dict[str, list[str]] = {}
    for one in _ID.finditer(text):
        given = one[0].replace("/", ".")
        id = successor(given) or given
        if is_technique(id):
            places.setdefault(id, []).append(Span(one.start(), one.end()))
            if id != given:
                revoked.setdefault(id, []).append(given)
    return [
        FoundTechnique(
            id,
            1.0,
            Origin.STATED,
            tuple(Evidence(span, text[span.start : span.end], 1.0) for span in spans[:_FEW]),
            tuple(dict.fromkeys(revoked.get(id, ()))),
        )
        for id, spans in places.items()
    ]


def _evidence(text: str, spans: Sequence[Span], scores: Floats, threshold: float) -> Iterator[Evidence]:
    """The sentences that speak of a technique, the best one at least."""
    for number, place in enumerate(np.argsort(-scores, kind="stable")[:_FEW]):
        if number == 0 or scores[place] > threshold:
            span = spans[int(place)]
            yield Evidence(span, text[span.start : span.end], _likely(scores[place]))


def _likely(logit: float) -> float:
    return float(1 / (1 + np.exp(-np.float64(logit))))
