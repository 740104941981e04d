"""Durations as ISO 8601 writes them."""

from __future__ import annotations

import re
from datetime import timedelta

from huntlake.wdl.expressions.values import Fault

_SHAPE = re.compile(
    r"P(?:([0-9]{1,5})Y)?(?:([0-9]{1,6})M)?(?:([0-9]{1,6})W)?(?:([0-9]{1,7})D)?"
    r"(?:T(?:([0-9]{1,8})H)?(?:([0-9]{1,9})M)?(?:([0-9]{1,10}(?:\.[0-9]{1,6})?)S)?)?"
)
_SECONDS = (365 * 86_400, 30 * 86_400, 7 * 86_400, 86_400, 3600, 60, 1)


def duration(text: object) -> timedelta:
    """The duration that `text` says, a year for 365 days and a month for 30. Raises `Fault`."""
    match = _SHAPE.fullmatch(text.strip().upper()) if isinstance(text, str) else None
    if match is None or not any(match.groups()):
        raise Fault(f"`{text}` is not a duration")
    return timedelta(seconds=sum(float(g or 0) * s for g, s in zip(match.groups(), _SECONDS, strict=True)))
