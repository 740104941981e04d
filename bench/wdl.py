"""The expressions of Logic Apps: how many of those with a known answer have it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.wdl.scope import evaluator

from bench import figures
from huntlake.core.diagnostics import SourceError
from huntlake.wdl.expressions.evaluator import EvaluationError
from huntlake.wdl.expressions.values import json_text

SHARED = Path(os.environ.get("HUNTLAKE_SHARED", Path(__file__).resolve().parents[2] / "shared"))
CASES = SHARED / "playbooks" / "wdl_expressions.jsonl"
GOAL = 99.0


@dataclass(frozen=True)
class Case:
    """An expression; `kind` says whether it has a value, fails, or can't be read."""

    number: int
    expr: str
    kind: str
    expected: Any


def cases() -> Iterator[Case]:
    """All that have a known answer."""
    for number, line in enumerate(CASES.read_text(encoding="utf-8").splitlines(), 1):
        facts = json.loads(line)
        yield Case(number, facts["expr"], facts["kind"], facts["expected"])


def complaint(case: Case) -> str:
    """What is wrong with our answer; nothing where it is the known one."""
    try:
        value = evaluator().text(case.expr)
    except EvaluationError as error:
        return "" if case.kind == "error" else str(error)
    except SourceError as error:
        return "" if case.kind == "unparseable" else str(error)
    if case.kind != "ok":
        return f"it has a value: {json_text(value)}"
    expected = case.expected
    # Objects are written as JSON text where their layout didn't matter.
    if isinstance(value, dict | list) and isinstance(expected, str):
        expected = json.loads(expected)
    return "" if _same(value, expected) else f"{json_text(value)}, not {json_text(expected)}"


def _same(value: Any, expected: Any) -> bool:
    return type(value) is type(expected) and json.loads(json_text(value)) == json.loads(json_text(expected))


def main() -> None:
    if not CASES.exists():
        print("no expressions are in ../shared/playbooks")
        return
    total = good = 0
    for case in cases():
        total += 1
        wrong = complaint(case)
        good += not wrong
        if wrong:
            print(f"{case.number}: {case.expr}\n  {wrong}")
    share = 100 * good / total
    unit = f"% of {total} expressions with a known answer have it"
    figures.write("playbooks.1", share, unit, f">= {GOAL:g}", share >= GOAL, by="python -m bench wdl")


if __name__ == "__main__":
    main()
