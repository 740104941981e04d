"""Lines and curves fitted to series by least squares.

How well one fits is told as Kusto does: `rsquare`, the `variance` of the series and the `rvariance` of what the fit
leaves, both of a sample.
"""

from __future__ import annotations

from collections.abc import Mapping

from huntlake.engines.duckdb.udf.batches import Floats, series_udf


@series_udf("hl_series_fit_line", "VARCHAR")
def series_fit_line(y: Floats) -> tuple[Floats, ...] | None:
    """`rsquare slope variance rvariance interception line_fit` of the straight line over 1, 2, …"""
    if not y.shape[1]:
        return None
    line = _line(y)
    return tuple(line[name] for name in ("rsquare", "slope", "variance", "rvariance", "interception", "line_fit"))


@series_udf("hl_series_fit_2lines", "VARCHAR")
def series_fit_2lines(y: Floats) -> tuple[Floats, ...] | None:
    """`rsquare split_idx variance rvariance line_fit`, and five of each side, of the two lines that fit best.

    Each part has two elements at least; `split_idx` is the place of the right part's first.
    """
    import numpy as np

    count = y.shape[1]
    if count < 4:
        return None
    split = _split(y)
    lefts = {name: np.empty((len(y), count) if name == "line_fit" else len(y)) for name in _line(y[:1, :1])}
    rights = {name: np.empty_like(values) for name, values in lefts.items()}
    fit = np.empty_like(y)
    for at in np.unique(split):
        rows = split == at
        for side, part in ((lefts, slice(None, at)), (rights, slice(at, None))):
            for name, values in _line(y[rows][:, part]).items():
                if name == "line_fit":
                    fit[rows, part] = values
                else:
                    side[name][rows] = values
    variance, rvariance, rsquare = _quality(y, fit)
    names = ("rsquare", "slope", "interception", "variance", "rvariance")
    sides = [side[name] for side in (rights, lefts) for name in names]
    return (rsquare, split, variance, rvariance, fit, *sides)


@series_udf("hl_series_fit_poly", "VARCHAR", "VARCHAR", "BIGINT", series=2)
def series_fit_poly(y: Floats, x: Floats, degree: int | None) -> tuple[Floats, ...] | None:
    """`rsquare coefficients variance rvariance poly_fit` of the polynomial, the highest power's coefficient first."""
    import numpy as np

    if degree is None or degree < 0 or y.shape != x.shape or y.shape[1] <= degree:
        return None
    # Powers of numbers about 1 are far better to reckon with than those of large ones.
    middle = x.mean(axis=1, keepdims=True)
    reach = np.abs(x - middle).max(axis=1, keepdims=True)
    reach[reach == 0] = 1
    powers = ((x - middle) / reach)[:, :, None] ** np.arange(degree, -1, -1)
    found = (np.linalg.pinv(powers) * y[:, None, :]).sum(axis=2)
    fit = (powers * found[:, None, :]).sum(axis=2)
    variance, rvariance, rsquare = _quality(y, fit)
    coefficients = np.array([_unscaled(c, m, r) for c, m, r in zip(found, middle[:, 0], reach[:, 0], strict=True)])
    return rsquare, coefficients.reshape(len(y), -1), variance, rvariance, fit


def _unscaled(coefficients: Floats, middle: float, reach: float) -> Floats:
    """The coefficients over `x` of a polynomial over `(x - middle) / reach`."""
    import numpy as np

    scaled = np.poly1d(coefficients)(np.poly1d([1 / reach, -middle / reach]))
    found = np.zeros(len(coefficients))
    found[len(found) - len(scaled.coeffs) :] = scaled.coeffs
    return found


def line_of(y: Floats) -> tuple[Floats, Floats]:
    """The slope and the interception, over 1, 2, …, of the straight line nearest to each row."""
    import numpy as np

    middle = (y.shape[1] + 1) / 2
    places = np.arange(1, y.shape[1] + 1) - middle
    spread = (places**2).sum()
    mean = y.mean(axis=1)
    # Not as a product of matrices: that rounds a row otherwise in other company.
    slope = ((y - mean[:, None]) * places).sum(axis=1) / spread if spread else np.zeros(len(y))
    return slope, mean - slope * middle


def _line(y: Floats) -> Mapping[str, Floats]:
    import numpy as np

    slope, interception = line_of(y)
    fit = interception[:, None] + slope[:, None] * np.arange(1, y.shape[1] + 1)
    variance, rvariance, rsquare = _quality(y, fit)
    return {
        "rsquare": rsquare,
        "slope": slope,
        "variance": variance,
        "rvariance": rvariance,
        "interception": interception,
        "line_fit": fit,
    }


def _quality(y: Floats, fit: Floats) -> tuple[Floats, Floats, Floats]:
    import numpy as np

    whole = ((y - y.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    left = ((y - fit) ** 2).sum(axis=1)
    # A level series is met by a level line.
    rsquare = np.where(whole > 0, 1 - left / whole, 1.0)
    return whole / (y.shape[1] - 1), left / (y.shape[1] - 1), rsquare


def _split(y: Floats) -> Floats:
    """Where to part each row so that two lines leave the least."""
    centred = y - y.mean(axis=1, keepdims=True)
    left = _left_over(centred)
    right = _left_over(centred[:, ::-1])[:, ::-1]
    count = y.shape[1]
    # `left[:, k]` is of the elements up to k, `right[:, k]` of those from k on.
    both = left[:, 1 : count - 2] + right[:, 2 : count - 1]
    # What differs by rounding only is equal: the first of them is taken.
    close = both <= both.min(axis=1, keepdims=True) + 1e-12 * (centred**2).sum(axis=1, keepdims=True)
    found: Floats = close.argmax(axis=1) + 2
    return found


def _left_over(y: Floats) -> Floats:
    """The sum of squares that a line leaves of the first 1, 2, … elements."""
    import numpy as np

    count = np.arange(1, y.shape[1] + 1, dtype=np.float64)
    places = count - 1
    total = y.cumsum(axis=1)
    # Places are 0 to m - 1: their mean is half of the last, their spread (m³ - m) / 12.
    spread = (count**3 - count) / 12
    together = (y * places).cumsum(axis=1) - total * places / 2
    explained = np.where(spread > 0, together**2 / np.where(spread > 0, spread, 1), 0)
    left: Floats = np.maximum((y**2).cumsum(axis=1) - total**2 / count - explained, 0)
    return left
