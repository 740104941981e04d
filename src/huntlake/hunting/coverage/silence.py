"""How long tables are silent, beside how long they usually are: what sees nothing finds nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import DomainError
from huntlake.hunting.coverage.stock import LOOKS_BACK
from huntlake.workspace.query import Queries, QueryOptions
from huntlake.workspace.results import Result
from huntlake.workspace.workspaces import Workspace

_HOUR = timedelta(hours=1)
_TIMEOUT = timedelta(seconds=20)


@dataclass(frozen=True)
class Silences:
    """Asks the tables themselves."""

    queries: Queries

    def silent(
        self, workspace: Workspace, tables: Sequence[str], until: datetime
    ) -> Sequence[tuple[str, timedelta, timedelta]]:
        """Table, time without rows before `until`, and the longest such time within the week before.

        A table that has no rows in that week is silent for all of it, and one that can't be asked isn't told of: the
        query over it fails by itself.
        """
        found = []
        for table in tables:
            try:
                hours = self._hours(workspace, table, until)
            except (DomainError, SourceError):
                continue
            if not hours:
                found.append((table, LOOKS_BACK, timedelta()))
                continue
            gaps = [after - before - _HOUR for before, after in pairwise(hours)]
            found.append((table, max(timedelta(), until - hours[-1] - _HOUR), max(gaps, default=timedelta())))
        return found

    def _hours(self, workspace: Workspace, table: str, until: datetime) -> list[datetime]:
        """The hours of the last week that have rows, in order."""
        options = QueryOptions(
            timeout=_TIMEOUT, now=until, time_column="TimeGenerated", since=until - LOOKS_BACK, until=until
        )
        text = f"['{table}'] | summarize by Hour = bin(TimeGenerated, 1h) | sort by Hour asc"
        rows = Result.of(self.queries.run(workspace, text, options).tables[0]).to_dicts()
        return [row["Hour"] for row in rows]
