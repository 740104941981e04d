"""Filters and orderings over JSON values in memory. Texts are compared without regard to case."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, assert_never

from huntlake.api.odata.syntax import (
    Among,
    Call,
    Comparison,
    Condition,
    Junction,
    Lambda,
    Literal,
    Negation,
    Operand,
    Ordering,
    Path,
    Truth,
    moment,
)
from huntlake.core.errors import Invalid

_Scope = Mapping[str, Any]


def holds(condition: Condition, value: _Scope) -> bool:
    """Whether a JSON object meets the condition. A property that it doesn't have is null."""
    match condition:
        case Junction("and", parts):
            return all(holds(part, value) for part in parts)
        case Junction(_, parts):
            return any(holds(part, value) for part in parts)
        case Negation(inner):
            return not holds(inner, value)
        case Comparison(operator, left, right):
            return _compared(operator, _value(left, value), _value(right, value))
        case Among(left, values):
            found = _value(left, value)
            return any(_compared("eq", found, literal.value) for literal in values)
        case Truth(operand):
            return _value(operand, value) is True
        case Lambda(path, quantifier, variable, inner):
            items = _value(path, value)
            items = items if isinstance(items, list) else []
            if inner is None:
                return bool(items)
            each = (holds(inner, {**value, variable: item}) for item in items)
            return all(each) if quantifier == "all" else any(each)
    assert_never(condition)


def known_paths(condition: Condition, known: Callable[[Path], bool]) -> None:
    """`Invalid` for a property that the condition names and that there isn't."""
    for path in _paths(condition, frozenset()):
        if not known(path):
            raise Invalid(f"filtering by `{path}` is not supported")


def sorted_by(orderings: Sequence[Ordering], values: Iterable[tuple[_Scope, Any]]) -> list[Any]:
    """What stands beside each object, in the order of the objects; nulls are least."""
    found = list(values)
    for ordering in reversed(orderings):
        path = ordering.path
        found.sort(key=lambda pair: _sort_key(_value(path, pair[0])), reverse=ordering.descending)
    return [thing for _, thing in found]


def _paths(condition: Condition, variables: frozenset[str]) -> Iterable[Path]:
    match condition:
        case Junction(_, parts):
            for part in parts:
                yield from _paths(part, variables)
        case Negation(inner):
            yield from _paths(inner, variables)
        case Comparison(_, left, right):
            yield from (*_named(left, variables), *_named(right, variables))
        case Among(left, _):
            yield from _named(left, variables)
        case Truth(operand):
            yield from _named(operand, variables)
        case Lambda(path, _, variable, inner):
            yield from _named(path, variables)
            if inner is not None:
                yield from _paths(inner, variables | {variable})
        case _:
            assert_never(condition)


def _named(operand: Operand, variables: frozenset[str]) -> Iterable[Path]:
    match operand:
        case Path(parts):
            if parts[0] not in variables:
                yield operand
        case Call(_, arguments):
            for argument in arguments:
                yield from _named(argument, variables)
        case Literal():
            pass


def _value(operand: Operand, scope: _Scope) -> Any:
    match operand:
        case Literal(value):
            return value
        case Path(parts):
            found: Any = scope
            for part in parts:
                found = _member(found, part)
            return found
        case Call(name, arguments):
            return _called(name, [_value(a, scope) for a in arguments])


def _member(value: Any, name: str) -> Any:
    if not isinstance(value, Mapping):
        return None
    if name in value:
        return value[name]
    lower = name.lower()
    return next((v for k, v in value.items() if k.lower() == lower), None)


def _called(name: str, arguments: list[Any]) -> Any:
    if not all(isinstance(a, str) for a in arguments):
        return None
    first, *rest = (str(a).lower() for a in arguments)
    match name:
        case "startswith":
            return first.startswith(rest[0])
        case "endswith":
            return first.endswith(rest[0])
        case "contains":
            return rest[0] in first
        case "tolower":
            return first
        case "toupper":
            return first.upper()
        case "length":
            return len(first)
    raise Invalid(f"the function `{name}` is not supported in a $filter")


def _compared(operator: str, left: Any, right: Any) -> bool:
    left, right = _alike(left, right)
    if operator in ("eq", "ne"):
        return (left == right) is (operator == "eq")
    if left is None or right is None or type(left) is not type(right):
        return False
    match operator:
        case "gt":
            return bool(left > right)
        case "ge":
            return bool(left >= right)
        case "lt":
            return bool(left < right)
        case _:
            return bool(left <= right)


def _alike(left: Any, right: Any) -> tuple[Any, Any]:
    """Two values in the forms in which they are compared: JSON writes a time as text."""
    if isinstance(left, datetime) is not isinstance(right, datetime):
        left, right = _as_time(left), _as_time(right)
    return _comparable(left), _comparable(right)


def _as_time(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return moment(value)
    except Invalid:
        return value


def _comparable(value: Any) -> Any:
    if isinstance(value, str):
        return value.lower()
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            return float("inf") if value > 0 else float("-inf")
    return value


def _sort_key(value: Any) -> tuple[int, Any]:
    value = _comparable(value)
    match value:
        case None:
            return 0, 0
        case bool():
            return 1, value
        case float():
            return 2, value
        case str():
            return 3, value
        case datetime():
            return 4, value
    return 5, str(value)
