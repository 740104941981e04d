"""Series taken apart: periods, seasons, trends and what doesn't fit them.

Null where the series is none, or an element that they learn from is no finite number.
"""

from __future__ import annotations

from huntlake.kql.symbols import Dynamic, Long, Real, Sql, String, Unsupported, columns, scalar, text_of

_TRENDS = ("avg", "linefit", "none")
_KINDS = ("ctukey", "tukey")
_PERIODS = 16
_MOST_PERIODS = 1000


def _chosen(argument: str, what: str, choices: tuple[str, ...]) -> str:
    text = text_of(argument, what)
    if text not in choices:
        raise Unsupported(f"{what} that is none of {', '.join(choices)}")
    return f"'{text}'"


def _within(argument: str, what: str, least: float, most: float = float("inf")) -> str:
    # One that is not constant is seen in the row: out of bounds it has no answer.
    value = argument.value if isinstance(argument, Sql) else None
    if isinstance(value, int | float) and not least <= value <= most:
        bounds = f"{least:g} to {most:g}" if most < float("inf") else f"{least:g} or more"
        raise Unsupported(f"{what} that is not {bounds}")
    return f"{argument}"


# -- periods --------------------------------------------------------------------------------


@scalar("series_periods_detect", columns=columns(periods=Dynamic, scores=Dynamic))
def series_periods_detect(series: Dynamic, min_period: Real, max_period: Real, num_periods: Long) -> Dynamic:
    """The most significant periods of a series, in elements, and their scores from 0 to 1, the best first.

    A period has four elements at least, and half of the series at most; multiples of a better one are left out. Where
    fewer are found than wanted, zeros follow. How Kusto scores a period isn't published: here it is by autocorrelation,
    which gives what the reference prints, but may choose otherwise where several periods are about as good.

    >>> series_periods_detect(dynamic([1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0]), 0, 9, 2)
    (dynamic([6.0,0.0]), dynamic([0.8164965809277259,0.0]))
    """
    wanted = _within(num_periods, "a number of periods", 0, _MOST_PERIODS)
    return f"hl_series_periods_detect({series}::VARCHAR, {min_period}::DOUBLE, {max_period}::DOUBLE, {wanted}::BIGINT)"


@scalar("series_periods_validate", columns=columns(periods=Dynamic, scores=Dynamic))
def series_periods_validate(series: Dynamic, period: Real, *periods: Real) -> Dynamic:
    """The given periods, 16 at most, and for each its score; 0 where the series has no such period.

    The scores are those of `series_periods_detect`, of a multiple of a period too.

    >>> series_periods_validate(dynamic([1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0]), 6, 5)
    (dynamic([6.0,5.0]), dynamic([0.8164965809277259,0.0]))
    """
    if len(periods) >= _PERIODS:
        raise Unsupported(f"more than {_PERIODS} periods")
    given = ", ".join(f"{p}::DOUBLE" for p in (period, *periods))
    return f"hl_series_periods_validate({series}::VARCHAR, to_json([{given}])::VARCHAR)"


@scalar("series_seasonal")
def series_seasonal(series: Dynamic, period: Long = "-1") -> Dynamic:
    """What recurs in a series: for each element the median of those whole periods away.

    With -1, the period is that of the best score of `series_periods_detect`, which is 0.6 at least: Kusto's own scores,
    which must be 0.7 there, are a little higher where a series begins with an outlier. Zeros without one.

    >>> series_seasonal(dynamic([1, 3, 5, 1, 3, 5, 2, 4, 6]), 3)
    dynamic([1.0,3.0,5.0,1.0,3.0,5.0,1.0,3.0,5.0])
    """
    return f"hl_series_seasonal({series}::VARCHAR, {period}::BIGINT, 0.6::DOUBLE)::JSON"


# -- seasons and trends ---------------------------------------------------------------------


@scalar("series_decompose", columns=columns(baseline=Dynamic, seasonal=Dynamic, trend=Dynamic, residual=Dynamic))
def series_decompose(
    series: Dynamic,
    seasonality: Long = "-1",
    trend: String = "'avg'",
    test_points: Long = "0",
    seasonality_threshold: Real = "0.6",
) -> Dynamic:
    """What recurs in a series, how it grows besides, both together as its baseline, and what they leave of it.

    The season is as `series_seasonal` has it, with a threshold of its own; 0 is none, another number its period. The
    trend of what it leaves is `avg`, one number, `linefit`, a straight line, or `none`. The last test points are not
    learnt from; they may be null.

    >>> series_decompose(dynamic([1, 3, 5, 1, 3, 5, 1, 3, 8]), 3, "none")
    (dynamic([1.0,3.0,5.0,1.0,3.0,5.0,1.0,3.0,5.0]), dynamic([1.0,3.0,5.0,1.0,3.0,5.0,1.0,3.0,5.0]))
    """
    return _decomposed(series, test_points, seasonality, trend, seasonality_threshold)


@scalar(
    "series_decompose_forecast",
    columns=columns(baseline=Dynamic, seasonal=Dynamic, trend=Dynamic, residual=Dynamic),
)
def series_decompose_forecast(
    series: Dynamic,
    points: Long,
    seasonality: Long = "-1",
    trend: String = "'avg'",
    seasonality_threshold: Real = "0.6",
) -> Dynamic:
    """As `series_decompose`, where the last points are to be forecast from those before: the baseline is the forecast.

    >>> series_decompose_forecast(dynamic([1, 3, 5, 1, 3, 5, 0, 0]), 2, 3)
    (dynamic([1.0,3.0,5.0,1.0,3.0,5.0,1.0,3.0]), dynamic([1.0,3.0,5.0,1.0,3.0,5.0,1.0,3.0]))
    """
    return _decomposed(series, points, seasonality, trend, seasonality_threshold)


def _decomposed(series: str, points: str, seasonality: str, trend: str, threshold: str) -> str:
    season = _within(seasonality, "a seasonality", -1)
    excluded = _within(points, "a number of points", 0)
    how = _chosen(trend, "a trend", _TRENDS)
    return f"hl_series_decompose({series}::VARCHAR, {season}::BIGINT, {how}, {excluded}::BIGINT, {threshold}::DOUBLE)"


# -- outliers -------------------------------------------------------------------------------


@scalar("series_decompose_anomalies", columns=columns(ad_flag=Dynamic, ad_score=Dynamic, baseline=Dynamic))
def series_decompose_anomalies(
    series: Dynamic,
    threshold: Real = "1.5",
    seasonality: Long = "-1",
    trend: String = "'avg'",
    test_points: Long = "0",
    ad_method: String = "'ctukey'",
    seasonality_threshold: Real = "0.6",
) -> Dynamic:
    """Which elements are further above (1) or below (-1) the baseline of a series than the threshold, and by how much.

    The baseline is that of `series_decompose`, the score that of `series_outliers` in what it leaves.

    >>> series_decompose_anomalies(dynamic([1, 2, 3, 1, 2, 30, 1, 2, 3, 1, 2]), 1.5, 3, "avg", 1)
    (dynamic([0,0,0,0,0,1,0,0,0,0,0]), dynamic([0.0,0.0,0.0,0.0,0.0,"Infinity",0.0,0.0,0.0,0.0,0.0]))
    """
    season = _within(seasonality, "a seasonality", -1)
    excluded = _within(test_points, "a number of points", 0)
    how, method = _chosen(trend, "a trend", _TRENDS), _chosen(ad_method, "a method", _KINDS)
    learnt = f"{season}::BIGINT, {how}, {excluded}::BIGINT, {method}, {seasonality_threshold}::DOUBLE"
    return f"hl_series_decompose_anomalies({series}::VARCHAR, {threshold}::DOUBLE, {learnt})"


@scalar("series_outliers")
def series_outliers(
    series: Dynamic,
    kind: String = "'ctukey'",
    ignore_val: Real = "null",
    min_percentile: Real = "10",
    max_percentile: Real = "90",
) -> Dynamic:
    """How far each element lies beyond most of the others, by Tukey's test: above 1.5 or below -1.5 it is an outlier.

    `tukey` takes what lies between the quartiles for normal, `ctukey` what lies between two percentiles from 2 to 98;
    the scores of both mean the same. What is no number or is to be ignored has 0. Where most of the elements are equal,
    the others are infinitely far from them.

    >>> series_outliers(dynamic([0, 1, 2, 3, 4, 5, 6, 7, 20]), "tukey")
    dynamic([-0.5,-0.25,0.0,0.0,0.0,0.0,0.0,0.25,3.5])
    """
    how = _chosen(kind, "a kind", _KINDS)
    low, high = (_within(p, "a percentile", 2, 98) for p in (min_percentile, max_percentile))
    values = [p.value for p in (min_percentile, max_percentile) if isinstance(p, Sql)]
    least, most = (v if isinstance(v, int | float) else None for v in values)
    if least is not None and most is not None and least >= most:
        raise Unsupported("a maximal percentile that is no greater than the minimal")
    return f"hl_series_outliers({series}::VARCHAR, {how}, {ignore_val}::DOUBLE, {low}::DOUBLE, {high}::DOUBLE)::JSON"
