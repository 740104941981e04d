"""Dates and times."""

from __future__ import annotations

from collections.abc import Sequence

from huntlake.kql.symbols import Datetime, Long, Naming, scalar
from huntlake.kql.types import ScalarType
from huntlake.kql.syntax.literals import TICKS_PER_DAY


@scalar("startofday", named=Naming.FIRST_ARGUMENT)
def startofday(date: Datetime, offset: Long = "0") -> Datetime:
    """The first moment of the day, `offset` days later.

    >>> startofday(datetime(2017-01-01 10:10:17), -1)
    datetime(2016-12-31)
    """
    return f"date_trunc('day', {date}) + to_days({offset}::INTEGER)"


@startofday.folds
def _(date: object, offset: object = 0, *, types: Sequence[ScalarType]) -> object:
    if not isinstance(date, int) or not isinstance(offset, int):
        return NotImplemented
    return date - date % TICKS_PER_DAY + offset * TICKS_PER_DAY
