"""What a hunt would tell as a scheduled rule: replays over history, with one setting of the rule after the other.

The rows of each window are asked for once for each frequency and period; thresholds, grouping and suppression are then
those of rules, by the code that raises the alerts of every day, into a store in memory. Nothing is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import orjson

from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import Cancelled, DomainError, Invalid, LimitExceeded
from huntlake.detection.alerts import Alert
from huntlake.detection.backtesting import RuleOverlap, named, sharing
from huntlake.detection.durations import short
from huntlake.detection.replaying import MovedClock, Progress
from huntlake.detection.rules import Aggregation, AnalyticRule, EventGrouping, check
from huntlake.detection.running import TIME, Window, judged
from huntlake.detection.service import Detection
from huntlake.detection.tuning import names
from huntlake.engines.cancellation import Cancellation
from huntlake.hunting.running.run import HuntRun, Verdict
from huntlake.kql.types import ScalarType
from huntlake.state.memory import MemoryShelf
from huntlake.workspace.query import Queries, QueryOptions
from huntlake.workspace.workspaces import Workspace

LEAST_HISTORY = timedelta(days=30)
MOST_WINDOWS = 5_000
"""Windows of all frequencies and periods together."""
MOST_TRIALS = 200
MOST_ROWS = 200_000
"""Rows of the windows of one frequency and period, which are held all at once."""
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Sweep:
    """The values that are tried, each with each; a frequency beside periods that are shorter is left out."""

    frequencies: tuple[timedelta, ...] = (timedelta(hours=1), timedelta(hours=6), timedelta(days=1))
    periods: tuple[timedelta, ...] = ()
    """None: that of the hunt, and each frequency's own."""
    thresholds: tuple[int, ...] = (0, 2, 5)
    per_row: tuple[bool, ...] = (False, True)
    suppressions: tuple[timedelta, ...] = (timedelta(), timedelta(hours=5), timedelta(hours=24))
    """Nothing is suppressed for a time of 0."""


@dataclass(frozen=True, slots=True)
class RuleSetting:
    """What of a rule is tried: an alert is raised for more rows than `threshold`, `per_row` for each row its own."""

    frequency: timedelta
    period: timedelta
    threshold: int
    per_row: bool
    suppression: timedelta

    def of(self, rule: AnalyticRule) -> AnalyticRule:
        """The rule with this setting."""
        kind = Aggregation.ALERT_PER_RESULT if self.per_row else Aggregation.SINGLE_ALERT
        return replace(
            rule,
            query_frequency=self.frequency,
            query_period=self.period,
            trigger_threshold=self.threshold,
            event_grouping_settings=EventGrouping(kind),
            suppression_enabled=bool(self.suppression),
            suppression_duration=self.suppression or rule.suppression_duration,
        )

    def __str__(self) -> str:
        grouping = "an alert for each row" if self.per_row else "one alert for all rows"
        silence = f", silent for {short(self.suppression)} after an alert" if self.suppression else ""
        return (
            f"each {short(self.frequency)} over {short(self.period)}, more than {self.threshold} rows, "
            f"{grouping}{silence}"
        )


@dataclass(frozen=True, slots=True)
class KnownFinding:
    """A cluster that a person has judged: when it was, and what it is about, in lower case."""

    good: bool
    values: frozenset[str]
    since: datetime
    until: datetime

    def is_told_by(self, alert: Alert) -> bool:
        """Whether an alert is about it: at its time, and about something that it is about."""
        if alert.ended is not None and alert.ended < self.since:
            return False
        if alert.started is not None and alert.started > self.until:
            return False
        return not self.values or not self.values.isdisjoint(n for e in alert.entities for n in names(e))


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a setting: alerts, those a day, distinct entities, and known findings that some alert is about.

    `false` counts alerts that are only about what is known to be harmless; `suppressed` runs that were silent.
    """

    setting: RuleSetting
    alerts: int
    a_day: float
    entities: int
    kept: int
    false: int
    suppressed: int
    failures: int


@dataclass(frozen=True, slots=True)
class HuntBacktest:
    """What a version of a hunt would have told as a rule. `recommended` is the place of a trial; None: none is good.

    `known` are true positives of the time, which a rule has to keep. `failure` is the last reason of failed windows.
    """

    version: int
    content_hash: str
    since: datetime
    until: datetime
    made: datetime
    trials: tuple[Trial, ...]
    known: int
    recommended: int | None
    overlaps: tuple[RuleOverlap, ...] = ()
    remarks: tuple[str, ...] = ()
    failure: str = ""


@dataclass(frozen=True)
class Rows:
    """The rows of a window of a rule's query, and their columns."""

    window: Window
    rows: Sequence[Mapping[str, Any]]
    columns: Mapping[str, ScalarType]


@dataclass(frozen=True)
class Backtester:
    """Tries settings of a rule over history."""

    queries: Queries
    detection: Detection

    def test(
        self,
        workspace: Workspace,
        name: str,
        rule: AnalyticRule,
        known: Sequence[KnownFinding],
        since: datetime,
        until: datetime,
        sweep: Sweep = Sweep(),
        timeout: timedelta | None = None,
        progress: Progress | None = None,
        cancellation: Cancellation | None = None,
    ) -> tuple[tuple[Trial, ...], tuple[RuleOverlap, ...], str]:
        """What comes of each setting; how the recommended one overlaps with other rules; why windows failed.

        `Invalid` where the time is too short, or the settings too many; `LimitExceeded` where the rows are; `Cancelled`
        where nobody waits for it any more.
        """
        if until - since < LEAST_HISTORY:
            raise Invalid(f"a back-test is over at least {LEAST_HISTORY.days} days")
        tried = tuple(_settings(rule, sweep))
        bases = tuple(dict.fromkeys((s.frequency, s.period) for s in tried))
        planned = {base: self._ends(workspace, rule, *base, since, until) for base in bases}
        total, done = sum(map(len, planned.values())), 0
        if total > MOST_WINDOWS:
            raise Invalid(f"{total:,} windows are more than {MOST_WINDOWS:,}: try fewer frequencies or a shorter time")
        trials: list[Trial] = []
        alerts: dict[RuleSetting, list[Alert]] = {}
        failure = ""
        for base in bases:
            fetched: list[Rows] = []
            failures, held = 0, 0
            for end in planned[base]:
                try:
                    fetched.append(self._rows(workspace, rule, Window(end - base[1], end), timeout, cancellation))
                except (SourceError, DomainError) as error:
                    failures, failure = failures + 1, str(error)
                else:
                    held += len(fetched[-1].rows)
                if cancellation is not None and cancellation.cancelled:
                    raise Cancelled("the back-test was cancelled")
                if held > MOST_ROWS:
                    raise LimitExceeded(f"more than {MOST_ROWS:,} rows: take a shorter time, or narrow the query")
                done += 1
                if progress is not None:
                    progress(done, total)
            for setting in (s for s in tried if (s.frequency, s.period) == base):
                told, suppressed = _told(workspace, name, setting.of(rule), fetched)
                alerts[setting] = told
                trials.append(_trial(setting, told, known, (until - since) / timedelta(days=1), suppressed, failures))
        place = recommended(trials, len([k for k in known if k.good]))
        chosen = alerts[trials[place].setting] if place is not None else []
        return tuple(trials), sharing(self.detection, workspace, name, chosen, since, until), failure

    def _ends(
        self,
        workspace: Workspace,
        rule: AnalyticRule,
        frequency: timedelta,
        period: timedelta,
        since: datetime,
        until: datetime,
    ) -> list[datetime]:
        ends = [since + n * frequency for n in range(1, (until - since) // frequency + 1)]
        try:
            worth = self.queries.worth_asking(workspace, rule.query, ends, period)
        except DomainError:
            # Each window says for itself what it lacks.
            return ends
        return [end for end, good in zip(ends, worth, strict=True) if good]

    def _rows(
        self,
        workspace: Workspace,
        rule: AnalyticRule,
        window: Window,
        timeout: timedelta | None,
        cancellation: Cancellation | None,
    ) -> Rows:
        options = QueryOptions(
            max_bytes=None, now=window.until, time_column=TIME, since=window.since, until=window.until - _MICROSECOND
        )
        if timeout is not None:
            options = replace(options, timeout=timeout)
        tables = self.queries.run(workspace, rule.query, options, cancellation).tables
        if len(tables) != 1:
            raise Invalid(f"a rule's query answers with one table, not with {len(tables)}")
        rows = orjson.loads(b"[" + b",".join(tables[0].json_objects()) + b"]")
        if tables[0].truncated_by is not None:
            raise tables[0].truncated_by
        return Rows(window, rows, {c.name: c.type for c in tables[0].columns})


def recommended(trials: Sequence[Trial], known: int) -> int | None:
    """The place of the setting with the fewest alerts a day among those that keep every known true positive.

    Of equals the one with fewer false ones, then the one that tells sooner, then the plainer. None where each loses
    some, or fails. Where nothing is known to be right, nothing says what may be left out: then only settings count that
    raise for every row and are never silent.
    """

    def rank(place: int) -> tuple[Any, ...]:
        one = trials[place]
        setting = one.setting
        return one.alerts, one.false, setting.frequency, setting.period, setting.threshold, setting.suppression, place

    good = [n for n, t in enumerate(trials) if t.kept == known and not t.failures]
    if not known:
        good = [n for n in good if not trials[n].setting.threshold and not trials[n].setting.suppression]
    return min(good, key=rank) if good else None


def known_findings(runs: Iterable[HuntRun], since: datetime, until: datetime) -> tuple[KnownFinding, ...]:
    """What people have said of the clusters of runs, of those that lie in the time; the last word on each counts."""
    said: dict[tuple[str, datetime, datetime], KnownFinding] = {}
    for run in sorted(runs, key=lambda r: (r.until, r.started)):
        clusters = {c.signature: c for c in run.clusters}
        for outcome in sorted(run.outcomes, key=lambda o: o.at):
            cluster = clusters.get(outcome.signature)
            if cluster is None or outcome.verdict is Verdict.INCONCLUSIVE:
                continue
            first, last = cluster.first or run.since, cluster.last or run.until
            if last < since or first >= until:
                continue
            good = outcome.verdict is Verdict.TRUE_POSITIVE
            values = frozenset(v.strip().lower() for _, v in cluster.entities if v.strip())
            said[outcome.signature, first, last] = KnownFinding(good, values, first, last)
    return tuple(said.values())


def _settings(rule: AnalyticRule, sweep: Sweep) -> Iterator[RuleSetting]:
    wrong, found = "", 0
    own = rule.query_period
    for frequency in dict.fromkeys((*sweep.frequencies, *([rule.query_frequency] if rule.query_frequency else []))):
        usual = [frequency, *([own] if own and own >= frequency else [])]
        for period in dict.fromkeys(sweep.periods or usual):
            if period < frequency:
                continue
            for threshold, per_row, silence in product(sweep.thresholds, sweep.per_row, sweep.suppressions):
                setting = RuleSetting(frequency, period, threshold, per_row, silence)
                try:
                    check(setting.of(rule))
                except Invalid as error:
                    wrong = str(error)
                    continue
                found += 1
                if found > MOST_TRIALS:
                    raise Invalid(f"more than {MOST_TRIALS} settings are too many")
                yield setting
    if not found:
        raise Invalid(f"no rule may be set so: {wrong or 'every period is shorter than every frequency'}")


def _told(workspace: Workspace, name: str, rule: AnalyticRule, fetched: Iterable[Rows]) -> tuple[list[Alert], int]:
    clock: MovedClock | None = None
    raising = None
    alerts: list[Alert] = []
    suppressed = 0
    for one in fetched:
        if clock is None or raising is None:
            clock = MovedClock(one.window.until)
            raising = Detection.over(MemoryShelf(), clock).raising
        clock.at = one.window.until
        run = judged(name, rule, one.window, one.rows, one.columns)
        stored = raising.store(workspace, name, rule, run)
        suppressed += stored.suppressed_until is not None
        alerts += [r.alert for r in run.alerts if r.name in stored.alerts]
    return alerts, suppressed


def _trial(
    setting: RuleSetting,
    alerts: Sequence[Alert],
    known: Sequence[KnownFinding],
    days: float,
    suppressed: int,
    failures: int,
) -> Trial:
    good, bad = [k for k in known if k.good], [k for k in known if not k.good]
    kept = sum(any(k.is_told_by(a) for a in alerts) for k in good)
    false = sum(any(k.is_told_by(a) for k in bad) and not any(k.is_told_by(a) for k in good) for a in alerts)
    entities = Counter(named(e) for a in alerts for e in a.entities)
    return Trial(setting, len(alerts), len(alerts) / days, len(entities), kept, false, suppressed, failures)
