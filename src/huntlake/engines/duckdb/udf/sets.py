"""Arrays taken for sets. Two elements are one where they are written alike."""

from __future__ import annotations

import json

from huntlake.engines.duckdb.udf.bags import written
from huntlake.engines.duckdb.udf.function import udf

Elements = dict[str, object]


@udf("hl_set_union", "VARCHAR", returns="VARCHAR")
def set_union(sets: str | None) -> str | None:
    """The distinct elements of an array's arrays; null where one of them is no array."""
    found = _sets(sets)
    return None if found is None else written(list({k: v for s in found for k, v in s.items()}.values()))


@udf("hl_set_intersect", "VARCHAR", returns="VARCHAR")
def set_intersect(sets: str | None) -> str | None:
    """The distinct elements that all of an array's arrays have; null where one of them is no array."""
    found = _sets(sets)
    if found is None:
        return None
    first, *others = found
    return written([v for k, v in first.items() if all(k in o for o in others)])


@udf("hl_set_difference", "VARCHAR", returns="VARCHAR")
def set_difference(sets: str | None) -> str | None:
    """The distinct elements of the first array that no other one has; null where one of them is no array."""
    found = _sets(sets)
    if found is None:
        return None
    first, *others = found
    return written([v for k, v in first.items() if not any(k in o for o in others)])


@udf("hl_set_equals", "VARCHAR", "VARCHAR", returns="BOOLEAN")
def set_equals(left: str | None, right: str | None) -> bool | None:
    """Whether two arrays have the same distinct elements; null where one of them is no array."""
    one, other = _elements(_read(left)), _elements(_read(right))
    return None if one is None or other is None else one.keys() == other.keys()


@udf("hl_jaccard_index", "VARCHAR", returns="DOUBLE")
def jaccard_index(sets: str | None) -> float | None:
    """The size of the intersection of an array's arrays by that of their union; null where that is empty."""
    found = _sets(sets)
    if found is None:
        return None
    union = {k for s in found for k in s}
    common = [k for k in union if all(k in s for s in found)]
    return len(common) / len(union) if union else None


def _read(text: str | None) -> object:
    return None if text is None else json.loads(text)


def _elements(value: object) -> Elements | None:
    return {written(v): v for v in value} if isinstance(value, list) else None


def _sets(text: str | None) -> list[Elements] | None:
    values = _read(text)
    found = [_elements(v) for v in values] if isinstance(values, list) else []
    whole = [f for f in found if f is not None]
    return whole if whole and len(whole) == len(found) else None
