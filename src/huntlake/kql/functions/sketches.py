"""What is read from the arrays of values that stand for Kusto's sketches."""

from __future__ import annotations

from huntlake.kql.symbols import Dynamic, Long, Naming, Number, Real, Sql, Unsupported, scalar


@scalar("dcount_hll", named=Naming.FUNCTION_AND_ARGUMENT)
def dcount_hll(hll: Dynamic) -> Long:
    """The number of distinct values that an `hll` has met, exact.

    >>> dcount_hll(dynamic(["a", "b"]))
    2
    """
    return f"case when json_type({hll}) = 'ARRAY' then json_array_length({hll})::BIGINT end"


@scalar("percentile_tdigest", named=Naming.FUNCTION_AND_ARGUMENT)
def percentile_tdigest(tdigest: Dynamic, percentile: Number) -> Dynamic:
    """The value at the nearest rank of those that a `tdigest` has met, exact.

    >>> percentile_tdigest(dynamic([1.0, 2.0, 3.0]), 50)
    dynamic(2.0)
    """
    fraction = _fraction(percentile.value if isinstance(percentile, Sql) else None)
    return f"to_json(list_aggregate(try_cast({tdigest}::JSON as DOUBLE[]), 'quantile_disc', {fraction}))"


@scalar("percentiles_array_tdigest", named=Naming.FIRST_ARGUMENT)
def percentiles_array_tdigest(tdigest: Dynamic, *percentile: Number) -> Dynamic:
    """The values at several ranks of those that a `tdigest` has met, as an array; the ranks may be an array too.

    >>> percentiles_array_tdigest(dynamic([1.0, 2.0, 3.0]), 50, 100)
    dynamic([2.0,3.0])
    >>> percentiles_array_tdigest(dynamic([1.0, 2.0, 3.0]), dynamic([0, 50]))
    dynamic([1.0,2.0])
    """
    return _percentiles(tdigest, [p.value if isinstance(p, Sql) else None for p in percentile])


@percentiles_array_tdigest.overload
def _(tdigest: Dynamic, percentiles: Dynamic) -> Dynamic:
    values = percentiles.value if isinstance(percentiles, Sql) else None
    return _percentiles(tdigest, values if isinstance(values, list) else [None])


def _percentiles(tdigest: str, percentiles: list[object]) -> str:
    fractions = ", ".join(_fraction(p) for p in percentiles)
    return f"to_json(list_aggregate(try_cast({tdigest}::JSON as DOUBLE[]), 'quantile_disc', [{fractions}]))"


def _fraction(percentile: object) -> str:
    if not isinstance(percentile, int | float) or not 0 <= percentile <= 100:
        raise Unsupported("a percentile that is not a constant between 0 and 100")
    return repr(percentile / 100)


@scalar("percentrank_tdigest")
def percentrank_tdigest(digest: Dynamic, value: Number) -> Real:
    """How many percent of the values that a `tdigest` has met are not above `value`, exact; null where it met none.

    >>> percentrank_tdigest(dynamic([1.0, 2.0, 3.0, 4.0]), 3)
    75.0
    """
    values = f"try_cast({digest}::JSON as DOUBLE[])"
    below = f"""len(list_filter({values}, lambda "~x": "~x" <= {value}))"""
    return f"100e0 * {below} / nullif(len({values}), 0)"


@scalar("rank_tdigest")
def rank_tdigest(digest: Dynamic, value: Number) -> Real:
    """How many of the values that a `tdigest` has met are not above `value`, exact.

    >>> rank_tdigest(dynamic([1.0, 2.0, 3.0]), 2)
    2.0
    """
    return f"""len(list_filter(try_cast({digest}::JSON as DOUBLE[]), lambda "~x": "~x" <= {value}))::DOUBLE"""


@scalar("hll_merge", named=Naming.PREFIX, prefix="hll_merged_result")
def hll_merge(hll: Dynamic, *hlls: Dynamic) -> Dynamic:
    """The distinct values of several `hll` of one row.

    >>> dcount_hll(hll_merge(dynamic(["a", "b"]), dynamic(["b", "c"])))
    3
    """
    lists = ", ".join(f"try_cast({h}::JSON as JSON[])" for h in (hll, *hlls))
    return f"to_json(list_distinct(list_concat({lists})))"


@scalar("tdigest_merge", "merge_tdigest", named=Naming.PREFIX, prefix="tdigests_merge_result")
def tdigest_merge(tdigest: Dynamic, *tdigests: Dynamic) -> Dynamic:
    """The values of several `tdigest` of one row.

    >>> percentile_tdigest(tdigest_merge(dynamic([1.0, 2.0]), dynamic([3.0])), 50)
    dynamic(2.0)
    """
    return f"to_json(list_concat({', '.join(f'try_cast({t}::JSON as JSON[])' for t in (tdigest, *tdigests))}))"
