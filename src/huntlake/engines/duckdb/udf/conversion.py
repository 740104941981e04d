"""Texts that mean a value of another type, read as literals are."""

from __future__ import annotations

from datetime import datetime

from huntlake.engines.duckdb.udf.function import udf
from huntlake.kql.syntax import literals

LONGEST = 256
"""No timespan has so many characters."""
_LEAST, _GREATEST = -(2**63), 2**63 - 1


@udf("hl_todatetime", "VARCHAR", returns="TIMESTAMP")
def todatetime(text: str | None) -> datetime | None:
    """The moment that `text` names, in UTC; null where it names none. The digit below the microsecond is dropped."""
    ticks = literals.datetime_ticks(text) if text else None
    return None if ticks is None else literals.datetime_of(ticks).replace(tzinfo=None)


@udf("hl_totimespan", "VARCHAR", returns="BIGINT")
def totimespan(text: str | None) -> int | None:
    """The ticks of the timespan that `text` names; null where it names none."""
    # Python refuses to read a number of thousands of digits, which a log may hold.
    ticks = literals.timespan(text) if text and len(text) < LONGEST else None
    return ticks if ticks is not None and _LEAST <= ticks <= _GREATEST else None


@udf("hl_toguid", "VARCHAR", returns="VARCHAR")
def toguid(text: str | None) -> str | None:
    """The GUID that `text` names, in lower case with hyphens; null where it names none."""
    return literals.guid(text) if text else None
