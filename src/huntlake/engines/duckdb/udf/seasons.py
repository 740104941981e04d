"""Series taken apart: what recurs, what grows, and what is left."""

from __future__ import annotations

from huntlake.engines.duckdb.udf.batches import Floats, Gaps, answered, series_udf
from huntlake.engines.duckdb.udf.fitting import line_of
from huntlake.engines.duckdb.udf.outliers import QUARTILES, TENTHS, scores_of_known
from huntlake.engines.duckdb.udf.periods import best_periods

AUTO = -1
"""The seasonality that is to be found."""


@series_udf("hl_series_seasonal", "VARCHAR", "BIGINT", "DOUBLE")
def series_seasonal(series: Floats, period: int | None, threshold: float | None) -> Floats | None:
    """What recurs with a period, or with the best one whose score reaches the threshold."""
    if period is None or threshold is None:
        return None
    return _seasonal(series, series.shape[1], period, threshold)


@series_udf("hl_series_decompose", "VARCHAR", "BIGINT", "VARCHAR", "BIGINT", "DOUBLE", gaps=True)
def series_decompose(
    series: Floats, seasonality: int | None, trend: str | None, test_points: int | None, threshold: float | None
) -> list[object] | None:
    """`baseline seasonal trend residual` of a series; null where an element to learn from is no number."""
    parts = _decomposed(series, seasonality, trend, test_points, threshold)
    return None if parts is None else answered(_learnable(series, test_points), parts)


@series_udf(
    "hl_series_decompose_anomalies",
    "VARCHAR",
    "DOUBLE",
    "BIGINT",
    "VARCHAR",
    "BIGINT",
    "VARCHAR",
    "DOUBLE",
    gaps=True,
)
def series_decompose_anomalies(
    series: Floats,
    threshold: float | None,
    seasonality: int | None,
    trend: str | None,
    test_points: int | None,
    method: str | None,
    seasonality_threshold: float | None,
) -> list[object] | None:
    """`ad_flag ad_score baseline`: which elements are further from the baseline than the threshold, and how far."""
    import numpy as np

    parts = _decomposed(series, seasonality, trend, test_points, seasonality_threshold)
    percentiles = {"ctukey": TENTHS, "tukey": QUARTILES}.get(method or "")
    if parts is None or percentiles is None or threshold is None:
        return None
    baseline, _, _, residual = parts
    score = scores_of_known(residual, np.isnan(residual), *percentiles)
    flag = (score > threshold).astype(np.int64) - (score < -threshold).astype(np.int64)
    return answered(_learnable(series, test_points), (flag, score, baseline))


def _learnable(series: Floats, test_points: int | None) -> Gaps:
    import numpy as np

    return np.asarray(np.isfinite(series[:, : series.shape[1] - (test_points or 0)]).all(axis=1))


def _decomposed(
    series: Floats, seasonality: int | None, trend: str | None, test_points: int | None, threshold: float | None
) -> tuple[Floats, Floats, Floats, Floats] | None:
    import numpy as np

    if seasonality is None or seasonality < AUTO or test_points is None or test_points < 0 or threshold is None:
        return None
    learnt = series.shape[1] - test_points
    if learnt <= 0:
        return None
    seasonal = _seasonal(series, learnt, seasonality, threshold)
    rest = series[:, :learnt] - seasonal[:, :learnt]
    if trend == "avg":
        trending = np.broadcast_to(rest.mean(axis=1, keepdims=True), series.shape)
    elif trend == "linefit":
        slope, interception = line_of(rest)
        trending = interception[:, None] + slope[:, None] * np.arange(1, series.shape[1] + 1)
    elif trend == "none":
        trending = np.zeros_like(series)
    else:
        return None
    baseline = seasonal + trending
    return baseline, seasonal, np.ascontiguousarray(trending), series - baseline


def _seasonal(series: Floats, learnt: int, period: int, threshold: float) -> Floats:
    """For each element the median of those that are whole periods away, among the first `learnt`."""
    import numpy as np

    seasonal = np.zeros_like(series)
    if period == AUTO:
        periods = np.array(best_periods(series[:, :learnt], threshold))
    else:
        periods = np.full(len(series), max(period, 0))
    for each in np.unique(periods[periods > 0]):
        rows = periods == each
        seasonal[rows] = _medians(series[rows], learnt, int(each))[:, np.arange(series.shape[1]) % each]
    return seasonal


def _medians(series: Floats, learnt: int, period: int) -> Floats:
    """The median of the first elements at each place of a period; of a place that has none, not a number."""
    import numpy as np

    times, more = divmod(learnt, period)
    medians = np.full((len(series), min(period, series.shape[1])), np.nan)
    if times:
        whole = series[:, : times * period].reshape(len(series), times, period)
        medians[:, more:] = np.median(whole[:, :, more:], axis=1)
    if more:
        starts = range(0, learnt, period)
        medians[:, :more] = np.median(np.stack([series[:, i : i + more] for i in starts]), axis=0)
    return medians
