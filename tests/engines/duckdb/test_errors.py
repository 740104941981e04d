from __future__ import annotations

import pytest

from huntlake.core.errors import LimitExceeded
from huntlake.engines.duckdb.errors import translate


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        Exception("Out of Memory Error: could not allocate block"),
        OSError("Invalid Error: std::bad_alloc"),
        Exception("Invalid Input Error: Python exception occurred while executing the UDF: MemoryError: "),
    ],
)
def test_a_lack_of_memory_is_a_limit_wherever_it_shows(error: Exception) -> None:
    assert isinstance(translate(error), LimitExceeded)


@pytest.mark.parametrize(
    "error",
    [
        Exception("Conversion Error: Could not convert string 'nginx: failed to allocate' to INT64"),
        Exception("Binder Error: no such column\n\nLINE 1: select 'Out of Memory Error'"),
    ],
)
def test_a_log_that_tells_of_a_lack_of_memory_is_none(error: Exception) -> None:
    assert not isinstance(translate(error), LimitExceeded)
