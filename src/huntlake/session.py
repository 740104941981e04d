"""huntlake in a Python program or a notebook: `huntlake.open(path).query(kql)`."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from huntlake.app import App
from huntlake.assembly.analytics import PLACES, Analytics
from huntlake.core.clock import SystemClock
from huntlake.core.errors import Invalid, NotFound
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.geography import NetworkTable
from huntlake.workspace.collection import Collected, Collection, Rule, definition_of
from huntlake.workspace.evidence.plain import mappings
from huntlake.workspace.evidence.service import ImportReport, user_name
from huntlake.workspace.functions import WorkspaceFunctions
from huntlake.workspace.ingestion import IngestReport
from huntlake.workspace.ingestion.streaming import Receipt
from huntlake.workspace.query import QueryOptions
from huntlake.workspace.results import Result
from huntlake.workspace.watchlists import WorkspaceWatchlists
from huntlake.workspace.workspaces import Workspace

TIMEOUT = timedelta(hours=1)

IN_MEMORY = Workspace("memory", "00000000-0000-0000-0000-000000000000")


class Session:
    """One workspace of a lake, to be asked; usable in a `with` block, or closed by `close`."""

    def __init__(self, analytics: Analytics, workspace: Workspace, *, timeout: timedelta = TIMEOUT) -> None:
        self.workspace = workspace
        self._analytics = analytics
        self._timeout = timeout
        self._app: App | None = None
        self._finalizer: weakref.finalize[Any, Any] | None = None

    @classmethod
    def in_memory(cls, *, timeout: timedelta = TIMEOUT) -> Session:
        """A lake that lasts as long as the session, for data frames and for files that are ingested into it."""
        home = Path(tempfile.mkdtemp(prefix="huntlake-"))
        analytics = Analytics.over(
            home,
            Bounds(spill=home / "tmp"),
            NetworkTable(PLACES),
            SystemClock(),
            workspaces={IN_MEMORY.name: IN_MEMORY}.get,
        )
        session = cls(analytics, IN_MEMORY, timeout=timeout)
        session._finalizer = weakref.finalize(session, shutil.rmtree, home, ignore_errors=True)
        return session

    @classmethod
    def on(
        cls, path: Path, workspace: str | None = None, *, create: bool = False, timeout: timedelta = TIMEOUT
    ) -> Session:
        """The lake in the folder `path`, which has to be there unless it is to be made.

        `workspace` may be left out where the lake has only one.
        """
        if not create and not (path / "huntlake.db").exists() and not (path / "lake").is_dir():
            raise NotFound(f"no lake is in {path}; `huntlake.open({str(path)!r}, create=True)` makes one")
        app = App.open(path)
        try:
            session = cls(app.analytics, _workspace(app, workspace, create), timeout=timeout)
        except Exception:
            app.close()
            raise
        session._app = app
        return session

    def query(self, kql: str, **parameters: object) -> Result:
        """The rows that `kql` answers with; `parameters` are those of its `declare query_parameters`.

        Raises `SourceError`, which shows the place, for a text that can't be understood.
        """
        results = self.query_all(kql, **parameters)
        if len(results) != 1:
            raise Invalid(f"the text has {len(results)} results: `query_all` gives them all")
        return results[0]

    def query_all(self, kql: str, **parameters: object) -> tuple[Result, ...]:
        """The rows of each tabular statement of `kql`."""
        options = QueryOptions(
            timeout=self._timeout, max_rows=None, max_bytes=None, parameters=parameters, opens=lambda table: True
        )
        answer = self._analytics.queries.run(self.workspace, kql, options, workspaces=self._other)
        return tuple(Result.of(table) for table in answer.tables)

    def register(self, name: str, frame: Any) -> None:
        """Make a table of this session out of `frame`: Arrow, pandas, polars, or a mapping of lists.

        The values are copied. It comes before a table of the lake that has the same name.
        """
        self._analytics.memory.register(name, frame)

    def ingest(self, source: str | Path | Sequence[str | Path], table: str) -> IngestReport:
        """Take files of JSON, CSV or Parquet into `table`; rows that don't fit are kept aside and counted."""
        paths = [Path(source)] if isinstance(source, str | Path) else [Path(one) for one in source]
        return self._analytics.ingestion.ingest(self.workspace, table, paths)

    def append(
        self, table: str, rows: bytes | Iterable[Mapping[str, Any] | bytes | str], *, source: str = "stream"
    ) -> Receipt:
        """Take a batch of events into `table`: JSON lines in bytes, or objects. When this returns, the disk has it.

        Queries see it at once. Rows that don't fit go to the table `HuntlakeDeadLetters`, with the reason.
        """
        return self._analytics.streams.append(self.workspace, table, rows, source=source)

    def import_evidence(
        self,
        path: str | Path,
        *,
        mapping: str | Path | None = None,
        time_zone: str = "UTC",
        again: bool = False,
        dry: bool = False,
    ) -> ImportReport:
        """Take in a file of evidence, or all files below a folder: what each is, is found by what is in it.

        `mapping` is a file that says what to do with files of kinds that nobody knows; stamps without a zone are of
        `time_zone`, where the file itself doesn't tell; `again` takes in once more what is in already; `dry` takes in
        nothing.
        """
        return self._analytics.evidence.take(
            self.workspace,
            Path(path),
            by=user_name(),
            mappings=mappings(Path(mapping)) if mapping is not None else (),
            time_zone=time_zone,
            again=again,
            dry=dry,
        )

    @property
    def functions(self) -> WorkspaceFunctions:
        """The functions that the workspace has saved."""
        return WorkspaceFunctions(self._analytics.functions, self.workspace)

    @property
    def watchlists(self) -> WorkspaceWatchlists:
        """The watchlists of the workspace."""
        return WorkspaceWatchlists(self._analytics.watchlists, self.workspace)

    @property
    def collection(self) -> SessionCollection:
        """The data collection rules of the lake."""
        return SessionCollection(self._analytics.collection)

    def tables(self) -> tuple[str, ...]:
        """The names of the tables that have rows; those of the catalogue can be asked besides."""
        held = self._analytics.tables.with_data(self.workspace.name)
        return tuple(sorted({*held, *self._analytics.memory.names(self.workspace.name)}))

    def close(self) -> None:
        """Give memory back; a session in memory loses its tables."""
        self._analytics.close()
        if self._app is not None:
            self._app.close()
        if self._finalizer is not None:
            self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _other(self, name: str) -> Workspace | None:
        # Who can read the folder can read every workspace in it.
        try:
            return self._app.workspaces.by_database(name) if self._app else None
        except NotFound:
            return None


@dataclass(frozen=True)
class SessionCollection:
    """Data collection rules, and what is sent through them."""

    _collection: Collection

    def put(self, name: str, rule: Mapping[str, Any]) -> Rule:
        """Keep a rule, written as Azure writes it, in place of one of that name.

        The tables that it fills are made, or get the columns that they lack.
        """
        return self._collection.rules.put(name, definition_of(rule)).value

    def names(self) -> list[str]:
        """The names of all rules."""
        return [d.value.name for d in self._collection.rules.list()]

    def send(self, rule: str, stream: str, records: bytes | Iterable[Mapping[str, Any]]) -> Collected:
        """Send records, a JSON array in bytes or objects, through a rule; when this returns, the disk has its rows."""
        return self._collection.take(self._collection.rules.get(rule), stream, records)

    def delete(self, name: str) -> bool:
        """Forget a rule; its tables stay. False where there was none."""
        return self._collection.delete(name)


def _workspace(app: App, name: str | None, create: bool) -> Workspace:
    if name is not None:
        try:
            return app.workspaces.by_database(name)
        except NotFound:
            if not create:
                raise
            return app.workspaces.create(name)
    known = app.workspaces.list()
    if not known and create:
        return app.workspaces.create("default")
    if len(known) != 1:
        names = ", ".join(f"`{w.name}`" for w in known) or "none"
        raise Invalid(f"say which workspace to open: the lake has {names}")
    return known[0]
