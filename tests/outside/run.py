"""Runs the outside suites where they are present, holds them against the baselines, and keeps the figures.

    python tests/outside/run.py [--accept] [--stride N]

A baseline lists what passes, and may only grow: what once passed and now doesn't ends the run with an error.
`--accept` writes the baselines anew, with what newly passes.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
BASELINES = ROOT / "tests" / "baselines"
sys.path.insert(0, str(ROOT))

from bench import figures as kept  # noqa: E402


@dataclass(frozen=True)
class Suite:
    """One run of one outside suite: its program, what it runs, and what it compares with."""

    name: str
    program: Path
    engine: str
    options: tuple[str, ...] = ()

    @property
    def baseline(self) -> Path:
        return BASELINES / f"{self.name}.txt"


@dataclass(frozen=True)
class Outcome:
    """What a suite printed, what passed, and each failure as the suite wrote it."""

    text: str
    passed: frozenset[str]
    failures: tuple[dict[str, str], ...]
    lost: tuple[str, ...]


CONFORM = SHARED / "conformance" / "conform.py"
SWEEP = SHARED / "community" / "sweep.py"

SUITES = (
    Suite("documentation", CONFORM, "run", ("--suite", str(SHARED / "conformance" / "docs_examples.jsonl"))),
    Suite("kustoloco", CONFORM, "run", ("--suite", str(SHARED / "conformance" / "kustoloco_tests.jsonl"))),
    Suite("community", SWEEP, "run_on_catalogue"),
    Suite("samples", SWEEP, "run_on_samples"),
)


def main() -> int:
    """Run every suite; 0 where nothing was lost."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--accept", action="store_true", help="write the baselines anew")
    arguments.add_argument("--stride", type=int, default=1, help="of the published queries every n-th only")
    given = arguments.parse_args()
    if not SHARED.is_dir():
        print("The outside suites are not here; nothing was run.\n0 passed, 0 failed")
        return 0
    lost = passed = failed = 0
    for suite in SUITES:
        outcome = run(suite, given.stride)
        show(suite, outcome)
        passed += len(outcome.passed)
        failed += len(outcome.lost)
        if given.stride == 1:
            figures(suite, outcome)
        if given.accept:
            accept(suite, outcome, given.stride)
        else:
            lost += len(outcome.lost)
    print(f"{passed} passed, {failed} failed")
    return 1 if lost else 0


def run(suite: Suite, stride: int) -> Outcome:
    """Run a suite in processes of its own. What seems lost is asked once more, alone: a busy machine takes its time."""
    began = time.monotonic()
    options = ("--stride", str(stride)) if suite.program == SWEEP and stride > 1 else ()
    text, passed, failures = _ask(suite, options)
    before = frozenset(suite.baseline.read_text().split()) if suite.baseline.exists() else frozenset()
    ran = passed | {str(f["id"]) for f in failures}
    lost = (before & ran) - passed
    if 0 < len(lost) < 50:
        _, again, _ = _ask(suite, ("--ids", f"^({'|'.join(map(re.escape, sorted(lost)))})$"))
        passed |= again
        failures = tuple(f for f in failures if f["id"] not in again)
    took = f"{time.monotonic() - began:.0f} s\n"
    return Outcome(text + took, passed, failures, tuple(sorted(lost - passed)))


def _ask(suite: Suite, options: tuple[str, ...]) -> tuple[str, frozenset[str], tuple[dict[str, str], ...]]:
    """What the suite's program prints, what passes, and what doesn't."""
    with tempfile.TemporaryDirectory() as folder:
        failures, passed = Path(folder) / "failures.jsonl", Path(folder) / "passed.txt"
        command = [sys.executable, str(suite.program), "--python", sys.executable]
        command += ["--engine", f"adaptor:{suite.engine}", "--path", str(ROOT / "tests" / "outside")]
        command += ["--failures", str(failures), "--write-passed", str(passed), *suite.options, *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if not passed.exists():
            raise SystemExit(f"{suite.name} did not run:\n{done.stdout}\n{done.stderr}")
        found = tuple(json.loads(line) for line in failures.read_text().splitlines())
        return done.stdout, frozenset(passed.read_text().split()), found


def show(suite: Suite, outcome: Outcome) -> None:
    """What a person wants to see of a run."""
    print(f"== {suite.name}: {len(outcome.passed)} passed, {len(outcome.failures)} not")
    wanted = re.compile(r"verdicts|TOTAL|time a query|\d+ s$")
    print("\n".join(line for line in outcome.text.splitlines() if wanted.match(line)))
    kinds = Counter(verdict(f) for f in outcome.failures)
    print("   " + ", ".join(f"{n} {kind}" for kind, n in kinds.most_common()))
    for failure in outcome.failures:
        if verdict(failure) == "wrong":
            print(f"   wrong value: {failure['id']}: {failure.get('reason', '')[:160]}")
    if outcome.lost:
        print(f"   LOST since the baseline: {', '.join(outcome.lost[:20])}")


def verdict(failure: dict[str, str]) -> str:
    """`refused`, `wrong`, `error`, … of one failure of either program."""
    kind = failure.get("verdict") or failure.get("status") or ""
    why = failure.get("why") or failure.get("reason") or ""
    if "not supported" in why.lower():
        return "refused"
    return "wrong" if kind == "failed" else kind


def figures(suite: Suite, outcome: Outcome) -> None:
    """Keep the figures that this suite decides."""
    match suite.name:
        case "documentation":
            _documentation(outcome)
        case "kustoloco":
            share = _share(outcome)
            _keep("kql.2", share, "% of another engine's tests", ">= 90", share >= 90)
        case "community":
            share = _share(outcome)
            _keep("main-job.4", share, "% of the published queries", ">= 80", share >= 80)
            _keep("kql.3", share, "% of the published queries in the official binder's columns", ">= 99", share >= 99)
            types = 100 * sum(verdict(f) == "types" for f in outcome.failures) / _asked(outcome)
            _keep("kql.3b", types, "% of the published queries with another type", "<= 0.3", types <= 0.3)
            odd = sum(verdict(f) in ("crash", "timeout") for f in outcome.failures)
            _keep("main-job.4b", odd, "published queries that crash or take too long", "0", odd == 0)
            errors = sum(verdict(f) == "error" for f in outcome.failures)
            _keep(
                "main-job.4c",
                errors,
                "published queries that end in an error, not a refusal",
                "0",
                errors == 0,
            )
        case "samples":
            engine = re.compile("EngineDefect|TypeError|QueryFailed")
            broken = sum(verdict(f) != "refused" and bool(engine.search(f.get("why", ""))) for f in outcome.failures)
            _keep("main-job.4d", broken, "engine errors over sample rows", "0", broken == 0)
            _keep("kql.3c", broken, "engine errors over sample rows", "0", broken == 0)


def _asked(outcome: Outcome) -> int:
    return len(outcome.passed) + len(outcome.failures)


def _share(outcome: Outcome) -> float:
    return 100 * len(outcome.passed) / _asked(outcome)


def _documentation(outcome: Outcome) -> None:
    lines = (SHARED / "conformance" / "docs_examples.jsonl").read_text().splitlines()
    category = {row["id"]: row["category"] for row in map(json.loads, lines)}
    apart = {id for id, name in category.items() if name in ("geo", "graph") or name.startswith("sketches")}
    rest = [f for f in outcome.failures if f["id"] not in apart]
    share = 100 * len(outcome.passed - apart) / (len(outcome.passed - apart) + len(rest))
    what = "% of the documentation's examples outside geo, graph and sketches"
    _keep("kql.1", share, what, ">= 92", share >= 92)
    geo = {id for id, name in category.items() if name == "geo"}
    failed = [f for f in outcome.failures if f["id"] not in geo]
    passed = len(outcome.passed - geo)
    share = 100 * passed / (passed + len(failed))
    _keep("main-job.3", share, "% of the documentation's examples outside geo", ">= 60", share >= 60)
    wrong = sum(verdict(f) == "wrong" for f in failed)
    part = 100 * wrong / max(1, passed + wrong)
    _keep("main-job.3b", part, "% wrong values among the examples that run", "<= 1", part <= 1)


def _keep(name: str, value: float, unit: str, goal: str, met: bool) -> None:
    kept.write(name, value, unit, goal, met, by="make outside")


def accept(suite: Suite, outcome: Outcome, stride: int) -> None:
    """Write the baseline: what passed before and still does where it ran, and what passes now."""
    before = set(suite.baseline.read_text().split()) if suite.baseline.exists() else set()
    kept = (before - set(outcome.lost)) | outcome.passed if stride > 1 else set(outcome.passed)
    BASELINES.mkdir(exist_ok=True)
    suite.baseline.write_text("\n".join(sorted(kept)) + "\n")


if __name__ == "__main__":
    sys.exit(main())
