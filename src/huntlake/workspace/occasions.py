"""Which of many moments a query is worth being asked at, told by a few looks at its tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from huntlake.kql.syntax.literals import TICKS_PER_SECOND, ticks_of

if TYPE_CHECKING:
    import numpy

    from huntlake.kql.compiler import Occasion, Occasions

_MINUTE = 60 * TICKS_PER_SECOND
_EPOCH = 621_355_968_000_000_000 // _MINUTE
"""Minutes from the year 1 to 1970."""

Minutes = Sequence["numpy.ndarray[Any, Any]"]
"""For each sighting the minutes since 1970 in which it has rows, in order."""


def worth(occasions: Occasions, minutes: Minutes, moments: Sequence[datetime]) -> list[bool]:
    """For each moment whether the query can have an answer then."""
    import numpy as np

    ticks = np.array([ticks_of(m) for m in moments], dtype=np.int64)
    found = []
    for sighting, seen in zip(occasions.sightings, minutes, strict=True):
        since = (ticks + sighting.since) // _MINUTE - _EPOCH
        until = (ticks + sighting.until) // _MINUTE - _EPOCH
        found.append(np.searchsorted(seen, since, "left") < np.searchsorted(seen, until, "right"))

    def of(occasion: Occasion) -> numpy.ndarray[Any, Any]:
        match occasion:
            case bool():
                return np.full(len(ticks), occasion)
            case int(place):
                return found[place]
            case (every, parts):
                both: numpy.ndarray[Any, Any] = (np.all if every else np.any)([of(p) for p in parts], axis=0)
                return both

    return [bool(w) for w in of(occasions.when)]


def minutes_of(times: Any) -> numpy.ndarray[Any, Any]:
    """The minutes since 1970 of an Arrow column of times, in order."""
    import numpy as np
    import pyarrow as pa

    counted = times.cast(pa.timestamp("us")).cast(pa.int64()).drop_null().to_numpy()
    return np.unique(counted // 60_000_000)
