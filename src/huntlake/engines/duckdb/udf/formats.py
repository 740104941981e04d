"""Dates and times written by a pattern."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from huntlake.engines.duckdb.udf.function import udf

TICKS_PER_SECOND = 10_000_000


@udf("hl_format_datetime", "TIMESTAMP", "VARCHAR", returns="VARCHAR")
def format_datetime(date: datetime | None, pattern: str | None) -> str:
    """`date` by a pattern of `d dd f..fffffff F..FFFFFFF h hh H HH m mm M MM s ss tt y yy yyyy`.

    Null is the empty string, as every null is in a string.
    """
    if date is None or pattern is None:
        return ""
    hour = date.hour % 12 or 12
    parts = {
        "d": str(date.day),
        "dd": f"{date.day:02}",
        "M": str(date.month),
        "MM": f"{date.month:02}",
        "y": str(date.year % 100),
        "yy": f"{date.year % 100:02}",
        "yyyy": f"{date.year:04}",
        "h": str(hour),
        "hh": f"{hour:02}",
        "H": str(date.hour),
        "HH": f"{date.hour:02}",
        "m": str(date.minute),
        "mm": f"{date.minute:02}",
        "s": str(date.second),
        "ss": f"{date.second:02}",
        "tt": "AM" if date.hour < 12 else "PM",
    }
    return _written(_DATETIME, pattern, parts, f"{date.microsecond:06}0")


@udf("hl_format_timespan", "BIGINT", "VARCHAR", returns="VARCHAR")
def format_timespan(ticks: int | None, pattern: str | None) -> str:
    """A timespan, in ticks of 100 ns, by a pattern of `d..dddddddd f..fffffff F..FFFFFFF h hh H HH m mm s ss`."""
    if ticks is None or pattern is None:
        return ""
    seconds, fraction = divmod(abs(ticks), TICKS_PER_SECOND)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    parts = {
        **{"d" * n: f"{days:0{n}}" for n in range(1, 9)},
        "h": str(hour),
        "hh": f"{hour:02}",
        "H": str(hour),
        "HH": f"{hour:02}",
        "m": str(minute),
        "mm": f"{minute:02}",
        "s": str(second),
        "ss": f"{second:02}",
    }
    return ("-" if ticks < 0 else "") + _written(_TIMESPAN, pattern, parts, f"{fraction:07}")


_DATETIME = re.compile("yyyy|yy?|MM?|dd?|HH?|hh?|mm?|ss?|tt|f{1,7}|F{1,7}")
_TIMESPAN = re.compile("d{1,8}|HH?|hh?|mm?|ss?|f{1,7}|F{1,7}")


def _written(tokens: re.Pattern[str], pattern: str, parts: Mapping[str, str], fraction: str) -> str:
    def token(match: re.Match[str]) -> str:
        name = match.group()
        if name[0] == "f":
            return fraction[: len(name)]
        # `F` leaves trailing zeros out.
        return fraction[: len(name)].rstrip("0") if name[0] == "F" else parts[name]

    replace: Callable[[re.Match[str]], str] = token
    return tokens.sub(replace, pattern)
