"""A process that answers many doesn't look through all it has again and again."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import gc
from huntlake.core.pauses import shorten
kept = [[] for _ in range(1_000)]
shorten()
assert gc.get_freeze_count() >= 1_000
later, counts = [], []
for _ in range(8):
    later.append([[] for _ in range(1_000)])
    gc.collect()
    counts.append(gc.get_freeze_count())
assert counts[0] >= 2_000, counts
assert counts[4] == counts[7], counts
"""


def test_what_is_there_to_stay_is_passed_over_and_what_comes_later_is_not() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, timeout=60)
