"""The options of a request: what clients may ask for beside the query itself.

https://learn.microsoft.com/kusto/api/rest/request-properties
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

from huntlake.core.errors import Invalid


class ErrorPlacement(Enum):
    """Where an answer that broke off says so."""

    IN_DATA = "in_data"
    END_OF_TABLE = "end_of_table"
    END_OF_DATASET = "end_of_dataset"


@dataclass(frozen=True)
class RequestOptions:
    """The options that change an answer; None and False where they weren't given. Times are spans."""

    server_timeout: timedelta | None = None
    no_request_timeout: bool = False
    no_truncation: bool = False
    truncation_max_records: int | None = None
    truncation_max_size: int | None = None
    take_max_records: int | None = None
    defer_partial_failures: bool = False
    error_placement: ErrorPlacement = ErrorPlacement.IN_DATA
    newlines_between_frames: bool = False
    progressive: bool = False
    query_now: datetime | None = None
    read_only: bool = False
    time_column: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def with_settings(self, settings: Mapping[str, object]) -> RequestOptions:
        """These options with what the text of the query sets by `set`, as far as it is about the form of the answer."""
        deferred = _boolean("deferpartialqueryfailures", settings.get("deferpartialqueryfailures"))
        placement = settings.get("results_error_reporting_placement")
        return replace(
            self,
            defer_partial_failures=self.defer_partial_failures or deferred,
            error_placement=self.error_placement if placement is None else _placement(placement),
        )


def parse_options(given: Mapping[str, Any]) -> RequestOptions:
    """The options as a client spelled them; those nobody knows are ignored, as Kusto does.

    `Invalid` where a value makes no sense, or an option would change the answer in a way that is
    not supported here.
    """
    options = {name.lower(): value for name, value in given.items()}
    for name in ("query_results_apply_getschema", "validatepermissions"):
        if _boolean(name, options.get(name)):
            raise Invalid(f"the option `{name}` is not supported")
    language = options.get("query_language") or "kql"
    if not isinstance(language, str) or language.lower() not in ("kql", "csl", "kusto"):
        raise Invalid(f"the query language `{language}` is not supported; use `kql`")
    return RequestOptions(
        server_timeout=_positive_span("servertimeout", options.get("servertimeout")),
        no_request_timeout=_boolean("norequesttimeout", options.get("norequesttimeout")),
        no_truncation=_boolean("notruncation", options.get("notruncation")),
        truncation_max_records=_count("truncationmaxrecords", options.get("truncationmaxrecords")),
        truncation_max_size=_count("truncationmaxsize", options.get("truncationmaxsize")),
        take_max_records=_count("query_take_max_records", options.get("query_take_max_records")),
        defer_partial_failures=_boolean("deferpartialqueryfailures", options.get("deferpartialqueryfailures")),
        error_placement=_placement(options.get("results_error_reporting_placement")),
        newlines_between_frames=_boolean(
            "results_v2_newlines_between_frames", options.get("results_v2_newlines_between_frames")
        ),
        progressive=_boolean("results_progressive_enabled", options.get("results_progressive_enabled")),
        query_now=_instant("query_now", options.get("query_now")),
        time_column=str(options.get("query_datetimescope_column") or ""),
        since=_instant("query_datetimescope_from", options.get("query_datetimescope_from")),
        until=_instant("query_datetimescope_to", options.get("query_datetimescope_to")),
        read_only=any(_boolean(n, options.get(n)) for n in ("request_readonly", "request_readonly_hardline")),
    )


def parse_span(text: str) -> timedelta | None:
    """A span of time as .NET, Python or KQL spell it; None where it is none of them.

    `00:04:00`, `1.02:03:04.5678901`; `0:04:00.500000`, `1 day, 0:00:00`; `4m`, `time(50s)`.
    """
    text = text.strip().lower()
    if call := _CALL.fullmatch(text):
        text = call[1].strip()
    if clock := _CLOCK.fullmatch(text):
        sign, days, more_days, hours, minutes, seconds = clock.groups()
        span = timedelta(
            days=int(days or more_days or 0), hours=int(hours), minutes=int(minutes), seconds=float(seconds or 0)
        )
        return -span if sign else span
    if unit := _UNIT.fullmatch(text):
        return float(unit[1]) * _UNITS[unit[2]]
    return None


_CALL = re.compile(r"(?:time|timespan)\s*\((.*)\)")
_CLOCK = re.compile(r"(-?)(?:(\d{1,6})\.|(\d{1,6}) days?, )?(\d{1,2}):(\d{1,2})(?::(\d{1,2}(?:\.\d{1,9})?))?", re.ASCII)
_UNITS = {
    **dict.fromkeys(("d", "day", "days"), timedelta(days=1)),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), timedelta(hours=1)),
    **dict.fromkeys(("m", "min", "minute", "minutes"), timedelta(minutes=1)),
    **dict.fromkeys(("s", "sec", "second", "seconds"), timedelta(seconds=1)),
    **dict.fromkeys(("ms", "milli", "millis", "millisecond", "milliseconds"), timedelta(milliseconds=1)),
}
_UNIT = re.compile(rf"(-?\d{{1,9}}(?:\.\d{{1,9}})?) ?({'|'.join(sorted(_UNITS, key=len, reverse=True))})", re.ASCII)


def _positive_span(name: str, value: object) -> timedelta | None:
    if value is None or value == "":
        return None
    # A bare number would be days to .NET and seconds to everyone else.
    span = parse_span(value) if isinstance(value, str) else None
    if span is None or span <= timedelta(0):
        raise Invalid(f"`{name}` is no span of time: {_shown(value)}; write it as `00:04:00` or `4m`")
    return span


def _boolean(name: str, value: object) -> bool:
    known = {"true": True, "1": True, "": False, "none": False, "false": False, "0": False}
    if (found := known.get(str(value).strip().lower())) is None:
        raise Invalid(f"the option `{name}` is either true or false, not {_shown(value)}")
    return found


def _count(name: str, value: object) -> int | None:
    if value is None or value == "":
        return None
    digits = re.fullmatch(r"(?:long\()?\s*(\d{1,18})\s*\)?", str(value).strip(), re.ASCII)
    if isinstance(value, (bool, float)) or not digits or int(digits[1]) == 0:
        raise Invalid(f"the option `{name}` is a number from 1, not {_shown(value)}")
    return int(digits[1])


def _placement(value: object) -> ErrorPlacement:
    known = {p.value: p for p in ErrorPlacement}
    if (found := known.get(str(value or ErrorPlacement.IN_DATA.value).lower())) is None:
        raise Invalid(f"`results_error_reporting_placement` is one of {', '.join(known)}, not {_shown(value)}")
    return found


def _instant(name: str, value: object) -> datetime | None:
    if value is None or value == "":
        return None
    text = str(value).strip()
    if call := re.fullmatch(r"datetime\s*\((.*)\)", text, re.IGNORECASE):
        text = call[1].strip().strip("'\"")
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(
            f"the option `{name}` is no moment in time: {_shown(value)}; write `2026-01-31T12:00:00Z`"
        ) from None


def _shown(value: object) -> str:
    return f"`{str(value)[:100]}`"
