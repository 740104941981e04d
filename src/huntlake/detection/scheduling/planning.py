"""Which windows are handed out next: those that are due, fairly among workspaces, and the newest before the backlog."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Container, Mapping
from datetime import datetime, timedelta

from huntlake.core.errors import Invalid, NotFound
from huntlake.detection.rules import AnalyticRule
from huntlake.detection.scheduling.ledger import Key, Ledger
from huntlake.detection.scheduling.timetable import CATCH_UP, Cadence, RuleClock, begun, due, next_due, settled, stopped
from huntlake.detection.scheduling.windows import Task

BACKLOG_SHARE = 4
"""Of so many windows that are handed out one is made up for, even if others are due."""

Skipped = Callable[[Key, datetime, datetime], None]
"""Told of windows that are not made up any more: those that end after the first moment and not after the second."""


class Planner:
    """Knows for each rule when its next window is due. One thread at a time may use it.

    Of each rule at most one live window and one of the backlog are handed out at a time, so that either lane goes in
    the order of time. Everything that matters is in the ledger: a planner that is thrown away takes nothing with it.
    """

    def __init__(self, ledger: Ledger, catch_up: timedelta = CATCH_UP, skipped: Skipped = lambda *_: None) -> None:
        self._ledger, self._catch_up, self._skipped = ledger, catch_up, skipped
        self._cadences: dict[Key, Cadence] = {}
        self._clocks: dict[Key, RuleClock] = {}
        self._heap: list[tuple[datetime, Key]] = []
        self._waiting: dict[str, tuple[deque[Task], deque[Task]]] = {}
        self._out: dict[Key, set[Task]] = {}
        self._turns = 0
        self._now: datetime | None = None

    def sync(
        self,
        workspace: str,
        rules: Mapping[str, AnalyticRule],
        now: datetime,
        clocks: Mapping[Key, RuleClock],
        mine: Callable[[Key], bool] = lambda _: True,
        held: Container[str] = (),
    ) -> None:
        """Take over how the rules of a workspace, by name, and their clocks are now; only those of `mine` are planned.

        A rule that can't have a cadence isn't planned. Of those that are `held`, by their names in lower case, the
        windows wait: they are made up for when the rule isn't any more.
        """
        self._see(now)
        there = set[Key]()
        for name, rule in rules.items():
            key = (workspace, name.lower())
            clock = clocks.get(key)
            there.add(key)
            if not mine(key):
                self._drop(key)
                continue
            if not rule.enabled:
                if clock is not None and not clock.stopped:
                    self._stop(key, name, rule, clock, now)
                self._drop(key)
                continue
            try:
                cadence = Cadence.of(name, rule)
            except Invalid:
                continue
            if clock is None:
                clock = self._ledger.begin(key, begun(cadence, now))
            elif clock.stopped:
                clock = self._ledger.change(key, lambda c, cadence=cadence: _resumed(c, cadence, now))  # type: ignore[misc]
            if key[1] in held:
                self._drop(key)
                continue
            if self._cadences.get(key) != cadence or self._clocks.get(key) != clock:
                self._cadences[key], self._clocks[key] = cadence, clock
                self._push(key)
        for key in [k for k in self._cadences if k[0] == workspace and k not in there]:
            self._drop(key)
        for key in [k for k in clocks if k not in there]:
            self._ledger.forget(key)

    def forget(self, workspace: str) -> None:
        """Plan nothing more for a workspace."""
        for key in [k for k in self._cadences if k[0] == workspace]:
            self._drop(key)

    def take(self, now: datetime, room: int) -> list[Task]:
        """At most `room` windows to look at now. Each is to be given back by `back`."""
        self._see(now)
        while self._heap and self._heap[0][0] <= now:
            _, key = heapq.heappop(self._heap)
            if key in self._cadences:
                self._plan(key, now)
        taken = list[Task]()
        while len(taken) < room and (task := self._next()) is not None:
            taken.append(task)
        return taken

    def back(self, task: Task) -> None:
        """A window was looked at, or nobody is to: what its rule needs next may be planned."""
        out = self._out.get(task.key)
        if out is not None:
            out.discard(task)
        if task.key not in self._cadences:
            return
        clock = self._ledger.read(task.key)
        if clock is None or clock.stopped:
            self._drop(task.key)
        else:
            self._clocks[task.key] = clock
            self._push(task.key)

    def next_at(self) -> datetime | None:
        """When there is something to do; None where nothing is known."""
        return self._heap[0][0] if self._heap else None

    @property
    def waiting(self) -> int:
        """Windows that are due, and not handed out."""
        return sum(len(live) + len(gap) for live, gap in self._waiting.values())

    def _plan(self, key: Key, now: datetime) -> None:
        cadence, clock = self._cadences[key], self._clocks[key]
        after = settled(clock, cadence, now, self._catch_up)
        if after is not clock:
            try:
                after = self._ledger.change(key, lambda c: settled(c, cadence, now, self._catch_up))
            except NotFound:
                self._drop(key)
                return
            self._tell(key, clock, after)
            self._clocks[key] = clock = after
        out = self._out.setdefault(key, set())
        live, gap = due(clock, cadence, now)
        lanes = self._waiting.setdefault(key[0], (deque(), deque()))
        for until, lane in ((live, lanes[0]), (gap, lanes[1])):
            if until is not None and (task := Task(key, until)) not in out:
                out.add(task)
                lane.append(task)
        # The lane whose window is out comes again when that is back; the other when its time has come.
        ahead = [t for t in (clock.last + cadence.every + cadence.delay,) if t > now]
        ahead += [g.not_before for g in clock.gaps if g.not_before is not None and g.not_before > now]
        if ahead:
            heapq.heappush(self._heap, (min(ahead), key))

    def _stop(self, key: Key, name: str, rule: AnalyticRule, clock: RuleClock, now: datetime) -> None:
        try:
            cadence = Cadence.of(name, rule)
        except Invalid:
            cadence = None
        at = now if rule.last_modified is None else min(now, rule.last_modified)
        self._tell(key, clock, self._ledger.change(key, lambda c: c if c.stopped else stopped(c, cadence, at)))

    def _tell(self, key: Key, before: RuleClock, after: RuleClock) -> None:
        for stretch in after.skipped:
            if stretch not in before.skipped:
                self._skipped(key, *stretch)

    def _next(self) -> Task | None:
        """The next task: one workspace after the other, and the backlog last, but for its share."""
        self._turns += 1
        lanes = (1, 0) if self._turns % BACKLOG_SHARE == 0 else (0, 1)
        for lane in lanes:
            for workspace in self._waiting:
                if self._waiting[workspace][lane]:
                    task = self._waiting[workspace][lane].popleft()
                    # Whoever was served goes behind the others.
                    self._waiting[workspace] = self._waiting.pop(workspace)
                    return task
        return None

    def _push(self, key: Key) -> None:
        clock, now = self._clocks[key], self._now
        # A clock that is ahead of the time is to be set back now, and not when the time has come.
        ahead = now is not None and clock.last > now
        when = now if ahead and now is not None else next_due(clock, self._cadences[key])
        heapq.heappush(self._heap, (when, key))

    def _see(self, now: datetime) -> None:
        before, self._now = self._now, now
        if before is not None and now < before:
            for key in self._cadences:
                self._push(key)

    def _drop(self, key: Key) -> None:
        self._cadences.pop(key, None)
        self._clocks.pop(key, None)
        self._out.pop(key, None)
        lanes = self._waiting.get(key[0])
        for lane in lanes or ():
            for task in [t for t in lane if t.key == key]:
                lane.remove(task)


def _resumed(clock: RuleClock, cadence: Cadence, now: datetime) -> RuleClock:
    return begun(cadence, now, clock) if clock.stopped else clock
