"""Tables of remote workspaces, in queries that are answered here: what such a query needs of them is fetched."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from time import monotonic

from huntlake.core.errors import Invalid, LimitExceeded
from huntlake.engines.duckdb.database import Database
from huntlake.engines.duckdb.sources import empty_sql
from huntlake.kql.plan import Path
from huntlake.kql.syntax.commands import quoted_name
from huntlake.kql.types import Column
from huntlake.workspace.remote.asking import Asked
from huntlake.workspace.remote.kusto import instant
from huntlake.workspace.remote.service import RemoteWorkspaces
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

    def knows(self, workspace: str) -> bool:
        """Whether the workspace is a remote one."""
        return self.remote.knows(workspace)

    def table(self, workspace: str, name: str) -> tuple[Column, ...] | None:
        return self.remote.table(workspace, name)

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
        """The columns that the query needs, of the rows that it looks at by their time."""
        if not self.fetch:
            return Reading(empty_sql(scan.columns, scan.sql_names))
        text = quoted_name(scan.table)
        if scan.since is not None:
            text += f"\n| where TimeGenerated >= datetime({instant(scan.since)})"
        if scan.until is not None:
            text += f"\n| where TimeGenerated <= datetime({instant(scan.until)})"
        if scan.columns:
            text += f"\n| project {', '.join(quoted_name(c.name) for c in scan.columns)}"
        # The bounds on time of the query stand in the scan already.
        plain = replace(self.asked, parameters={}, now=None, time_column="", since=None, until=None)
        return self.fetched(workspace, plain, text, scan.columns, scan)

    def fetched(self, workspace: str, asked: Asked, text: str, columns: Sequence[Column], scan: Scan) -> Reading:
        """The rows that `text` gives in a workspace, all of them; they have to have these `columns`."""
        if not self.fetch:
            return Reading(empty_sql(scan.columns, scan.sql_names))
        left = timedelta(seconds=max(1.0, self.deadline - monotonic()))
        # One more than is allowed tells whether there are more.
        found = self.remote.ask(workspace, replace(asked, text=f"{text}\n| take {MOST_ROWS + 1}", timeout=left))
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
        if columns and [(c.name, c.type) for c in given.columns] != [(c.name, c.type) for c in columns]:
            raise Invalid(
                f"the tables of `{workspace}` have changed since they were read: "
                f"`huntlake workspace refresh {workspace}` reads them again"
            )
        kept = KeptRows(self.engine, f"remote {uuid.uuid4()}", given.rows)
        return held_reading(kept, given.columns, scan)
