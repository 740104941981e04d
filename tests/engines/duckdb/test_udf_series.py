"""The functions of whole series, on columns."""

import json
import math
import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from huntlake.engines.duckdb.udf import batches, functions
from huntlake.engines.geography import Nowhere

FUNCTIONS = functions(Nowhere())


def _ask(name: str, *columns: list[Any]) -> list[Any]:
    answers = FUNCTIONS[name].of_columns()(*(pa.array(c) for c in columns)).to_pylist()
    return [None if a is None else json.loads(a) for a in answers]


def _series(rows: int, seed: int = 7) -> list[list[float]]:
    dice = random.Random(seed)
    return [[dice.gauss(0, 1) for _ in range(dice.choice((0, 1, 2, 5, 5, 5, 30, 31)))] for _ in range(rows)]


ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "hl_series_decompose": (-1, "linefit", 0, 0.1),
    "hl_series_decompose_anomalies": (1.5, 3, "linefit", 1, "ctukey", 0.6),
    "hl_series_fft": ("[1,2,3,4,5]",),
    "hl_series_fir": ("[1,2,3]", None, True),
    "hl_series_fit_2lines": (),
    "hl_series_fit_line": (),
    "hl_series_fit_poly": ("[1,2,4,8,16]", 2),
    "hl_series_ifft": ("[1,2,3,4,5]",),
    "hl_series_iir": ("[1,0.3]", "[1,-0.7]"),
    "hl_series_outliers": ("ctukey", None, 10.0, 90.0),
    "hl_series_periods_detect": (0.0, 100.0, 2),
    "hl_series_periods_validate": ("[4,5,6]",),
    "hl_series_seasonal": (-1, 0.1),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_row_has_the_same_answer_in_whatever_company(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [json.dumps(s) for s in _series(300)]
    columns = [texts, *([a] * len(texts) for a in ARGUMENTS[name])]
    together = _ask(name, *columns)
    assert any(together)
    assert together == [_ask(name, *([c[i]] for c in columns))[0] for i in range(len(texts))]
    monkeypatch.setattr(batches, "AT_ONCE", 50)
    assert together == _ask(name, *columns)


def test_arguments_may_differ_from_row_to_row() -> None:
    text = json.dumps([0, 1, 2, 3, 4, 5, 6, 7, 20])
    low, high = _ask("hl_series_outliers", [text] * 2, ["ctukey"] * 2, [None, None], [10.0, 25.0], [90.0, 75.0])
    assert (low, high) == (
        _ask("hl_series_outliers", [text], ["ctukey"], [None], [10.0], [90.0])[0],
        _ask("hl_series_outliers", [text], ["tukey"], [None], [10.0], [90.0])[0],
    )


@pytest.mark.parametrize("text", [None, "null", "7", '"x"', "{}", "[1,null]", '[1,"2"]', "[true]", "[[1]]", '["NaN"]'])
def test_what_is_no_series_of_numbers_has_no_answer(text: str | None) -> None:
    assert _ask("hl_series_fit_line", [text]) == [None]


def test_two_lines_are_parted_as_trying_every_place_would() -> None:
    dice = random.Random(3)
    for _ in range(100):
        y = np.array([dice.randrange(0, 9) for _ in range(dice.randrange(4, 12))], float)
        (found,) = _ask("hl_series_fit_2lines", [json.dumps(y.tolist())])
        assert isinstance(found, list)
        best = min(_left(y[:at]) + _left(y[at:]) for at in range(2, len(y) - 1))
        assert math.isclose(_left(y[: found[1]]) + _left(y[found[1] :]), best, abs_tol=1e-9)
        assert math.isclose(found[3] * (len(y) - 1), best, abs_tol=1e-9)


def _left(y: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> float:
    x = np.arange(len(y))
    return float(((y - np.polyval(np.polyfit(x, y, 1), x)) ** 2).sum())


def test_a_season_is_the_median_of_its_phase() -> None:
    dice = random.Random(5)
    for _ in range(100):
        count, period, excluded = dice.randrange(1, 40), dice.randrange(1, 45), dice.randrange(0, 5)
        series = [dice.gauss(0, 1) for _ in range(count)]
        learnt = series[: max(count - excluded, 0)]
        (found,) = _ask("hl_series_decompose", [json.dumps(series)], [period], ["none"], [excluded], [0.6])
        if not learnt:
            assert found is None
            continue
        assert isinstance(found, list)
        expected = [float(np.median(p)) if (p := learnt[i % period :: period]) else None for i in range(count)]
        assert found[1] == pytest.approx(expected)


def test_waves_come_back() -> None:
    real, imaginary = [1.5, -2.0, 7.25, 0.0, 3.0], [0.0, 1.0, -1.0, 2.0, 0.5]
    ((forward_real, forward_imaginary),) = _ask("hl_series_fft", [json.dumps(real)], [json.dumps(imaginary)])
    ((back_real, back_imaginary),) = _ask("hl_series_ifft", [json.dumps(forward_real)], [json.dumps(forward_imaginary)])
    assert back_real == pytest.approx(real)
    assert back_imaginary == pytest.approx(imaginary)


@pytest.mark.parametrize("period", [5, 7, 12, 24, 50])
def test_the_period_of_a_noisy_series_is_found(period: int) -> None:
    dice = random.Random(period)
    shape = [dice.uniform(-3, 3) for _ in range(period)]
    series = [shape[i % period] + dice.gauss(0, 0.3) for i in range(6 * period)]
    ((periods, scores),) = _ask("hl_series_periods_detect", [json.dumps(series)], [0.0], [1e9], [3])
    assert periods[0] == period
    assert scores[0] > 0.6


def test_no_period_is_found_where_there_is_none() -> None:
    for seed in range(50):
        dice = random.Random(seed)
        series = [dice.gauss(0, 1) for _ in range(168)]
        seasonal = _ask("hl_series_decompose", [json.dumps(series)], [-1], ["avg"], [0], [0.6])[0][1]
        assert set(seasonal) == {0.0}
