"""What was taken in: a record of every file, kept for good, and readable as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, cast
from uuid import uuid4

import orjson

from huntlake.engines.duckdb.database import Database
from huntlake.engines.duckdb.sources import memory_sql
from huntlake.kql.plan import Path
from huntlake.kql.types import Column, ScalarType
from huntlake.state.documents import Documents, Json, Shelf
from huntlake.workspace.table_sources import Demand, KeptRows, Reading, Scan

TABLE = "HuntlakeEvidence"

COLUMNS = (
    Column("TimeGenerated", ScalarType.DATETIME),
    Column("EvidenceId", ScalarType.STRING),
    Column("Path", ScalarType.STRING),
    Column("SHA256", ScalarType.STRING),
    Column("FileSize", ScalarType.LONG),
    Column("FileModified", ScalarType.DATETIME),
    Column("Container", ScalarType.STRING),
    Column("Status", ScalarType.STRING),
    Column("Reason", ScalarType.STRING),
    Column("Format", ScalarType.STRING),
    Column("Kinds", ScalarType.DYNAMIC),
    Column("RowsRead", ScalarType.LONG),
    Column("RowsMade", ScalarType.LONG),
    Column("RowsDead", ScalarType.LONG),
    Column("RowsByTable", ScalarType.DYNAMIC),
    Column("TimesCorrected", ScalarType.LONG),
    Column("TimesAssumed", ScalarType.LONG),
    Column("TimesMissing", ScalarType.LONG),
    Column("StartedAt", ScalarType.DATETIME),
    Column("EndedAt", ScalarType.DATETIME),
    Column("ImportedBy", ScalarType.STRING),
    Column("ToolVersion", ScalarType.STRING),
)
"""The columns of the table `HuntlakeEvidence`."""


@dataclass(slots=True)
class Evidence:
    """A file that was brought, and what became of it."""

    id: str
    path: str
    """Where it lay; within an archive the path of the archive, `!` and the name there."""
    sha256: str
    size: int
    modified: str
    started: str
    by: str
    version: str
    container: str = ""
    """The SHA-256 of the archive that it was in."""
    status: str = "started"
    """`imported`; `unpacked`, of an archive; `unknown`, of a form nobody reads; `failed`; `started` if it was never
    ended: some of its tables may have its rows then, those in `tables`, and the next import of it finishes it."""
    reason: str = ""
    format: str = ""
    kinds: dict[str, int] = field(default_factory=dict)
    read: int = 0
    """Pieces of the file: events, lines, objects."""
    made: int = 0
    """Rows that the events became; one event may be a row of several tables."""
    dead: int = 0
    """Pieces that were no event, and rows that no table took: the dead letters say why."""
    tables: dict[str, int] = field(default_factory=dict)
    """The rows that landed."""
    corrected: int = 0
    assumed: int = 0
    undated: int = 0
    ended: str = ""

    @property
    def unexplained(self) -> int:
        """Pieces and rows of which it isn't known what became of them: none, or the import has lost some."""
        return self.made + self.read - sum(self.kinds.values()) - sum(self.tables.values()) - self.dead


class Custody:
    """The records of every workspace."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def of(self, workspace: str) -> Documents[Evidence]:
        """The records of a workspace, by the file's SHA-256, a dot and the evidence's id."""
        return Documents(self._shelf, f"evidence/{workspace}", _encode, _decode)

    def keep(self, workspace: str, evidence: Evidence) -> None:
        """Write a record, or write it anew."""
        self.of(workspace).put(f"{evidence.sha256}.{evidence.id}", evidence)

    def taken(self, workspace: str) -> dict[str, Evidence]:
        """By their SHA-256, files whose rows are in tables."""
        return {one.sha256: one for one in self._all(workspace) if one.status in ("imported", "unpacked")}

    def unfinished(self, workspace: str) -> dict[str, Evidence]:
        """By their SHA-256, files that may be in some of their tables, and are not in all."""
        kept = self._all(workspace)
        return {one.sha256: one for one in kept if one.status == "started" or (one.status == "failed" and one.tables)}

    def _all(self, workspace: str) -> Iterable[Evidence]:
        return (document.value for document in self.of(workspace).list())


@dataclass(frozen=True)
class EvidenceTable:
    """The records as queries see them."""

    custody: Custody
    database: Database

    def table(self, workspace: str, name: str) -> tuple[Column, ...] | None:
        return COLUMNS if name == TABLE else None

    def names(self, workspace: str) -> tuple[str, ...]:
        return (TABLE,) if self.names_with_rows(workspace) else ()

    def names_with_rows(self, workspace: str) -> tuple[str, ...]:
        return (TABLE,) if self.custody.of(workspace).names() else ()

    def known_empty(self, workspace: str, name: str) -> bool:
        return False

    def look(self, workspace: str, demand: Demand) -> None:
        return None

    def hot_paths(self, workspace: str, name: str) -> frozenset[Path]:
        return frozenset()

    def read(self, workspace: str, scan: Scan) -> Reading:
        import pyarrow as pa

        rows = [_cells(document.value) for document in self.custody.of(workspace).list()]
        arrays = {c.name: pa.array([r[c.name] for r in rows], _arrow(c.type)) for c in COLUMNS}
        kept = KeptRows(self.database, f"evidence {uuid4()}", pa.table(arrays))
        return Reading(memory_sql(kept.name, scan.columns, scan.sql_names), held=kept)


def _cells(one: Evidence) -> dict[str, object]:
    return {
        "TimeGenerated": _moment(one.started),
        "EvidenceId": one.id,
        "Path": one.path,
        "SHA256": one.sha256,
        "FileSize": one.size,
        "FileModified": _moment(one.modified),
        "Container": one.container,
        "Status": one.status,
        "Reason": one.reason,
        "Format": one.format,
        "Kinds": orjson.dumps(one.kinds).decode(),
        "RowsRead": one.read,
        "RowsMade": one.made,
        "RowsDead": one.dead,
        "RowsByTable": orjson.dumps(one.tables).decode(),
        "TimesCorrected": one.corrected,
        "TimesAssumed": one.assumed,
        "TimesMissing": one.undated,
        "StartedAt": _moment(one.started),
        "EndedAt": _moment(one.ended),
        "ImportedBy": one.by,
        "ToolVersion": one.version,
    }


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None) if text else None


def _arrow(type: ScalarType) -> Any:
    import pyarrow as pa

    known = {ScalarType.LONG: pa.int64(), ScalarType.DATETIME: pa.timestamp("us")}
    return known.get(type, pa.string())


def _encode(evidence: Evidence) -> Json:
    return cast("Json", asdict(evidence))


def _decode(stored: Json) -> Evidence:
    return Evidence(**cast("Mapping[str, Any]", stored))
