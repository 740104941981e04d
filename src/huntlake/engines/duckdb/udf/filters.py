"""Series through filters, and as waves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from huntlake.engines.duckdb.udf.batches import Floats, answered, series_udf

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@series_udf("hl_series_fft", "VARCHAR", "VARCHAR", series=2)
def series_fft(real: Floats, imaginary: Floats) -> tuple[Floats, Floats] | None:
    """`real imag` of the waves that a series of complex numbers is made of; null where the lengths differ."""
    import numpy as np

    if real.shape != imaginary.shape:
        return None
    return _parts(np.fft.fft(real + 1j * imaginary)) if real.shape[1] else (real, imaginary)


@series_udf("hl_series_ifft", "VARCHAR", "VARCHAR", series=2)
def series_ifft(real: Floats, imaginary: Floats) -> tuple[Floats, Floats] | None:
    """`real imag` of the series that is made of these waves; null where the lengths differ."""
    import numpy as np

    if real.shape != imaginary.shape:
        return None
    return _parts(np.fft.ifft(real + 1j * imaginary)) if real.shape[1] else (real, imaginary)


def _parts(waves: npt.NDArray[np.complex128]) -> tuple[Floats, Floats]:
    return waves.real.copy(), waves.imag.copy()


@series_udf("hl_series_fir", "VARCHAR", "VARCHAR", "BOOLEAN", "BOOLEAN", series=2)
def series_fir(series: Floats, filters: Floats, normalize: bool | None, center: bool | None) -> list[object] | None:
    """Each element with those before it, weighed; before the first are zeros. Null without a filter."""
    import numpy as np

    width = filters.shape[1]
    if not width or center is None:
        return None
    negative = np.asarray((filters < 0).any(axis=1))
    scaled = ~negative if normalize is None else np.full(len(filters), normalize)
    total = filters.sum(axis=1)
    weights = np.where(scaled[:, None], filters / total[:, None], filters)
    ahead = (width - 1) // 2 if center else 0
    padded = np.pad(series, ((0, 0), (width - 1 - ahead, ahead)))
    found = np.zeros_like(series)
    for place in range(width):
        start = width - 1 - place
        found += padded[:, start : start + series.shape[1]] * weights[:, place : place + 1]
    # A filter with a negative weight can't be normalized, nor one whose sum is nothing.
    return answered(~(scaled & (negative | (total == 0))), found)


@series_udf("hl_series_iir", "VARCHAR", "VARCHAR", "VARCHAR", series=3)
def series_iir(series: Floats, numerators: Floats, denominators: Floats) -> list[object] | None:
    """Each element with those before it and with what came out before, weighed; null where that divides by 0."""
    import numpy as np

    if not numerators.shape[1] or not denominators.shape[1]:
        return None
    count = series.shape[1]
    width, depth = numerators.shape[1], denominators.shape[1]
    padded = np.pad(series, ((0, 0), (width - 1, 0)))
    out = np.zeros((len(series), depth - 1 + count))
    forward, back = numerators[:, ::-1], denominators[:, :0:-1]
    for i in range(count):
        fed = (padded[:, i : i + width] * forward).sum(axis=1) - (out[:, i : i + depth - 1] * back).sum(axis=1)
        out[:, i + depth - 1] = fed / denominators[:, 0]
    return answered(denominators[:, 0] != 0, np.ascontiguousarray(out[:, depth - 1 :]))
