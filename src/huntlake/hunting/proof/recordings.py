"""Recorded data that a query must find something in, or must pass over: it runs over them alone, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import DomainError, Invalid, NotFound
from huntlake.detection.testing.cells import cell
from huntlake.detection.testing.recordings import recorded
from huntlake.detection.testing.tables import CatalogueTables, Events, TestTables
from huntlake.hunting.drafting.quoting import given
from huntlake.hunting.proof.content import Content
from huntlake.hunting.proof.finding import Check, Expectation
from huntlake.kql.types import Column, ScalarType
from huntlake.workspace.catalogue import Catalogue
from huntlake.workspace.query import Queries, QueryOptions
from huntlake.workspace.workspaces import Workspace

TIMES = ("TimeGenerated", "Timestamp")
_ENDINGS = (".jsonl", ".ndjson", ".json", ".csv", ".parquet")
_MOST_ROWS = 10_000
_TYPES = {bool: ScalarType.BOOL, int: ScalarType.LONG, float: ScalarType.REAL, dict: ScalarType.DYNAMIC}
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Recording:
    """Rows of tables by name, what a query must make of them, and the moment after their last."""

    name: str
    expectation: Expectation
    tables: Mapping[str, Events]
    until: datetime


def recording(path: Path, expectation: Expectation, catalogue: Catalogue | None = None, name: str = "") -> Recording:
    """The recording of a file, or of all files of a folder: each is named as its table, `SecurityEvent.jsonl`.

    `Invalid` for what can't be read, `NotFound` where nothing is there.
    """
    return of_rows(name or path.stem, expectation, rows_of(path), catalogue)


def rows_of(path: Path) -> dict[str, list[Mapping[str, Any]]]:
    """The rows of a file, or of all files of a folder, by the names of their tables.

    `Invalid` for what can't be read, `NotFound` where nothing is there.
    """
    files = sorted(f for f in path.iterdir() if f.suffix.lower() in _ENDINGS) if path.is_dir() else [path]
    if not files:
        raise NotFound(f"no recorded data are in {path}")
    return {f.name.removesuffix(f.suffix): recorded(f) for f in files}


def of_rows(
    name: str,
    expectation: Expectation,
    rows: Mapping[str, Sequence[Mapping[str, Any]]],
    catalogue: Catalogue | None = None,
) -> Recording:
    """A recording of rows as JSON has them, by table; `Invalid` for values that no column of the table can have."""
    catalogue = catalogue or Catalogue()
    tables = {table: _events(table, listed, catalogue) for table, listed in rows.items()}
    moments = [m for e in tables.values() for r in e.rows for n in TIMES if isinstance(m := r.get(n), datetime)]
    last = max(moments, default=datetime(2026, 1, 1))
    return Recording(name, expectation, tables, last.replace(tzinfo=UTC) + _MICROSECOND)


@dataclass(frozen=True)
class Checker:
    """Runs queries over recorded data, with the functions and watchlists of a workspace."""

    queries: Queries
    catalogue: Catalogue = field(default_factory=Catalogue)

    def check(self, workspace: Workspace, content: Content, recordings: Sequence[Recording]) -> tuple[Check, ...]:
        """What comes of each; a query that fails there has not passed, and has -1 rows."""
        if not recordings:
            return ()
        limits = content.limits
        with self.queries.confined(limits.memory_mib << 20, max(2, int(limits.seconds * 2))) as process:
            checks = []
            for one in recordings:
                tables = TestTables(CatalogueTables(self.catalogue), self.queries.engine)
                tables.hold(workspace.name, one.tables)
                # The moment is that of the recording: `ago(1d)` means its last day.
                options = QueryOptions(
                    timeout=timedelta(seconds=limits.seconds),
                    max_rows=_MOST_ROWS,
                    parameters=given(content.parameters),
                    now=one.until,
                )
                try:
                    answer = self.queries.instead(tables).run(workspace, content.query, options, within=process)
                    rows = sum(batch.num_rows for batch in answer.tables[0].arrow())
                except (SourceError, DomainError, OSError):
                    rows = -1
                must_hit = one.expectation is Expectation.MUST_HIT
                checks.append(Check(one.name, one.expectation, rows, rows > 0 if must_hit else rows == 0))
        return tuple(checks)


def _events(table: str, rows: Sequence[Mapping[str, Any]], catalogue: Catalogue) -> Events:
    known = catalogue.table(table)
    types = {c.name: c.type for c in known.columns} if known else {"TimeGenerated": ScalarType.DATETIME}
    for row in rows:
        for name, value in row.items():
            if value is not None:
                types.setdefault(name, _type(value))
    typed = []
    for number, row in enumerate(rows, 1):
        try:
            made = {n: cell(types[n], v, datetime(2026, 1, 1, tzinfo=UTC)) for n, v in row.items() if n in types}
        except Invalid as error:
            raise Invalid(f"row {number} recorded of `{table}`: {error}") from None
        said = next((made[n] for n in TIMES if made.get(n) is not None), None)
        for name in TIMES:
            if types.get(name) is ScalarType.DATETIME and made.get(name) is None:
                made[name] = said
        if types.get("Type") is ScalarType.STRING:
            made.setdefault("Type", table)
        typed.append(made)
    return Events(tuple(Column(n, t) for n, t in types.items()), tuple(typed))


def _type(value: Any) -> ScalarType:
    return _TYPES.get(type(value), ScalarType.DYNAMIC if isinstance(value, list) else ScalarType.STRING)
