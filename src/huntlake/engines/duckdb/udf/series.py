"""Series: JSON arrays of numbers. Null where there is no series."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from itertools import pairwise

from huntlake.engines.duckdb.udf.bags import written
from huntlake.engines.duckdb.udf.function import udf

Number = int | float


@udf("hl_series_correlation", "VARCHAR", "VARCHAR", returns="DOUBLE")
def series_correlation(left: str | None, right: str | None) -> float | None:
    """Pearson's correlation; null where the lengths differ, an element is no number or one series doesn't vary."""
    xs, ys = _numbers(left), _numbers(right)
    if xs is None or ys is None or len(xs) != len(ys) or not xs:
        return None
    x0, y0 = math.fsum(xs) / len(xs), math.fsum(ys) / len(ys)
    both = math.fsum((x - x0) * (y - y0) for x, y in zip(xs, ys, strict=True))
    scale = math.sqrt(math.fsum((x - x0) ** 2 for x in xs) * math.fsum((y - y0) ** 2 for y in ys))
    return both / scale if scale else None


@udf("hl_series_stats", "VARCHAR", "BOOLEAN", returns="VARCHAR")
def series_stats(series: str | None, ignore_nonfinite: bool | None) -> str | None:
    """An array of `min min_idx max max_idx avg stdev variance sum len`; nulls where an element is no finite number."""
    values = _read(series)
    if values is None:
        return None
    kept = [(i, float(v)) for i, v in enumerate(values) if isinstance(v, int | float) and _is_number(v)]
    if not kept or (len(kept) < len(values) and not ignore_nonfinite):
        return written([None] * 9)
    numbers = [v for _, v in kept]
    total = math.fsum(numbers)
    mean = total / len(numbers)
    variance = math.fsum((v - mean) ** 2 for v in numbers) / (len(numbers) - 1) if len(numbers) > 1 else 0.0
    least, greatest = min(numbers), max(numbers)
    places = [next(i for i, v in kept if v == extreme) for extreme in (least, greatest)]
    return written([least, places[0], greatest, places[1], mean, math.sqrt(variance), variance, total, len(numbers)])


@udf("hl_series_fill", "VARCHAR", "VARCHAR", "DOUBLE", "VARCHAR", returns="VARCHAR")
def series_fill(series: str | None, kind: str | None, placeholder: float | None, value: str | None) -> str | None:
    """A series with something in place of each null, or of each element that equals the placeholder."""
    values = _read(series)
    if values is None:
        return None
    missing = [v is None if placeholder is None else v == placeholder for v in values]
    if kind == "const":
        constant = None if value is None else json.loads(value)
        return written([constant if m else v for v, m in zip(values, missing, strict=True)])
    if kind == "backward":
        return written(_forward(values[::-1], missing[::-1])[::-1])
    return written(_forward(values, missing))


@udf("hl_series_fill_linear", "VARCHAR", "DOUBLE", "BOOLEAN", "VARCHAR", returns="VARCHAR")
def series_fill_linear(
    series: str | None, placeholder: float | None, fill_edges: bool | None, constant: str | None
) -> str | None:
    """A series with each null, or each element that equals the placeholder, on the line between its neighbours.

    Beyond the first and the last it is as they are, if `fill_edges` says so. A series of nothing else has the constant
    throughout, which is JSON. In a series of whole numbers they are cut to whole numbers, as Kusto does.
    """
    values = _read(series)
    if values is None or fill_edges is None:
        return None
    missing = [v is None if placeholder is None else v == placeholder for v in values]
    known = [
        (i, v)
        for i, (v, gap) in enumerate(zip(values, missing, strict=True))
        if not gap and isinstance(v, int | float) and _is_number(v)
    ]
    if all(missing):
        value = None if constant is None else json.loads(constant)
        return series if value is None else written([value] * len(values))
    whole = all(isinstance(v, int) for _, v in known)
    filled = list(values)
    for (before, low), (after, high) in pairwise(known):
        for i in range(before + 1, after):
            if missing[i]:
                value = low + (high - low) * (i - before) / (after - before)
                filled[i] = math.trunc(value) if whole else value
    if fill_edges and known:
        (first, low), (last, high) = known[0], known[-1]
        filled[:first] = [low if gap else v for gap, v in zip(missing[:first], values, strict=False)]
        filled[last:] = [high if gap else v for gap, v in zip(missing[last:], values[last:], strict=True)]
    return written(filled)


def _forward(values: Sequence[object], missing: Sequence[bool]) -> list[object]:
    filled: list[object] = []
    known = False
    for value, gap in zip(values, missing, strict=True):
        filled.append(filled[-1] if gap and known else value)
        known = known or not gap
    return filled


def _read(text: str | None) -> list[object] | None:
    value = None if text is None else json.loads(text)
    return value if isinstance(value, list) else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _numbers(text: str | None) -> list[Number] | None:
    values = _read(text)
    if values is None or not all(_is_number(v) for v in values):
        return None
    return [v for v in values if isinstance(v, int | float)]
