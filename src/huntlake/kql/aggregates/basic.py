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
    Unsupported,
    aggregate,
)
from huntlake.kql.types import ScalarType

# -- counts --------------------------------------------------------------------------


@aggregate("count", total=True)
def count() -> Long:
    """The number of rows; an argument changes nothing but the column's name, nulls are counted too.

    >>> count()
    1
    """
    return "count(*)"


@count.overload
def _(expr: Scalar) -> Long:
    if isinstance(expr, Sql) and expr.type is ScalarType.BOOL:
        raise Unsupported("a predicate")
    return "count(*)"


@aggregate("cnt", total=True)
def cnt() -> Long:
    """`count` by an older name.

    >>> cnt()
    1
    """
    return "count(*)"


@aggregate("countif", total=True)
def countif(predicate: Bool) -> Long:
    """The number of rows for which the predicate holds.

    >>> countif(1 > 2)
    0
    """
    return f"count(*) filter (where {predicate})"


@aggregate("dcount", total=True)
def dcount(expr: Scalar, accuracy: Long = "1") -> Long:
    """The number of distinct values, exact: an estimate would not repeat from run to run.

    >>> dcount("a")
    1
    """
    return f"count(distinct {expr})"


@aggregate("dcountif", total=True)
def dcountif(expr: Scalar, predicate: Bool, accuracy: Long = "1") -> Long:
    """The number of distinct values in the rows for which the predicate holds, exact.

    >>> dcountif("a", 1 > 2)
    0
    """
    return f"count(distinct {expr}) filter (where {predicate})"


@aggregate("count_distinct", total=True)
def count_distinct(expr: Simple) -> Long:
    """The number of distinct values.

    >>> count_distinct("a")
    1
    """
    return f"count(distinct {expr})"


@aggregate("count_distinctif", total=True)
def count_distinctif(expr: Simple, predicate: Bool) -> Long:
    """The number of distinct values in the rows for which the predicate holds.

    >>> count_distinctif("a", 2 > 1)
    1
    """
    return f"count(distinct {expr}) filter (where {predicate})"


# -- sums and means --------------------------------------------------------------------


@aggregate("sum", total=True)
def sum_(expr: P) -> P:
    """The sum; 0 where there is nothing.

    >>> sum(3)
    3
    >>> sum(long(null))
    0
    """
    return _sum(expr)


@sum_.overload
def _(expr: Timespan) -> Timespan:
    return _sum(expr)


@aggregate("sumif", total=True)
def sumif(expr: P, predicate: Bool) -> P:
    """The sum over the rows for which the predicate holds.

    >>> sumif(3, 1 > 2)
    0
    """
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
    """The mean; null where there is nothing.

    >>> avg(3)
    3.0
    >>> avg(real(null))
    real(null)
    """
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
    """The mean over the rows for which the predicate holds.

    >>> avgif(3, 2 > 1)
    3.0
    """
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
    """The least.

    >>> min(2h)
    2h
    """
    return f"min({expr})"


@aggregate("max")
def max_(expr: O) -> O:
    """The greatest.

    >>> max("a")
    "a"
    """
    return f"max({expr})"


@aggregate("minif")
def minif(expr: O, predicate: Bool) -> O:
    """The least in the rows for which the predicate holds.

    >>> minif(2, 1 > 2)
    long(null)
    """
    return f"min({expr}) filter (where {predicate})"


@aggregate("maxif")
def maxif(expr: O, predicate: Bool) -> O:
    """The greatest in the rows for which the predicate holds.

    >>> maxif(2, 2 > 1)
    2
    """
    return f"max({expr}) filter (where {predicate})"


@aggregate("arg_max")
def arg_max(by: O, expr: A) -> A:
    """`expr` in the row in which `by` is greatest; in the first row where `by` is null in all of them.

    >>> arg_max(2)
    2
    """
    # Each column's aggregate keeps the first row of those that tie: so they all come from one row.
    return f"case when count({by}) > 0 then arg_max_null({expr}, {by}) else first({expr}) end"


@aggregate("arg_min")
def arg_min(by: O, expr: A) -> A:
    """`expr` in the row in which `by` is least; in the first row where `by` is null in all of them.

    >>> arg_min(2)
    2
    """
    return f"case when count({by}) > 0 then arg_min_null({expr}, {by}) else first({expr}) end"


# -- any row's value -------------------------------------------------------------------------


@aggregate("take_any", "any", prefix="any")
def take_any(expr: A) -> A:
    """The value in one of the rows, not null or empty where there is another.

    Several values, or `*`, are those of one row.

    >>> take_any("a")
    "a"
    """
    return f"any_value({_filled(expr)})"


@take_any.overload
def _(expr: A, row: Bool) -> A:
    # Of several values, so that all are of one row: nulls too.
    return f"first({expr})"


@aggregate("take_anyif", "anyif", named=Naming.FIRST_ARGUMENT)
def take_anyif(expr: A, predicate: Bool) -> A:
    """The value in one of the rows for which the predicate holds.

    >>> take_anyif("a", 1 > 2)
    ""
    """
    return f"any_value({_filled(expr)}) filter (where {predicate})"


def _filled(expr: str) -> str:
    textual = isinstance(expr, Sql) and expr.type is ScalarType.STRING
    return f"nullif({expr}, '')" if textual else expr


# -- bits --------------------------------------------------------------------------------------


@aggregate("binary_all_and", named=Naming.FIRST_ARGUMENT)
def binary_all_and(expr: Long) -> Long:
    """The bits that are set in every value.

    >>> binary_all_and(12)
    12
    """
    return f"bit_and({expr})"


@binary_all_and.overload
def _(expr: Int) -> Int:
    return f"bit_and({expr})"


@aggregate("binary_all_or", named=Naming.FIRST_ARGUMENT)
def binary_all_or(expr: Long) -> Long:
    """The bits that are set in any value.

    >>> binary_all_or(12)
    12
    """
    return f"bit_or({expr})"


@binary_all_or.overload
def _(expr: Int) -> Int:
    return f"bit_or({expr})"


@aggregate("binary_all_xor", named=Naming.FIRST_ARGUMENT)
def binary_all_xor(expr: Long) -> Long:
    """The bits that are set in an odd number of values.

    >>> binary_all_xor(12)
    12
    """
    return f"bit_xor({expr})"


@binary_all_xor.overload
def _(expr: Int) -> Int:
    return f"bit_xor({expr})"
