"""Functions of arrays and objects that are templates' own."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from huntlake.wdl.expressions.symbols import Anything, Array, ArrayOrObject, Integer, Object, function
from huntlake.wdl.expressions.values import Fault, Value, found, key, kind


@function("createObject")
def create_object(*keys_and_values: Anything) -> Object:
    """An object of keys and values in turn.

    >>> createObject('a', 1, 'b', createArray(2))
    {"a":1,"b":[2]}
    """
    if len(keys_and_values) % 2:
        raise Fault("`createObject` takes a value for each key")
    keys = keys_and_values[::2]
    if not all(isinstance(k, str) for k in keys):
        raise Fault("the keys of `createObject` must be texts")
    return dict(zip(keys, keys_and_values[1::2], strict=True))


@function("union")
def union(arg1: ArrayOrObject, arg2: ArrayOrObject, *others: ArrayOrObject) -> ArrayOrObject:
    """All elements of arrays, each once; or all keys of objects, the last value of each, and objects within joined.

    >>> union(createArray(1, 2), createArray(2, 3))
    [1,2,3]
    >>> union(createObject('a', createObject('b', 1)), createObject('a', createObject('c', 2)))
    {"a":{"b":1,"c":2}}
    """
    given = (arg1, arg2, *others)
    if len({kind(g) for g in given}) != 1:
        raise Fault("`union` joins arrays, or objects, and not a mixture")
    if isinstance(arg1, dict):
        made: dict[str, Value] = {}
        for one in given:
            made = _joined(made, one)
        return made
    distinct: dict[Hashable, Value] = {}
    for element in (e for one in given for e in one):
        distinct.setdefault(key(element), element)
    return list(distinct.values())


def _joined(left: dict[str, Value], right: Any) -> dict[str, Value]:
    made = dict(left)
    for own, value in right.items():
        name = found(made, own) or own
        before = made.get(name)
        both = isinstance(before, dict) and isinstance(value, dict)
        made[name] = _joined(before, value) if both else value  # type: ignore[arg-type]
    return made


@function("shallowMerge")
def shallow_merge(objects: Array) -> Object:
    """All keys of the objects of an array, the last value of each.

    >>> shallowMerge(createArray(createObject('a', 1), createObject('a', 2)))
    {"a":2}
    """
    if not all(isinstance(o, dict) for o in objects):
        raise Fault("`shallowMerge` joins objects")
    return {k: v for one in objects for k, v in one.items()}


@function("flatten")
def flatten(array_to_flatten: Array) -> Array:
    """The elements of the arrays of an array.

    >>> flatten(createArray(createArray(1), createArray(2, 3)))
    [1,2,3]
    """
    if not all(isinstance(a, list) for a in array_to_flatten):
        raise Fault("`flatten` takes an array of arrays")
    return [element for one in array_to_flatten for element in one]


@function("items")
def items(input_object: Object) -> Array:
    """An object's keys and values, in the order of the keys.

    >>> items(createObject('b', 2, 'a', 1))
    [{"key":"a","value":1},{"key":"b","value":2}]
    """
    return [{"key": k, "value": input_object[k]} for k in sorted(input_object, key=str.lower)]


@function("objectKeys")
def object_keys(input_object: Object) -> Array:
    """An object's keys, in order.

    >>> objectKeys(createObject('b', 2, 'a', 1))
    ["a","b"]
    """
    return sorted(input_object, key=str.lower)


@function("indexFromEnd")
def index_from_end(source_array: Array, reverse_index: Integer) -> Anything:
    """The element at a place that is counted from the end, from 1.

    >>> indexFromEnd(createArray('a', 'b', 'c'), 2)
    "b"
    """
    if not 1 <= reverse_index <= len(source_array):
        raise Fault(f"the array has {len(source_array)} elements, and none at {reverse_index} from the end")
    return source_array[-reverse_index]


@function("tryIndexFromEnd")
def try_index_from_end(source_array: Array, reverse_index: Integer) -> Anything:
    """The element at a place that is counted from the end, from 1; null where there is none.

    >>> tryIndexFromEnd(createArray('a'), 2)
    null
    """
    return source_array[-reverse_index] if 1 <= reverse_index <= len(source_array) else None


@function("tryGet")
def try_get(item_to_test: Anything, key_or_index: Anything, *deeper: Anything) -> Anything:
    """What an object has by a key, or an array at a place, and so on within it; null where there is nothing.

    >>> tryGet(createObject('a', createArray(1)), 'a', 0)
    1
    >>> tryGet(createObject('a', 1), 'b')
    null
    """
    value = item_to_test
    for step in (key_or_index, *deeper):
        if isinstance(value, dict) and isinstance(step, str):
            name = found(value, step)
            value = None if name is None else value[name]
        elif isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value):
            value = value[step]
        else:
            return None
    return value
