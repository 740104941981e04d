"""Sets, lists and bags."""

from __future__ import annotations

from huntlake.kql.forms import as_json
from huntlake.kql.symbols import IN_ORDER, Bool, Dynamic, Long, Scalar, Sql, aggregate
from huntlake.kql.types import ScalarType

_MOST = "1048576"


@aggregate("make_set", prefix="set", total=True)
def make_set(expr: Scalar, maxSize: Long = "1048576") -> Dynamic:
    """The distinct values, at most `maxSize`, as an array; of arrays, their elements. Nulls are left out.

    >>> make_set(dynamic([1, 1]))
    dynamic([1])
    """
    return _set(expr, "", maxSize)


@aggregate("makeset", prefix="set", total=True)
def makeset(expr: Scalar, maxSize: Long = "128") -> Dynamic:
    """`make_set` of old, with a smaller `maxSize` where none is given.

    >>> makeset("a")
    dynamic(["a"])
    """
    return _set(expr, "", maxSize)


@aggregate("make_set_if", prefix="set", total=True)
def make_set_if(expr: Scalar, predicate: Bool, maxSize: Long = "1048576") -> Dynamic:
    """The distinct values in the rows for which the predicate holds.

    >>> make_set_if("a", 1 > 2)
    dynamic([])
    """
    return _set(expr, f" and ({predicate})", maxSize)


@aggregate("make_list", prefix="list", total=True)
def make_list(expr: Scalar, maxSize: Long = "1048576") -> Dynamic:
    """The values, at most `maxSize`, as an array in the order of the rows; of arrays, their elements. Without nulls.

    >>> make_list(1h)
    dynamic(["01:00:00"])
    >>> make_list(dynamic([1, [2]]))
    dynamic([1,[2]])
    """
    return _list(expr, "", maxSize)


@aggregate("makelist", prefix="list", total=True)
def makelist(expr: Scalar, maxSize: Long = "128") -> Dynamic:
    """`make_list` of old, with a smaller `maxSize` where none is given.

    >>> makelist(1)
    dynamic([1])
    """
    return _list(expr, "", maxSize)


@aggregate("make_list_if", prefix="list", total=True)
def make_list_if(expr: Scalar, predicate: Bool, maxSize: Long = "1048576") -> Dynamic:
    """The values in the rows for which the predicate holds.

    >>> make_list_if(1, 1 > 2)
    dynamic([])
    """
    return _list(expr, f" and ({predicate})", maxSize)


@aggregate("make_list_with_nulls", prefix="list", total=True)
def make_list_with_nulls(expr: Scalar) -> Dynamic:
    """The values as an array, nulls among them; of arrays, their elements.

    >>> make_list_with_nulls(long(null))
    dynamic([null])
    """
    if isinstance(expr, Sql) and expr.type is ScalarType.DYNAMIC:
        return _array(f"flatten(list({_elements(expr)}{IN_ORDER}))", _MOST)
    return _array(f"list({_item(expr)}{IN_ORDER})", _MOST)


@aggregate("make_bag", prefix="bag", total=True)
def make_bag(expr: Dynamic, maxSize: Long = "1048576") -> Dynamic:
    """One bag of the properties of all the bags; of those with one name, the first met.

    >>> make_bag(dynamic({"a": 1}))
    dynamic({"a":1})
    """
    return _bag(expr, "", maxSize)


@aggregate("make_dictionary", prefix="dictionary", total=True)
def make_dictionary(expr: Dynamic, maxSize: Long = "1048576") -> Dynamic:
    """`make_bag` by an older name.

    >>> make_dictionary(dynamic({"a": 1}))
    dynamic({"a":1})
    """
    return _bag(expr, "", maxSize)


@aggregate("make_bag_if", prefix="bag", total=True)
def make_bag_if(expr: Dynamic, predicate: Bool, maxSize: Long = "1048576") -> Dynamic:
    """One bag of the properties of the bags in the rows for which the predicate holds.

    >>> make_bag_if(dynamic({"a": 1}), 2 > 1)
    dynamic({"a":1})
    """
    return _bag(expr, f" and ({predicate})", maxSize)


@aggregate("buildschema", prefix="schema", total=True)
def buildschema(expr: Dynamic) -> Dynamic:
    """The least schema that lets every value in: the type of each property, and of an array's elements.

    What may be of several types has them in an array.

    >>> buildschema(dynamic({"a": [1, "b"]}))
    dynamic({"a":{"`indexer`":["long","string"]}})
    """
    values = f"list({expr}::JSON{IN_ORDER}) filter (where {expr} is not null)"
    return f"hl_schema(to_json({values})::VARCHAR)::JSON"


_DIRECT = (ScalarType.STRING, ScalarType.BOOL, ScalarType.INT, ScalarType.LONG, ScalarType.GUID)


def _item(expr: str) -> str:
    # An array of these becomes JSON in one go; others need their own form of each value.
    return expr if isinstance(expr, Sql) and expr.type in _DIRECT else as_json(expr)


def _elements(expr: str) -> str:
    # The reference doesn't say so of lists, but its examples of cells and polygons show it.
    return f"case when json_type({expr}) = 'ARRAY' then json_extract({expr}, '$[*]') else [{expr}::JSON] end"


def _list(expr: str, condition: str, most: str) -> str:
    if isinstance(expr, Sql) and expr.type is ScalarType.DYNAMIC:
        all_of = f"flatten(list({_elements(expr)}{IN_ORDER}) filter (where {expr} is not null{condition}))"
        return _array(f"""list_filter({all_of}, lambda "~x": "~x" <> 'null')""", most)
    return _array(f"list({_item(expr)}{IN_ORDER}) filter (where {expr} is not null{condition})", most)


def _set(expr: str, condition: str, most: str) -> str:
    # Kusto leaves the order open, and threads would make it another each time.
    if isinstance(expr, Sql) and expr.type is ScalarType.DYNAMIC:
        all_of = f"flatten(list({_elements(expr)}) filter (where {expr} is not null{condition}))"
        return _array(f"""list_sort(list_distinct(list_filter({all_of}, lambda "~x": "~x" <> 'null')))""", most)
    return _array(f"list_sort(list(distinct {_item(expr)}) filter (where {expr} is not null{condition}))", most)


def _array(items: str, most: str) -> str:
    some = items if isinstance(most, str) and str.__str__(most) == _MOST else f"({items})[1:{most}]"
    return f"coalesce(to_json({some}), '[]'::JSON)"


def _bag(expr: str, condition: str, most: str) -> str:
    # Of no bags at all Kusto makes an array.
    bags = f"list({expr}::JSON{IN_ORDER}) filter (where json_type({expr}) = 'OBJECT'{condition})"
    return f"coalesce(hl_merge_bags(to_json({bags}), {most}::BIGINT)::JSON, '[]'::JSON)"
