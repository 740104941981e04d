"""Lines and curves fitted to series. Null where the series is none, or an element is no finite number."""

from __future__ import annotations

from huntlake.kql.functions.series import bag_of
from huntlake.kql.symbols import Dynamic, Long, Real, Unsupported, columns, scalar, whole_of

HIGHEST_DEGREE = 20
"""What a real number can still tell apart."""


@scalar(
    "series_fit_line",
    columns=columns(rsquare=Real, slope=Real, variance=Real, rvariance=Real, interception=Real, line_fit=Dynamic),
)
def series_fit_line(series: Dynamic) -> Dynamic:
    """The straight line nearest to a series over 1, 2, …, and how near it is.

    `rsquare` is 1 where the line meets every element; `variance` is that of the series and `rvariance` that of what the
    line leaves, both of a sample; `line_fit` is the line as a series.

    >>> series_fit_line(dynamic([1, 3, 5]))
    (1.0, 2.0, 4.0, 0.0, -1.0, dynamic([1.0,3.0,5.0]))
    """
    return f"hl_series_fit_line({series}::VARCHAR)"


@scalar("series_fit_line_dynamic")
def series_fit_line_dynamic(series: Dynamic) -> Dynamic:
    """A bag of `rsquare slope variance rvariance interception line_fit`, as `series_fit_line` has them.

    >>> series_fit_line_dynamic(dynamic([1, 3, 5])).slope
    dynamic(2.0)
    """
    names = ("rsquare", "slope", "variance", "rvariance", "interception", "line_fit")
    return bag_of(f"hl_series_fit_line({series}::VARCHAR)", names)


@scalar(
    "series_fit_2lines",
    columns=columns(
        rsquare=Real,
        split_idx=Long,
        variance=Real,
        rvariance=Real,
        line_fit=Dynamic,
        right_rsquare=Real,
        right_slope=Real,
        right_interception=Real,
        right_variance=Real,
        right_rvariance=Real,
        left_rsquare=Real,
        left_slope=Real,
        left_interception=Real,
        left_variance=Real,
        left_rvariance=Real,
    ),
)
def series_fit_2lines(series: Dynamic) -> Dynamic:
    """The two straight lines, of the elements before a place and of those from it on, that are nearest to a series.

    First come the values of both lines together, then those of the right and of the left one: the example shows the
    first five. `split_idx` is the place where they part, at which `rsquare` is best; each line has two elements at
    least, and counts its own from 1. Null where there are fewer than four elements.

    >>> series_fit_2lines(dynamic([1, 2, 3, 9, 6, 3]))
    (1.0, 3, 8.8, 0.0, dynamic([1.0,2.0,3.0,9.0,6.0,3.0]))
    """
    return f"hl_series_fit_2lines({series}::VARCHAR)"


@scalar("series_fit_2lines_dynamic")
def series_fit_2lines_dynamic(series: Dynamic) -> Dynamic:
    """A bag of what `series_fit_2lines` gives, with a bag for each side: `right.slope`.

    >>> series_fit_2lines_dynamic(dynamic([1, 2, 3, 9, 6, 3])).right.interception
    dynamic(12.0)
    """
    sides = ("rsquare", "slope", "interception", "variance", "rvariance")
    both = tuple(f"{side}.{name}" for side in ("right", "left") for name in sides)
    names = ("rsquare", "split_idx", "variance", "rvariance", "line_fit", *both)
    return bag_of(f"hl_series_fit_2lines({series}::VARCHAR)", names)


@scalar(
    "series_fit_poly",
    columns=columns(rsquare=Real, coefficients=Dynamic, variance=Real, rvariance=Real, poly_fit=Dynamic),
)
def series_fit_poly(y_series: Dynamic) -> Dynamic:
    """The polynomial nearest to a series over 1, 2, … or over another series, of the first degree or of another.

    Its coefficients begin with that of the highest power. Null where the series are not of one length, or have no more
    elements than the degree.
    """
    places = f"to_json(range(1, json_array_length({y_series})::BIGINT + 1))"
    return f"hl_series_fit_poly({y_series}::VARCHAR, {places}::VARCHAR, 1)"


@series_fit_poly.overload
def _(y_series: Dynamic, x_series: Dynamic, degree: Long = "1") -> Dynamic:
    if not 0 <= whole_of(degree, "a degree") <= HIGHEST_DEGREE:
        raise Unsupported(f"a degree that is not between 0 and {HIGHEST_DEGREE}")
    return f"hl_series_fit_poly({y_series}::VARCHAR, {x_series}::VARCHAR, {degree})"
