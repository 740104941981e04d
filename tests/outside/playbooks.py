"""Imports and runs the published templates of playbooks, and holds what succeeds against the baseline.

    python tests/outside/playbooks.py [--accept]

The baseline lists the workflows that succeed, and may only grow. `make playbooks` does the same with a demo that is
made anew, prints why others fail, and keeps the figures.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bench.playbook_incidents import occasions  # noqa: E402
from bench.playbook_templates import TEMPLATES, all_outcomes  # noqa: E402

BASELINE = ROOT / "tests" / "baselines" / "playbooks.txt"


def main() -> int:
    """Run all; 0 where nothing was lost, and nothing hung or crashed."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--accept", action="store_true", help="write the baseline anew")
    given = arguments.parse_args()
    if not TEMPLATES.is_dir():
        print("The published playbooks are not here; nothing was run.")
        return 0
    outcomes = list(all_outcomes(occasions(anew=False)))
    good = {f"{o.file} [{o.workflow}]" for o in outcomes if o.status == "Succeeded"}
    odd = [o for o in outcomes if o.status in ("hung", "crashed")]
    before = set(BASELINE.read_text(encoding="utf-8").splitlines()) if BASELINE.exists() else set()
    lost = sorted(before - good)
    print(f"== playbooks: {dict(Counter(o.status for o in outcomes))}")
    for one in odd:
        print(f"   {one.status}: {one.file} [{one.workflow}]: {'; '.join(one.reasons)}")
    if given.accept:
        BASELINE.write_text("".join(f"{line}\n" for line in sorted(good)), encoding="utf-8")
        return 1 if odd else 0
    for line in lost:
        print(f"   LOST since the baseline: {line}")
    return 1 if lost or odd else 0


if __name__ == "__main__":
    sys.exit(main())
