"""Techniques in labelled reports, and in phrases.

`tram_sentences.jsonl` and `tram_reports.jsonl` are the reports, with the techniques of each sentence and of the whole;
`tram_phrases.jsonl` are phrases, each of one technique.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from huntlake.hunting.evaluation.counts import Count
from huntlake.hunting.extraction.lexical import Lexical
from huntlake.hunting.extraction.technique_model import prepared
from huntlake.hunting.extraction.techniques import TechniqueFinder
from huntlake.hunting.extraction.training import Labelled, Procedures, train

FOLDS = 5


@dataclass
class Scores:
    """What was counted over reports, over reports by the parent of each technique, and over sentences."""

    reports: Count = field(default_factory=Count)
    parents: Count = field(default_factory=Count)
    sentences: Count = field(default_factory=Count)


def labelled_reports(folder: Path, lexical: Lexical) -> list[Labelled]:
    """Every labelled report, in an order that says nothing of them."""
    sentences: dict[str, list[tuple[str, frozenset[str]]]] = {}
    for one in _lines(folder / "tram_sentences.jsonl"):
        sentences.setdefault(one["doc"], []).append((one["text"], frozenset(one["labels"])))
    techniques = {one["title"]: frozenset(one["techniques"]) for one in _lines(folder / "tram_reports.jsonl")}
    order = sorted(sentences, key=lambda title: sha256(title.encode()).hexdigest())
    return [
        Labelled(
            prepared(lexical, [text for text, _ in sentences[title]]),
            tuple(labels for _, labels in sentences[title]),
            techniques[title],
        )
        for title in order
    ]


def cross_validated(every: Sequence[Labelled], procedures: Procedures, lexical: Lexical) -> Iterator[Scores]:
    """What was counted after each fold: no report is in training and in the test, and thresholds are learned too."""
    scores = Scores()
    for fold in range(FOLDS):
        model = train([one for n, one in enumerate(every) if n % FOLDS != fold], procedures, lexical)
        labels = np.array(model.labels)
        for one in every[fold::FOLDS]:
            likely = model.sentences(lexical, one.report)
            for row, said in zip(likely, one.sentences, strict=True):
                scores.sentences.add(frozenset(labels[row > model.sentence_threshold].tolist()), said)
            found = labels[model.whole(lexical, one.report, likely) > model.report_threshold].tolist()
            scores.reports.add(frozenset(found), one.techniques)
            scores.parents.add(frozenset(f[:5] for f in found), frozenset(t[:5] for t in one.techniques))
        yield scores


def recalled(folder: Path, finder: TechniqueFinder, within: Sequence[int]) -> dict[int, float]:
    """The share of phrases whose technique is among the first so many candidates, of all of ATT&CK."""
    found, count = dict.fromkeys(within, 0), 0
    for one in _lines(folder / "tram_phrases.jsonl"):
        candidates = finder.candidates(one["text"], max(within))
        count += 1
        for number in within:
            found[number] += one["label"] in candidates[:number]
    return {number: right / max(count, 1) for number, right in found.items()}


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
