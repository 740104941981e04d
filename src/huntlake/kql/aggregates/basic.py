"""Counts, sums, extremes."""

from __future__ import annotations

from huntlake.kql.symbols import Bool, Long, N, Number, O, Real, Scalar, Sql, Timespan, A, aggregate


@aggregate("count", total=True)
def count() -> Long:
    """The number of rows."""
    return "count(*)"


@aggregate("countif", total=True)
def countif(predicate: Bool) -> Long:
    """The number of rows for which the predicate holds."""
    return f"count(*) filter (where {predicate})"


@aggregate("dcount", total=True)
def dcount(expr: Scalar, accuracy: Long = "1") -> Long:
    """The number of distinct values, exact: an estimate would not repeat from run to run."""
    return f"count(distinct {expr})"


@aggregate("dcountif", total=True)
def dcountif(expr: Scalar, predicate: Bool, accuracy: Long = "1") -> Long:
    """The number of distinct values in the rows for which the predicate holds."""
    return f"count(distinct {expr}) filter (where {predicate})"


@aggregate("sum")
def sum_(expr: N) -> N:
    """The sum."""
    return _sum(expr)


@sum_.overload
def _(expr: Timespan) -> Timespan:
    return f"coalesce(sum({expr}), 0)::BIGINT"


def _sum(expr: str, condition: str = "") -> str:
    whole = isinstance(expr, Sql) and expr.type.value in ("int", "long")
    return f"coalesce(sum({expr}){condition}, 0)" + ("::BIGINT" if whole else "")


@aggregate("sumif")
def sumif(expr: N, predicate: Bool) -> N:
    """The sum over the rows for which the predicate holds."""
    return _sum(expr, f" filter (where {predicate})")


@aggregate("avg")
def avg(expr: Number) -> Real:
    """The mean; null where there is nothing."""
    return f"avg({expr})"


@avg.overload
def _(expr: Timespan) -> Timespan:
    return f"avg({expr})::BIGINT"


@aggregate("min")
def min_(expr: O) -> O:
    """The least."""
    return f"min({expr})"


@aggregate("max")
def max_(expr: O) -> O:
    """The greatest."""
    return f"max({expr})"


@aggregate("arg_max")
def arg_max(by: O, expr: A) -> A:
    """`expr` in the row in which `by` is greatest."""
    return f"arg_max_null({expr}, {by})"


@aggregate("arg_min")
def arg_min(by: O, expr: A) -> A:
    """`expr` in the row in which `by` is least."""
    return f"arg_min_null({expr}, {by})"


@aggregate("take_any", "any", prefix="any")
def take_any(expr: A) -> A:
    """The value in one of the rows, not null or empty where there is another."""
    return f"any_value({expr})"


@aggregate("take_anyif", "anyif")
def take_anyif(expr: A, predicate: Bool) -> A:
    """The value in one of the rows for which the predicate holds."""
    return f"any_value({expr}) filter (where {predicate})"
