"""Who answers the calls of a tested playbook: mocks, and for what Sentinel itself knows, the incident of the test."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import unquote

from huntlake.playbooks.calls import Held
from huntlake.playbooks.connectors.connector import RunContext
from huntlake.playbooks.connectors.sentinel_shapes import entities_at
from huntlake.playbooks.files import connector_of
from huntlake.playbooks.testing.matching import Wanted, fitting
from huntlake.playbooks.testing.world import Coming
from huntlake.wdl.definition.workflow import ActionType
from huntlake.wdl.runner.effects import Answer, Call

KEPT_FOR = timedelta(days=1)
"""How long a call is held that nobody decides on."""
_WEBHOOKS = (ActionType.API_CONNECTION_WEBHOOK, ActionType.HTTP_WEBHOOK)


@dataclass(frozen=True)
class Pattern:
    """Which calls are meant, by the text that `target` gives; `*` stands for anything, and cases don't count."""

    text: str

    def fits(self, target: str) -> bool:
        """Whether a call with that target is meant."""
        made = re.compile(".*".join(map(re.escape, self.text.split("*"))), re.IGNORECASE | re.DOTALL)
        # Authors encode what stands in a path, some of them twice.
        return any(made.fullmatch(t) for t in (target, unquote(target), unquote(unquote(target))))


@dataclass(frozen=True)
class Which:
    """Calls of a test's interest."""

    line: int
    pattern: Pattern | None = None
    action: str = ""
    when: Wanted | None = None
    """What the inputs must be like."""

    def fits(self, call: Call, target: str) -> bool:
        """Whether that call is meant."""
        if self.pattern is not None and not self.pattern.fits(target):
            return False
        if self.action and self.action.lower() != call.action.name.lower():
            return False
        return self.when is None or fitting(self.when, call.inputs)

    def __str__(self) -> str:
        return self.pattern.text if self.pattern else f"the action {self.action}"


@dataclass(frozen=True)
class Mock:
    """Answers to calls, one after the other, and then the last of them again and again."""

    which: Which
    answers: Sequence[Answer]


class Decision(StrEnum):
    """What a person says of a call that is held."""

    APPROVE = "approve"
    REFUSE = "refuse"
    NOBODY = "nobody"
    """Nobody says anything."""


@dataclass(frozen=True)
class Approval:
    """Calls that a policy holds back, and what a person says of them."""

    which: Which
    decision: Decision
    after: timedelta = timedelta(minutes=5)


@dataclass(frozen=True)
class Reply:
    """What comes back at the callback URL of a webhook action; nothing where `answer` is None."""

    which: Which
    answer: Answer | None
    after: timedelta = timedelta(minutes=5)


@dataclass
class Mocks:
    """Answers the calls of one run, and plays all people that it waits for."""

    mocks: Sequence[Mock] = ()
    approvals: Sequence[Approval] = ()
    replies: Sequence[Reply] = ()
    connections: Any = None
    unknown: list[str] = field(default_factory=list)
    """The targets of calls that no mock answers."""
    _asked: dict[int, int] = field(default_factory=dict)
    _decided: dict[str, tuple[Decision, datetime]] = field(default_factory=dict)

    def call(self, context: RunContext, call: Call, connections: Any) -> Answer | Held:
        """The answer of the first mock that fits."""
        name = target(call, connections)
        held = self._held(context, call, name)
        if held is not None:
            return held
        for number, mock in enumerate(self.mocks):
            if mock.which.fits(call, name):
                before = self._asked.get(number, 0)
                self._asked[number] = before + 1
                return mock.answers[min(before, len(mock.answers) - 1)]
        known = _sentinel(name, call)
        if known is not None:
            return known
        if call.action.type in _WEBHOOKS and any(r.which.fits(call, name) for r in self.replies):
            return Answer(body={})
        if call.unsubscribes:
            return Answer(body={})
        if name not in self.unknown:
            self.unknown.append(name)
        return Answer(refused=f"no mock answers `{name}`")

    def callback(self, call: Call) -> Coming | None:
        """What comes back to the webhook of that call."""
        name = target(call, self.connections)
        reply = next((r for r in self.replies if r.which.fits(call, name)), None)
        return None if reply is None or reply.answer is None else Coming(reply.answer, reply.after)

    def decided(self, call: Call, held: Held) -> timedelta | None:
        """How long the decision on a held call takes."""
        name = target(call, self.connections)
        approval = next(a for a in self.approvals if a.which.fits(call, name))
        return None if approval.decision is Decision.NOBODY else approval.after

    def _held(self, context: RunContext, call: Call, name: str) -> Held | Answer | None:
        approval = next((a for a in self.approvals if a.which.fits(call, name)), None)
        if approval is None:
            return None
        # One decision counts for all attempts of the call.
        place = call.key.rpartition("#")[0]
        if place not in self._decided:
            self._decided[place] = approval.decision, context.now + KEPT_FOR
            return Held(place, context.now + KEPT_FOR)
        decision, _ = self._decided[place]
        if decision is Decision.APPROVE:
            return None
        return Answer(refused="a person refused it" if decision is Decision.REFUSE else "nobody approved it in time")


def target(call: Call, connections: Any) -> str:
    """What a call asks for, as tests name it.

    `azuread PATCH /v1.0/users/jdoe`, `POST https://lake.example/v2/rest/query`, `Workflow child`, `Function name`.
    """
    inputs = call.inputs if isinstance(call.inputs, Mapping) else {}
    if call.poll:
        return f"GET {call.poll}"
    method = str(inputs.get("method") or "")
    host = inputs.get("host")
    host = host if isinstance(host, Mapping) else {}
    match call.action.type:
        case ActionType.API_CONNECTION | ActionType.API_CONNECTION_WEBHOOK:
            connection = host.get("connection")
            name = str(connection.get("name", "")) if isinstance(connection, Mapping) else ""
            connector = connector_of(connections, name) or name.rpartition("/")[2].lower()
            default = "GET" if call.action.type is ActionType.API_CONNECTION else "POST"
            return f"{connector} {(method or default).upper()} {inputs.get('path', '')}"
        case ActionType.HTTP_WEBHOOK:
            subscribe = inputs.get("subscribe")
            inner = subscribe if isinstance(subscribe, Mapping) else inputs
            return f"{str(inner.get('method') or 'POST').upper()} {inner.get('uri', '')}"
        case ActionType.WORKFLOW:
            workflow = host.get("workflow")
            id = str(workflow.get("id", "")) if isinstance(workflow, Mapping) else ""
            return f"Workflow {id.rstrip('/').rpartition('/')[2]}"
        case ActionType.FUNCTION:
            function = inputs.get("function")
            id = str(function.get("id", "")) if isinstance(function, Mapping) else ""
            return f"Function {id.rstrip('/').rpartition('/')[2]}"
        case ActionType.SEND_TO_BATCH:
            return f"Batch {inputs.get('batchName', '')}"
    return f"{(method or 'GET').upper()} {inputs.get('uri', '')}"


def texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value."""
    match value:
        case str():
            yield value
        case list():
            for inner in value:
                yield from texts(inner)
        case dict():
            for inner in value.values():
                yield from texts(inner)


_ENTITIES = re.compile(r"azuresentinel POST /entities/(\w+)", re.IGNORECASE)
_WRITES = re.compile(
    r"azuresentinel (POST /Incidents/Comment|PUT /Incidents|PUT /Comment/.*)", re.IGNORECASE | re.DOTALL
)


def _sentinel(name: str, call: Call) -> Answer | None:
    """What the incident of the test itself answers: its entities, and that what is written into it is."""
    body = call.inputs.get("body") if isinstance(call.inputs, Mapping) else None
    if (entities := _ENTITIES.fullmatch(name)) is not None:
        found = entities_at(entities[1], body)
        return None if found is None else Answer(body=found)
    if _WRITES.fullmatch(name):
        return Answer(body={"id": str(body.get("incidentArmId", "")) if isinstance(body, Mapping) else ""})
    return None
