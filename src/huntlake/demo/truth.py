"""The truth about the attack: each step, its technique, and the keys by which its rows are found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class TruthRow:
    """A row of the attack: the columns that no other row of its table has the same."""

    table: str
    key: Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """One step of the attack. Times are UTC, without zone, and both belong to rows of the step."""

    id: str
    title: str
    tactic: str
    technique: str
    begin: datetime
    end: datetime
    rows: tuple[TruthRow, ...]

    def queries(self) -> dict[str, str]:
        """For each table, a KQL query that gives exactly the step's rows."""
        by_table: dict[str, list[Mapping[str, Any]]] = {}
        for row in self.rows:
            by_table.setdefault(row.table, []).append(row.key)
        return {table: f"{table} | where {_where(keys)}" for table, keys in by_table.items()}


@dataclass(frozen=True)
class Lookalike:
    """Ordinary business that looks like an attack, and a KQL query that shows it."""

    title: str
    why: str
    query: str


@dataclass(frozen=True)
class GroundTruth:
    """What a hunter should find in the demo, and what they should let pass."""

    title: str
    summary: str
    begin: datetime
    end: datetime
    seed: int
    steps: tuple[Step, ...]
    lookalikes: tuple[Lookalike, ...]

    def to_json(self) -> str:
        """The truth as the text of a file."""
        document = {
            "title": self.title,
            "summary": self.summary,
            "begin": _text(self.begin),
            "end": _text(self.end),
            "seed": self.seed,
            "steps": [
                {
                    "id": s.id,
                    "title": s.title,
                    "tactic": s.tactic,
                    "technique": s.technique,
                    "begin": _text(s.begin),
                    "end": _text(s.end),
                    "tables": sorted({r.table for r in s.rows}),
                    "rows": [{"table": r.table, "key": {k: _text(v) for k, v in r.key.items()}} for r in s.rows],
                    "queries": s.queries(),
                }
                for s in self.steps
            ],
            "lookalikes": [{"title": x.title, "why": x.why, "query": x.query} for x in self.lookalikes],
        }
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _text(value: Any) -> Any:
    return value.isoformat(timespec="microseconds") + "Z" if isinstance(value, datetime) else value


def _where(keys: list[Mapping[str, Any]]) -> str:
    names = list(keys[0])
    if len(names) == 1:
        values = ", ".join(dict.fromkeys(_literal(k[names[0]]) for k in keys))
        return f"{names[0]} in ({values})"
    return " or ".join("(" + " and ".join(f"{n} == {_literal(k[n])}" for n in k) + ")" for k in keys)


def _literal(value: Any) -> str:
    if isinstance(value, datetime):
        return f"datetime({_text(value)})"
    return json.dumps(value)
