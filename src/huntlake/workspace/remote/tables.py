"""Tables of remote workspaces, in queries that are answered here: what such a query needs of them is fetched."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from time import monotonic

from huntlake.core.diagnostics import Diagnostic, Source, SourceError
from huntlake.core.errors import Invalid, LimitExceeded, NotFound, TimedOut
from huntlake.engines.duckdb.database import Database
from huntlake.engines.duckdb.execution import TOO_LONG
from huntlake.engines.duckdb.sources import empty_sql
from huntlake.kql.plan import Path
from huntlake.kql.syntax.commands import quoted_name
from huntlake.kql.types import Column
from huntlake.workspace.remote.asking import Asked
from huntlake.workspace.remote.kusto import instant
from huntlake.workspace.remote.service import RemoteWorkspaces
from huntlake.workspace.remote.subqueries import Part
from huntlake.workspace.table_sources import Demand, KeptRows, Reading, Scan, held_reading

MOST_ROWS = 500_000
"""The most rows that a query here takes from a remote workspace at once; where there are more, it fails."""


@dataclass(frozen=True)
class RemoteTables:
    """The tables of all remote workspaces, for one query. `asked` says how much of it holds elsewhere too.

    Without `fetch` every table has no row: nobody is asked for any.
    """

    remote: RemoteWorkspaces
    engine: Database
    asked: Asked
    deadline: float
    fetch: bool = True
    _parts: dict[str, _Known] = field(default_factory=dict)
    _kept: dict[tuple[str, str], tuple[KeptRows, tuple[Column, ...]]] = field(default_factory=dict)
    """Rows that were fetched already, by workspace and text: a part that stands twice is asked for once."""

    def add(self, source: Source, parts: Mapping[str, Part], now: datetime) -> None:
        """Let parts of the query, which is asked at the moment `now`, be tables by their names.

        What a workspace has against a part is a `SourceError` at its place.
        """
        for name, part in parts.items():
            columns = self.remote.table(part.workspace, part.table) if part.table else None
            if columns is None:
                try:
                    columns = self.remote.columns(part.workspace, part.text)
                except (Invalid, NotFound) as error:
                    raise SourceError(source, Diagnostic("HL003", str(error), part.span)) from None
            self._parts[name] = _Known(part, columns, now)

    def knows(self, workspace: str) -> bool:
        """Whether the workspace is a remote one."""
        return self.remote.knows(workspace)

    def table(self, workspace: str, name: str) -> tuple[Column, ...] | None:
        return self._parts[name].columns if name in self._parts else self.remote.table(workspace, name)

    def names(self, workspace: str) -> Iterable[str]:
        return self.remote.names(workspace)

    def names_with_rows(self, workspace: str) -> Iterable[str]:
        return self.remote.names(workspace)

    def known_empty(self, workspace: str, name: str) -> bool:
        return False

    def look(self, workspace: str, demand: Demand) -> None:
        return None

    def hot_paths(self, workspace: str, name: str) -> frozenset[Path]:
        return frozenset()

    def read(self, workspace: str, scan: Scan) -> Reading:
        """The columns that the query needs: of a part, or of the rows of a table, if they may be looked at."""
        if not self.fetch:
            return Reading(empty_sql(scan.columns, scan.sql_names))
        known = self._parts.get(scan.table)
        # The bounds on time of the query stand in the scan already, and a part is of a query without.
        asked = replace(self.asked, parameters={}, now=None, time_column="", since=None, until=None)
        asked = replace(asked, take=None, max_rows=None, max_bytes=None)
        if known is not None:
            asked, text = replace(asked, now=known.now), known.part.text
        else:
            text = quoted_name(scan.table)
            if scan.since is not None:
                text += f"\n| where TimeGenerated >= datetime({instant(scan.since)})"
            if scan.until is not None:
                text += f"\n| where TimeGenerated <= datetime({instant(scan.until)})"
        # Where only the number of rows counts, any column does.
        columns = tuple(scan.columns) or (self.table(workspace, scan.table) or ())[:1]
        text += f"\n| project {', '.join(quoted_name(c.name) for c in columns)}"
        if (workspace, text) not in self._kept:
            self._kept[workspace, text] = self._fetched(workspace, replace(asked, text=text), columns)
        return held_reading(*self._kept[workspace, text], scan)

    def _fetched(
        self, workspace: str, asked: Asked, columns: tuple[Column, ...]
    ) -> tuple[KeptRows, tuple[Column, ...]]:
        left = self.deadline - monotonic()
        if left <= 0:
            raise TimedOut(TOO_LONG)
        # One more than is allowed tells whether there are more.
        text = f"{asked.text}\n| take {MOST_ROWS + 1}"
        found = self.remote.ask(workspace, replace(asked, text=text, timeout=timedelta(seconds=left)))
        if len(found) != 1:
            raise Invalid(f"a part of the query has {len(found)} results in `{workspace}`, which is not supported")
        (given,) = found
        if given.cut is not None:
            raise given.cut
        if given.rows.num_rows > MOST_ROWS:
            raise LimitExceeded(
                f"the part of the query that `{workspace}` answers has more than {MOST_ROWS} rows: let it have fewer "
                "by `where`, `summarize` or `take` right behind its table"
            )
        if [(c.name, c.type) for c in given.columns] != [(c.name, c.type) for c in columns]:
            raise Invalid(
                f"the tables of `{workspace}` have changed since they were read: "
                f"`huntlake workspace refresh {workspace}` reads them again"
            )
        return KeptRows(self.engine, f"remote {uuid.uuid4()}", given.rows), columns


@dataclass(frozen=True)
class _Known:
    part: Part
    columns: tuple[Column, ...]
    now: datetime
