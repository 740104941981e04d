"""What keeps tables in order, killed at random moments: the short form of `python -m bench.kill_upkeep`."""

import random
from pathlib import Path

from bench.kill_upkeep import kill


def test_nothing_is_lost_or_doubled_by_a_kill(tmp_path: Path) -> None:
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    found = kill(8, seed, tmp_path)
    assert found.told == []
    assert found.points == 8
