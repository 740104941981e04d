"""Dates and times."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from huntlake.kql.forms import converted
from huntlake.kql.symbols import (
    Datetime,
    Dynamic,
    Int,
    Long,
    Naming,
    Number,
    Real,
    Sql,
    String,
    Timespan,
    Unsupported,
    Whole,
    quoted,
    scalar,
    text_of,
)
from huntlake.kql.syntax.literals import MAX_DATETIME, TICKS_PER_DAY
from huntlake.kql.types import ScalarType

_DAY = 86_400_000_000
"""Microseconds."""

# -- the first and the last moment of a period ------------------------------------


@scalar("startofday", named=Naming.FIRST_ARGUMENT)
def startofday(date: Datetime, offset: Long = "0") -> Datetime:
    """The first moment of the day, `offset` days later.

    >>> startofday(datetime(2017-01-01 10:10:17), -1)
    datetime(2016-12-31)
    """
    return _start("day", date, offset)


@startofday.folds
def _(date: object, offset: object = 0, *, types: Sequence[ScalarType]) -> object:
    if not isinstance(date, int) or not isinstance(offset, int):
        return NotImplemented
    start = date - date % TICKS_PER_DAY + offset * TICKS_PER_DAY
    return start if 0 <= start <= MAX_DATETIME else None


@scalar("startofweek")
def startofweek(date: Datetime, offset: Long = "0") -> Datetime:
    """The first moment of the week, a Sunday, `offset` weeks later.

    >>> startofweek(datetime(2017-01-01 10:10:17), 1)
    datetime(2017-01-08)
    >>> startofweek(datetime(2017-01-07 23:59:59))
    datetime(2017-01-01)
    """
    return _start("week", date, offset)


@scalar("startofmonth")
def startofmonth(date: Datetime, offset: Long = "0") -> Datetime:
    """The first moment of the month, `offset` months later.

    >>> startofmonth(datetime(2017-01-31 10:10:17), 1)
    datetime(2017-02-01)
    """
    return _start("month", date, offset)


@scalar("startofyear")
def startofyear(date: Datetime, offset: Long = "0") -> Datetime:
    """The first moment of the year, `offset` years later.

    >>> startofyear(datetime(2017-01-01 10:10:17), -1)
    datetime(2016-01-01)
    """
    return _start("year", date, offset)


@scalar("endofday")
def endofday(date: Datetime, offset: Long = "0") -> Datetime:
    """The last moment of the day, `offset` days later.

    >>> endofday(datetime(2017-01-01 10:10:17), -1)
    datetime(2016-12-31 23:59:59.999999)
    """
    return _end("day", date, offset)


@scalar("endofweek")
def endofweek(date: Datetime, offset: Long = "0") -> Datetime:
    """The last moment of the week, a Saturday's, `offset` weeks later.

    >>> endofweek(datetime(2017-01-01 10:10:17))
    datetime(2017-01-07 23:59:59.999999)
    """
    return _end("week", date, offset)


@scalar("endofmonth")
def endofmonth(date: Datetime, offset: Long = "0") -> Datetime:
    """The last moment of the month, `offset` months later.

    >>> endofmonth(datetime(2017-01-01 10:10:17), 1)
    datetime(2017-02-28 23:59:59.999999)
    """
    return _end("month", date, offset)


@scalar("endofyear")
def endofyear(date: Datetime, offset: Long = "0") -> Datetime:
    """The last moment of the year, `offset` years later.

    >>> endofyear(datetime(2017-01-01 10:10:17))
    datetime(2017-12-31 23:59:59.999999)
    """
    return _end("year", date, offset)


def _start(unit: str, date: str, offset: str) -> str:
    if unit == "week":
        # DuckDB's weeks begin on Monday.
        start = f"date_trunc('day', {date}) - to_days(dayofweek({date})::INTEGER)"
    else:
        start = f"date_trunc('{unit}', {date})"
    if isinstance(offset, Sql) and offset.value == 0:
        return start
    return _later(Sql(start, ScalarType.DATETIME), unit, offset)


def _end(unit: str, date: str, offset: str) -> str:
    after = Sql(f"{offset} + 1", ScalarType.LONG)
    if isinstance(offset, Sql) and isinstance(offset.value, int):
        after = Sql(str(offset.value + 1), ScalarType.LONG, offset.value + 1)
    return f"{_start(unit, date, after)} - INTERVAL 1 MICROSECOND"


# -- parts of a date -----------------------------------------------------------------


@scalar("getyear")
def getyear(date: Datetime) -> Int:
    """The year.

    >>> getyear(datetime(2015-10-12))
    int(2015)
    """
    return f"year({date})::INTEGER"


@scalar("monthofyear", "getmonth")
def monthofyear(date: Datetime) -> Int:
    """The month, 1 to 12.

    >>> monthofyear(datetime("2015-12-14"))
    int(12)
    """
    return f"month({date})::INTEGER"


@scalar("dayofmonth")
def dayofmonth(date: Datetime) -> Int:
    """The day of the month, 1 to 31.

    >>> dayofmonth(datetime(2015-12-14))
    int(14)
    """
    return f"day({date})::INTEGER"


@scalar("dayofyear")
def dayofyear(date: Datetime) -> Int:
    """The day of the year, 1 to 366.

    >>> dayofyear(datetime(2015-12-14))
    int(348)
    """
    return f"dayofyear({date})::INTEGER"


@scalar("dayofweek")
def dayofweek(date: Datetime) -> Timespan:
    """The days since the Sunday before, as a timespan.

    >>> dayofweek(datetime(2015-12-14))
    1d
    """
    return f"dayofweek({date}) * {TICKS_PER_DAY}"


@scalar("hourofday")
def hourofday(date: Datetime) -> Int:
    """The hour, 0 to 23.

    >>> hourofday(datetime(2015-12-14 18:54:00))
    int(18)
    """
    return f"hour({date})::INTEGER"


@scalar("week_of_year", "weekofyear")
def week_of_year(date: Datetime) -> Int:
    """The week of the year as ISO 8601 counts it: the first holds the year's first Thursday.

    >>> week_of_year(datetime(2000-12-31))
    int(52)
    >>> week_of_year(datetime(1999-01-03))
    int(53)
    """
    return f"week({date})::INTEGER"


@scalar("datetime_part", "datepart")
def datetime_part(part: String, date: Datetime) -> Int:
    """One part of a date: a year, quarter, month, week_of_year, day, dayOfYear, hour, …, nanosecond.

    >>> datetime_part("dayOfYear", datetime(2017-10-30 01:02:03.7654321))
    int(303)
    >>> datetime_part("microsecond", datetime(2017-10-30 01:02:03.7654321))
    int(765432)
    """
    microsecond = f"epoch_us({date}) % 1000000 + case when epoch_us({date}) % 1000000 < 0 then 1000000 else 0 end"
    choices = {
        "year": f"year({date})",
        "quarter": f"quarter({date})",
        "month": f"month({date})",
        "week_of_year": f"week({date})",
        "weekofyear": f"week({date})",
        "day": f"day({date})",
        "dayofyear": f"dayofyear({date})",
        "hour": f"hour({date})",
        "minute": f"minute({date})",
        "second": f"second({date})",
        "millisecond": f"({microsecond}) // 1000",
        "microsecond": microsecond,
        "nanosecond": f"({microsecond}) * 1000",
    }
    return f"({_chosen(part, choices)})::INTEGER"


@scalar("datetime_diff")
def datetime_diff(part: String, datetime1: Datetime, datetime2: Datetime) -> Long:
    """How many bounds of the period (years, quarters, …, nanoseconds) lie between two dates; weeks begin on Sunday.

    >>> datetime_diff("year", datetime(2017-01-01), datetime(2000-12-31))
    17
    >>> datetime_diff("week", datetime(2017-10-29 00:00), datetime(2017-09-30 23:59))
    5
    >>> datetime_diff("minute", datetime(2017-10-30 23:05:01), datetime(2017-10-30 23:00:59))
    5
    """
    choices = {
        unit: f"datediff('{unit}', {datetime2}, {datetime1})"
        for unit in ("year", "quarter", "month", "day", "hour", "minute", "second", "millisecond")
    }
    choices["week"] = f"{_sundays(datetime1)} - {_sundays(datetime2)}"
    choices["microsecond"] = f"epoch_us({datetime1}) - epoch_us({datetime2})"
    choices["nanosecond"] = f"(epoch_us({datetime1}) - epoch_us({datetime2})) * 1000"
    return _chosen(part, choices)


@datetime_diff.folds
def _(part: object, datetime1: object, datetime2: object, *, types: Sequence[ScalarType]) -> object:
    # Literals know their 100 nanoseconds, which the engine's times don't.
    if not isinstance(part, str) or not isinstance(datetime1, int) or not isinstance(datetime2, int):
        return NotImplemented
    match part.lower():
        case "microsecond":
            return datetime1 // 10 - datetime2 // 10
        case "nanosecond":
            return (datetime1 - datetime2) * 100
    return NotImplemented


def _sundays(date: str) -> str:
    # 1 January 1970 was a Thursday; the rest keeps the dividend above zero.
    return f"((epoch_us({date}) + {4 * _DAY} + {7 * 110_000 * _DAY}) // {7 * _DAY})"


@scalar("datetime_add")
def datetime_add(period: String, amount: Whole, datetime: Datetime) -> Datetime:
    """A date moved by an amount of years, quarters, months, weeks, days, hours, …, nanoseconds.

    >>> datetime_add("month", 1, datetime(2017-01-31))
    datetime(2017-02-28)
    >>> datetime_add("hour", -2, datetime(2017-01-01))
    datetime(2016-12-31 22:00)
    """
    choices = {
        unit: _later(datetime, unit, amount)
        for unit in (
            "year",
            "quarter",
            "month",
            "week",
            "day",
            "hour",
            "minute",
            "second",
            "millisecond",
            "microsecond",
        )
    }
    choices["nanosecond"] = _later(datetime, "microsecond", Sql(f"{amount} // 1000", ScalarType.LONG))
    return _chosen(period, choices)


def _later(date: str, unit: str, amount: str) -> str:
    """`date` moved by whole units; null where that is beyond the years 1 to 9999."""
    months = {"year": 12, "quarter": 3, "month": 1}.get(unit)
    if months:
        moved = f"{amount}::HUGEINT * {months}"
        fits = f"year({date}) * 12 + month({date}) - 1 + {moved} between 12 and {10_000 * 12 - 1}"
        return f"case when {fits} then {date} + to_months(({moved})::INTEGER) end"
    moved = f"epoch_us({date}) + {amount}::HUGEINT * {_MICROSECONDS[unit]}"
    return f"case when {moved} between {_FIRST} and {_LAST} then make_timestamp(({moved})::BIGINT) end"


_FIRST, _LAST = -62_135_596_800_000_000, 253_402_300_799_999_999
"""The first and the last moment that a datetime can be, in microseconds since 1970."""

_MICROSECONDS = {
    "week": 7 * _DAY,
    "day": _DAY,
    "hour": 3_600_000_000,
    "minute": 60_000_000,
    "second": 1_000_000,
    "millisecond": 1000,
    "microsecond": 1,
}


def _chosen(part: str, choices: Mapping[str, str]) -> str:
    """The choice that a part's name makes, while compiling where it is a constant."""
    if isinstance(part, Sql) and part.constant:
        name = text_of(part, "a part").lower()
        if name not in choices:
            raise Unsupported(f"the part `{name}`")
        return choices[name]
    return f"case lower({part}) " + " ".join(f"when {quoted(n)} then {c}" for n, c in choices.items()) + " end"


# -- dates and timespans made of numbers ------------------------------------------------


@scalar("make_datetime")
def make_datetime(
    year: Long, month: Long, day: Long, hour: Long = "0", minute: Long = "0", second: Real = "0"
) -> Datetime:
    """The date of the numbers; null where there is no such date.

    >>> make_datetime(2017, 10, 01, 12, 10, 0.1234567)
    datetime(2017-10-01 12:10:00.123456)
    >>> isnull(make_datetime(2017, 13, 1))
    true
    """
    # DuckDB takes a sixtieth second for the next minute, and years that KQL doesn't have.
    fits = f"{second} >= 0 and {second} < 60 and {year} between 1 and 9999"
    whole = f"make_timestamp({year}, {month}, {day}, {hour}, {minute}, 0e0)"
    return f"case when {fits} then try({whole}) + to_microseconds(trunc(round({second} * 1e7) / 10)::BIGINT) end"


@make_datetime.overload
def _(value: String) -> Datetime:
    return str.__str__(converted(Sql(value, ScalarType.STRING), ScalarType.DATETIME))


@make_datetime.overload
def _(value: Datetime) -> Datetime:
    return value


@scalar("make_timespan")
def make_timespan(days: Long, hours: Long, minutes: Long, seconds: Real) -> Timespan:
    """The timespan of days, hours, minutes and seconds; null where one of them is beyond its range.

    >>> make_timespan(1, 12, 30, 55.123)
    time(1.12:30:55.123)
    >>> make_timespan(1, 12)
    time(01:12:00)
    >>> isnull(make_timespan(25, 1))
    true
    """
    ticks = f"(({days}::BIGINT * 24 + {hours}) * 60 + {minutes}) * 600000000 + round({seconds} * 1e7)::BIGINT"
    return f"case when {days} between 0 and 10675198 and {_of_a_day(hours, minutes, seconds)} then {ticks} end"


@make_timespan.overload
def _(hours: Long, minutes: Long, seconds: Real = "0") -> Timespan:
    ticks = f"({hours}::BIGINT * 60 + {minutes}) * 600000000 + round({seconds} * 1e7)::BIGINT"
    return f"case when {_of_a_day(hours, minutes, seconds)} then {ticks} end"


def _of_a_day(hours: str, minutes: str, seconds: str) -> str:
    return f"{hours} between 0 and 23 and {minutes} between 0 and 59 and {seconds} >= 0 and {seconds} < 60"


@make_timespan.overload
def _(value: String) -> Timespan:
    return f"hl_totimespan({value})"


@scalar("unixtime_seconds_todatetime")
def unixtime_seconds_todatetime(number: Number) -> Datetime:
    """The date that is so many seconds after the first moment of 1970.

    >>> unixtime_seconds_todatetime(1546300800)
    datetime(2019-01-01)
    """
    return _since_1970(number, 1_000_000)


@scalar("unixtime_milliseconds_todatetime")
def unixtime_milliseconds_todatetime(number: Number) -> Datetime:
    """The date that is so many milliseconds after the first moment of 1970.

    >>> unixtime_milliseconds_todatetime(1546300800000)
    datetime(2019-01-01)
    """
    return _since_1970(number, 1000)


@scalar("unixtime_microseconds_todatetime")
def unixtime_microseconds_todatetime(number: Number) -> Datetime:
    """The date that is so many microseconds after the first moment of 1970.

    >>> unixtime_microseconds_todatetime(1546300800000000)
    datetime(2019-01-01)
    """
    return _since_1970(number, 1)


@scalar("unixtime_nanoseconds_todatetime")
def unixtime_nanoseconds_todatetime(number: Number) -> Datetime:
    """The date that is so many nanoseconds after the first moment of 1970.

    >>> unixtime_nanoseconds_todatetime(1546300800000000000)
    datetime(2019-01-01)
    """
    return f"make_timestamp(try_cast({number} as BIGINT) // 1000)"


def _since_1970(number: str, microseconds: int) -> str:
    fits = f"{number} between {_FIRST // microseconds} and {_LAST // microseconds}"
    moment = f"make_timestamp(({number} * {microseconds}::BIGINT)::BIGINT)"
    return f"case when {fits} then {moment} end"


# -- dates and timespans by a pattern --------------------------------------------------------

_DELIMITERS = " /-:,._[]"
_TOKEN = re.compile("yyyy|yy?|MM?|dd?|HH?|hh?|mm?|ss?|tt|f{1,7}|F{1,7}|.", re.DOTALL)
_STRFTIME = {
    "yyyy": "%Y",
    "yy": "%y",
    "y": "%-y",
    "MM": "%m",
    "M": "%-m",
    "dd": "%d",
    "d": "%-d",
    "HH": "%H",
    "H": "%-H",
    "hh": "%I",
    "h": "%-I",
    "mm": "%M",
    "m": "%-M",
    "ss": "%S",
    "s": "%-S",
    "tt": "%p",
    "fff": "%g",
    "ffffff": "%f",
    "fffffff": "%f0",
}


@scalar("format_datetime", named=Naming.FIRST_ARGUMENT)
def format_datetime(date: Datetime, format: String) -> String:
    """`date` by a pattern of `d dd f…fffffff F…FFFFFFF h hh H HH m mm M MM s ss tt y yy yyyy`.

    >>> format_datetime(datetime(2017-01-29 09:00:05), "yy-MM-dd [HH:mm:ss]")
    "17-01-29 [09:00:05]"
    >>> format_datetime(datetime(2017-01-29 09:00:05.12), "s.FFFF")
    "5.12"
    """
    if isinstance(format, Sql) and isinstance(format.value, str):
        tokens = _TOKEN.findall(format.value)
        if all(t in _STRFTIME or t in _DELIMITERS for t in tokens):
            pattern = "".join(_STRFTIME.get(t, t) for t in tokens)
            return f"coalesce(strftime({date}, {quoted(pattern)}), '')"
    return f"hl_format_datetime({date}, {format})"


@scalar("format_timespan", named=Naming.FIRST_ARGUMENT)
def format_timespan(timespan: Timespan, format: String) -> String:
    """`timespan` by a pattern of `d…dddddddd f…fffffff F…FFFFFFF h hh H HH m mm s ss`.

    >>> format_timespan(time(29.09:00:05.12345), "dd.hh:mm:ss [FF]")
    "29.09:00:05 [12]"
    """
    return f"hl_format_timespan({timespan}, {format})"


# -- time zones ---------------------------------------------------------------------------------


@scalar("datetime_utc_to_local")
def datetime_utc_to_local(from_: Datetime, timezone: String) -> Datetime:
    """The local time of a time zone at a moment in UTC.

    >>> datetime_utc_to_local(datetime(2024-07-01 12:00), "Europe/Brussels")
    datetime(2024-07-01 14:00)
    """
    return f"{from_} at time zone 'UTC' at time zone {_zone(timezone)}"


@scalar("datetime_local_to_utc")
def datetime_local_to_utc(from_: Datetime, timezone: String) -> Datetime:
    """The moment in UTC of a local time in a time zone.

    >>> datetime_local_to_utc(datetime(2024-01-01 12:00), "America/New_York")
    datetime(2024-01-01 17:00)
    """
    zone = _zone(timezone)
    moment = f"({from_} at time zone {zone} at time zone 'UTC')"
    local = f"({moment} at time zone 'UTC' at time zone {zone})"
    # A time that the clocks leave out is counted back from the offset that comes after it.
    return f"case when {local} = {from_} then {moment} else {from_} - ({local} - {moment}) end"


def _zone(timezone: str) -> str:
    # A zone that the engine doesn't know would fail the query; none gives null.
    return f"(select any_value(name) from pg_timezone_names() where lower(name) = lower({timezone}))"


@scalar("datetime_list_timezones")
def datetime_list_timezones() -> Dynamic:
    """The names of the time zones.

    >>> set_has_element(datetime_list_timezones(), "Europe/Brussels")
    true
    """
    return "(select to_json(list(name order by name)) from pg_timezone_names())"
