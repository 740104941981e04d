"""The scheduler of a server: plans, hands windows out to a few threads, and says who is there."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Condition, Event, Thread
from time import monotonic
from typing import Protocol
from uuid import uuid4

from huntlake.core.clock import Clock
from huntlake.core.errors import Cancelled, Conflict
from huntlake.detection.rules import AnalyticRule
from huntlake.detection.scheduling.ledger import Key, Ledger
from huntlake.detection.scheduling.planning import Planner
from huntlake.detection.scheduling.servers import Servers
from huntlake.detection.scheduling.windows import Task, Windows
from huntlake.state.documents import Shelf
from huntlake.workspace.workspaces import Workspace

_LOG = logging.getLogger("huntlake.rules")

_SYNC = 10.0
_LONGEST_WAIT = 1.0
_SHORT_WAIT = 0.1


@dataclass(frozen=True, slots=True)
class Pace:
    """How much rules may take: windows at once, the time of one, and how old a window may be to be made up."""

    at_once: int = 2
    timeout: timedelta = timedelta(minutes=10)
    catch_up: timedelta = timedelta(days=30)


USUAL = Pace()


class Scheduled(Protocol):
    """What has windows that are looked at when they are due: the rules of all workspaces, or what is planned as they
    are. `kind` tells it from others of the same server.
    """

    @property
    def kind(self) -> str: ...
    @property
    def shelf(self) -> Shelf: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def pace(self) -> Pace: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def windows(self) -> Windows: ...
    @property
    def workspaces(self) -> Callable[[], Iterable[Workspace]]: ...

    def planned(self, workspace: str) -> Mapping[str, AnalyticRule]:
        """What is to be planned in a workspace, by name."""
        ...

    def held(self, workspace: str) -> Mapping[str, str]:
        """What of it waits for now though it is enabled, by its name in lower case, and why."""
        ...

    def settle(self, workspace: str) -> None:
        """Do what another process has left undone."""
        ...

    def skipped(self, key: Key, since: datetime, until: datetime) -> None:
        """Tell of windows that are not made up any more."""
        ...

    def broken_off(self) -> None:
        """End what runs now; it is run again."""
        ...


@contextmanager
def running(scheduled: Scheduled) -> Iterator[None]:
    """Look at windows in the background as long as the block lasts."""
    work = Work(scheduled)
    thread = Thread(target=work.run, name=f"{scheduled.kind}s", daemon=True)
    thread.start()
    try:
        yield
    finally:
        work.stop.set()
        work.wake()
        scheduled.broken_off()
        thread.join()


class Work:
    """The thread that plans, and the few that look at windows."""

    def __init__(self, scheduler: Scheduled) -> None:
        self._scheduler, self._clock = scheduler, scheduler.clock
        self._planner = self._new_planner()
        self._servers = Servers(
            scheduler.shelf,
            scheduler.clock,
            f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:6]}",
            scheduler.kind,
        )
        self.stop = Event()
        self._changed = Condition()
        self._back: list[Task] = []
        self._out = 0
        self._synced: set[str] = set()

    def run(self) -> None:
        """Plan and hand out until told to stop."""
        at_once, synced = self._scheduler.pace.at_once, -_SYNC
        pool = ThreadPoolExecutor(at_once, thread_name_prefix=self._scheduler.kind)
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
        for name in there:
            try:
                scheduler.settle(name)
                # The clocks first: one that another server begins after the rules were read is no clock without a rule.
                clocks = scheduler.ledger.all(name)
                planned, held = scheduler.planned(name), scheduler.held(name)
                self._planner.sync(name, planned, now, clocks, self._servers.mine, held)
            except Exception:
                # The rules of other workspaces run all the same.
                _LOG.exception("the rules of %s couldn't be read", name)
        for gone in self._synced - there.keys():
            self._planner.forget(gone)
        self._synced = set(there)

    def _look_at(self, task: Task) -> None:
        try:
            if not self._scheduler.windows.look_at(task):
                self.stop.wait(_SHORT_WAIT)  # the plan hears within seconds why: until then it gives the window again
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
