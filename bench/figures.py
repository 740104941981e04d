"""The last figures that were measured, in figures.json, by `<area>.<name>`: value, unit, goal, by what and when."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

FILE = Path(__file__).with_name("figures.json")


@dataclass(frozen=True)
class Figure:
    """One figure. `met` is None where there is no goal to meet."""

    value: float
    unit: str
    goal: str
    met: bool | None
    by: str
    date: str


def read() -> dict[str, Figure]:
    """Every figure, by name."""
    if not FILE.exists():
        return {}
    return {name: Figure(**facts) for name, facts in json.loads(FILE.read_text(encoding="utf-8")).items()}


def write(name: str, value: float, unit: str, goal: str = "", met: bool | None = None, *, by: str) -> None:
    """Keep a figure in place of the last of that name, and print it. `by` is the command that measures it."""
    figures = read()
    shown = round(value, 1 if abs(value) >= 10 else 3)
    figures[name] = Figure(shown, unit, goal, met, by, datetime.now(UTC).date().isoformat())
    text = json.dumps({n: vars(figures[n]) for n in sorted(figures)}, indent=1, ensure_ascii=False)
    FILE.write_text(text + "\n", encoding="utf-8")
    verdict = "" if met is None else f" (goal: {goal}: {'met' if met else 'NOT MET'})"
    print(f"{name}: {shown:,} {unit}{verdict}")
