"""Learns the models of `src/huntlake/content/models/` anew, from the labelled reports beside this project.

    python -m tools.models

The same reports make the same model.
"""

from __future__ import annotations

from bench.hunt_techniques import SET, knowledge

from huntlake.hunting.evaluation.techniques import labelled_reports
from huntlake.hunting.extraction.lexical import Lexical
from huntlake.hunting.extraction.technique_model import MODEL
from huntlake.hunting.extraction.training import Procedures, train


def main() -> None:
    """Write the model of techniques."""
    if not SET.exists():
        print(f"{SET} is not here: nothing to learn from")
        return
    known = knowledge()
    lexical = Lexical(known)
    model = train(labelled_reports(SET, lexical), Procedures.of(known), lexical)
    MODEL.parent.mkdir(exist_ok=True)
    model.save(MODEL)
    print(f"{MODEL.name}: {len(model.labels)} techniques, {MODEL.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
