"""Functions of truth and of comparison. What isn't needed for the answer isn't evaluated."""

from __future__ import annotations

from huntlake.wdl.expressions.symbols import Anything, Boolean, Lazy, function, walked
from huntlake.wdl.expressions.values import Fault, Value, kind, number, same


def _boolean(name: str, operand: Lazy) -> bool:
    value = operand()
    if not isinstance(value, bool):
        raise Fault(f"`{name}` takes booleans, not a value of type {kind(value)}")
    return value


@function("and")
def and_(expression: Lazy, *expressions: Lazy) -> Boolean:
    """Whether all are true; those behind a false one aren't evaluated.

    >>> and(true, equals(1, 1))
    true
    >>> and(false, noSuchFunction())
    false
    """
    return all(_boolean("and", e) for e in (expression, *expressions))


@function("or")
def or_(expression: Lazy, *expressions: Lazy) -> Boolean:
    """Whether one is true; those behind it aren't evaluated.

    >>> or(false, equals(1, 1))
    true
    """
    return any(_boolean("or", e) for e in (expression, *expressions))


@function("not")
def not_(expression: Boolean) -> Boolean:
    """The opposite.

    >>> not(false)
    true
    """
    return not expression


@function("if")
def if_(expression: Lazy, value_if_true: Lazy, value_if_false: Lazy) -> Anything:
    """One value or the other; the other isn't evaluated.

    >>> if(equals(1, 1), 'yes', 'no')
    "yes"
    """
    return value_if_true() if _boolean("if", expression) else value_if_false()


@function("coalesce")
def coalesce(object_1: Lazy, *objects: Lazy) -> Anything:
    """The first that isn't null; those behind it aren't evaluated.

    >>> coalesce(null, 'hello', 'world')
    "hello"
    """
    for candidate in (object_1, *objects):
        value = candidate()
        if value is not None:
            return value
    return None


@function("equals", cost=walked)
def equals(object_1: Anything, object_2: Anything) -> Boolean:
    """Whether two values are equal, in depth; the case of text counts.

    >>> equals(true, 1)
    true
    >>> equals('abc', 'ABC')
    false
    """
    return same(object_1, object_2)


def _compared(name: str, left: Value, right: Value) -> int:
    if number(left) and number(right):
        return int(left > right) - int(left < right)
    if isinstance(left, str) and isinstance(right, str):
        # By UTF-16 units, big-endian so that bytes compare as units do.
        one, two = (t.encode("utf-16-be", "surrogatepass") for t in (left, right))
        return (one > two) - (one < two)
    raise Fault(f"`{name}` compares two numbers or two texts, not {kind(left)} and {kind(right)}")


@function("greater")
def greater(value: Anything, compare_to: Anything) -> Boolean:
    """Whether the first is the greater, of two numbers or two texts.

    >>> greater(10, 5)
    true
    >>> greater('apple', 'banana')
    false
    """
    return _compared("greater", value, compare_to) > 0


@function("greaterOrEquals")
def greater_or_equals(value: Anything, compare_to: Anything) -> Boolean:
    """Whether the first is the greater or both are equal.

    >>> greaterOrEquals(5, 5)
    true
    """
    return _compared("greaterOrEquals", value, compare_to) >= 0


@function("less")
def less(value: Anything, compare_to: Anything) -> Boolean:
    """Whether the first is the smaller, of two numbers or two texts.

    >>> less(5, 10.5)
    true
    """
    return _compared("less", value, compare_to) < 0


@function("lessOrEquals")
def less_or_equals(value: Anything, compare_to: Anything) -> Boolean:
    """Whether the first is the smaller or both are equal.

    >>> lessOrEquals(10, 5)
    false
    """
    return _compared("lessOrEquals", value, compare_to) <= 0
