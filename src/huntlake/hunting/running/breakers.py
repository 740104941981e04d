"""When something must stop by itself: hunts that are too loud, wrong, broken, costly or blind, and all of them at once.

Nothing in here stops anything: each function says whether a breaker opens, and on what evidence. What a breaker has
opened only a person closes, by resuming after a fresh dry run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from huntlake.hunting.lifecycle.hunt import HuntLimits
from huntlake.hunting.lifecycle.rollout import wilson_low
from huntlake.hunting.proof.finding import Volume
from huntlake.hunting.running.run import HuntRun, RunStatus, Verdict


class BreakerKind(StrEnum):
    """What a breaker watches."""

    VOLUME = "volume"
    FALSE_POSITIVES = "false positives"
    ERRORS = "errors"
    COST = "cost"
    DRIFT = "schema drift"
    BLIND = "silent tables"
    LOAD = "workspace load"
    INCIDENTS = "incidents a day"
    MODEL = "model health"
    GLOBAL = "global stop"


@dataclass(frozen=True, slots=True)
class Bounds:
    """When breakers open; a workspace may have its own."""

    times_dry_run: float = 10.0
    days_over: int = 3
    fewest_triaged: int = 20
    false_share: float = 0.8
    failures: int = 3
    times_budget: float = 2.0
    costly_runs: int = 2
    times_lag: float = 2.0
    load_share: float = 0.25
    incidents_a_day: int = 20


USUAL = Bounds()


@dataclass(frozen=True, slots=True)
class Tripped:
    """A breaker opens: which, why, and on what figures."""

    kind: BreakerKind
    reason: str
    evidence: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Opened:
    """A breaker that has opened, and when; `closed` when a person had let the hunt go on."""

    kind: BreakerKind
    reason: str
    evidence: tuple[tuple[str, str], ...]
    at: datetime
    closed: datetime | None = None


def most_rows(limits: HuntLimits, volume: Volume | None, window: timedelta, bounds: Bounds = USUAL) -> int:
    """The rows at which a run over such a window is stopped."""
    days = max(1.0, window / timedelta(days=1))
    return round(days * max(limits.rows_a_day, bounds.times_dry_run * volume.high if volume else 0))


def volume(runs: Sequence[HuntRun], limits: HuntLimits, bounds: Bounds = USUAL) -> Tripped | None:
    """Whether a hunt is over its rows on too many days; `runs` with the newest first."""
    if runs and runs[0].status is RunStatus.STOPPED:
        reason = f"a run gave more rows than it may, and was stopped at {runs[0].rows:,}"
        return Tripped(BreakerKind.VOLUME, reason, (("rows", str(runs[0].rows)),))
    over: set[str] = set()
    short: dict[str, tuple[int, float]] = {}
    for run in runs:
        day, days = f"{run.until:%Y-%m-%d}", (run.until - run.since) / timedelta(days=1)
        if run.rows / max(1.0, days) > limits.rows_a_day:
            over.add(day)
        if days < 1:
            # A hunt that looks at each hour may give a little in every one, and far too much in a day.
            rows, of_day = short.get(day, (0, 0.0))
            short[day] = (rows + run.rows, of_day + days)
    over |= {day for day, (rows, of_day) in short.items() if rows / max(1.0, of_day) > limits.rows_a_day}
    if len(over) <= bounds.days_over:
        return None
    reason = f"more than {limits.rows_a_day} rows a day on {len(over)} days"
    return Tripped(BreakerKind.VOLUME, reason, (("days", " ".join(sorted(over))),))


def false_positives(verdicts: Sequence[Verdict], bounds: Bounds = USUAL) -> Tripped | None:
    """Whether what people say of a hunt's clusters shows that it is mostly wrong."""
    judged = [v for v in verdicts if v is not Verdict.INCONCLUSIVE]
    wrong = sum(v is Verdict.FALSE_POSITIVE for v in judged)
    low = wilson_low(wrong, len(judged))
    if len(judged) < bounds.fewest_triaged or low <= bounds.false_share:
        return None
    reason = f"{wrong} of {len(judged)} clusters were false; the share is above {low:.2f} with 95 % certainty"
    return Tripped(BreakerKind.FALSE_POSITIVES, reason, (("false", str(wrong)), ("judged", str(len(judged)))))


def errors(runs: Sequence[HuntRun], bounds: Bounds = USUAL) -> Tripped | None:
    """Whether the last runs all failed; `runs` with the newest first."""
    last = runs[: bounds.failures]
    if len(last) < bounds.failures or any(run.status is not RunStatus.FAILED for run in last):
        return None
    return Tripped(BreakerKind.ERRORS, f"{len(last)} runs failed, one after the other", (("last", last[0].failure),))


def cost(runs: Sequence[HuntRun], limits: HuntLimits, bounds: Bounds = USUAL) -> Tripped | None:
    """Whether the last runs took far more time or bytes than they may; `runs` with the newest first."""
    last = runs[: bounds.costly_runs]
    over = [
        run
        for run in last
        if run.seconds > bounds.times_budget * limits.seconds
        or run.read_bytes > bounds.times_budget * limits.read_bytes
    ]
    if len(last) < bounds.costly_runs or len(over) < len(last):
        return None
    evidence = (("seconds", f"{over[0].seconds:.1f}"), ("bytes", str(over[0].read_bytes)))
    return Tripped(
        BreakerKind.COST, f"{len(over)} runs took more than {bounds.times_budget:g} times what they may", evidence
    )


def blind(silent: Sequence[tuple[str, timedelta, timedelta]], bounds: Bounds = USUAL) -> Tripped | None:
    """Whether a table is silent for far longer than it usually is: table, silence, usual silence.

    A hunt over it has found nothing because it can't see: that is never told as `no findings`.
    """
    gone = [(name, quiet) for name, quiet, lag in silent if quiet > bounds.times_lag * max(lag, timedelta(minutes=5))]
    if not gone:
        return None
    told = ", ".join(f"{name} for {quiet}" for name, quiet in gone)
    return Tripped(BreakerKind.BLIND, f"no rows have come: {told}", tuple((name, str(quiet)) for name, quiet in gone))


def load(seconds: float, within: timedelta, bounds: Bounds = USUAL) -> Tripped | None:
    """Whether the hunts of a workspace take too much of the engine's time."""
    share = seconds / within.total_seconds()
    if share <= bounds.load_share:
        return None
    reason = f"hunts took {share:.0%} of the engine's time, more than {bounds.load_share:.0%}"
    return Tripped(BreakerKind.LOAD, reason, (("seconds", f"{seconds:.0f}"),))


def most_within(moments: Iterable[datetime], span: timedelta) -> int:
    """How many of the moments lie within one such span at most."""
    ordered, first, most = sorted(moments), 0, 0
    for place, moment in enumerate(ordered):
        while moment - ordered[first] >= span:
            first += 1
        most = max(most, place - first + 1)
    return most


def incidents(count: int, bounds: Bounds = USUAL) -> Tripped | None:
    """Whether hunts made too many incidents in a day."""
    if count <= bounds.incidents_a_day:
        return None
    reason = f"hunts made {count} incidents in a day, more than {bounds.incidents_a_day}"
    return Tripped(BreakerKind.INCIDENTS, reason, (("incidents", str(count)),))
