"""How long the demo takes from nothing to a first answer over the network."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from time import perf_counter

from bench import figures
from bench.ordinary import environment

GOAL, AGAIN = 15, 5


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, "-c", "from huntlake.cli import main; main()", "demo", "--home", f"{home}/demo"]
        for name, what, goal in (("1", "nothing", GOAL), ("1b", "a demo made before", AGAIN)):
            started = perf_counter()
            once = [*command, "--once", "--port", "0"]
            subprocess.run(once, check=True, capture_output=True, env=environment())
            seconds = perf_counter() - started
            unit = f"s from {what} to the first answer over the network"
            figures.write(f"main-job.{name}", seconds, unit, f"<= {goal}", seconds <= goal, by="make bench")


if __name__ == "__main__":
    main()
