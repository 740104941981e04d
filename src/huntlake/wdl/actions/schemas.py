"""What is wrong with a value by a JSON schema: draft 4, and what later drafts added; other keywords are passed over."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any
from urllib.parse import unquote

from huntlake.wdl.actions.formats import FORMATS
from huntlake.wdl.actions.patterns import Unmatched, matching
from huntlake.wdl.expressions.values import key, kind, number

MOST = 20
"""How many complaints are told."""
DEEPEST = 100
LEAST_WORK, WORK_PER_VALUE = 200_000, 20
"""How many schemas may be held against values: so many, and so many more for each value."""


_COMBINING = frozenset(("allOf", "anyOf", "if", "not", "oneOf"))
_OF_TEXTS = frozenset(("format", "maxLength", "minLength", "pattern"))


class SchemaRefused(Exception):
    """A schema that asks for what can't be told here; the message says what."""


def complaints(value: Any, schema: Any) -> list[str]:
    """What is wrong with the value, each with its JSON path. Raises `SchemaRefused`."""
    told: list[str] = []
    _Check(value, schema).check(value, schema, "$", told)
    return told[:MOST]


class _Check:
    def __init__(self, value: Any, schema: Any) -> None:
        self._value, self._schema = value, schema
        self._work = 0
        self._allowed = LEAST_WORK
        self._matching: dict[str, frozenset[str]] = {}

    def check(self, value: Any, schema: Any, path: str, told: list[str], depth: int = 0) -> None:
        """Adds what is wrong with a value."""
        if schema is False:
            told.append(f"{path}: nothing may stand here")
        if not isinstance(schema, dict) or len(told) >= MOST:
            return
        self._spend()
        if depth > DEEPEST:
            raise SchemaRefused(f"a schema that nests, or refers to itself, more than {DEEPEST} deep is not supported")
        reference = schema.get("$ref")
        if isinstance(reference, str):
            self.check(value, self._referred(reference), path, told, depth + 1)
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
            self._object(value, schema, path, told, depth)
        elif isinstance(value, list):
            self._array(value, schema, path, told, depth)
        elif isinstance(value, str):
            self._text(value, schema, path, told)
        elif number(value):
            _number(value, schema, path, told)
        if not _COMBINING.isdisjoint(schema):
            self._combined(value, schema, path, told, depth)

    def _spend(self) -> None:
        self._work += 1
        if self._work == LEAST_WORK:
            self._allowed += WORK_PER_VALUE * sum(1 for _ in _values(self._value))
        if self._work > self._allowed:
            raise SchemaRefused("a schema that takes so long over this value is not supported")

    def _fits(self, value: Any, schema: Any, depth: int) -> bool:
        told: list[str] = []
        self.check(value, schema, "$", told, depth + 1)
        return not told

    def _referred(self, reference: str) -> Any:
        if not reference.startswith("#"):
            raise SchemaRefused(f"a `$ref` to another schema, `{reference}`, is not supported")
        node = self._schema
        for part in filter(None, unquote(reference[1:]).split("/")):
            name = part.replace("~1", "/").replace("~0", "~")
            if isinstance(node, dict) and name in node:
                node = node[name]
            elif isinstance(node, list) and name.isdecimal() and int(name) < len(node):
                node = node[int(name)]
            else:
                raise SchemaRefused(f"the schema has nothing at its `$ref` `{reference}`")
        return node

    def _matches(self, pattern: str, text: str) -> bool:
        if pattern not in self._matching:
            # A pattern is made ready once, and takes all texts of the value together.
            texts = {t for t in _values(self._value) if isinstance(t, str)}
            try:
                self._matching[pattern] = matching(pattern, texts)
            except Unmatched as error:
                raise SchemaRefused(f"the pattern `{pattern}` can't be told: {error}") from None
        return text in self._matching[pattern]

    # -- by the kind of a value

    def _text(self, value: str, schema: dict[str, Any], path: str, told: list[str]) -> None:
        if _OF_TEXTS.isdisjoint(schema):
            return
        _bounds(len(value), schema.get("minLength"), schema.get("maxLength"), "characters", path, told)
        pattern, format = schema.get("pattern"), schema.get("format")
        if isinstance(pattern, str) and not self._matches(pattern, value):
            told.append(f"{path}: the text doesn't match the pattern `{pattern}`")
        known = FORMATS.get(format) if isinstance(format, str) else None
        if known is not None and not known(value):
            told.append(f"{path}: the text is not of the format `{format}`")

    def _array(self, value: list[Any], schema: dict[str, Any], path: str, told: list[str], depth: int) -> None:
        items = schema.get("items")
        for index, element in enumerate(value):
            inner = items
            if isinstance(items, list):
                inner = items[index] if index < len(items) else schema.get("additionalItems")
            self.check(element, inner, f"{path}[{index}]", told, depth + 1)
        _bounds(len(value), schema.get("minItems"), schema.get("maxItems"), "elements", path, told)
        if schema.get("uniqueItems") is True and len({key(v) for v in value}) < len(value):
            told.append(f"{path}: an element stands twice")
        if _schema(schema.get("contains")):
            fitting = sum(self._fits(v, schema["contains"], depth) for v in value)
            least = schema.get("minContains", 1)
            _bounds(fitting, least, schema.get("maxContains"), "elements of `contains`", path, told)

    def _object(self, value: dict[str, Any], schema: dict[str, Any], path: str, told: list[str], depth: int) -> None:
        known = _part(schema, "properties")
        required = [n for n in _list(schema.get("required")) if isinstance(n, str)]
        # In draft 3 a property says itself that it is required.
        required += [n for n, s in known.items() if isinstance(s, dict) and s.get("required") is True]
        for name in dict.fromkeys(required):
            if name not in value:
                told.append(f"{path}: the required property `{name}` is missing")
        _bounds(len(value), schema.get("minProperties"), schema.get("maxProperties"), "properties", path, told)
        patterns, others = _part(schema, "patternProperties"), schema.get("additionalProperties")
        for name, inner in value.items():
            place = f"{path}.{name}"
            fitting = [s for p, s in patterns.items() if self._matches(p, name)]
            for one in [known[name], *fitting] if name in known else fitting:
                self.check(inner, one, place, told, depth + 1)
            if name in known or fitting:
                continue
            if others is False:
                told.append(f"{path}: the property `{name}` is not allowed")
            else:
                self.check(inner, others, place, told, depth + 1)
        if _schema(schema.get("propertyNames")):
            for name in value:
                if not self._fits(name, schema["propertyNames"], depth):
                    told.append(f"{path}: `{name}` doesn't fit the schema of `propertyNames`")
        for part in ("dependencies", "dependentRequired", "dependentSchemas"):
            for name, needed in _part(schema, part).items():
                if name in value:
                    self._needed(value, name, needed, path, told, depth)

    def _needed(self, value: dict[str, Any], name: str, needed: Any, path: str, told: list[str], depth: int) -> None:
        if _schema(needed):
            self.check(value, needed, path, told, depth + 1)
        for other in [needed] if isinstance(needed, str) else _list(needed):
            if other not in value:
                told.append(f"{path}: the property `{other}` is missing, which `{name}` needs")

    def _combined(self, value: Any, schema: dict[str, Any], path: str, told: list[str], depth: int) -> None:
        if _schema(schema.get("not")) and self._fits(value, schema["not"], depth):
            told.append(f"{path}: the value fits the schema of `not`")
        for inner in _list(schema.get("allOf")):
            self.check(value, inner, path, told, depth + 1)
        for name in ("anyOf", "oneOf"):
            choices = _list(schema.get(name))
            fitting = sum(self._fits(value, c, depth) for c in choices)
            if choices and (not fitting or (name == "oneOf" and fitting > 1)):
                told.append(f"{path}: the value fits {fitting} of the schemas of `{name}`")
        if _schema(schema.get("if")):
            branch = "then" if self._fits(value, schema["if"], depth) else "else"
            self.check(value, schema.get(branch), path, told, depth + 1)


def _values(value: Any) -> Iterator[Any]:
    """A value, and all within it, the names of properties among them."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        yield one
        if isinstance(one, dict):
            waiting += one.values()
            yield from one
        elif isinstance(one, list):
            waiting += one


def _schema(keyword: Any) -> bool:
    return isinstance(keyword, dict | bool)


def _part(schema: dict[str, Any], name: str) -> dict[str, Any]:
    part = schema.get(name)
    return part if isinstance(part, dict) else {}


def _list(keyword: Any) -> list[Any]:
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
