"""The ledger of effects: whatever playbooks have changed, or would have, and what came of it.

An entry is found by the key of its call, so that a call which a run makes again is answered from here: nothing is done
twice for it. An effect on this house itself is written in one transaction with its entry.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from huntlake.core.clock import Clock
from huntlake.core.errors import Conflict, NotFound, PreconditionFailed
from huntlake.playbooks.answers import moment
from huntlake.playbooks.connections import NOBODY, Mode
from huntlake.playbooks.connectors.connector import Asked, Effect, Operation
from huntlake.playbooks.masking import MASK, masked, masked_headers, masked_queries
from huntlake.state.documents import Document, Shelf, Write
from huntlake.state.records import ALWAYS, Author, Only, Owner, Records
from huntlake.wdl.runner.effects import Answer
from huntlake.wdl.runner.records import HIDDEN, HIDDEN_MESSAGE

KIND = "playbook effects"
KEPT = timedelta(days=180)
"""How long an entry stays; a run takes 90 days at most."""

LARGEST = 256 << 10
"""Bytes of an answer that is kept whole."""


class Outcome(StrEnum):
    """What became of an effect."""

    BEGUN = "begun"
    """It was being made; whether it was, the other side knows."""
    MADE = "made"
    RECORDED = "recorded"
    """It was only written down."""
    FAILED = "failed"
    """The other side refused it, or was not reached."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One effect."""

    run: str
    workflow: str
    action: str
    connector: str
    connection: str
    operation: str
    effect: Effect
    mode: Mode
    method: str
    path: str
    inputs: Any
    """What was asked, with a mark in place of what looks like a secret."""
    inputs_hash: str
    """SHA-256 of exactly what was asked; empty where the inputs are secret."""
    outcome: Outcome
    at: datetime
    by: Author = NOBODY
    incident: str = ""
    status: int = 0
    message: str = ""
    """Why it failed."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    whole: bool = True
    """Whether `headers` and `body` are what was answered."""
    attempts: int = 1
    """How often it was begun: more than once where a process died meanwhile."""
    done: datetime | None = None


class Ledger:
    """The effects of every workspace."""

    def __init__(self, shelf: Shelf, clock: Clock) -> None:
        self._clock = clock
        self._entries = Records(shelf, clock, KIND, Entry)

    def list(self, workspace: str, run: str = "", workflow: str = "") -> list[Document[Entry]]:
        """The effects of a workspace, the last first; only those of a run, or of a workflow, where one is named."""
        found = [
            d
            for d in self._entries.list((workspace,))
            if run in ("", d.value.run) and workflow.lower() in ("", d.value.workflow.lower())
        ]
        return sorted(found, key=lambda d: (d.value.at, d.name), reverse=True)

    def get(self, workspace: str, name: str) -> Document[Entry]:
        """The effect of that name; `NotFound` where there is none."""
        return self._entries.get((workspace,), name)

    def find(self, asked: Asked) -> Document[Entry] | None:
        """What is known of a call that was made before."""
        return self._entries.find(*_place(asked))

    def was_made(self, workspace: str, run: str, key: str) -> bool:
        """Whether the call of that key of a run has changed something."""
        found = self._entries.find((workspace,), _name(run, key))
        return found is not None and found.value.outcome is Outcome.MADE

    def entry(self, asked: Asked, operation: Operation, mode: Mode) -> Entry:
        """What is written down of a call before anything is done."""
        context, secrets = asked.context, [v for v in asked.secrets.values() if v]
        return Entry(
            run=context.run,
            workflow=context.workflow,
            action=asked.action,
            connector=asked.connector,
            connection=asked.connection,
            operation=operation.id,
            effect=operation.effect,
            mode=mode,
            method=asked.method,
            path="" if "inputs" in asked.hidden else str(masked(asked.path, secrets)),
            inputs=dict(HIDDEN) if "inputs" in asked.hidden else shown(asked),
            inputs_hash="" if "inputs" in asked.hidden else inputs_hash(asked),
            outcome=Outcome.BEGUN,
            at=context.now,
            by=context.started_by,
            incident=context.incident,
        )

    def marks(self, asked: Asked, entry: Entry, before: Document[Entry] | None = None) -> Sequence[Write]:
        """What keeps an entry together with its effect, or neither: another process may be at the same call."""
        owner, name = _place(asked)
        made = replace(entry, outcome=Outcome.MADE, status=200, whole=False, done=self._clock.now())
        return self._entries.prepared(owner, name, made, entry.by, before)[1]

    def begin(self, asked: Asked, entry: Entry, before: Document[Entry] | None) -> None:
        """Write down that an effect is about to be made. `Conflict` where another process is at it."""
        owner, name = _place(asked)
        if before is None:
            self._entries.put(owner, name, entry, entry.by, Only(create=True))
            return
        again = replace(before.value, attempts=before.value.attempts + 1)
        try:
            self._entries.put(owner, name, again, entry.by, Only(before.etag))
        except PreconditionFailed as error:
            raise Conflict(str(error)) from None

    def end(self, asked: Asked, entry: Entry, answer: Answer, outcome: Outcome) -> None:
        """Write down what came of it."""
        owner, name = _place(asked)
        secret, message = "outputs" in asked.hidden, (answer.lost or answer.refused)[:2000]
        whole = not secret and len(json.dumps(answer.body, default=str)) <= LARGEST
        known = self._entries.find(owner, name)
        ended = replace(
            entry,
            outcome=outcome,
            attempts=known.value.attempts if known else entry.attempts,
            status=answer.status,
            message=HIDDEN_MESSAGE if message and asked.hidden else message,
            headers=dict(answer.headers) if whole else {},
            body=answer.body if whole else None,
            whole=whole,
            done=self._clock.now(),
        )
        self._entries.put(owner, name, ended, entry.by)

    def expire(self, workspace: str) -> int:
        """Forget entries that no run will ask for any more, and say how many."""
        oldest, gone = self._clock.now() - KEPT, 0
        for entry in self._entries.list((workspace,)):
            if entry.value.at < oldest:
                with suppress(PreconditionFailed):
                    gone += self._entries.delete((workspace,), entry.name, Only(entry.etag))
        return gone


@dataclass(frozen=True)
class Entries:
    """The effects of a workspace, to be read; nobody writes them but the ledger."""

    ledger: Ledger

    def list(self, owner: Owner) -> Sequence[Document[Entry]]:
        """Every effect, the last first."""
        return self.ledger.list(owner[0])

    def get(self, owner: Owner, name: str) -> Document[Entry]:
        """The effect of that name."""
        return self.ledger.get(owner[0], name)

    def put(
        self, owner: Owner, name: str, value: Entry, by: Author = NOBODY, only: Only = ALWAYS
    ) -> tuple[Document[Entry], bool]:
        """Nothing writes them."""
        raise NotFound(f"`{name}` can't be written")

    def delete(self, owner: Owner, name: str, only: Only = ALWAYS) -> bool:
        """Nothing deletes them."""
        raise NotFound(f"`{name}` can't be deleted")


def entry_shown(document: Document[Entry]) -> dict[str, Any]:
    """An effect for people and programs, without what was answered."""
    entry = document.value
    return {
        "name": document.name,
        "workflow": entry.workflow,
        "run": entry.run,
        "action": entry.action,
        "connector": entry.connector,
        "connection": entry.connection,
        "operation": entry.operation,
        "effect": entry.effect.value,
        "mode": entry.mode.value,
        "outcome": entry.outcome.value,
        "method": entry.method,
        "path": entry.path,
        "inputs": entry.inputs,
        "inputsHash": entry.inputs_hash,
        "incident": entry.incident,
        "status": entry.status,
        "message": entry.message,
        "attempts": entry.attempts,
        "time": moment(entry.at),
        "doneTime": moment(entry.done),
        "startedBy": entry.by.name,
    }


def is_final(entry: Entry) -> bool:
    """Whether a call is answered by what is known of it.

    One that failed in passing is made again when it comes again: tries of one call have one key.
    """
    if entry.outcome is Outcome.FAILED:
        return not entry.message and entry.status not in (408, 429) and entry.status < 500
    return entry.outcome is not Outcome.BEGUN


def answered(entry: Entry) -> Answer:
    """What was answered when the effect was made."""
    if entry.outcome is Outcome.FAILED and entry.message:
        return Answer(status=entry.status, lost=entry.message)
    return Answer(entry.status or 200, dict(entry.headers), entry.body)


def inputs_of(asked: Asked) -> dict[str, Any]:
    """All that a call says, for people and for hashes."""
    said = {"method": asked.method, "path": asked.path, "queries": dict(asked.queries), "headers": dict(asked.headers)}
    return {k: v for k, v in {**said, "body": asked.body}.items() if v not in (None, {}, "")}


def shown(asked: Asked) -> dict[str, Any]:
    """All that a call says, without secrets."""
    secrets = [v for v in asked.secrets.values() if v]
    said = inputs_of(asked)
    for name, mask in (("headers", masked_headers), ("queries", masked_queries)):
        if name in said:
            said[name] = mask(said[name], secrets)
    body = said.get("body")
    if isinstance(body, Mapping) and "authentication" in body:
        type = body["authentication"].get("type") if isinstance(body["authentication"], Mapping) else None
        said["body"] = {**body, "authentication": {"type": type} if type else MASK}
    made: dict[str, Any] = masked(said, secrets)
    return made


def inputs_hash(asked: Asked) -> str:
    """SHA-256 of exactly what is asked, and over which connection: two calls that differ in anything differ in it."""
    said = {"connector": asked.connector, "connection": asked.connection, **inputs_of(asked)}
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


def _place(asked: Asked) -> tuple[tuple[str], str]:
    return (asked.context.workspace,), _name(asked.context.run, asked.key)


def _name(run: str, key: str) -> str:
    # Names are compared whatever their case, and keys aren't.
    return hashlib.sha256(f"{run}\0{key}".encode()).hexdigest()
