"""Runs every measurement, or those that are named: `python -m bench demo compile`."""

from __future__ import annotations

import sys
from importlib import import_module

MEASUREMENTS = (
    "answers",
    "compile_times",
    "content",
    "demo",
    "determinism",
    "evidence",
    "faces",
    "growth",
    "hot_paths",
    "hostile",
    "http",
    "hunt_alerts",
    "hunt_indicators",
    "hunt_injection",
    "hunt_misbehaving",
    "hunt_questions",
    "hunt_ranking",
    "hunt_story",
    "hunt_states",
    "hunt_safety",
    "hunt_signals",
    "hunt_techniques",
    "hunt_templates",
    "hunting",
    "ingest",
    "installation",
    "mission",
    "mutations",
    "needle",
    "pack",
    "pages",
    "playbook_expressions",
    "playbook_injections",
    "playbook_runs",
    "playbook_templates",
    "rights",
    "rule_tests",
    "rules",
    "scheduled_rules",
    "sigma",
    "table_search",
    "wdl",
    "wdl_definitions",
)
"""The modules of this folder that measure; each has a `main`."""


def main() -> int:
    names = sys.argv[1:] or MEASUREMENTS
    if unknown := [n for n in names if n not in MEASUREMENTS]:
        print(f"no measurement is named {', '.join(unknown)}; there are {', '.join(MEASUREMENTS)}", file=sys.stderr)
        return 2
    for name in names:
        print(f"== {name}", flush=True)
        import_module(f"bench.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
