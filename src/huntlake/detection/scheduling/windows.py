"""Looks at one window of a rule: its query, its alerts, and what is said of it; once, however often it is begun."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from time import perf_counter
from typing import TYPE_CHECKING, Protocol, cast

from huntlake.core.clock import Clock
from huntlake.core.errors import Cancelled, NotFound
from huntlake.detection.rules import AnalyticRule
from huntlake.detection.running import Run, Window
from huntlake.detection.scheduling.failures import MOST_FAILURES, RETRIES, Failure, Reason, failure_of
from huntlake.detection.scheduling.ledger import Key, Ledger
from huntlake.detection.scheduling.timetable import (
    Cadence,
    RuleClock,
    RunRecord,
    done,
    is_pending,
    postponed,
    recorded,
    tries,
)
from huntlake.state.documents import Json

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_LOG = logging.getLogger("huntlake.rules")

Look = Callable[[str, str, AnalyticRule, Window], Run]
"""Runs a rule's query over a window: workspace, name of the rule, the rule, the window."""


@dataclass(frozen=True, slots=True)
class Task:
    """A window that is to be looked at."""

    key: Key
    until: datetime


class Raise(Protocol):
    """The door through which alerts go into the store. It may be gone through again with the same run."""

    def suppressed(self, workspace: str, name: str, rule: AnalyticRule, window: Window) -> bool:
        """Whether the rule is not to be asked about that window, because it has raised an alert before."""
        ...

    def raised(self, workspace: str, name: str, rule: AnalyticRule, run: Run) -> object:
        """Keep the alerts of a run, each once, and what becomes of them."""
        ...


class Rules(Protocol):
    """The rules as they are at this moment."""

    def find(self, key: Key) -> tuple[str, AnalyticRule] | None:
        """A rule's name as it is spelled, and the rule; None where there is none."""
        ...

    def disable(self, key: Key, failure: Failure) -> None:
        """Have the rule not run any more, and say why in it."""
        ...


class Tell(Protocol):
    """What is said of runs, for people to find. It may be said twice, with the same id."""

    def ran(
        self, workspace: str, name: str, rule: AnalyticRule, window: Window, at: datetime, outcome: Run | Failure
    ) -> None: ...


@dataclass(frozen=True)
class Windows:
    """Looks at windows, in whatever thread or process, and enters into the ledger what became of them."""

    ledger: Ledger
    rules: Rules
    look: Look
    door: Raise
    tell: Tell
    clock: Clock
    held: Callable[[Key], str] = lambda key: ""
    """Why a rule, though it is enabled, isn't looked at for now; its windows wait."""

    def look_at(self, task: Task) -> bool:
        """Look at a window; False where somebody else has, or nobody is to any more.

        Whatever ends this, at whatever point, it can be called again: the window is done, or pending as before. What
        was found is kept before the first alert of it is raised, so that a second look sees nothing else.
        """
        key, until = task.key, task.until
        known, clock = self.rules.find(key), self.ledger.read(key)
        if known is None or clock is None or clock.stopped or not known[1].enabled or self.held(key):
            return False
        name, rule = known
        cadence = Cadence.of(name, rule)
        if not is_pending(clock, cadence, until):
            return False
        window, began, at = Window.ending(rule, until), perf_counter(), self.clock.now().astimezone(UTC)
        outcome: Run | Failure
        try:
            found = self._found(task, name, rule, cadence, clock, window)
            if found is None:
                return False
            if found.alerts:
                if self.held(key):
                    return False  # since its query began; what was found is kept, and raised when it goes on
                self.door.raised(key[0], name, rule, found)
            outcome = found
        except Cancelled:
            return False  # the process ends, and the next one looks
        except Exception as error:
            outcome = failure_of(error)
            if outcome.reason is Reason.INTERNAL:
                _LOG.exception("the rule %s of %s failed", name, key[0])
        self._say(key[0], name, rule, window, at, outcome)
        milliseconds = round((perf_counter() - began) * 1000)
        self._enter(task, rule, cadence, at, milliseconds, outcome)
        return True

    def _found(
        self, task: Task, name: str, rule: AnalyticRule, cadence: Cadence, clock: RuleClock, window: Window
    ) -> Run | None:
        """What is to be raised of a window; None where somebody else was faster."""
        place = task.until.isoformat()
        if place in clock.found:
            return _run_of(clock.found[place])
        if rule.suppression_enabled and self.door.suppressed(task.key[0], name, rule, window):
            return Run(window, 0, triggered=False, notes=("the rule is suppressed, and was not asked",))
        run = self.look(task.key[0], name, rule, window)
        if not run.alerts:
            return run
        said = _json_of(run)

        def kept(clock: RuleClock) -> RuleClock:
            if place in clock.found or not is_pending(clock, cadence, task.until):
                return clock
            return replace(clock, found={**clock.found, place: said})

        # The rows of another look may be others by now: of two, the first counts.
        after = self.ledger.change(task.key, kept)
        return _run_of(after.found[place]) if place in after.found else None

    def _enter(
        self, task: Task, rule: AnalyticRule, cadence: Cadence, at: datetime, milliseconds: int, outcome: Run | Failure
    ) -> None:
        """Enter into the ledger what became of a window."""
        run = outcome if isinstance(outcome, Run) else None
        failure = outcome if isinstance(outcome, Failure) else None
        record = RunRecord(
            task.until,
            at,
            run.rows if run else 0,
            len(run.alerts) if run else 0,
            milliseconds,
            f"{failure.reason} {failure.detail}" if failure else "",
        )

        def entered(clock: RuleClock) -> RuleClock:
            if not is_pending(clock, cadence, task.until):
                return clock
            if failure is None:
                clock = replace(clock, failures=0, failure="")
            elif failure.permanent:
                same = clock.failure == failure.reason and clock.modified == rule.last_modified
                count = clock.failures + 1 if same else 1
                clock = replace(clock, failures=count, failure=str(failure.reason), modified=rule.last_modified)
            elif (tried := tries(clock, cadence, task.until)) < len(RETRIES):
                return recorded(postponed(clock, cadence, task.until, at + RETRIES[tried]), record)
            return recorded(done(clock, cadence, task.until), record)

        try:
            clock = self.ledger.change(task.key, entered)
        except NotFound:
            return  # the rule was deleted meanwhile
        if failure is not None and failure.permanent and clock.failures >= MOST_FAILURES:
            self.rules.disable(task.key, failure)

    def _say(
        self, workspace: str, name: str, rule: AnalyticRule, window: Window, at: datetime, outcome: Run | Failure
    ) -> None:
        try:
            self.tell.ran(workspace, name, rule, window, at, outcome)
        except Exception:
            # A rule must not stand still because nobody can be told.
            _LOG.exception("what became of the rule %s of %s couldn't be told", name, workspace)


@cache
def _runs() -> TypeAdapter[Run]:
    from pydantic import TypeAdapter

    return TypeAdapter(Run)


def _json_of(run: Run) -> Json:
    return cast("Json", _runs().dump_python(run, mode="json"))


def _run_of(said: Json) -> Run:
    return _runs().validate_python(said)
