"""Expressions made at random, against an evaluator apart from the compiler: a long run of tests/kql/meaning."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bench import figures

ROOT = Path(__file__).resolve().parents[1]
EXPRESSIONS = 24_000
GOAL = 20_000


def main() -> None:
    command = [sys.executable, "-m", "pytest", "--timeout", "1500", "tests/kql/meaning"]
    environment = {**os.environ, "HUNTLAKE_EXPRESSIONS": str(EXPRESSIONS), "HYPOTHESIS_PROFILE": "fuzz"}
    agreed = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == 0
    value = EXPRESSIONS if agreed else 0
    unit = "expressions made at random that give what the reference says, in one run"
    figures.write("kql.4", value, unit, f">= {GOAL}", value >= GOAL, by="make meaning")
    if not agreed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
