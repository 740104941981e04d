"""Functions of time. Each gives text; `o`, with seven digits of the second, is the format where none is given."""

from __future__ import annotations

from huntlake.wdl.dotnet import timestamps
from huntlake.wdl.dotnet.cultures import culture
from huntlake.wdl.dotnet.timestamps import DAY, TICKS, Timestamp, read, span_text, written
from huntlake.wdl.expressions.symbols import Integer, Scope, String, function
from huntlake.wdl.expressions.values import Fault


@function("utcNow")
def utc_now(scope: Scope, format: String = "o") -> String:
    """The time it is, in UTC."""
    return written(timestamps.of(scope.now()), format)


@function("formatDateTime")
def format_date_time(scope: Scope, timestamp: String, format: String = "o", locale: String = "en-us") -> String:
    """A timestamp by a .NET format.

    >>> formatDateTime('03/15/2018')
    "2018-03-15T00:00:00.0000000"
    >>> formatDateTime('2018-03-15T12:00:00Z', 'dddd, MMMM d yyyy h:mm tt')
    "Thursday, March 15 2018 12:00 PM"
    >>> formatDateTime('01/31/2016', 'dddd MMMM d', 'fr-fr')
    "dimanche janvier 31"
    """
    return written(read(timestamp, today=scope.now()), format, culture(locale))


@function("parseDateTime")
def parse_date_time(scope: Scope, timestamp: String, locale: String = "en-us", format: String = "") -> String:
    """The timestamp of text that a locale writes in this way, or in the .NET format that is given.

    >>> parseDateTime('15032018', 'en-us', 'ddMMyyyy')
    "2018-03-15T00:00:00.0000000"
    >>> parseDateTime('martes 20 octubre 2020', 'es-es')
    "2020-10-20T00:00:00.0000000"
    """
    cultured = culture(locale)
    if format:
        return written(timestamps.read_exactly(timestamp, format, cultured, scope.now()))
    return written(read(timestamp, cultured, scope.now()))


@function("addDays")
def add_days(timestamp: String, days: Integer, format: String = "o") -> String:
    """So many days later.

    >>> addDays('2018-03-15T00:00:00Z', 10)
    "2018-03-25T00:00:00.0000000Z"
    """
    return written(read(timestamp).plus(days * DAY), format)


@function("addHours")
def add_hours(timestamp: String, hours: Integer, format: String = "o") -> String:
    """So many hours later.

    >>> addHours('2018-03-15T00:00:00Z', 10)
    "2018-03-15T10:00:00.0000000Z"
    """
    return written(read(timestamp).plus(hours * 3600 * TICKS), format)


@function("addMinutes")
def add_minutes(timestamp: String, minutes: Integer, format: String = "o") -> String:
    """So many minutes later.

    >>> addMinutes('2018-03-15T00:00:00Z', 10)
    "2018-03-15T00:10:00.0000000Z"
    """
    return written(read(timestamp).plus(minutes * 60 * TICKS), format)


@function("addSeconds")
def add_seconds(timestamp: String, seconds: Integer, format: String = "o") -> String:
    """So many seconds later.

    >>> addSeconds('2018-03-15T00:00:00Z', -5)
    "2018-03-14T23:59:55.0000000Z"
    """
    return written(read(timestamp).plus(seconds * TICKS), format)


def _moved(at: Timestamp, interval: int, unit: str) -> Timestamp:
    name = unit.lower()
    if name in _UNITS:
        return at.plus(interval * _UNITS[name])
    if name in _MONTHS:
        return at.plus_months(interval * _MONTHS[name])
    raise Fault(f"`{unit}` is not a unit of time; there are Second, Minute, Hour, Day, Week, Month and Year")


_UNITS = {"second": TICKS, "minute": 60 * TICKS, "hour": 3600 * TICKS, "day": DAY, "week": 7 * DAY}
_MONTHS = {"month": 1, "year": 12}


@function("addToTime")
def add_to_time(timestamp: String, interval: Integer, time_unit: String, format: String = "o") -> String:
    """So many units later.

    >>> addToTime('2018-01-31T00:00:00Z', 1, 'Month', 'D')
    "Wednesday, February 28, 2018"
    """
    return written(_moved(read(timestamp), interval, time_unit), format)


@function("subtractFromTime")
def subtract_from_time(timestamp: String, interval: Integer, time_unit: String, format: String = "o") -> String:
    """So many units earlier.

    >>> subtractFromTime('2018-01-02T00:00:00Z', 1, 'Day')
    "2018-01-01T00:00:00.0000000Z"
    """
    return written(_moved(read(timestamp), -interval, time_unit), format)


@function("getFutureTime")
def get_future_time(scope: Scope, interval: Integer, time_unit: String, format: String = "o") -> String:
    """So many units from now."""
    return written(_moved(timestamps.of(scope.now()), interval, time_unit), format)


@function("getPastTime")
def get_past_time(scope: Scope, interval: Integer, time_unit: String, format: String = "o") -> String:
    """So many units before now."""
    return written(_moved(timestamps.of(scope.now()), -interval, time_unit), format)


@function("startOfDay")
def start_of_day(timestamp: String, format: String = "o") -> String:
    """The start of the day.

    >>> startOfDay('2018-03-15T13:30:30Z')
    "2018-03-15T00:00:00.0000000Z"
    """
    at = read(timestamp)
    return written(at.plus(-(at.ticks % DAY)), format)


@function("startOfHour")
def start_of_hour(timestamp: String, format: String = "o") -> String:
    """The start of the hour.

    >>> startOfHour('2018-03-15T13:30:30Z')
    "2018-03-15T13:00:00.0000000Z"
    """
    at = read(timestamp)
    return written(at.plus(-(at.ticks % (3600 * TICKS))), format)


@function("startOfMonth")
def start_of_month(timestamp: String, format: String = "o") -> String:
    """The start of the month.

    >>> startOfMonth('2018-03-15T13:30:30Z')
    "2018-03-01T00:00:00.0000000Z"
    """
    at = read(timestamp)
    return written(at.plus(-(at.ticks % DAY) - (at.parts.day - 1) * DAY), format)


@function("dayOfWeek")
def day_of_week(timestamp: String) -> Integer:
    """The day of the week; Sunday is 0.

    >>> dayOfWeek('2018-03-15T13:27:36Z')
    4
    """
    return read(timestamp).parts.isoweekday() % 7


@function("dayOfMonth")
def day_of_month(timestamp: String) -> Integer:
    """The day of the month.

    >>> dayOfMonth('2018-03-15T13:27:36Z')
    15
    """
    return read(timestamp).parts.day


@function("dayOfYear")
def day_of_year(timestamp: String) -> Integer:
    """The day of the year.

    >>> dayOfYear('2018-03-15T13:27:36Z')
    74
    """
    return read(timestamp).parts.timetuple().tm_yday


@function("ticks")
def ticks(timestamp: String) -> Integer:
    """The units of 100 ns since the year 1.

    >>> ticks('2018-01-01T00:00:00Z')
    636503616000000000
    """
    return read(timestamp).ticks


@function("dateDifference")
def date_difference(start_date: String, end_date: String) -> String:
    """From the first to the second, as a .NET time span.

    >>> dateDifference('2015-02-08', '2018-07-30')
    "1268.00:00:00"
    """
    return span_text(read(end_date).ticks - read(start_date).ticks)


@function("convertTimeZone")
def convert_time_zone(
    scope: Scope, timestamp: String, source_time_zone: String, destination_time_zone: String, format: String = "o"
) -> String:
    """A time of one zone in another; zones have the names that Windows gives them.

    >>> convertTimeZone('2018-01-01T08:00:00', 'UTC', 'Pacific Standard Time')
    "2018-01-01T00:00:00.0000000"
    """
    return written(
        timestamps.converted(read(timestamp, today=scope.now()), source_time_zone, destination_time_zone), format
    )


@function("convertFromUtc")
def convert_from_utc(timestamp: String, destination_time_zone: String, format: String = "o") -> String:
    """A time in UTC in another zone.

    >>> convertFromUtc('2018-02-02T02:00:00Z', 'Central European Standard Time', 'D')
    "Friday, February 2, 2018"
    """
    return written(timestamps.converted(read(timestamp), "UTC", destination_time_zone), format)


@function("convertToUtc")
def convert_to_utc(timestamp: String, source_time_zone: String, format: String = "o") -> String:
    """A time of a zone in UTC.

    >>> convertToUtc('01/01/2018 00:00:00', 'Pacific Standard Time')
    "2018-01-01T08:00:00.0000000Z"
    """
    return written(timestamps.converted(read(timestamp), source_time_zone, "UTC"), format)
