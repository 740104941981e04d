"""Functions of statistics. Null where an argument is; not a number where there is no answer."""

from __future__ import annotations

import math

from huntlake.engines.duckdb.udf.function import udf

_NAN = float("nan")


@udf("hl_erf", "DOUBLE", returns="DOUBLE")
def erf(number: float | None) -> float | None:
    """The error function."""
    return None if number is None else math.erf(number)


@udf("hl_erfc", "DOUBLE", returns="DOUBLE")
def erfc(number: float | None) -> float | None:
    """What the error function leaves of 1."""
    return None if number is None else math.erfc(number)


@udf("hl_beta_pdf", "DOUBLE", "DOUBLE", "DOUBLE", returns="DOUBLE")
def beta_pdf(x: float | None, alpha: float | None, beta: float | None) -> float | None:
    """The density of a beta distribution."""
    if x is None or alpha is None or beta is None:
        return None
    if not (0 <= x <= 1 and alpha > 0 and beta > 0):
        return _NAN
    if x in (0, 1):
        edge = alpha if x == 0 else beta
        return math.inf if edge < 1 else 0.0 if edge > 1 else (beta if x == 0 else alpha)
    return math.exp((alpha - 1) * math.log(x) + (beta - 1) * math.log1p(-x) - _log_beta(alpha, beta))


@udf("hl_beta_cdf", "DOUBLE", "DOUBLE", "DOUBLE", returns="DOUBLE")
def beta_cdf(x: float | None, alpha: float | None, beta: float | None) -> float | None:
    """The part of a beta distribution below `x`."""
    if x is None or alpha is None or beta is None:
        return None
    if not (0 <= x <= 1 and alpha > 0 and beta > 0):
        return _NAN
    return _incomplete_beta(x, alpha, beta)


@udf("hl_beta_inv", "DOUBLE", "DOUBLE", "DOUBLE", returns="DOUBLE")
def beta_inv(probability: float | None, alpha: float | None, beta: float | None) -> float | None:
    """The value below which a part of a beta distribution lies; null where that part is none."""
    if probability is None or alpha is None or beta is None or not 0 <= probability <= 1:
        return None
    if not (alpha > 0 and beta > 0):
        return _NAN
    low, high = 0.0, 1.0
    # Halving ends where two neighbours of floating point are reached.
    while low < (middle := (low + high) / 2) < high:
        if _incomplete_beta(middle, alpha, beta) < probability:
            low = middle
        else:
            high = middle
    return high if probability > 0 else 0.0


@udf("hl_welch_test", "DOUBLE", "DOUBLE", "DOUBLE", "DOUBLE", "DOUBLE", "DOUBLE", returns="DOUBLE")
def welch_test(
    mean1: float | None,
    variance1: float | None,
    count1: float | None,
    mean2: float | None,
    variance2: float | None,
    count2: float | None,
) -> float | None:
    """The two-sided p-value that two samples come from populations of one mean, whose variances may differ."""
    if (
        mean1 is None
        or variance1 is None
        or count1 is None
        or mean2 is None
        or variance2 is None
        or count2 is None
        or count1 < 2
        or count2 < 2
        or variance1 < 0
        or variance2 < 0
    ):
        return None
    one, two = variance1 / count1, variance2 / count2
    if one + two == 0:
        return None
    squared = (mean1 - mean2) ** 2 / (one + two)
    freedom = (one + two) ** 2 / (one**2 / (count1 - 1) + two**2 / (count2 - 1))
    return _incomplete_beta(freedom / (freedom + squared), freedom / 2, 0.5)


def _log_beta(alpha: float, beta: float) -> float:
    return math.lgamma(alpha) + math.lgamma(beta) - math.lgamma(alpha + beta)


def _incomplete_beta(x: float, a: float, b: float) -> float:
    """The regularized incomplete beta function, by its continued fraction."""
    if x in (0, 1):
        return float(x)
    if x > (a + 1) / (a + b + 2):
        # The fraction converges quickly on this side only.
        return 1 - _incomplete_beta(1 - x, b, a)
    front = math.exp(a * math.log(x) + b * math.log1p(-x) - _log_beta(a, b)) / a
    # Lentz's method.
    tiny = 1e-300
    f, c, d = 1.0, 1.0, 0.0
    for i in range(1000):
        m = i // 2
        if i == 0:
            term = 1.0
        elif i % 2 == 0:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        else:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 + term * d
        d = 1 / (d if abs(d) > tiny else tiny)
        c = 1 + term / c
        c = c if abs(c) > tiny else tiny
        f *= c * d
        if abs(1 - c * d) < 1e-15:
            break
    return front * (f - 1)
