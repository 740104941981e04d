"""When people work and when things happen: days, time zones, office hours, nights and weekends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from huntlake.demo.company import Company
from huntlake.demo.dice import Bools, Dice, Longs, Reals

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

# Where a working day's events fall between its begin (0) and its end (1): few over lunch, a slow last half hour.
_WORKDAY_SHARE = [0.0, 0.22, 0.44, 0.52, 0.78, 0.96, 1.0]
_WORKDAY_PLACE = [0.0, 0.18, 0.40, 0.52, 0.75, 0.94, 1.0]


@dataclass(frozen=True)
class Calendar:
    """The days of the story. Times are microseconds since 1970, UTC; `start <= t < end` is what is kept."""

    start: int
    end: int
    zones: tuple[str, ...]

    @cached_property
    def days(self) -> list[date]:
        """Every date that has an hour in the story somewhere in the world."""
        first = _moment(self.start).date() - timedelta(days=1)
        last = _moment(self.end).date() + timedelta(days=1)
        return [first + timedelta(days=i) for i in range((last - first).days + 1)]

    @cached_property
    def weekend(self) -> Bools:
        return np.array([d.weekday() >= 5 for d in self.days])

    @cached_property
    def midnights(self) -> Longs:
        """When each day begins at each office, in UTC: a matrix of offices by days."""
        return np.array([[self.local(z, d, 0) for d in self.days] for z in self.zones], dtype=np.int64)

    def local(self, zone: str, day: date, since_midnight: int) -> int:
        """The moment that a wall clock in `zone` shows on that day, `since_midnight` in microseconds."""
        midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
        return int(midnight.timestamp()) * SECOND + since_midnight

    def working_days(self, zone: str, finished_by: int) -> list[date]:
        """The working days, latest first, on which it was six in the evening in `zone` before `finished_by`."""
        found = [d for d in self.days if d.weekday() < 5 and self.local(zone, d, 18 * HOUR) <= finished_by]
        return found[::-1]

    def spread(self, dice: Dice, per_day: float, *, weekend: float = 1.0) -> Longs:
        """Moments through day and night, `per_day` on average, fewer on a weekend."""
        midnights = np.arange(self.start - self.start % DAY, self.end, DAY, dtype=np.int64)
        # 1970 began on a Thursday.
        quiet = ((midnights // DAY + 3) % 7) >= 5
        counts = dice.counts(np.where(quiet, per_day * weekend, per_day).astype(np.float64))
        at = np.repeat(midnights, counts)
        moments = np.sort(at + (dice.random(len(at)) * DAY).astype(np.int64))
        return moments[(moments >= self.start) & (moments < self.end)]


@dataclass(frozen=True)
class Shifts:
    """Who works when and where: one entry per person and working day, as arrays of one length."""

    person: Longs
    day: Longs
    begin: Longs
    end: Longs
    address: Longs
    """The index of the public address that the world sees, in `addresses`."""
    remote: Bools
    addresses: tuple[str, ...]

    def moments(self, dice: Dice, rate: float | Reals) -> tuple[Longs, Longs]:
        """The shift and the time of events that happen `rate` times in each shift."""
        counts = dice.counts(np.broadcast_to(np.asarray(rate, dtype=np.float64), self.person.shape).copy())
        shift = np.repeat(np.arange(len(counts)), counts)
        place = np.interp(dice.random(len(shift)), _WORKDAY_SHARE, _WORKDAY_PLACE)
        at = self.begin[shift] + (place * (self.end[shift] - self.begin[shift])).astype(np.int64)
        return shift, at


def make_calendar(company: Company, end: datetime, days: int) -> Calendar:
    """The calendar of the `days` days before `end`, which is cut to the minute."""
    until = int(end.astimezone(UTC).replace(second=0, microsecond=0).timestamp()) * SECOND
    return Calendar(until - days * DAY, until, tuple(o["timezone"] for o in company.facts["offices"].values()))


def make_shifts(company: Company, calendar: Calendar, dice: Dice, present: Sequence[str]) -> Shifts:
    """Everyone's working days; those of `present` never miss one, and work at the office from eight to six."""
    offices = list(company.facts["offices"])
    addresses: dict[str, int] = {}
    homes = dice.named("homes").random(len(company.people))
    travels = _travels(company, calendar)
    rows: list[tuple[Any, ...]] = []
    for i, person in enumerate(company.people):
        office = offices.index(person.office)
        facts = company.office(person.office)
        own = dice.named("shifts", person.alias)
        u = own.random(len(calendar.days) * 5).reshape(len(calendar.days), 5)
        weekender = 0.16 if person.department in ("Operations", "Customer Service") else 0.02
        for d, day in enumerate(calendar.days):
            keen = person.alias in present
            if u[d, 0] >= (weekender if calendar.weekend[d] else 1.0 if keen else 0.93):
                continue
            midnight = int(calendar.midnights[office, d])
            # Eight o'clock, give or take; ten hours at most.
            begin = midnight + int((7.4 + 2.0 * u[d, 1]) * HOUR)
            end = begin + int((7.5 + 2.0 * u[d, 2]) * HOUR)
            remote = bool(u[d, 3] < 0.3)
            if keen:
                begin, end, remote = midnight + int((7.6 + 0.4 * u[d, 1]) * HOUR), midnight + 18 * HOUR, False
            address = _home(facts["homes"], homes[i]) if remote else str(facts["egress"])
            if (person.alias, day) in travels:
                address, remote = travels[person.alias, day], True
            rows.append((i, d, begin, end, addresses.setdefault(address, len(addresses)), remote))
    person_, day_, begin_, end_, address_, remote_ = (np.array(c) for c in zip(*rows, strict=True))
    return Shifts(person_, day_, begin_, end_, address_, remote_, tuple(addresses))


def _travels(company: Company, calendar: Calendar) -> dict[tuple[str, date], str]:
    found = {}
    for t in company.facts["travellers"]:
        zone = company.office(company.people[company.person_index[t["who"]]].office)["timezone"]
        days = calendar.working_days(zone, calendar.end)
        for day in days[t["to"] : t["from"] + 1]:
            found[t["who"], day] = t["address"]
    return found


def _home(ranges: Sequence[Any], u: float) -> str:
    """An address of one of two ranges, given as first address, size, first address, size."""
    first, size = (ranges[0], ranges[1]) if u < 0.5 else (ranges[2], ranges[3])
    head, _, last = str(first).rpartition(".")
    return f"{head}.{int(last) + int(u * 2 % 1 * size)}"


def _moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds // SECOND, UTC)
