"""Comparison, logic and arithmetic: the operators, and the functions that choose.

Kusto's null rules are not SQL's: `==` with one null is false, `!=` with one null is true, and only
with two nulls are they null. <https://learn.microsoft.com/kusto/query/scalar-data-types/null-values>
"""

from __future__ import annotations

from collections.abc import Sequence

from huntlake.kql.forms import moment
from huntlake.kql.symbols import A, Bool, Datetime, Guid, N, O, Scalar, Sql, String, Timespan, scalar
from huntlake.kql.types import ScalarType


@scalar("==", total=True)
def equals(left: A, right: A) -> Bool:
    """Whether the two are equal.

    >>> 1 == 1
    true
    >>> long(null) == 1
    false
    >>> isnull(long(null) == long(null))
    true
    """
    if _may_be_nan(left) and _may_be_nan(right):
        return f"({_equal(left, right)}) and not coalesce(isnan({left}), false)"
    return _equal(left, right)


def _equal(left: str, right: str) -> str:
    match _may_be_null(left), _may_be_null(right):
        case False, False:
            return f"{left} = {right}"
        case True, True:
            both = f"{left} is null and {right} is null"
            return f"case when {both} then null else {left} is not distinct from {right} end"
    return f"coalesce({left} = {right}, false)"


@equals.overload
def _(left: String, right: Guid) -> Bool:
    return f"coalesce(lower({left}) = {right}, false)"


@equals.overload
def _(left: Guid, right: String) -> Bool:
    return f"coalesce({left} = lower({right}), false)"


@equals.folds
def _(left: object, right: object, types: Sequence[ScalarType]) -> object:
    plain = (ScalarType.STRING, ScalarType.BOOL, ScalarType.INT, ScalarType.LONG, ScalarType.DATETIME)
    if types[0] is not types[1] or types[0] not in plain:
        return NotImplemented
    return None if left is None and right is None else left == right


@equals.in_filter
def _(left: A, right: A) -> Bool:
    return _unless_nan(f"{left} = {right}", left) if _may_be_nan(right) else f"{left} = {right}"


@scalar("!=", total=True)
def not_equals(left: A, right: A) -> Bool:
    """Whether the two are different.

    >>> long(null) != 5
    true
    >>> "a" != "a"
    false
    """
    if _may_be_nan(left) and _may_be_nan(right):
        return f"not (({_equal(left, right)}) and not coalesce(isnan({left}), false))"
    match _may_be_null(left), _may_be_null(right):
        case False, False:
            return f"{left} <> {right}"
        case True, True:
            return f"case when {left} is null and {right} is null then null else {left} is distinct from {right} end"
    return f"coalesce({left} <> {right}, true)"


@not_equals.in_filter
def _(left: A, right: A) -> Bool:
    if _may_be_nan(left) and _may_be_nan(right):
        return f"{left} is distinct from {right} or isnan({left})"
    if not _may_be_null(left) and not _may_be_null(right):
        return f"{left} <> {right}"
    return f"{left} is distinct from {right}"


@not_equals.overload
def _(left: String, right: Guid) -> Bool:
    return f"coalesce(lower({left}) <> {right}, true)"


@not_equals.overload
def _(left: Guid, right: String) -> Bool:
    return f"coalesce({left} <> lower({right}), true)"


def _may_be_nan(argument: str) -> bool:
    if not isinstance(argument, Sql) or argument.type is not ScalarType.REAL:
        return False
    return not argument.constant or argument.value != argument.value


def _unless_nan(comparison: str, greatest: str) -> str:
    # NaN is neither more nor less than a number, nor equal to itself; to the engine it is the greatest number.
    return f"{comparison} and not isnan({greatest})" if _may_be_nan(greatest) else comparison


def _may_be_null(argument: str) -> bool:
    return isinstance(argument, Sql) and argument.nullable


@scalar("<", total=True)
def less(left: O, right: O) -> Bool:
    """Whether the first is less.

    >>> 1 < 2.5
    true
    """
    return _unless_nan(f"{left} < {right}", right)


@scalar(">", total=True)
def greater(left: O, right: O) -> Bool:
    """Whether the first is greater."""
    return _unless_nan(f"{left} > {right}", left)


@scalar("<=", total=True)
def less_or_equal(left: O, right: O) -> Bool:
    """Whether the first is less, or equal."""
    return _unless_nan(f"{left} <= {right}", right)


@scalar(">=", total=True)
def greater_or_equal(left: O, right: O) -> Bool:
    """Whether the first is greater, or equal."""
    return _unless_nan(f"{left} >= {right}", left)


@scalar("between", total=True)
def between(value: O, low: O, high: O) -> Bool:
    """Whether `value` is at least `low` and at most `high`.

    >>> 5 between (1 .. 5)
    true
    """
    return f"{value} between {low} and {high}"


@between.overload
def _(value: Datetime, low: Datetime, high: Timespan) -> Bool:
    return f"{value} >= {low} and {value} <= {_later(low, high)}"


def _later(low: str, span: str) -> str:
    # Beyond the last year there is no time that could be later.
    end = moment(f"epoch_us({low}) + {span} // 10")
    return (
        f"coalesce({end}, case when {span} > 0 and {low} is not null then TIMESTAMP '9999-12-31 23:59:59.999999' end)"
    )


@scalar("!between", total=True)
def not_between(value: O, low: O, high: O) -> Bool:
    """Whether `value` is less than `low` or more than `high`."""
    return f"{value} not between {low} and {high}"


@not_between.overload
def _(value: Datetime, low: Datetime, high: Timespan) -> Bool:
    return f"{value} < {low} or {value} > {_later(low, high)}"


@scalar("around")
def around(value: N, center: N, delta: N) -> Bool:
    """Whether `value` is no further from `center` than `delta`; null where one of them is.

    >>> around(12, 10, 3)
    true
    >>> around(datetime(2024-01-01), datetime(2024-01-03), 1d)
    false
    """
    return f"{value} between {center} - {delta} and {center} + {delta}"


@around.overload
def _(value: Timespan, center: Timespan, delta: Timespan) -> Bool:
    return f"{value} between {center} - {delta} and {center} + {delta}"


@around.overload
def _(value: Datetime, center: Datetime, delta: Timespan) -> Bool:
    apart = f"epoch_us({value}) - epoch_us({center})"
    return f"{apart} between -({delta} // 10) and {delta} // 10"


@scalar("and", total=True)
def and_(*terms: Bool) -> Bool:
    """Whether all of them hold."""
    return " and ".join(f"{t}" for t in terms)


@scalar("or", total=True)
def or_(*terms: Bool) -> Bool:
    """Whether one of them holds."""
    return " or ".join(f"{t}" for t in terms)


@scalar("not", total=True)
def not_(value: Bool) -> Bool:
    """Whether `value` is false.

    >>> not(1 == 2)
    true
    """
    return f"not {value}"


@not_.folds
def _(value: object, types: Sequence[ScalarType]) -> object:
    return None if value is None else not value


# -- choosing ----------------------------------------------------------------------


@scalar("iff", "iif")
def iff(predicate: Bool, then: A, otherwise: A) -> A:
    """`then` where `predicate` holds, else `otherwise`.

    >>> iff(1 < 2, "yes", "no")
    "yes"
    >>> iff(1 > 2, 1, 2.5)
    2.5
    """
    return f"case when {predicate} then {then} else {otherwise} end"


@scalar("case")
def case(*values: A) -> A:
    """The value behind the first predicate that holds; the last value where none does.

    >>> case(1 > 2, "a", 2 > 1, "b", "c")
    "b"
    """
    *pairs, last = values
    branches = zip(pairs[::2], pairs[1::2], strict=True)
    return "case " + " ".join(f"when {p} then {v}" for p, v in branches) + f" else {last} end"


@scalar("coalesce")
def coalesce(value: A, *others: A) -> A:
    """The first that is not null; of strings, the first that is not empty.

    >>> coalesce(long(null), 2, 3)
    2
    >>> coalesce("", "b")
    "b"
    """
    values = (value, *others)
    if isinstance(value, Sql) and value.type.value == "string":
        return f"coalesce({', '.join(f'nullif({v}, {chr(39)}{chr(39)})' for v in values)}, '')"
    return f"coalesce({', '.join(values)})"


@scalar("isnull", total=True)
def isnull(value: Scalar) -> Bool:
    """Whether `value` is null; a string never is.

    >>> isnull(int(null))
    true
    >>> isnull("")
    false
    """
    if isinstance(value, Sql) and value.type.value == "string":
        return "false"
    return f"{value} is null"


@isnull.folds
def _(value: object, types: Sequence[ScalarType]) -> object:
    return value is None and types[0] is not ScalarType.STRING


@scalar("isnotnull", "notnull", total=True)
def isnotnull(value: Scalar) -> Bool:
    """Whether `value` is not null.

    >>> isnotnull(int(null))
    false
    """
    if isinstance(value, Sql) and value.type.value == "string":
        return "true"
    return f"{value} is not null"


@isnotnull.folds
def _(value: object, types: Sequence[ScalarType]) -> object:
    return value is not None or types[0] is ScalarType.STRING


@scalar("isempty", total=True)
def isempty(value: Scalar) -> Bool:
    """Whether `value` is the empty string, or null.

    >>> isempty("")
    true
    >>> isempty(0)
    false
    """
    if isinstance(value, Sql) and value.type.value == "string":
        return f"{value} = ''"
    if isinstance(value, Sql) and value.type.value == "dynamic":
        return f"coalesce({value}::VARCHAR, '\"\"') = '\"\"'"
    return f"{value} is null"


@scalar("isnotempty", "notempty", total=True)
def isnotempty(value: Scalar) -> Bool:
    """Whether `value` is neither the empty string nor null.

    >>> isnotempty("a")
    true
    """
    if isinstance(value, Sql) and value.type.value == "string":
        return f"{value} <> ''"
    if isinstance(value, Sql) and value.type.value == "dynamic":
        return f"coalesce({value}::VARCHAR, '\"\"') <> '\"\"'"
    return f"{value} is not null"
