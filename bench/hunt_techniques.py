"""How well techniques are found in reports without a language model: five folds, no report in training and in the test.

The reports and their labels are CTID's, what ATT&CK says is MITRE's; both lie outside of this project. Only the
techniques that their annotators looked for are asked for. Thresholds are learned from the folds in training too.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from time import process_time

import numpy as np

from bench import figures
from huntlake.hunting.extraction.knowledge import Knowledge, knowledge_of
from huntlake.hunting.extraction.lexical import Lexical
from huntlake.hunting.extraction.technique_model import prepared
from huntlake.hunting.extraction.training import Labelled, Procedures, train

BY = "python -m bench hunt_techniques"
SET = Path(__file__).resolve().parents[2] / "shared" / "hunting"
FOLDS = 5
GOALS = {"hunting.2": 0.69, "hunting.2b": 0.46}


def knowledge() -> Knowledge:
    """What ATT&CK says, from beside this project."""
    return knowledge_of((SET / "attack_trim.json").read_bytes())


def labelled(lexical: Lexical) -> list[Labelled]:
    """Every labelled report, in an order that says nothing of them."""
    sentences: dict[str, list[tuple[str, frozenset[str]]]] = {}
    for line in (SET / "tram_sentences.jsonl").read_text(encoding="utf-8").splitlines():
        one = json.loads(line)
        sentences.setdefault(one["doc"], []).append((one["text"], frozenset(one["labels"])))
    techniques = {}
    for line in (SET / "tram_reports.jsonl").read_text(encoding="utf-8").splitlines():
        one = json.loads(line)
        techniques[one["title"]] = frozenset(one["techniques"])
    order = sorted(sentences, key=lambda title: sha256(title.encode()).hexdigest())
    return [
        Labelled(
            prepared(lexical, [text for text, _ in sentences[title]]),
            tuple(labels for _, labels in sentences[title]),
            techniques[title],
        )
        for title in order
    ]


class Count:
    """What was found rightly, what wrongly, and what was missed."""

    def __init__(self) -> None:
        self.right = self.wrong = self.missed = 0

    def add(self, found: frozenset[str], said: frozenset[str]) -> None:
        self.right += len(found & said)
        self.wrong += len(found - said)
        self.missed += len(said - found)

    @property
    def harmonic(self) -> float:
        return 2 * self.right / (2 * self.right + self.wrong + self.missed)

    def __str__(self) -> str:
        precision, recall = self.right / (self.right + self.wrong), self.right / (self.right + self.missed)
        return f"P {precision:.3f} R {recall:.3f} F1 {self.harmonic:.3f}"


def main() -> None:
    """Measure F1 of reports and of sentences."""
    if not SET.exists():
        print(f"{SET} is not here: nothing to measure")
        return
    known = knowledge()
    lexical, procedures = Lexical(known), Procedures.of(known)
    every = labelled(lexical)
    whole, parents, single = Count(), Count(), Count()
    for fold in range(FOLDS):
        began = process_time()
        model = train([one for n, one in enumerate(every) if n % FOLDS != fold], procedures, lexical)
        labels = np.array(model.labels)
        for one in every[fold::FOLDS]:
            scores = model.sentences(lexical, one.report)
            for row, said in zip(scores, one.sentences, strict=True):
                single.add(frozenset(labels[row > model.sentence_threshold].tolist()), said)
            found = labels[model.whole(lexical, one.report, scores) > model.report_threshold].tolist()
            whole.add(frozenset(found), one.techniques)
            parents.add(frozenset(f[:5] for f in found), frozenset(t[:5] for t in one.techniques))
        print(f"fold {fold + 1} of {FOLDS}: {process_time() - began:.0f} s of a processor", flush=True)
    print(f"reports {whole}; by parent technique {parents}; sentences {single}")
    for name, count, what in (("hunting.2", whole, "reports"), ("hunting.2b", single, "sentences")):
        unit = f"F1 of techniques in {what}, {FOLDS} folds by report, no language model"
        figures.write(name, count.harmonic, unit, f"≥ {GOALS[name]}", count.harmonic >= GOALS[name], by=BY)


if __name__ == "__main__":
    main()
