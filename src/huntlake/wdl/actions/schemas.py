"""What is wrong with a value by a JSON schema of draft 4; keywords that it doesn't have are passed over."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from huntlake.wdl.expressions.values import key, kind, number

MOST = 20
"""How many complaints are told."""


def complaints(value: Any, schema: Any) -> list[str]:
    """What is wrong with the value, each with its JSON path."""
    told: list[str] = []
    _check(value, schema, "$", told, schema)
    return told[:MOST]


def _check(value: Any, schema: Any, path: str, told: list[str], whole: Any, depth: int = 0) -> None:
    if not isinstance(schema, dict) or len(told) >= MOST:
        return
    if depth > 100:
        told.append(f"{path}: the schema nests too deep")
        return
    reference = schema.get("$ref")
    if isinstance(reference, str):
        _check(value, _referred(whole, reference), path, told, whole, depth + 1)
        return
    types = schema.get("type")
    wanted = [str(t).lower() for t in (types if isinstance(types, list) else [types])] if types else []
    if wanted and not any(_is(value, t) for t in wanted):
        told.append(f"{path}: expected {' or '.join(wanted)} but got {kind(value)}")
        return
    if isinstance(schema.get("enum"), list) and key(value) not in {key(v) for v in schema["enum"]}:
        told.append(f"{path}: the value is not among those that are allowed")
    if "const" in schema and key(value) != key(schema["const"]):
        told.append(f"{path}: the value is not the one that is allowed")
    if isinstance(value, dict):
        _object(value, schema, path, told, whole, depth)
    elif isinstance(value, list):
        items = schema.get("items")
        for index, element in enumerate(value):
            inner = items[index] if isinstance(items, list) and index < len(items) else items
            _check(element, inner, f"{path}[{index}]", told, whole, depth + 1)
        _bounds(len(value), schema.get("minItems"), schema.get("maxItems"), "elements", path, told)
        if schema.get("uniqueItems") is True and len({key(v) for v in value}) < len(value):
            told.append(f"{path}: an element stands twice")
    elif isinstance(value, str):
        _bounds(len(value), schema.get("minLength"), schema.get("maxLength"), "characters", path, told)
    elif number(value):
        _number(value, schema, path, told)
    if isinstance(schema.get("not"), dict) and not _alone(value, schema["not"], whole, depth):
        told.append(f"{path}: the value fits the schema of `not`")
    for inner in _list(schema.get("allOf")):
        _check(value, inner, path, told, whole, depth + 1)
    for name in ("anyOf", "oneOf"):
        choices = schema.get(name)
        if isinstance(choices, list) and choices:
            fitting = sum(not _alone(value, c, whole, depth) for c in choices)
            if not fitting or (name == "oneOf" and fitting > 1):
                told.append(f"{path}: the value fits {fitting} of the schemas of `{name}`")


def _alone(value: Any, schema: Any, whole: Any, depth: int) -> list[str]:
    told: list[str] = []
    _check(value, schema, "$", told, whole, depth + 1)
    return told


def _object(value: dict[str, Any], schema: dict[str, Any], path: str, told: list[str], whole: Any, depth: int) -> None:
    properties = schema.get("properties")
    known = properties if isinstance(properties, dict) else {}
    for name in _list(schema.get("required")):
        if name not in value:
            told.append(f"{path}: the required property `{name}` is missing")
    _bounds(len(value), schema.get("minProperties"), schema.get("maxProperties"), "properties", path, told)
    others = schema.get("additionalProperties")
    for name, inner in value.items():
        if name in known:
            _check(inner, known[name], f"{path}.{name}", told, whole, depth + 1)
        elif others is False and not schema.get("patternProperties"):
            told.append(f"{path}: the property `{name}` is not allowed")
        elif isinstance(others, dict):
            _check(inner, others, f"{path}.{name}", told, whole, depth + 1)


def _list(keyword: Any) -> list[Any]:
    # In draft 3 `required` is a boolean of the property itself: a keyword of another form says nothing here.
    return keyword if isinstance(keyword, list) else []


def _is(value: Any, type: str) -> bool:
    if type == "number":
        return number(value)
    if type == "integer":
        return (number(value) and not isinstance(value, float)) or (isinstance(value, float) and value.is_integer())
    return kind(value) == type or type not in ("null", "boolean", "string", "array", "object")


def _number(value: Any, schema: dict[str, Any], path: str, told: list[str]) -> None:
    least: Any = schema.get("minimum")
    most: Any = schema.get("maximum")
    _bounds(value, least, most, "as a number", path, told)
    # In draft 4 these say whether the bound itself is left out, later they are bounds.
    above: Any = schema.get("exclusiveMinimum")
    below: Any = schema.get("exclusiveMaximum")
    above, below = (least if above is True else above), (most if below is True else below)
    if number(above) and value <= above:
        told.append(f"{path}: {value} is not more than {above}")
    if number(below) and value >= below:
        told.append(f"{path}: {value} is not less than {below}")
    step: Any = schema.get("multipleOf")
    if number(step) and step > 0 and math.isfinite(value) and Fraction(str(value)) % Fraction(str(step)):
        told.append(f"{path}: {value} is no multiple of {step}")


def _bounds(value: Any, least: Any, most: Any, what: str, path: str, told: list[str]) -> None:
    if number(least) and value < least:
        told.append(f"{path}: {value} {what} is less than {least}")
    if number(most) and value > most:
        told.append(f"{path}: {value} {what} is more than {most}")


def _referred(schema: Any, reference: str) -> Any:
    if not reference.startswith("#"):
        return {}
    node = schema
    for part in filter(None, reference[1:].split("/")):
        node = node.get(part) if isinstance(node, dict) else None
    return node
