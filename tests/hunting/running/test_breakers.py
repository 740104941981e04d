"""When breakers open, by their figures alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from huntlake.hunting.lifecycle.hunt import HuntLimits
from huntlake.hunting.proof.finding import Volume
from huntlake.hunting.running import breakers
from huntlake.hunting.running.breakers import BreakerKind
from huntlake.hunting.running.run import HuntRun, RunStatus, Verdict

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)
RUN = HuntRun("h", 1, NOW - DAY, NOW, RunStatus.FINDINGS, NOW, NOW, rows=5, seconds=1)
LIMITS = HuntLimits(rows_a_day=10, seconds=5, read_bytes=1000)


def kinds(*found: breakers.Tripped | None) -> list[BreakerKind]:
    return [one.kind for one in found if one is not None]


def test_a_loud_day_is_no_reason_and_four_are() -> None:
    loud = [replace(RUN, rows=11, since=RUN.since - n * DAY, until=RUN.until - n * DAY) for n in range(4)]
    assert kinds(breakers.volume(loud[:3], LIMITS)) == []
    assert kinds(breakers.volume(loud, LIMITS)) == [BreakerKind.VOLUME]


def test_rows_of_a_week_are_counted_by_the_day() -> None:
    week = replace(RUN, since=NOW - 7 * DAY, rows=70)
    assert kinds(breakers.volume([week] * 9, LIMITS)) == []


def test_a_little_in_every_hour_is_too_much_in_a_day() -> None:
    hours = [
        replace(RUN, rows=1, since=NOW - (n + 1) * DAY / 24, until=NOW - n * DAY / 24, ended=NOW) for n in range(24 * 5)
    ]
    assert kinds(breakers.volume(hours, LIMITS)) == [BreakerKind.VOLUME]
    # The same rows, seen again by windows that lie over each other, are counted once.
    over = [replace(one, since=one.until - 20 * DAY / 24) for one in hours]
    assert kinds(breakers.volume(over, LIMITS)) == []


def test_the_most_rows_grow_with_the_window_and_the_dry_run() -> None:
    assert breakers.most_rows(LIMITS, None, DAY / 24) == 10
    assert breakers.most_rows(LIMITS, Volume(3, 1, 9, ""), DAY) == 90
    assert breakers.most_rows(LIMITS, Volume(3, 1, 9, ""), 7 * DAY) == 630


def test_few_verdicts_and_doubtful_ones_open_nothing() -> None:
    false, true = [Verdict.FALSE_POSITIVE], [Verdict.TRUE_POSITIVE]
    assert kinds(breakers.false_positives(false * 19)) == []
    assert kinds(breakers.false_positives(false * 20)) == [BreakerKind.FALSE_POSITIVES]
    assert kinds(breakers.false_positives(false * 20 + true * 3)) == []
    assert kinds(breakers.false_positives(false * 19 + [Verdict.INCONCLUSIVE] * 50)) == []


def test_only_failures_one_after_the_other_count() -> None:
    failed = replace(RUN, status=RunStatus.FAILED, failure="no")
    assert kinds(breakers.errors([failed, failed, RUN, failed])) == []
    assert kinds(breakers.errors([failed, failed, failed, RUN])) == [BreakerKind.ERRORS]


def test_one_slow_run_may_be_an_accident() -> None:
    slow, large = replace(RUN, seconds=11), replace(RUN, read_bytes=2001)
    assert kinds(breakers.cost([slow, RUN], LIMITS)) == []
    assert kinds(breakers.cost([slow, large], LIMITS)) == [BreakerKind.COST]


def test_a_table_that_always_lags_is_not_silent() -> None:
    hour = timedelta(hours=1)
    assert breakers.blind([("SigninLogs", hour, 2 * hour)]) is None
    assert breakers.blind([("SigninLogs", 5 * hour, 2 * hour)]) is not None
    assert breakers.blind([("SecurityEvent", timedelta(minutes=9), timedelta())]) is None


def test_load_and_incidents_are_of_the_workspace() -> None:
    assert kinds(breakers.load(899, timedelta(hours=1)), breakers.load(901, timedelta(hours=1))) == [BreakerKind.LOAD]
    assert kinds(breakers.incidents(20), breakers.incidents(21)) == [BreakerKind.INCIDENTS]


def test_the_most_within_a_day_is_of_any_day_and_a_whole_day_apart_is_another() -> None:
    at = [NOW + hours * timedelta(hours=1) for hours in (0, 24, 25, 30, 47, 100)]
    assert breakers.most_within(at, timedelta(days=1)) == 4
    assert breakers.most_within(at[:2], timedelta(days=1)) == 1
    assert breakers.most_within((), timedelta(days=1)) == 0
