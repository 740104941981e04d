"""When a rule's windows are: which are due, which are done, which are to be made up. No clock and no store in here.

A window is told by its end. The windows of a rule follow one another in two lanes: the *live* one goes on from
`RuleClock.last`, and *gaps* are stretches of time whose windows were due while nobody could look, or couldn't be looked
at. Live windows don't wait for gaps, so an attack of today is seen before the backlog of last week is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from zlib import crc32

from huntlake.core.errors import Invalid
from huntlake.detection.rules import AnalyticRule, RuleKind
from huntlake.detection.running import NRT_WINDOW
from huntlake.state.documents import Json

SCHEDULED_DELAY, NRT_DELAY = timedelta(minutes=5), timedelta(minutes=2)
"""How long after its end a window is looked at, so that what is on its way can come in."""
SPREAD = timedelta(minutes=5)
"""Rules that are made together begin at moments so far apart at most."""
IN_ORDER = 3
"""A rule that is so many windows behind goes through them in order; with more, all but the newest become a gap."""
CATCH_UP = timedelta(days=30)
"""Windows that are older aren't made up for; they are told as skipped."""
RECENT = 10
"""How many of a rule's last runs are kept."""

_ZERO = timedelta(0)


@dataclass(frozen=True, slots=True)
class Cadence:
    """How often a rule runs: a window each `every`, looked at when `delay` has passed since its end.

    `phase` moves the first window of rules that don't say when they `start`.
    """

    every: timedelta
    delay: timedelta
    phase: timedelta = _ZERO
    start: datetime | None = None

    @classmethod
    def of(cls, name: str, rule: AnalyticRule) -> Cadence:
        """The cadence of the rule of that name; `Invalid` for a scheduled rule without frequency."""
        if rule.kind is RuleKind.NRT:
            return cls(NRT_WINDOW, NRT_DELAY, _phase(name, NRT_WINDOW))
        if rule.query_frequency is None:
            raise Invalid("a scheduled rule has a `queryFrequency`")
        start = rule.start_time_utc.astimezone(UTC) if rule.start_time_utc else None
        return cls(rule.query_frequency, SCHEDULED_DELAY, _phase(name, min(rule.query_frequency, SPREAD)), start)


@dataclass(frozen=True, slots=True)
class Gap:
    """Windows whose ends lie after `after` and not after `until`, still to be looked at, the oldest first.

    `tries` is how often the oldest has failed, and `not_before` when it is tried again.
    """

    after: datetime
    until: datetime
    tries: int = 0
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What became of one window: when it was looked at, how many rows and alerts there were, and why it failed."""

    until: datetime
    at: datetime
    rows: int = 0
    alerts: int = 0
    milliseconds: int = 0
    failure: str = ""


@dataclass(frozen=True, slots=True)
class RuleClock:
    """How far a rule is: `last` is the end of the last window of the live lane, done or moved into a gap.

    `found` holds, by the end of its window, what a run has found and hasn't raised whole; `failures` counts permanent
    failures of the same kind one after the other.
    """

    last: datetime
    gaps: tuple[Gap, ...] = ()
    skipped: tuple[tuple[datetime, datetime], ...] = ()
    failures: int = 0
    failure: str = ""
    stopped: bool = False
    modified: datetime | None = None
    """When the rule was changed that the failures are counted of."""
    found: Mapping[str, Json] = field(default_factory=dict)
    recent: tuple[RunRecord, ...] = ()


def begun(cadence: Cadence, now: datetime, before: RuleClock | None = None) -> RuleClock:
    """The clock of a rule that is enabled now. Its first window is due at once, unless it says when it starts.

    `before` is the clock it had when it was enabled the last time: no window before its last is looked at again.
    """
    first = cadence.start
    if first is None:
        first = (now - cadence.delay).replace(microsecond=0) - cadence.phase
    elif first <= now - cadence.delay:
        first += (now - cadence.delay - first) // cadence.every * cadence.every
    last = first - cadence.every
    if before is None:
        return RuleClock(last)
    last = max(last, before.last) if before.last <= now else last
    return RuleClock(last, skipped=before.skipped, recent=before.recent)


def stopped(clock: RuleClock, cadence: Cadence | None, at: datetime) -> RuleClock:
    """The clock of a rule that has been disabled since `at`: what was due before, and not looked at, is skipped."""
    missed = [(gap.after, gap.until) for gap in clock.gaps]
    if cadence is not None and (late := (at - cadence.delay - clock.last) // cadence.every) > 0:
        missed.append((clock.last, clock.last + late * cadence.every))
    stretches = list[tuple[datetime, datetime]]()
    for after, until in missed:
        goes_on = bool(stretches) and stretches[-1][1] == after
        stretches.append((stretches.pop()[0] if goes_on else after, until))
    skipped = (*clock.skipped, *stretches)[-RECENT:]
    return replace(clock, stopped=True, gaps=(), skipped=skipped, found={}, failures=0, failure="")


def settled(clock: RuleClock, cadence: Cadence, now: datetime, catch_up: timedelta = CATCH_UP) -> RuleClock:
    """The clock as it is to be read now: set back where time has gone back, with gaps for what can't be live."""
    # A rule that hasn't started yet is ahead of the time as it should be.
    if clock.last > now and (cadence.start is None or clock.last >= cadence.start):
        clock = _set_back(clock, cadence, now)
    behind = (now - cadence.delay - clock.last) // cadence.every
    if behind > IN_ORDER:
        newest = clock.last + (behind - 1) * cadence.every
        clock = replace(clock, last=newest, gaps=_with(clock.gaps, Gap(clock.last, newest)))
    oldest = now - catch_up
    if any(gap.after < oldest for gap in clock.gaps):
        clock = _skipping(clock, cadence, oldest)
    return clock


def due(clock: RuleClock, cadence: Cadence, now: datetime) -> tuple[datetime | None, datetime | None]:
    """The end of the live window that is due, and that of the window to be made up; None where there is none."""
    live = clock.last + cadence.every
    return (live if live + cadence.delay <= now else None), next(_ready(clock, cadence, now), None)


def next_due(clock: RuleClock, cadence: Cadence) -> datetime:
    """When the next window is due, live or not; it may be past."""
    times = [clock.last + cadence.every + cadence.delay]
    times += [gap.not_before or gap.after for gap in clock.gaps]
    return min(times)


def is_pending(clock: RuleClock, cadence: Cadence, until: datetime) -> bool:
    """Whether the window that ends then is the next of a lane."""
    if until == clock.last + cadence.every:
        return True
    return any(until == _head(gap, cadence) for gap in clock.gaps)


def tries(clock: RuleClock, cadence: Cadence, until: datetime) -> int:
    """How often the window that ends then has failed."""
    return next((gap.tries for gap in clock.gaps if until == _head(gap, cadence)), 0)


def done(clock: RuleClock, cadence: Cadence, until: datetime) -> RuleClock:
    """The clock when the window that ends then needs no more looks; the same where it isn't pending."""
    found = {k: v for k, v in clock.found.items() if k != until.isoformat()} if clock.found else clock.found
    if until == clock.last + cadence.every:
        return replace(clock, last=until, found=found)
    for i, gap in enumerate(clock.gaps):
        if until == _head(gap, cadence):
            rest = (Gap(until, gap.until),) if until < gap.until else ()
            return replace(clock, gaps=(*clock.gaps[:i], *rest, *clock.gaps[i + 1 :]), found=found)
    return clock


def postponed(clock: RuleClock, cadence: Cadence, until: datetime, not_before: datetime) -> RuleClock:
    """The clock when the window that ends then has failed, and is tried again; what comes after doesn't wait for it."""
    if until == clock.last + cadence.every:
        gap = Gap(clock.last, until, 1, not_before)
        return replace(clock, last=until, gaps=(*clock.gaps, gap))
    for i, gap in enumerate(clock.gaps):
        if until == _head(gap, cadence):
            again = Gap(gap.after, until, gap.tries + 1, not_before)
            rest = (Gap(until, gap.until),) if until < gap.until else ()
            return replace(clock, gaps=(*clock.gaps[:i], again, *rest, *clock.gaps[i + 1 :]))
    return clock


def recorded(clock: RuleClock, run: RunRecord) -> RuleClock:
    """The clock with a run among its last ones, the newest first."""
    return replace(clock, recent=(run, *clock.recent[: RECENT - 1]))


def behind(clock: RuleClock, cadence: Cadence) -> int:
    """How many windows are to be made up."""
    return sum(-((gap.after - gap.until) // cadence.every) for gap in clock.gaps)


def _head(gap: Gap, cadence: Cadence) -> datetime:
    return min(gap.after + cadence.every, gap.until)


def _ready(clock: RuleClock, cadence: Cadence, now: datetime) -> Iterator[datetime]:
    for gap in clock.gaps:
        if gap.not_before is None or gap.not_before <= now:
            yield _head(gap, cadence)


def _with(gaps: tuple[Gap, ...], more: Gap) -> tuple[Gap, ...]:
    """The gaps and one more, in the order of time; one that goes on where an untried one ends makes it longer."""
    if gaps and gaps[-1].until == more.after and not gaps[-1].tries:
        return (*gaps[:-1], replace(gaps[-1], until=more.until))
    return (*gaps, more)


def _set_back(clock: RuleClock, cadence: Cadence, now: datetime) -> RuleClock:
    """The clock where windows whose end is still to come are to be looked at when it has come."""
    # Someone has set the machine's clock: what was looked at before its time can't have been whole.
    last = clock.last - -((now - clock.last) // cadence.every) * cadence.every
    if cadence.start is not None:
        last = max(last, cadence.start - cadence.every)
    gaps = [replace(g, until=min(g.until, last), not_before=None) for g in clock.gaps if g.after < last]
    for after, until in clock.skipped:
        if until > now and after < last:
            gaps.append(Gap(after, min(until, last)))
    skipped = tuple((a, u) for a, u in clock.skipped if u <= now)
    return replace(clock, last=last, gaps=tuple(sorted(gaps, key=lambda g: g.after)), skipped=skipped)


def _skipping(clock: RuleClock, cadence: Cadence, oldest: datetime) -> RuleClock:
    kept, skipped = list[Gap](), list(clock.skipped)
    for gap in clock.gaps:
        if gap.after >= oldest:
            kept.append(gap)
            continue
        steps = -((gap.after - oldest) // cadence.every)
        first = min(gap.after + steps * cadence.every, gap.until)
        skipped.append((gap.after, first))
        if first < gap.until:
            kept.append(Gap(first, gap.until))
    return replace(clock, gaps=tuple(kept), skipped=tuple(skipped[-RECENT:]))


def _phase(name: str, most: timedelta) -> timedelta:
    """A part of `most` in whole seconds, the same for the same name."""
    return timedelta(seconds=crc32(name.lower().encode()) % int(most.total_seconds()))
