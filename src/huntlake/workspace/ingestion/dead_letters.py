"""Rows that didn't fit, kept with the reason, so that they can be mended and brought again."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Self
from uuid import uuid4

import orjson

from huntlake.lake.forms import TIME, Form, StoredColumn
from huntlake.lake.names import table_folder, workspace_folder
from huntlake.lake.sources import Reject

if TYPE_CHECKING:
    import pyarrow as pa


LETTERS = "HuntlakeDeadLetters"
"""The table of rows that didn't fit, in the workspace that they came to."""

LETTER_COLUMNS = (
    StoredColumn(TIME, Form.INSTANT),
    StoredColumn("Table", Form.TEXT),
    StoredColumn("Reason", Form.TEXT),
    StoredColumn("Source", Form.TEXT),
    StoredColumn("Line", Form.BIGINT),
    StoredColumn("Text", Form.TEXT),
)

_AT_ONCE = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Letter:
    """A row that didn't fit."""

    arrived: datetime
    table: str
    """The table that it was meant for."""
    source: str
    reject: Reject


def as_rows(letters: Sequence[Letter]) -> pa.Table:
    """Letters as rows of their table."""
    import pyarrow as pa

    return pa.table(
        {
            TIME: pa.array([one.arrived for one in letters], pa.timestamp("us", tz="UTC")),
            "Table": pa.array([one.table for one in letters], pa.string()),
            "Reason": pa.array([one.reject.reason for one in letters], pa.string()),
            "Source": pa.array([one.source for one in letters], pa.string()),
            "Line": pa.array([one.reject.line for one in letters], pa.int64()),
            "Text": pa.array([one.reject.text for one in letters], pa.string()),
        }
    )


@dataclass
class DeadLetters:
    """A file of JSON lines `{"reason", "source", "line", "text"}`, made when the first row doesn't fit.

    If the load fails before it has `landed`, it is removed: all of the source is still to be brought.
    """

    root: Path
    workspace: str
    table: str
    started: datetime
    count: int = 0
    landed: bool = False
    """Whether the rows that did fit may be in the table."""
    _path: Path | None = field(default=None, repr=False)
    _file: IO[bytes] | None = field(default=None, repr=False)

    @property
    def path(self) -> Path | None:
        """The file; None as long as every row has fitted."""
        return self._path

    def keep(self, source: str, rejects: Iterable[Reject]) -> None:
        """Add rows that didn't fit."""
        for reject in rejects:
            letter = {"reason": reject.reason, "source": source, "line": reject.line, "text": reject.text}
            self._opened().write(orjson.dumps(letter, option=orjson.OPT_APPEND_NEWLINE))
            self.count += 1

    def flush(self) -> None:
        """Have the disk keep them."""
        if self._file:
            self._file.flush()
            os.fsync(self._file.fileno())

    def letters(self) -> Iterator[list[Letter]]:
        """What the file holds, some at a time; it must be flushed before."""
        if self._path is None:
            return
        found: list[Letter] = []
        size = 0
        with self._path.open("rb") as file:
            for line in file:
                one = orjson.loads(line)
                reject = Reject(one["line"], one["reason"], one["text"])
                found.append(Letter(self.started, self.table, one["source"], reject))
                size += len(line)
                if size >= _AT_ONCE:
                    yield found
                    found, size = [], 0
        if found:
            yield found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._file:
            self._file.close()
        if kind is not None and self._path and not self.landed:
            self._path.unlink(missing_ok=True)

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            folder = self.root / workspace_folder(self.workspace) / table_folder(self.table)
            folder.mkdir(parents=True, exist_ok=True)
            self._path = folder / f"{self.started:%Y%m%dT%H%M%SZ}-{uuid4().hex[:8]}.jsonl"
            # Logs hold secrets now and then; those that didn't fit more than others.
            self._file = os.fdopen(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        return self._file
