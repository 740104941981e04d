"""How many of the indicators are found that lines with defanged forms name, and what is taken for one that isn't.

The lines are in tests/hunting, written from the rules for what an indicator is: `defanged.jsonl`, and
`hard_negatives.jsonl`, which are versions, file names, clocks, code and prose.
"""

from __future__ import annotations

import json
from pathlib import Path

from bench import figures
from huntlake.hunting.extraction.indicators import hunted, indicators

BY = "python -m bench hunt_indicators"
LINES = Path(__file__).resolve().parents[1] / "tests" / "hunting"
GOAL = 0.97


def main() -> None:
    """Measure precision and recall over all lines."""
    right = extra = missing = count = 0
    for name in ("defanged", "hard_negatives"):
        for line in (LINES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            one = json.loads(line)
            said = {(kind, value) for kind, value in one["says"]}
            found = {(i.kind.value, i.value) for i in hunted(indicators(one["text"]))}
            right, extra, missing = right + len(found & said), extra + len(found - said), missing + len(said - found)
            count += 1
            if found != said:
                print(f"{one['text']}: too many {sorted(found - said)}, missing {sorted(said - found)}")
    precision, recall = right / (right + extra), right / (right + missing)
    figures.write(
        "hunting.6", precision, f"precision of indicators in {count} lines", f"≥ {GOAL}", precision >= GOAL, by=BY
    )
    figures.write("hunting.6b", recall, f"recall of indicators in {count} lines", f"≥ {GOAL}", recall >= GOAL, by=BY)


if __name__ == "__main__":
    main()
