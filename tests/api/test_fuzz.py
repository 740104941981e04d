"""Requests made up at random, for a few seconds; `python -m bench faces` sends them for ten minutes."""

from __future__ import annotations

from pathlib import Path

from bench.faces import fuzz, lake


def test_nothing_that_is_sent_ends_in_a_500(tmp_path: Path) -> None:
    with lake(tmp_path) as (client, tokens):
        outcome = fuzz(client, tokens, seconds=20, seed=7, most=1000)
    assert not outcome.faults, outcome.faults[0]
    assert outcome.statuses[201]
    assert outcome.statuses[200]
