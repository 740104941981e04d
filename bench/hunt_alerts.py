"""Alerts of eight incidents: are they grouped as their product did, and do they answer questions, without a model.

The alerts, the incidents and the questions are ExCyTIn's, outside of this project.
"""

from __future__ import annotations

from pathlib import Path

from bench import figures
from huntlake.hunting.evaluation.incidents import alert_facts, answered, grouping

BY = "python -m bench hunt_alerts"
SET = Path(__file__).resolve().parents[2] / "shared" / "hunting"
PAIRS, FIRST = 0.97, 0.34


def main() -> None:
    """Measure pair F1 of the groups, and how often the first answer is the right one."""
    if not SET.exists():
        print(f"{SET} is not here: nothing to measure")
        return
    alerts = alert_facts(SET)
    pairs = grouping(SET, alerts)
    unit = f"pair F1 of {len(alerts)} alerts grouped into incidents"
    figures.write("hunting.4", pairs.harmonic, unit, f"≥ {PAIRS}", pairs.harmonic >= PAIRS, by=BY)
    found = answered(SET, alerts)
    unit = f"of {found.questions} questions answered exactly by the first value ({found.within_ten:.2f} within ten)"
    figures.write("hunting.4b", found.first, unit, f"≥ {FIRST}", found.first >= FIRST, by=BY)


if __name__ == "__main__":
    main()
