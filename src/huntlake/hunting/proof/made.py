"""How many rows `range` makes, told from its text: what a `let` or the arithmetic of constants may hide."""

from __future__ import annotations

import math
from collections.abc import Mapping

from huntlake.kql.syntax import nodes
from huntlake.kql.types import ScalarType

_NOW = 0.0
_SAME = frozenset(
    """
    bin endofday endofmonth endofweek endofyear floor round startofday startofmonth startofweek startofyear
    todatetime todouble toint tolong toreal totimespan
    """.split()
)
"""Functions whose result lies near their first argument."""
_DEPTH = 32


def steps(
    start: nodes.Expression, stop: nodes.Expression, step: nodes.Expression | None, named: Mapping[str, object]
) -> float | None:
    """How many values there are from one to the other; None where that isn't known beforehand."""
    first, last = _number(start, named), _number(stop, named)
    by = (1.0, False) if step is None else _number(step, named)
    if first is None or last is None or by is None or first[1] is not last[1]:
        return None
    if not by[0]:
        return math.inf
    return max(0.0, (last[0] - first[0]) / by[0] + 1)


def number(node: nodes.Expression, named: Mapping[str, object]) -> float | None:
    """The value of an expression of constants; None where it is none."""
    found = _number(node, named)
    return None if found is None else found[0]


def _number(node: object, named: Mapping[str, object], depth: int = 0) -> tuple[float, bool] | None:
    """A value, in ticks where it is of time, and whether it counts from now."""
    if depth > _DEPTH:
        return None
    match node:
        case nodes.Literal(bool() | None):
            return None
        case nodes.Literal(int() | float() as value, type_):
            # Times since the year 1 and times since now can't be compared without a clock: both are moments.
            return (float(value) - _TODAY, True) if type_ is ScalarType.DATETIME else (float(value), False)
        case nodes.NameReference(name) if name in named:
            return _number(named[name], {n: v for n, v in named.items() if n != name}, depth + 1)
        case nodes.NamedExpression(_, inner):
            return _number(inner, named, depth + 1)
        case nodes.FunctionCall("now", ()):
            return _NOW, True
    if not isinstance(node, nodes.FunctionCall) or not node.arguments:
        return None
    values = [_number(a, named, depth + 1) for a in node.arguments]
    name = node.name.lower()
    if name in _SAME:
        return values[0]
    known = [v for v in values if v is not None]
    if len(known) < len(values):
        return None
    numbers = [v for v, _ in known]
    moments = sum(moment for _, moment in known)
    try:
        match name, numbers:
            case "ago", [back]:
                return -back, True
            case "now", [later]:
                return later, True
            case "-", [one]:
                return -one, False
            case "-", [one, other]:
                return one - other, moments == 1
            case "+", [one, other]:
                return one + other, moments > 0
            case "*", [one, other]:
                return one * other, False
            case "/", [one, other]:
                return one / other, False
            case "pow", [one, other]:
                return math.pow(one, other), False
            case "exp10", [one]:
                return math.pow(10, one), False
            case "exp2", [one]:
                return math.pow(2, one), False
    except (OverflowError, ZeroDivisionError, ValueError):
        return math.inf, False
    return None


_TODAY = 638_700_000_000_000_000.0
"""Ticks of a day in 2024: near enough to now, where years are millions of rows apart."""
