"""Sets, lists and bags."""

from __future__ import annotations

from huntlake.kql.forms import as_json
from huntlake.kql.symbols import Bool, Dynamic, Long, Scalar, aggregate


@aggregate("make_set", "makeset", prefix="set")
def make_set(expr: Scalar, maxSize: Long = "1048576") -> Dynamic:
    """The distinct values, at most `maxSize`, as an array; nulls are left out."""
    return _made("distinct ", expr, "", maxSize)


@aggregate("make_set_if", prefix="set")
def make_set_if(expr: Scalar, predicate: Bool, maxSize: Long = "1048576") -> Dynamic:
    """The distinct values in the rows for which the predicate holds."""
    return _made("distinct ", expr, f" and ({predicate})", maxSize)


@aggregate("make_list", "makelist", prefix="list")
def make_list(expr: Scalar, maxSize: Long = "1048576") -> Dynamic:
    """The values, at most `maxSize`, as an array; nulls are left out."""
    return _made("", expr, "", maxSize)


@aggregate("make_list_if", prefix="list")
def make_list_if(expr: Scalar, predicate: Bool, maxSize: Long = "1048576") -> Dynamic:
    """The values in the rows for which the predicate holds."""
    return _made("", expr, f" and ({predicate})", maxSize)


def _made(distinct: str, expr: str, condition: str, most: str) -> str:
    items = f"list({distinct}{as_json(expr)}) filter (where {expr} is not null{condition})"
    return f"coalesce(to_json(({items})[1:{most}]), '[]'::JSON)"
