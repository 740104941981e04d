"""Incidents that become more: of a rule, a technique or an entity, in a week against the weeks before."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import sqrt
from statistics import median

from huntlake.hunting.scoring import SignalKind
from huntlake.hunting.signals.signal import Quote, Signal, SignalEntity, SignalTechnique


@dataclass(frozen=True, slots=True)
class TrendTest:
    """When a count is a rise: at least `least`, and above the median of the weeks before by more than `spread` times
    the larger of their robust deviation (1.4826 times the median distance from the median) and the square root of that
    median, which is what chance alone would do. At least `weeks_needed` of the `weeks` before must be there.
    """

    least: int = 3
    spread: float = 3.0
    weeks: int = 8
    weeks_needed: int = 3

    def expected(self, before: Sequence[int]) -> tuple[float, float]:
        """The median of earlier counts, and what a count may be at most."""
        middle = float(median(before))
        deviation = 1.4826 * float(median(abs(count - middle) for count in before))
        return middle, middle + self.spread * max(deviation, sqrt(middle), 1 / self.spread)

    def is_rise(self, count: int, before: Sequence[int]) -> bool:
        """Whether a count is one."""
        return len(before) >= self.weeks_needed and count >= self.least and count > self.expected(before)[1]


@dataclass(frozen=True, slots=True)
class Counted:
    """An incident as it is counted: when it was made, its rules by title, its techniques, and its entities."""

    name: str
    made: datetime
    rules: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()
    entities: tuple[SignalEntity, ...] = ()


@dataclass(frozen=True, slots=True)
class Rise:
    """What has become more: of which kind, in which week (the day it ends), how often, and how often before."""

    what: str
    key: str
    ends: datetime
    count: int
    before: tuple[int, ...]
    incidents: tuple[str, ...]


def rises(incidents: Iterable[Counted], until: datetime, test: TrendTest = TrendTest()) -> Iterator[Rise]:
    """What has become more in the last whole week, from Monday to Monday, before `until`."""
    midnight = until.replace(hour=0, minute=0, second=0, microsecond=0)
    ends = midnight - timedelta(days=midnight.weekday())
    every = sorted(incidents, key=lambda one: (one.made, one.name))
    if not every:
        return
    counts: dict[tuple[str, str], dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for one in every:
        age = (ends - one.made) // timedelta(weeks=1)
        keys = [("rule", r) for r in one.rules] + [("technique", t) for t in one.techniques]
        keys += [(e.type, e.value.lower()) for e in one.entities]
        for key in dict.fromkeys(keys):
            counts[key][age].append(one.name)
    # Weeks before there was any incident at all say nothing.
    lived = min((ends - every[0].made) // timedelta(weeks=1), test.weeks)
    for (what, name), weeks in sorted(counts.items()):
        now, before = weeks.get(0, []), tuple(len(weeks.get(age, [])) for age in range(1, lived + 1))
        if test.is_rise(len(now), before):
            yield Rise(what, name, ends, len(now), before, tuple(now))


def signal_of_rise(rise: Rise, *, received: datetime, trust: float) -> Signal:
    """The signal that a rise is: of one week, one."""
    middle = float(median(rise.before))
    said = (
        f"{rise.count} incidents of the {rise.what.lower()} {rise.key} in the week until {rise.ends:%Y-%m-%d}, "
        f"{middle:g} in the middle of the {len(rise.before)} weeks before"
    )
    techniques = (SignalTechnique(rise.key, 0.8, "tagged", (Quote(said),)),) if rise.what == "technique" else ()
    entities = () if rise.what in ("rule", "technique") else (SignalEntity(rise.what, rise.key),)
    return Signal(
        SignalKind.INCIDENT,
        f"More incidents: {rise.what} {rise.key}"[:300],
        "incident trend",
        f"{rise.what} {rise.key} until {rise.ends:%Y-%m-%d}",
        rise.ends,
        received,
        trust,
        hashlib.sha256(f"{rise.what}\n{rise.key}\n{rise.ends:%Y-%m-%d}".encode()).hexdigest(),
        said,
        said,
        techniques,
        entities=entities,
        properties={
            "count": str(rise.count),
            "before": ", ".join(map(str, rise.before)),
            "incidents": ", ".join(rise.incidents[:50]),
        },
    )
