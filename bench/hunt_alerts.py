"""Alerts of eight incidents: are they grouped as their product did, and do they answer questions, without a model.

The alerts, the incidents and the questions are ExCyTIn's, outside of this project.
"""

from __future__ import annotations

import csv
import json
from datetime import datetime
from itertools import combinations
from pathlib import Path

from bench import figures
from huntlake.hunting.alert_entities import AlertFacts, alert_entities
from huntlake.hunting.answers import Investigation
from huntlake.hunting.grouping import grouped

BY = "python -m bench hunt_alerts"
SET = Path(__file__).resolve().parents[2] / "shared" / "hunting"
PAIRS, FIRST = 0.97, 0.34


def rows(name: str) -> list[dict[str, str]]:
    """The rows of one of the set's files."""
    csv.field_size_limit(1 << 24)
    with (SET / "excytin" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="❖", quotechar='"'))


def facts() -> list[AlertFacts]:
    """The alerts."""
    return [
        AlertFacts(
            row["SystemAlertId"],
            row["DisplayName"],
            row["Description"],
            datetime.fromisoformat(row["StartTime"]),
            datetime.fromisoformat(row["EndTime"]),
            alert_entities(row["Entities"]),
        )
        for row in rows("extracted_alerts.csv")
    ]


def main() -> None:
    """Measure pair F1 of the groups, and how often the first answer is the right one."""
    if not SET.exists():
        print(f"{SET} is not here: nothing to measure")
        return
    alerts = facts()
    incidents = {
        id: row["IncidentNumber"] for row in rows("extracted_incidents.csv") for id in json.loads(row["AlertIds"])
    }
    groups = {alert.id: number for number, group in enumerate(grouped(alerts)) for alert in group}
    both = wrong = missed = 0
    for one, other in combinations([a.id for a in alerts if a.id in incidents], 2):
        same, found = incidents[one] == incidents[other], groups[one] == groups[other]
        both, wrong, missed = both + (same and found), wrong + (found and not same), missed + (same and not found)
    harmonic = 2 * both / (2 * both + wrong + missed)
    unit = f"pair F1 of {len(alerts)} alerts in {len(set(groups.values()))} groups, for {len(set(incidents.values()))}"
    figures.write("hunting.4", harmonic, f"{unit} incidents", f"≥ {PAIRS}", harmonic >= PAIRS, by=BY)
    investigation = Investigation(alerts)
    first = among = count = 0
    for line in (SET / "excytin_questions.jsonl").read_text(encoding="utf-8").splitlines():
        one = json.loads(line)
        context = one["context"] if isinstance(one["context"], str) else json.dumps(one["context"])
        answers = [answer.value.lower() for answer in investigation.ask(one["question"], context)]
        right = str(one["answer"]).strip().lower()
        count, first, among = count + 1, first + (right in answers[:1]), among + (right in answers)
    share = first / count
    unit = f"of {count} questions answered exactly by the first value ({among / count:.2f} within ten)"
    figures.write("hunting.4b", share, unit, f"≥ {FIRST}", share >= FIRST, by=BY)


if __name__ == "__main__":
    main()
