"""Triggers that fire by the clock: recurrences, sliding windows, and services that are asked again and again.

How far each is stands in a document of the state database, changed by whoever has seen its last version. A run is named
by its trigger and its time: whatever dies between the run's start and the entry, and however many servers look, each
time sets off one run.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any, cast
from urllib.parse import urljoin

from huntlake.core.clock import Clock
from huntlake.core.errors import Busy, Conflict, DomainError, Invalid, PreconditionFailed
from huntlake.playbooks.calls import Caller, Held
from huntlake.playbooks.connectors.connector import RunContext
from huntlake.playbooks.recurrences import Recurrence, recurrence_of
from huntlake.playbooks.runs.records import json_of
from huntlake.playbooks.runs.service import Runs
from huntlake.playbooks.runs.starting import Kept, Start, inputs_of, kept_version
from huntlake.playbooks.triggers.batches import Batches
from huntlake.playbooks.workflows import Workflow, WorkflowState
from huntlake.state.documents import Document, Documents, Json, Shelf
from huntlake.state.records import Author
from huntlake.state.sealing import Seal
from huntlake.wdl.definition.workflow import Action, ActionType, Trigger, TriggerType
from huntlake.wdl.dotnet.durations import duration
from huntlake.wdl.expressions.values import Fault, text
from huntlake.wdl.runner.effects import Answer, Call
from huntlake.wdl.runner.records import HIDDEN_MESSAGE

_LOG = logging.getLogger("huntlake.playbooks")

SCHEDULE = Author(name="Schedule")
_SYNC = timedelta(seconds=5)
_WINDOWS = 50
"""How many windows of one trigger are made up for at a time."""
_POLLS = 4
_POLLING = {TriggerType.HTTP: ActionType.HTTP, TriggerType.API_CONNECTION: ActionType.API_CONNECTION}
_TIMED = {TriggerType.RECURRENCE, TriggerType.SLIDING_WINDOW, *_POLLING}
_LONGEST = timedelta(days=1)
_NEVER = datetime.max.replace(tzinfo=UTC)

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
    fired: int = 0
    """How often it was due."""
    over: bool = False
    """Whether it isn't due any more."""
    going: str = ""
    """Of one that asks, what it must remember until it is done, sealed."""


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

    @property
    def windows(self) -> bool:
        """Whether each stretch of time sets it off, instead of a point."""
        return self.trigger.type is TriggerType.SLIDING_WINDOW

    def onward(self, hand: Hand, now: datetime, problem: str = "") -> Hand:
        """How far it is, once it was due. What was missed is made up for once, and not as often as it was missed."""
        following, fired = self.recurrence.after(now, hand.base), hand.fired + 1
        over = self.recurrence.over(following, fired)
        return replace(hand, next=following, fired=fired, over=over, problem=problem)


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
            if trigger.type is TriggerType.SLIDING_WINDOW and recurrence.at_times:
                raise Invalid("a `schedule` of sliding windows is not supported")
            given = inputs.get("delay") if isinstance(inputs, Mapping) else None
            delay = duration(given) if given else timedelta()
            # One that asks for something else begins anew, and doesn't take the old answers for its own.
            about = [trigger.type.value, said, *([trigger.inputs] if trigger.type in _POLLING else [])]
            named = hashlib.sha256(json.dumps(about, sort_keys=True, default=str).encode()).hexdigest()
            one = _Known(workflow, trigger, kept, recurrence, inputs, delay, named, batch)
            self._next[key] = self._due_at(one, self._begun(key, one, now))
        except (DomainError, Fault) as error:
            self._problem(key, str(error), now)
            return None
        return one

    def _begun(self, key: Key, one: _Known, now: datetime) -> Hand:
        """How far a trigger is; one that is new, or says something else now, begins to count."""
        name = _name(key)
        while True:
            found = self._hands.find(name)
            if found is not None and found.value.said == one.said:
                return found.value
            first = one.recurrence.first(now)
            if one.windows:
                first = one.recurrence.start or now
            due = one.recurrence.step(first) if one.windows else first
            hand = Hand(one.said, one.recurrence.start or now, first, over=one.recurrence.over(due, 0))
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
        if hand.over:
            return _NEVER
        return one.recurrence.step(hand.next) + one.delay if one.windows else hand.next

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
            self._poll_beside(key, one)
            return
        hand = found.value
        if one.windows:
            self._entered(key, one, found, self._windows(one, hand, now))
            return
        try:
            if one.batch:
                self._batches.timely(one.workflow, one.trigger, one.batch)
            else:
                self._fire(one, {}, hand.next)
            problem = ""
        except Busy as error:
            problem = f"skipped at {hand.next:%Y-%m-%d %H:%M:%S}: {error}"
        except DomainError as error:
            problem = f"failed at {hand.next:%Y-%m-%d %H:%M:%S}: {error}"
        self._entered(key, one, found, one.onward(hand, now, problem))

    def _windows(self, one: _Known, hand: Hand, now: datetime) -> Hand:
        for _ in range(_WINDOWS):
            until = one.recurrence.step(hand.next)
            if hand.over or until + one.delay > now:
                break
            window = {"windowStartTime": _moment(hand.next), "windowEndTime": _moment(until)}
            problem = ""
            try:
                self._fire(one, window, hand.next)
            except Busy as error:
                # No window is left out: it waits until others have gone.
                return replace(hand, problem=f"the window from {hand.next:%Y-%m-%d %H:%M:%S} on waits: {error}")
            except DomainError as error:
                problem = f"the window from {hand.next:%Y-%m-%d %H:%M:%S} on failed: {error}"
            fired = hand.fired + 1
            over = one.recurrence.over(one.recurrence.step(until), fired)
            hand = replace(hand, next=until, fired=fired, over=over, problem=problem)
        return hand

    def _fire(self, one: _Known, outputs: dict[str, Any], at: datetime) -> None:
        key = f"{one.trigger.name.lower()}/{at.isoformat()}"
        self._runs.fire(one.workflow, Start(outputs, SCHEDULE, one.trigger.name, key, at, inputs=one.inputs))

    def _entered(self, key: Key, one: _Known, before: Document[Hand], hand: Hand) -> None:
        if hand.problem and hand.problem != before.value.problem:
            _LOG.warning("the trigger `%s` of `%s`: %s", one.trigger.name, one.workflow.name, hand.problem)
        try:
            self._hands.put(before.name, hand, if_match=before.etag)
        except PreconditionFailed:
            self._synced = None
            return
        self._next[key] = self._due_at(one, hand)

    # -- asking -----------------------------------------------------------------------------

    def _poll_beside(self, key: Key, one: _Known) -> None:
        """Asks in a thread: others are due meanwhile."""
        with self._lock:
            if key in self._polled:
                return
            self._polled.add(key)
            if self._pool is None:
                self._pool = ThreadPoolExecutor(_POLLS, thread_name_prefix="playbook trigger")

        def polled() -> None:
            try:
                self._poll(key, one)
            except Exception:
                _LOG.exception("the trigger `%s` of `%s` couldn't be asked", one.trigger.name, one.workflow.name)
                self._next[key] = self._clock.now().astimezone(UTC) + _SYNC
            finally:
                with self._lock:
                    self._polled.discard(key)

        self._pool.submit(polled)

    def _poll(self, key: Key, one: _Known) -> None:
        found = self._hands.find(_name(key))
        if found is None or found.value.said != one.said:
            self._synced = None
            return
        hand = found.value
        going = _Going.opened(hand.going, self._runs.seal, key)
        if going.outputs is None:
            asked = self._asked(one, hand, going.location)
            now = self._clock.now().astimezone(UTC)
            onward = one.onward(hand, max(now, hand.next), asked.problem)
            if asked.later is not None:
                onward = replace(onward, next=now + asked.later)
            going = _Going(asked.location or going.location, asked.outputs, onward.next)
            if asked.outputs is None:
                self._entered(key, one, found, replace(onward, going=going.sealed(self._runs.seal, key)))
                return
            # What was answered is kept before anything is made of it: whoever dies now goes on with this very answer,
            # and whoever asked for the same meanwhile is too late.
            try:
                found = self._hands.put(
                    found.name, replace(hand, going=going.sealed(self._runs.seal, key)), if_match=found.etag
                )
            except PreconditionFailed:
                self._synced = None
                return
            hand = found.value
        problem = ""
        try:
            self._fire(one, going.outputs or {}, hand.next)
        except Busy as error:
            # Nothing that was given is left out: those items that found no room are tried again.
            self._next[key] = self._clock.now().astimezone(UTC) + _SYNC
            self._hands.put(found.name, replace(hand, problem=f"waits: {error}"), if_match=found.etag)
            return
        except DomainError as error:
            problem = str(error)
        done = _Going(going.location).sealed(self._runs.seal, key)
        onward = one.onward(hand, hand.next, problem)
        self._entered(key, one, found, replace(onward, next=going.next or onward.next, going=done))

    def _asked(self, one: _Known, hand: Hand, location: str) -> _Asked:
        """Asks once: for what the trigger says now, or at the address that the last answer gave."""
        workflow, trigger, now = one.workflow, one.trigger, self._clock.now()
        id = self._runs.resource_id(workflow.name)
        try:
            inputs = inputs_of(trigger, one.kept, workflow.name, workflow.value, id, now)["inputs"]
        except DomainError as error:
            return _Asked(problem=str(error))
        action = Action(trigger.name, _POLLING[trigger.type], trigger.path, inputs=trigger.inputs)
        run = f"{id}/triggers/{trigger.name}"
        context = RunContext(workflow.value.workspace, workflow.name, run, SCHEDULE, now, polls=True)
        secret = one.kept.hidden.triggers.get(trigger.name, frozenset())
        # Where an answer leads is made of that answer.
        secret |= {"inputs"} if location and "outputs" in secret else set[str]()
        call = Call(f"{trigger.name}/{hand.next.isoformat()}", action, inputs, poll=location, hidden=secret)
        parameters = {k.lower(): v for k, v in one.kept.parameters.items()}
        answer = self._caller.call(context, call, parameters.get("$connections") or {})
        if isinstance(answer, Held):
            return _Asked(problem="a person would have to approve that the trigger asks: that is not supported")
        later, following = _retry_after(answer), _header(answer, "location")
        if following and trigger.type is TriggerType.HTTP and isinstance(inputs, Mapping):
            following = urljoin(text(inputs.get("uri")), following)
        if answer.refused or answer.lost:
            return _Asked(problem=HIDDEN_MESSAGE if secret else answer.refused or answer.lost)
        if answer.status >= 300:
            return _Asked(problem=f"the answer has the status {answer.status}", later=later)
        if answer.status == 202:
            return _Asked(later=later, location=following)
        outputs = {"statusCode": answer.status, "headers": dict(answer.headers), "body": answer.body}
        return _Asked(outputs, later, following)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What came of asking; no outputs where there is nothing yet."""

    outputs: dict[str, Any] | None = None
    later: timedelta | None = None
    location: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Going:
    """What a trigger that asks remembers: where it asks next, and an answer of which not everything is made yet."""

    location: str = ""
    outputs: dict[str, Any] | None = None
    next: datetime | None = None

    def sealed(self, seal: Seal, key: Key) -> str:
        if not self.location and self.outputs is None:
            return ""
        following = self.next.isoformat() if self.next else None
        said = {"location": self.location, "outputs": json_of(self.outputs), "next": following}
        return seal.seal(json.dumps(said), f"trigger {_name(key)}")

    @classmethod
    def opened(cls, sealed: str, seal: Seal, key: Key) -> _Going:
        if not sealed:
            return cls()
        said = json.loads(seal.open(sealed, f"trigger {_name(key)}"))
        return cls(said["location"], said["outputs"], datetime.fromisoformat(said["next"]) if said["next"] else None)


def _timed_batches(trigger: Trigger) -> list[str]:
    """The batches of a trigger that go at some time, full or not."""
    inputs: Any = trigger.inputs if trigger.type is TriggerType.BATCH and isinstance(trigger.inputs, dict) else {}
    said = {n: c for n, c in (inputs.get("configurations") or {}).items() if isinstance(c, dict)}
    return [n for n, c in said.items() if isinstance(r := c.get("releaseCriteria"), dict) and r.get("recurrence")]


def _retry_after(answer: Answer) -> timedelta | None:
    said = _header(answer, "retry-after")
    return min(timedelta(seconds=int(said[:9])), _LONGEST) if said.isdecimal() else None


def _header(answer: Answer, name: str) -> str:
    return next((v for k, v in answer.headers.items() if k.lower() == name), "").strip()


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}0Z"


def _name(key: Key) -> str:
    return "/".join(key)


def _encoded(hand: Hand) -> Json:
    return {**asdict(hand), "base": hand.base.isoformat(), "next": hand.next.isoformat()}


def _decoded(value: Json) -> Hand:
    said = cast("dict[str, Any]", value)
    return Hand(**{**said, **{n: datetime.fromisoformat(said[n]) for n in ("base", "next")}})
