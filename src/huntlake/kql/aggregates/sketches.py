"""What Kusto estimates from sketches, exact: a sketch is the array of the values themselves.

It serves `dcount_hll`, `percentile_tdigest` and their kin in the same store; it is none that Kusto would read.
"""

from __future__ import annotations

from huntlake.kql.forms import as_json
from huntlake.kql.symbols import Bool, Dynamic, Long, Number, Scalar, Unsupported, aggregate


@aggregate("hll", total=True)
def hll(expr: Scalar, accuracy: Long = "1") -> Dynamic:
    """The distinct values, to be counted by `dcount_hll`.

    >>> dcount_hll(hll("a"))
    1
    """
    return _distinct(expr, "")


@aggregate("hll_if", total=True)
def hll_if(expr: Scalar, predicate: Bool, accuracy: Long = "1") -> Dynamic:
    """The distinct values in the rows for which the predicate holds.

    >>> dcount_hll(hll_if("a", 1 > 2))
    0
    """
    return _distinct(expr, f" and ({predicate})")


@aggregate("hll_merge", total=True)
def hll_merge(hll: Dynamic) -> Dynamic:
    """The distinct values of several `hll`.

    >>> dcount_hll(hll_merge(dynamic(["a", "b"])))
    2
    """
    return f"coalesce(to_json(list_distinct({_all(hll)})), '[]'::JSON)"


@aggregate("tdigest", total=True)
def tdigest(expr: Number) -> Dynamic:
    """The values, for `percentile_tdigest`.

    >>> percentile_tdigest(tdigest(7), 50)
    dynamic(7.0)
    """
    return f"coalesce(to_json(list({expr}::DOUBLE) filter (where {expr} is not null)), '[]'::JSON)"


@tdigest.overload
def _(expr: Number, weight: Number) -> Dynamic:
    raise Unsupported("a weight")


@aggregate("tdigest_merge", "merge_tdigest", prefix="merge_tdigests", total=True)
def tdigest_merge(tdigest: Dynamic) -> Dynamic:
    """The values of several `tdigest`.

    >>> percentile_tdigest(tdigest_merge(dynamic([1.0, 2.0])), 100)
    dynamic(2.0)
    """
    return f"coalesce(to_json({_all(tdigest)}), '[]'::JSON)"


def _distinct(expr: str, condition: str) -> str:
    items = f"list(distinct {as_json(expr)}) filter (where {expr} is not null{condition})"
    return f"coalesce(to_json({items}), '[]'::JSON)"


def _all(sketches: str) -> str:
    return f"flatten(list(try_cast({sketches}::JSON as JSON[])) filter (where {sketches} is not null))"
