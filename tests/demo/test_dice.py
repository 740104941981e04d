from __future__ import annotations

import numpy as np

from huntlake.demo.dice import Dice


def test_a_stream_never_changes() -> None:
    # These very numbers: were they others, the demo of every installation would change.
    assert Dice(20, "a").bits(3).tolist() == Dice(20, "a").bits(3).tolist()
    assert [f"{x:016x}" for x in Dice(20, "a").bits(2).tolist()] == ["3906a891f3da0730", "7c704451ddeaaa40"]


def test_drawing_at_once_or_in_turn_gives_the_same_numbers() -> None:
    in_turn, at_once = Dice(1, "x"), Dice(1, "x")
    assert [*in_turn.bits(2).tolist(), *in_turn.bits(3).tolist()] == at_once.bits(5).tolist()


def test_a_named_stream_does_not_depend_on_what_was_drawn_before() -> None:
    fresh, used = Dice(1, "x"), Dice(1, "x")
    used.bits(100)
    assert fresh.named("y").bits(4).tolist() == used.named("y").bits(4).tolist()
    assert fresh.named("y").bits(4).tolist() != fresh.named("z").bits(4).tolist()


def test_picks_follow_their_weights() -> None:
    picks = Dice(3).pick(30_000, [1, 0, 3])
    share = np.bincount(picks, minlength=3) / len(picks)
    assert share[1] == 0
    assert abs(share[2] - 0.75) < 0.02


def test_counts_have_the_rate_as_their_mean() -> None:
    counts = Dice(4).counts(np.full(40_000, 2.6))
    assert abs(counts.mean() - 2.6) < 0.05
