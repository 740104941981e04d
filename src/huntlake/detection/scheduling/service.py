"""The scheduler of analytic rules: their windows, what they raise, and what is told of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from huntlake.core.clock import Clock
from huntlake.core.errors import Conflict, Invalid, NotFound
from huntlake.detection.raising import Raising, Stored
from huntlake.detection.rules import AnalyticRule
from huntlake.detection.running import Run, Window, run
from huntlake.detection.scheduling.failures import Failure, Reason, auto_disabled, failure_of
from huntlake.detection.scheduling.health import Health
from huntlake.detection.scheduling.ledger import Key, StateLedger
from huntlake.detection.scheduling.timetable import Cadence, RuleClock, behind, next_due
from huntlake.detection.scheduling.windows import Windows
from huntlake.detection.scheduling.working import USUAL, Pace, running
from huntlake.engines.cancellation import Cancellation
from huntlake.state.documents import Shelf
from huntlake.state.events import Events
from huntlake.state.records import Author, Owner, Records
from huntlake.workspace.query import Queries
from huntlake.workspace.workspaces import Workspace

_LOG = logging.getLogger("huntlake.rules")

SCHEDULER = Author(name="huntlake scheduler")
"""Who disables rules that fail again and again."""


@dataclass(frozen=True, slots=True)
class RuleStatus:
    """How far a rule is. `next_due` is None for one that doesn't run; `held` says why an enabled one waits for now."""

    clock: RuleClock | None
    next_due: datetime | None
    behind: int
    held: str = ""


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
    pace: Pace = USUAL
    kind: str = "rule"
    holding: Callable[[Owner], Mapping[str, str]] = lambda owner: {}
    """The rules of a workspace whose windows wait for now, by their names in lower case, and why."""
    ledger: StateLedger = field(init=False)
    windows: Windows = field(init=False)
    _known: dict[str, Workspace] = field(default_factory=dict, init=False, repr=False)
    _cancellation: Cancellation = field(default_factory=Cancellation, init=False, repr=False)

    def __post_init__(self) -> None:
        self.ledger = StateLedger(self.shelf)
        self.windows = Windows(self.ledger, self, self._look, self, self.health, self.clock, self._held)

    # -- what people ask --------------------------------------------------------------------

    def status(self, workspace: Workspace, name: str, held: Mapping[str, str] | None = None) -> RuleStatus:
        """How far a rule is, and its last runs; `NotFound` where there is none of that name. `held` is what `held` of
        the workspace gives, for who asks about many.
        """
        rule = self.rules.get((workspace.name,), name).value
        clock = self.ledger.read((workspace.name, name.lower()))
        held = self.held(workspace.name) if held is None and rule.enabled else held or {}
        why = held.get(name.lower(), "") if rule.enabled else ""
        if clock is None or clock.stopped or not rule.enabled:
            return RuleStatus(clock, None, 0, why)
        cadence = Cadence.of(name, rule)
        due = None if why else next_due(clock, cadence)
        return RuleStatus(clock, due, behind(clock, cadence), why)

    def run_now(
        self, workspace: Workspace, name: str, until: datetime | None = None, *, raising: bool = True
    ) -> tuple[Run, Stored]:
        """Run a rule over the window that ends at `until`, or now, whatever its schedule is.

        Its alerts are kept unless not `raising`; those of a window that has been run are there already, and stay as
        they are. Raises what the query raises, and `Conflict` where the rule is held.
        """
        kept = self.rules.get((workspace.name,), name)
        if raising and (why := self._held((workspace.name, kept.name.lower()))):
            raise Conflict(f"the rule raises nothing: {why}")
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
        known = self._known
        if name not in known:
            self._known = known = {w.name: w for w in self.workspaces()}
        if name not in known:
            raise NotFound(f"no workspace is named `{name}`")
        return known[name]

    # -- running ----------------------------------------------------------------------------

    def running(self) -> AbstractContextManager[None]:
        """Run rules in the background as long as the block lasts. At its end queries are broken off, and run again."""
        return running(self)

    def broken_off(self) -> None:
        """End the queries that run now."""
        self._cancellation.cancel()
        self._cancellation = Cancellation()

    def planned(self, workspace: str) -> Mapping[str, AnalyticRule]:
        """The rules of a workspace, by name."""
        return {d.name: d.value for d in self.rules.list((workspace,))}

    def held(self, workspace: str) -> Mapping[str, str]:
        """The rules whose windows wait for now."""
        return self.holding((workspace,))

    def _held(self, key: Key) -> str:
        return self.holding((key[0],)).get(key[1], "")

    def settle(self, workspace: str) -> None:
        """Tell what a process that ended has not told."""
        self._known = {}  # one of that name may be another by now
        self.events.deliver((workspace,))

    def skipped(self, key: Key, since: datetime, until: datetime) -> None:
        """Tell of windows that are not made up any more: they are too old, or the rule was disabled meanwhile."""
        if (known := self.find(key)) is not None:
            _LOG.warning("windows of the rule %s of %s from %s to %s are skipped", known[0], key[0], since, until)
            detail = f"They ended after {since:%Y-%m-%d %H:%M:%S} and not after {until:%Y-%m-%d %H:%M:%S}."
            detail += " They are too old." if known[1].enabled else " The rule was disabled before."
            self.health.told(key[0], *known, self.clock.now(), Reason.SKIPPED, detail)
