"""Percentiles, deviations, covariances."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal as Exact

from huntlake.kql.forms import as_json
from huntlake.kql.symbols import (
    Bool,
    Datetime,
    Dynamic,
    Long,
    Missing,
    Naming,
    Number,
    P,
    Real,
    Sql,
    Timespan,
    Unsupported,
    aggregate,
)
from huntlake.kql.types import ScalarType

# -- percentiles ----------------------------------------------------------------------------


@aggregate("percentile", named=Naming.NONE)
def percentile(expr: P, percentile: Real) -> P:
    """The value at the nearest rank: the least that so many percent of the values don't exceed. Exact.

    >>> percentile(7, 95)
    7
    """
    return f"quantile_disc({expr}, {_fraction(percentile)})"


@percentile.overload
def _(expr: Timespan, percentile: Real) -> Timespan:
    return f"quantile_disc({expr}, {_fraction(percentile)})"


@percentile.overload
def _(expr: Datetime, percentile: Real) -> Datetime:
    return f"quantile_disc({expr}, {_fraction(percentile)})"


@aggregate("* percentile", named=Naming.NONE)
def one_of_percentiles(expr: P, place: Long, *percentile: Real) -> P:
    """The value at the rank of that place, from 1, among several: an engine finds all of them in one go."""
    return _one(expr, place, percentile)


@one_of_percentiles.overload
def _(expr: Timespan, place: Long, *percentile: Real) -> Timespan:
    return _one(expr, place, percentile)


@one_of_percentiles.overload
def _(expr: Datetime, place: Long, *percentile: Real) -> Datetime:
    return _one(expr, place, percentile)


def _one(expr: str, place: str, percentiles: Sequence[object]) -> str:
    return f"quantile_disc({expr}, [{', '.join(map(_fraction, percentiles))}])[{place}]"


@aggregate("percentiles_array", prefix="percentiles")
def percentiles_array(expr: P, *percentile: Real) -> Dynamic:
    """The values at several ranks, as an array.

    >>> percentiles_array(7, 50, 95)
    dynamic([7,7])
    """
    return _array(expr, [_fraction(p) for p in percentile])


@percentiles_array.overload
def _(expr: Timespan, *percentile: Real) -> Dynamic:
    return _array(expr, [_fraction(p) for p in percentile])


@percentiles_array.overload
def _(expr: Datetime, *percentile: Real) -> Dynamic:
    return _array(expr, [_fraction(p) for p in percentile])


@percentiles_array.overload
def _(expr: P, percentiles: Dynamic) -> Dynamic:
    return _array(expr, _fractions(percentiles))


@percentiles_array.overload
def _(expr: Timespan, percentiles: Dynamic) -> Dynamic:
    return _array(expr, _fractions(percentiles))


@percentiles_array.overload
def _(expr: Datetime, percentiles: Dynamic) -> Dynamic:
    return _array(expr, _fractions(percentiles))


def _array(expr: str, fractions: list[str]) -> str:
    kind = expr.type if isinstance(expr, Sql) else ScalarType.REAL
    values = f"quantile_disc({expr}, [{', '.join(fractions)}])"
    return f"""to_json(list_transform({values}, lambda "~x": {as_json('"~x"', kind)}))"""


@aggregate("percentilew", named=Naming.NONE)
def percentilew(expr: P, weight: Long, percentile: Real) -> P:
    """The percentile where each value counts `weight` times.

    >>> percentilew(7, 3, 95)
    7
    """
    return _weighted(expr, weight, _fraction(percentile))


@percentilew.overload
def _(expr: Timespan, weight: Long, percentile: Real) -> Timespan:
    return _weighted(expr, weight, _fraction(percentile))


@percentilew.overload
def _(expr: Datetime, weight: Long, percentile: Real) -> Datetime:
    return _weighted(expr, weight, _fraction(percentile))


@aggregate("percentilesw_array", prefix="percentiles")
def percentilesw_array(expr: P, weight: Long, *percentile: Real) -> Dynamic:
    """The values at several ranks where each value counts `weight` times, as an array.

    >>> percentilesw_array(7, 3, 50, 95)
    dynamic([7,7])
    """
    return _weighted_array(expr, weight, [_fraction(p) for p in percentile])


@percentilesw_array.overload
def _(expr: P, weight: Long, percentiles: Dynamic) -> Dynamic:
    return _weighted_array(expr, weight, _fractions(percentiles))


def _weighted(expr: str, weight: str, fraction: str) -> str:
    counts = f"{expr} is not null and {weight} > 0"
    items = f"list_sort(list({{'v': {expr}, 'w': {weight}::HUGEINT}}) filter (where {counts}))"
    rank = f"ceil({fraction}::DECIMAL(18,12) * (sum({weight}) filter (where {counts})))"
    # Each step carries the weight so far, and stops where that reaches the rank. A parameter's name
    # must be none that a column can have.
    ranked = f"""list_transform({items}, lambda "~x": {{'v': "~x".v, 'w': "~x".w, 'r': {rank}}})"""
    reached = """case when "~a".w >= "~a".r then "~a" else {'v': "~b".v, 'w': "~a".w + "~b".w, 'r': "~a".r} end"""
    step = f'lambda "~a", "~b": {reached}'
    return f"case when count(*) filter (where {counts}) > 0 then list_reduce({ranked}, {step}).v end"


def _weighted_array(expr: str, weight: str, fractions: list[str]) -> str:
    kind = expr.type if isinstance(expr, Sql) else ScalarType.REAL
    return "json_array(" + ", ".join(as_json(f"({_weighted(expr, weight, f)})", kind) for f in fractions) + ")"


def _fraction(percentile: object) -> str:
    value = percentile.value if isinstance(percentile, Sql) else percentile
    if value is Missing.VALUE:
        raise Unsupported("a percentile that is not a constant")
    if not isinstance(value, int | float | Exact) or not 0 <= value <= 100:
        raise Unsupported("a percentile that is not between 0 and 100")
    return f"{Exact(str(value)) / 100:f}"


def _fractions(percentiles: str) -> list[str]:
    values = percentiles.value if isinstance(percentiles, Sql) else Missing.VALUE
    if not isinstance(values, list) or not values:
        raise Unsupported("percentiles that are not a constant array")
    return [_fraction(v) for v in values]


# -- deviations --------------------------------------------------------------------------------


@aggregate("stdev", total=True)
def stdev(expr: Number) -> Real:
    """The standard deviation of the values taken for a sample; 0 where there is nothing.

    >>> stdev(7)
    0.0
    """
    return _deviation("stddev_samp", expr)


@aggregate("stdevif", total=True)
def stdevif(expr: Number, predicate: Bool) -> Real:
    """The standard deviation over the rows for which the predicate holds.

    >>> stdevif(7, 1 > 2)
    0.0
    """
    return _deviation("stddev_samp", expr, predicate)


@aggregate("stdevp", total=True)
def stdevp(expr: Number) -> Real:
    """The standard deviation of the values taken for the whole population.

    >>> stdevp(7)
    0.0
    """
    return _deviation("stddev_pop", expr)


@aggregate("variance", total=True)
def variance(expr: Number) -> Real:
    """The variance of the values taken for a sample; 0 where there is nothing.

    >>> variance(7)
    0.0
    """
    return _deviation("var_samp", expr)


@aggregate("varianceif", total=True)
def varianceif(expr: Number, predicate: Bool) -> Real:
    """The variance over the rows for which the predicate holds.

    >>> varianceif(7, 1 > 2)
    0.0
    """
    return _deviation("var_samp", expr, predicate)


@aggregate("variancep", total=True)
def variancep(expr: Number) -> Real:
    """The variance of the values taken for the whole population.

    >>> variancep(7)
    0.0
    """
    return _deviation("var_pop", expr)


@aggregate("variancepif", total=True)
def variancepif(expr: Number, predicate: Bool) -> Real:
    """The variance of the population of the rows for which the predicate holds.

    >>> variancepif(7, 1 > 2)
    0.0
    """
    return _deviation("var_pop", expr, predicate)


@aggregate("covariance", total=True)
def covariance(x: Number, y: Number) -> Real:
    """How two values vary together, the rows taken for a sample.

    >>> covariance(7, 8)
    0.0
    """
    return f"coalesce(covar_samp({x}, {y}), 0e0)"


@aggregate("covarianceif", total=True)
def covarianceif(x: Number, y: Number, predicate: Bool) -> Real:
    """The covariance over the rows for which the predicate holds.

    >>> covarianceif(7, 8, 1 > 2)
    0.0
    """
    return f"coalesce(covar_samp({x}, {y}) filter (where {predicate}), 0e0)"


@aggregate("covariancep", total=True)
def covariancep(x: Number, y: Number) -> Real:
    """How two values vary together, the rows taken for the whole population.

    >>> covariancep(7, 8)
    0.0
    """
    return f"coalesce(covar_pop({x}, {y}), 0e0)"


@aggregate("covariancepif", total=True)
def covariancepif(x: Number, y: Number, predicate: Bool) -> Real:
    """The covariance of the population of the rows for which the predicate holds.

    >>> covariancepif(7, 8, 1 > 2)
    0.0
    """
    return f"coalesce(covar_pop({x}, {y}) filter (where {predicate}), 0e0)"


def _deviation(function: str, expr: str, predicate: str = "") -> str:
    conditions = [predicate] if predicate else []
    if isinstance(expr, Sql) and expr.type is ScalarType.REAL:
        # DuckDB fails where one of the values isn't finite.
        among = f" filter (where {predicate})" if predicate else ""
        finite = " and ".join([*(f"({c})" for c in conditions), f"isfinite({expr})"])
        spread = f"coalesce({function}({expr}) filter (where {finite}), 0e0)"
        return f"case when bool_or(not isfinite({expr})){among} then 'nan'::DOUBLE else {spread} end"
    return f"coalesce({function}({expr}){f' filter (where {predicate})' if predicate else ''}, 0e0)"
