"""What the tools read, within a budget of rows, bytes and time."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import lru_cache
from typing import Any

import orjson

from huntlake.core.diagnostics import did_you_mean
from huntlake.core.errors import Invalid, NotFound
from huntlake.engines.cancellation import Cancellation
from huntlake.kql.types import Column
from huntlake.mcp.services import Caller, Services
from huntlake.workspace.activity import Asked
from huntlake.workspace.query import Explanation, QueryOptions
from huntlake.workspace.table_search import Described, Found, KnownQuestion, TableSearch
from huntlake.workspace.workspaces import Workspace

_SEARCHES = 8
"""For how many workspaces, as they are at one time, the index over their tables is kept."""


@dataclass(frozen=True)
class Budget:
    """What one call may take: a model reads its answer word by word."""

    rows: int = 1_000
    bytes: int = 256 * 1024
    seconds: float = 60.0


@dataclass(frozen=True)
class Rows:
    """Rows that a query gave, those that the budget allows."""

    columns: tuple[Column, ...]
    rows: list[list[Any]]
    cut: str
    """Why there may be more rows; empty where there are none."""


@dataclass(frozen=True)
class Reader:
    """Answers questions of a caller about the workspaces that they may read."""

    services: Services
    budget: Budget = field(default_factory=Budget)

    def ask(
        self,
        caller: Caller,
        workspace: Workspace,
        text: str,
        *,
        rows: int | None = None,
        parameters: Mapping[str, object] | None = None,
        cancellation: Cancellation | None = None,
    ) -> Rows:
        """The rows of the one table that `text` answers with."""
        if text.lstrip().startswith("."):
            raise Invalid("a management command is not supported here: this tool takes queries only")
        options = replace(self._options(rows), parameters=parameters or {})
        began = self.services.clock.now()
        id = f"mcp;{uuid.uuid4()}"
        asked = Asked(id, str(uuid.uuid4()), text, workspace.name, caller.id, "mcp", began, cancellation=cancellation)
        with self.services.activity.running(asked) as progress:
            answer = self.services.queries.run(workspace, text, options, cancellation, workspaces=caller.named)
            if len(answer.tables) != 1:
                raise Invalid(f"the text has {len(answer.tables)} results; ask for them one by one")
            table = answer.tables[0]
            found = [row for chunk in table.json_rows() for row in orjson.loads(b"[" + chunk + b"]")]
            progress.rows, progress.bytes = table.row_count, table.byte_count
            return Rows(table.columns, found, str(table.truncated_by or ""))

    def explain(self, caller: Caller, workspace: Workspace, text: str) -> Sequence[Explanation]:
        """What each table of the answer would read, and how; nothing is run."""
        return self.services.queries.explain(workspace, text, self._options(None), workspaces=caller.named)

    def find_tables(self, workspace: Workspace, question: str, most: int) -> list[Found]:
        """The tables that may answer a question, the likeliest first."""
        schema = self.services.queries.visible(workspace)
        filled = frozenset(schema.tables_with_rows())
        names = frozenset(schema.table_names())
        described = tuple(self._described(workspace, name, filled) for name in sorted(names | filled))
        return _search(described, self.services.known_questions.votes(workspace, names)).find(question, most)

    def describe(self, workspace: Workspace, name: str) -> tuple[Described, tuple[Column, ...]]:
        """A table, and its columns with their types."""
        schema = self.services.queries.visible(workspace)
        columns = schema.table(name)
        if columns is None:
            hint = did_you_mean(name, schema.table_names())
            raise NotFound(f"no table is named `{name}`" + (f": {hint}" if hint else ""))
        return self._described(workspace, name, frozenset(schema.tables_with_rows())), columns

    def filled(self, workspace: Workspace) -> list[str]:
        """The names of the tables that have rows."""
        return sorted(self.services.queries.visible(workspace).tables_with_rows())

    def _described(self, workspace: Workspace, name: str, filled: frozenset[str]) -> Described:
        # Of a table that has rows the workspace knows all columns; of the others the catalogue's suffice.
        known = None if name in filled else self.services.catalogue.table(name)
        columns = known.columns if known else self.services.queries.visible(workspace).table(name) or ()
        return Described(
            name, self.services.catalogue.description(name), tuple(c.name for c in columns), name in filled
        )

    def _options(self, rows: int | None) -> QueryOptions:
        most = self.budget.rows if rows is None else max(1, min(rows, self.budget.rows))
        return QueryOptions(timeout=timedelta(seconds=self.budget.seconds), max_rows=most, max_bytes=self.budget.bytes)


@lru_cache(maxsize=_SEARCHES)
def _search(tables: tuple[Described, ...], known: tuple[KnownQuestion, ...]) -> TableSearch:
    return TableSearch(tables, known)
