"""Alerts of incidents: their groups, and the questions that they answer.

`excytin/extracted_alerts.csv` and `excytin/extracted_incidents.csv` are rows of `SecurityAlert` and `SecurityIncident`,
with `❖` between columns; `excytin_questions.jsonl` are the questions.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from pathlib import Path

from huntlake.hunting.alert_entities import AlertFacts, alert_entities
from huntlake.hunting.answers import Investigation
from huntlake.hunting.evaluation.counts import Count
from huntlake.hunting.grouping import grouped

_LONGEST_CELL = 1 << 24


@dataclass(frozen=True, slots=True)
class Answered:
    """How many questions there were, and the shares of them answered by the first value, and within ten."""

    questions: int
    first: float
    within_ten: float


def alert_facts(folder: Path) -> list[AlertFacts]:
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
        for row in _rows(folder / "excytin" / "extracted_alerts.csv")
    ]


def grouping(folder: Path, alerts: Sequence[AlertFacts]) -> Count:
    """Pairs of alerts that are in the same group, beside those that are in the same incident."""
    incidents = {
        id: row["IncidentNumber"]
        for row in _rows(folder / "excytin" / "extracted_incidents.csv")
        for id in json.loads(row["AlertIds"])
    }
    groups = {alert.id: number for number, group in enumerate(grouped(alerts)) for alert in group}
    count = Count()
    for one, other in combinations([a.id for a in alerts if a.id in incidents], 2):
        pair = frozenset({f"{one} {other}"})
        count.add(
            pair if groups[one] == groups[other] else frozenset(),
            pair if incidents[one] == incidents[other] else frozenset(),
        )
    return count


def answered(folder: Path, alerts: Sequence[AlertFacts]) -> Answered:
    """How often the values of entities answer the questions exactly."""
    investigation = Investigation(alerts)
    first = among = count = 0
    for line in (folder / "excytin_questions.jsonl").read_text(encoding="utf-8").splitlines():
        one = json.loads(line)
        context = one["context"] if isinstance(one["context"], str) else json.dumps(one["context"])
        answers = [answer.value.lower() for answer in investigation.ask(one["question"], context)]
        right = str(one["answer"]).strip().lower()
        count, first, among = count + 1, first + (right in answers[:1]), among + (right in answers)
    return Answered(count, first / max(count, 1), among / max(count, 1))


def _rows(file: Path) -> list[dict[str, str]]:
    csv.field_size_limit(_LONGEST_CELL)
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="❖", quotechar='"'))
