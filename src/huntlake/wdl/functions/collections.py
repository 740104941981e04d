"""Functions of arrays, and of what else has several parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from huntlake.wdl.expressions.symbols import (
    Anything,
    Array,
    ArrayOrObject,
    Boolean,
    CollectionOrNull,
    Integer,
    String,
    TextOrArray,
    function,
    walked,
)
from huntlake.wdl.expressions.values import Fault, Value, found, key, kind, number, of_units, text, units


@function("createArray")
def create_array(*objects: Anything) -> Array:
    """An array of the values.

    >>> createArray('h', 1, null)
    ["h",1,null]
    """
    return list(objects)


@function("array")
def array(value: Anything) -> Array:
    """An array of one value; what is an array stays as it is.

    >>> array('hello')
    ["hello"]
    """
    return value if isinstance(value, list) else [value]


@function("range")
def range_(start_index: Integer, count: Integer) -> Array:
    """So many whole numbers from one on; at most 100,000.

    >>> range(1, 4)
    [1,2,3,4]
    """
    if not 0 <= count <= 100_000:
        raise Fault("`count` of `range` must be from 0 to 100,000")
    if not -(2**31) <= start_index <= 2**31 - 1 - count:
        raise Fault("`startIndex` and `count` of `range` must not come to more than 2,147,483,647")
    return list(range(start_index, start_index + count))


@function("empty")
def empty(collection: CollectionOrNull) -> Boolean:
    """Whether a collection has nothing in it; null has nothing.

    >>> empty('')
    true
    >>> empty(null)
    true
    >>> empty('abc')
    false
    """
    return not collection


@function("first")
def first(collection: TextOrArray) -> Anything:
    """The first character or element; '' or null where there is none.

    >>> first('hello')
    "h"
    >>> first(createArray(0, 1, 2))
    0
    """
    if isinstance(collection, str):
        return of_units(units(collection)[:2])
    return collection[0] if collection else None


@function("last")
def last(collection: TextOrArray) -> Anything:
    """The last character or element; '' or null where there is none.

    >>> last('abcd')
    "d"
    """
    if isinstance(collection, str):
        return of_units(units(collection)[-2:])
    return collection[-1] if collection else None


@function("skip")
def skip(collection: TextOrArray, count: Integer) -> TextOrArray:
    """All but the first so many.

    >>> skip(createArray(0, 1, 2, 3), 1)
    [1,2,3]
    """
    if count < 0:
        raise Fault("`count` of `skip` must not be negative")
    return of_units(units(collection)[2 * count :]) if isinstance(collection, str) else collection[count:]


@function("take")
def take(collection: TextOrArray, count: Integer) -> TextOrArray:
    """The first so many.

    >>> take('abcde', 3)
    "abc"
    """
    if count < 0:
        raise Fault("`count` of `take` must not be negative")
    return of_units(units(collection)[: 2 * count]) if isinstance(collection, str) else collection[:count]


def _joined(collection: list[Value], delimiter: str) -> int:
    return walked(collection) + len(collection) * len(delimiter)


@function("join", cost=_joined)
def join(collection: Array, delimiter: String) -> String:
    """The elements as text, with the delimiter between them.

    >>> join(createArray('a', 1, null), '.')
    "a.1."
    """
    return delimiter.join(map(text, collection))


@function("union", cost=walked)
def union(collection_1: ArrayOrObject, collection_2: ArrayOrObject, *collections: ArrayOrObject) -> ArrayOrObject:
    """What is in any of the collections: elements once, and of keys that repeat the last value.

    >>> union(createArray(1, 2, 3), createArray(1, 2, 10, 101))
    [1,2,3,10,101]
    """
    given = _alike("union", [collection_1, collection_2, *collections])
    if isinstance(given[0], dict):
        return {k: v for one in given for k, v in one.items()}
    return _distinct([v for one in given for v in one])


@function("intersection", cost=walked)
def intersection(
    collection_1: ArrayOrObject, collection_2: ArrayOrObject, *collections: ArrayOrObject
) -> ArrayOrObject:
    """What is in all of the collections: elements once, and keys with equal values.

    >>> intersection(createArray(1, 2, 3), createArray(101, 2, 1, 10))
    [1,2]
    """
    given = _alike("intersection", [collection_1, collection_2, *collections])
    start, *others = given
    if isinstance(start, dict):
        return {k: v for k, v in start.items() if all(k in o and key(o[k]) == key(v) for o in others)}
    held = [{key(v) for v in o} for o in others]
    return _distinct([v for v in start if all(key(v) in h for h in held)])


def _alike(name: str, given: list[Any]) -> list[Any]:
    if len({kind(g) for g in given}) != 1:
        raise Fault(f"`{name}` expects parameters of same type: all arrays, or all objects")
    return given


def _distinct(values: list[Value]) -> list[Value]:
    seen: dict[Any, Value] = {}
    for value in values:
        seen.setdefault(key(value), value)
    return list(seen.values())


@function("reverse")
def reverse(collection: Array) -> Array:
    """The elements from the last to the first.

    >>> reverse(createArray(0, 1, 2))
    [2,1,0]
    """
    return collection[::-1]


@function("sort")
def sort(collection: Array, sort_key: String = "") -> Array:
    """The elements in order: numbers, or texts, or booleans, or objects by one of their keys.

    >>> sort(createArray(2, 1, 0, 3))
    [0,1,2,3]
    """
    return sorted(collection, key=_order(collection, sort_key))


def _order(collection: list[Value], sort_key: str) -> Callable[[Value], Any]:
    def taken(element: Value) -> Value:
        if not sort_key:
            return element
        name = found(element, sort_key) if isinstance(element, dict) else None
        if name is None:
            raise Fault(f"`sort` finds no `{sort_key}` in an element")
        return element[name]

    keys = [taken(c) for c in collection]
    if any(all(fits(k) for k in keys) for fits in (number, _is_text, _is_boolean)):
        return taken
    raise Fault("`sort` orders numbers, or texts, or booleans, and not a mixture or anything else")


def _is_text(value: Value) -> bool:
    return isinstance(value, str)


def _is_boolean(value: Value) -> bool:
    return isinstance(value, bool)
