"""When hunts run: on the scheduler that rules have, with windows of their own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from huntlake.core.clock import Clock
from huntlake.core.errors import Conflict, Invalid, NotFound, Unavailable
from huntlake.detection.rules import AnalyticRule, RuleKind
from huntlake.detection.running import Run, Window
from huntlake.detection.scheduling.failures import Failure
from huntlake.detection.scheduling.ledger import Key, StateLedger
from huntlake.detection.scheduling.timetable import Cadence, behind, next_due
from huntlake.detection.scheduling.windows import Windows
from huntlake.detection.scheduling.working import USUAL, Pace, running
from huntlake.detection.severity import Severity
from huntlake.engines.cancellation import Cancellation
from huntlake.hunting.lifecycle.acting import BREAKER
from huntlake.hunting.lifecycle.governed_hunts import GovernedHunts
from huntlake.hunting.lifecycle.hunt import GovernedHunt
from huntlake.hunting.lifecycle.states import READY, HuntState
from huntlake.hunting.running.run import RunStatus
from huntlake.hunting.running.runs import HuntRuns
from huntlake.state.documents import Shelf
from huntlake.state.records import Owner
from huntlake.workspace.workspaces import Workspace

_LOG = logging.getLogger("huntlake.hunts")
_EXPIRES_EVERY = timedelta(minutes=10)
_KIND = "hunt"


@dataclass
class HuntScheduler:
    """Runs the hunts of all workspaces when their windows are due. `stopped` says why none of a workspace runs."""

    shelf: Shelf
    clock: Clock
    hunts: GovernedHunts
    runs: HuntRuns
    workspaces: Callable[[], Iterable[Workspace]]
    stopped: Callable[[Owner], str] = lambda owner: ""
    watch: Callable[[Owner], object] = lambda owner: None
    """Looks after what isn't one hunt's alone, every few minutes."""
    pace: Pace = USUAL
    kind: str = _KIND
    ledger: StateLedger = field(init=False)
    windows: Windows = field(init=False)
    _cancellation: Cancellation = field(default_factory=Cancellation, init=False, repr=False)
    _expired: dict[str, datetime] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        self.ledger = StateLedger(self.shelf, self.kind)
        self.windows = Windows(self.ledger, self, self._look, self, self, self.clock, self._held)

    def running(self) -> AbstractContextManager[None]:
        """Run hunts in the background as long as the block lasts. At its end queries are broken off, and run again."""
        return running(self)

    def next_due(self, workspace: Workspace, name: str) -> tuple[datetime | None, int]:
        """When a hunt runs next, and how many windows it is behind; None where it doesn't run by itself, or not now."""
        key = (workspace.name, name.lower())
        known, clock = self.find(key), self.ledger.read(key)
        if known is None or clock is None or clock.stopped or not known[1].enabled:
            return None, 0
        cadence = Cadence.of(*known)
        return None if self._held(key) else next_due(clock, cadence), behind(clock, cadence)

    # -- what the scheduler asks --------------------------------------------------------------

    def planned(self, workspace: str) -> Mapping[str, AnalyticRule]:
        """The hunts that have a schedule, as the scheduler plans them."""
        return {
            document.name: _rule(document.value)
            for document in self.hunts.list((workspace,))
            if _frequency(document.value) is not None
        }

    def find(self, key: Key) -> tuple[str, AnalyticRule] | None:
        """A hunt as it is at this moment."""
        try:
            document = self.hunts.get((key[0],), key[1])
        except NotFound:
            return None
        if _frequency(document.value) is None:
            return None
        return document.name, _rule(document.value)

    def held(self, workspace: str) -> Mapping[str, str]:
        """All hunts, while none of the workspace runs: their windows are made up for when they go on."""
        why = self.stopped((workspace,))
        return dict.fromkeys(self.hunts.names((workspace,)), why) if why else {}

    def _held(self, key: Key) -> str:
        return self.stopped((key[0],))

    def settle(self, workspace: str) -> None:
        """Let go what was approved too long ago, or whose tables have changed."""
        now = self.clock.now().astimezone(UTC)
        last = self._expired.get(workspace)
        if last is None or not timedelta() <= now - last < _EXPIRES_EVERY:
            self._expired[workspace] = now
            if gone := self.hunts.expire(workspace):
                _LOG.warning("%d hunts of %s have expired", gone, workspace)
            self.watch((workspace,))

    def skipped(self, key: Key, since: datetime, until: datetime) -> None:
        """Tell of windows that are not made up any more."""
        _LOG.warning("windows of the hunt %s of %s from %s to %s are skipped", key[1], key[0], since, until)

    def broken_off(self) -> None:
        """End the queries that run now."""
        self._cancellation.cancel()
        self._cancellation = Cancellation()

    def disable(self, key: Key, failure: Failure) -> None:
        """Suspend a hunt that fails for good."""
        try:
            self.hunts.suspend((key[0],), key[1], BREAKER, f"errors: {failure.reason} {failure.detail}")
        except (Conflict, NotFound):
            return

    def suppressed(self, workspace: str, name: str, rule: AnalyticRule, window: Window) -> bool:
        """Hunts aren't suppressed."""
        return False

    def raised(self, workspace: str, name: str, rule: AnalyticRule, run: Run) -> object:
        """Hunts raise no alerts."""
        raise AssertionError

    def ran(
        self, workspace: str, name: str, rule: AnalyticRule, window: Window, at: datetime, outcome: Run | Failure
    ) -> None:
        """What became of a run is told by the run itself."""

    def _look(self, workspace: str, name: str, rule: AnalyticRule, window: Window) -> Run:
        place = next((w for w in self.workspaces() if w.name == workspace), None)
        if place is None:
            raise NotFound(f"no workspace is named `{workspace}`")
        run = self.runs.run(place, name, window.since, window.until, cancellation=self._cancellation).value
        if run.status is RunStatus.FAILED:
            # What may pass is tried again; the run takes the place of the one that failed.
            raise Unavailable(run.failure) if run.details.get("may pass") == "true" else Invalid(run.failure)
        return Run(window, run.rows, triggered=False)


def _frequency(hunt: GovernedHunt) -> timedelta | None:
    return hunt.version(hunt.runnable).content.schedule.frequency if hunt.runnable else None


def _rule(hunt: GovernedHunt) -> AnalyticRule:
    """A hunt in the form in which the scheduler plans; nothing else is ever made of it."""
    content = hunt.version(hunt.runnable).content
    return AnalyticRule(
        kind=RuleKind.SCHEDULED,
        display_name=hunt.title,
        enabled=hunt.state_of(hunt.runnable) in (*READY, HuntState.RUNNING),
        severity=Severity.INFORMATIONAL,
        query=content.query,
        suppression_duration=timedelta(),
        suppression_enabled=False,
        query_frequency=content.schedule.frequency,
        query_period=content.schedule.period,
    )
