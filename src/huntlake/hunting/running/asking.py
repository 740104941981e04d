"""One run's query: over its window, within its limits, with what it gave and what it cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any

import orjson

from huntlake.core.errors import Invalid, Unavailable
from huntlake.engines.cancellation import Cancellation
from huntlake.engines.duckdb.database import Confined
from huntlake.engines.errors import LowMemory
from huntlake.hunting.drafting.quoting import given
from huntlake.hunting.lifecycle.hunt import HuntContent
from huntlake.hunting.proof.dry_run import ended, whole_seconds
from huntlake.workspace.query import Queries, QueryOptions
from huntlake.workspace.visible import WorkspaceNamed
from huntlake.workspace.workspaces import Workspace

TIME = "TimeGenerated"
_MICROSECOND = timedelta(microseconds=1)
_MOST_BYTES = 64 << 20
_PROCESSORS, _BEGINS = 2, 10
"""How many processors a run has, and the seconds of them that its process needs to begin."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a query gave. `cut` says by which limit it is not all; `read_bytes` is the size of what it read of files."""

    rows: Sequence[Mapping[str, Any]]
    seconds: float
    read_bytes: int
    cut: str = ""
    functions: Mapping[str, str] = field(default_factory=dict)
    """The texts of the functions that it was read with."""


def ask(
    queries: Queries,
    workspace: Workspace,
    content: HuntContent,
    since: datetime,
    until: datetime,
    most: int,
    cancellation: Cancellation | None = None,
    workspaces: WorkspaceNamed | None = None,
) -> Asked:
    """The rows of `since <= TimeGenerated < until`, `most` of them at most; `now()` is the end of the window.

    `workspaces` finds the other workspaces that hunts may read; without it there are none.

    It is asked in a process of its own, whose memory and seconds of processors the kernel keeps, and which is ended
    with it. Raises `SourceError` for a query that the workspace doesn't understand any more, `TimedOut`, and `Invalid`
    where it met a limit of its process.
    """
    options = QueryOptions(
        timeout=timedelta(seconds=content.limits.seconds),
        max_rows=most,
        max_bytes=_MOST_BYTES,
        parameters=given(content.parameters),
        now=until,
        time_column=TIME,
        since=since,
        until=until - _MICROSECOND,
    )
    with _process(queries, workspace, content) as process:
        try:
            if process is not None:
                # That it begins is no run's time.
                process.stream("select 1").close()
            return _asked(queries, workspace, content, options, cancellation, workspaces, process)
        except (LowMemory, OSError) as error:
            if process is None:
                raise
            if isinstance(error, OSError) and process.ended_by is None:
                raise Unavailable("its process has broken off") from error
            limited, failure = ended(process, content.limits.memory_mib)
            if limited:
                raise Invalid(f"a limit ended it: {limited}") from None
            raise Unavailable(failure) from None


@contextmanager
def _process(queries: Queries, workspace: Workspace, content: HuntContent) -> Iterator[Confined | None]:
    """The process in which a run is asked; None where another workspace answers, whose own limits hold."""
    if workspace.remote:
        yield None
        return
    limits = content.limits
    with queries.confined(limits.memory_mib << 20, whole_seconds(limits.seconds * _PROCESSORS) + _BEGINS) as process:
        yield process


def _asked(
    queries: Queries,
    workspace: Workspace,
    content: HuntContent,
    options: QueryOptions,
    cancellation: Cancellation | None,
    workspaces: WorkspaceNamed | None,
    process: Confined | None,
) -> Asked:
    began = perf_counter()
    asked = queries.run(workspace, content.query, options, cancellation, workspaces=workspaces, within=process)
    tables = asked.tables
    if len(tables) != 1:
        raise Invalid(f"a hunt's query answers with one table, not with {len(tables)}")
    size = 0 if process is None else tables[0].file_bytes
    rows = orjson.loads(b"[" + b",".join(tables[0].json_objects()) + b"]")
    return Asked(rows, perf_counter() - began, size, str(tables[0].truncated_by or ""), asked.functions)
