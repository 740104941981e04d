"""The runs of all workflows, for whoever asks: started, followed, called off, done again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice
from threading import Condition
from time import monotonic
from typing import Any
from uuid import uuid4

from huntlake.core.clock import Clock
from huntlake.core.errors import Busy, Conflict, Invalid, NotFound, TimedOut
from huntlake.detection.timeline import Entry, EntryKind, Timelines
from huntlake.playbooks.runs.driving import Taken, answer_json, answer_of
from huntlake.playbooks.runs.inbox import Inbox
from huntlake.playbooks.runs.index import RunIndex
from huntlake.playbooks.runs.records import (
    ActionEntry,
    History,
    OpenRun,
    Origin,
    Parent,
    PlaybookRun,
    RunStatus,
    json_of,
    open_runs,
)
from huntlake.playbooks.runs.resubmitting import done_again, taken_over
from huntlake.playbooks.runs.slots import Turns
from huntlake.playbooks.runs.starting import (
    Start,
    definition_of,
    kept_version,
    occasions,
    run_id,
    tracking_id,
    trigger_of,
)
from huntlake.playbooks.workflows import WORKFLOWS, Workflow, Workflows, WorkflowState
from huntlake.state.documents import Document, Documents, Json, Put, Remove, Shelf, Write
from huntlake.state.records import Author, Only, Records
from huntlake.state.sealing import Seal
from huntlake.wdl.definition.workflow import Trigger
from huntlake.wdl.expressions.values import DEEPEST, deeper
from huntlake.wdl.runner.effects import Answer
from huntlake.wdl.runner.records import HIDDEN

NOBODY = Author()
_AWAY = 0.25
"""How often a run that goes on in another process is looked at, in seconds."""
_TRIES = 50


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the runs that were asked for, the newest first. `next` leads to those behind, if there are any."""

    runs: tuple[Document[PlaybookRun], ...]
    next: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which runs are asked for: all that every field that is given allows."""

    workflow: str = ""
    workspaces: frozenset[str] | None = None
    statuses: frozenset[RunStatus] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    incident: str = ""
    text: str = ""
    """Stands in the run's id, trigger, error, tracking id, or in the name of what it is about; of any case."""

    def allows(self, id: str, run: PlaybookRun) -> bool:
        """Whether a run is asked for."""
        texts = (id, run.trigger, run.code, run.error, run.tracking_id, run.incident, run.alert, run.entity)
        return (
            (self.workspaces is None or run.workspace in self.workspaces)
            and (not self.statuses or run.status in self.statuses)
            and (self.since is None or run.started >= self.since)
            and (self.until is None or run.started < self.until)
            and (not self.incident or run.incident.lower() == self.incident.lower())
            and (not self.text or any(self.text.lower() in t.lower() for t in texts))
        )


@dataclass
class Runs:
    """The runs of the workflows of a server. Where they are executed is `Worker`'s matter."""

    shelf: Shelf
    clock: Clock
    workflows: Workflows
    seal: Seal
    timelines: Timelines
    resource_id: Callable[[str], str]
    """The id that Azure Resource Manager has for a workflow."""
    began: Callable[[str], None] | None = None
    """Executes a run in this process; None where it executes none."""
    gone: Callable[[str, str], None] | None = None
    """Told the workspace and the name of a workflow that was deleted: nobody is to decide what its runs have asked."""
    records: Records[PlaybookRun] = field(init=False)
    history: History = field(init=False)
    inbox: Inbox = field(init=False)
    turns: Turns = field(init=False)
    open: Documents[OpenRun] = field(init=False)
    index: RunIndex = field(init=False)
    changed: Condition = field(default_factory=Condition, init=False, repr=False)

    def __post_init__(self) -> None:
        self.records = Records(self.shelf, self.clock, "runs", PlaybookRun)
        self.history, self.inbox, self.turns = History(self.shelf), Inbox(self.shelf, self.seal), Turns(self.shelf)
        self.open = open_runs(self.shelf)
        self.index = RunIndex(self.shelf, self.records, self.open)

    # -- starting --------------------------------------------------------------------------

    def fire(self, workflow: Document[Workflow], start: Start) -> Sequence[Document[PlaybookRun]]:
        """Let an occasion set off its runs: none where the trigger's conditions aren't met, several where it splits.

        `Conflict` for a workflow that is disabled, `Busy` where no more runs may wait, `Invalid` where the trigger
        fails.
        """
        if workflow.value.state is not WorkflowState.ENABLED:
            raise Conflict(f"the workflow `{workflow.name}` is disabled")
        known = kept_version(self.workflows, workflow.name, workflow.value.version, self.seal)
        trigger = trigger_of(known.definition, start.trigger)
        # The body stands within the outputs.
        if deeper(start.outputs, DEEPEST + 1):
            raise Invalid(f"what sets the workflow off nests deeper than {DEEPEST}")
        at, key = start.at or self.clock.now(), start.key or uuid4().hex
        id = self.resource_id(workflow.name)
        outputs = occasions(trigger, known, workflow, id, replace(start, key=key), at)
        split = trigger.split_on is not None
        return [
            self.start(workflow, replace(start, outputs=o, key=f"{key}/{n}" if split else key, at=at))
            for n, o in enumerate(outputs)
        ]

    def start(
        self, workflow: Document[Workflow], start: Start, beside: Sequence[Write] = (), origin: Origin | None = None
    ) -> Document[PlaybookRun]:
        """Start one run, whatever the trigger's conditions say; the run of an occasion that has one already is that."""
        known = kept_version(self.workflows, workflow.name, workflow.value.version, self.seal)
        trigger = trigger_of(known.definition, start.trigger)
        return self._start(workflow, workflow.value.version, trigger, start, beside, origin)

    def _start(
        self,
        workflow: Document[Workflow],
        version: str,
        trigger: Trigger,
        start: Start,
        beside: Sequence[Write],
        origin: Origin | None = None,
    ) -> Document[PlaybookRun]:
        at = start.at or self.clock.now()
        id = run_id(at, f"{workflow.name.lower()}/{start.key or uuid4().hex}")
        owner = (*WORKFLOWS, workflow.name)
        secret = bool(trigger.secure)
        parts = {"inputs": json_of(start.inputs), "outputs": json_of(start.outputs)}
        for _ in range(_TRIES):
            if (found := self.records.find(owner, id)) is not None:
                return found
            at_once, most = bounds(trigger)
            turn = self.turns.take(workflow.name, id, at_once, None if start.house else most)
            run = PlaybookRun(
                workflow.name,
                version,
                workflow.value.workspace,
                trigger.name,
                RunStatus.WAITING if turn.waiting else RunStatus.RUNNING,
                at,
                start.tracking_id or tracking_id(id),
                start.by,
                start.incident,
                start.alert,
                start.entity,
                begun=None if turn.waiting else self.clock.now(),
                responds=start.awaited,
                origin=origin,
                parent=start.parent,
                secret_trigger=secret,
            )
            here = self.began is not None
            opened = OpenRun(workflow.name, turn.waiting)
            writes = [
                Put(self.open.collection, id, _opened(opened), uuid4().hex),
                self.history.keep(id, "trigger", self._sealed(id, parts) if secret else parts),
                *turn.writes,
                *beside,
                *(self.told(run, id, EntryKind.PLAYBOOK_STARTED, f"started the playbook {workflow.name}")),
                *(() if here else (self.inbox.signal(id),)),
            ]
            try:
                made, _ = self.records.put(owner, id, run, start.by, Only(create=True), writes)
            except Conflict:
                continue  # the same occasion in another process, or the turns have changed
            if self.began and not turn.waiting:
                self.began(id)
            return made
        raise Busy(f"too many runs of `{workflow.name}` begin at the same time")

    def _sealed(self, id: str, parts: Any) -> Any:
        return {"sealed": self.seal.seal(json.dumps(parts, default=float), f"run {id}")}

    def triggered(self, id: str) -> dict[str, Any]:
        """What set a run off, `inputs` and `outputs`, secrets too: for the run itself."""
        return self._unsealed(id, self.history.content(id, "trigger") or {})

    def _unsealed(self, id: str, said: dict[str, Any]) -> dict[str, Any]:
        return dict(json.loads(self.seal.open(said["sealed"], f"run {id}")) if "sealed" in said else said)

    # -- looking ---------------------------------------------------------------------------

    def get(self, workflow: str, id: str) -> Document[PlaybookRun]:
        """A run of a workflow; `NotFound` where there is none."""
        return self.records.get((*WORKFLOWS, workflow), id)

    def find(self, id: str) -> Document[PlaybookRun] | None:
        """The run of that id, of whatever workflow; None where there is none."""
        for workflow in self.workflows.all():
            if (found := self.records.find((*WORKFLOWS, workflow.name), id)) is not None:
                return found
        return None

    def list(self, wanted: Wanted = Wanted(), after: str = "", most: int = 100) -> Page:
        """The runs that are asked for, the newest first: `most` of them behind the one of id `after`."""
        found = list(islice(self.walk(wanted, after), most + 1))
        return Page(tuple(found[:most]), found[most - 1].name if len(found) > most else "")

    def walk(self, wanted: Wanted = Wanted(), after: str = "") -> Iterator[Document[PlaybookRun]]:
        """All runs that are asked for, one after the other, the newest first."""
        workflows = [w for w in self.workflows.all() if wanted.workflow.lower() in ("", w.name.lower())]
        ways = [
            self.index.walk(w.name, wanted.statuses, wanted.since, wanted.until, after)
            for w in workflows
            if wanted.workspaces is None or w.value.workspace in wanted.workspaces
        ]
        return (d for d in merge(*ways, key=lambda d: d.name) if wanted.allows(d.name, d.value))

    def beginning(self, id: str) -> Sequence[Document[PlaybookRun]]:
        """The runs whose id begins so; of very many a few."""
        return [d for w in self.workflows.all() for d in self.index.beginning(w.name, id)] if id else []

    def trigger_shown(self, run: Document[PlaybookRun]) -> dict[str, Any]:
        """What set a run off, `inputs` and `outputs`, as people may see it."""
        if run.value.secret_trigger:
            return {"inputs": HIDDEN, "outputs": HIDDEN}
        return self.triggered(run.name)

    def actions(self, id: str, name: str = "") -> Sequence[tuple[int, ActionEntry]]:
        """What the actions of a run did, or the one of that name in all rounds; large values stand apart."""
        return [(n, e) for n, e in self.history.entries(id) if not name or e.name.lower() == name.lower()]

    def response(self, id: str) -> Answer | None:
        """The response that a run has given, if any."""
        said: Any = self.history.content(id, "response")
        return None if said is None else answer_of(self._unsealed(id, said))

    def export(self, run: Document[PlaybookRun]) -> dict[str, Any]:
        """A run with all that it did, as JSON; what is secret is not in it."""
        from pydantic import TypeAdapter

        said: dict[str, Any] = TypeAdapter(PlaybookRun).dump_python(run.value, mode="json")
        entries = [self.history.whole(run.name, n, e) for n, e in self.history.entries(run.name)]
        actions = TypeAdapter(list[ActionEntry]).dump_python(entries, mode="json")
        return {"id": run.name, **said, "triggered": self.trigger_shown(run), "actions": actions}

    # -- waiting ---------------------------------------------------------------------------

    def wait(
        self, workflow: str, id: str, seconds: float, until: Callable[[PlaybookRun], bool] | None = None
    ) -> Document[PlaybookRun]:
        """A run when it has ended, or `until` holds; `TimedOut` where that takes longer."""
        deadline = monotonic() + seconds
        while True:
            run = self.get(workflow, id)
            if run.value.status.ended or (until is not None and until(run.value)):
                return run
            if (left := deadline - monotonic()) <= 0:
                raise TimedOut(f"the run {id} goes on for longer than {seconds:g} seconds")
            with self.changed:
                self.changed.wait(min(left, _AWAY))

    def wait_for_response(self, workflow: str, id: str, seconds: float) -> Answer:
        """The Response of a run; one that says what is wrong where it gives none, or not in time."""
        try:
            run = self.wait(workflow, id, seconds, lambda run: bool(run.response))
        except TimedOut:
            said = {"code": "GatewayTimeout", "message": f"the run {id} gave no response within {seconds:g} seconds"}
            return Answer(504, {}, {"error": said})
        return self.response(id) or no_response(run.value, id)

    # -- telling ---------------------------------------------------------------------------

    def answer(self, workflow: str, id: str, key: str, answer: Answer | None, message: str = "") -> None:
        """Tell a run what came to the callback URL of that key; without an answer, that what it waits for is decided.

        `Conflict` where the run has ended.
        """
        run = self.get(workflow, id)
        if run.value.status.ended:
            raise Conflict(f"the run {id} has ended already")
        self.shelf.write([self.inbox.answer(id, key, answer, message), self.inbox.signal(id)])
        self.signalled(id)

    def decided(self, workflow: str, id: str, approval: str) -> None:
        """Tell a run that a person has decided what it asked for; nothing happens where it has ended."""
        with suppress(Conflict, NotFound):
            self.answer(workflow, id, f"approval/{approval}", None)

    def cancel(self, workflow: str, id: str, by: Author) -> Document[PlaybookRun]:
        """Call a run off: what it does now is ended as soon as it can be. `Conflict` where it has ended."""
        owner = (*WORKFLOWS, workflow)

        def cancelled(run: PlaybookRun) -> PlaybookRun:
            return run if run.status.ended else replace(run, cancelled_by=by)

        for _ in range(_TRIES):
            run = self.get(workflow, id)
            if run.value.status.ended:
                raise Conflict(f"the run {id} has ended already: it is {run.value.status}")
            now = replace(run.value, cancelled_by=by)
            if run.value.status is RunStatus.WAITING:
                ended = replace(now, status=RunStatus.CANCELLED, code="Cancelled", error="the run was cancelled")
                if self.ended(run, ended):
                    return self.get(workflow, id)
                continue
            beside = [self.inbox.cancel(id), self.inbox.signal(id)]
            made = self.records.change(
                owner, id, lambda r: r if r.status.ended else replace(r, cancelled_by=by), by, beside
            )
            self.signalled(id)
            return made
        raise Busy(f"the run {id} could not be cancelled: too much changes at the same time")

    def signalled(self, id: str) -> None:
        """Something is new about a run: whoever waits looks again."""
        with self.changed:
            self.changed.notify_all()
        if self.began is not None:
            self.began(id)

    # -- again -----------------------------------------------------------------------------

    def resubmit(
        self,
        workflow: str,
        id: str,
        by: Author,
        actions: Iterable[str] = (),
        *,
        present: bool = False,
        key: str = "",
    ) -> Document[PlaybookRun]:
        """Do a run again: from its beginning, or from `actions` on, with what the actions before them gave then.

        With the definition that it had, or the `present` one. `Conflict` where the run hasn't ended, or holds nothing
        that could be taken over.
        """
        old = self.get(workflow, id)
        if not old.value.status.ended:
            raise Conflict(f"the run {id} has not ended")
        if old.value.parent is not None:
            raise Conflict(f"the run {id} was called by the run {old.value.parent.run}: resubmit that one")
        now = self.workflows.get(workflow)
        version = now.value.version if present else old.value.version
        then = self.workflows.version(now.name, version)
        definition = definition_of(then.definition)
        trigger = trigger_of(definition, "" if present else old.value.trigger)
        wanted = tuple(actions)
        again = key or uuid4().hex
        parts, at = self.triggered(id), self.clock.now()
        start = Start(
            parts.get("outputs"),
            by,
            trigger.name,
            f"{id}/resubmit/{again}",
            at,
            parts.get("inputs"),
            incident=old.value.incident,
            alert=old.value.alert,
            entity=old.value.entity,
        )
        beside: list[Write] = []
        if wanted:
            entries = [(n, self.history.whole(id, n, e)) for n, e in self.history.entries(id)]
            if old.value.left_off:
                raise Conflict("the history of the run is not whole: it can only be resubmitted from its beginning")
            taken = taken_over(entries, done_again(definition, wanted))
            new = run_id(at, f"{now.name.lower()}/{start.key}")
            beside.append(self.history.keep(new, "taken", {k: _taken_json(t) for k, t in taken.items()}))
        if now.value.state is not WorkflowState.ENABLED:
            raise Conflict(f"the workflow `{now.name}` is disabled")
        return self._start(now, version, trigger, start, beside, Origin(id, wanted))

    def taken(self, id: str) -> dict[str, Taken]:
        """What a run takes over from the one that it repeats."""
        said: Any = self.history.content(id, "taken") or {}
        return {k: Taken(answer_of(t["answer"]), t["callback"], t["late"]) for k, t in said.items()}

    # -- ending ----------------------------------------------------------------------------

    def ended(self, run: Document[PlaybookRun], ended: PlaybookRun, beside: Sequence[Write] = ()) -> bool:
        """Write down that a run has ended, once; False where the run has changed since it was read."""
        id, now = run.name, self.clock.now()
        # A message may quote a text with half a character, which no database keeps.
        said = json_of(ended.code), json_of(ended.error)
        ended = replace(ended, ended=ended.ended or now, code=said[0], error=said[1])
        passed = self.turns.passed(run.value.workflow, id, lambda: self._at_once(run.value.workflow))
        promoted = [w for next in passed.next for w in self._promoted(run.value.workflow, next)]
        _, writes = self.records.prepared((*WORKFLOWS, run.value.workflow), id, ended, ended.started_by, run)
        told = self.told(ended, id, EntryKind.PLAYBOOK_ENDED, _said(ended))
        # What is deleted must be there: an open run that an earlier try has cleared is no reason to fail.
        opened = [Remove(self.open.collection, id)] if self.open.find(id) is not None else []
        everything = [*writes, *opened, *self.inbox.removals(id), *passed.writes, *promoted, *told, *beside]
        everything.append(self.index.ended(run.value.workflow, id, ended.status))
        if ended.parent is not None and not ended.response:
            answer = no_response(ended, id)
            # Whoever calls a run off doesn't want its parent to begin it again, as it does after a 502.
            answer = replace(answer, status=409) if ended.cancelled_by is not None else answer
            everything += self.to_parent(ended.parent, id, answer)
        if not self.shelf.write(everything):
            return False
        for next in passed.next:
            if self.began is not None:
                self.began(next)
        # Whoever deletes a workflow calls its runs off.
        if ended.cancelled_by is not None and self.workflows.find(run.value.workflow) is None:
            self.forget(run)
            # It may have asked for something after its workflow was deleted.
            if self.gone is not None:
                self.gone(run.value.workspace, run.value.workflow)
        with self.changed:
            self.changed.notify_all()
        if ended.parent is not None:
            self.signalled(ended.parent.run)
        return True

    def _at_once(self, workflow: str) -> int | None:
        found = self.workflows.find(workflow)
        return bounds(trigger_of(definition_of(found.value.definition), ""))[0] if found else None

    def to_parent(self, parent: Parent, id: str, answer: Answer) -> Sequence[Write]:
        """What tells the run that called another one of its response."""
        # A run that has ended takes no messages: they would stay for ever.
        if self.open.find(parent.run) is None:
            return []
        key = f"child/{id}"
        return [self.inbox.answer(parent.run, key, answer, key), self.inbox.signal(parent.run)]

    def _promoted(self, workflow: str, id: str) -> Sequence[Write]:
        run = self.records.find((*WORKFLOWS, workflow), id)
        if run is None:
            return []
        now = replace(run.value, status=RunStatus.RUNNING, begun=self.clock.now())
        _, writes = self.records.prepared((*WORKFLOWS, workflow), id, now, now.started_by, run)
        opened = Put(self.open.collection, id, _opened(OpenRun(workflow, False)), uuid4().hex)
        return [*writes, opened, self.inbox.signal(id)]

    def responded(self, run: Document[PlaybookRun], answer: Answer) -> None:
        """Write down the response of a run, once, and tell whoever waits."""
        said = self.history.keep(run.name, "response", self._sealed(run.name, answer_json(answer)))
        owner = (*WORKFLOWS, run.value.workflow)
        now = self.records.get(owner, run.name)
        if now.value.response:
            return
        parent = now.value.parent
        told = self.to_parent(parent, run.name, answer) if parent else []
        self.records.change(owner, run.name, lambda r: replace(r, response=answer.status), NOBODY, [said, *told])
        with self.changed:
            self.changed.notify_all()
        if parent is not None:
            self.signalled(parent.run)

    def told(self, run: PlaybookRun, id: str, kind: EntryKind, text: str) -> Sequence[Write]:
        """What says of a run on the timeline of its incident, where it has one."""
        if not run.incident:
            return []
        details = {"playbook": run.workflow, "run": id, "status": str(run.status), "did": list(run.did)}
        by = replace(run.started_by, via=(*run.started_by.via, f"playbook {run.workflow.lower()}"))
        entry = Entry(kind, text, by, self.clock.now(), details)
        return [self.timelines.append((run.workspace,), run.incident, entry)]

    # -- workflows -------------------------------------------------------------------------

    def set_state(self, workflow: str, state: WorkflowState, by: Author) -> Document[Workflow]:
        """Enable or disable a workflow; runs that have begun go on."""
        return self.workflows.records.change(WORKFLOWS, workflow, lambda w: replace(w, state=state), by)

    def delete(self, workflow: str, by: Author) -> bool:
        """Delete a workflow, call off its runs, and forget those that have ended; False where there is none."""
        if (found := self.workflows.find(workflow)) is None:
            return False
        for run in self.records.list((*WORKFLOWS, found.name)):
            # One that has ended meanwhile need not be.
            with suppress(Conflict):
                self.cancel(found.name, run.name, by)
        gone = self.workflows.delete(found.name, by=by)
        if self.gone is not None:
            self.gone(found.value.workspace, found.name)
        for run in self.records.list((*WORKFLOWS, found.name)):
            if run.value.status.ended:
                self.forget(run)
        return gone

    def forget(self, run: Document[PlaybookRun]) -> None:
        """Forget a run that has ended, and all that it did."""
        self.history.forget(run.name)
        self.index.forget(run.value.workflow, run.name, run.value.status)
        self.records.delete((*WORKFLOWS, run.value.workflow), run.name)

    def expire(self, older: timedelta) -> int:
        """Forget the runs that ended longer ago, and say how many."""
        gone, oldest = 0, self.clock.now() - older
        for workflow in self.workflows.all():
            # Whatever ended before then has started before then.
            for run in self.walk(Wanted(workflow.name, until=oldest)):
                if run.value.ended is not None and run.value.ended < oldest:
                    self.forget(run)
                    gone += 1
        return gone


def bounds(trigger: Trigger) -> tuple[int | None, int | None]:
    """How many runs of a trigger go on at once, and how many more may wait; None where there is no bound."""
    if "singleinstance" in trigger.options:
        return 1, trigger.most_waiting or 0
    if trigger.runs is None:
        return None, None
    return trigger.runs, trigger.most_waiting or 10 + trigger.runs


def no_response(run: PlaybookRun, id: str) -> Answer:
    """What a caller is answered by a run that ended without the response that it should give."""
    message = f"the run {id} ended as {run.status} without a response" + (f": {run.error}" if run.error else "")
    return Answer(502, {}, {"error": {"code": "NoResponse", "message": message}})


def _said(run: PlaybookRun) -> str:
    why = f": {run.error}" if run.error and run.status is not RunStatus.SUCCEEDED else ""
    did = f"; it did {', '.join(run.did)}" if run.did else ""
    return f"the playbook {run.workflow} ended as {run.status}{why}"[:500] + did


def _opened(run: OpenRun) -> Json:
    return {"workflow": run.workflow, "waiting": run.waiting, "executor": run.executor}


def _taken_json(taken: Taken) -> dict[str, Any]:
    return {"answer": answer_json(taken.answer), "callback": taken.callback, "late": taken.late}
