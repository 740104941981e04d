"""When windows are due, done and made up, without a clock or a store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from huntlake.detection.scheduling import timetable
from huntlake.detection.scheduling.ledger import decoded, encoded
from huntlake.detection.scheduling.timetable import Cadence, Gap, RuleClock, RunRecord

NOW = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
HOURLY = Cadence(HOUR, 5 * MINUTE)


def test_the_first_window_of_a_new_rule_is_due_at_once() -> None:
    cadence = replace(HOURLY, phase=40 * timedelta(seconds=1))
    clock = timetable.begun(cadence, NOW)
    live, gap = timetable.due(clock, cadence, NOW)
    assert (live, gap) == (NOW - 5 * MINUTE - timedelta(seconds=40), None)
    assert live is not None
    after = timetable.done(clock, cadence, live)
    assert timetable.next_due(after, cadence) == NOW + HOUR - timedelta(seconds=40)


def test_a_rule_that_says_when_it_starts_keeps_to_it() -> None:
    start = NOW + 20 * MINUTE
    later = timetable.begun(Cadence(HOUR, 5 * MINUTE, 3 * MINUTE, start), NOW)
    assert timetable.due(later, HOURLY, start + 4 * MINUTE) == (None, None)
    assert timetable.due(later, HOURLY, start + 5 * MINUTE) == (start, None)
    past = timetable.begun(Cadence(HOUR, 5 * MINUTE, 3 * MINUTE, start - 10 * DAY), NOW)
    assert past.last + HOUR == start - HOUR


def test_a_rule_that_starts_next_week_does_not_run_before() -> None:
    weekly = Cadence(HOUR, 5 * MINUTE, 3 * MINUTE, NOW + 7 * DAY)
    assert weekly.start is not None
    clock = timetable.settled(timetable.begun(weekly, NOW), weekly, NOW + 10 * MINUTE)
    assert timetable.next_due(clock, weekly) == weekly.start + 5 * MINUTE
    assert timetable.due(clock, weekly, weekly.start) == (None, None)
    assert timetable.due(clock, weekly, weekly.start + 5 * MINUTE) == (weekly.start, None)
    wrong = replace(clock, last=weekly.start + 3 * HOUR)
    assert timetable.settled(wrong, weekly, NOW).last == weekly.start - HOUR


def test_a_rule_that_is_a_little_behind_goes_through_its_windows_in_order() -> None:
    clock = RuleClock(NOW - 3 * HOUR - 5 * MINUTE)
    seen = []
    while (live := timetable.due(clock := timetable.settled(clock, HOURLY, NOW), HOURLY, NOW)[0]) is not None:
        seen.append(live)
        clock = timetable.done(clock, HOURLY, live)
    assert seen == [NOW - 5 * MINUTE - n * HOUR for n in (2, 1, 0)]


def test_after_an_outage_the_newest_window_does_not_wait_for_the_backlog() -> None:
    clock = timetable.settled(RuleClock(NOW - 3 * DAY), HOURLY, NOW)
    live, gap = timetable.due(clock, HOURLY, NOW)
    assert (live, gap) == (NOW - HOUR, NOW - 3 * DAY + HOUR)
    assert timetable.behind(clock, HOURLY) == 70
    assert gap is not None
    ends = []
    while gap is not None:
        ends.append(gap)
        clock = timetable.done(clock, HOURLY, gap)
        gap = timetable.due(clock, HOURLY, NOW)[1]
    assert ends == [NOW - 3 * DAY + n * HOUR for n in range(1, 71)]
    assert clock.gaps == ()


def test_windows_that_are_too_old_are_told_as_skipped() -> None:
    clock = timetable.settled(RuleClock(NOW - 40 * DAY), HOURLY, NOW, 30 * DAY)
    assert clock.skipped == ((NOW - 40 * DAY, NOW - 30 * DAY),)
    assert clock.gaps == (Gap(NOW - 30 * DAY, NOW - 2 * HOUR),)


def test_a_window_that_failed_is_tried_again_and_holds_up_no_other() -> None:
    clock = RuleClock(NOW - HOUR - 5 * MINUTE)
    until = NOW - 5 * MINUTE
    clock = timetable.postponed(clock, HOURLY, until, NOW + MINUTE)
    assert timetable.due(clock, HOURLY, NOW) == (None, None)
    assert timetable.due(clock, HOURLY, NOW + MINUTE) == (None, until)
    assert timetable.due(clock, HOURLY, NOW + HOUR) == (until + HOUR, until)
    clock = timetable.postponed(clock, HOURLY, until, NOW + 5 * MINUTE)
    assert timetable.tries(clock, HOURLY, until) == 2
    assert timetable.done(clock, HOURLY, until).gaps == ()


def test_the_first_of_a_gap_that_fails_does_not_hold_up_the_others() -> None:
    clock = RuleClock(NOW, gaps=(Gap(NOW - 5 * HOUR, NOW),))
    clock = timetable.postponed(clock, HOURLY, NOW - 4 * HOUR, NOW + DAY)
    assert timetable.due(clock, HOURLY, NOW)[1] == NOW - 3 * HOUR
    assert timetable.is_pending(clock, HOURLY, NOW - 4 * HOUR)


def test_a_clock_that_is_set_back_looks_again_at_what_is_not_over_yet() -> None:
    clock = RuleClock(NOW + 10 * HOUR, gaps=(Gap(NOW - 3 * HOUR, NOW + 5 * HOUR),))
    clock = timetable.settled(clock, HOURLY, NOW)
    assert clock.last == NOW
    assert clock.gaps == (Gap(NOW - 3 * HOUR, NOW),)


def test_windows_skipped_under_a_wrong_clock_come_back() -> None:
    wrong = timetable.settled(RuleClock(NOW - 5 * MINUTE), HOURLY, NOW + 900 * DAY)
    assert wrong.skipped
    right = timetable.settled(wrong, HOURLY, NOW + 3 * HOUR)
    assert right.skipped == ()
    assert right.gaps == (Gap(NOW - 5 * MINUTE, NOW + 3 * HOUR - 5 * MINUTE),)


def test_a_window_that_is_done_stays_done() -> None:
    clock = RuleClock(NOW, gaps=(Gap(NOW - 2 * HOUR, NOW - HOUR),), found={NOW.isoformat(): {"rows": 1}})
    assert timetable.done(clock, HOURLY, NOW).last == NOW
    assert not timetable.is_pending(clock, HOURLY, NOW)


def test_a_changed_frequency_leaves_no_hole() -> None:
    clock = RuleClock(NOW - 4 * HOUR, gaps=(Gap(NOW - 10 * HOUR, NOW - 4 * HOUR),))
    slow = Cadence(4 * HOUR, 5 * MINUTE)
    ends = []
    while (gap := timetable.due(clock, slow, NOW)[1]) is not None:
        ends.append(gap)
        clock = timetable.done(clock, slow, gap)
    assert ends == [NOW - 6 * HOUR, NOW - 4 * HOUR]


@pytest.mark.parametrize("name", ["a", "B", "9f1a"])
def test_rules_are_spread_the_same_way_each_time(name: str) -> None:
    phase = timetable._phase(name, timetable.SPREAD)
    assert timedelta(0) <= phase < timetable.SPREAD
    assert phase == timetable._phase(name.upper(), timetable.SPREAD)


def test_a_clock_is_kept_whole() -> None:
    clock = RuleClock(
        NOW,
        (Gap(NOW - HOUR, NOW, 2, NOW + MINUTE), Gap(NOW - DAY, NOW - HOUR)),
        ((NOW - 9 * DAY, NOW - 8 * DAY),),
        3,
        "why",
        True,
        NOW,
        {"x": {"rows": 1}},
        (RunRecord(NOW, NOW, 1, 2, 3, "no"),),
    )
    assert decoded(encoded(clock)) == clock
    assert decoded(encoded(RuleClock(NOW))) == RuleClock(NOW)
