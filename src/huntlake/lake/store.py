"""The lake: tables by workspace and name."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Lock
from uuid import uuid4

from huntlake.lake.index.terms import Clause
from huntlake.lake.names import table_folder, workspace_folder
from huntlake.lake.snapshot import Snapshot
from huntlake.lake.table import LakeTable
from huntlake.lake.writing import flush

_DROPPED = ".dropped"
"""A folder that no workspace can have: what is dropped goes there for the moment that it takes to delete it."""


@dataclass
class Lake:
    """Every table under one folder, `<root>/<workspace>/<table>/`."""

    root: Path
    scratch: Path | None = None
    """Where work in progress may spill to; beside the root where nothing is said."""

    _tables: dict[tuple[str, str], LakeTable] = field(default_factory=dict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    @property
    def working_folder(self) -> Path:
        """A folder for files that live as long as one piece of work; made when asked for."""
        folder = self.scratch or self.root.parent / "tmp"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def table(self, workspace: str, table: str) -> LakeTable:
        """The table of that name, whether or not anything was written to it yet."""
        key = workspace_folder(workspace), table_folder(table)
        with self._lock:
            if key not in self._tables:
                self._tables[key] = LakeTable(self.root / key[0] / key[1])
            return self._tables[key]

    def drop(self, workspace: str, table: str) -> bool:
        """Remove a table and its rows; False where there is none.

        It is gone at once, or not at all. What queries and loads of it are under way fail.
        """
        key = workspace_folder(workspace), table_folder(table)
        folder, gone = self.root / key[0] / key[1], self.root / _DROPPED
        with self._lock:
            if not (folder / "_delta_log").is_dir():
                return False
            gone.mkdir(exist_ok=True)
            folder.rename(gone / uuid4().hex)
            self._tables.pop(key, None)
        flush([folder.parent], folder.parent)
        # What a crash leaves here goes with the next table.
        shutil.rmtree(gone, ignore_errors=True)
        return True

    def tables(self, workspace: str) -> list[str]:
        """The names of the tables of a workspace that lie on disk, in alphabetical order."""
        folder = self.root / workspace_folder(workspace)
        if not folder.is_dir():
            return []
        return sorted(f.name for f in folder.iterdir() if (f / "_delta_log").is_dir())

    def exists(self, workspace: str, table: str) -> bool:
        """Whether a table lies on disk; cheap enough to ask for thousands of names."""
        return (self.root / workspace_folder(workspace) / table_folder(table) / "_delta_log").is_dir()

    def snapshot(
        self,
        workspace: str,
        table: str,
        since: datetime | None = None,
        until: datetime | None = None,
        clauses: Sequence[Clause] = (),
        writers: Iterable[str] = (),
    ) -> Snapshot:
        """The files of a table that may hold an answer: see `LakeTable.snapshot`."""
        return self.table(workspace, table).snapshot(since, until, clauses, writers)
