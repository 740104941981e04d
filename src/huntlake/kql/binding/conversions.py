"""One type brought to another: what Kusto does by itself, what a constant becomes, and values from outside."""

from __future__ import annotations

import json
from decimal import Decimal

from huntlake.kql import plan
from huntlake.kql.binding import folding
from huntlake.kql.syntax.literals import typed_value, whole
from huntlake.kql.types import NUMBERS, ScalarType

_PLAIN = (*NUMBERS, ScalarType.BOOL)
_TYPES = {bool: ScalarType.BOOL, int: ScalarType.LONG, float: ScalarType.REAL, Decimal: ScalarType.DECIMAL}


def convertible(given: ScalarType, wanted: ScalarType) -> bool:
    """Whether Kusto brings one type to the other by itself."""
    return (
        given is wanted
        or ScalarType.DYNAMIC in (given, wanted)
        or (given in _PLAIN and wanted in _PLAIN)
        or {given, wanted} == {ScalarType.STRING, ScalarType.GUID}
    )


def convert(value: plan.Scalar, type_: ScalarType) -> plan.Scalar:
    """`value` brought to another type; constants at once."""
    if value.type is type_:
        return value
    if isinstance(value, plan.Literal):
        known, converted = folding.converted(value.value, value.type, type_)
        if known:
            return plan.Literal(converted, type_)
    return plan.Convert(value, type_)


def parameter_value(given: object, type_: ScalarType) -> plan.Literal | None:
    """A value that came from outside: raw, or as a KQL literal in a string. None where it doesn't fit."""
    given = whole(given)
    if given is None:
        return plan.Literal("" if type_ is ScalarType.STRING else None, type_)
    if type_ is ScalarType.STRING:
        return plan.Literal(given if isinstance(given, str) else json.dumps(given), type_)
    if type_ is ScalarType.DYNAMIC:
        return _dynamic_parameter(given)
    if isinstance(given, bool | int | float | Decimal):
        known, value = folding.converted(given, _TYPES[type(given)], type_)
        return plan.Literal(value, type_) if known else None
    if not isinstance(given, str):
        return None
    text = given.strip()
    if "(" in text and text.endswith(")"):
        text = text[text.index("(") + 1 : -1].strip()
    value, ok = typed_value(type_, text)
    return plan.Literal(value, type_) if ok else None


def _dynamic_parameter(given: object) -> plan.Literal | None:
    if not isinstance(given, str):
        return plan.Literal(given, ScalarType.DYNAMIC)
    text = given.strip()
    if text.startswith("dynamic(") and text.endswith(")"):
        text = text[len("dynamic(") : -1]
    try:
        return plan.Literal(json.loads(text), ScalarType.DYNAMIC)
    except ValueError:
        return plan.Literal(given, ScalarType.DYNAMIC)


def constant_fits(wanted: ScalarType, given: ScalarType) -> bool:
    """Whether a constant may be read as the type of what it is compared with."""
    of = (ScalarType.STRING, *_PLAIN)
    return (given is ScalarType.STRING and wanted in _PLAIN) or (given in _PLAIN and wanted in of)


def as_written(literal: plan.Literal, wanted: ScalarType) -> plan.Scalar:
    """A constant as another type: a text as what it spells."""
    if literal.type is ScalarType.STRING:
        value, _ = typed_value(wanted, str(literal.value).strip())
        return plan.Literal(value, wanted)
    return convert(literal, wanted)
