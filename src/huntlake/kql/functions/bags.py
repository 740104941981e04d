"""Bags, and arrays taken for sets."""

from __future__ import annotations

from huntlake.kql.forms import as_json
from huntlake.kql.symbols import Bool, Dynamic, Naming, Scalar, String, scalar

# -- bags --------------------------------------------------------------------------------


@scalar("bag_keys")
def bag_keys(object: Dynamic) -> Dynamic:
    """The names of a bag's properties; null where it is no bag.

    >>> bag_keys(dynamic({"a": "b", "c": {"d": 123}}))
    dynamic(["a","c"])
    """
    return f"case when json_type({object}) = 'OBJECT' then to_json(json_keys({object})) end"


@scalar("bag_merge")
def bag_merge(bag: Dynamic, *bags: Dynamic) -> Dynamic:
    """One bag of the properties of all; of those with one name, the first. What is no bag is left out.

    >>> bag_merge(dynamic({"A1": 12, "B1": 2}), dynamic({"A2": 81, "B1": 3}))
    dynamic({"A1":12,"B1":2,"A2":81})
    """
    bags = (bag, *bags)
    any_bag = " or ".join(f"coalesce(json_type({b}) = 'OBJECT', false)" for b in bags)
    merged = f"hl_merge_bags(json_array({', '.join(as_json(b) for b in bags)}), null::BIGINT)::JSON"
    return f"case when {any_bag} then {merged} end"


@scalar("bag_has_key")
def bag_has_key(bag: Dynamic, key: String) -> Bool:
    """Whether a bag has a property of that name, or at that path.

    >>> bag_has_key(dynamic({"key1": 123}), "key2")
    false
    >>> bag_has_key(dynamic({"key2": {"prop1": "abc"}}), "$.key2.prop1")
    true
    """
    return f"hl_bag_has_key({bag}::VARCHAR, {key})"


@scalar("bag_remove_keys")
def bag_remove_keys(bag: Dynamic, keys: Dynamic) -> Dynamic:
    """The bag without the properties of those names, or at those paths.

    >>> bag_remove_keys(dynamic({"key1": 123, "key2": "abc"}), dynamic(["key2", "key4"]))
    dynamic({"key1":123})
    """
    return f"hl_bag_remove_keys({bag}::VARCHAR, {keys}::VARCHAR)::JSON"


@scalar("bag_set_key")
def bag_set_key(bag: Dynamic, key: String, value: Scalar) -> Dynamic:
    """The bag with the property of that name, or at that path, set to a value.

    >>> bag_set_key(dynamic({"key1": 1}), "$.key2.prop1", "abc")
    dynamic({"key1":1,"key2":{"prop1":"abc"}})
    """
    return f"hl_bag_set_key({bag}::VARCHAR, {key}, ({as_json(value)})::VARCHAR)::JSON"


@scalar("bag_zip")
def bag_zip(keys: Dynamic, values: Dynamic) -> Dynamic:
    """A bag of names and values that stand at the same place of two arrays.

    >>> bag_zip(dynamic(["a", 8, "b"]), dynamic([1, "2", 2.5]))
    dynamic({"a":1,"b":2.5})
    """
    return f"hl_bag_zip({keys}::VARCHAR, {values}::VARCHAR)::JSON"


@scalar("treepath", named=Naming.PREFIX_AND_ARGUMENT, prefix="tree")
def treepath(object: Dynamic) -> Dynamic:
    """The paths of all that a dynamic holds.

    >>> treepath(dynamic({"a": [1, 2], "b": "c"}))
    dynamic(["['a']","['a'][0]","['b']"])
    """
    return f"hl_treepath({object}::VARCHAR)::JSON"


# -- sets --------------------------------------------------------------------------------


@scalar("set_union")
def set_union(*set: Dynamic) -> Dynamic:
    """The distinct elements that are in any of the arrays.

    >>> set_union(dynamic([1, 2, 1, 4]), dynamic([1, 8]))
    dynamic([1,2,4,8])
    """
    return _of_sets("union", set)


@scalar("set_intersect")
def set_intersect(*set: Dynamic) -> Dynamic:
    """The distinct elements that are in all of the arrays.

    >>> set_intersect(dynamic([1, 2, 3]), dynamic([2, 3, 4]), dynamic([3, 2]))
    dynamic([2,3])
    """
    return _of_sets("intersect", set)


@scalar("set_difference")
def set_difference(*set: Dynamic) -> Dynamic:
    """The distinct elements of the first array that are in none of the others.

    >>> set_difference(dynamic([1, 2, 4, 1]), dynamic([1, 2]))
    dynamic([4])
    """
    return _of_sets("difference", set)


def _of_sets(operation: str, sets: tuple[str, ...]) -> str:
    return f"hl_set_{operation}(json_array({', '.join(as_json(s) for s in sets)})::VARCHAR)::JSON"


@scalar("set_equals")
def set_equals(set1: Dynamic, set2: Dynamic) -> Bool:
    """Whether two arrays have the same distinct elements.

    >>> set_equals(dynamic([1, 2, 2]), dynamic([2, 1]))
    true
    """
    return f"hl_set_equals({set1}::VARCHAR, {set2}::VARCHAR)"


@scalar("jaccard_index")
def jaccard_index(*set: Dynamic) -> Dynamic:
    """The size of the intersection of two arrays' elements by that of their union.

    >>> jaccard_index(dynamic([1, 2, 3]), dynamic([1, 2, 3, 4]))
    dynamic(0.75)
    """
    return f"hl_jaccard_index(json_array({', '.join(as_json(s) for s in set)})::VARCHAR)::VARCHAR::JSON"
