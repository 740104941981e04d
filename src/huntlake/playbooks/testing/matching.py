"""What was found against what a test expects: objects may hold more, texts may be told by a part of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, assert_never

import orjson

from huntlake.wdl.expressions.values import found as key_of


@dataclass(frozen=True)
class Is:
    """Exactly this value; of objects, nothing more."""

    value: Any


@dataclass(frozen=True)
class Contains:
    """A text that holds this one, or JSON that does when it is written."""

    text: str


@dataclass(frozen=True)
class Matches:
    """A text in which this pattern is found."""

    pattern: re.Pattern[str]


@dataclass(frozen=True)
class Absent:
    """Nothing, or null."""


@dataclass(frozen=True)
class Holds:
    """An object with at least these members."""

    members: Mapping[str, Wanted]


@dataclass(frozen=True)
class Lists:
    """An array with elements like these, in this order, among others."""

    elements: Sequence[Wanted]


Wanted: TypeAlias = Is | Contains | Matches | Absent | Holds | Lists


def mismatches(wanted: Wanted, value: Any, place: str) -> Iterator[str]:
    """What is otherwise than wanted, each with its place."""
    match wanted:
        case Absent():
            if value is not None:
                yield f"{place} is {shown(value)}, and nothing was expected there"
        case Contains(text):
            if text not in _text(value):
                yield f"{place} is {shown(value)}, which doesn't hold {shown(text)}"
        case Matches(pattern):
            if not pattern.search(_text(value)):
                yield f"{place} is {shown(value)}, in which `{pattern.pattern}` isn't found"
        case Is(expected):
            if not _same(expected, value):
                yield f"{place} is {shown(value)}, not {shown(expected)}"
        case Holds(members):
            if not isinstance(value, dict):
                yield f"{place} is {shown(value)}, not an object"
                return
            for name, inner in members.items():
                key = key_of(value, name)
                if key is None and not isinstance(inner, Absent):
                    yield f"{place} has no `{name}`"
                elif key is not None:
                    yield from mismatches(inner, value[key], f"{place}.{name}")
        case Lists(elements):
            if not isinstance(value, list):
                yield f"{place} is {shown(value)}, not an array"
                return
            at = 0
            for number, inner in enumerate(elements):
                fits = (i for i in range(at, len(value)) if fitting(inner, value[i]))
                index = next(fits, None)
                if index is None:
                    yield f"{place} has no element like the {number + 1}. that is expected: it is {shown(value)}"
                    return
                at = index + 1
        case _:
            assert_never(wanted)


def fitting(wanted: Wanted, value: Any) -> bool:
    """Whether nothing is otherwise than wanted."""
    return next(mismatches(wanted, value, ""), None) is None


def shown(value: Any) -> str:
    """A value for people: as JSON, and not too long."""
    text = orjson.dumps(value, default=str).decode()
    return f"`{text if len(text) <= 300 else text[:300] + '…'}`"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value, default=str).decode()


def _same(expected: Any, value: Any) -> bool:
    # True is 1 in Python, and isn't here.
    if isinstance(expected, bool) or isinstance(value, bool):
        return expected is value
    if isinstance(expected, dict) and isinstance(value, dict):
        return expected.keys() == value.keys() and all(_same(v, value[k]) for k, v in expected.items())
    if isinstance(expected, list) and isinstance(value, list):
        return len(expected) == len(value) and all(map(_same, expected, value))
    return bool(expected == value)
