"""One Delta table: its columns, its files, and rows that are added to it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

from huntlake.core.errors import Conflict, Invalid, NotFound
from huntlake.lake import paths as hot
from huntlake.lake.durability import Durability, Entries, Place, entry
from huntlake.lake.files import FileReader
from huntlake.lake.forms import DAY, TIME, StoredColumn
from huntlake.lake.index.shelf import Shelf
from huntlake.lake.index.terms import Clause
from huntlake.lake.metadata import (
    DECLARED,
    FOLDER,
    NOTE,
    About,
    about_of,
    check_names,
    check_readable,
    columns_of,
    day_field,
    field_of,
    index_said,
    is_indexed,
    paths_of,
)
from huntlake.lake.paths import HotPath
from huntlake.lake.snapshot import NOTHING, DataFile, Files, Snapshot
from huntlake.lake.writing import WrittenFile, discard, flush, write, write_in_order

if TYPE_CHECKING:
    import duckdb
    from deltalake import DeltaTable

T = TypeVar("T")

_ATTEMPTS = 30


@dataclass(frozen=True, slots=True)
class _State:
    """What one version of the log says, read once."""

    version: int
    columns: tuple[StoredColumn, ...]
    files: Files
    about: About
    hot: tuple[HotPath, ...]
    indexed: bool


@dataclass
class LakeTable:
    """A table in one folder. Threads may share it; other processes may append to the same folder."""

    folder: Path
    keeping: Callable[[], AbstractContextManager[None]] = field(default=nullcontext, repr=False)
    """What keeps the folder where it is as long as a commit lasts."""
    replaced: Callable[[], int] = field(default=lambda: 0, repr=False)
    """Another number whenever another table may have taken the folder's place."""

    _lock: RLock = field(default_factory=RLock, repr=False)
    _handle: DeltaTable | None = field(default=None, repr=False)
    _place: Place | None = field(default=None, repr=False)
    """Which folder `_handle` has read."""
    _state: _State | None = field(default=None, repr=False)
    _seen: int = field(default=-1, repr=False)
    """When the log's folder was last changed before `_state` was read, in nanoseconds."""
    _shelf: Shelf = field(default_factory=Shelf, repr=False)

    def __post_init__(self) -> None:
        self._reader = FileReader(self.folder)
        self._durability = Durability(self.folder)

    @cached_property
    def _log(self) -> str:
        # Every query looks at it several times, of every table: as a `Path`, that is a tenth of a quick answer.
        return str(self.folder / "_delta_log")

    @property
    def exists(self) -> bool:
        """Whether anything was ever written here."""
        return (self.folder / "_delta_log").is_dir() and self._current() is not None

    def place(self) -> Place:
        """What tells one folder from another that has had its name."""
        # The file system gives a number again that is free; the count tells that it may have.
        count = self.replaced()
        try:
            return os.stat(self._log).st_ino, count
        except FileNotFoundError:
            return 0, count

    def columns(self) -> tuple[StoredColumn, ...]:
        """The columns, in the order in which files hold them; none where the table doesn't exist."""
        state = self._current()
        return state.columns if state else ()

    def about(self) -> About:
        """What has been said of the table; nothing where it doesn't exist."""
        state = self._current()
        return state.about if state else About()

    def hot_paths(self) -> tuple[HotPath, ...]:
        """The paths into columns of JSON that every file written from now on keeps beside."""
        state = self._current()
        return state.hot if state else ()

    def keep_paths(self, paths: Iterable[HotPath]) -> None:
        """Let files that are written from now on keep these beside, and no other. Those that are there stay."""
        wanted = tuple(sorted(set(paths)))
        if len(wanted) > hot.MOST:
            raise Invalid(f"a table can have {hot.MOST} hot paths, not {len(wanted)}")
        if lost := set(wanted).difference(hot.possible(wanted, self.columns())):
            raise Invalid(f"`{self.folder.name}` has no column of JSON that is named `{min(lost).column}`")
        if wanted != self.hot_paths():
            said = {hot.KEY: hot.written(wanted)}
            self._durably(lambda handle: handle.alter.set_table_properties(said, raise_if_not_exists=False))

    @property
    def indexed(self) -> bool:
        """Whether files get a term index, and are asked by it; they do unless someone said otherwise."""
        state = self._current()
        return state.indexed if state else True

    def keep_index(self, wanted: bool) -> None:
        """Say whether files that are written from now on get a term index. Those that are there stay as they are."""
        if wanted != self.indexed:
            said = index_said(wanted)
            self._durably(lambda handle: handle.alter.set_table_properties(said, raise_if_not_exists=False))

    def declare(self, columns: Sequence[StoredColumn], description: str = "", folder: str = "") -> bool:
        """Make the table, empty, with exactly `columns`; False where it is there already, and stays as it is."""
        check_names(columns)
        with self._lock:
            if (self.folder / "_delta_log").is_dir():
                return False
            about = {DECLARED: "true", FOLDER: folder}
            return self._create(columns, [c.name for c in columns], description, about)

    def describe(
        self, description: str | None = None, folder: str | None = None, notes: Mapping[str, str] | None = None
    ) -> None:
        """Say something else of the table; None leaves what is said, and so do `notes` what they don't name."""
        said = {NOTE + name: text for name, text in (notes or {}).items()}
        if folder is not None:
            said[FOLDER] = folder
        if said:
            self._durably(lambda handle: handle.alter.set_table_properties(said, raise_if_not_exists=False))
        if description is not None:
            self._durably(lambda handle: handle.alter.set_table_description(description))

    def add_columns(self, columns: Sequence[StoredColumn]) -> None:
        """Make columns known; the rows that are there have nothing in them. `Conflict` for one of another type."""
        self._ensure(columns)

    def redefine(self, columns: Sequence[StoredColumn]) -> None:
        """Let the table have exactly `columns`. `Conflict` where it has rows: what they hold would be lost."""
        from deltalake import Schema

        check_names(columns)

        def act(handle: DeltaTable) -> None:
            if handle.file_uris():
                raise Conflict(f"`{self.folder.name}` has rows: taking a column away, or its type, would lose them")
            partition = list(handle.metadata().partition_columns)
            fields = [field_of(c) for c in columns]
            fields += [day_field()] if partition else []
            handle.create_write_transaction([], "overwrite", Schema(fields), partition)

        if bool(self._partitioned()) != any(c.name == TIME for c in columns):
            raise Conflict(f"`{TIME}` orders the rows of a table: it can't come or go once the table is there")
        self._durably(act)

    def clear(self, holds: Mapping[str, int] | None = None) -> None:
        """Take every row away, at once, and up to the numbers in `holds` those in writers' logs.

        Queries that run already still read them.
        """
        self.commit([], replacing=True, holds=holds)

    def snapshot(
        self,
        since: datetime | None = None,
        until: datetime | None = None,
        clauses: Sequence[Clause] = (),
        writers: Iterable[str] = (),
    ) -> Snapshot:
        """The files, and of those that have an index the rows, that may hold an answer.

        That is rows of `since <= TimeGenerated <= until` (UTC) that fit every clause. Of the logs of `writers` it tells
        what the files hold.
        """
        state, holds = self._holding(tuple(writers))
        if state is None:
            return NOTHING
        files = self._shelf.narrowed(state.files.within(since, until), clauses if state.indexed else ())
        columns = tuple((c.name, c.form.sql) for c in state.columns)
        return Snapshot(state.version, files, columns, holds, state.files.size)

    def held(self, files: Sequence[DataFile], clause: Clause) -> frozenset[tuple[str, ...]]:
        """The needles of a clause that some row of the files may hold, of those rows that are read of them."""
        return self._shelf.held(files, clause)

    def holds(self, writer: str) -> int:
        """Up to which number of a writer's log the table holds the rows; 0 where it holds none.

        Whoever lets go of rows because the table holds them has it `secure` first.
        """
        return self._holding((writer,))[1].get(writer, 0)

    def secure(self) -> None:
        """Have the disk keep what the table says now: who committed it may have died before. Nothing if it isn't."""
        with self._lock:
            if not self.exists:
                return
            entries = self._entries(self._fresh().version())
        if entries.versions:
            self._flush_log(entries)

    def add_actions(self) -> list[dict[str, Any]]:
        """What the log says of each file: `path`, `size_bytes`, `num_records`, `min.<column>` and their kin."""
        import pyarrow as pa

        with self._lock:
            found: list[dict[str, Any]] = pa.table(self._fresh().get_add_actions(flatten=True)).to_pylist()
        return [{**action, "path": unquote(action["path"])} for action in found]

    def append(self, connection: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[StoredColumn]) -> int:
        """Write and commit the rows of `relation`, which has `columns` in their staged forms; how many they were."""
        files = self.write(connection, relation, columns)
        self.commit(files)
        return sum(f.rows for f in files)

    def write(
        self, connection: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[StoredColumn]
    ) -> list[WrittenFile]:
        """Write the rows of `relation` into files that `commit` makes part of the table; make new columns known."""
        schema, partitioned = self._ensure(columns)
        return write(
            connection, relation, columns, schema, self.folder, partitioned, self.hot_paths(), indexed=self.indexed
        )

    def write_in_order(
        self, connection: duckdb.DuckDBPyConnection, rows: str, columns: Sequence[StoredColumn]
    ) -> WrittenFile | None:
        """Write the rows of a SELECT as `write` does, in one pass; None, and nothing is written, where it takes more.

        It takes more where they are of several days, or not in the order of time.
        """
        schema, partitioned = self._ensure(columns)
        return write_in_order(
            connection, rows, columns, schema, self.folder, partitioned, self.hot_paths(), indexed=self.indexed
        )

    def commit(
        self,
        files: Sequence[WrittenFile],
        *,
        replacing: bool = False,
        holds: Mapping[str, int] | None = None,
        held: Mapping[str, int] | None = None,
        place: Place | None = None,
    ) -> None:
        """Make `files` part of the table, all of them or none. When this returns, the disk has them.

        With `replacing` they take the place of all rows that are there, in the same step. `holds` says up to which
        number of which writers' logs the table then holds the rows; `held` and `place` what it held, and where it was,
        when the rows of `files` were chosen.

        :raises Conflict: that is otherwise by now, or the table was dropped meanwhile; nothing is done
        """
        if not files and not replacing and not holds:
            return
        from deltalake import CommitProperties, Transaction

        def act(handle: DeltaTable) -> None:
            now = {writer: handle.transaction_version(writer) or 0 for writer in {**(holds or {}), **(held or {})}}
            if any(now[writer] != number for writer, number in (held or {}).items()):
                raise Conflict(f"`{self.folder.name}` holds other rows of the log than it did")
            moved = place is not None and place != self.place()
            if moved or not all((self.folder / f.path).exists() for f in files):
                raise Conflict(f"`{self.folder.name}` was dropped while rows for it were written")
            known = [Transaction(w, max(n, now[w])) for w, n in (holds or {}).items() if n > now[w] or not replacing]
            partition = list(handle.metadata().partition_columns)
            actions = [_added(f, bool(partition), data_change=True) for f in files]
            # Tried again by itself, what replaces rows would leave those that came meanwhile.
            properties = CommitProperties(app_transactions=known or None, max_commit_retries=0 if replacing else None)
            mode = "overwrite" if replacing else "append"
            handle.create_write_transaction(actions, mode, handle.schema(), partition, commit_properties=properties)

        self._durably(act)

    def exchange(self, old: Sequence[DataFile], new: Sequence[WrittenFile], *, same_rows: bool) -> bool:
        """Put `new` in the place of `old`, in one step; False, and nothing is done, if one of `old` is gone by now.

        With `same_rows` the commit says that no row has changed: who follows the table's changes passes over it.
        """
        import pyarrow as pa
        from deltalake import CommitProperties
        from deltalake.transaction import RemoveAction

        now = int(time.time() * 1000)

        def act(handle: DeltaTable) -> bool:
            there = set(map(unquote, pa.table(handle.get_add_actions(flatten=True)).column("path").to_pylist()))
            paths = [f.path.relative_to(self.folder).as_posix() for f in old]
            if not there.issuperset(paths) or not all((self.folder / f.path).exists() for f in new):
                return False
            partition = list(handle.metadata().partition_columns)
            removed = [
                RemoveAction(
                    path=path,
                    data_change=not same_rows,
                    deletion_timestamp=now,
                    size=f.bytes,
                    partition_values={DAY: f.day.isoformat() if f.day else None} if partition else {},
                )
                for path, f in zip(paths, old, strict=True)
            ]
            added = [_added(f, bool(partition), data_change=not same_rows) for f in new]
            # delta-rs, trying again by itself, takes away a file that another took away before: rows would double.
            once = CommitProperties(max_commit_retries=0)
            handle.create_write_transaction(
                [*removed, *added], "append", handle.schema(), partition, commit_properties=once
            )
            return True

        return self._durably(act)

    def discard(self, files: Iterable[WrittenFile]) -> None:
        """Remove files that were written and shall not be committed."""
        discard(files, self.folder)

    def _ensure(self, columns: Sequence[StoredColumn]) -> tuple[tuple[StoredColumn, ...], bool]:
        """The table's columns, those of `columns` among them, and whether it is partitioned by day."""
        check_names(columns)
        with self._lock:
            if not (self.folder / "_delta_log").is_dir():
                # The time comes first: other engines keep statistics of the first 32 columns only.
                self._create(columns, sorted((c.name for c in columns), key=lambda name: name != TIME))
            before = self._fresh().version()
            entries = self._entries(before) if self._retrying(lambda handle: self._add(handle, columns)) else None
            state = self._current()
            assert state is not None
            found = state.columns, bool(self._fresh().metadata().partition_columns)
        if entries is not None:
            self._flush_log(entries)
        return found

    def _create(
        self,
        columns: Sequence[StoredColumn],
        order: Sequence[str],
        description: str = "",
        properties: Mapping[str, str] | None = None,
    ) -> bool:
        from deltalake import DeltaTable, Schema
        from deltalake.exceptions import DeltaError

        by_name = {c.name: c for c in columns}
        timed = TIME in by_name
        fields = [field_of(by_name[name]) for name in order]
        if timed:
            fields.append(day_field())
        try:
            with self.keeping():
                self.folder.mkdir(parents=True, exist_ok=True)
                DeltaTable.create(
                    self.folder,
                    Schema(fields),
                    mode="error",
                    partition_by=[DAY] if timed else None,
                    description=description or None,
                    configuration=properties or {},
                    raise_if_key_not_exists=False,
                )
                flush([self.folder / "_delta_log" / entry(0)], self.folder.parent.parent)
        except DeltaError:
            # Another writer was quicker; its table will do. If it is something else, let it be known.
            if not (self.folder / "_delta_log").is_dir():
                raise
            return False
        return True

    def _partitioned(self) -> bool:
        with self._lock:
            return bool(self._fresh().metadata().partition_columns)

    def _add(self, handle: DeltaTable, columns: Sequence[StoredColumn]) -> bool:
        known = {c.name.lower(): c for c in columns_of(handle)}
        fresh = []
        for column in columns:
            old = known.get(column.name.lower())
            if old is None:
                fresh.append(column)
                known[column.name.lower()] = column
            elif old.form is not column.form:
                raise Conflict(
                    f"the column `{old.name}` of `{self.folder.name}` holds {old.form.value}, not {column.form.value}"
                )
        if fresh:
            handle.alter.add_columns([field_of(c) for c in fresh])
        return bool(fresh)

    def _durably(self, act: Callable[[DeltaTable], T]) -> T:
        """Do something at the newest version; when this returns, the disk has the entries of the log."""
        with self._lock:
            before = self._fresh().version()
            done = self._retrying(act)
            entries = self._entries(before)
        # A disk may take its time: meanwhile others read, and commit.
        self._flush_log(entries)
        return done

    def _entries(self, before: int) -> Entries:
        """The entries of the log that the disk may not have yet, after a commit that began at a version."""
        version = self._fresh().version()
        assert self._place is not None
        return self._durability.pending(self._place, before, version)

    def _flush_log(self, entries: Entries) -> None:
        """Have the disk keep these entries of the log."""
        self._durability.flush(entries)
        with self._lock:
            if entries.place == self._place:
                self._durability.note(entries)

    def _retrying(self, act: Callable[[DeltaTable], T]) -> T:
        """Do something at the newest version; once more if another writer has changed the table meanwhile."""
        from deltalake.exceptions import CommitFailedError, TableNotFoundError

        for attempt in range(_ATTEMPTS):
            try:
                with self.keeping():
                    return act(self._fresh())
            except (CommitFailedError, TableNotFoundError):
                # The log's folder is there a moment before its first entry.
                if attempt == _ATTEMPTS - 1:
                    raise
                time.sleep(0.002 * attempt)
        raise AssertionError

    def _fresh(self) -> DeltaTable:
        """The handle, at the newest version."""
        from deltalake.exceptions import DeltaError

        try:
            return self._opened()
        except DeltaError:
            # Dropped while it was read, the table is told of as if its files were damaged.
            if os.path.isdir(self._log):
                raise
            raise self._nowhere() from None

    def _opened(self) -> DeltaTable:
        place = self.place()
        if self._handle is None or place != self._place:
            from deltalake import DeltaTable

            if not os.path.isdir(self._log):
                raise self._nowhere()
            # Where another table stands now, nothing holds that was known of the one before.
            self._handle, self._state = None, None
            self._reader.forget()
            self._handle, self._place = DeltaTable(self.folder), place
        else:
            self._handle.update_incremental()
        return self._handle

    def _nowhere(self) -> NotFound:
        return NotFound(f"no table is named `{self.folder.name}`")

    def _current(self) -> _State | None:
        with self._lock:
            if not os.path.isdir(self._log):
                return None
            if self._state is not None and self._is_newest(self._state.version):
                return self._state
            from deltalake.exceptions import TableNotFoundError

            try:
                self._seen = (self.folder / "_delta_log").stat().st_mtime_ns
                handle = self._fresh()
            except (FileNotFoundError, NotFound, TableNotFoundError):
                return None
            if self._state is None or self._state.version != handle.version():
                check_readable(handle, self.folder.name)
                columns = columns_of(handle)
                if self._state is not None and self._state.columns == columns:
                    columns = self._state.columns
                said, files = handle.metadata(), self._reader.read(handle, columns)
                paths, indexed = paths_of(said, columns), is_indexed(said)
                self._state = _State(handle.version(), columns, files, about_of(said), paths, indexed)
            return self._state

    def _holding(self, writers: Sequence[str]) -> tuple[_State | None, dict[str, int]]:
        """What the newest version says, and what that very version holds of the logs of `writers`."""
        with self._lock:
            state = self._current()
            while state is not None and writers:
                assert self._handle is not None
                if self._handle.version() == state.version:
                    return state, {w: self._handle.transaction_version(w) or 0 for w in writers}
                self._seen = -1
                state = self._current()
            return state, {}

    def _is_newest(self, version: int) -> bool:
        """Whether nobody has committed since that version was read: two looks at the folder, where Delta reads it."""
        try:
            # A clock that ticks slowly hides a commit, and cleaning up can take the next entry away: but not both.
            same = os.stat(self._log).st_mtime_ns == self._seen and self.place() == self._place
            return same and not os.path.exists(os.path.join(self._log, entry(version + 1)))
        except FileNotFoundError:
            return False


def _added(file: WrittenFile, partitioned: bool, *, data_change: bool) -> Any:
    from deltalake.transaction import AddAction

    return AddAction(
        path=file.path,
        size=file.bytes,
        partition_values={DAY: file.day.isoformat() if file.day else None} if partitioned else {},
        modification_time=int(time.time() * 1000),
        data_change=data_change,
        stats=json.dumps(file.statistics),
    )
