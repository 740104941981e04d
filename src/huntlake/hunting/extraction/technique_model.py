"""How likely each sentence of a report, and the report as a whole, speaks of a technique.

Two things are asked of a sentence: which words of it go with a technique (a linear model, learned from sentences that
analysts have labelled), and how alike it is to what ATT&CK says (`lexical`). A few weights make one score of both, of
the sentences around, and of the rest of the report; a few more make the report's of its sentences'.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from huntlake.hunting.extraction.lexical import Lexical
from huntlake.hunting.extraction.linear import Linear, Vocabulary
from huntlake.hunting.extraction.words import features

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

MODEL = Path(__file__).parents[2] / "content" / "models" / "techniques.npz"

_NOBODY = -8.0
"""The logit of a sentence that isn't there."""
_USUAL = 30.0
"""What procedures that are very much alike sum up to."""
_CLOSE = 0.7


@dataclass(frozen=True)
class Prepared:
    """The sentences of a report, and how alike each is to each technique of ATT&CK."""

    texts: tuple[Counter[str], ...]
    lengths: Floats
    procedures: Floats
    descriptions: Floats

    def __len__(self) -> int:
        return len(self.texts)


def prepared(lexical: Lexical, sentences: Sequence[str]) -> Prepared:
    """Sentences, ready to be asked about."""
    alike = [lexical.of(sentence) for sentence in sentences]
    nothing = np.zeros((0, len(lexical.ids)), dtype=np.float32)
    return Prepared(
        tuple(features(sentence) for sentence in sentences),
        np.log(np.array([max(len(s), 1) for s in sentences], dtype=np.float32)),
        np.stack([p for p, _ in alike]) if alike else nothing,
        np.stack([d for _, d in alike]) if alike else nothing,
    )


@dataclass(frozen=True)
class TechniqueModel:
    """What was learned: `labels` are the ids of the techniques that it tells."""

    labels: tuple[str, ...]
    vocabulary: Vocabulary
    linear: Linear
    sentence: Doubles
    """Weights of `sentence_columns`, and the bias."""
    report: Doubles
    """Weights of `report_columns`, and the bias."""
    usual: Floats
    """How many of the reports speak of each technique, as a logit."""
    sentence_threshold: float
    report_threshold: float

    def sentences(self, lexical: Lexical, report: Prepared) -> Floats:
        """For each sentence and label the score, a logit."""
        columns = sentence_columns(self.words(report), lexical, report, self.labels)
        found: Floats = (columns @ self.sentence[:-1] + self.sentence[-1]).astype(np.float32)
        return found

    def whole(self, lexical: Lexical, report: Prepared, scores: Floats) -> Floats:
        """For each label the score of the whole report, a logit, out of those of its sentences."""
        columns = report_columns(scores, close(lexical, report, self.labels), self.usual)
        found: Floats = (columns @ self.report[:-1] + self.report[-1]).astype(np.float32)
        return found

    def words(self, report: Prepared) -> Floats:
        """What the words alone say."""
        return self.linear.of(self.vocabulary.rows(report.texts))

    def among(self, known: frozenset[str]) -> TechniqueModel:
        """What it says of those techniques that ATT&CK has, as it was brought in: it may be of another version."""
        if known.issuperset(self.labels):
            return self
        kept = [place for place, label in enumerate(self.labels) if label in known]
        return replace(
            self,
            labels=tuple(self.labels[place] for place in kept),
            linear=Linear(self.linear.weights[:, kept], self.linear.bias[kept]),
            usual=self.usual[kept],
        )

    def save(self, file: Path) -> None:
        """Write it: of each label the weights that say most, in a byte each."""
        held = np.flatnonzero(np.abs(self.linear.weights).max(1) > 0)
        names = [*self.vocabulary.numbers]
        weights = self.linear.weights[held]
        scale = np.abs(weights).max(0) / 127
        labels, places = np.nonzero(weights.T)
        np.savez_compressed(
            file,
            labels=np.array(self.labels),
            words=np.frombuffer("\n".join(names[n] for n in held).encode(), dtype=np.uint8),
            rarity=self.vocabulary.rarity[held].astype(np.float16),
            counts=np.bincount(labels, minlength=len(self.labels)).astype(np.int32),
            places=places.astype(np.uint32),
            values=np.rint(weights.T[labels, places] / scale[labels]).astype(np.int8),
            scale=scale.astype(np.float32),
            bias=self.linear.bias,
            sentence=self.sentence,
            report=self.report,
            usual=self.usual,
            thresholds=np.array([self.sentence_threshold, self.report_threshold]),
        )

    @classmethod
    def load(cls, file: Path = MODEL) -> TechniqueModel:
        """Read what `save` has written."""
        with np.load(file, allow_pickle=False) as kept:
            names = bytes(kept["words"]).decode().split("\n")
            labels = tuple(str(label) for label in kept["labels"])
            weights = np.zeros((len(names), len(labels)), dtype=np.float32)
            columns = np.repeat(np.arange(len(labels)), kept["counts"])
            weights[kept["places"], columns] = kept["values"] * kept["scale"][columns]
            thresholds = kept["thresholds"]
            return cls(
                labels,
                Vocabulary({name: number for number, name in enumerate(names)}, kept["rarity"].astype(np.float32)),
                Linear(weights, kept["bias"]),
                kept["sentence"],
                kept["report"],
                kept["usual"],
                float(thresholds[0]),
                float(thresholds[1]),
            )


def sentence_columns(logits: Floats, lexical: Lexical, report: Prepared, labels: Sequence[str]) -> Doubles:
    """What is asked of each sentence and label, in the last axis."""
    chosen = _places(lexical, labels)
    procedures = report.procedures[:, chosen]
    best = report.procedures.max(1, keepdims=True, initial=1e-6)
    best_description = report.descriptions.max(1, keepdims=True, initial=1e-6)
    order = np.argsort(np.argsort(-report.procedures, axis=1, kind="stable"), axis=1)[:, chosen]
    near = np.full_like(logits, _NOBODY)
    near[1:] = logits[:-1]
    near[:-1] = np.maximum(near[:-1], logits[1:])
    return np.stack(
        [
            logits,
            procedures / best,
            procedures / _USUAL,
            report.descriptions[:, chosen] / best_description,
            near,
            _elsewhere(logits),
            1 / (1 + order),
            np.broadcast_to(report.lengths[:, None], logits.shape),
        ],
        axis=-1,
    ).astype(np.float64)


def report_columns(scores: Floats, close: Floats, usual: Floats) -> Doubles:
    """What is asked of a whole report for each label, in the last axis."""
    likely = 1 / (1 + np.exp(-scores.astype(np.float64)))
    first = np.sort(np.concatenate([scores, np.full((2, scores.shape[1]), _NOBODY)]), axis=0)[::-1]
    return np.stack(
        [
            first[0],
            first[1],
            np.log(-np.log1p(-np.minimum(likely, 0.999)).sum(0) + 1e-4),
            np.log(likely.sum() + 0.1) * np.ones_like(usual),
            np.log1p(close),
            np.full_like(usual, np.log(len(scores) + 1)),
            usual,
        ],
        axis=-1,
    ).astype(np.float64)


def close(lexical: Lexical, report: Prepared, labels: Sequence[str]) -> Floats:
    """For each label how many sentences are much alike to its procedures."""
    best = report.procedures.max(1, keepdims=True, initial=1e-6)
    found: Floats = (report.procedures[:, _places(lexical, labels)] / best > _CLOSE).sum(0).astype(np.float32)
    return found


def _elsewhere(logits: Floats) -> Floats:
    """For each sentence the best logit of all others."""
    if len(logits) < 2:
        return np.full_like(logits, _NOBODY)
    order = np.sort(logits, axis=0)
    found: Floats = np.where(logits == order[-1], order[-2], order[-1])
    return found


def _places(lexical: Lexical, labels: Sequence[str]) -> NDArray[np.int64]:
    return np.array([lexical.place(label) for label in labels], dtype=np.int64)
