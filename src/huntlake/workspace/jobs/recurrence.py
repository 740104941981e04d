"""When something happens again and again: every so many minutes, hours, days, weeks or months, in UTC."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Frequency(StrEnum):
    """The unit of a recurrence."""

    ONCE = "Once"
    MINUTE = "Minute"
    HOUR = "Hour"
    DAY = "Day"
    WEEK = "Week"
    MONTH = "Month"


_STEPS = {
    Frequency.MINUTE: timedelta(minutes=1),
    Frequency.HOUR: timedelta(hours=1),
    Frequency.DAY: timedelta(days=1),
    Frequency.WEEK: timedelta(weeks=1),
}


@dataclass(frozen=True, slots=True)
class Recurrence:
    """Moments from `start` on, each `interval` units after the one before; none of them lies after `end`.

    Months keep the day of `start`; where a month lacks it, its last day counts.
    """

    frequency: Frequency
    start: datetime
    interval: int = 1
    end: datetime | None = None

    def between(self, after: datetime, until: datetime, most: int) -> tuple[Sequence[datetime], int]:
        """The moments with `after < moment <= until`, in order: the last `most` of them, and how many came before."""
        until = until if self.end is None else min(until, self.end)
        first, last = self._index(after) + 1, self._index(until)
        if last < first:
            return (), 0
        kept = max(first, last - most + 1)
        return [at for i in range(kept, last + 1) if (at := self._at(i)) is not None], kept - first

    def following(self, after: datetime) -> datetime | None:
        """The first moment after another; None where none is left."""
        found = self._at(self._index(after) + 1)
        return None if found is None or (self.end is not None and found > self.end) else found

    def _index(self, moment: datetime) -> int:
        """The number of the last moment that isn't after `moment`; -1 where all are."""
        if moment < self.start:
            return -1
        if self.frequency is Frequency.ONCE:
            return 0
        if self.frequency is not Frequency.MONTH:
            return (moment - self.start) // (_STEPS[self.frequency] * self.interval)
        months = (moment.year - self.start.year) * 12 + moment.month - self.start.month
        index = months // self.interval
        found = self._at(index)
        return index if found is not None and found <= moment else index - 1

    def _at(self, index: int) -> datetime | None:
        """The moment of that number; None where there is none, or no calendar that has it."""
        if self.frequency is Frequency.ONCE:
            return self.start if index == 0 else None
        try:
            if self.frequency is not Frequency.MONTH:
                return self.start + _STEPS[self.frequency] * self.interval * index
            years, month = divmod(self.start.month - 1 + index * self.interval, 12)
            year = self.start.year + years
            day = min(self.start.day, monthrange(year, month + 1)[1])
            return self.start.replace(year=year, month=month + 1, day=day)
        except (OverflowError, ValueError):
            return None
