"""Measures hunting on the labelled sets, the recorded attacks and the demo, without a model, and prints every figure.

    python tests/outside/hunting.py [NAME...]

What meets its goal in `bench/figures.json` has to meet it here, too. The file stays as it is: `make hunting` writes it.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bench import figures  # noqa: E402

SETS = ROOT.parent / "shared" / "hunting"
MEASUREMENTS = (
    "hunt_indicators",
    "hunt_alerts",
    "hunt_questions",
    "hunt_safety",
    "hunt_injection",
    "hunt_misbehaving",
    "hunt_story",
    "hunt_states",
    "hunt_techniques",
    "hunt_ranking",
)


def main() -> int:
    """Run them all, or those that are named; 0 where nothing was lost."""
    if not SETS.is_dir():
        print("The labelled sets of hunting are not here; nothing was run.")
        return 0
    before = {name: figure for name, figure in figures.read().items() if name.startswith("hunting.")}
    with TemporaryDirectory() as folder:
        figures.FILE = Path(folder) / "figures.json"
        for name in sys.argv[1:] or MEASUREMENTS:
            began = monotonic()
            import_module(f"bench.{name}").main()
            print(f"   {name}: {monotonic() - began:.0f} s", flush=True)
        found = figures.read()
    lost = [n for n, figure in found.items() if figure.met is False and (n not in before or before[n].met)]
    for name in lost:
        print(f"   LOST: {name} is {found[name].value} {found[name].unit}; goal {found[name].goal}")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
