"""Triggers that subscribe (`HttpWebhook`): a service is told where to call as long as the workflow is enabled.

What is subscribed stands in a document of the state database, with what takes it back: the workflow may be gone by
then. A call is claimed before it is made, so that of several servers one makes it, and bears the same key when it is
made again.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Lock
from typing import Any, cast
from uuid import uuid4

from huntlake.core.clock import Clock
from huntlake.core.errors import Conflict, DomainError, PreconditionFailed
from huntlake.playbooks.addresses import Address
from huntlake.playbooks.calls import Caller, Held
from huntlake.playbooks.connectors.connector import RunContext
from huntlake.playbooks.runs.records import json_of
from huntlake.playbooks.runs.service import Runs
from huntlake.playbooks.runs.starting import Kept, inputs_of, kept_version
from huntlake.playbooks.workflows import Workflow, WorkflowState
from huntlake.state.documents import Document, Documents, Json, Shelf
from huntlake.state.records import Author
from huntlake.wdl.definition.workflow import Action, ActionType, Trigger, TriggerType
from huntlake.wdl.runner.effects import Answer, Call
from huntlake.wdl.runner.records import HIDDEN_MESSAGE

_LOG = logging.getLogger("huntlake.playbooks")

SUBSCRIPTION = Author(name="Subscription")
_SYNC = timedelta(seconds=5)
_CLAIMED = timedelta(minutes=5)
_SOONEST, _LATEST = timedelta(minutes=1), timedelta(hours=1)
_TRIES = 8
"""So often it is tried to take a subscription back."""

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription with another service, wanted or made."""

    id: str
    """New with each subscription: its calls are known by it."""
    said: str
    """Names what the trigger says: where that changes, it subscribes anew."""
    workspace: str
    workflow: str
    trigger: str
    at: datetime
    """Not before then something is tried."""
    made: bool = False
    tries: int = 0
    problem: str = ""
    back: str = ""
    """What takes it back, sealed; empty where nothing does."""


@dataclass(frozen=True)
class _Wanted:
    workflow: Document[Workflow]
    trigger: Trigger
    kept: Kept
    said: str


class Subscriptions:
    """Subscribes workflows, and takes it back; `look` is called again and again where runs are executed."""

    def __init__(
        self, shelf: Shelf, clock: Clock, runs: Runs, caller: Caller, address: Callable[[str, str], Address]
    ) -> None:
        self._clock, self._runs, self._caller, self._address = clock, runs, caller, address
        self._kept: Documents[Subscription] = Documents(shelf, "subscriptions of playbooks", _encoded, _decoded)
        self._synced: datetime | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._busy: set[str] = set()
        self._lock = Lock()

    def find(self, workflow: str, trigger: str) -> Subscription | None:
        """The subscription of a trigger, or None."""
        found = self._kept.find(_name((workflow.lower(), trigger.lower())))
        return None if found is None else found.value

    def look(self) -> None:
        """Subscribe what is enabled, and take back what isn't any more."""
        now = self._clock.now().astimezone(UTC)
        if self._synced is not None and timedelta() <= now - self._synced < _SYNC:
            return
        self._synced = now
        wanted = self._wanted()
        kept = {d.name: d for d in self._kept.list()}
        for name, one in wanted.items():
            if name not in kept:
                self._begin(name, one, now)
        for name, document in kept.items():
            value, one_wanted = document.value, wanted.get(name)
            if value.at > now:
                continue
            if one_wanted is None or one_wanted.said != value.said:
                self._beside(document, now, self._take_back)
            elif not value.made:
                self._beside(document, now, partial(self._subscribe, one_wanted))

    def _wanted(self) -> dict[str, _Wanted]:
        made = {}
        for workflow in self._runs.workflows.all():
            if workflow.value.state is not WorkflowState.ENABLED:
                continue
            try:
                kept = kept_version(self._runs.workflows, workflow.name, workflow.value.version, self._runs.seal)
            except DomainError:
                continue  # whoever reads its other triggers says so
            for trigger in kept.definition.triggers:
                if trigger.type is TriggerType.HTTP_WEBHOOK:
                    url = self._address(workflow.name, trigger.name).url
                    about = json.dumps([trigger.inputs, dict(kept.parameters), url], sort_keys=True, default=str)
                    said = hashlib.sha256(about.encode()).hexdigest()
                    made[_name((workflow.name.lower(), trigger.name.lower()))] = _Wanted(workflow, trigger, kept, said)
        return made

    def _begin(self, name: str, one: _Wanted, now: datetime) -> None:
        workflow = one.workflow
        made = Subscription(uuid4().hex, one.said, workflow.value.workspace, workflow.name, one.trigger.name, now)
        try:
            document = self._kept.put(name, made, create_only=True)
        except Conflict:
            return  # another server has begun
        self._beside(document, now, partial(self._subscribe, one))

    def _beside(
        self, document: Document[Subscription], now: datetime, work: Callable[[Document[Subscription]], None]
    ) -> None:
        """Does something in a thread, once it is claimed: others are subscribed meanwhile."""
        with self._lock:
            if document.name in self._busy:
                return
            self._busy.add(document.name)
            if self._pool is None:
                self._pool = ThreadPoolExecutor(4, thread_name_prefix="playbook subscription")

        def worked() -> None:
            try:
                # Whoever dies now leaves it to be tried again.
                work(self._kept.put(document.name, replace(document.value, at=now + _CLAIMED), if_match=document.etag))
            except PreconditionFailed:
                pass  # another server does it, or it has changed
            except Exception:
                _LOG.exception("the subscription %s could not be seen to", document.name)
            finally:
                with self._lock:
                    self._busy.discard(document.name)

        self._pool.submit(worked)

    def _subscribe(self, one: _Wanted, document: Document[Subscription]) -> None:
        value = document.value
        try:
            subscribe = self._said(one, None).get("subscribe")
            answer = self._called(value, "subscribe", subscribe, one.kept.parameters) if subscribe else Answer()
            problem = _problem(answer, secret=bool(one.kept.hidden.triggers.get(one.trigger.name)))
        except DomainError as error:
            problem = str(error)
        if problem:
            self._later(document, problem)
            return
        back = ""
        try:
            outputs = {"statusCode": answer.status, "headers": dict(answer.headers), "body": answer.body}
            taken_back = self._said(one, outputs).get("unsubscribe")
            if isinstance(taken_back, Mapping) and taken_back:
                back = self._runs.seal.seal(json.dumps(json_of(taken_back)), _purpose(value))
        except DomainError as error:
            problem = f"it is subscribed, and nothing can take that back: {error}"
            _LOG.warning("the trigger `%s` of `%s`: %s", value.trigger, value.workflow, problem)
        made = replace(value, made=True, at=self._clock.now().astimezone(UTC), problem=problem, tries=0, back=back)
        self._kept.put(document.name, made, if_match=document.etag)

    def _take_back(self, document: Document[Subscription]) -> None:
        value, problem = document.value, ""
        if value.back:
            try:
                inputs = json.loads(self._runs.seal.open(value.back, _purpose(value)))
                answer = self._called(value, "unsubscribe", inputs, {})
                # Whoever knows of no such subscription has none.
                problem = "" if answer.status in (404, 410) and not answer.lost else _problem(answer)
            except DomainError as error:
                problem = str(error)
        if problem and value.tries + 1 < _TRIES:
            self._later(document, problem)
            return
        if problem:
            _LOG.warning("the subscription %s is given up, and was not taken back: %s", document.name, problem)
        self._kept.delete(document.name, if_match=document.etag)
        self._synced = None

    def _later(self, document: Document[Subscription], problem: str) -> None:
        value = document.value
        wait = min(_SOONEST * 2 ** min(value.tries, 10), _LATEST)
        _LOG.warning("the trigger `%s` of `%s` can't subscribe: %s", value.trigger, value.workflow, problem)
        at = self._clock.now().astimezone(UTC) + wait
        self._kept.put(
            document.name, replace(value, at=at, tries=value.tries + 1, problem=problem), if_match=document.etag
        )

    def _said(self, one: _Wanted, outputs: dict[str, Any] | None) -> Mapping[str, Any]:
        """The trigger's inputs, evaluated; those that take a subscription back know what it gave."""
        workflow, trigger = one.workflow, one.trigger
        inputs = trigger.inputs if isinstance(trigger.inputs, Mapping) else {}
        part = "subscribe" if outputs is None else "unsubscribe"
        wanted = replace(trigger, inputs={k: v for k, v in inputs.items() if k == part})
        id = self._runs.resource_id(workflow.name)
        url = self._address(workflow.name, trigger.name).url
        made = inputs_of(wanted, one.kept, workflow.name, workflow.value, id, self._clock.now(), url, outputs)["inputs"]
        return made if isinstance(made, Mapping) else {}

    def _called(self, value: Subscription, what: str, inputs: Any, parameters: Mapping[str, Any]) -> Answer:
        id = self._runs.resource_id(value.workflow)
        action = Action(value.trigger, ActionType.HTTP, f"$.triggers.{value.trigger}", inputs=inputs)
        run = f"{id}/triggers/{value.trigger}/{value.id}"
        context = RunContext(value.workspace, value.workflow, run, SUBSCRIPTION, self._clock.now())
        given = {k.lower(): v for k, v in parameters.items()}
        # Tries have one key: whoever lost the answer to one must know the next for the same.
        # Whoever knows the address that is told may set the trigger off.
        call = Call(what, action, inputs, hidden=frozenset(("inputs",)))
        answer = self._caller.call(context, call, given.get("$connections") or {})
        if isinstance(answer, Held):
            return Answer(refused="a person would have to approve that the trigger subscribes: that is not supported")
        return answer


def _problem(answer: Answer, *, secret: bool = False) -> str:
    if answer.refused or answer.lost:
        return HIDDEN_MESSAGE if secret else answer.refused or answer.lost
    return "" if 200 <= answer.status < 300 else f"the answer has the status {answer.status}"


def _purpose(value: Subscription) -> str:
    return f"subscription {value.id}"


def _name(key: Key) -> str:
    return "/".join(key)


def _encoded(value: Subscription) -> Json:
    return {**asdict(value), "at": value.at.isoformat()}


def _decoded(value: Json) -> Subscription:
    said = cast("dict[str, Any]", value)
    return Subscription(**{**said, "at": datetime.fromisoformat(said["at"])})
