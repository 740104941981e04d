"""How long installation takes: a new environment with everything that running, but not testing, needs."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from bench import figures

ROOT = Path(__file__).resolve().parents[1]
GOAL = 120


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        started = perf_counter()
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        install = [
            f"{folder}/bin/python",
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-cache-dir",
        ]
        pinned = ["--constraint", "constraints.txt", "--editable", ".", "--group", "dev"]
        upgrade = ["--upgrade", "--constraint", "constraints.txt", "pip"]
        for arguments in (upgrade, pinned):
            subprocess.run([*install, *arguments], cwd=ROOT, check=True, capture_output=True)
        seconds = perf_counter() - started
    figures.write("main-job.1c", seconds, "s to install", f"<= {GOAL}", seconds <= GOAL, by="make bench")


if __name__ == "__main__":
    main()
