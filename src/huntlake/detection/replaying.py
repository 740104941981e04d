"""Rules over history: every run that a schedule would have had, as fast as the data allows.

Most windows of most rules hold nothing that a rule asks for. Which ones these are is told by a few looks at the tables
(`Queries.worth_asking`), and they aren't run: a run that would have no rows, of a rule that doesn't fire for none,
leaves nothing behind. What is found doesn't depend on it, nor on how many threads there are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import Cancelled, DomainError, Invalid
from huntlake.detection.raising import Raising, Stored
from huntlake.detection.rules import AnalyticRule, RuleKind
from huntlake.detection.running import NRT_WINDOW, Run, Window, run, triggers
from huntlake.engines.cancellation import Cancellation
from huntlake.workspace.query import Queries
from huntlake.workspace.workspaces import Workspace

MOST_FAILURES = 8
"""A rule that fails so many times in a row is given up, as the scheduler disables it."""
THREADS = 2
_AHEAD = 8
"""Runs that each thread may be ahead of the one that is told next."""

Progress = Callable[[int, int], None]
"""Is told how many windows are done, and of how many; those that needn't be run are done at once."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """A window of a rule that was looked at: what the run found, or why it failed."""

    name: str
    rule: AnalyticRule
    window: Window
    run: Run | None = None
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Planned:
    """The windows of a rule: how many there are, and the ends of those that are worth a run, in order."""

    name: str
    rule: AnalyticRule
    windows: int
    ends: tuple[datetime, ...]


@dataclass(slots=True)
class MovedClock:
    """A clock that is set by hand, to the time of what is replayed."""

    at: datetime

    def now(self) -> datetime:
        """The time it was moved to."""
        return self.at


@dataclass
class Replay:
    """Runs of rules over the rows of a workspace. Each iteration runs them anew and tells them in the same order.

    Windows of a rule end at `since` and each `queryFrequency` (of a rule of the kind `NRT`: each minute) after it, up
    to `until`; the first ends one step after `since`. `every` runs also those that can't find anything.
    """

    queries: Queries
    workspace: Workspace
    rules: Sequence[tuple[str, AnalyticRule]]
    since: datetime
    until: datetime
    timeout: timedelta | None = None
    threads: int = THREADS
    every: bool = False
    progress: Progress | None = None
    cancellation: Cancellation = field(default_factory=Cancellation)
    _planned: tuple[Planned, ...] | None = field(default=None, init=False, repr=False)

    def planned(self) -> tuple[Planned, ...]:
        """Which windows are run, of each rule. `Invalid` where a rule has no frequency, or two have one name."""
        if self._planned is None:
            if len({name for name, _ in self.rules}) < len(self.rules):
                raise Invalid("two rules have the same name")
            with ThreadPoolExecutor(self.threads, thread_name_prefix="replay") as pool:
                self._planned = tuple(pool.map(self._plan, self.rules))
        return self._planned

    def __iter__(self) -> Iterator[Replayed]:
        """Each run, in the order of the ends of their windows and of the rules' names.

        A rule that fails is told so, and the others go on. Raises `Cancelled` where somebody wants no more.
        """
        planned = self.planned()
        total, runs = sum(p.windows for p in planned), sum(len(p.ends) for p in planned)
        rest = iter(sorted(((end, p.name, p.rule) for p in planned for end in p.ends), key=lambda task: task[:2]))
        failed: dict[str, int] = {}
        ahead: deque[tuple[str, Future[Replayed]]] = deque()
        done = total - runs
        stop = Cancellation()
        pool = ThreadPoolExecutor(self.threads, thread_name_prefix="replay")
        with self.cancellation.watched(stop.cancel):
            try:
                while True:
                    self._tell(done, total)
                    while len(ahead) < self.threads * _AHEAD and (task := next(rest, None)) is not None:
                        end, name, rule = task
                        ahead.append((name, pool.submit(self._run, name, rule, Window.ending(rule, end), stop)))
                    if not ahead:
                        return
                    name, future = ahead.popleft()
                    done += 1
                    # Whether a rule is given up is told by the runs before this one, not by how far others are.
                    if failed.get(name, 0) >= MOST_FAILURES:
                        future.cancel()
                        continue
                    found = future.result()
                    failed[name] = failed.get(name, 0) + 1 if found.failure else 0
                    yield found
            finally:
                stop.cancel()
                pool.shutdown(cancel_futures=True)

    def _plan(self, named: tuple[str, AnalyticRule]) -> Planned:
        name, rule = named
        every = frequency(name, rule)
        ends = [self.since + n * every for n in range(1, (self.until - self.since) // every + 1)]
        if self.every or triggers(rule, 0):
            return Planned(name, rule, len(ends), tuple(ends))
        period = NRT_WINDOW if rule.query_period is None or rule.kind is RuleKind.NRT else rule.query_period
        try:
            worth = self.queries.worth_asking(self.workspace, rule.query, ends, period, self.cancellation)
        except Cancelled:
            raise
        except DomainError:
            # Each run says for itself what it lacks.
            worth = [True] * len(ends)
        return Planned(name, rule, len(ends), tuple(end for end, good in zip(ends, worth, strict=True) if good))

    def _run(self, name: str, rule: AnalyticRule, window: Window, stop: Cancellation) -> Replayed:
        try:
            found = run(self.queries, self.workspace, name, rule, window, timeout=self.timeout, cancellation=stop)
        except Cancelled:
            raise
        except (SourceError, DomainError) as error:
            return Replayed(name, rule, window, failure=str(error))
        return Replayed(name, rule, window, found)

    def _tell(self, done: int, total: int) -> None:
        if self.progress is not None:
            self.progress(done, total)


def frequency(name: str, rule: AnalyticRule) -> timedelta:
    """How often the rule of that name runs; `Invalid` where a scheduled one doesn't say."""
    if rule.kind is RuleKind.NRT:
        return NRT_WINDOW
    if rule.query_frequency is None or rule.query_period is None:
        raise Invalid(f"the scheduled rule `{name}` has no `queryFrequency` or no `queryPeriod`")
    return rule.query_frequency


def raised(
    replayed: Iterable[Replayed], raising: Raising, workspace: Workspace, clock: MovedClock | None = None
) -> Iterator[tuple[Replayed, Stored]]:
    """Raise the alerts of each run, in the order in which they come, and say what became of them.

    The store groups, suppresses and correlates as it does for runs in time, and a run that it has already changes
    nothing. A `clock` that is given tells the store the end of each window.
    """
    for one in replayed:
        if one.run is None:
            yield one, Stored()
            continue
        if clock is not None:
            clock.at = one.window.until
        yield one, raising.store(workspace, one.name, one.rule, one.run)
