"""Queries that nobody waits for: asked once, run in the background, their results kept for a day.

A query that was taken is answered, through restarts too: what had not ended when the process did runs again.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import struct
import uuid
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from threading import Lock
from typing import Any, cast

from huntlake.core.clock import Clock
from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import Busy, Cancelled, Conflict, DomainError, LimitExceeded, NotFound, Refused
from huntlake.engines.cancellation import Cancellation
from huntlake.kql.types import Column, ScalarType
from huntlake.lake.writing import flush
from huntlake.state.documents import Documents, Json, Shelf
from huntlake.workspace.query import Queries, QueryOptions, ResultTable
from huntlake.workspace.workspaces import Workspace

_LOG = logging.getLogger("huntlake.queries")

AT_ONCE = 3
"""How many of one owner run at the same time, as in the cloud's lake; several owners share that, each has one."""
MOST = 2 * AT_ONCE
"""How many of all owners run at the same time."""
WAITING = 100
"""How many of one owner may wait for their turn; several owners share that."""
LONGEST = timedelta(hours=1)
KEPT = timedelta(hours=24)
MAX_ROWS, MAX_BYTES = 10_000_000, 1 << 30
"""The most that one answer may hold, as JSON."""

_HEAD = struct.Struct(">Q")
_INTERRUPTED = "the server ended while the query ran"

Readable = Callable[[str, str], Workspace | None]
"""The workspace of a database's name that an owner, by id, may read at this moment."""


class Status(Enum):
    """How far an asynchronous query is, in the words of Azure's long-running operations."""

    NOT_STARTED = "NotStarted"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELED = "Canceled"

    @property
    def final(self) -> bool:
        """Whether it stays so."""
        return self not in (Status.NOT_STARTED, Status.RUNNING)


@dataclass(frozen=True, slots=True)
class StoredResult:
    """One table of a result: its columns by name and type, its rows as they are kept in a file."""

    name: str
    columns: tuple[tuple[str, str], ...]
    rows: int
    bytes: int
    visualization: Mapping[str, object] | None = None
    truncated: str = ""
    """Why rows are missing; empty where none are."""


@dataclass(frozen=True, slots=True)
class AsyncQuery:
    """A query that was taken; `owner` is the id of who asked it. `code` and `failure` say why one failed."""

    id: str
    owner: str
    database: str
    text: str
    created: datetime
    expires: datetime
    timeout: timedelta = LONGEST
    parameters: Mapping[str, object] | None = None
    status: Status = Status.NOT_STARTED
    started: datetime | None = None
    ended: datetime | None = None
    code: str = ""
    failure: str = ""
    results: tuple[StoredResult, ...] = ()


class AsyncQueries:
    """The asynchronous queries of one lake. Their results lie in `folder`, a folder for each."""

    def __init__(self, database: Shelf, folder: Path, queries: Queries, readable: Readable, clock: Clock) -> None:
        self._documents = Documents(database, "asynchronous queries", _encode, _decode)
        self._folder, self._queries, self._readable, self._clock = folder, queries, readable, clock
        self._lock = Lock()
        self._held: dict[str, tuple[int, str]] = {}
        """By the id of a query that is this process's, its lock and its owner."""
        self._queued: OrderedDict[str, deque[str]] = OrderedDict()
        """By owner, the queries that wait; the owner who comes next is the first."""
        self._at_work: Counter[str] = Counter()
        self._cancellations: dict[str, Cancellation] = {}
        self._pool: ThreadPoolExecutor | None = None

    def submit(
        self,
        owner: str,
        database: str,
        text: str,
        *,
        timeout: timedelta = LONGEST,
        parameters: Mapping[str, object] | None = None,
    ) -> AsyncQuery:
        """Take a query. Once this returns it will be answered, or say why not.

        `SourceError` for a text that can't be understood, `Refused` for a workspace that the owner may not read,
        `Busy` where too many wait.
        """
        self.sweep()
        now = self._clock.now()
        made = AsyncQuery(
            str(uuid.uuid4()), owner, database, text, now, now + KEPT, min(timeout, LONGEST), dict(parameters or {})
        )
        self._answer(made, Cancellation())  # compiled, and not run
        with self._lock:
            taken = Counter(whose for _, whose in self._held.values())
            if taken[owner] >= AT_ONCE + WAITING // len({owner, *taken}):
                raise Busy("too many asynchronous queries of yours wait already; try again later")
            self._hold(made.id, owner)
        try:
            self._documents.put(made.id, made, create_only=True)
        except BaseException:
            with self._lock:
                self._release(made.id)
            raise
        self._start(made.id, owner)
        return made

    def get(self, owner: str, id: str) -> AsyncQuery:
        """A query of that owner; `NotFound` for one that isn't theirs, or has expired."""
        found = self._documents.find(id)
        if found is None or found.value.owner != owner or found.value.expires <= self._clock.now():
            raise NotFound(f"there is no asynchronous query `{id}`")
        return found.value

    def list(self, owner: str) -> list[AsyncQuery]:
        """The queries of that owner, the newest first."""
        now = self._clock.now()
        mine = [d.value for d in self._documents.list() if d.value.owner == owner and d.value.expires > now]
        return sorted(mine, key=lambda q: q.created, reverse=True)

    def results(self, owner: str, id: str) -> tuple[StoredTable, ...]:
        """The tables of a query that has succeeded; `Conflict` as long as it hasn't."""
        query = self.get(owner, id)
        if query.status is not Status.SUCCEEDED:
            raise Conflict(f"the asynchronous query `{id}` has no result: it is {query.status.value}")
        if self._readable(owner, query.database) is None:
            raise Refused(f"the database `{query.database}` isn't one that the caller may read")
        return tuple(StoredTable(one, self._folder / id / f"{n}.rows") for n, one in enumerate(query.results))

    def delete(self, owner: str, id: str) -> None:
        """Cancel a query that hasn't ended, and forget its result."""
        query = self.get(owner, id)
        if not query.status.final:
            self._change(id, status=Status.CANCELED, ended=self._clock.now())
        with self._lock:
            cancellation = self._cancellations.get(id)
        if cancellation:
            cancellation.cancel()
        if query.status.final:
            self._forget(id)

    def open(self) -> int:
        """Run again what had not ended when its process did; how many they are."""
        self.sweep()
        self._sweep_orphans()
        again = 0
        for document in self._documents.list():
            query = document.value
            with self._lock:
                if query.status.final or query.id in self._held or not self._hold(query.id, query.owner):
                    continue
            self._start(query.id, query.owner)
            again += 1
        return again

    def sweep(self) -> None:
        """Forget what has expired."""
        now = self._clock.now()
        for document in self._documents.list():
            if document.value.expires <= now and document.value.id not in self._held:
                self._forget(document.value.id)

    def _sweep_orphans(self) -> None:
        # A process ended between the folder and the document: nobody was told of the query.
        known = self._documents.names()
        for place in self._folder.glob("*"):
            with self._lock:
                if place.name not in known and place.name not in self._held and self._hold(place.name):
                    # Another process may have taken it, and answered it, since its name was looked for.
                    if self._documents.find(place.name) is None:
                        shutil.rmtree(place, ignore_errors=True)
                    self._release(place.name)

    def close(self) -> None:
        """End the queries that run; the next process runs them again."""
        with self._lock:
            pool, self._pool = self._pool, None
            running = list(self._cancellations.values())
            self._queued.clear()
        for cancellation in running:
            cancellation.cancel()
        if pool:
            pool.shutdown(wait=True, cancel_futures=True)
        with self._lock:
            self._at_work.clear()
            for id in [*self._held]:
                self._release(id)

    def _hold(self, id: str, owner: str = "") -> bool:
        """Keep other processes from running a query; False where another does. The lock ends with the process."""
        place = self._folder / id
        place.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(place / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._held[id] = descriptor, owner
        return True

    def _release(self, id: str) -> None:
        if (held := self._held.pop(id, None)) is not None:
            os.close(held[0])

    def _start(self, id: str, owner: str) -> None:
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(MOST, thread_name_prefix="async-query")
            self._queued.setdefault(owner, deque()).append(id)
            self._hand_out(self._pool)

    def _hand_out(self, pool: ThreadPoolExecutor) -> None:
        """Let queries begin that may, one of each owner in turn."""
        while self._at_work.total() < MOST:
            share = max(1, AT_ONCE // len({*self._queued, *self._at_work}))
            owner = next((o for o in self._queued if self._at_work[o] < share), None)
            if owner is None:
                return
            id = self._queued[owner].popleft()
            self._queued.move_to_end(owner)
            if not self._queued[owner]:
                del self._queued[owner]
            self._at_work[owner] += 1
            pool.submit(self._work, id, owner)

    def _work(self, id: str, owner: str) -> None:
        try:
            self._run(id)
        finally:
            with self._lock:
                self._at_work[owner] -= 1
                if not self._at_work[owner]:
                    del self._at_work[owner]
                if self._pool is not None:
                    self._hand_out(self._pool)

    def _run(self, id: str) -> None:
        cancellation = Cancellation()
        with self._lock:
            self._cancellations[id] = cancellation
        try:
            query = self._documents.get(id).value
            if query.status is not Status.CANCELED:
                self._change(id, status=Status.RUNNING, started=self._clock.now())
                results = self._write(query, cancellation)
                self._change(id, status=Status.SUCCEEDED, ended=self._clock.now(), results=results)
        except Cancelled:
            # By its owner, who has said so in the document; or by the end of this process: then it runs again.
            pass
        except (DomainError, SourceError) as error:
            self._fail(id, type(error).__name__, str(error))
        except Exception:
            _LOG.exception("the asynchronous query %s failed", id)
            self._fail(id, "InternalServiceError", "an internal error occurred; the server's log has more")
        finally:
            with self._lock:
                self._cancellations.pop(id, None)
                self._release(id)

    def _fail(self, id: str, code: str, why: str) -> None:
        with suppress(NotFound):
            self._change(id, status=Status.FAILED, ended=self._clock.now(), code=code, failure=why)

    def _change(self, id: str, **how: Any) -> None:
        """Change what is said of a query; one that has ended stays as it is."""

        def changed(query: AsyncQuery) -> AsyncQuery:
            return query if query.status.final else replace(query, **how)

        self._documents.change(id, changed)

    def _answer(self, query: AsyncQuery, cancellation: Cancellation) -> Sequence[ResultTable]:
        workspace = self._readable(query.owner, query.database)
        if workspace is None:
            raise Refused(f"the database `{query.database}` isn't one that the caller may read")
        options = QueryOptions(
            timeout=query.timeout, max_rows=MAX_ROWS, max_bytes=MAX_BYTES, parameters=query.parameters or {}
        )
        return self._queries.run(
            workspace, query.text, options, cancellation, workspaces=lambda name: self._readable(query.owner, name)
        ).tables

    def _write(self, query: AsyncQuery, cancellation: Cancellation) -> tuple[StoredResult, ...]:
        written, files = [], []
        for number, table in enumerate(self._answer(query, cancellation)):
            files.append(self._folder / query.id / f"{number}.rows")
            with files[-1].open("wb") as file:
                for chunk in table.json_rows():
                    file.write(_HEAD.pack(len(chunk)))
                    file.write(chunk)
                    if cancellation.cancelled:
                        raise Cancelled(_INTERRUPTED)
            columns = tuple((c.name, c.type.value) for c in table.columns)
            cut = str(table.truncated_by or "")
            written.append(
                StoredResult(table.name, columns, table.row_count, table.byte_count, table.visualization, cut)
            )
        # The document that speaks of a result must not outlive it.
        flush(files, self._folder)
        return tuple(written)

    def _forget(self, id: str) -> None:
        self._documents.delete(id)
        shutil.rmtree(self._folder / id, ignore_errors=True)


class StoredTable:
    """A table of a kept result, whose rows are read while they are sent."""

    def __init__(self, stored: StoredResult, file: Path) -> None:
        self.name = stored.name
        self.columns = tuple(Column(name, ScalarType(type)) for name, type in stored.columns)
        self.visualization = stored.visualization
        self.row_count, self.byte_count = stored.rows, stored.bytes
        self.truncated_by = LimitExceeded(stored.truncated) if stored.truncated else None
        self.reads = None
        self._file = file

    def json_rows(self) -> Iterator[bytes]:
        """The rows as JSON arrays, in the chunks in which they were made."""
        with self._file.open("rb") as file:
            while head := file.read(_HEAD.size):
                yield file.read(_HEAD.unpack(head)[0])


def _encode(query: AsyncQuery) -> Json:
    facts = asdict(query)
    facts["status"] = query.status.value
    facts["timeout"] = query.timeout.total_seconds()
    for name in ("created", "expires", "started", "ended"):
        facts[name] = None if facts[name] is None else facts[name].isoformat()
    return cast("Json", facts)


def _decode(value: Json) -> AsyncQuery:
    facts = dict(cast("dict[str, Any]", value))
    facts["status"] = Status(facts["status"])
    facts["timeout"] = timedelta(seconds=facts["timeout"])
    for name in ("created", "expires", "started", "ended"):
        facts[name] = None if facts[name] is None else datetime.fromisoformat(facts[name])
    facts["results"] = tuple(
        StoredResult(**{**one, "columns": tuple((n, t) for n, t in one["columns"])}) for one in facts["results"]
    )
    return AsyncQuery(**facts)
