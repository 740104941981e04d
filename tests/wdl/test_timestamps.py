"""Times and durations as .NET reads them."""

from __future__ import annotations

import pytest

from huntlake.wdl.dotnet import timestamps
from huntlake.wdl.dotnet.durations import duration
from huntlake.wdl.expressions.values import Fault


@pytest.mark.parametrize("offset", ["+99:99", "+14:01", "-14:01", "+15", "-1500", "+05:60", "+00:99"])
def test_an_offset_that_no_clock_has_does_not_become_another_time(offset: str) -> None:
    with pytest.raises(Fault, match="not a valid date and time"):
        timestamps.read(f"2020-01-01T00:00:00{offset}")


def test_an_offset_that_no_clock_has_is_refused_by_a_format_too() -> None:
    with pytest.raises(Fault, match="not a valid date and time"):
        timestamps.read_exactly("2020-01-01 +15:00", "yyyy-MM-dd zzz")


@pytest.mark.parametrize(
    ("offset", "utc"),
    [
        ("+14:00", "2019-12-31T10:00:00.0000000Z"),
        ("-14:00", "2020-01-01T14:00:00.0000000Z"),
        ("+5", "2019-12-31T19:00:00.0000000Z"),
        (" +0530", "2019-12-31T18:30:00.0000000Z"),
        ("-00:59", "2020-01-01T00:59:00.0000000Z"),
    ],
)
def test_the_offsets_that_clocks_have_move_a_time_to_utc(offset: str, utc: str) -> None:
    assert timestamps.written(timestamps.read(f"2020-01-01T00:00:00{offset}")) == utc


@pytest.mark.parametrize("text", ["٢٠٢٠-٠١-٠١", "2020-01-0١", "2020-01-01T00:00:00.١Z", "2020-01-01T00:00:00+0١:00"])
def test_digits_of_other_alphabets_are_no_time(text: str) -> None:
    with pytest.raises(Fault):
        timestamps.read(text)


def test_digits_of_other_alphabets_are_no_duration_and_no_time_of_a_format() -> None:
    with pytest.raises(Fault):
        duration("PT١H")
    with pytest.raises(Fault):
        timestamps.read_exactly("٢٠٢٠-01-01", "yyyy-MM-dd")


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        ("2026-10-25T01:30:00", "2026-10-24T23:30:00"),
        ("2026-10-25T02:30:00", "2026-10-25T01:30:00"),
        ("2026-10-25T03:30:00", "2026-10-25T02:30:00"),
        ("2026-03-29T03:00:00", "2026-03-29T01:00:00"),
    ],
)
def test_a_time_that_clocks_show_twice_is_standard_time(local: str, utc: str) -> None:
    moved = timestamps.converted(timestamps.read(local), "W. Europe Standard Time", "UTC")
    assert timestamps.written(moved, "s") == utc


def test_a_time_that_clocks_leave_out_does_not_become_another_one() -> None:
    gone = timestamps.read("2026-03-29T02:30:00")
    with pytest.raises(Fault, match="never show 2026-03-29T02:30:00"):
        timestamps.converted(gone, "W. Europe Standard Time", "UTC")
