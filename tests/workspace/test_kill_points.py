"""The short form of `make kill-points`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(600)
def test_no_kill_loses_or_doubles_what_was_acknowledged() -> None:
    # A process of its own: copies are made of it, and this one has threads.
    words = [sys.executable, "-m", "bench.kill_points", "6", "20261122"]
    ended = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "0 faults" in ended.stdout
