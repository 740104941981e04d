"""Functions that call another, which stands among their arguments, for each element."""

from __future__ import annotations

from functools import cmp_to_key
from typing import Any

from huntlake.playbooks.deployment.templates.place import Here, Lambda
from huntlake.wdl.expressions.symbols import Anything, Array, Lazy, Object, String, function
from huntlake.wdl.expressions.values import Fault, kind, text


@function("lambda")
def lambda_(*names_and_body: Lazy) -> Anything:
    """A function: the names of its arguments, and an expression.

    >>> map(createArray(1, 2), lambda('x', mul(lambdaVariables('x'), 2)))
    [2,4]
    """
    if not names_and_body:
        raise Fault("`lambda` needs an expression")
    *names, body = names_and_body
    named = tuple(n() for n in names)
    if not all(isinstance(n, str) for n in named):
        raise Fault("the names of a lambda's arguments must be texts")
    return Lambda(named, body)


@function("lambdaVariables")
def lambda_variables(here: Here, name: String) -> Anything:
    """What an argument of the lambda around is."""
    return here.argument(name)


def _called(here: Here, name: str, given: Any, *arguments: Any) -> Any:
    if not isinstance(given, Lambda):
        raise Fault(f"`{name}` needs a `lambda`")
    # One more argument than it has names for is the index, which a lambda may leave out.
    if not len(given.names) <= len(arguments) <= len(given.names) + 1:
        raise Fault(f"the lambda of `{name}` has {len(given.names)} arguments, not {len(arguments)}")
    with here.bound(dict(zip(given.names, arguments, strict=False))):
        return given.body()


def _array(name: str, given: Lazy) -> list[Any]:
    value = given()
    if not isinstance(value, list):
        raise Fault(f"`{name}` goes over an array, not over a value of type {kind(value)}")
    return value


@function("filter")
def filter_(here: Here, input_array: Lazy, predicate: Lazy) -> Array:
    """The elements that a lambda says true of.

    >>> filter(createArray(1, 2, 3), lambda('x', greater(lambdaVariables('x'), 1)))
    [2,3]
    """
    wanted = predicate()
    elements = _array("filter", input_array)
    return [e for i, e in enumerate(elements) if _called(here, "filter", wanted, e, i) is True]


@function("map")
def map_(here: Here, input_array: Lazy, mapping: Lazy) -> Array:
    """What a lambda makes of each element.

    >>> map(createArray('a'), lambda('x', toUpper(lambdaVariables('x'))))
    ["A"]
    """
    how = mapping()
    return [_called(here, "map", how, e, i) for i, e in enumerate(_array("map", input_array))]


@function("reduce")
def reduce_(here: Here, input_array: Lazy, initial_value: Lazy, folding: Lazy) -> Anything:
    """What a lambda makes of one element after the other, and of what it made before.

    >>> reduce(createArray(1, 2, 3), 0, lambda('sum', 'x', add(lambdaVariables('sum'), lambdaVariables('x'))))
    6
    """
    how, made = folding(), initial_value()
    for i, element in enumerate(_array("reduce", input_array)):
        made = _called(here, "reduce", how, made, element, i)
    return made


@function("sort")
def sort(here: Here, input_array: Lazy, predicate: Lazy) -> Array:
    """The elements in the order in which a lambda says of two whether the first comes before.

    >>> sort(createArray(2, 3, 1), lambda('a', 'b', less(lambdaVariables('a'), lambdaVariables('b'))))
    [1,2,3]
    """
    before = predicate()

    def compared(left: Any, right: Any) -> int:
        return -1 if _called(here, "sort", before, left, right) is True else 1

    return sorted(_array("sort", input_array), key=cmp_to_key(compared))


@function("toObject")
def to_object(here: Here, input_array: Lazy, key_mapping: Lazy, value_mapping: Lazy = lambda: None) -> Object:
    """An object of the elements, by a key that a lambda makes of each; another may make the values.

    >>> toObject(createArray('a'), lambda('x', lambdaVariables('x')), lambda('x', 1))
    {"a":1}
    """
    keyed, valued = key_mapping(), value_mapping()
    return {
        text(_called(here, "toObject", keyed, e)): e if valued is None else _called(here, "toObject", valued, e)
        for e in _array("toObject", input_array)
    }


@function("groupBy")
def group_by(here: Here, input_array: Lazy, key_mapping: Lazy) -> Object:
    """The elements in arrays, by a key that a lambda makes of each.

    >>> groupBy(createArray('ab', 'b', 'ac'), lambda('x', first(lambdaVariables('x'))))
    {"a":["ab","ac"],"b":["b"]}
    """
    keyed, made = key_mapping(), dict[str, list[Any]]()
    for i, element in enumerate(_array("groupBy", input_array)):
        made.setdefault(text(_called(here, "groupBy", keyed, element, i)), []).append(element)
    return made


@function("mapValues")
def map_values(here: Here, input_object: Lazy, mapping: Lazy) -> Object:
    """An object with what a lambda makes of each value.

    >>> mapValues(createObject('a', 1), lambda('x', add(lambdaVariables('x'), 1)))
    {"a":2}
    """
    how, given = mapping(), input_object()
    if not isinstance(given, dict):
        raise Fault(f"`mapValues` goes over an object, not over a value of type {kind(given)}")
    return {k: _called(here, "mapValues", how, v) for k, v in given.items()}
