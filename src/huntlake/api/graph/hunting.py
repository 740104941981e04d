"""`runHuntingQuery`: a query in, its rows out."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import orjson

from huntlake.api.hunting import NET_TYPES
from huntlake.api.odata.syntax import moment
from huntlake.api.services import ResultTable
from huntlake.core.errors import Invalid

_DURATION = re.compile(
    r"P(?:(\d{1,5})W)?(?:(\d{1,6})D)?(?:T(?=\d)(?:(\d{1,6})H)?(?:(\d{1,7})M)?(?:(\d{1,9}(?:\.\d{1,6})?)S)?)?"
)
DEFAULT_SPAN = timedelta(days=30)


def period(text: str, now: datetime) -> tuple[datetime, datetime]:
    """From when until when a `Timespan` reaches: a duration, a time, or two of them parted by a slash."""
    first, slash, second = text.strip().partition("/")
    try:
        if not slash:
            span = _duration(first)
            return (now - span, now) if span is not None else (moment(first), now)
        start, end = _duration(first), _duration(second)
        if start is not None and end is not None:
            raise Invalid(f"the timespan `{text[:60]}` has two durations and no time")
        if start is not None:
            return moment(second) - start, moment(second)
        since = moment(first)
        until = since + end if end is not None else moment(second)
    except OverflowError:
        raise Invalid(f"the timespan `{text[:60]}` reaches beyond the years that can be told") from None
    if until < since:
        raise Invalid(f"the timespan `{text[:60]}` ends before it begins")
    return since, until


def _duration(text: str) -> timedelta | None:
    found = _DURATION.fullmatch(text)
    if found is None or not any(found.groups()):
        return None
    weeks, days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)


def write(base: str, table: ResultTable, rows: list[bytes]) -> bytes:
    """The answer to a hunting query."""
    head = {
        "@odata.context": f"{base}/$metadata#microsoft.graph.security.huntingQueryResults",
        "schema": [{"name": c.name, "type": NET_TYPES[c.type]} for c in table.columns],
    }
    return orjson.dumps(head)[:-1] + b',"results":[' + b",".join(rows) + b"]}"
