"""Learning which sentences speak of which technique, from reports that analysts have labelled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from huntlake.hunting.extraction.knowledge import Knowledge
from huntlake.hunting.extraction.lexical import Lexical
from huntlake.hunting.extraction.linear import Floats, Linear, Vocabulary, fitted, learned
from huntlake.hunting.extraction.technique_model import (
    Doubles,
    Prepared,
    TechniqueModel,
    close,
    report_columns,
    sentence_columns,
)
from huntlake.hunting.extraction.words import features

_PROCEDURE = 0.3
"""What a sentence of ATT&CK counts for beside one of a report."""
_INNER = 4
_KEPT = 3_000
"""Weights of each label that are kept: those that say most."""
_WIDTH = 25


@dataclass(frozen=True)
class Labelled:
    """A report, the techniques that each of its sentences speaks of, and those of the whole."""

    report: Prepared
    sentences: tuple[frozenset[str], ...]
    techniques: frozenset[str]


@dataclass(frozen=True)
class Procedures:
    """The sentences of ATT&CK itself, and the technique of each."""

    texts: tuple[Counter[str], ...]
    techniques: tuple[str, ...]

    @classmethod
    def of(cls, knowledge: Knowledge) -> Procedures:
        """Every procedure, without who did it."""
        found = [(features(p.text.replace(p.by, "")), t.id) for t in knowledge.techniques for p in t.procedures]
        return cls(tuple(f for f, _ in found), tuple(t for _, t in found))


def train(labelled: Sequence[Labelled], procedures: Procedures, lexical: Lexical) -> TechniqueModel:
    """What can be learned from reports.

    The weights that join words and likeness are fitted on reports that the words weren't learned from, and so are the
    thresholds: a model knows its own examples too well.
    """
    seen = {label for one in labelled for s in one.sentences for label in s} | {
        t for o in labelled for t in o.techniques
    }
    labels = tuple(sorted(label for label in seen if label in lexical.ids))
    logits: list[Floats] = [np.zeros((0, 0), dtype=np.float32)] * len(labelled)
    for part in range(_INNER):
        vocabulary, linear = _words([o for n, o in enumerate(labelled) if n % _INNER != part], procedures, labels)
        for number, one in enumerate(labelled):
            if number % _INNER == part:
                logits[number] = linear.of(vocabulary.rows(one.report.texts))
    columns = [sentence_columns(z, lexical, o.report, labels) for z, o in zip(logits, labelled, strict=True)]
    wanted = [_wanted(one.sentences, labels) for one in labelled]
    sentence = fitted(np.concatenate([_flat(c) for c in columns]), np.concatenate([w.ravel() for w in wanted]))
    scores = [(c @ sentence[:-1] + sentence[-1]).astype(np.float32) for c in columns]
    sentence_threshold = _threshold(scores, wanted)
    whole = _wanted([one.techniques for one in labelled], labels)
    share = (whole.sum(0) + 0.5) / (len(labelled) + 1)
    usual = np.log(share / (1 - share)).astype(np.float32)
    of_reports = [
        report_columns(s, close(lexical, o.report, labels), usual) for s, o in zip(scores, labelled, strict=True)
    ]
    report = fitted(np.concatenate([_flat(c) for c in of_reports]), whole.ravel())
    totals = [(c @ report[:-1] + report[-1]).astype(np.float32) for c in of_reports]
    vocabulary, linear = _words(labelled, procedures, labels)
    return TechniqueModel(
        labels,
        vocabulary,
        linear,
        sentence,
        report,
        usual,
        sentence_threshold,
        _threshold(totals, [*whole]),
    )


def _words(labelled: Sequence[Labelled], procedures: Procedures, labels: Sequence[str]) -> tuple[Vocabulary, Linear]:
    texts = [text for one in labelled for text in one.report.texts]
    own = np.concatenate([_wanted(one.sentences, labels) for one in labelled])
    wanted = np.concatenate([own, _wanted([frozenset({t}) for t in procedures.techniques], labels)])
    counts_for = np.r_[np.ones(len(own)), np.full(len(procedures.texts), _PROCEDURE)].astype(np.float32)
    every = [*texts, *procedures.texts]
    vocabulary = Vocabulary.of(every)
    linear = learned(vocabulary.rows(every), wanted.astype(np.float32), counts_for, len(vocabulary.numbers))
    weights = linear.weights
    if len(weights) > _KEPT:
        least = np.partition(np.abs(weights), len(weights) - _KEPT, axis=0)[len(weights) - _KEPT]
        weights = np.where(np.abs(weights) >= least, weights, 0).astype(np.float32)
    return vocabulary, Linear(weights, linear.bias)


def _wanted(said: Sequence[frozenset[str]], labels: Sequence[str]) -> Doubles:
    numbers = {label: number for number, label in enumerate(labels)}
    found = np.zeros((len(said), len(labels)))
    for row, some in enumerate(said):
        for label in some & numbers.keys():
            found[row, numbers[label]] = 1
    return found


def _flat(columns: Doubles) -> Doubles:
    return columns.reshape(-1, columns.shape[-1])


def _threshold(scores: Sequence[Floats], wanted: Sequence[Doubles]) -> float:
    """The score above which F1 is best, smoothed over its neighbours."""
    flat, right = np.concatenate([s.ravel() for s in scores]), np.concatenate([w.ravel() for w in wanted])
    order = np.argsort(-flat, kind="stable")
    found = np.cumsum(right[order])
    harmonic = 2 * found / (np.arange(1, len(order) + 1) + right.sum())
    width = min(_WIDTH, len(order))
    return float(flat[order[int(np.convolve(harmonic, np.ones(width) / width, "same").argmax())]])
