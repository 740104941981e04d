"""Periods of series.

How Kusto scores a period isn't published. Here it is done as the literature does, and so that the reference's printed
examples are met: by the autocorrelation of the series, of which a period is a peak that is no mere multiple of a
shorter one. Of n elements, the score of the period k is the sum of the products of those k apart, as deviations from
the mean, over the sum of all squares, by the root of (n - k) / n: between the two usual ways to say it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from huntlake.engines.duckdb.udf.batches import Floats, series_udf

SHORTEST = 4
"""Elements of the shortest period that is looked for; the longest has half of the series."""
MOST_PERIODS = 1000
_NOTHING = 1e-12


@series_udf("hl_series_periods_detect", "VARCHAR", "DOUBLE", "DOUBLE", "BIGINT")
def series_periods_detect(
    series: Floats, least: float | None, most: float | None, count: int | None
) -> tuple[Floats, Floats] | None:
    """The best periods between two bounds, best first, and their scores; where there are fewer, zeros follow."""
    import numpy as np

    if least is None or most is None or count is None or not 0 <= count <= MOST_PERIODS:
        return None
    periods, found = np.zeros((2, len(series), count))
    for row, peaks in enumerate(_peaks(scores(series), 0.0)):
        within = ((p, s) for p, s in peaks if max(SHORTEST, least) <= p <= most)
        for place, (period, score) in enumerate(islice(within, count)):
            periods[row, place], found[row, place] = period, score
    return periods, found


@series_udf("hl_series_periods_validate", "VARCHAR", "VARCHAR", series=2)
def series_periods_validate(series: Floats, periods: Floats) -> tuple[Floats, Floats]:
    """The periods, and for each its score: 0 where the series has no such period."""
    import numpy as np

    found = np.zeros_like(periods)
    for row, mine in enumerate(scores(series)):
        for place, period in enumerate(periods[row]):
            if SHORTEST <= period <= series.shape[1] / 2 and _is_peak(mine, round(period)):
                found[row, place] = min(mine[round(period)], 1)
    return periods, found


def best_periods(series: Floats, threshold: float) -> list[int]:
    """For each row the period of the best score, 0 where none reaches the threshold."""
    return [next((p for p, _ in peaks if p >= SHORTEST), 0) for peaks in _peaks(scores(series), threshold)]


def scores(series: Floats) -> Floats:
    """The score of each period from 0 on, as far as needed to know the peaks up to half of the series."""
    import numpy as np

    count = series.shape[1]
    lags = count // 2 + count // 8 + 2
    deviations = series - series.mean(axis=1, keepdims=True) if count else series
    size = 1 << (2 * count).bit_length()
    spectrum = np.abs(np.fft.rfft(deviations, size, axis=1)) ** 2
    sums = np.fft.irfft(spectrum, size, axis=1)[:, :lags]
    # What a level series has is what rounding leaves.
    level = sums[:, :1] <= count * (_NOTHING * np.abs(series).max(axis=1, keepdims=True, initial=0)) ** 2
    pairs = np.maximum(count - np.arange(sums.shape[1]), 1)
    found: Floats = np.where(level, 0, sums / sums[:, :1] * np.sqrt(count / pairs)).clip(0)
    return found


def _peaks(scores: Floats, threshold: float) -> Iterator[Iterator[tuple[int, float]]]:
    """For each row its periods with their scores, best first, without the multiples of better ones."""
    import numpy as np

    last = scores.shape[1] - 1
    inner = scores[:, 1:last]
    rising = (inner > scores[:, : max(last - 1, 0)]) & (inner >= scores[:, 2:])
    rows, places = np.nonzero(rising & (inner > 0) & (inner >= threshold))
    order = np.lexsort((places, -inner[rows, places], rows))
    ends = np.searchsorted(rows, np.arange(len(scores) + 1))
    for row, start, end in zip(scores, ends, ends[1:], strict=False):
        yield _best(row, (places[order[start:end]] + 1).tolist())


def _best(scores: Floats, periods: Sequence[int]) -> Iterator[tuple[int, float]]:
    better: list[int] = []
    for period in periods:
        if _is_peak(scores, period) and not any(_is_multiple(period, other) for other in better):
            better.append(period)
            yield period, min(float(scores[period]), 1.0)


def _is_peak(scores: Floats, period: int) -> bool:
    """Whether no period around has a better score; the last ones are only there to be around others."""
    reach = max(1, period // 4)
    around = scores[period - reach : period + reach + 1]
    return len(around) == 2 * reach + 1 and bool(0 < scores[period] >= around.max())


def _is_multiple(period: int, of: int) -> bool:
    times = round(period / of)
    # The true period is up to half an element longer or shorter, which adds up.
    return times > 1 and abs(period - times * of) <= min(times / 2, of / 8)
