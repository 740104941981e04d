"""Batches: messages of several runs that set a workflow off together."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any, cast
from uuid import uuid4

from huntlake.core.clock import Clock
from huntlake.core.errors import Busy, Conflict, DomainError, Invalid
from huntlake.playbooks.runs.records import PlaybookRun, json_of
from huntlake.playbooks.runs.service import Runs
from huntlake.playbooks.runs.starting import Start, definition_of
from huntlake.playbooks.runs.working import Awaited
from huntlake.playbooks.workflows import Workflow, WorkflowState
from huntlake.state.documents import Document, Json, Put, Remove, Shelf, Write
from huntlake.state.records import Author
from huntlake.wdl.definition.workflow import Trigger, TriggerType
from huntlake.wdl.expressions.values import whole_number
from huntlake.wdl.runner.effects import Answer, Call

BATCH = Author(name="Batch")
_MOST_COUNT = 8_000
_TRIES = 20
_ALL = "DEFAULT"


class Batches:
    """Takes messages, and lets batches go when they are full or when it is time."""

    def __init__(self, shelf: Shelf, clock: Clock, runs: Runs) -> None:
        self._shelf, self._clock, self._runs = shelf, clock, runs

    def call(self, run: Document[PlaybookRun], call: Call, headers: Mapping[str, str]) -> Answer | Awaited:
        """Puts a message into a batch, once for each key."""
        inputs: Any = call.inputs if isinstance(call.inputs, dict) else {}
        host = inputs.get("host") or {}
        name = str((host.get("workflow") or {}).get("id") or "").rstrip("/").rpartition("/")[2]
        workflow = self._runs.workflows.find(name) if name else None
        if workflow is None or workflow.value.workspace != run.value.workspace:
            return _refused(404, "WorkflowNotFound", f"this workspace has no workflow `{name}`")
        trigger = _batching(workflow, str(host.get("triggerName") or ""))
        batch = str(inputs.get("batchName") or "")
        criteria = _criteria(trigger, batch) if trigger is not None else None
        if trigger is None or criteria is None:
            return _refused(400, "BatchNotFound", f"the workflow `{name}` has no batch `{batch}`")
        partition = str(inputs.get("partitionName") or _ALL)
        message = {
            "at": self._clock.now().isoformat(),
            "messageId": str(inputs.get("messageId") or uuid4().hex),
            "content": json_of(inputs.get("content")),
        }
        collection = _collection(workflow.name, batch, partition)
        key = sha256(f"{run.name}/{call.key}".encode()).hexdigest()
        # A batch that has gone remembers nothing: that the message was in it stands with the run.
        self._shelf.write(
            [
                Put(collection, key, cast("Json", message), uuid4().hex, create=True),
                replace(self._runs.history.keep(run.name, f"batched/{key}", True), create=True),
                Put(_PARTITIONS, collection, [workflow.name, batch, partition], ""),
            ]
        )
        try:
            self.release(workflow, trigger, batch, partition, criteria, timely=False)
        except DomainError as error:
            return _refused(400, "BatchNotReleased", str(error))
        return Answer(202, {"x-ms-client-tracking-id": run.value.tracking_id})

    def release(
        self,
        workflow: Document[Workflow],
        trigger: Trigger,
        batch: str,
        partition: str,
        criteria: Mapping[str, Any],
        *,
        timely: bool,
    ) -> bool:
        """Let a batch go that is full, or, where it is time, one that isn't empty; whether it went."""
        collection = _collection(workflow.name, batch, partition)
        count, size = _bounds(criteria)
        for _ in range(_TRIES):
            found = [(n, cast("dict[str, Any]", v), e) for n, v, e in self._shelf.read_all(collection)]
            full = (count is not None and len(found) >= count) or (
                size is not None and sum(len(json.dumps(v["content"])) for _, v, _ in found) >= size
            )
            if not found or not (full or timely or len(found) >= _MOST_COUNT):
                return False
            found.sort(key=lambda one: (one[1]["at"], one[0]))
            # What has come meanwhile goes with the next batch.
            found = found[: count if full and count is not None else _MOST_COUNT]
            items = [
                {"content": v["content"], "messageId": v["messageId"], "partitionName": partition} for _, v, _ in found
            ]
            body = {"batchName": batch, "partitionName": partition, "items": items}
            gone: list[Write] = [Remove(collection, n, e) for n, _, e in found]
            named = sha256("".join(n for n, *_ in found).encode()).hexdigest()
            start = Start({"body": body}, BATCH, trigger.name, named, house=True)
            try:
                self._runs.start(workflow, start, gone)
            except (Conflict, Busy):
                continue  # another run has let it go
            return True
        return False

    def timely(self, workflow: Document[Workflow], trigger: Trigger, batch: str) -> None:
        """Let all partitions of a batch go that aren't empty."""
        for _, said, _ in list(self._shelf.read_all(_PARTITIONS)):
            name, known, partition = cast("list[str]", said)
            criteria = _criteria(trigger, batch)
            if (name.lower(), known.lower()) == (workflow.name.lower(), batch.lower()) and criteria is not None:
                self.release(workflow, trigger, known, partition, criteria, timely=True)


def _batching(workflow: Document[Workflow], name: str) -> Trigger | None:
    if workflow.value.state is not WorkflowState.ENABLED:
        return None
    triggers = definition_of(workflow.value.definition).triggers
    return next((t for t in triggers if t.type is TriggerType.BATCH and name.lower() in ("", t.name.lower())), None)


def _criteria(trigger: Trigger, batch: str) -> dict[str, Any] | None:
    inputs: Any = trigger.inputs if isinstance(trigger.inputs, dict) else {}
    for name, said in (inputs.get("configurations") or {}).items():
        if name.lower() == batch.lower() and isinstance(said, dict):
            return dict(said.get("releaseCriteria") or {})
    return None


def _bounds(criteria: Mapping[str, Any]) -> tuple[int | None, int | None]:
    count, size = criteria.get("messageCount"), criteria.get("batchSizeInBytes") or criteria.get("messageSize")
    return _bound(count, "messageCount"), _bound(size, "batchSize")


def _bound(said: Any, name: str) -> int | None:
    if said in (None, "", 0):
        return None
    number = whole_number(said)
    if number is None or number < 1:
        raise Invalid(f"`releaseCriteria.{name}` is no number of messages or bytes: `{str(said)[:40]}`")
    return number


def _refused(status: int, code: str, message: str) -> Answer:
    return Answer(status, {}, {"error": {"code": code, "message": message}})


def _collection(workflow: str, batch: str, partition: str) -> str:
    return f"batch of playbooks/{workflow.lower()}/{batch.lower()}/{partition}"


_PARTITIONS = "batches of playbooks"
