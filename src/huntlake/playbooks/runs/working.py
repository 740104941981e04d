"""Where runs are executed: one process of a home at a time, and it takes over from servers that are gone."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any, Protocol, cast
from uuid import uuid4

from huntlake.core.clock import Clock
from huntlake.core.errors import Conflict, DomainError, NotFound
from huntlake.playbooks.calls import Caller, Held
from huntlake.playbooks.connectors.connector import RunContext
from huntlake.playbooks.runs.driving import Driver, answer_json, effect_key, outcome
from huntlake.playbooks.runs.effects import Journaled, Setting
from huntlake.playbooks.runs.host import DurableJournal, Host, NotOurs
from huntlake.playbooks.runs.lanes import Lane, Lanes
from huntlake.playbooks.runs.records import MOST_ENTRIES, History, PlaybookRun, RunStatus
from huntlake.playbooks.runs.service import Runs
from huntlake.playbooks.runs.starting import Kept, facts, kept_version, trigger_of
from huntlake.playbooks.workflows import WORKFLOWS
from huntlake.state.documents import Document, Documents, Json, Shelf, Write
from huntlake.wdl.definition.workflow import ActionType, Status
from huntlake.wdl.runner.effects import Answer, Call
from huntlake.wdl.runner.records import HIDDEN, Record
from huntlake.wdl.runner.run import Ended, Run
from huntlake.wdl.runner.triggers import Fired

_LOG = logging.getLogger("huntlake.playbooks")

ALIVE = timedelta(seconds=45)
"""A server that wasn't heard of for so long is gone, and others go on with its runs."""
_LISTEN = 0.5
_LANES = 8
"""How many runs are gone on with at once, beside those that wait for whom they have called: more would but get into
each other's way at the database."""
_BEAT = 10.0
_FORGET = 60.0
_HOUR = 3600.0
_NOT_RESUMABLE, _INTERNAL = "RunNotResumable", "InternalServerError"
_BROKEN = frozenset({_NOT_RESUMABLE, _INTERNAL})
_STATUSES = {
    Status.SUCCEEDED: RunStatus.SUCCEEDED,
    Status.FAILED: RunStatus.FAILED,
    Status.CANCELLED: RunStatus.CANCELLED,
    Status.TIMED_OUT: RunStatus.TIMED_OUT,
}
_MOST_DID, _MOST_ASKED = 20, 500
_ENGINE_HEADERS = frozenset({ActionType.API_MANAGEMENT, ActionType.FUNCTION, ActionType.HTTP, ActionType.HTTP_WEBHOOK})


@dataclass(frozen=True, slots=True)
class Awaited:
    """An answer that comes as a message to the run, under that key and at whatever time."""

    key: str


class Inner(Protocol):
    """Makes the calls that stay among the workflows of this server, such as that of a child."""

    def call(self, run: Document[PlaybookRun], call: Call, headers: Mapping[str, str]) -> Answer | Awaited:
        """Makes a call. Made again with the same key, it has no other effect than the first time."""


class NoCaller:
    """Calls nothing: there are no connectors."""

    def call(self, context: RunContext, call: Call, connections: Any) -> Answer | Held:
        """Refuses."""
        return Answer(refused=f"a call of type {call.action.type} is not supported here: there are no connectors")


@dataclass(frozen=True)
class Prepared:
    """A run that is being executed."""

    record: Document[PlaybookRun]
    run: Run
    effects: Journaled
    known: Kept
    log: _Log
    secret: frozenset[str]
    """The actions, in lower case, whose answers must not be readable in the journal."""


@dataclass
class Worker:
    """Executes runs in this process, as long as `executing` lasts."""

    runs: Runs
    caller: Caller
    inner: Mapping[ActionType, Inner]
    clock: Clock
    home: Path
    url: str
    """Of the database that the journal is kept in."""
    callback_url: Callable[[str, str, str], str]
    """The URL at which a webhook is answered: of a workflow, a run, and its key."""
    calls_at_once: int = 32
    kept: timedelta = timedelta(days=90)
    """How long the history of a run stays after its end."""
    changed: Callable[[str, str, str], bool] = lambda workspace, run, key: False
    """Whether the call of that key of a run has changed something."""
    chores: tuple[Callable[[], None], ...] = ()
    """What else is looked after twice a second where runs are executed."""
    _host: Host | None = field(default=None, init=False, repr=False)
    _active: dict[str, asyncio.Event] = field(default_factory=dict, init=False, repr=False)
    _begun: dict[str, float] = field(default_factory=dict, init=False, repr=False)
    """When it was said that runs begin that haven't yet."""
    _lock: Lock = field(default_factory=Lock, init=False, repr=False)
    _executor: str = field(default="", init=False)
    _closed: bool = field(default=True, init=False)
    _swept: float = field(default=0.0, init=False)
    _expired: float = field(default=0.0, init=False)

    # -- as long as it lasts ---------------------------------------------------------------

    @contextmanager
    def executing(self) -> Iterator[bool]:
        """Execute runs as long as the block lasts, and go on with those that were left behind.

        Gives False, and executes none, where another process of this home does.
        """
        with _place(self.home) as executor:
            if not executor:
                yield False
                return
            self._executor, self._closed, self._expired = executor, False, monotonic()
            self._calls = ThreadPoolExecutor(self.calls_at_once, thread_name_prefix="playbook call")
            self._lanes = Lanes(_LANES)
            self._legs = ThreadPoolExecutor(4, thread_name_prefix="playbook run")
            servers, stop = _Servers(self.runs.shelf, self.clock, executor), Event()
            self._listening = self.runs.inbox.last()
            self.runs.began = self.begin
            thread = Thread(target=self._look_after, args=(servers, stop), name="playbooks", daemon=True)
            thread.start()
            try:
                yield True
            finally:
                self.runs.began = None
                stop.set()
                thread.join()
                with self._lock:
                    self._closed, host, self._host = True, self._host, None
                if host is not None:
                    host.close()
                for pool in (self._calls, self._legs):
                    pool.shutdown(wait=False, cancel_futures=True)
                self._active.clear()
                with suppress(Exception):
                    servers.leave()

    def begin(self, run: str) -> None:
        """Execute a run in this process; one that goes on here already looks for what is new."""
        opened = self.runs.open.find(run)
        # A run whose turn has not come must not be begun: its journal would say that it is over.
        if opened is None or opened.value.waiting or (host := self._hosting()) is None:
            return
        if (event := self._active.get(run)) is not None:
            host.loop.call_soon_threadsafe(event.set)
        else:
            self._begun.setdefault(run, monotonic())
            host.begin(run)

    def _hosting(self) -> Host | None:
        with self._lock:
            if self._closed:
                return None
            if self._host is None:
                self._host = Host(self.home, self.url, self._executor, self._execute)
            return self._host

    def _look_after(self, servers: _Servers, stop: Event) -> None:
        beaten = -_BEAT
        while not stop.is_set():
            try:
                if monotonic() - beaten >= _BEAT:
                    # The first look is what takes up the runs that an earlier process has left.
                    self._take_up(servers.beat())
                    self._forget()
                    beaten = monotonic()
                for place, run in self.runs.inbox.signals(self._listening):
                    self._listening = place
                    opened = self.runs.open.find(run)
                    if opened is not None and opened.value.executor in ("", self._executor):
                        self.begin(run)
                for chore in self.chores:
                    chore()
            except Exception:
                _LOG.exception("playbooks could not be looked after; that is tried again")
            stop.wait(_LISTEN)

    def _take_up(self, alive: frozenset[str]) -> None:
        """Go on with open runs that nobody executes, and end those that nobody ever will."""
        gone: set[str] = set()
        for opened in self.runs.open.list():
            if opened.value.waiting or opened.name in self._active:
                continue
            owner = opened.value.executor
            if owner not in ("", self._executor) and owner in alive:
                continue
            host = self._hosting()
            if host is None:
                return
            if owner not in ("", self._executor) and owner not in gone:
                gone.add(owner)
                host.recover([owner])
            status = host.status(opened.name)
            if status in ("ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED", "SUCCESS"):
                self._given_up(opened.name, opened.value.workflow, status)
            elif status != "ENQUEUED":
                host.begin(opened.name)

    def _given_up(self, id: str, workflow: str, status: str) -> None:
        """End a run that has no end though nobody works on it any more."""
        run = self.runs.records.find((*WORKFLOWS, workflow), id)
        if run is None or run.value.status.ended:
            self.runs.open.delete(id)
            return
        why = {
            "MAX_RECOVERY_ATTEMPTS_EXCEEDED": "the process died each time that the run was taken up",
            "CANCELLED": "its journal was cancelled from outside",
        }.get(status, "its journal ended without it")
        self.runs.ended(run, replace(run.value, status=RunStatus.FAILED, code="RunAbandoned", error=why))

    def _forget(self) -> None:
        """Forget the journals of runs that have ended a while ago: they hold what the history doesn't show."""
        if self._host is not None and monotonic() - self._swept >= _FORGET:
            self._swept = monotonic()
            self._host.sweep(_FORGET)
        if monotonic() - self._expired >= _HOUR:
            self._expired = monotonic()
            self.runs.expire(self.kept)
            self.runs.inbox.last()

    # -- one run ---------------------------------------------------------------------------

    async def _execute(self, id: str) -> str:
        lane = Lane(self._begun.pop(id, monotonic()))
        async with self._lanes.turn(lane):
            return await self._gone_through(id, lane)

    async def _gone_through(self, id: str, lane: Lane) -> str:
        prepared: Prepared | None = None
        try:
            prepared = await self._elsewhere(lambda: self._prepare(id))
            if prepared is None:
                return "over"
            outside = _Outside(self, prepared, id, lane)
            self._active[id] = outside.news
            driver = Driver(
                prepared.run,
                prepared.effects,
                DurableJournal(lambda text: self.runs.seal.open(text, f"journal {id}")),
                outside,
                self._elsewhere,
                self.runs.taken(id) if prepared.record.value.origin else {},
            )
            ended = await driver.drive()
        except NotOurs as error:
            ended = Ended(Status.FAILED, _NOT_RESUMABLE, f"what the run had written down doesn't fit it: {error}")
        except DomainError as error:
            ended = Ended(Status.FAILED, "InvalidWorkflow", str(error))
        except Exception:
            if not self._closed:
                _LOG.exception("the run %s broke", id)
            ended = Ended(Status.FAILED, _INTERNAL, "an internal error occurred; the server's log has more")
        finally:
            self._active.pop(id, None)
        if self._closed:
            # Whatever went wrong, it did so because this process ends: the next one goes on with the run.
            raise asyncio.CancelledError
        if prepared is not None and ended.code in _BROKEN:
            with suppress(Exception):
                await self._elsewhere(prepared.run.break_off)
        await self._elsewhere(lambda: self._end(id, prepared, ended))
        return ended.status.value

    async def _elsewhere(self, work: Callable[[], Any]) -> Any:
        """Does something in a thread; what fails because the database is away is tried again until it is back."""
        from sqlalchemy.exc import InterfaceError, OperationalError

        pause, loop = 0.5, asyncio.get_running_loop()
        while True:
            try:
                return await loop.run_in_executor(self._legs, work)
            except (OperationalError, InterfaceError):
                _LOG.exception("the state database didn't answer a playbook; it is asked again")
                await asyncio.sleep(pause)
                pause = min(30.0, pause * 2)

    def _prepare(self, id: str) -> Prepared | None:
        runs, opened = self.runs, self.runs.open.find(id)
        if opened is None or opened.value.waiting:
            return None
        record = runs.records.find((*WORKFLOWS, opened.value.workflow), id)
        if record is None or record.value.status.ended:
            return None
        if opened.value.executor != self._executor:
            runs.open.put(id, replace(opened.value, executor=self._executor))
        run, workflow = record.value, runs.workflows.get(record.value.workflow)
        known = kept_version(runs.workflows, workflow.name, run.version, runs.seal)
        trigger, parts = trigger_of(known.definition, run.trigger), runs.triggered(id)
        begun = run.begun or run.started
        effects = Journaled(
            id,
            begun,
            Setting(run.responds or run.parent is not None, run.parent is not None),
            lambda key: self.callback_url(workflow.name, id, key),
        )
        fired = Fired(parts.get("outputs"), run.started, run.tracking_id, parts.get("inputs")).record(trigger)
        said = facts(workflow.name, workflow.value, runs.resource_id(workflow.name), id)
        made = Run(known.definition, fired, effects, known.parameters, said)
        secret = frozenset(
            a.name.lower() for a in known.definition.all() if "outputs" in a.secure or run.secret_trigger
        )
        return Prepared(record, made, effects, known, _Log(runs.history, id, made, effects), secret)

    def _end(self, id: str, prepared: Prepared | None, ended: Ended) -> None:
        opened = self.runs.open.find(id)
        if opened is None:
            return
        owner = (*WORKFLOWS, opened.value.workflow)
        writes, did = prepared.log.news() if prepared else [], tuple[str, ...]()
        if prepared is not None and (about := prepared.record.value).incident:
            did = prepared.log.did(lambda key: self.changed(about.workspace, id, key))
        while True:
            run = self.runs.records.find(owner, id)
            if run is None or run.value.status.ended:
                return
            now = replace(
                run.value,
                status=_STATUSES[ended.status],
                code=ended.code,
                error=ended.message,
                entries=prepared.log.entries if prepared else 0,
                left_off=prepared.log.left_off if prepared else 0,
                did=did,
            )
            shown = HIDDEN if prepared and prepared.run.secret else ended.outputs
            outputs = [self.runs.history.keep(id, "outputs", shown)] if ended.outputs else []
            if self.runs.ended(run, now, [*writes, *outputs]):
                return

    # -- calls -----------------------------------------------------------------------------

    def call(self, prepared: Prepared, id: str, call: Call) -> str:
        """Make a call of a run, in whatever thread."""
        run, given = prepared.record.value, call
        headers = {
            "x-ms-workflow-name": run.workflow,
            "x-ms-workflow-run-id": id,
            "x-ms-workflow-version": run.version,
            "x-ms-workflow-operation-name": call.action.name,
            "x-ms-client-tracking-id": run.tracking_id,
        }
        answer: Answer | Held | Awaited
        if (inner := self.inner.get(call.action.type)) is not None:
            answer = inner.call(prepared.record, call, headers)
        else:
            if call.action.type in _ENGINE_HEADERS and "suppressworkflowheaders" not in call.action.options:
                given = _with_headers(given, headers)
            answer = self._asked(prepared, id, replace(given, key=effect_key(call)))
        match answer:
            case Held():
                held = {"key": f"approval/{answer.approval}", "until": answer.until.isoformat()}
                return outcome(self._now(), held=held)
            case Awaited():
                return outcome(self._now(), held={"key": answer.key, "until": None})
        text = outcome(self._now(), answer=answer_json(answer))
        if call.action.name.lower() in prepared.secret:
            return self.runs.seal.seal(text, f"journal {id}")
        return text

    def _asked(self, prepared: Prepared, id: str, call: Call) -> Answer | Held:
        run = prepared.record.value
        context = RunContext(run.workspace, run.workflow, id, run.started_by, self._now(), run.incident, run.alert)
        parameters = {k.lower(): v for k, v in prepared.known.parameters.items()}
        try:
            return self.caller.call(context, call, parameters.get("$connections") or {})
        except Exception as error:
            _LOG.error(
                "a call of the run %s failed: %s", id, type(error).__name__, exc_info=None if call.hidden else error
            )
            return Answer(lost="an internal error occurred; the server's log has more")

    def _now(self) -> datetime:
        return self.clock.now().astimezone(UTC)


class _Outside:
    """What the steps of one run do."""

    def __init__(self, worker: Worker, prepared: Prepared, id: str, lane: Lane) -> None:
        self._worker, self._prepared, self._id, self._lane = worker, prepared, id, lane
        self.news = asyncio.Event()

    async def call(self, call: Call) -> str:
        """Makes a call in a thread, unless the run is to end and it isn't part of that."""
        worker = self._worker
        if not call.unsubscribes and await worker._elsewhere(lambda: worker.runs.inbox.cancelled(self._id)):
            return outcome(worker._now(), cancelled=True)
        if call.action.type in worker.inner:
            return cast("str", await worker._elsewhere(lambda: worker.call(self._prepared, self._id, call)))
        loop = asyncio.get_running_loop()
        async with worker._lanes.away(self._lane):
            return await loop.run_in_executor(worker._calls, lambda: worker.call(self._prepared, self._id, call))

    async def wait(self, until: datetime, seen: frozenset[str]) -> str:
        """Waits on the loop: it costs no thread."""
        worker = self._worker
        await worker._elsewhere(self._show)
        while True:
            self.news.clear()
            messages = await worker._elsewhere(lambda: worker.runs.inbox.messages(self._id, seen))
            now = worker._now()
            left = (until - now).total_seconds()
            if messages or left <= 0:
                text = outcome(now, messages=messages)
                return worker.runs.seal.seal(text, f"journal {self._id}") if self._prepared.secret else text
            async with worker._lanes.away(self._lane):
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.news.wait(), min(left, 3600.0))

    async def responded(self, answer: Answer) -> None:
        """Keeps the response, for whoever waits."""
        await self._worker._elsewhere(lambda: self._worker.runs.responded(self._prepared.record, answer))

    def _show(self) -> None:
        if writes := self._prepared.log.news():
            self._worker.runs.shelf.write(writes)


class _Log:
    """Which actions of a run are to be written into its history next."""

    def __init__(self, history: History, id: str, run: Run, effects: Journaled) -> None:
        self._history, self._id, self._run, self._effects = history, id, run, effects
        self._numbers: dict[int, int] = {}

    @property
    def entries(self) -> int:
        """How many entries the history has."""
        return min(len(self._run.records), MOST_ENTRIES)

    @property
    def left_off(self) -> int:
        """How many it would have more."""
        return len(self._run.records) - self.entries

    def did(self, changed: Callable[[str], bool]) -> tuple[str, ...]:
        """The actions that went well and have changed something, each once; `changed` knows it by their keys."""
        names: dict[str, None] = {}
        called = (r for r in self._run.records if r.status is Status.SUCCEEDED and r.attempts)
        # Of a loop over thousands nobody asks for each.
        for record in islice(called, _MOST_ASKED):
            if record.action.name not in names and len(names) < _MOST_DID and changed(record.key):
                names[record.action.name] = None
        return tuple(names)

    def news(self) -> list[Write]:
        """What writes down the actions that have begun or ended since the last time."""
        records = self._run.records
        news: dict[int, Record] = {}
        for number in range(len(self._numbers), len(records)):
            self._numbers[id(records[number])] = number
            news[number] = records[number]
        finished, self._effects.finished = self._effects.finished, []
        for record in finished:
            news[self._numbers[id(record)]] = record
        return [w for n, r in sorted(news.items()) if n < MOST_ENTRIES for w in self._history.write(self._id, n, r)]


def _with_headers(call: Call, headers: Mapping[str, str]) -> Call:
    """A call with more headers; those that the workflow gives itself stay."""
    inputs = call.inputs if isinstance(call.inputs, dict) else {}
    given = inputs.get("headers") or {}
    if not isinstance(given, dict):
        return call
    had = {k.lower() for k in given}
    more = {k: v for k, v in headers.items() if k not in had}
    return replace(call, inputs={**inputs, "headers": {**given, **more}})


# -- which process -------------------------------------------------------------------------


@contextmanager
def _place(home: Path) -> Iterator[str]:
    """The name under which this process executes the runs of a home; empty where another one does."""
    home.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(home / "runs.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield ""
            return
        # The name stays with the home: what a process that died has left is its next one's.
        name = os.pread(descriptor, 64, 0).decode().strip()
        if not name:
            name = uuid4().hex
            os.pwrite(descriptor, name.encode(), 0)
            os.fsync(descriptor)
        yield name
    finally:
        os.close(descriptor)


class _Servers:
    """The servers that execute runs, each with when it was last heard of."""

    def __init__(self, shelf: Shelf, clock: Clock, me: str) -> None:
        self._documents: Documents[Mapping[str, str]] = Documents(
            shelf, "servers of playbooks", lambda heard: cast("Json", dict(heard)), lambda v: cast("dict[str, str]", v)
        )
        self._clock, self._me = clock, me

    def beat(self) -> frozenset[str]:
        """Say that this one is there, and learn which are."""
        now = self._clock.now().astimezone(UTC)

        def heard(before: Mapping[str, str]) -> Mapping[str, str]:
            there = {s: t for s, t in before.items() if abs(now - datetime.fromisoformat(t)) < ALIVE}
            return {**there, self._me: now.isoformat()}

        return frozenset(self._change(heard))

    def leave(self) -> None:
        """Say that this one is there no more."""
        self._change(lambda before: {s: t for s, t in before.items() if s != self._me})

    def _change(self, how: Callable[[Mapping[str, str]], Mapping[str, str]]) -> Mapping[str, str]:
        try:
            return self._documents.change("servers", how).value
        except NotFound:
            with suppress(Conflict):
                self._documents.put("servers", {}, create_only=True)
            return self._documents.change("servers", how).value
