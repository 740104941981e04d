"""DBOS, which keeps runs alive: one instance for a process, and one database of its own."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from huntlake.core.errors import Conflict, Invalid
from huntlake.playbooks.runs.driving import Work
from huntlake.state.line import Line

FORMAT = "huntlake-runs-1"
"""Of what runs write down: a version of this program that reads another one leaves such runs to those that can."""
SCHEMA = "huntlake_runs"
_WORKFLOW = "run"
_RECOVERIES = 1000
"""So often a run is taken up again after its process has died; one that kills its process doesn't do so for ever."""

_LOG = logging.getLogger("huntlake.playbooks")
_lock = Lock()
_holders: list[Path] = []
"""The home whose runs this process keeps alive, if any: DBOS is one for a process."""

Execute = Callable[[str], Awaitable[str]]


class NotOurs(Exception):
    """What a run has written down doesn't fit it any more."""


class Host:
    """Runs workflows of that name durably, on a loop of its own."""

    def __init__(self, home: Path, url: str, executor: str, execute: Execute) -> None:
        with _lock:
            if _holders:
                raise Conflict(
                    f"this process keeps the runs of {_holders[0]} alive already; those of another lake beside it are "
                    "not supported: use a process for each"
                )
            _holders.append(home)
        self._home, self._url, self._executor, self._execute = home, url, executor, execute
        self.loop = asyncio.new_event_loop()
        self._thread = Thread(target=self.loop.run_forever, name="playbook runs", daemon=True)
        self._thread.start()
        try:
            self._on_loop(self._launch()).result()
        except BaseException:
            self._end_loop()
            raise

    def begin(self, run: str) -> Future[None]:
        """Begin a run, or go on with it; nothing happens where it goes on already, or has ended."""
        return self._on_loop(self._begin(run))

    def recover(self, executors: Iterable[str]) -> None:
        """Go on with the runs of servers that are gone."""
        self._dbos._recover_pending_workflows(list(executors))

    def status(self, run: str) -> str:
        """What DBOS says of a run; empty where it knows none."""
        found = self._dbos.get_workflow_status(run)
        return "" if found is None else str(found.status)

    def sweep(self, seconds: float) -> None:
        """Forget what was written down of runs that ended longer ago."""
        before = datetime.fromtimestamp(time.time() - seconds, UTC).isoformat()
        while found := self._dbos.list_workflows(
            status="SUCCESS", completed_before=before, load_input=False, load_output=False, limit=200
        ):
            self._dbos.delete_workflows([w.workflow_id for w in found])

    def close(self) -> None:
        """Leave all runs where they are."""
        # Before DBOS takes its threads away, which runs would take for a failure.
        self._on_loop(_cancel_all()).result()
        self._dbos.destroy(destroy_registry=True)
        self._end_loop()

    def _end_loop(self) -> None:
        self._on_loop(_cancel_all()).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()
        with _lock:
            _holders.clear()

    def _on_loop(self, coroutine: Any) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    async def _launch(self) -> None:
        # It would write to the console else, and it is imported only where runs are run: it loads a good deal.
        logger = logging.getLogger("dbos")
        logger.propagate = False
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
        from dbos import DBOS, DBOSConfig
        from dbos._dbos import _get_dbos_instance

        self._dbos = DBOS
        config: DBOSConfig = {
            "name": "huntlake",
            "system_database_url": self._url,
            "dbos_system_schema": SCHEMA,
            "application_version": FORMAT,
            "executor_id": self._executor,
            "log_level": "CRITICAL",
            "enable_otlp": False,
            "serializer": _serializer(),
            "use_listen_notify": False,
            # SQLite lets one writer after the other in, and whoever waits for it there may be passed by others for
            # long; whoever waits for a connection is not.
            "sys_db_pool_size": 2 if _sqlite(self._url) else 10,
            "db_engine_kwargs": {
                "pool_timeout": 3600,
                **({"connect_args": {"factory": Timed}} if _sqlite(self._url) else {}),
            },
            # Nobody waits for DBOS's own messages and schedules.
            "notification_listener_polling_interval_sec": 0.5,
            "scheduler_polling_interval_sec": 3600.0,
        }
        if _sqlite(self._url):
            config["db_engine_kwargs"] = {"pool_timeout": 3600, "connect_args": {"factory": Timed}}
            _prepare(Path(self._url.partition("///")[2]))
        execute = self._execute

        DBOS(config=config)

        async def run(id: str) -> str:
            return await execute(id)

        self._run = DBOS.workflow(name=_WORKFLOW, max_recovery_attempts=_RECOVERIES)(run)
        # Launched on this loop it makes it its own: whatever runs does so here.
        DBOS.launch()
        if _sqlite(self._url):
            _in_line(_get_dbos_instance()._sys_db.engine)

    async def _begin(self, run: str) -> None:
        from dbos import SetWorkflowID

        with SetWorkflowID(run):
            await self._dbos.start_workflow_async(self._run, run)


class DurableJournal:
    """What came of the steps of the run that is being executed. `unsealed` opens what is secret of it."""

    def __init__(self, unsealed: Callable[[str], str]) -> None:
        self._unsealed = unsealed

    async def step(self, names: Sequence[str], works: Sequence[Work]) -> list[str]:
        """What came of these steps, which are done side by side where nothing is written down of them."""
        from dbos import DBOS
        from dbos._error import DBOSStepNondeterminismError, DBOSUnexpectedStepError

        # Places in the journal are given in this order, however the steps themselves overtake one another.
        reserved = [DBOS.reserve_step() for _ in works]
        try:
            steps: Any = [r.run_async({"name": n}, w) for r, n, w in zip(reserved, names, works, strict=True)]
            texts: list[str] = await asyncio.gather(*steps)
        except (DBOSUnexpectedStepError, DBOSStepNondeterminismError) as error:
            raise NotOurs(str(error)) from None
        return [text if text.startswith("{") else self._unsealed(text) for text in texts]


class Timed(sqlite3.Connection):
    """A connection that tells `unixepoch('subsec')` also where SQLite is older than 3.42, and would give null: DBOS
    tells its times by it where Python is 3.12 or later."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        if sqlite3.sqlite_version_info < (3, 42):
            self.create_function("unixepoch", 1, lambda modifier: time.time_ns() // 1_000_000 / 1000)


def _sqlite(url: str) -> bool:
    return url.startswith("sqlite")


def _in_line(engine: Any) -> None:
    """Lets one writer of this process at SQLite at a time: whoever waits for its own lock looks again and again, and is
    passed by others for seconds."""
    from sqlalchemy import event

    turn, holding = Line(), "the turn of a writer"

    def begins(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if holding not in connection.info and statement.lstrip()[:6].lower() != "select":
            turn.acquire()
            connection.info[holding] = True

    def ends(connection: Any, record: Any) -> None:
        # Only then what it has written is on the disk.
        if record.info.pop(holding, None):
            turn.release()

    event.listen(engine, "before_cursor_execute", begins)
    event.listen(engine, "checkin", ends)  # codespell:ignore checkin


def _serializer() -> Any:
    from dbos import Serializer

    class Json(Serializer):
        """As JSON: what is read back is never code."""

        def serialize(self, data: Any) -> str:
            return json.dumps(data, default=str)

        def deserialize(self, serialized_data: str) -> Any:
            return json.loads(serialized_data)

        def name(self) -> str:
            return "json"

    return Json()


def _prepare(file: Path) -> None:
    """A database whose readers and writers don't wait for one another, and that only this account may read."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
        with closing(sqlite3.connect(file, timeout=30)) as connection:
            connection.execute("pragma journal_mode = wal")
    except (OSError, sqlite3.Error) as error:
        raise Invalid(f"{file} can't hold the journal of playbooks: {error}") from error


async def _cancel_all() -> None:
    others = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
