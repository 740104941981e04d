"""Runs the outside suites where they are present, and compares with `tests/baselines`: what passes may only grow.

`--accept` adds what passes now to the baselines, `--record` writes the figures into bench/figures.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
BASELINES = ROOT / "tests" / "baselines"


@dataclass(frozen=True)
class Suite:
    """One suite: its program and arguments, below the folder of the suites."""

    name: str
    program: str
    engine: str
    arguments: tuple[str, ...] = ()

    @property
    def baseline(self) -> Path:
        return BASELINES / f"{self.name}.txt"


DOCUMENTATION = Suite("documentation", "conformance/conform.py", "run", ("--suite", "conformance/docs_examples.jsonl"))
SUITES = (
    DOCUMENTATION,
    Suite("another-engine", "conformance/conform.py", "run", ("--suite", "conformance/kustoloco_tests.jsonl")),
    Suite("community", "community/sweep.py", "run_on_catalogue"),
    Suite("community-rows", "community/sweep.py", "run_on_samples"),
)


@dataclass(frozen=True)
class Outcome:
    """What came of a suite: what passed, and why the others didn't."""

    passed: frozenset[str]
    failures: tuple[dict[str, str], ...]

    @property
    def verdicts(self) -> Counter[str]:
        return Counter(f.get("verdict") or f.get("kind") or f.get("status") or "failed" for f in self.failures)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accept", action="store_true", help="add what passes now to the baselines")
    parser.add_argument("--record", action="store_true", help="write the figures into bench/figures.json")
    parser.add_argument("--only", choices=[s.name for s in SUITES], help="run one suite")
    asked = parser.parse_args()
    if not SHARED.is_dir():
        print("the outside suites are not here: skipped")
        return 0
    lost = 0
    for suite in SUITES:
        if asked.only in (None, suite.name):
            outcome = run(suite)
            lost += compared(suite, outcome, accept=asked.accept)
            if asked.record:
                record(suite, outcome)
    print(f"outside: {lost} regressions")
    return 1 if lost else 0


def run(suite: Suite) -> Outcome:
    """Run a suite; its own report goes to standard output."""
    print(f"== {suite.name}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        passed, failures = Path(folder, "passed"), Path(folder, "failures")
        arguments = [a if a.startswith("--") else str(SHARED / a) for a in suite.arguments]
        command = [
            sys.executable, str(SHARED / suite.program), "--engine", f"adaptor:{suite.engine}",
            "--python", sys.executable, "--path", str(Path(__file__).parent),
            "--write-passed", str(passed), "--failures", str(failures), *arguments,
        ]  # fmt: skip
        subprocess.run(command, check=True)
        rows = failures.read_text(encoding="utf-8").splitlines()
        return Outcome(frozenset(passed.read_text().split()), tuple(json.loads(r) for r in rows))


def compared(suite: Suite, outcome: Outcome, *, accept: bool) -> int:
    """How much passed once and doesn't any more."""
    known = set(suite.baseline.read_text().split()) if suite.baseline.exists() else set()
    gone, new = sorted(known - outcome.passed), outcome.passed - known
    for name in gone[:20]:
        print(f"lost: {name}")
    total = len(outcome.passed) + len(outcome.failures)
    print(
        f"{suite.name}: {len(outcome.passed)} of {total} pass, {len(new)} new, {len(gone)} lost; "
        f"{dict(outcome.verdicts)}"
    )
    if accept:
        BASELINES.mkdir(exist_ok=True)
        suite.baseline.write_text("\n".join(sorted(known | outcome.passed)) + "\n")
    return len(gone)


def record(suite: Suite, outcome: Outcome) -> None:
    """Write the figures that a suite gives."""
    sys.path.insert(0, str(ROOT))
    from bench import figures

    total = len(outcome.passed) + len(outcome.failures)
    share = 100 * len(outcome.passed) / max(1, total)
    if suite is DOCUMENTATION:
        others = [f for f in outcome.failures if f.get("category") != "geo"]
        geo = {r["id"] for r in _rows(SHARED / "conformance/docs_examples.jsonl") if r["category"] == "geo"}
        counted = len(outcome.passed - geo) + len(others)
        share = 100 * len(outcome.passed - geo) / max(1, counted)
        wrong = sum(f.get("status") == "failed" for f in others)
        ran = len(outcome.passed - geo) + wrong
        figures.write("kql.documentation", share, "%", "at least 60", share >= 60, by="make outside")
        off = 100 * wrong / max(1, ran)
        figures.write("kql.wrong_values", off, "% of what runs", "at most 1", off <= 1, by="make outside")
    elif suite.name == "community":
        figures.write("kql.community", share, "%", "at least 80", share >= 80, by="make outside")
    elif suite.name == "community-rows":
        errors = sum(outcome.verdicts[v] for v in ("error", "crash", "timeout"))
        figures.write("kql.community_rows_errors", errors, "queries", "0", errors == 0, by="make outside")
    else:
        figures.write("kql.another_engine", share, "%", "", None, by="make outside")


def _rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    sys.exit(main())
