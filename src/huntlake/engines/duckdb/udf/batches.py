"""Functions of whole series, computed for many rows at once: those whose series are equally long share one array."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson

from huntlake.engines.duckdb.udf.function import Function

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# As texts: whoever asks no series needs no numpy.
Floats: TypeAlias = "npt.NDArray[np.float64]"
Gaps: TypeAlias = "npt.NDArray[np.bool_]"

AT_ONCE = 1 << 20
"""Numbers that are computed at once, at most, as long as one series has no more."""


@dataclass(frozen=True)
class SeriesFunction(Function):
    """`of` computes many rows: it takes series of one length as an array of rows, and gives an array for each result.

    The other arguments are the same for all of these rows. What a row's answer is must not depend on the others, not
    even by how it is rounded: which rows come together is by chance. Where a series is none, or one of its elements is
    no number, there is no answer, unless the function takes `gaps`: elements that are not a number then.
    """

    series: int = 1
    """How many of the arguments are series: the first."""
    gaps: bool = False

    def of_columns(self) -> Callable[..., Any]:
        """The function over whole Arrow columns of one length, as the engine calls it."""
        return self.counted(self._over)

    def _over(self, *columns: Any) -> Any:
        import pyarrow as pa

        series = [[_numbers(text) for text in column.to_pylist()] for column in columns[: self.series]]
        others = list(zip(*(column.to_pylist() for column in columns[self.series :]), strict=True))
        groups: dict[tuple[object, ...], list[int]] = {}
        for row, mine in enumerate(zip(*series, strict=True)):
            if None not in mine:
                groups.setdefault((*map(_length, mine), *(others[row] if others else ())), []).append(row)
        out: list[str | None] = [None] * len(series[0])
        for key, rows in groups.items():
            step = max(1, AT_ONCE // max(1, sum(_length(column[rows[0]]) for column in series)))
            for start in range(0, len(rows), step):
                self._answer(rows[start : start + step], series, key[self.series :], out)
        return pa.array(out, pa.string())

    def _answer(
        self,
        rows: Sequence[int],
        series: Sequence[Sequence[Sequence[float] | None]],
        arguments: Sequence[object],
        out: list[str | None],
    ) -> None:
        import numpy as np

        arrays = [np.array([column[row] for row in rows], np.float64).reshape(len(rows), -1) for column in series]
        whole = np.ones(len(rows), np.bool_)
        if not self.gaps:
            for array in arrays:
                whole &= np.isfinite(array).all(axis=1)
        if not whole.any():
            return
        with np.errstate(all="ignore"):
            results = self.of(*(array[whole] for array in arrays), *arguments)
        if results is None:
            return
        kept = [row for row, right in zip(rows, whole, strict=True) if right]
        for row, answer in zip(kept, _by_row(results), strict=True):
            out[row] = None if answer is None else written(answer)


def series_udf(
    name: str, *parameters: str, series: int = 1, gaps: bool = False
) -> Callable[[Callable[..., object]], SeriesFunction]:
    """Declare the decorated function of arrays as the SQL function `name`; it gives JSON."""
    return lambda of: SeriesFunction(name, parameters, "VARCHAR", of, series, gaps)


def answered(known: Gaps, results: object) -> list[object]:
    """The results of each row that has an answer, None for the others."""
    return [answer if right else None for right, answer in zip(known, _by_row(results), strict=True)]


def _by_row(results: Any) -> Iterable[object]:
    return zip(*results, strict=True) if isinstance(results, tuple) else results


def written(value: object) -> str:
    """A result as JSON. What is no number there is null, and an infinite one a text, as elsewhere in a dynamic."""
    import numpy as np

    if isinstance(value, tuple):
        return f"[{','.join(map(written, value))}]"
    if isinstance(value, np.ndarray) and value.dtype.kind == "f" and np.isinf(value).any():
        value = [("Infinity" if v > 0 else "-Infinity") if np.isinf(v) else v for v in value.tolist()]
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode()


def _length(series: Sequence[float] | None) -> int:
    return 0 if series is None else len(series)


def _read(text: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        # The engine writes `Infinity` and `NaN` bare: they are no numbers to reckon with here.
        return json.loads(text, parse_constant=lambda _: None)


def _numbers(text: str | None) -> Sequence[float] | None:
    values = None if text is None else _read(text)
    if not isinstance(values, list):
        return None
    if set(map(type, values)) <= {int, float}:
        return values
    return [v if type(v) in (int, float) else float("nan") for v in values]
