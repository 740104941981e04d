from __future__ import annotations

from pathlib import Path

from bench.kill_points import kill_points


def test_no_kill_loses_or_doubles_what_was_acknowledged(tmp_path: Path) -> None:
    found = kill_points(12, 20261122, tmp_path / "home")
    assert not found.bad, found.told
    assert found.kept
    assert found.recovered
