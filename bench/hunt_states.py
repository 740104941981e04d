"""Hunts to which anything is done in any order, by anybody: how often what may never happen has happened.

No run without an approval of what runs; nobody approves what they wrote; versions stay as they are; and of an audit in
which one byte was changed, none that isn't found.
"""

from __future__ import annotations

import json
import random
from collections import Counter

from bench import figures
from bench.hunt_world import OTHERS, OWNER, PEOPLE, STEPS, Walk
from huntlake.hunting.lifecycle.acting import SCHEDULER
from huntlake.state.audit import TABLE

WALKS, LENGTH = 300, 150
SCHEDULER_IS = (*PEOPLE, *OTHERS).index(SCHEDULER)
ROWS = f"rows of {OWNER[0]}/{TABLE}"


def main() -> None:
    steps, runs, violations, reached = 0, 0, 0, Counter[str]()
    changed = missed = 0
    for seed in range(WALKS):
        walk = walked(seed)
        steps += LENGTH
        runs += walk.runs
        reached.update(walk.reached)
        for violation in (wrong := walk.check()):
            print(f"walk {seed}: {violation}")
        violations += len(wrong)
        tried, unseen = tampered(walk, seed)
        changed, missed = changed + tried, missed + unseen
    print(f"{runs:,} runs began; {', '.join(f'{n} {c:,}' for n, c in sorted(reached.items()))}")
    unit = f"times in {WALKS} random walks of {steps:,} steps, with {runs:,} runs, what may never happen has happened"
    figures.write("hunting.7", violations, unit, "0", violations == 0 and runs > 0, by="make bench")
    unit = f"of {changed:,} changed bytes of audits weren't found"
    figures.write("hunting.7a", missed, unit, "0", missed == 0 and changed > 0, by="make bench")


def walked(seed: int) -> Walk:
    """A walk of random steps: the same for the same seed."""
    choose, walk = random.Random(seed), Walk()
    if seed % 4 == 0:
        # Else phases hardly ever matter: a template that was approved and judged often enough.
        walk.trust()
    for _ in range(LENGTH):
        # What brings a hunt on, and people who may, are chosen more often: else nothing gets anywhere.
        which, value = choose.randrange(4), choose.randrange(1000)
        what = choose.choice(walk.likely(which) if choose.random() < 0.7 else STEPS)
        who = choose.randrange(3) if choose.random() < 0.7 else choose.randrange(9)
        if what == "finish" and choose.random() < 0.7:
            who = SCHEDULER_IS
        walk.step(what, who, which, value)
    return walk


def tampered(walk: Walk, seed: int) -> tuple[int, int]:
    """How often one byte of the audit of a walk was changed, and how often that wasn't found."""
    choose, shelf = random.Random(seed), walk.house.shelf
    kept = dict(shelf.read_after(ROWS, ""))
    tried = missed = 0
    for _ in range(5 if kept else 0):
        name = choose.choice(sorted(kept))
        text = json.dumps(kept[name])
        place = choose.randrange(len(text))
        other = chr(choose.choice([c for c in range(32, 127) if chr(c) != text[place]]))
        try:
            changed = json.loads(text[:place] + other + text[place + 1 :])
        except ValueError:
            changed = None
        if changed == kept[name]:
            continue
        shelf.upsert(ROWS, name, changed, "")
        tried += 1
        missed += not walk.house.audit.verify(OWNER).faults
        shelf.upsert(ROWS, name, kept[name], "")
    return tried, missed
