"""Series: dynamic arrays of numbers. What is no number gives null."""

from __future__ import annotations

from huntlake.kql.functions.arrays import elements, number_of
from huntlake.kql.symbols import Bool, Dynamic, Long, Naming, Number, Real, columns, scalar

# A lambda's parameter hides the column of its name: this name no column can have.
_X = '"~x"'
_PAIRS = '"~p"'


def _numbers(series: str) -> str:
    return f"list_transform({elements(series)}, lambda {_X}: {number_of(_X)})"


def _each(series: str, result: str) -> str:
    """An array of what `result` gives for each element, which it names `_X`."""
    return f"to_json(list_transform({_numbers(series)}, lambda {_X}: {result}))"


def _pairs(left: str, right: str, operator: str) -> str:
    """An array of what the operator gives for the elements at each place; null where one is missing."""
    rows = f"list_zip({_numbers(left)}, {_numbers(right)})"
    both = f"{elements(left)} is not null and {elements(right)} is not null"
    return f"case when {both} then to_json(list_transform({rows}, lambda {_X}: {_X}[1] {operator} {_X}[2])) end"


# -- element by element ----------------------------------------------------------------------


@scalar("series_add")
def series_add(series1: Dynamic, series2: Dynamic) -> Dynamic:
    """The sum of the elements at each place of two series, or of each element and a number.

    >>> series_add(dynamic([1, 2, 4]), dynamic([4, 2, 1]))
    dynamic([5.0,4.0,5.0])
    """
    return _pairs(series1, series2, "+")


@series_add.overload
def _(series1: Dynamic, series2: Number) -> Dynamic:
    return _each(series1, f"{_X} + {series2}::DOUBLE")


@series_add.overload
def _(series1: Number, series2: Dynamic) -> Dynamic:
    return _each(series2, f"{series1}::DOUBLE + {_X}")


@scalar("series_subtract")
def series_subtract(series1: Dynamic, series2: Dynamic) -> Dynamic:
    """The difference of the elements at each place of two series, or of each element and a number.

    >>> series_subtract(dynamic([1, 2, 4]), dynamic([4, 2, 1]))
    dynamic([-3.0,0.0,3.0])
    """
    return _pairs(series1, series2, "-")


@series_subtract.overload
def _(series1: Dynamic, series2: Number) -> Dynamic:
    return _each(series1, f"{_X} - {series2}::DOUBLE")


@series_subtract.overload
def _(series1: Number, series2: Dynamic) -> Dynamic:
    return _each(series2, f"{series1}::DOUBLE - {_X}")


@scalar("series_multiply")
def series_multiply(series1: Dynamic, series2: Dynamic) -> Dynamic:
    """The product of the elements at each place of two series, or of each element and a number.

    >>> series_multiply(dynamic([1, 2, 4]), 2)
    dynamic([2.0,4.0,8.0])
    """
    return _pairs(series1, series2, "*")


@series_multiply.overload
def _(series1: Dynamic, series2: Number) -> Dynamic:
    return _each(series1, f"{_X} * {series2}::DOUBLE")


@series_multiply.overload
def _(series1: Number, series2: Dynamic) -> Dynamic:
    return _each(series2, f"{series1}::DOUBLE * {_X}")


@scalar("series_divide")
def series_divide(series1: Dynamic, series2: Dynamic) -> Dynamic:
    """The quotient of the elements at each place of two series, or of each element and a number.

    >>> series_divide(dynamic([1, 2, 4]), dynamic([4, 2, 1]))
    dynamic([0.25,1.0,4.0])
    """
    return _pairs(series1, series2, "/")


@series_divide.overload
def _(series1: Dynamic, series2: Number) -> Dynamic:
    return _each(series1, f"{_X} / {series2}::DOUBLE")


@series_divide.overload
def _(series1: Number, series2: Dynamic) -> Dynamic:
    return _each(series2, f"{series1}::DOUBLE / {_X}")


@scalar("series_pow")
def series_pow(series1: Dynamic, series2: Dynamic) -> Dynamic:
    """The power of the elements at each place of two series, or of each element and a number.

    >>> series_pow(dynamic([1, 2, 3]), 2)
    dynamic([1.0,4.0,9.0])
    """
    return _pairs(series1, series2, "**")


@series_pow.overload
def _(series1: Dynamic, series2: Number) -> Dynamic:
    return _each(series1, f"{_X} ** {series2}::DOUBLE")


@series_pow.overload
def _(series1: Number, series2: Dynamic) -> Dynamic:
    return _each(series2, f"{series1}::DOUBLE ** {_X}")


@scalar("series_greater")
def series_greater(series1: Dynamic, series2: Dynamic) -> Dynamic:
    """Whether an element is greater than the one at its place, or a number.

    >>> series_greater(dynamic([1, 2, 4]), dynamic([4, 2, 1]))
    dynamic([false,false,true])
    """
    return _pairs(series1, series2, ">")


@series_greater.overload
def _(series1: Dynamic, series2: Number) -> Dynamic:
    return _each(series1, f"{_X} > {series2}::DOUBLE")


@series_greater.overload
def _(series1: Number, series2: Dynamic) -> Dynamic:
    return _each(series2, f"{series1}::DOUBLE > {_X}")


@scalar("series_greater_equals")
def series_greater_equals(series1: Dynamic, series2: Dynamic) -> Dynamic:
    """Whether an element is not less than the one at its place, or a number.

    >>> series_greater_equals(dynamic([1, 2, 4]), dynamic([4, 2, 1]))
    dynamic([false,true,true])
    """
    return _pairs(series1, series2, ">=")


@series_greater_equals.overload
def _(series1: Dynamic, series2: Number) -> Dynamic:
    return _each(series1, f"{_X} >= {series2}::DOUBLE")


@series_greater_equals.overload
def _(series1: Number, series2: Dynamic) -> Dynamic:
    return _each(series2, f"{series1}::DOUBLE >= {_X}")


@scalar("series_less")
def series_less(series1: Dynamic, series2: Dynamic) -> Dynamic:
    """Whether an element is less than the one at its place, or a number.

    >>> series_less(dynamic([1, 2, 4]), dynamic([4, 2, 1]))
    dynamic([true,false,false])
    """
    return _pairs(series1, series2, "<")


@series_less.overload
def _(series1: Dynamic, series2: Number) -> Dynamic:
    return _each(series1, f"{_X} < {series2}::DOUBLE")


@series_less.overload
def _(series1: Number, series2: Dynamic) -> Dynamic:
    return _each(series2, f"{series1}::DOUBLE < {_X}")


@scalar("series_less_equals")
def series_less_equals(series1: Dynamic, series2: Dynamic) -> Dynamic:
    """Whether an element is not greater than the one at its place, or a number.

    >>> series_less_equals(dynamic([1, 2, 4]), dynamic([4, 2, 1]))
    dynamic([true,true,false])
    """
    return _pairs(series1, series2, "<=")


@series_less_equals.overload
def _(series1: Dynamic, series2: Number) -> Dynamic:
    return _each(series1, f"{_X} <= {series2}::DOUBLE")


@series_less_equals.overload
def _(series1: Number, series2: Dynamic) -> Dynamic:
    return _each(series2, f"{series1}::DOUBLE <= {_X}")


@scalar("series_equals")
def series_equals(series1: Dynamic, series2: Dynamic) -> Dynamic:
    """Whether an element equals the one at its place, or a number.

    >>> series_equals(dynamic([1, 2, 4]), dynamic([4, 2, 1]))
    dynamic([false,true,false])
    """
    return _pairs(series1, series2, "=")


@series_equals.overload
def _(series1: Dynamic, series2: Number) -> Dynamic:
    return _each(series1, f"{_X} = {series2}::DOUBLE")


@series_equals.overload
def _(series1: Number, series2: Dynamic) -> Dynamic:
    return _each(series2, f"{series1}::DOUBLE = {_X}")


@scalar("series_not_equals")
def series_not_equals(series1: Dynamic, series2: Dynamic) -> Dynamic:
    """Whether an element does not equal the one at its place, or a number.

    >>> series_not_equals(dynamic([1, 2, 4]), dynamic([4, 2, 1]))
    dynamic([true,false,true])
    """
    return _pairs(series1, series2, "<>")


@series_not_equals.overload
def _(series1: Dynamic, series2: Number) -> Dynamic:
    return _each(series1, f"{_X} <> {series2}::DOUBLE")


@series_not_equals.overload
def _(series1: Number, series2: Dynamic) -> Dynamic:
    return _each(series2, f"{series1}::DOUBLE <> {_X}")


@scalar("series_abs")
def series_abs(series: Dynamic) -> Dynamic:
    """The absolute value of each element.

    >>> series_abs(dynamic([-6.5, 0, 8]))
    dynamic([6.5,0.0,8.0])
    """
    return _each(series, f"abs({_X})")


@scalar("series_sign")
def series_sign(series: Dynamic) -> Dynamic:
    """The sign of each element.

    >>> series_sign(dynamic([-6, 0, 8]))
    dynamic([-1.0,0.0,1.0])
    """
    return _each(series, f"sign({_X})::DOUBLE")


@scalar("series_exp")
def series_exp(series: Dynamic) -> Dynamic:
    """The power of e of each element.

    >>> series_exp(dynamic([0]))
    dynamic([1.0])
    """
    return _each(series, f"exp({_X})")


@scalar("series_log")
def series_log(series: Dynamic) -> Dynamic:
    """The natural logarithm of each element.

    >>> series_log(dynamic([1, -1]))
    dynamic([0.0,null])
    """
    return _each(series, f"case when {_X} >= 0 then ln({_X}) end")


@scalar("series_floor")
def series_floor(series: Dynamic) -> Dynamic:
    """The greatest whole number below of each element.

    >>> series_floor(dynamic([-1.5, 2.5]))
    dynamic([-2.0,2.0])
    """
    return _each(series, f"floor({_X})")


@scalar("series_ceiling")
def series_ceiling(series: Dynamic) -> Dynamic:
    """The least whole number above of each element.

    >>> series_ceiling(dynamic([-1.5, 2.5]))
    dynamic([-1.0,3.0])
    """
    return _each(series, f"ceil({_X})")


@scalar("series_sin")
def series_sin(series: Dynamic) -> Dynamic:
    """The sine of each element.

    >>> series_sin(dynamic([0]))
    dynamic([0.0])
    """
    return _each(series, f"sin({_X})")


@scalar("series_cos")
def series_cos(series: Dynamic) -> Dynamic:
    """The cosine of each element.

    >>> series_cos(dynamic([0]))
    dynamic([1.0])
    """
    return _each(series, f"cos({_X})")


@scalar("series_tan")
def series_tan(series: Dynamic) -> Dynamic:
    """The tangent of each element.

    >>> series_tan(dynamic([0]))
    dynamic([0.0])
    """
    return _each(series, f"tan({_X})")


@scalar("series_asin")
def series_asin(series: Dynamic) -> Dynamic:
    """The arc sine of each element.

    >>> series_asin(dynamic([0, 2]))
    dynamic([0.0,null])
    """
    return _each(series, f"case when abs({_X}) <= 1 then asin({_X}) end")


@scalar("series_acos")
def series_acos(series: Dynamic) -> Dynamic:
    """The arc cosine of each element.

    >>> series_acos(dynamic([1, 2]))
    dynamic([0.0,null])
    """
    return _each(series, f"case when abs({_X}) <= 1 then acos({_X}) end")


@scalar("series_atan")
def series_atan(series: Dynamic) -> Dynamic:
    """The arc tangent of each element.

    >>> series_atan(dynamic([0]))
    dynamic([0.0])
    """
    return _each(series, f"atan({_X})")


# -- one number of a series -----------------------------------------------------------------------


@scalar("series_product")
def series_product(series: Dynamic) -> Real:
    """The product of the elements; null where one of them is no number.

    >>> series_product(dynamic([1, 2, 3, 4]))
    24.0
    """
    return _whole(_numbers(series), f"list_product({_numbers(series)})")


@scalar("series_magnitude")
def series_magnitude(series: Dynamic) -> Real:
    """The length of the series taken for a vector, without what is no number.

    >>> series_magnitude(dynamic([3, 4]))
    5.0
    """
    return f"sqrt({_dot(_numbers(series), _numbers(series))})"


@scalar("series_dot_product")
def series_dot_product(series1: Dynamic, series2: Dynamic) -> Real:
    """The sum of the products of the elements at each place where both series have a number.

    >>> series_dot_product(dynamic([1, 2, 3]), dynamic([4, 5, 6]))
    32.0
    >>> series_dot_product(dynamic([1, null, 3]), dynamic([4, 5, 6, 7]))
    22.0
    """
    return _dot(_numbers(series1), _numbers(series2))


@series_dot_product.overload
def _(series1: Dynamic, series2: Number) -> Real:
    return f"list_sum({_numbers(series1)}) * {series2}::DOUBLE"


@series_dot_product.overload
def _(series1: Number, series2: Dynamic) -> Real:
    return f"{series1}::DOUBLE * list_sum({_numbers(series2)})"


def _pairs_of_numbers(left: str, right: str) -> str:
    # The longer list is cut.
    return f"list_filter(list_zip({left}, {right}, true), lambda {_X}: {_X}[1] is not null and {_X}[2] is not null)"


def _dot(left: str, right: str) -> str:
    return f"list_sum(list_transform({_pairs_of_numbers(left, right)}, lambda {_X}: {_X}[1] * {_X}[2]))"


@scalar("series_cosine_similarity")
def series_cosine_similarity(series1: Dynamic, series2: Dynamic) -> Real:
    """The cosine of the angle between two series taken for vectors, of the places where both have a number.

    The magnitudes of the vectors may be given, where they are known already.

    >>> series_cosine_similarity(dynamic([1, 0]), dynamic([0, 1]))
    0.0
    >>> series_cosine_similarity(dynamic([3, 4]), dynamic([3, 4]), 5, 5)
    1.0
    """
    pairs = _pairs_of_numbers(_numbers(series1), _numbers(series2))
    left, right = (f"list_transform({_PAIRS}, lambda {_X}: {_X}[{i}])" for i in (1, 2))
    cosine = f"case when len({_PAIRS}) > 0 then list_cosine_similarity({left}, {right}) end"
    return f"list_transform([{pairs}], lambda {_PAIRS}: {cosine})[1]"


@series_cosine_similarity.overload
def _(series1: Dynamic, series2: Dynamic, magnitude1: Number) -> Real:
    right = _numbers(series2)
    return f"{_dot(_numbers(series1), right)} / ({magnitude1}::DOUBLE * sqrt({_dot(right, right)}))"


@series_cosine_similarity.overload
def _(series1: Dynamic, series2: Dynamic, magnitude1: Number, magnitude2: Number) -> Real:
    return f"{_dot(_numbers(series1), _numbers(series2))} / ({magnitude1}::DOUBLE * {magnitude2}::DOUBLE)"


def _whole(numbers: str, result: str) -> str:
    """The result where every element is a number, and there is one."""
    return f"case when len({numbers}) > 0 and len({numbers}) = list_count({numbers}) then {result} end"


@scalar("series_pearson_correlation")
def series_pearson_correlation(series1: Dynamic, series2: Dynamic) -> Real:
    """How two series vary together, from -1 to 1; null where the lengths differ or one doesn't vary.

    >>> series_pearson_correlation(dynamic([1, 2, 3]), dynamic([2, 4, 6]))
    1.0
    """
    return f"hl_series_correlation({series1}::VARCHAR, {series2}::VARCHAR)"


@scalar(
    "series_stats",
    columns=columns(min=Real, min_idx=Long, max=Real, max_idx=Long, avg=Real, stdev=Real, variance=Real),
)
def series_stats(series: Dynamic, ignore_nonfinite: Bool = "false") -> Dynamic:
    """The extremes of a series, their first places, the mean, and the deviation and the variance of a sample.

    All are null where an element is no finite number, unless those are ignored.

    >>> series_stats(dynamic([1, 2, 3]))
    (1.0, 0, 3.0, 2, 2.0, 1.0, 1.0)
    >>> series_stats(dynamic([null, 5, 3]), true)
    (3.0, 2, 5.0, 1, 4.0, sqrt(2), 2.0)
    """
    return f"hl_series_stats({series}::VARCHAR, {ignore_nonfinite})"


@scalar("series_stats_dynamic")
def series_stats_dynamic(series: Dynamic, ignore_nonfinite: Bool = "false") -> Dynamic:
    """A bag of `min min_idx max max_idx avg stdev variance sum len`, as `series_stats` has them.

    >>> series_stats_dynamic(dynamic([1, 2, 3])).avg
    dynamic(2.0)
    """
    names = ("min", "min_idx", "max", "max_idx", "avg", "stdev", "variance", "sum", "len")
    return bag_of(f"hl_series_stats({series}::VARCHAR, {ignore_nonfinite})", names)


def bag_of(values: str, names: tuple[str, ...]) -> str:
    """The bag of the values of a JSON array, by these names; `a.b` is `b` of the bag `a`."""
    places = {name: f"json_extract({_X}, '$[{i}]')" for i, name in enumerate(names)}
    parts = [f"'{name}', {place}" for name, place in places.items() if "." not in name]
    for outer in dict.fromkeys(name.partition(".")[0] for name in names if "." in name):
        inner = [f"'{n.partition('.')[2]}', {place}" for n, place in places.items() if n.startswith(f"{outer}.")]
        parts.append(f"'{outer}', json_object({', '.join(inner)})")
    bag = f"case when {_X} is not null then json_object({', '.join(parts)}) end"
    return f"list_transform([{values}], lambda {_X}: {bag})[1]"


# -- gaps -------------------------------------------------------------------------------------------


@scalar("series_fill_const", named=Naming.FIRST_ARGUMENT)
def series_fill_const(series: Dynamic, constant_value: Number = "0") -> Dynamic:
    """The series with a number in place of each null, or of each element that is the placeholder.

    >>> series_fill_const(dynamic([1, null, 3]), 0)
    dynamic([1,0,3])
    """
    return _filled(series, "const", "null", constant_value)


@series_fill_const.overload
def _(series: Dynamic, constant_value: Number, missing_value_placeholder: Number) -> Dynamic:
    return _filled(series, "const", missing_value_placeholder, constant_value)


@scalar("series_fill_forward", named=Naming.FIRST_ARGUMENT)
def series_fill_forward(series: Dynamic) -> Dynamic:
    """The series with the element before in place of each null, or of each that is the placeholder.

    >>> series_fill_forward(dynamic([null, 1, null, 3]))
    dynamic([null,1,1,3])
    """
    return _filled(series, "forward", "null", "null")


@series_fill_forward.overload
def _(series: Dynamic, missing_value_placeholder: Number) -> Dynamic:
    return _filled(series, "forward", missing_value_placeholder, "null")


@scalar("series_fill_backward", named=Naming.FIRST_ARGUMENT)
def series_fill_backward(series: Dynamic) -> Dynamic:
    """The series with the element after in place of each null, or of each that is the placeholder.

    >>> series_fill_backward(dynamic([1, null, 3, null]))
    dynamic([1,3,3,null])
    """
    return _filled(series, "backward", "null", "null")


@series_fill_backward.overload
def _(series: Dynamic, missing_value_placeholder: Number) -> Dynamic:
    return _filled(series, "backward", missing_value_placeholder, "null")


@scalar("series_fill_linear", named=Naming.FIRST_ARGUMENT)
def series_fill_linear(
    series: Dynamic,
    missing_value_placeholder: Number = "null",
    fill_edges: Bool = "true",
    constant_value: Number = "0.0::DOUBLE",
) -> Dynamic:
    """The series with each null, or each placeholder, on the straight line between the elements around.

    At the ends it is as the nearest, unless the edges are not to be filled. A series of nothing else is filled with a
    constant. In one of whole numbers what is filled in is cut to a whole number.

    >>> series_fill_linear(dynamic([null, 1, null, 4.0]))
    dynamic([1,1,2.5,4.0])
    >>> series_fill_linear(dynamic([0, 1, 0, 4]), 0, false)
    dynamic([0,1,2,4])
    """
    constant = f"to_json({constant_value})::VARCHAR"
    return (
        f"hl_series_fill_linear({series}::VARCHAR, {missing_value_placeholder}::DOUBLE, {fill_edges}, {constant})::JSON"
    )


def _filled(series: str, kind: str, placeholder: str, value: str) -> str:
    return f"hl_series_fill({series}::VARCHAR, '{kind}', {placeholder}::DOUBLE, to_json({value})::VARCHAR)::JSON"
