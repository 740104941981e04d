"""When triggers that recur are due: pure reckoning with times, by the rules of Logic Apps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from huntlake.core.errors import Invalid
from huntlake.wdl.dotnet import timestamps
from huntlake.wdl.dotnet.zones import zone
from huntlake.wdl.expressions.values import Fault, text

_STEPS = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MOST = {"second": 9_999_999, "minute": 72_000, "hour": 12_000, "day": 500, "week": 71, "month": 16}


@dataclass(frozen=True)
class Recurrence:
    """A recurrence: so many units, from a start on, and of days or weeks at certain times of the day."""

    unit: str
    """In lower case."""
    interval: int
    start: datetime | None
    zone: tzinfo
    local: bool
    """Whether days are those of the zone, which may have 23 or 25 hours."""
    hours: tuple[int, ...] = ()
    minutes: tuple[int, ...] = ()
    weekdays: tuple[int, ...] = ()
    """Monday is 0."""

    @property
    def at_times(self) -> bool:
        """Whether it says at which times of the day, or on which days."""
        return bool(self.hours or self.minutes or self.weekdays)

    def first(self, now: datetime) -> datetime:
        """When a trigger fires first that begins to count now: at once, where nothing says otherwise."""
        if self.start is None and not self.at_times:
            return now
        if self.start is not None and self.start > now:
            return self.start if not self.at_times else self.after(self.start - timedelta(microseconds=1), self.start)
        return self.after(now, self.start or now)

    def after(self, moment: datetime, base: datetime) -> datetime:
        """The first time after a moment; counted from `base`, where it has no start of its own."""
        base = self.start or base
        if self.at_times:
            return self._slot(moment, base)
        if moment < base:
            return base
        if self.unit == "month":
            return self._month(moment, base)
        step = _STEPS[self.unit] * self.interval
        count = (moment - base) // step + 1
        if not self.local or self.unit not in ("day", "week"):
            return base + count * step
        there = base.astimezone(self.zone).replace(tzinfo=None)
        # Around a change of the clock a day more or less may have passed than there are times 24 hours.
        for n in range(max(0, count - 2), count + 3):
            found = self._instant(there + n * step)
            if found > moment:
                return found
        raise AssertionError(f"no time follows {moment}")

    def step(self, at: datetime) -> datetime:
        """The next boundary behind one of its boundaries."""
        return self.after(at, at)

    def _month(self, moment: datetime, base: datetime) -> datetime:
        there = base.astimezone(self.zone).replace(tzinfo=None)
        local = moment.astimezone(self.zone)
        count = ((local.year - there.year) * 12 + local.month - there.month) // self.interval - 1
        for n in range(max(0, count), count + 4):
            months = there.month - 1 + n * self.interval
            year, month = there.year + months // 12, months % 12 + 1
            day = min(there.day, _last_day(year, month))
            found = self._instant(there.replace(year=year, month=month, day=day))
            if found > moment:
                return found
        raise AssertionError(f"no month follows {moment}")

    def _slot(self, moment: datetime, base: datetime) -> datetime:
        there, local = base.astimezone(self.zone), moment.astimezone(self.zone)
        hours, minutes = self.hours or (there.hour,), self.minutes or (there.minute,)
        weekdays = self.weekdays or ((there.weekday(),) if self.unit == "week" else tuple(range(7)))
        first = max(local.date() - timedelta(days=1), there.date())
        for ahead in range(8 * max(self.interval, 1) * (7 if self.unit == "week" else 1) + 2):
            day = first + timedelta(days=ahead)
            if day.weekday() not in weekdays or not self._counts(day, there.date()):
                continue
            for hour in hours:
                for minute in minutes:
                    found = self._instant(datetime(day.year, day.month, day.day, hour, minute))
                    if found > moment and found >= base.replace(second=0, microsecond=0):
                        return found
        raise AssertionError(f"no time of the schedule follows {moment}")

    def _counts(self, day: date, base: date) -> bool:
        if self.unit == "day":
            return (day - base).days % self.interval == 0
        week = (day - timedelta(days=day.weekday()) - (base - timedelta(days=base.weekday()))).days // 7
        return week % self.interval == 0

    def _instant(self, there: datetime) -> datetime:
        # A time that is left out when clocks go forward is the one an hour later; of two, the first counts.
        return there.replace(tzinfo=self.zone).astimezone(UTC)


def recurrence_of(said: Any) -> Recurrence:
    """The recurrence that evaluated JSON says. `Invalid` for one that can't be understood, or isn't supported."""
    if not isinstance(said, Mapping):
        raise Invalid("the trigger has no `recurrence`")
    given = {str(k).lower(): v for k, v in said.items()}
    unit = text(given.get("frequency")).lower().rstrip("s")
    if unit not in _MOST:
        raise Invalid(f"the frequency `{text(given.get('frequency'))[:40]}` is not supported")
    interval = _whole(given.get("interval", 1), "interval", 1, _MOST[unit])
    if given.get("count") is not None or given.get("endtime") is not None:
        raise Invalid("`count` and `endTime` of a recurrence are not supported")
    name = text(given.get("timezone"))
    try:
        where: tzinfo = zone(name) if name else UTC
        start = _start(text(given.get("starttime")), where)
    except Fault as error:
        raise Invalid(str(error)) from None
    return Recurrence(unit, interval, start, where, bool(name), **_schedule(given.get("schedule"), unit))


def _start(given: str, where: tzinfo) -> datetime | None:
    if not given:
        return None
    has_offset = given.strip().upper().endswith("Z") or "+" in given[10:] or "-" in given[10:]
    at = timestamps.to_datetime(timestamps.read(given))
    return at.astimezone(UTC) if has_offset else at.replace(tzinfo=where).astimezone(UTC)


def _schedule(said: Any, unit: str) -> dict[str, tuple[int, ...]]:
    if not said:
        return {}
    if not isinstance(said, Mapping):
        raise Invalid("the `schedule` of a recurrence must be an object")
    given = {str(k).lower(): v for k, v in said.items() if v not in (None, [], "")}
    if not given:
        return {}
    if unit not in ("day", "week"):
        raise Invalid(f"a `schedule` with the frequency `{unit}` is not supported")
    if unknown := given.keys() - {"hours", "minutes", "weekdays"}:
        raise Invalid(f"`{sorted(unknown)[0]}` of a schedule is not supported")
    if "weekdays" in given and unit != "week":
        raise Invalid("`weekDays` go with the frequency `Week`")
    days = [text(d).lower() for d in _list(given.get("weekdays"))]
    if wrong := next((d for d in days if d not in _DAYS), None):
        raise Invalid(f"`{wrong[:40]}` is no day of the week")
    return {
        "hours": tuple(sorted({_whole(h, "hours", 0, 23) for h in _list(given.get("hours"))})),
        "minutes": tuple(sorted({_whole(m, "minutes", 0, 59) for m in _list(given.get("minutes"))})),
        "weekdays": tuple(sorted({_DAYS.index(d) for d in days})),
    }


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _whole(value: Any, name: str, least: int, most: int) -> int:
    try:
        number = int(text(value))
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        raise Invalid(f"`{name}` of a recurrence lies between {least} and {most:,}")
    return number


def _last_day(year: int, month: int) -> int:
    following = date(year + month // 12, month % 12 + 1, 1)
    return (following - timedelta(days=1)).day
