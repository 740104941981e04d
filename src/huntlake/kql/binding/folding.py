"""What can be known of constants while compiling.

Folding is not for speed (engines fold too) but for knowledge: the bounds of time that prune files, the
counts and patterns that the SQL must be told, come from `ago(7d)` and `1h * 24` as often as from literals.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from decimal import Decimal

from huntlake.kql import plan
from huntlake.kql.syntax import literals
from huntlake.kql.types import NUMBERS, ScalarType

LONGEST = 1 << 16
"""Characters of texts that are put together while compiling; of more than these the engine makes what it may."""


def folded(call: plan.Call) -> plan.Scalar:
    """The call's value as a literal where all its arguments are, and its function knows what to make of them."""
    if call.function.name in _JUNCTIONS:
        return _junction(call, _JUNCTIONS[call.function.name])
    if call.function.name == "iff" and isinstance(chosen := call.arguments[0], plan.Literal):
        return call.arguments[1] if chosen.value else call.arguments[2]
    fold = call.function.fold
    if fold is None or not all(isinstance(a, plan.Literal) for a in call.arguments):
        return call
    if sum(len(a.value) for a in call.arguments if isinstance(a, plan.Literal) and isinstance(a.value, str)) > LONGEST:
        return call
    values = [a.value for a in call.arguments if isinstance(a, plan.Literal)]
    moved = any(isinstance(v, literals.Moment) for v in values)
    if moved and not _is_moved(call, values):
        return call
    value = fold(*values, types=[a.type for a in call.arguments])
    if value is NotImplemented:
        return call
    return plan.Literal(literals.Moment(value) if moved and isinstance(value, int) else value, call.type)


def _is_moved(call: plan.Call, values: list[object]) -> bool:
    """Whether the call is a moment that goes with the query's own, with a timespan between."""
    if call.function.name not in ("+", "-") or call.type is not ScalarType.DATETIME:
        return False
    return sum(isinstance(v, literals.Moment) for v in values) == 1


_JUNCTIONS = {"and": False, "or": True}
"""The operators that combine conditions, each with the value that decides it alone."""


def _junction(call: plan.Call, decides: bool) -> plan.Scalar:
    """The terms that are still open. A parameter that a saved function's caller leaves out leaves no condition."""
    open_terms = []
    for term in call.arguments:
        if isinstance(term, plan.Literal) and term.value is decides:
            return term
        if not isinstance(term, plan.Literal) or term.value is None:
            open_terms.append(term)
    match open_terms:
        case []:
            return plan.Literal(not decides, ScalarType.BOOL)
        case [term]:
            return term
    return call if len(open_terms) == len(call.arguments) else replace(call, arguments=tuple(open_terms))


def converted(value: object, given: ScalarType, wanted: ScalarType) -> tuple[bool, object]:
    """A constant brought to another type, and whether that could be done without an engine."""
    if given is wanted:
        return True, value
    if isinstance(value, literals.Moment):
        return False, None
    if value is None:
        return True, "" if wanted is ScalarType.STRING else None
    match wanted:
        case ScalarType.INT | ScalarType.LONG | ScalarType.REAL | ScalarType.DECIMAL:
            return _number(value, given, wanted)
        case ScalarType.BOOL if isinstance(value, bool | int):
            return True, bool(value)
        case ScalarType.STRING:
            return _text(value, given)
        case ScalarType.DYNAMIC:
            return _dynamic(value, given)
        case ScalarType.DATETIME if isinstance(value, str):
            return True, literals.datetime_ticks(value)
        case ScalarType.TIMESPAN if isinstance(value, str):
            return True, literals.timespan(value)
        case ScalarType.GUID if isinstance(value, str):
            return True, literals.guid(value)
    return False, None


def _number(value: object, given: ScalarType, wanted: ScalarType) -> tuple[bool, object]:
    if given not in (*NUMBERS, ScalarType.DYNAMIC, ScalarType.BOOL) or not isinstance(
        value, bool | int | float | Decimal
    ):
        return False, None
    if wanted is ScalarType.REAL:
        return True, float(value)
    if wanted is ScalarType.DECIMAL:
        return True, Decimal(str(value)) if not isinstance(value, bool) else Decimal(int(value))
    if isinstance(value, float) and not math.isfinite(value):
        return True, None
    bits = 31 if wanted is ScalarType.INT else 63
    return True, whole if -(2**bits) <= (whole := int(value)) < 2**bits else None


def _text(value: object, given: ScalarType) -> tuple[bool, object]:
    match given, value:
        case ScalarType.BOOL, bool():
            return True, "true" if value else "false"
        case ((ScalarType.INT | ScalarType.LONG), int()):
            return True, str(value)
        case ScalarType.GUID, str():
            return True, value
        case ScalarType.DATETIME, int(ticks):
            return True, literals.datetime_text(ticks)
        case ScalarType.TIMESPAN, int(ticks):
            return True, literals.timespan_text(ticks)
        case ScalarType.DYNAMIC, str():
            return True, value
        case ScalarType.DYNAMIC, bool():
            return True, "true" if value else "false"
        case ScalarType.DYNAMIC, int():
            return True, str(value)
        case ScalarType.DYNAMIC, (list() | dict()):
            return True, json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return False, None


def _dynamic(value: object, given: ScalarType) -> tuple[bool, object]:
    match given, value:
        case ScalarType.DATETIME, int(ticks):
            return True, literals.datetime_text(ticks)
        case ScalarType.TIMESPAN, int(ticks):
            return True, literals.timespan_text(ticks)
        case ScalarType.DECIMAL, _:
            return False, None
    return True, value
