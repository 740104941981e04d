"""Series through filters, and as waves. Null where a series is none, or an element is no finite number."""

from __future__ import annotations

from huntlake.kql.symbols import Bool, Dynamic, columns, scalar

_X = '"~x"'


@scalar("series_fft", columns=columns(real=Dynamic, imag=Dynamic))
def series_fft(x_real: Dynamic) -> Dynamic:
    """The waves that a series of complex numbers is made of, by the fast Fourier transform.

    >>> series_fft(dynamic([1, 0, 0, 0]))
    (dynamic([1.0,1.0,1.0,1.0]), dynamic([0.0,0.0,0.0,0.0]))
    """
    return f"hl_series_fft({x_real}::VARCHAR, {_zeros(x_real)}::VARCHAR)"


@series_fft.overload
def _(x_real: Dynamic, x_imaginary: Dynamic) -> Dynamic:
    return f"hl_series_fft({x_real}::VARCHAR, {x_imaginary}::VARCHAR)"


@scalar("series_ifft", columns=columns(real=Dynamic, imag=Dynamic))
def series_ifft(fft_real: Dynamic) -> Dynamic:
    """The series of complex numbers that is made of waves: what `series_fft` has undone.

    >>> series_ifft(dynamic([1, 1, 1, 1]), dynamic([0, 0, 0, 0]))
    (dynamic([1.0,0.0,0.0,0.0]), dynamic([0.0,0.0,0.0,0.0]))
    """
    return f"hl_series_ifft({fft_real}::VARCHAR, {_zeros(fft_real)}::VARCHAR)"


@series_ifft.overload
def _(fft_real: Dynamic, fft_imaginary: Dynamic) -> Dynamic:
    return f"hl_series_ifft({fft_real}::VARCHAR, {fft_imaginary}::VARCHAR)"


def _zeros(series: str) -> str:
    return f"to_json(list_transform(range(json_array_length({series})::BIGINT), lambda {_X}: 0))"


@scalar("series_fir")
def series_fir(series: Dynamic, filter: Dynamic, normalize: Bool = "null", center: Bool = "false") -> Dynamic:
    """Each element with those before it, weighed by the filter: its first weight is for the element itself.

    A normalized filter is divided by its sum, as one without a negative weight is unless told otherwise; null where
    that can't be. A centred one weighs as many elements behind as before. Beyond the ends are zeros.

    >>> series_fir(dynamic([3, 6, 9, 12]), dynamic([1, 1, 1]))
    dynamic([1.0,3.0,6.0,9.0])
    >>> series_fir(dynamic([3, 6, 9, 12]), dynamic([1, 1, 1]), true, true)
    dynamic([3.0,6.0,9.0,7.0])
    >>> series_fir(dynamic([3, 6, 9, 15]), dynamic([1, -1]))
    dynamic([3.0,3.0,3.0,6.0])
    """
    return f"hl_series_fir({series}::VARCHAR, {filter}::VARCHAR, {normalize}::BOOLEAN, {center})::JSON"


@scalar("series_iir")
def series_iir(series: Dynamic, numerators: Dynamic, denominators: Dynamic) -> Dynamic:
    """Each element with those before it, weighed by the numerators, less what came out before, by the denominators.

    All is divided by the first denominator: null where that is 0.

    >>> series_iir(dynamic([1, 2, 3, 4]), dynamic([1]), dynamic([1, -1]))
    dynamic([1.0,3.0,6.0,10.0])
    """
    return f"hl_series_iir({series}::VARCHAR, {numerators}::VARCHAR, {denominators}::VARCHAR)::JSON"
