"""How far work is that takes long, in lines between those that say what came of it."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from huntlake.api.arm.resource import Tell

_TOLD_EACH = 0.25
"""Seconds between two lines."""


def progress_to(tell: Tell, what: str) -> Callable[[int, int], None]:
    """What tells how many of how many are done, and not too often: `{"progress": {"testsDone": …, "tests": …}}`."""
    last = 0.0

    def progress(done: int, total: int) -> None:
        nonlocal last
        if (now := monotonic()) - last >= _TOLD_EACH:
            last = now
            tell({"progress": {f"{what}Done": done, what: total}})

    return progress
