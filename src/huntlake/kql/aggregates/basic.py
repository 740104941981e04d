"""Counts, sums, extremes."""

from __future__ import annotations

from huntlake.kql.symbols import (
    A,
    Bool,
    Datetime,
    Decimal,
    Int,
    Long,
    Naming,
    O,
    P,
    Real,
    Scalar,
    Simple,
    Sql,
    Timespan,
    aggregate,
)
from huntlake.kql.types import ScalarType

# -- counts --------------------------------------------------------------------------


@aggregate("count", "cnt", total=True)
def count() -> Long:
    """The number of rows; with an argument, of those in which it is not null."""
    return "count(*)"


@count.overload
def _(expr: Scalar) -> Long:
    return f"count({expr})"


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
    """The number of distinct values in the rows for which the predicate holds, exact."""
    return f"count(distinct {expr}) filter (where {predicate})"


@aggregate("count_distinct", total=True)
def count_distinct(expr: Simple) -> Long:
    """The number of distinct values."""
    return f"count(distinct {expr})"


@aggregate("count_distinctif", total=True)
def count_distinctif(expr: Simple, predicate: Bool) -> Long:
    """The number of distinct values in the rows for which the predicate holds."""
    return f"count(distinct {expr}) filter (where {predicate})"


# -- sums and means --------------------------------------------------------------------


@aggregate("sum", total=True)
def sum_(expr: P) -> P:
    """The sum; 0 where there is nothing."""
    return _sum(expr)


@sum_.overload
def _(expr: Timespan) -> Timespan:
    return _sum(expr)


@aggregate("sumif", total=True)
def sumif(expr: P, predicate: Bool) -> P:
    """The sum over the rows for which the predicate holds."""
    return _sum(expr, f" filter (where {predicate})")


@sumif.overload
def _(expr: Timespan, predicate: Bool) -> Timespan:
    return _sum(expr, f" filter (where {predicate})")


def _sum(expr: str, condition: str = "") -> str:
    total = f"coalesce(sum({expr}){condition}, 0)"
    whole = isinstance(expr, Sql) and expr.type in (ScalarType.LONG, ScalarType.TIMESPAN)
    return f"try_cast({total} as BIGINT)" if whole else total


@aggregate("avg")
def avg(expr: Long) -> Real:
    """The mean; null where there is nothing."""
    return f"avg({expr})"


@avg.overload
def _(expr: Decimal) -> Decimal:
    return f"avg({expr})::DECIMAL(38,18)"


@avg.overload
def _(expr: Real) -> Real:
    return f"avg({expr})"


@avg.overload
def _(expr: Timespan) -> Timespan:
    return f"avg({expr})::BIGINT"


@avg.overload
def _(expr: Datetime) -> Datetime:
    return f"make_timestamp(avg(epoch_us({expr}))::BIGINT)"


@aggregate("avgif")
def avgif(expr: Long, predicate: Bool) -> Real:
    """The mean over the rows for which the predicate holds."""
    return f"avg({expr}) filter (where {predicate})"


@avgif.overload
def _(expr: Decimal, predicate: Bool) -> Decimal:
    return f"(avg({expr}) filter (where {predicate}))::DECIMAL(38,18)"


@avgif.overload
def _(expr: Real, predicate: Bool) -> Real:
    return f"avg({expr}) filter (where {predicate})"


@avgif.overload
def _(expr: Timespan, predicate: Bool) -> Timespan:
    return f"(avg({expr}) filter (where {predicate}))::BIGINT"


@avgif.overload
def _(expr: Datetime, predicate: Bool) -> Datetime:
    return f"make_timestamp((avg(epoch_us({expr})) filter (where {predicate}))::BIGINT)"


# -- extremes ----------------------------------------------------------------------------


@aggregate("min")
def min_(expr: O) -> O:
    """The least."""
    return f"min({expr})"


@aggregate("max")
def max_(expr: O) -> O:
    """The greatest."""
    return f"max({expr})"


@aggregate("minif")
def minif(expr: O, predicate: Bool) -> O:
    """The least in the rows for which the predicate holds."""
    return f"min({expr}) filter (where {predicate})"


@aggregate("maxif")
def maxif(expr: O, predicate: Bool) -> O:
    """The greatest in the rows for which the predicate holds."""
    return f"max({expr}) filter (where {predicate})"


@aggregate("arg_max")
def arg_max(by: O, expr: A) -> A:
    """`expr` in the row in which `by` is greatest; in the first row where `by` is null in all of them."""
    # Each column's aggregate keeps the first row of those that tie: so they all come from one row.
    return f"case when count({by}) > 0 then arg_max_null({expr}, {by}) else first({expr}) end"


@aggregate("arg_min")
def arg_min(by: O, expr: A) -> A:
    """`expr` in the row in which `by` is least; in the first row where `by` is null in all of them."""
    return f"case when count({by}) > 0 then arg_min_null({expr}, {by}) else first({expr}) end"


# -- any row's value -------------------------------------------------------------------------


@aggregate("take_any", "any", prefix="any")
def take_any(expr: A) -> A:
    """The value in one of the rows, not null or empty where there is another.

    Several values, or `*`, are those of one row.
    """
    return f"any_value({_filled(expr)})"


@take_any.overload
def _(expr: A, row: Bool) -> A:
    # Of several values, so that all are of one row: nulls too.
    return f"first({expr})"


@aggregate("take_anyif", "anyif", named=Naming.FIRST_ARGUMENT)
def take_anyif(expr: A, predicate: Bool) -> A:
    """The value in one of the rows for which the predicate holds."""
    return f"any_value({_filled(expr)}) filter (where {predicate})"


def _filled(expr: str) -> str:
    textual = isinstance(expr, Sql) and expr.type is ScalarType.STRING
    return f"nullif({expr}, '')" if textual else expr


# -- bits --------------------------------------------------------------------------------------


@aggregate("binary_all_and", named=Naming.FIRST_ARGUMENT)
def binary_all_and(expr: Long) -> Long:
    """The bits that are set in every value."""
    return f"bit_and({expr})"


@binary_all_and.overload
def _(expr: Int) -> Int:
    return f"bit_and({expr})"


@aggregate("binary_all_or", named=Naming.FIRST_ARGUMENT)
def binary_all_or(expr: Long) -> Long:
    """The bits that are set in any value."""
    return f"bit_or({expr})"


@binary_all_or.overload
def _(expr: Int) -> Int:
    return f"bit_or({expr})"


@aggregate("binary_all_xor", named=Naming.FIRST_ARGUMENT)
def binary_all_xor(expr: Long) -> Long:
    """The bits that are set in an odd number of values."""
    return f"bit_xor({expr})"


@binary_all_xor.overload
def _(expr: Int) -> Int:
    return f"bit_xor({expr})"
