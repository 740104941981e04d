"""The scheduler of a server: plans, hands windows out to a few threads, and says who is there."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Condition, Event, Thread
from time import monotonic
from uuid import uuid4

from huntlake.core.clock import Clock
from huntlake.core.errors import Cancelled, Conflict, Invalid, NotFound
from huntlake.detection.raising import Raising, Stored
from huntlake.detection.rules import AnalyticRule
from huntlake.detection.running import Run, Window, run
from huntlake.detection.scheduling.failures import Failure, Reason, auto_disabled, failure_of
from huntlake.detection.scheduling.health import Health
from huntlake.detection.scheduling.ledger import Key, StateLedger
from huntlake.detection.scheduling.planning import Planner
from huntlake.detection.scheduling.servers import Servers
from huntlake.detection.scheduling.timetable import Cadence, RuleClock, behind, next_due
from huntlake.detection.scheduling.windows import Task, Windows
from huntlake.engines.cancellation import Cancellation
from huntlake.state.documents import Shelf
from huntlake.state.events import Events
from huntlake.state.records import Author, Records
from huntlake.workspace.query import Queries
from huntlake.workspace.workspaces import Workspace

_LOG = logging.getLogger("huntlake.rules")

SCHEDULER = Author(name="huntlake scheduler")
"""Who disables rules that fail again and again."""

_SYNC = 10.0
_LONGEST_WAIT = 1.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How much rules may take: windows at once, the time of one, and how old a window may be to be made up."""

    at_once: int = 2
    timeout: timedelta = timedelta(minutes=10)
    catch_up: timedelta = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class RuleStatus:
    """How far a rule is. `next_due` is None for one that doesn't run."""

    clock: RuleClock | None
    next_due: datetime | None
    behind: int


@dataclass
class Scheduler:
    """Runs the analytic rules of all workspaces when their windows are due; `running` starts it."""

    shelf: Shelf
    clock: Clock
    rules: Records[AnalyticRule]
    raising: Raising
    events: Events
    queries: Queries
    workspaces: Callable[[], Iterable[Workspace]]
    health: Health
    pace: Pace = Pace()
    ledger: StateLedger = field(init=False)
    windows: Windows = field(init=False)
    _known: dict[str, Workspace] = field(default_factory=dict, init=False, repr=False)
    _cancellation: Cancellation = field(default_factory=Cancellation, init=False, repr=False)

    def __post_init__(self) -> None:
        self.ledger = StateLedger(self.shelf)
        self.windows = Windows(self.ledger, self, self._look, self, self.health, self.clock)

    # -- what people ask --------------------------------------------------------------------

    def status(self, workspace: Workspace, name: str) -> RuleStatus:
        """How far a rule is, and its last runs; `NotFound` where there is none of that name."""
        rule = self.rules.get((workspace.name,), name).value
        clock = self.ledger.read((workspace.name, name.lower()))
        if clock is None or clock.stopped or not rule.enabled:
            return RuleStatus(clock, None, 0)
        cadence = Cadence.of(name, rule)
        return RuleStatus(clock, next_due(clock, cadence), behind(clock, cadence))

    def run_now(
        self, workspace: Workspace, name: str, until: datetime | None = None, *, raising: bool = True
    ) -> tuple[Run, Stored]:
        """Run a rule over the window that ends at `until`, or now, whatever its schedule is.

        Its alerts are kept unless not `raising`; those of a window that has been run are there already, and stay as
        they are. Raises what the query raises.
        """
        kept = self.rules.get((workspace.name,), name)
        at = self.clock.now().astimezone(UTC)
        until = (until or at).astimezone(UTC).replace(microsecond=0)
        if until > at:
            raise Invalid(f"a window that ends at {until:%Y-%m-%d %H:%M:%S} isn't over yet")
        window = Window.ending(kept.value, until)
        try:
            found = run(self.queries, workspace, kept.name, kept.value, window, timeout=self.pace.timeout)
        except Exception as error:
            if raising:
                self.health.ran(workspace.name, kept.name, kept.value, window, at, failure_of(error))
            raise
        if not raising:
            return found, Stored()
        stored = self.raising.store(workspace, kept.name, kept.value, found)
        self.health.ran(workspace.name, kept.name, kept.value, window, at, found)
        return found, stored

    # -- what windows need ------------------------------------------------------------------

    def find(self, key: Key) -> tuple[str, AnalyticRule] | None:
        """A rule as it is at this moment."""
        found = self.rules.find((key[0],), key[1])
        return (found.name, found.value) if found else None

    def disable(self, key: Key, failure: Failure) -> None:
        """Have a rule not run any more, and say why in its name and description."""
        try:
            rule = self.rules.change((key[0],), key[1], lambda r: auto_disabled(r, failure), SCHEDULER)
        except NotFound:
            return
        _LOG.warning("the rule %s of %s was disabled: %s", rule.name, key[0], failure.reason)
        self.health.told(key[0], rule.name, rule.value, self.clock.now(), Reason.DISABLED, failure.detail)

    def suppressed(self, workspace: str, name: str, rule: AnalyticRule, window: Window) -> bool:
        """Whether a rule is silent at the end of a window."""
        return self.raising.suppressed_until(self._workspace(workspace), name, rule, window.until) is not None

    def raised(self, workspace: str, name: str, rule: AnalyticRule, run: Run) -> Stored:
        """Keep what a run has found."""
        return self.raising.store(self._workspace(workspace), name, rule, run)

    def _look(self, workspace: str, name: str, rule: AnalyticRule, window: Window) -> Run:
        return run(
            self.queries,
            self._workspace(workspace),
            name,
            rule,
            window,
            timeout=self.pace.timeout,
            cancellation=self._cancellation,
            live=True,
        )

    def _workspace(self, name: str) -> Workspace:
        if name not in self._known:
            self._known = {w.name: w for w in self.workspaces()}
        if name not in self._known:
            raise NotFound(f"no workspace is named `{name}`")
        return self._known[name]

    # -- running ----------------------------------------------------------------------------

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run rules in the background as long as the block lasts. At its end queries are broken off, and run again."""
        work = _Work(self)
        thread = Thread(target=work.run, name="rules", daemon=True)
        thread.start()
        try:
            yield
        finally:
            work.stop.set()
            work.wake()
            self._cancellation.cancel()
            thread.join()
            self._cancellation = Cancellation()

    def skipped(self, key: Key, since: datetime, until: datetime) -> None:
        """Tell of windows that are too old to be made up."""
        if (known := self.find(key)) is not None:
            _LOG.warning("windows of the rule %s of %s from %s to %s are skipped", known[0], key[0], since, until)
            detail = f"They ended after {since:%Y-%m-%d %H:%M:%S} and not after {until:%Y-%m-%d %H:%M:%S}."
            self.health.told(key[0], *known, self.clock.now(), Reason.SKIPPED, detail)


class _Work:
    """The thread that plans, and the few that look at windows."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler, self._clock = scheduler, scheduler.clock
        self._planner = self._new_planner()
        self._servers = Servers(
            scheduler.shelf, scheduler.clock, f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:6]}"
        )
        self.stop = Event()
        self._changed = Condition()
        self._back: list[Task] = []
        self._out = 0
        self._synced: set[str] = set()

    def run(self) -> None:
        """Plan and hand out until told to stop."""
        at_once, synced = self._scheduler.pace.at_once, -_SYNC
        pool = ThreadPoolExecutor(at_once, thread_name_prefix="rule")
        try:
            while not self.stop.is_set():
                try:
                    if monotonic() - synced >= _SYNC:
                        self._sync()
                        synced = monotonic()
                    self._take_back()
                    # Twice as many as run at once: no thread waits for this one.
                    for task in self._planner.take(self._now(), 2 * at_once - self._out):
                        self._out += 1
                        pool.submit(self._look_at, task)
                except Exception:
                    # Half of a plan may be lost; the ledger has all that matters.
                    _LOG.exception("the scheduler could not plan; it begins anew")
                    self.stop.wait(_LONGEST_WAIT)
                    self._planner, synced = self._new_planner(), -_SYNC
                self._wait()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            try:
                self._servers.leave()
            except Exception:
                _LOG.exception("the scheduler could not say that it ends")

    def _new_planner(self) -> Planner:
        return Planner(self._scheduler.ledger, self._scheduler.pace.catch_up, self._scheduler.skipped)

    def wake(self) -> None:
        """Have the planning thread look again."""
        with self._changed:
            self._changed.notify()

    def _sync(self) -> None:
        self._servers.beat()
        scheduler, now = self._scheduler, self._now()
        there = {w.name: w for w in scheduler.workspaces()}
        scheduler._known = there
        for name in there:
            try:
                # What a process that ended has not told.
                scheduler.events.deliver((name,))
                # The clocks first: one that another server begins after the rules were read is no clock without a rule.
                clocks = scheduler.ledger.all(name)
                rules = {d.name: d.value for d in scheduler.rules.list((name,))}
                self._planner.sync(name, rules, now, clocks, self._servers.mine)
            except Exception:
                # The rules of other workspaces run all the same.
                _LOG.exception("the rules of %s couldn't be read", name)
        for gone in self._synced - there.keys():
            self._planner.forget(gone)
        self._synced = set(there)

    def _look_at(self, task: Task) -> None:
        try:
            self._scheduler.windows.look_at(task)
        except (Cancelled, Conflict):
            pass
        except Exception:
            _LOG.exception("the window of %s that ends at %s couldn't be entered", task.key, task.until)
            self.stop.wait(_LONGEST_WAIT)  # the state database is away: it isn't asked as fast as can be
        finally:
            with self._changed:
                self._back.append(task)
                self._changed.notify()

    def _take_back(self) -> None:
        with self._changed:
            back, self._back = self._back, []
        for task in back:
            self._out -= 1
            self._planner.back(task)

    def _wait(self) -> None:
        with self._changed:
            if self._back or self.stop.is_set():
                return
            at = self._planner.next_at()
            seconds = _LONGEST_WAIT if at is None else (at - self._now()).total_seconds()
            if self._out >= 2 * self._scheduler.pace.at_once:
                seconds = _LONGEST_WAIT  # until one comes back
            elif self._planner.waiting:
                return
            self._changed.wait(min(max(seconds, 0.01), _LONGEST_WAIT))

    def _now(self) -> datetime:
        return self._clock.now().astimezone(UTC)
