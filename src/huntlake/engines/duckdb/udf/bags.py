"""Bags made of bags, and what is in them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from huntlake.engines.duckdb.udf.function import udf


def written(value: object) -> str:
    """`value` as JSON text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@udf("hl_merge_bags", "VARCHAR", "BIGINT", returns="VARCHAR")
def merge_bags(bags: str | None, most: int | None) -> str | None:
    """One object of the properties, at most `most`, of an array's objects; of those with one name, the first."""
    if bags is None:
        return None
    merged: dict[str, object] = {}
    for bag in json.loads(bags):
        if not isinstance(bag, dict):
            continue
        for name, value in bag.items():
            if name not in merged and (most is None or len(merged) < most):
                merged[name] = value
    return written(merged)


@udf("hl_bag_has_key", "VARCHAR", "VARCHAR", returns="BOOLEAN")
def bag_has_key(bag: str | None, key: str | None) -> bool:
    """Whether an object has a property of a name, or at a path that begins with `$`."""
    value: Any = None if bag is None else json.loads(bag)
    if not isinstance(value, dict) or key is None:
        return False
    for step in _steps(key):
        if not isinstance(value, dict | list):
            return False
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return False
    return True


@udf("hl_bag_remove_keys", "VARCHAR", "VARCHAR", returns="VARCHAR")
def bag_remove_keys(bag: str | None, keys: str | None) -> str | None:
    """An object without the properties that an array names, or gives the paths of; null where it is no object."""
    value = None if bag is None else json.loads(bag)
    names = None if keys is None else json.loads(keys)
    if not isinstance(value, dict) or not isinstance(names, list):
        return None
    for key in names:
        if not isinstance(key, str):
            continue
        *way, last = _steps(key)
        parent: object = value
        for step in way:
            parent = parent.get(step) if isinstance(parent, dict) else None
        if isinstance(parent, dict):
            parent.pop(last, None)
    return written(value)


@udf("hl_bag_set_key", "VARCHAR", "VARCHAR", "VARCHAR", returns="VARCHAR")
def bag_set_key(bag: str | None, key: str | None, value: str | None) -> str | None:
    """An object with one property set, by name or path; null where it is no object, or the path leads through none."""
    root = None if bag is None else json.loads(bag)
    if not isinstance(root, dict) or key is None:
        return None
    *way, last = _steps(key)
    parent: dict[object, object] = root
    for step in way:
        inner = parent.setdefault(step, {})
        if not isinstance(inner, dict):
            return None
        parent = inner
    parent[last] = None if value is None else json.loads(value)
    return written(root)


@udf("hl_bag_zip", "VARCHAR", "VARCHAR", returns="VARCHAR")
def bag_zip(keys: str | None, values: str | None) -> str | None:
    """An object of the names in one array and the values at their places in another; null where there are no names."""
    names = None if keys is None else json.loads(keys)
    if not isinstance(names, list):
        return None
    given = None if values is None else json.loads(values)
    items = given if isinstance(given, list) else []
    padded = items + [None] * (len(names) - len(items))
    return written({n: v for n, v in zip(names, padded, strict=False) if isinstance(n, str)})


@udf("hl_treepath", "VARCHAR", returns="VARCHAR")
def treepath(value: str | None) -> str | None:
    """The paths of all properties and of each array's elements, as an array; null where there are none."""
    held = None if value is None else json.loads(value)
    if not isinstance(held, dict | list):
        return None
    return written(list(dict.fromkeys(_paths(held, ""))))


def _paths(value: object, prefix: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            path = f"{prefix}['{name}']"
            yield path
            yield from _paths(inner, path)
    elif isinstance(value, list):
        # Every element's path is the first one's.
        path = f"{prefix}[0]"
        for inner in value:
            yield path
            yield from _paths(inner, path)


_STEP = re.compile(r"""\.([^.\[]+)|\[(-?\d+)\]|\["((?:[^"\\]|\\.)*)"\]|\['((?:[^'\\]|\\.)*)'\]""")


def _steps(key: str) -> list[Any]:
    """The steps of a path that begins with `$`; any other text is a property's name."""
    if not key.startswith(("$.", "$[")):
        return [key]
    steps: list[str | int] = []
    at = 1
    while at < len(key):
        found = _STEP.match(key, at)
        if found is None:
            return [key]
        name, index, double, single = found.groups()
        steps.append(int(index) if index is not None else next(s for s in (name, double, single) if s is not None))
        at = found.end()
    return steps
