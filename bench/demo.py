"""How long the demo takes from nothing to a first answer over the network."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from time import perf_counter

from bench import figures

GOAL = 15


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, "-c", "from huntlake.cli import main; main()", "demo", "--home", f"{home}/demo"]
        for name, goal in (("first", GOAL), ("again", 5)):
            started = perf_counter()
            subprocess.run([*command, "--once", "--port", "0"], check=True, capture_output=True)
            seconds = perf_counter() - started
            figures.write(f"demo.{name}_answer", seconds, "s", f"at most {goal}", seconds <= goal, by="make bench")


if __name__ == "__main__":
    main()
