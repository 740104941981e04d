"""Functions of numbers. Whole numbers have 64 bits and never run over silently."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal, localcontext
from typing import Any

from huntlake.wdl.dotnet.numbers import CONTEXT, as_decimal, fitting
from huntlake.wdl.expressions.symbols import Integer, Number, NumberOrArray, Scope, function
from huntlake.wdl.expressions.values import LARGEST, SMALLEST, Fault, Value, number


def _widened(left: Value, right: Value) -> tuple[Any, Any]:
    if isinstance(left, Decimal) or isinstance(right, Decimal):
        return as_decimal(left), as_decimal(right)
    if isinstance(left, float) or isinstance(right, float):
        return float(left), float(right)
    return left, right


def _calculated(name: str, left: Value, right: Value, operation: Callable[[Any, Any], Any]) -> Number:
    one, two = _widened(left, right)
    with localcontext(CONTEXT):
        made: int | float | Decimal = operation(one, two)
        if isinstance(made, Decimal):
            return fitting(made)
    if isinstance(made, int) and not SMALLEST <= made <= LARGEST:
        raise Fault(f"the result of `{name}` is outside of 64 bits")
    return made


@function("add")
def add(summand_1: Number, summand_2: Number) -> Number:
    """The sum.

    >>> add(1, 1.5)
    2.5
    """
    return _calculated("add", summand_1, summand_2, lambda a, b: a + b)


@function("sub")
def sub(minuend: Number, subtrahend: Number) -> Number:
    """The difference.

    >>> sub(10.3, 0.3)
    10.0
    """
    return _calculated("sub", minuend, subtrahend, lambda a, b: a - b)


@function("mul")
def mul(multiplicand_1: Number, multiplicand_2: Number) -> Number:
    """The product.

    >>> mul(1.5, 2)
    3.0
    """
    return _calculated("mul", multiplicand_1, multiplicand_2, lambda a, b: a * b)


@function("div")
def div(dividend: Number, divisor: Number) -> Number:
    """The quotient; of whole numbers a whole one, cut toward 0.

    >>> div(-11, 5)
    -2
    >>> div(11, 5.0)
    2.2
    """
    return _calculated("div", dividend, divisor, _quotient)


def _quotient(dividend: Any, divisor: Any) -> Any:
    if isinstance(dividend, float):
        if divisor == 0:
            return (
                math.nan
                if dividend == 0 or math.isnan(dividend)
                else math.copysign(math.inf, math.copysign(1, dividend) * math.copysign(1, divisor))
            )
        return dividend / divisor
    if divisor == 0:
        raise Fault("`div` can't divide by zero")
    if isinstance(dividend, Decimal):
        return dividend / divisor
    quotient = abs(dividend) // abs(divisor)
    return quotient if (dividend < 0) == (divisor < 0) else -quotient


@function("mod")
def mod(dividend: Number, divisor: Number) -> Number:
    """What is left by a division; it has the sign of the dividend.

    >>> mod(-7, 3)
    -1
    """
    return _calculated("mod", dividend, divisor, _rest)


def _rest(dividend: Any, divisor: Any) -> Any:
    if isinstance(dividend, float):
        return math.nan if divisor == 0 or math.isinf(dividend) else math.fmod(dividend, divisor)
    if divisor == 0:
        raise Fault("`mod` can't divide by zero")
    if isinstance(dividend, Decimal):
        return dividend - divisor * (dividend / divisor).to_integral_value(ROUND_DOWN)
    rest = abs(dividend) % abs(divisor)
    return rest if dividend >= 0 else -rest


@function("max")
def max_(number: NumberOrArray, *numbers: NumberOrArray) -> Number:
    """The largest of the numbers, or of an array's.

    >>> max(1, 2, 3)
    3
    >>> max(createArray(1, 2.5))
    2.5
    """
    return _extreme("max", [number, *numbers], lambda a, b: a > b)


@function("min")
def min_(number: NumberOrArray, *numbers: NumberOrArray) -> Number:
    """The smallest of the numbers, or of an array's.

    >>> min(createArray(1, 2, 3))
    1
    """
    return _extreme("min", [number, *numbers], lambda a, b: a < b)


def _extreme(name: str, given: list[Any], beats: Callable[[Any, Any], bool]) -> Number:
    values = given[0] if len(given) == 1 and isinstance(given[0], list) else given
    if not values or not all(number(v) for v in values):
        raise Fault(f"`{name}` takes numbers, or one array of numbers")
    best = values[0]
    for value in values[1:]:
        if beats(value, best):
            best = value
    # All are of the widest type, as in arithmetic.
    for value in values:
        best = _widened(best, value)[0]
    widest: int | float | Decimal = best
    return widest


@function("rand")
def rand(scope: Scope, min_value: Integer, max_value: Integer) -> Integer:
    """A whole number by chance, from the first to below the second."""
    if min_value >= max_value:
        raise Fault("`minValue` of `rand` must be less than `maxValue`")
    return min_value + math.floor(scope.random() * (max_value - min_value))
