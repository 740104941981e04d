"""Questions that are asked of the lake to find signals: declared as content, bound to times, answered as rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import DomainError
from huntlake.workspace.query import Queries, QueryOptions
from huntlake.workspace.results import Result
from huntlake.workspace.workspaces import Workspace

CONTENT = Path(__file__).parents[2] / "content" / "hunting"
MOST_ROWS = 5_000
"""Of one question."""
_TIMEOUT = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class ScanWindow:
    """From when to when signals are looked for, and where the history begins that they are compared with."""

    since: datetime
    until: datetime
    before: datetime

    @classmethod
    def of(cls, since: datetime, until: datetime, history: timedelta = timedelta(days=30)) -> ScanWindow:
        """A window with so much history before it."""
        return cls(since, until, since - history)


@dataclass(frozen=True, slots=True)
class LakeScan:
    """A question: the tables that it needs, the techniques that its answer may be of, and KQL."""

    id: str
    title: str
    tables: tuple[str, ...]
    techniques: tuple[str, ...]
    query: str
    action: str = ""
    insights: tuple[str, ...] = ()

    def bound(self, window: ScanWindow) -> str:
        """The query for a window, as it can be run by itself."""
        times = {"since": window.since, "until": window.until, "before": window.before}
        return "".join(f"let {name} = {literal(at)};\n" for name, at in times.items()) + self.query


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of a question: its rows by column, or why there are none."""

    scan: LakeScan
    query: str
    rows: tuple[Mapping[str, Any], ...] = ()
    skipped: str = ""


def literal(at: datetime) -> str:
    """A time as KQL has it."""
    return f"datetime({at.astimezone(UTC).replace(tzinfo=None).isoformat()}Z)"


@cache
def declared(name: str) -> tuple[LakeScan, ...]:
    """The questions of a file of the content: `changes` or `anomalies`."""
    told = yaml.safe_load((CONTENT / f"{name}.yaml").read_text(encoding="utf-8"))
    return tuple(
        LakeScan(
            one["id"],
            one["title"],
            tuple(one["tables"]),
            tuple(one["techniques"]),
            one["query"],
            one.get("action", ""),
            tuple(one.get("insights", ())),
        )
        for one in told
    )


@dataclass(frozen=True)
class LakeReader:
    """Asks the lake."""

    queries: Queries

    def ask(self, workspace: Workspace, scans: Sequence[LakeScan], window: ScanWindow) -> Iterator[Asked]:
        """What the lake says to each question. One that can't be asked is skipped with the reason; the others go on."""
        filled = self.filled(workspace)
        for scan in scans:
            query = scan.bound(window)
            missing = [table for table in scan.tables if table not in filled]
            if missing:
                yield Asked(scan, query, skipped=f"no rows of {', '.join(missing)} are here")
                continue
            try:
                rows = self.rows(workspace, query)
            except SourceError as error:
                yield Asked(scan, query, skipped=f"its query isn't understood here: {error}")
            except DomainError as error:
                yield Asked(scan, query, skipped=str(error))
            else:
                yield Asked(scan, query, rows)

    def filled(self, workspace: Workspace) -> frozenset[str]:
        """The tables that have ever had rows."""
        return frozenset(self.queries.visible(workspace, fetch=False).tables_with_rows())

    def has(self, workspace: Workspace, table: str) -> bool:
        """Whether a table has ever had rows."""
        return table in self.filled(workspace)

    def rows(
        self, workspace: Workspace, query: str, parameters: Mapping[str, object] | None = None
    ) -> tuple[Mapping[str, Any], ...]:
        """The rows of a query, by column; at most `MOST_ROWS`."""
        options = QueryOptions(timeout=_TIMEOUT, max_rows=None, take=MOST_ROWS, parameters=parameters or {})
        answer = self.queries.run(workspace, query, options)
        result = Result.of(answer.tables[-1])
        return tuple(dict(zip(result.columns, row, strict=True)) for row in result.rows)
