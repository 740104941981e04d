"""How far the elements of a series lie from most of them: Tukey's fences."""

from __future__ import annotations

import math

from huntlake.engines.duckdb.udf.batches import Floats, Gaps, series_udf

QUARTILES = (25.0, 75.0)
TENTHS = (10.0, 90.0)
_SHAPE = 0.11493840824914504
_NOTHING = 1e-12


@series_udf("hl_series_outliers", "VARCHAR", "VARCHAR", "DOUBLE", "DOUBLE", "DOUBLE", gaps=True)
def series_outliers(
    series: Floats, kind: str | None, ignored: float | None, low: float | None, high: float | None
) -> Floats | None:
    """The score of each element; null where there is no such kind or range."""
    import numpy as np

    if kind == "tukey":
        low, high = QUARTILES
    elif kind != "ctukey" or low is None or high is None or not 2 <= low < high <= 98:
        return None
    gaps = np.isnan(series)
    if ignored is not None:
        gaps |= series == ignored
    return scores_of_known(series, gaps, low, high)


def scores_of_known(series: Floats, gaps: Gaps, low: float, high: float) -> Floats:
    """The scores of the elements among those that are no gap; a gap's is 0."""
    import numpy as np

    found = np.zeros_like(series)
    whole = ~gaps.any(axis=1)
    found[whole] = _scores(series[whole], low, high)
    for row in np.flatnonzero(~whole):
        known = ~gaps[row]
        found[row, known] = _scores(series[row : row + 1, known], low, high)[0]
    return found


def _scores(series: Floats, low: float, high: float) -> Floats:
    """For each element beyond a percentile its distance from there, in ranges from the low to the high percentile.

    Kusto scales it so that, for numbers of a normal distribution, a score of 1.5 means the same whichever percentiles
    are chosen: as far from the quartiles as 1.5 times the range between them. Where the range is nothing, whatever is
    outside of it is infinitely far.
    """
    import numpy as np

    if not series.shape[1]:
        return np.zeros_like(series)
    bottom, top = np.percentile(series, (low, high), axis=1)[:, :, None]
    width = top - bottom
    # What the reckoning itself has left of a range is none.
    rounding = _NOTHING * np.abs(series).max(axis=1, keepdims=True)
    width = np.where(width > rounding, width, 0)
    least, most = _deviate(low), _deviate(high)
    fence = 4 * _deviate(QUARTILES[1])
    rise, fall = (1.5 * (most - least) / reach for reach in (fence - most, fence + least))
    above = np.where(series - top > rounding, (series - top) / width * rise, 0)
    below = np.where(bottom - series > rounding, (series - bottom) / width * fall, 0)
    found: Floats = above + below
    return found


def _deviate(percentile: float) -> float:
    """Where the percentile of a normal distribution lies, in some unit.

    Which approximation Kusto takes isn't published. This is Tukey's lambda distribution, whose shape is chosen so that
    the scores that Kusto gives for the usual percentiles are met.
    """
    part = percentile / 100
    return (math.pow(part, _SHAPE) - math.pow(1 - part, _SHAPE)) / _SHAPE
