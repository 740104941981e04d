"""When triggers that recur are due."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from huntlake.core.errors import Invalid
from huntlake.playbooks.recurrences import recurrence_of


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def following(said: dict[str, Any], moment: str, count: int = 3) -> list[str]:
    recurrence, found, now = recurrence_of(said), [], at(moment)
    for _ in range(count):
        now = recurrence.after(now, at(moment))
        found.append(f"{now:%Y-%m-%dT%H:%M:%S}")
    return found


def test_without_a_start_it_fires_at_once_and_then_in_its_interval() -> None:
    said = {"frequency": "Minute", "interval": 5}
    assert recurrence_of(said).first(at("2026-03-01T10:00:07")) == at("2026-03-01T10:00:07")
    assert following(said, "2026-03-01T10:00:07", 2) == ["2026-03-01T10:05:07", "2026-03-01T10:10:07"]


def test_a_start_in_the_past_sets_the_grid_and_one_to_come_is_waited_for() -> None:
    said = {"frequency": "hour", "interval": 2, "startTime": "2026-01-01T01:00:00Z"}
    assert recurrence_of(said).first(at("2026-03-01T10:30:00")) == at("2026-03-01T11:00:00")
    assert recurrence_of(said).first(at("2025-03-01T10:30:00")) == at("2026-01-01T01:00:00")


def test_days_are_those_of_the_zone_when_clocks_change() -> None:
    said = {"frequency": "Day", "startTime": "2026-03-27T09:00:00", "timeZone": "W. Europe Standard Time"}
    # Summer time begins on the 29th.
    assert following(said, "2026-03-27T09:00:00") == [
        "2026-03-28T08:00:00",
        "2026-03-29T07:00:00",
        "2026-03-30T07:00:00",
    ]


def test_a_time_that_is_left_out_when_clocks_go_forward_comes_an_hour_later() -> None:
    zone = {"timeZone": "W. Europe Standard Time", "schedule": {"hours": ["2"], "minutes": [30]}}
    assert following({"frequency": "Day", **zone}, "2026-03-28T12:00:00", 2) == [
        "2026-03-29T01:30:00",
        "2026-03-30T00:30:00",
    ]


def test_a_time_that_comes_twice_counts_once() -> None:
    zone = {"timeZone": "W. Europe Standard Time", "schedule": {"hours": [2], "minutes": [30]}}
    assert following({"frequency": "Day", **zone}, "2026-10-24T12:00:00", 2) == [
        "2026-10-25T00:30:00",
        "2026-10-26T01:30:00",
    ]


def test_a_schedule_of_days_of_the_week() -> None:
    said = {"frequency": "Week", "schedule": {"weekDays": ["Monday", "Friday"], "hours": [8, 17], "minutes": [0]}}
    assert following(said, "2026-03-04T12:00:00", 5) == [
        "2026-03-06T08:00:00",
        "2026-03-06T17:00:00",
        "2026-03-09T08:00:00",
        "2026-03-09T17:00:00",
        "2026-03-13T08:00:00",
    ]


def test_every_second_week_and_every_third_day_count_from_the_start() -> None:
    week = {"frequency": "Week", "interval": 2, "startTime": "2026-03-02T00:00:00Z"}
    schedule = {"schedule": {"weekDays": ["Tuesday"], "hours": [6], "minutes": [0]}}
    assert following({**week, **schedule}, "2026-03-02T00:00:00", 2) == ["2026-03-03T06:00:00", "2026-03-17T06:00:00"]
    day = {"frequency": "Day", "interval": 3, "startTime": "2026-03-02T00:00:00Z", "schedule": {"hours": [6]}}
    assert following(day, "2026-03-02T12:00:00", 2) == ["2026-03-05T06:00:00", "2026-03-08T06:00:00"]


def test_a_month_has_a_last_day() -> None:
    said = {"frequency": "Month", "startTime": "2026-01-31T10:00:00Z"}
    assert following(said, "2026-01-31T10:00:00") == [
        "2026-02-28T10:00:00",
        "2026-03-31T10:00:00",
        "2026-04-30T10:00:00",
    ]


@pytest.mark.parametrize(
    "said",
    [
        None,
        {"frequency": "Fortnight"},
        {"frequency": "Day", "interval": 0},
        {"frequency": "Day", "timeZone": "Middle Earth"},
        {"frequency": "Day", "count": 0},
        {"frequency": "Day", "interval": "1_0"},
        {"frequency": "Day", "endTime": "never"},
        {"frequency": "Day", "every": 3},
        {"frequency": "Minute", "schedule": {"minutes": [5]}},
        {"frequency": "Hour", "schedule": {"hours": [5]}},
        {"frequency": "Month", "schedule": {"monthDays": [0]}},
        {"frequency": "Month", "schedule": {"monthDays": [32]}},
        {"frequency": "Month", "schedule": {"monthlyOccurrences": [{"occurrence": 1}]}},
        {"frequency": "Month", "schedule": {"monthlyOccurrences": [{"day": "Friday", "occurrence": 6}]}},
        {"frequency": "Month", "schedule": {"monthDays": [1], "monthlyOccurrences": [{"day": "Friday"}]}},
        {"frequency": "Day", "schedule": {"weekDays": ["Monday"]}},
        {"frequency": "Week", "schedule": {"weekDays": ["Someday"]}},
        {"frequency": "Day", "schedule": {"hours": [24]}},
        {"frequency": "Week", "schedule": {"monthDays": [1]}},
    ],
)
def test_what_is_not_understood_is_refused_by_name(said: Any) -> None:
    with pytest.raises(Invalid):
        recurrence_of(said)


def test_days_of_a_month_count_from_its_beginning_and_from_its_end() -> None:
    month = {"frequency": "Month", "startTime": "2026-01-01T00:00:00Z"}
    schedule = {"monthDays": [31, -2], "hours": [6], "minutes": [30]}
    assert following({**month, "schedule": schedule}, "2026-01-01T00:00:00", 5) == [
        "2026-01-30T06:30:00",
        "2026-01-31T06:30:00",
        "2026-02-27T06:30:00",
        "2026-03-30T06:30:00",
        "2026-03-31T06:30:00",
    ]


def test_a_day_of_the_week_within_a_month_is_the_one_that_is_said() -> None:
    month = {"frequency": "Month", "startTime": "2026-01-01T07:15:00Z"}
    said = [{"day": "Friday", "occurrence": -1}, {"day": "monday", "occurrence": 1}]
    assert following({**month, "schedule": {"monthlyOccurrences": said}}, "2026-01-01T07:15:00", 4) == [
        "2026-01-05T07:15:00",
        "2026-01-30T07:15:00",
        "2026-02-02T07:15:00",
        "2026-02-27T07:15:00",
    ]
    each = {"schedule": {"monthlyOccurrences": [{"day": "Sunday"}]}, "interval": 2}
    assert [d[5:10] for d in following({**month, **each}, "2026-01-20T00:00:00", 3)] == ["01-25", "03-01", "03-08"]


def test_times_of_a_month_without_days_are_those_of_the_day_it_starts_on() -> None:
    said = {"frequency": "Month", "startTime": "2026-01-31T00:00:00Z", "schedule": {"hours": [9], "minutes": [0]}}
    assert [d[:10] for d in following(said, "2026-01-31T12:00:00", 3)] == ["2026-02-28", "2026-03-31", "2026-04-30"]


def test_minutes_of_every_second_hour() -> None:
    said = {"frequency": "Hour", "interval": 2, "schedule": {"minutes": [15, 45]}}
    assert [d[11:] for d in following(said, "2026-03-01T10:20:00", 3)] == ["10:45:00", "12:15:00", "12:45:00"]


def test_a_day_that_never_comes_is_refused_and_not_waited_for() -> None:
    said = {"frequency": "Month", "interval": 12, "startTime": "2026-02-01T00:00:00Z", "schedule": {"monthDays": [30]}}
    with pytest.raises(Invalid, match="no day"):
        recurrence_of(said).first(at("2026-01-01T00:00:00"))


def test_the_29th_of_february_is_waited_for_however_long() -> None:
    said = {"frequency": "Month", "interval": 12, "startTime": "2096-02-29T00:00:00Z", "schedule": {"monthDays": [29]}}
    assert following(said, "2096-02-29T00:00:01", 1) == ["2104-02-29T00:00:00"]


def test_a_recurrence_is_over_after_its_end_or_its_count() -> None:
    ended = recurrence_of({"frequency": "Day", "endTime": "2026-03-05T00:00:00Z"})
    assert not ended.over(at("2026-03-05T00:00:00"), 99)
    assert ended.over(at("2026-03-05T00:00:01"), 0)
    counted = recurrence_of({"frequency": "Day", "count": "2"})
    assert [counted.over(at("2026-03-05T00:00:00"), n) for n in (1, 2)] == [False, True]
