"""How well techniques are found in reports without a language model: five folds, no report in training and in the test.

The reports and their labels are CTID's, what ATT&CK says is MITRE's; both lie outside of this project. Only the
techniques that their annotators looked for are asked for. Thresholds are learned from the folds in training too.
"""

from __future__ import annotations

from pathlib import Path
from time import process_time

from bench import figures
from huntlake.hunting.evaluation.techniques import FOLDS, Scores, cross_validated, labelled_reports
from huntlake.hunting.extraction.knowledge import Knowledge, knowledge_of
from huntlake.hunting.extraction.lexical import Lexical
from huntlake.hunting.extraction.training import Procedures

BY = "python -m bench hunt_techniques"
SET = Path(__file__).resolve().parents[2] / "shared" / "hunting"
REPORTS, SENTENCES = 0.69, 0.46


def knowledge() -> Knowledge:
    """What ATT&CK says, from beside this project."""
    return knowledge_of((SET / "attack_trim.json").read_bytes())


def main() -> None:
    """Measure F1 of reports and of sentences."""
    if not SET.exists():
        print(f"{SET} is not here: nothing to measure")
        return
    known = knowledge()
    lexical = Lexical(known)
    scores, began = Scores(), process_time()
    for fold, counted in enumerate(cross_validated(labelled_reports(SET, lexical), Procedures.of(known), lexical)):
        scores = counted
        print(f"fold {fold + 1} of {FOLDS}: {process_time() - began:.0f} s of a processor", flush=True)
    print(f"reports {scores.reports}; by parent technique {scores.parents}; sentences {scores.sentences}")
    for name, count, goal, what in (
        ("hunting.2", scores.reports, REPORTS, "reports"),
        ("hunting.2b", scores.sentences, SENTENCES, "sentences"),
    ):
        unit = f"F1 of techniques in {what}, {FOLDS} folds by report, no language model"
        figures.write(name, count.harmonic, unit, f"≥ {goal}", count.harmonic >= goal, by=BY)


if __name__ == "__main__":
    main()
