"""Periods of series.

How Kusto scores a period isn't published. Here it is done as the literature does, and so that the reference's printed
examples are met: by the autocorrelation of the series, of which a period is a peak that is no mere multiple of a
shorter one. Of n elements, the score of the period k is the sum of the products of those k apart, as deviations from
the mean, over the sum of all squares, by the root of (n - k) / n: between the two usual ways to say it.
"""

from __future__ import annotations

from huntlake.engines.duckdb.udf.batches import Floats, series_udf

SHORTEST = 4
"""Elements of the shortest period that is looked for; the longest has half of the series."""
_NOTHING = 1e-12


@series_udf("hl_series_periods_detect", "VARCHAR", "DOUBLE", "DOUBLE", "BIGINT")
def series_periods_detect(
    series: Floats, least: float | None, most: float | None, count: int | None
) -> tuple[Floats, Floats] | None:
    """The best periods between two bounds, best first, and their scores; where there are fewer, zeros follow."""
    import numpy as np

    if least is None or most is None or count is None or count < 0:
        return None
    # No series has more periods than elements.
    periods, found = np.zeros((2, len(series), min(count, series.shape[1] or 1)))
    for row, peaks in enumerate(_peaks(scores(series), 0.0)):
        best = [(p, s) for p, s in peaks if max(SHORTEST, least) <= p <= most][: periods.shape[1]]
        for place, (period, score) in enumerate(best):
            periods[row, place], found[row, place] = period, score
    return periods, found


@series_udf("hl_series_periods_validate", "VARCHAR", "VARCHAR", series=2)
def series_periods_validate(series: Floats, periods: Floats) -> tuple[Floats, Floats]:
    """The periods, and for each its score: 0 where the series has no such period."""
    import numpy as np

    found = np.zeros_like(periods)
    for row, peaks in enumerate(_peaks(scores(series), 0.0, multiples=True)):
        by_period = dict(peaks)
        for place, period in enumerate(periods[row]):
            if SHORTEST <= period <= series.shape[1] / 2:
                found[row, place] = by_period.get(round(period), 0.0)
    return periods, found


def best_periods(series: Floats, threshold: float) -> list[int]:
    """For each row the period of the best score, 0 where none reaches the threshold."""
    return [next((p for p, _ in peaks if p >= SHORTEST), 0) for peaks in _peaks(scores(series), max(threshold, 0.0))]


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


def _peaks(scores: Floats, threshold: float, *, multiples: bool = False) -> list[list[tuple[int, float]]]:
    """For each row its periods with their scores, best first, with or without the multiples of better ones."""
    import numpy as np

    count = scores.shape[1]
    # The last period that has all of its surroundings.
    last = next((p for p in range(count, 0, -1) if p + max(1, p // 4) < count), 0)
    inner = scores[:, 1 : last + 1]
    rising = (inner > scores[:, :last]) & (inner >= scores[:, 2 : last + 2])
    rows, places = np.nonzero(rising & (inner > 0) & (inner >= threshold))
    found: list[list[tuple[int, float]]] = [[] for _ in scores]
    order = np.lexsort((places, -inner[rows, places], rows))
    for row, period in zip(rows[order].tolist(), (places[order] + 1).tolist(), strict=True):
        mine, reach = scores[row], max(1, period // 4)
        score = mine[period]
        if score < mine[period - reach : period + reach + 1].max():
            continue
        if multiples or not any(_is_multiple(period, better) for better, _ in found[row]):
            found[row].append((period, min(float(score), 1.0)))
    return found


def _is_multiple(period: int, of: int) -> bool:
    times = round(period / of)
    # The true period is up to half an element longer or shorter, which adds up.
    return times > 1 and abs(period - times * of) <= min(times / 2, of / 8)
