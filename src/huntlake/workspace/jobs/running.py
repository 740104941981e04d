"""Doing what is due: one run of a task at a time, several tasks at once, and no window twice.

Several servers may work on one lake: whoever has locked a task's file runs it. The lock ends with the process, and who
comes next finds out from the table whether the rows of a run that was cut short have landed.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Lock, Thread
from time import perf_counter, sleep
from typing import Protocol

from huntlake.core.clock import Clock
from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import Cancelled, Conflict, DomainError, NotFound
from huntlake.engines.cancellation import Cancellation
from huntlake.state.records import Only, Records
from huntlake.workspace.jobs.landing import Landing, Task
from huntlake.workspace.jobs.runs import Progress, ProgressBook, Run, RunStatus, prune, run_id

_LOG = logging.getLogger("huntlake.jobs")

AT_ONCE = 3
"""How many tasks run at the same time, as in the cloud's lake."""
INTERRUPTIONS = 3
"""How often a run is begun again that ended with its process: perhaps it was what ended it."""
_EVERY_SECONDS = 2.0
_ENDING_SECONDS = 0.02
_LONGEST_WAIT = timedelta(hours=1)


class Kind(Protocol):
    """Tasks of one kind."""

    @property
    def runs(self) -> Records[Run]: ...

    def tasks(self) -> Iterable[Task]:
        """Every task there is."""
        ...

    def task(self, owner: tuple[str, ...]) -> Task:
        """One of them, as it is now; `NotFound` where it is gone."""
        ...

    def tried(self, task: Task, run: Run) -> None:
        """Hear that an attempt has begun (the run is `RUNNING` then), failed, or succeeded."""
        ...

    def ended(self, task: Task, run: Run, progress: Progress) -> None:
        """Hear that a run has ended for good."""
        ...


@dataclass(frozen=True)
class Runner:
    """Runs the tasks of some kinds. `folder` is where the locks are, a file for each task."""

    kinds: Sequence[Kind]
    landing: Landing
    book: ProgressBook
    folder: Path
    clock: Clock

    _lock: Lock = field(default_factory=Lock, repr=False)
    _cancellations: dict[tuple[str, str], Cancellation] = field(default_factory=dict, repr=False)
    _woken: Event = field(default_factory=Event, repr=False)
    _stopping: Event = field(default_factory=Event, repr=False)

    def run_due(self) -> int:
        """Do in this thread what is due now, until nothing is; how many runs were attempted."""
        done = 0
        while worked := [1 for kind, task in self._due() if self.work(kind, task)]:
            done += len(worked)
        return done

    def work(self, kind: Kind, task: Task) -> bool:
        """Attempt the first run of a task that is due; False where there is none, or another process is at it."""
        with self._held(task.id) as held:
            if not held:
                return False
            try:
                task = kind.task(task.owner)
            except NotFound:
                return False
            self._plan(kind, task)
            found = self._next(kind, task)
            if found is None:
                return False
            self._attempt(kind, task, found)
        return True

    def ask(self, kind: Kind, task: Task) -> str:
        """Have a task run now, for the moment of asking; the id of the run."""
        now = self.clock.now()
        id = run_id(task.id, now, manual=True)
        with suppress(Conflict):
            kind.runs.put(task.owner, id, Run(now, now, manual=True, table=task.table), only=Only(create=True))
        self.book.open(task.id, id)
        self.wake()
        return id

    def again(self, kind: Kind, task: Task, id: str) -> None:
        """Have a run that failed be attempted once more."""
        now = self.clock.now()

        def reset(run: Run) -> Run:
            if run.status not in (RunStatus.FAILED, RunStatus.CANCELED):
                raise Conflict(f"the run is {run.status}: only one that failed or was cancelled is run again")
            return Run(run.window, run.created, run.manual, started=now, table=task.table)

        kind.runs.change(task.owner, id, reset)
        self.book.open(task.id, id)
        self.wake()

    def cancel(self, kind: Kind, task: Task, id: str) -> None:
        """End a run; `Conflict` where it has ended, or its rows are about to land."""

        def canceled(run: Run) -> Run:
            if run.status.final:
                raise Conflict(f"the run has ended: it is {run.status}")
            if run.claim:
                raise Conflict("the rows of the run are landing: it can't be cancelled any more")
            return replace(run, status=RunStatus.CANCELED, ended=self.clock.now())

        kind.runs.change(task.owner, id, canceled)
        self._end(task.id, id)
        self.wake()

    def wake(self) -> None:
        """Look for work at once."""
        self._woken.set()

    @contextmanager
    def running(self, at_once: int = AT_ONCE) -> Iterator[None]:
        """Do what is due in threads, as long as the block lasts."""
        self._stopping.clear()
        pool = ThreadPoolExecutor(at_once, thread_name_prefix="job")
        busy: dict[str, str] = {}

        def work() -> None:
            while not self._stopping.is_set():
                try:
                    self._round(pool, busy, at_once)
                except Exception:
                    _LOG.exception("looking for jobs that are due failed; it is tried again")
                self._woken.wait(_EVERY_SECONDS)
                self._woken.clear()

        thread = Thread(target=work, name="jobs", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            self._woken.set()
            thread.join()
            pool.shutdown(wait=False, cancel_futures=True)
            while busy:
                # One that was begun a moment ago may be known only now.
                for cancellation in list(self._cancellations.values()):
                    cancellation.cancel()
                sleep(_ENDING_SECONDS)
            pool.shutdown(wait=True)

    def _round(self, pool: ThreadPoolExecutor, busy: dict[str, str], at_once: int) -> None:
        self._notice_cancelled()
        waiting = [(kind, task) for kind, task in self._due() if task.id not in busy]
        while waiting and len(busy) < at_once:
            # Who has the fewest at work comes first: one owner's hundred jobs don't hold up another's one.
            at_work = Counter([*busy.values()])
            place = min(range(len(waiting)), key=lambda i: (at_work[waiting[i][1].by], i))
            kind, task = waiting.pop(place)
            busy[task.id] = task.by
            pool.submit(self.work, kind, task).add_done_callback(self._done(busy, task))

    def _done(self, busy: dict[str, str], task: Task) -> Callable[[Future[bool]], None]:
        def done(future: Future[bool]) -> None:
            busy.pop(task.id, None)
            if future.cancelled():
                return
            if error := future.exception():
                _LOG.error("the job %s could not be looked after", "/".join(task.owner), exc_info=error)
            elif future.result():
                self.wake()

        return done

    def _due(self) -> list[tuple[Kind, Task]]:
        """The tasks that have something to do, the one that waits longest first."""
        known, now = self.book.all(), self.clock.now()
        found = []
        for kind in self.kinds:
            for task in kind.tasks():
                progress = known.get(task.id, Progress())
                open = [now for at in progress.open.values() if at is None or at <= now]
                after = _after(task, progress)
                upcoming = task.schedule.following(after) if task.enabled else None
                if upcoming is not None and upcoming + task.delay <= now:
                    open.append(upcoming + task.delay)
                if open:
                    found.append((min(open), kind, task))
        return [(kind, task) for _, kind, task in sorted(found, key=lambda one: one[0])]

    def _plan(self, kind: Kind, task: Task) -> None:
        """Make runs of the windows that have ended."""
        if not task.enabled:
            return
        now, progress = self.clock.now(), self.book.get(task.id)
        after = _after(task, progress)
        moments, before = task.schedule.between(after, now - task.delay, max(task.most_missed, 1))
        if not moments:
            return
        late = [m for m in moments if m + task.delay < now - _PUNCTUAL]
        skipped = before + (len(late) if not task.most_missed else 0)
        wanted = moments if task.most_missed else [m for m in moments if m not in late]
        ids = [run_id(task.id, m) for m in wanted]
        for id, moment in zip(ids, wanted, strict=True):
            if kind.runs.find(task.owner, id) is None:
                kind.runs.put(task.owner, id, Run(moment, now, table=task.table))

        def planned(progress: Progress) -> Progress:
            open = {**progress.open, **dict.fromkeys(ids)}
            return replace(progress, done=moments[-1], open=open, skipped=progress.skipped + skipped)

        self.book.change(task.id, planned)
        if skipped:
            _LOG.warning("%s: %d windows were missed, and are not made up for", "/".join(task.owner), skipped)

    def _next(self, kind: Kind, task: Task) -> tuple[str, Run] | None:
        """The run of the oldest window among those that may be attempted now, but first one that was cut short."""
        now, found = self.clock.now(), []
        for id, at in self.book.get(task.id).open.items():
            document = kind.runs.find(task.owner, id)
            if document is None or document.value.status.final:
                # Its process ended between the two writes.
                self.book.close(task.id, id)
            elif at is None or at <= now:
                found.append((document.value.window, id, document.value))
        # Whether its rows have landed can be told only until others of the task's land.
        return min(found, key=lambda one: (one[2].status is not RunStatus.RUNNING, *one[:2]))[1:] if found else None

    def _attempt(self, kind: Kind, task: Task, found: tuple[str, Run]) -> None:
        id, run = found
        interrupted = run.status is RunStatus.RUNNING
        if interrupted and self._landed(task, run):
            self._finish(kind, task, id, RunStatus.SUCCEEDED, seconds=run.seconds)
            return
        if interrupted and run.attempts >= max(INTERRUPTIONS, task.attempts):
            why = f"the server ended {run.attempts} times while it ran"
            self._finish(kind, task, id, RunStatus.FAILED, code="Interrupted", failure=why)
            return
        cancellation, began, now = Cancellation(), perf_counter(), self.clock.now()
        with self._lock:
            self._cancellations[task.id, id] = cancellation

        def begun(run: Run) -> Run:
            if run.status.final:
                raise Cancelled("the run was cancelled")
            return replace(
                run,
                status=RunStatus.RUNNING,
                attempts=run.attempts + 1,
                started=run.started or now,
                table=task.table,
                claim=0,
                rows=0,
            )

        def claim(rows: int, number: int) -> None:
            def claimed(run: Run) -> Run:
                if run.status.final or cancellation.cancelled:
                    raise Cancelled("the run was cancelled")
                return replace(run, rows=rows, claim=number if rows else 0, seconds=perf_counter() - began)

            kind.runs.change(task.owner, id, claimed)

        try:
            kind.tried(task, kind.runs.change(task.owner, id, begun).value)
            self.landing.land(task, run.window, cancellation, claim)
        except (Cancelled, NotFound) as error:
            if isinstance(error, NotFound) and kind.runs.find(task.owner, id) is not None:
                self._failed(kind, task, id, error, began)
            else:
                self._stopped(kind, task, id)
        except Exception as error:
            self._failed(kind, task, id, error, began)
        else:
            self._finish(kind, task, id, RunStatus.SUCCEEDED, seconds=perf_counter() - began)
        finally:
            with self._lock:
                self._cancellations.pop((task.id, id), None)

    def _stopped(self, kind: Kind, task: Task, id: str) -> None:
        """A run was cancelled, or is gone, or the server ends: then the next one begins it again."""

        def as_before(run: Run) -> Run:
            if run.status.final:
                return run
            return replace(run, status=RunStatus.NOT_STARTED, attempts=run.attempts - 1)

        with suppress(NotFound):
            if not kind.runs.change(task.owner, id, as_before).value.status.final:
                return
        self.book.close(task.id, id)

    def _failed(self, kind: Kind, task: Task, id: str, error: Exception, began: float) -> None:
        document = kind.runs.find(task.owner, id)
        if document is None:
            return  # the task was deleted meanwhile
        run = document.value
        # Whatever went wrong may have done so after the table had the rows.
        if self._landed(task, run):
            self._finish(kind, task, id, RunStatus.SUCCEEDED, seconds=run.seconds)
            return
        code, failure = type(error).__name__, str(error)
        if not isinstance(error, DomainError | SourceError):
            _LOG.exception("the run %s of %s failed", id, "/".join(task.owner), exc_info=error)
            code, failure = "InternalServiceError", "an internal error occurred; the server's log has more"
        seconds, now = perf_counter() - began, self.clock.now()
        patient = run.started is not None and now - run.started < task.patience
        if run.attempts >= task.attempts or not patient:
            self._finish(kind, task, id, RunStatus.FAILED, seconds=seconds, code=code, failure=failure)
            return

        def waiting(run: Run) -> Run:
            if run.status.final:
                return run
            status = RunStatus.WAITING
            return replace(run, status=status, seconds=seconds, code=code, failure=failure, rows=0, claim=0)

        run = kind.runs.change(task.owner, id, waiting).value
        if not run.status.final:
            kind.tried(task, run)
            self.book.open(task.id, id, now + min(timedelta(minutes=1) * 2 ** (run.attempts - 1), _LONGEST_WAIT))

    def _landed(self, task: Task, run: Run) -> bool:
        if not run.claim:
            return False
        return self.landing.landed(task, run.table, run.claim)

    def _finish(
        self,
        kind: Kind,
        task: Task,
        id: str,
        status: RunStatus,
        *,
        seconds: float = 0,
        code: str = "",
        failure: str = "",
    ) -> None:
        now = self.clock.now()

        def ended(run: Run) -> Run:
            if run.status.final:
                return run
            rows, claim = (run.rows, run.claim) if status is RunStatus.SUCCEEDED else (0, 0)
            return replace(
                run, status=status, ended=now, seconds=seconds, code=code, failure=failure, rows=rows, claim=claim
            )

        try:
            run = kind.runs.change(task.owner, id, ended).value
        except NotFound:
            return  # the task was deleted meanwhile
        kind.tried(task, run)
        progress = self.book.close(task.id, id, failed=run.status is RunStatus.FAILED)
        kind.ended(task, run, progress)
        prune(kind.runs, task.owner)

    def _notice_cancelled(self) -> None:
        """End runs of this process that were cancelled through another one."""
        with self._lock:
            running = list(self._cancellations)
        if not running:
            return
        tasks = {task.id: (kind, task) for kind in self.kinds for task in kind.tasks()}
        for task_id, id in running:
            found = tasks.get(task_id)
            run = found[0].runs.find(found[1].owner, id) if found else None
            if run is None or run.value.status is RunStatus.CANCELED:
                self._end(task_id, id)

    def _end(self, task: str, id: str) -> None:
        with self._lock:
            cancellation = self._cancellations.get((task, id))
        if cancellation:
            cancellation.cancel()

    @contextmanager
    def _held(self, task: str) -> Iterator[bool]:
        """Keep other processes, and threads, from a task; False where one has it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.folder / f"{task}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            yield False
            return
        try:
            yield True
        finally:
            os.close(descriptor)


_PUNCTUAL = timedelta(minutes=5)
"""A window that is run no later than this after its time was not missed."""


def _after(task: Task, progress: Progress) -> datetime:
    """The moment up to which no window of a task is to be looked at any more."""
    first = task.since - timedelta(microseconds=1)
    return first if progress.done is None else max(first, progress.done)
