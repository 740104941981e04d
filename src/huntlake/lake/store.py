"""The lake: tables by workspace and name."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from threading import Lock
from uuid import uuid4

from huntlake.core.errors import DomainError
from huntlake.lake.index.terms import Clause
from huntlake.lake.log.forgotten import forget, forgotten, last_numbers
from huntlake.lake.names import table_folder, workspace_folder
from huntlake.lake.snapshot import Snapshot
from huntlake.lake.table import LakeTable
from huntlake.lake.writing import flush

_DROPPED = ".dropped"
"""A folder that no workspace can have: what is dropped goes there for the moment that it takes to delete it."""

_LOCK = ".lock"
"""A file in it: whoever commits shares it, and who drops has it alone."""


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
                self._tables[key] = LakeTable(self.root / key[0] / key[1], self._keeping, self._drops)
            return self._tables[key]

    def clear(self, workspace: str, table: str) -> None:
        """Take every row away that was acknowledged before, at once: those in files, and those in any writer's log.

        :raises NotFound: there is no such table
        """
        self.table(workspace, table).clear(last_numbers(self.root))

    def drop(self, workspace: str, table: str) -> bool:
        """Remove a table and its rows, those in any writer's log too; False where there is none.

        A crash leaves it as it was, or without a row, or removes it. What queries and loads of it are under way fail.
        """
        from deltalake.exceptions import DeltaError

        key = workspace_folder(workspace), table_folder(table)
        folder, gone = self.root / key[0] / key[1], self.root / _DROPPED
        if not (folder / "_delta_log").is_dir():
            return False
        # All rows first, in one step: removing it is several. One that is damaged has to go, too.
        with suppress(DeltaError, DomainError):
            self.clear(*key)
        with self._keeping(alone=True), self._lock:
            self._tables.pop(key, None)
            if not (folder / "_delta_log").is_dir():
                return False
            forget(self.root, *key)
            folder.rename(gone / uuid4().hex)
            flush([folder.parent, gone], self.root)
            # What a crash leaves here goes with the next table.
            for old in gone.iterdir():
                if old.name != _LOCK:
                    shutil.rmtree(old, ignore_errors=True)
        return True

    def tables(self, workspace: str) -> list[str]:
        """The names of the tables of a workspace that lie on disk, in alphabetical order."""
        folder = self.root / workspace_folder(workspace)
        if not folder.is_dir():
            return []
        return sorted(f.name for f in folder.iterdir() if (f / "_delta_log").is_dir())

    def exists(self, workspace: str, table: str) -> bool:
        """Whether a table lies on disk; cheap enough to ask for thousands of names."""
        return os.path.isdir(os.path.join(self.root, workspace_folder(workspace), table_folder(table), "_delta_log"))

    def snapshot(
        self,
        workspace: str,
        table: str,
        since: datetime | None = None,
        until: datetime | None = None,
        clauses: Sequence[Clause] = (),
        writers: Iterable[str] = (),
    ) -> Snapshot:
        """The files of a table that may hold an answer: see `LakeTable.snapshot`.

        Of the logs of `writers` it tells what the files hold, or no table of that name gets any more.
        """
        there, asked = self.table(workspace, table), tuple(writers)
        before = self._forgotten(workspace, table, asked)
        while True:
            found = there.snapshot(since, until, clauses, asked)
            # If the table was dropped meanwhile, only one of both may have seen it.
            after = self._forgotten(workspace, table, asked)
            if after == before:
                return replace(found, holds=_most(found.holds, after)) if after else found
            before = after

    def holds(self, workspace: str, table: str, writer: str) -> int:
        """Up to which number of a writer's log a table holds the rows, or doesn't get them any more."""
        held = {writer: self.table(workspace, table).holds(writer)}
        return _most(held, self._forgotten(workspace, table, (writer,)))[writer]

    def _forgotten(self, workspace: str, table: str, writers: Sequence[str]) -> dict[str, int]:
        return forgotten(self.root, workspace_folder(workspace), table_folder(table), writers) if writers else {}

    @contextmanager
    def _keeping(self, *, alone: bool = False) -> Iterator[None]:
        """Have tables stay where they are as long as the block lasts; `alone` keeps others from relying on it."""
        folder = self.root / _DROPPED
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            yield
        finally:
            os.close(descriptor)

    def _drops(self) -> int:
        """Another number after each drop, of whatever process."""
        try:
            return os.stat(os.path.join(self.root, _DROPPED)).st_mtime_ns
        except FileNotFoundError:
            return 0


def _most(*held: Mapping[str, int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in held:
        for writer, number in one.items():
            found[writer] = max(number, found.get(writer, 0))
    return found
