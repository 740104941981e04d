"""Functions of time that are templates' own."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from huntlake.playbooks.deployment.templates.place import Here
from huntlake.wdl.dotnet import timestamps
from huntlake.wdl.dotnet.timestamps import Timestamp, read, read_exactly, written
from huntlake.wdl.expressions.symbols import Integer, String, function
from huntlake.wdl.expressions.values import Fault

_COMPACT, _ISO = "yyyyMMddTHHmmssZ", "yyyy-MM-ddTHH:mm:ssZ"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DURATION = re.compile(
    r"(-?)P(?:(\d{1,4})Y)?(?:(\d{1,5})M)?(?:(\d{1,6})W)?(?:(\d{1,7})D)?"
    r"(?:T(?:(\d{1,8})H)?(?:(\d{1,9})M)?(?:(\d{1,10}(?:\.\d{1,6})?)S)?)?"
)


def _read(text: str) -> tuple[Timestamp, str]:
    """A time, and the format in which it is given back."""
    if re.fullmatch(r"\d{8}T\d{6}Z", text):
        return read_exactly(text, "yyyyMMddTHHmmssK"), _COMPACT
    return read(text), _ISO


@function("utcNow")
def utc_now(here: Here, format: String = _COMPACT) -> String:
    """The time of the deployment, in UTC."""
    return written(timestamps.of(here.now()), format)


@function("dateTimeAdd")
def date_time_add(base: String, duration: String, format: String = "") -> String:
    """A time, and a duration in ISO 8601 added, which may be negative.

    >>> dateTimeAdd('2020-04-07 14:53:14Z', 'P3Y')
    "2023-04-07T14:53:14Z"
    >>> dateTimeAdd('2020-04-07 14:53:14Z', '-P9D')
    "2020-03-29T14:53:14Z"
    """
    match = _DURATION.fullmatch(duration.strip().upper())
    if match is None or not any(match.groups()[1:]):
        raise Fault(f"`{duration}` is not a duration in ISO 8601")
    years, months, weeks, days, hours, minutes, seconds = (float(g or 0) for g in match.groups()[1:])
    sign = -1 if match[1] else 1
    try:
        began, like = _read(base)
        at = _months(timestamps.to_datetime(began), sign * int(years * 12 + months))
        at += sign * timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    except (OverflowError, ValueError):
        raise Fault("the time is outside of the years 1 to 9999") from None
    return written(timestamps.of(at), format or like)


def _months(at: datetime, months: int) -> datetime:
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    for day in range(at.day, 27, -1):
        try:
            return at.replace(year=year, month=month + 1, day=day)
        except ValueError:
            continue
    return at.replace(year=year, month=month + 1)


@function("dateTimeFromEpoch")
def date_time_from_epoch(epoch_time: Integer) -> String:
    """The time that is so many seconds after the beginning of 1970.

    >>> dateTimeFromEpoch(1683040573)
    "2023-05-02T15:16:13Z"
    """
    try:
        return written(timestamps.of(_EPOCH + timedelta(seconds=epoch_time)), _ISO)
    except OverflowError:
        raise Fault("the time is outside of the years 1 to 9999") from None


@function("dateTimeToEpoch")
def date_time_to_epoch(date_time: String) -> Integer:
    """The seconds from the beginning of 1970 to a time.

    >>> dateTimeToEpoch('2023-05-02T15:16:13Z')
    1683040573
    """
    return int((timestamps.to_datetime(_read(date_time)[0]) - _EPOCH).total_seconds())
