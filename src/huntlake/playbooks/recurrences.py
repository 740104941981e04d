"""When triggers that recur are due: pure reckoning with times, by the rules of Logic Apps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from huntlake.core.errors import Invalid
from huntlake.wdl.dotnet import timestamps
from huntlake.wdl.dotnet.zones import zone
from huntlake.wdl.expressions.values import Fault, text, whole_number

_STEPS = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_KNOWN = frozenset({"frequency", "interval", "starttime", "endtime", "timezone", "count", "schedule"})
_PARTS: Mapping[str, tuple[str, ...]] = {
    "hours": ("day", "week", "month"),
    "minutes": ("hour", "day", "week", "month"),
    "weekdays": ("week",),
    "monthdays": ("month",),
    "monthlyoccurrences": ("month",),
}
"""What a schedule may say, and with which frequencies."""
_SPELLED = {"weekdays": "weekDays", "monthdays": "monthDays", "monthlyoccurrences": "monthlyOccurrences"}
_SCHEDULED = frozenset(unit for units in _PARTS.values() for unit in units)
_MOST = {"second": 9_999_999, "minute": 72_000, "hour": 12_000, "day": 500, "week": 71, "month": 16}


@dataclass(frozen=True)
class Recurrence:
    """A recurrence: so many units, from a start on, where it says so on certain days and at certain times."""

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
    monthdays: tuple[int, ...] = ()
    """Counted from 1, or, from -1 on, from the month's end."""
    occurrences: tuple[tuple[int, int], ...] = ()
    """Days of the week, and which of a month: the first is 1, the last -1, and 0 means each."""
    end: datetime | None = None
    """It is not due any more after that."""
    count: int | None = None
    """How often it is due at all."""

    @property
    def at_times(self) -> bool:
        """Whether it says at which times, or on which days."""
        return bool(self.hours or self.minutes or self.weekdays or self.monthdays or self.occurrences)

    def over(self, following: datetime, fired: int) -> bool:
        """Whether it isn't due at that time any more, having set something off so many times."""
        return (self.end is not None and following > self.end) or (self.count is not None and fired >= self.count)

    def first(self, now: datetime) -> datetime:
        """When a trigger fires first that begins to count now: at once, where nothing says otherwise.

        `Invalid` where no day ever fits the schedule.
        """
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
        if self.unit == "hour":
            return self._minute(moment, base)
        hours, minutes = self.hours or (there.hour,), self.minutes or (there.minute,)
        first = max(local.date() - timedelta(days=1), there.date())
        # A 29th of February may be eight years away, and counts in months of its interval only.
        ahead_most = {"day": 8 * self.interval, "week": 56 * self.interval, "month": 3_000 * self.interval}[self.unit]
        for ahead in range(ahead_most + 2):
            day = first + timedelta(days=ahead)
            if not self._counts(day, there.date()):
                continue
            for hour in hours:
                for minute in minutes:
                    found = self._instant(datetime(day.year, day.month, day.day, hour, minute))
                    if found > moment and found >= base.replace(second=0, microsecond=0):
                        return found
        raise Invalid("no day is one of the `schedule` of the recurrence")

    def _minute(self, moment: datetime, base: datetime) -> datetime:
        # Hours of the zone: some begin at the half of another's.
        whole = base.astimezone(self.zone).replace(minute=0, second=0, microsecond=0).astimezone(UTC)
        step = timedelta(hours=self.interval)
        hour = whole + max(0, (moment - whole) // step) * step
        while True:
            for minute in self.minutes:
                found = hour + timedelta(minutes=minute)
                if found > moment and found >= base.replace(second=0, microsecond=0):
                    return found
            hour += step

    def _counts(self, day: date, base: date) -> bool:
        if self.unit == "day":
            return (day - base).days % self.interval == 0
        if self.unit == "month":
            months = (day.year - base.year) * 12 + day.month - base.month
            return months % self.interval == 0 and self._in_month(day, base)
        if day.weekday() not in (self.weekdays or (base.weekday(),)):
            return False
        week = (day - timedelta(days=day.weekday()) - (base - timedelta(days=base.weekday()))).days // 7
        return week % self.interval == 0

    def _in_month(self, day: date, base: date) -> bool:
        last = _last_day(day.year, day.month)
        if self.occurrences:
            which = {0, (day.day - 1) // 7 + 1, -((last - day.day) // 7 + 1)}
            return any(day.weekday() == d and n in which for d, n in self.occurrences)
        if self.monthdays:
            return day.day in self.monthdays or day.day - last - 1 in self.monthdays
        return day.day == min(base.day, last)

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
    if unknown := given.keys() - _KNOWN:
        raise Invalid(f"`{sorted(unknown)[0][:40]}` of a recurrence is not supported")
    count = None if given.get("count") is None else _whole(given["count"], "count", 1, 10**9)
    name = text(given.get("timezone"))
    try:
        where: tzinfo = zone(name) if name else UTC
        start, end = (_moment(text(given.get(n)), where) for n in ("starttime", "endtime"))
    except Fault as error:
        raise Invalid(str(error)) from None
    schedule = _schedule(given.get("schedule"), unit)
    return Recurrence(unit, interval, start, where, bool(name), end=end, count=count, **schedule)


def _moment(given: str, where: tzinfo) -> datetime | None:
    if not given:
        return None
    has_offset = given.strip().upper().endswith("Z") or "+" in given[10:] or "-" in given[10:]
    at = timestamps.to_datetime(timestamps.read(given))
    return at.astimezone(UTC) if has_offset else at.replace(tzinfo=where).astimezone(UTC)


def _schedule(said: Any, unit: str) -> dict[str, Any]:
    if not said:
        return {}
    if not isinstance(said, Mapping):
        raise Invalid("the `schedule` of a recurrence must be an object")
    given = {str(k).lower(): v for k, v in said.items() if v not in (None, [], "")}
    if not given:
        return {}
    if unit not in _SCHEDULED:
        raise Invalid(f"a `schedule` with the frequency `{unit}` is not supported")
    if unknown := given.keys() - _PARTS:
        raise Invalid(f"`{sorted(unknown)[0][:40]}` of a schedule is not supported")
    for name, units in _PARTS.items():
        if name.lower() in given and unit not in units:
            with_ = " or ".join(u.capitalize() for u in units)
            raise Invalid(f"`{_SPELLED.get(name, name)}` of a schedule go with the frequency `{with_}`")
    if "monthdays" in given and "monthlyoccurrences" in given:
        raise Invalid("`monthDays` together with `monthlyOccurrences` is not supported")
    return {
        "hours": tuple(sorted({_whole(h, "hours", 0, 23) for h in _list(given.get("hours"))})),
        "minutes": tuple(sorted({_whole(m, "minutes", 0, 59) for m in _list(given.get("minutes"))})),
        "weekdays": tuple(sorted({_weekday(d) for d in _list(given.get("weekdays"))})),
        "monthdays": tuple(sorted({_from_either_end(d, "monthDays", 31) for d in _list(given.get("monthdays"))})),
        "occurrences": tuple(sorted({_occurrence(o) for o in _list(given.get("monthlyoccurrences"))})),
    }


def _weekday(said: Any) -> int:
    if (day := text(said).lower()) not in _DAYS:
        raise Invalid(f"`{day[:40]}` is no day of the week")
    return _DAYS.index(day)


def _from_either_end(said: Any, name: str, most: int) -> int:
    number = _whole(said, name, -most, most)
    if number == 0:
        raise Invalid(f"`{name}` of a recurrence count from 1 on, or from -1 on from the month's end")
    return number


def _occurrence(said: Any) -> tuple[int, int]:
    given = {str(k).lower(): v for k, v in said.items()} if isinstance(said, Mapping) else {}
    if "day" not in given or given.keys() - {"day", "occurrence"}:
        raise Invalid("one of `monthlyOccurrences` has a `day`, and an `occurrence` of it")
    which = given.get("occurrence")
    return _weekday(given["day"]), 0 if which is None else _from_either_end(which, "occurrence", 5)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _whole(value: Any, name: str, least: int, most: int) -> int:
    number = whole_number(value)
    if number is None or not least <= number <= most:
        raise Invalid(f"`{name}` of a recurrence lies between {least} and {most:,}")
    return number


def _last_day(year: int, month: int) -> int:
    following = date(year + month // 12, month % 12 + 1, 1)
    return (following - timedelta(days=1)).day
