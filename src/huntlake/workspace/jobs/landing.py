"""The rows of a query into a table: all of them or none, and once, whatever ends in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from huntlake.core.clock import Clock
from huntlake.core.errors import Conflict, Invalid, Refused
from huntlake.engines.cancellation import Cancellation
from huntlake.kql.types import Column, ScalarType
from huntlake.lake.forms import TIME
from huntlake.workspace.ingestion.mapping import stored
from huntlake.workspace.ingestion.service import Ingestion
from huntlake.workspace.jobs.recurrence import Recurrence
from huntlake.workspace.query import Queries, QueryOptions, ResultTable, physical_type
from huntlake.workspace.table_definitions import TableColumn, TableDefinitions, check_column
from huntlake.workspace.tables import FORMS
from huntlake.workspace.workspaces import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

LOCAL = "local"
"""The owner of what was made on this machine, without a server."""

_BATCH = 100_000

Grown = Callable[[str, str], Workspace | None]
"""The workspace of a database's name in which an owner, by id, may do something at this moment."""


@dataclass(frozen=True)
class Rights:
    """What owners may do now."""

    readable: Grown
    manageable: Grown


@dataclass(frozen=True)
class Task:
    """A query, when it runs, and where its rows go. Its windows end at the moments of its schedule."""

    id: str
    owner: tuple[str, ...]
    """The workspace's name, and the task's."""
    by: str
    """Whose rights count."""
    query: str
    table: str
    schedule: Recurrence
    since: datetime
    """Windows that end before it are none of its."""
    enabled: bool = True
    delay: timedelta = timedelta()
    """How long after a window's end it runs."""
    length: timedelta | None = None
    """How far back a window reaches in `TimeGenerated`; None: the query says it itself."""
    most_missed: int = 1
    """How many windows that were missed are made up for, the newest; of 0 none is."""
    timeout: timedelta = timedelta(hours=1)
    max_rows: int = 10_000_000
    attempts: int = 1
    """How often one that fails is tried."""
    patience: timedelta = timedelta()
    """How long after the first attempt it is tried again."""
    extends: bool = False
    """Whether the table gets columns that it lacks."""
    dropped: frozenset[str] = frozenset()
    """Columns of the query, in lower case, that the table fills by itself."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Other names for columns of the query, by their own in lower case."""
    stamps: Callable[[datetime], Mapping[Column, Any]] = lambda window: {}
    """Columns that say the same in each row of a window's."""


@dataclass(frozen=True)
class Landing:
    """Runs the queries of tasks, and lets their rows land."""

    queries: Queries
    ingestion: Ingestion
    definitions: TableDefinitions
    rights: Rights
    clock: Clock

    def prepare(self, task: Task) -> None:
        """Have the table be there, and be one that the rows fit into, as far as the query tells before it runs.

        :raises SourceError: the query can't be understood
        :raises Invalid: it gives something that no table can hold
        :raises Conflict: the table that is there has other columns
        :raises Refused: the owner may not read what it asks, or not write the table
        """
        workspace = self._workspace(task)
        result = self._result(workspace, task, self.clock.now(), Cancellation())
        self._ensure(workspace, task, self._columns(task, result))

    def land(self, task: Task, window: datetime, cancellation: Cancellation, claim: Callable[[int, int], None]) -> int:
        """Run the query of a window, and let its rows land; how many they are.

        When all of them are there, `claim` is told their number, and the number under which they are about to land; if
        it raises, nothing does.
        """
        workspace = self._workspace(task)
        result = self._result(workspace, task, window, cancellation)
        kept = self._columns(task, result)
        self._ensure(workspace, task, kept)
        stamps = task.stamps(window)
        names = [c.name for c in kept.values()]
        if twice := next((n for n in names if names.count(n) > 1), None):
            raise Invalid(f"two columns would be named `{twice}`")
        schema, batches = self._batches(result, kept, stamps)
        number = self._held(task, task.table) + 1
        return self.ingestion.append_once(
            workspace, task.table, schema, batches, _mark(task.id), number, lambda rows: claim(rows, number)
        )

    def landed(self, task: Task, table: str, claim: int) -> bool:
        """Whether the rows that a claim was made for are in the table, whatever the owner may do by now."""
        if not claim or self._held(task, table) < claim:
            return False
        self.ingestion.lake.table(task.owner[0], table).secure()
        return True

    def _held(self, task: Task, table: str) -> int:
        return self.ingestion.lake.table(task.owner[0], table).holds(_mark(task.id))

    def _workspace(self, task: Task) -> Workspace:
        name = task.owner[0]
        if self.rights.readable(task.by, name) is None:
            raise Refused(f"whoever wrote it last may not read the workspace `{name}`")
        found = self.rights.manageable(task.by, name)
        if found is None:
            raise Refused(f"whoever wrote it last may not make tables in the workspace `{name}`")
        return found

    def _result(self, workspace: Workspace, task: Task, window: datetime, cancellation: Cancellation) -> ResultTable:
        options = QueryOptions(timeout=task.timeout, max_rows=task.max_rows, max_bytes=None, now=window)
        if task.length is not None:
            # Both ends of a period count, and a window ends where the next one begins.
            last = window - timedelta(microseconds=1)
            options = replace(options, time_column=TIME, since=window - task.length, until=last)
        tables = self.queries.run(
            workspace,
            task.query,
            options,
            cancellation,
            workspaces=lambda name: self.rights.readable(task.by, name),
        ).tables
        if len(tables) != 1:
            raise Invalid(f"one result goes into a table, and the query has {len(tables)}")
        return tables[0]

    def _columns(self, task: Task, result: ResultTable) -> dict[str, Column]:
        """By the query's names, the columns of the table that its own fill."""
        kept = {
            c.name: Column(task.renamed.get(c.name.lower(), c.name), c.type)
            for c in result.columns
            if c.name.lower() not in task.dropped
        }
        if not kept:
            raise Invalid("the query gives no column that a table of one's own can hold")
        return kept

    def _ensure(self, workspace: Workspace, task: Task, kept: Mapping[str, Column]) -> None:
        renamed = set(task.renamed.values())
        own = [c for c in kept.values() if c.name not in renamed]
        named = [*(c for c in kept.values() if c.name in renamed), *task.stamps(self.clock.now())]
        for column in own:
            if column.name != TIME:
                check_column(task.table, TableColumn(column.name, column.type), built_in=False)
            elif column.type is not ScalarType.DATETIME:
                raise Invalid(f"`{TIME}` is a `datetime`, not a `{column.type}`")
        known = self.definitions.tables.table(workspace.name, task.table)
        have = {c.name.lower(): c for c in known or ()}
        for column in (*own, *named):
            there = have.get(column.name.lower())
            if there is None and known is not None and not task.extends:
                raise Conflict(
                    f"the table `{task.table}` is there, and has no column `{column.name}`: give it one, leave it out "
                    "of the query, or name another table"
                )
            if there is not None and FORMS[there.type] is not FORMS[column.type]:
                raise Conflict(
                    f"`{there.name}` of `{task.table}` is a `{there.type}`, and the query gives a `{column.type}`"
                )
        if known is None or any(c.name.lower() not in have for c in own):
            self.definitions.have(workspace, task.table, own)
        if any(c.name.lower() not in have for c in named):
            self.ingestion.lake.table(workspace.name, task.table).add_columns(stored(named))

    def _batches(
        self, result: ResultTable, kept: Mapping[str, Column], stamps: Mapping[Column, Any]
    ) -> tuple[pa.Schema, Iterator[pa.Table]]:
        import pyarrow as pa

        now = self.clock.now().replace(tzinfo=None)
        fields = [pa.field(c.name, physical_type(c.type)) for c in (*kept.values(), *stamps)]
        schema = pa.schema(fields)

        def table(batches: Sequence[pa.RecordBatch]) -> pa.Table:
            rows = pa.Table.from_batches(batches).select(list(kept)).rename_columns([c.name for c in kept.values()])
            for column, value in stamps.items():
                type = physical_type(column.type)
                rows = rows.append_column(column.name, pa.repeat(pa.scalar(value, type), rows.num_rows))
            if TIME in rows.column_names:
                place = rows.column_names.index(TIME)
                rows = rows.set_column(place, TIME, rows.column(TIME).fill_null(now))
            return rows.cast(schema)

        def batches() -> Iterator[pa.Table]:
            waiting: list[pa.RecordBatch] = []
            count = 0
            for batch in result.arrow():
                waiting.append(batch)
                count += batch.num_rows
                if count >= _BATCH:
                    yield table(waiting)
                    waiting, count = [], 0
            if result.truncated_by is not None:
                # A part of the rows would look like all of them.
                raise result.truncated_by
            if count:
                yield table(waiting)

        return schema, batches()


def own_table(definitions: TableDefinitions, workspace: Workspace, name: str, suffix: str) -> None:
    """Raise `Invalid` unless rows may go to a table of that name; one that isn't there yet needs the suffix."""
    there = definitions.tables.table(workspace.name, name) is not None
    if name in definitions.catalogue:
        raise Invalid(f"`{name}` is a table that every workspace has: rows go to a table of one's own, `…_CL`")
    if not there:
        if not name.endswith(suffix):
            raise Invalid(f"`{name[:100]}` can't be made: the name of a table that is new here ends in `{suffix}`")
        definitions.check_new(workspace, name)
    elif not name.endswith("_CL"):
        raise Invalid(f"rows can't go to `{name}`: only to a table of one's own, whose name ends in `_CL`")


def _mark(task: str) -> str:
    """The name under which tables remember how much of a task has landed."""
    return f"job.{task}"
