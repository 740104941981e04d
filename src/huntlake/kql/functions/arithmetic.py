"""Arithmetic of numbers and of times."""

from __future__ import annotations

import math
from collections.abc import Sequence

from huntlake.kql.forms import SQL_TYPES, moment
from huntlake.kql.symbols import Datetime, Decimal, Long, Naming, Number, P, Real, Sql, Timespan, scalar
from huntlake.kql.syntax.literals import MAX_DATETIME
from huntlake.kql.types import ScalarType

TICKS_TO_1970 = 621_355_968_000_000_000
_TIMES = (ScalarType.DATETIME, ScalarType.TIMESPAN)


def _in_range(value: object, types: Sequence[ScalarType]) -> object:
    """The result of folding where it is one that the type can hold; else the engine decides."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return NotImplemented
    if isinstance(value, int) and ScalarType.DATETIME in types and types.count(ScalarType.DATETIME) == 1:
        return value if 0 <= value <= MAX_DATETIME else None
    return value


@scalar("+")
def add(left: P, right: P) -> P:
    """The sum.

    >>> 1 + 2.5
    3.5
    >>> 1h + 30m
    time(01:30:00)
    """
    return f"{left} + {right}"


@add.overload
def _(left: Timespan, right: Timespan) -> Timespan:
    return f"{left} + {right}"


@add.overload
def _(left: Datetime, right: Timespan) -> Datetime:
    return moved(left, f"{right} // 10")


@add.overload
def _(left: Timespan, right: Datetime) -> Datetime:
    return moved(right, f"{left} // 10")


@add.folds
def _(left: object, right: object, *, types: Sequence[ScalarType]) -> object:
    if left is None or right is None:
        return None
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        return NotImplemented
    return _in_range(left + right, types)


@scalar("-")
def subtract(left: P, right: P) -> P:
    """The difference; with one operand, its negative.

    >>> 5 - 7
    -2
    """
    return f"{left} - {right}"


@subtract.overload
def _(left: Timespan, right: Timespan) -> Timespan:
    return f"{left} - {right}"


@subtract.overload
def _(left: Datetime, right: Timespan) -> Datetime:
    return moved(left, f"-({right} // 10)")


@subtract.overload
def _(left: Datetime, right: Datetime) -> Timespan:
    return f"(epoch_us({left}) - epoch_us({right})) * 10"


@subtract.overload
def _(value: P) -> P:
    return f"-{value}"


@subtract.overload
def _(value: Timespan) -> Timespan:
    return f"-{value}"


@subtract.folds
def _(left: object, right: object = 0, *, types: Sequence[ScalarType]) -> object:
    if left is None or right is None:
        return None
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        return NotImplemented
    return -left if len(types) == 1 else _in_range(left - right, types)


def moved(at: str, microseconds: str) -> str:
    """A moment moved by microseconds; null where that is beyond the years 1 to 9999."""
    return moment(f"epoch_us({at}) + {microseconds}")


@scalar("*")
def multiply(left: P, right: P) -> P:
    """The product.

    >>> 2 * 3
    6
    >>> decimal(250) * decimal(0.5)
    decimal(125)
    """
    if isinstance(left, Sql) and left.type is ScalarType.DECIMAL:
        return _decimal_product(left, right)
    return f"{left} * {right}"


def _decimal_product(left: str, right: str) -> str:
    # The engine adds up the scales of both, which leaves no room for a product of more than two digits before the
    # point: whole parts and fractions are multiplied apart.
    wholes = [f"trunc({d})::DECIMAL(20,0)" for d in (left, right)]
    fractions = [f"({d} - trunc({d}))::DECIMAL(18,18)" for d in (left, right)]
    pairs = ((wholes[0], wholes[1]), (wholes[0], fractions[1]), (fractions[0], wholes[1]), fractions)
    return " + ".join(f"({a} * {b})::{SQL_TYPES[ScalarType.DECIMAL]}" for a, b in pairs)


@multiply.overload
def _(left: Timespan, right: Long) -> Timespan:
    return f"{left} * {right}"


@multiply.overload
def _(left: Long, right: Timespan) -> Timespan:
    return f"{left} * {right}"


@multiply.overload
def _(left: Timespan, right: Real) -> Timespan:
    return f"try_cast({left} * {right} as BIGINT)"


@multiply.overload
def _(left: Real, right: Timespan) -> Timespan:
    return f"try_cast({left} * {right} as BIGINT)"


@multiply.folds
def _(left: object, right: object, *, types: Sequence[ScalarType]) -> object:
    if left is None or right is None:
        return None
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        return NotImplemented
    product = left * right
    if ScalarType.TIMESPAN in types and not math.isfinite(product):
        return None
    return _in_range(round(product) if ScalarType.TIMESPAN in types else product, types)


@scalar("/")
def divide(left: Long, right: Long) -> Long:
    """The quotient; of whole numbers, without the fraction. Null where whole numbers are divided by zero.

    >>> 7 / 2
    3
    >>> 7 / 2.0
    3.5
    """
    return f"{left} // {_not_zero(right)}"


@divide.overload
def _(left: Real, right: Real) -> Real:
    return f"{left} / {right}"


@divide.overload
def _(left: Decimal, right: Decimal) -> Decimal:
    return f"({left}::DOUBLE / nullif({right}, 0)::DOUBLE)::DECIMAL(38,18)"


@divide.overload
def _(left: Timespan, right: Timespan) -> Real:
    return f"{left}::DOUBLE / {right}::DOUBLE"


@divide.overload
def _(left: Timespan, right: Number) -> Timespan:
    return f"try_cast(trunc({left} / nullif({right}, 0)::DOUBLE) as BIGINT)"


@divide.folds
def _(left: object, right: object, *, types: Sequence[ScalarType]) -> object:
    if left is None or right is None:
        return None
    if ScalarType.TIMESPAN not in types or not isinstance(left, int) or not isinstance(right, int | float) or not right:
        return NotImplemented
    return left / right if types[1] is ScalarType.TIMESPAN else int(left / right)


@scalar("%")
def modulo(left: Long, right: Long) -> Long:
    """The remainder, which is never negative.

    >>> 7 % 3
    1
    >>> -7 % 3
    2
    """
    return f"(({left} % {_not_zero(right)}) + abs({right})) % abs({right})"


@modulo.overload
def _(left: Real, right: Real) -> Real:
    return f"{left} % {right}"


@modulo.overload
def _(left: Timespan, right: Timespan) -> Timespan:
    return f"{left} % {_not_zero(right)}"


@modulo.overload
def _(left: Datetime, right: Timespan) -> Timespan:
    return f"(epoch_us({left}) * 10 + {TICKS_TO_1970}) % {_not_zero(right)}"


def _not_zero(sql: str) -> str:
    if isinstance(sql, Sql) and sql.constant and sql.value:
        return f"{sql}"
    return f"nullif({sql}, 0)"


@scalar("bin", "floor", named=Naming.FIRST_ARGUMENT)
def bin_(value: Long, roundTo: Long) -> Long:
    """`value` rounded down to a multiple of `roundTo`.

    >>> bin(17, 5)
    15
    >>> bin(4.5, 1.0)
    4.0
    >>> bin(datetime(1970-05-11 13:45:07), 1d)
    datetime(1970-05-11)
    """
    return f"{_floored(value, roundTo)} * {roundTo}"


@bin_.overload
def _(value: Real, roundTo: Real) -> Real:
    return f"floor({value} / nullif({roundTo}, 0)) * {roundTo}"


@bin_.overload
def _(value: Timespan, roundTo: Timespan) -> Timespan:
    return f"{_floored(value, roundTo)} * {roundTo}"


@bin_.overload
def _(value: Datetime, roundTo: Timespan) -> Datetime:
    # Kusto counts bins from the year 1: with a bin of weeks, that is a Monday.
    offset = 62_135_596_800_000_000
    # A bin of a few ticks is within the microsecond to which times are kept.
    size = f"nullif(case when {roundTo} between 1 and 9 then 1 else {roundTo} // 10 end, 0)"
    if isinstance(roundTo, Sql) and isinstance(roundTo.value, int) and roundTo.value >= 10:
        micros = roundTo.value // 10
        shift = offset % micros
        at = f"epoch_us({value})"
        since = f"({at} + {shift})" if shift else at
        # Division rounds toward zero; times before 1970 are negative.
        return f"make_timestamp({at} - (({since} % {micros}) + {micros}) % {micros})"
    at = f"(epoch_us({value}) + {offset})"
    return f"make_timestamp({at} // {size} * {size} - {offset})"


@bin_.overload
def _(value: Timespan, roundTo: Number) -> Timespan:
    return f"{_floored(value, roundTo)} * {roundTo}"


def _floored(value: str, size: str) -> str:
    if isinstance(size, Sql) and size.type in (ScalarType.REAL, ScalarType.DECIMAL):
        return f"floor({value} / nullif({size}, 0)::DOUBLE)::BIGINT"
    by = _not_zero(size)
    return f"(({value} - (({value} % {by}) + {by}) % {by}) // {by})"


@bin_.folds
def _(value: object, size: object, *, types: Sequence[ScalarType]) -> object:
    if isinstance(value, int) and isinstance(size, int) and size > 0:
        return value - value % size
    return NotImplemented
