"""Triggers that fire by the clock: recurrences, sliding windows, and services that are asked again and again.

How far each is stands in a document of the state database, changed by whoever has seen its last version. A run is named
by its trigger and its time: whatever dies between the run's start and the entry, and however many servers look, each
time sets off one run.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any, cast

from huntlake.core.clock import Clock
from huntlake.core.errors import Busy, Conflict, DomainError, PreconditionFailed
from huntlake.playbooks.calls import Caller, Held
from huntlake.playbooks.connectors.connector import RunContext
from huntlake.playbooks.runs.service import Runs
from huntlake.playbooks.runs.starting import Kept, Start, inputs_of, kept_version
from huntlake.playbooks.triggers.batches import Batches
from huntlake.playbooks.triggers.recurrences import Recurrence, recurrence_of
from huntlake.playbooks.workflows import Workflow, WorkflowState
from huntlake.state.documents import Document, Documents, Json, Shelf
from huntlake.state.records import Author
from huntlake.wdl.definition.workflow import Action, ActionType, Trigger, TriggerType
from huntlake.wdl.dotnet.durations import duration
from huntlake.wdl.expressions.values import Fault
from huntlake.wdl.runner.effects import Answer, Call

_LOG = logging.getLogger("huntlake.playbooks")

SCHEDULE = Author(name="Schedule")
_SYNC = timedelta(seconds=5)
_WINDOWS = 50
"""How many windows of one trigger are made up for at a time."""
_POLLS = 4
_POLLING = {TriggerType.HTTP: ActionType.HTTP, TriggerType.API_CONNECTION: ActionType.API_CONNECTION}
_TIMED = {TriggerType.RECURRENCE, TriggerType.SLIDING_WINDOW, *_POLLING}
_LONGEST = timedelta(days=1)

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Hand:
    """How far a trigger is. Of a sliding window `next` is where its next window begins."""

    said: str
    """Names what the trigger says: where that changes, it counts anew."""
    base: datetime
    next: datetime
    problem: str = ""
    """Why it doesn't fire, or didn't last time."""


@dataclass(frozen=True)
class _Known:
    workflow: Document[Workflow]
    trigger: Trigger
    kept: Kept
    recurrence: Recurrence
    inputs: Any
    delay: timedelta
    said: str
    batch: str = ""
    """The batch that goes at that time."""


class Times:
    """Sets workflows off by the clock; `look` is called again and again where runs are executed."""

    def __init__(self, shelf: Shelf, clock: Clock, runs: Runs, caller: Caller, batches: Batches) -> None:
        self._clock, self._runs, self._caller, self._batches = clock, runs, caller, batches
        self._hands: Documents[Hand] = Documents(shelf, "times of playbooks", _encoded, _decoded)
        self._known: dict[Key, _Known] = {}
        self._next: dict[Key, datetime] = {}
        self._synced: datetime | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._polled: set[Key] = set()
        self._lock = Lock()

    def look(self) -> None:
        """Set off what is due."""
        now = self._clock.now().astimezone(UTC)
        if self._synced is None or not timedelta() <= now - self._synced < _SYNC:
            self._sync(now)
            self._synced = now
        for key, at in list(self._next.items()):
            if at <= now and key in self._known:
                self._due(key, self._known[key], now)

    def hand(self, workflow: str, trigger: str) -> Hand | None:
        """How far a trigger is, or None where it never was due."""
        found = self._hands.find(_name((workflow.lower(), trigger.lower())))
        return None if found is None else found.value

    def reset(self, workflow: str, trigger: str) -> bool:
        """Let a trigger count anew, as if it had just been written; False where it was never due."""
        gone = self._hands.delete(_name((workflow.lower(), trigger.lower())))
        self._synced, self._known = None, {}
        return gone

    # -- which there are -------------------------------------------------------------------

    def _sync(self, now: datetime) -> None:
        known: dict[Key, _Known] = {}
        for workflow in self._runs.workflows.all():
            if workflow.value.state is not WorkflowState.ENABLED:
                continue
            try:
                kept = kept_version(self._runs.workflows, workflow.name, workflow.value.version, self._runs.seal)
            except DomainError as error:
                _LOG.warning("the triggers of `%s` can't be read: %s", workflow.name, error)
                continue
            for trigger in kept.definition.triggers:
                for batch in _timed_batches(trigger) if trigger.type not in _TIMED else ("",):
                    key = workflow.name.lower(), f"{trigger.name}/{batch}".rstrip("/").lower()
                    if (one := self._timed(key, workflow, trigger, kept, now, batch)) is not None:
                        known[key] = one
        self._known = known
        for key in list(self._next):
            if key not in known:
                del self._next[key]

    def _timed(
        self, key: Key, workflow: Document[Workflow], trigger: Trigger, kept: Kept, now: datetime, batch: str
    ) -> _Known | None:
        before = self._known.get(key)
        if before is not None and before.workflow.etag == workflow.etag:
            return before
        try:
            id = self._runs.resource_id(workflow.name)
            found = inputs_of(trigger, kept, workflow.name, workflow.value, id, now)
            inputs, said = found["inputs"], found["recurrence"]
            if batch:
                said = inputs["configurations"][batch]["releaseCriteria"]["recurrence"]
            recurrence = recurrence_of(said)
            given = inputs.get("delay") if isinstance(inputs, Mapping) else None
            delay = duration(given) if given else timedelta()
        except (DomainError, Fault) as error:
            self._problem(key, str(error), now)
            return None
        named = hashlib.sha256(json.dumps([trigger.type.value, said], sort_keys=True, default=str).encode()).hexdigest()
        one = _Known(workflow, trigger, kept, recurrence, inputs, delay, named, batch)
        self._next[key] = self._due_at(one, self._begun(key, one, now))
        return one

    def _begun(self, key: Key, one: _Known, now: datetime) -> Hand:
        """How far a trigger is; one that is new, or says something else now, begins to count."""
        name = _name(key)
        while True:
            found = self._hands.find(name)
            if found is not None and found.value.said == one.said:
                return found.value
            first = one.recurrence.first(now)
            if one.trigger.type is TriggerType.SLIDING_WINDOW:
                first = one.recurrence.start or now
            hand = Hand(one.said, one.recurrence.start or now, first)
            try:
                if found is None:
                    return self._hands.put(name, hand, create_only=True).value
                return self._hands.put(name, hand, if_match=found.etag).value
            except (Conflict, PreconditionFailed):
                continue

    def _problem(self, key: Key, why: str, now: datetime) -> None:
        name = _name(key)
        found = self._hands.find(name)
        if found is not None and found.value.problem == why:
            return
        _LOG.warning("the trigger `%s` of `%s` doesn't fire: %s", key[1], key[0], why)
        self._hands.put(name, Hand("", now, now, why))

    # -- what is due ------------------------------------------------------------------------

    def _due_at(self, one: _Known, hand: Hand) -> datetime:
        if one.trigger.type is TriggerType.SLIDING_WINDOW:
            return one.recurrence.step(hand.next) + one.delay
        return hand.next

    def _due(self, key: Key, one: _Known, now: datetime) -> None:
        found = self._hands.find(_name(key))
        if found is None or found.value.said != one.said:
            # Reset by another process, or written anew: it begins to count when it is read again.
            self._known.pop(key, None)
            self._synced = None
            return
        if self._due_at(one, found.value) > now:
            self._next[key] = self._due_at(one, found.value)  # another server was faster
            return
        if one.trigger.type in _POLLING:
            self._poll_beside(key, one, found.value)
            return
        problem, hand = "", found.value
        try:
            if one.trigger.type is TriggerType.SLIDING_WINDOW:
                hand = self._windows(one, hand, now)
            elif one.batch:
                self._batches.timely(one.workflow, one.trigger, one.batch)
                hand = replace(hand, next=one.recurrence.after(now, hand.base))
            else:
                self._fire(one, {}, hand.next)
                # What was missed is made up for once, and not as often as it was missed.
                hand = replace(hand, next=one.recurrence.after(now, hand.base))
        except Busy as error:
            problem = f"skipped at {hand.next:%Y-%m-%d %H:%M:%S}: {error}"
            hand = replace(hand, next=one.recurrence.after(now, hand.base))
        except DomainError as error:
            problem = f"failed at {hand.next:%Y-%m-%d %H:%M:%S}: {error}"
            hand = replace(hand, next=one.recurrence.after(now, hand.base))
        self._entered(key, one, found, replace(hand, problem=problem))

    def _windows(self, one: _Known, hand: Hand, now: datetime) -> Hand:
        for _ in range(_WINDOWS):
            until = one.recurrence.step(hand.next)
            if until + one.delay > now:
                break
            window = {"windowStartTime": _moment(hand.next), "windowEndTime": _moment(until)}
            self._fire(one, window, hand.next)
            hand = replace(hand, next=until)
        return hand

    def _fire(self, one: _Known, outputs: dict[str, Any], at: datetime) -> None:
        key = f"{one.trigger.name.lower()}/{at.isoformat()}"
        self._runs.fire(one.workflow, Start(outputs, SCHEDULE, one.trigger.name, key, at, inputs=one.inputs))

    def _entered(self, key: Key, one: _Known, before: Document[Hand], hand: Hand) -> None:
        if hand.problem:
            _LOG.warning("the trigger `%s` of `%s`: %s", one.trigger.name, one.workflow.name, hand.problem)
        try:
            self._hands.put(before.name, hand, if_match=before.etag)
        except PreconditionFailed:
            self._synced = None
            return
        self._next[key] = self._due_at(one, hand)

    # -- asking -----------------------------------------------------------------------------

    def _poll_beside(self, key: Key, one: _Known, hand: Hand) -> None:
        """Asks in a thread: others are due meanwhile."""
        with self._lock:
            if key in self._polled:
                return
            self._polled.add(key)
            if self._pool is None:
                self._pool = ThreadPoolExecutor(_POLLS, thread_name_prefix="playbook trigger")

        def polled() -> None:
            try:
                self._poll(key, one, hand)
            except Exception:
                _LOG.exception("the trigger `%s` of `%s` couldn't be asked", one.trigger.name, one.workflow.name)
                self._next[key] = self._clock.now().astimezone(UTC) + _SYNC
            finally:
                with self._lock:
                    self._polled.discard(key)

        self._pool.submit(polled)

    def _poll(self, key: Key, one: _Known, hand: Hand) -> None:
        workflow, trigger = one.workflow, one.trigger
        at = hand.next
        action = Action(trigger.name, _POLLING[trigger.type], trigger.path, inputs=trigger.inputs)
        run = f"{self._runs.resource_id(workflow.name)}/triggers/{trigger.name}"
        context = RunContext(workflow.value.workspace, workflow.name, run, SCHEDULE, self._clock.now())
        call = Call(f"{trigger.name}/{at.isoformat()}", action, one.inputs)
        parameters = {k.lower(): v for k, v in one.kept.parameters.items()}
        answer = self._caller.call(context, call, parameters.get("$connections") or {})
        problem = ""
        if isinstance(answer, Held):
            problem = "a person would have to approve that the trigger asks: that is not supported"
        elif answer.refused or answer.lost:
            problem = answer.refused or answer.lost
        elif answer.status != 202 and answer.status < 300:
            outputs = {"statusCode": answer.status, "headers": dict(answer.headers), "body": answer.body}
            try:
                self._fire(one, outputs, at)
            except DomainError as error:
                problem = str(error)
        elif answer.status >= 300:
            problem = f"the answer has the status {answer.status}"
        now = self._clock.now().astimezone(UTC)
        following = one.recurrence.after(max(now, at), hand.base)
        if not isinstance(answer, Held) and (later := _retry_after(answer)) is not None:
            following = now + later
        found = self._hands.find(_name(key))
        if found is not None and found.value == hand:
            self._entered(key, one, found, replace(hand, next=following, problem=problem))
        else:
            self._synced = None


def _timed_batches(trigger: Trigger) -> list[str]:
    """The batches of a trigger that go at some time, full or not."""
    inputs: Any = trigger.inputs if trigger.type is TriggerType.BATCH and isinstance(trigger.inputs, dict) else {}
    said = {n: c for n, c in (inputs.get("configurations") or {}).items() if isinstance(c, dict)}
    return [n for n, c in said.items() if isinstance(r := c.get("releaseCriteria"), dict) and r.get("recurrence")]


def _retry_after(answer: Answer) -> timedelta | None:
    said = next((v for k, v in answer.headers.items() if k.lower() == "retry-after"), "").strip()
    return min(timedelta(seconds=int(said[:9])), _LONGEST) if said.isdecimal() else None


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}0Z"


def _name(key: Key) -> str:
    return "/".join(key)


def _encoded(hand: Hand) -> Json:
    return {
        "said": hand.said,
        "base": hand.base.isoformat(),
        "next": hand.next.isoformat(),
        "problem": hand.problem,
    }


def _decoded(value: Json) -> Hand:
    said = cast("dict[str, str]", value)
    moment: Callable[[str], datetime] = datetime.fromisoformat
    return Hand(said["said"], moment(said["base"]), moment(said["next"]), said["problem"])
