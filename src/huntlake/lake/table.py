"""One Delta table: its columns, its files, and rows that are added to it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

from huntlake.core.errors import Conflict, Invalid, NotFound
from huntlake.lake import paths as hot
from huntlake.lake.forms import DAY, TIME, Form, StoredColumn
from huntlake.lake.index.shelf import Shelf
from huntlake.lake.index.terms import Clause
from huntlake.lake.paths import HotPath
from huntlake.lake.snapshot import NOTHING, DataFile, Files, Snapshot, whole_day
from huntlake.lake.writing import WrittenFile, discard, flush, held_columns, held_paths, write, write_in_order

if TYPE_CHECKING:
    import duckdb
    from deltalake import DeltaTable

T = TypeVar("T")

_FORM = "huntlake.form"
_DECLARED = "huntlake.declared"
_FOLDER = "huntlake.folder"
_NOTE = "huntlake.note."
_INDEX, _WITHOUT, _WITH = "huntlake.index", "off", "on"
_ATTEMPTS = 30
_UNSURE = 20
_ENTRY, _SUMMARY = "{:020d}.json", "{:020d}.checkpoint.parquet"
_BY_DELTA = {
    "boolean": Form.BOOLEAN,
    "byte": Form.INTEGER,
    "short": Form.INTEGER,
    "integer": Form.INTEGER,
    "long": Form.BIGINT,
    "float": Form.DOUBLE,
    "double": Form.DOUBLE,
    "string": Form.TEXT,
    "timestamp": Form.INSTANT,
}


@dataclass(frozen=True, slots=True)
class About:
    """What a person has said of a table.

    A `declared` table has the columns that someone listed, in that order, and gets no other by being filled.
    """

    declared: bool = False
    description: str = ""
    folder: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)
    """What those above the lake keep beside the table."""


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
    _place: tuple[int, int] | None = field(default=None, repr=False)
    """Which folder `_handle` has read."""
    _kept: tuple[tuple[int, int] | None, int] = field(default=(None, -1), repr=False)
    """Up to which version the disk has the log, as far as is known, and of which folder."""
    _state: _State | None = field(default=None, repr=False)
    _seen: int = field(default=-1, repr=False)
    """When the log's folder was last changed before `_state` was read, in nanoseconds."""
    _foreign: dict[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    _lists: dict[str, tuple[HotPath, ...]] = field(default_factory=dict, repr=False)
    """The lists of hot paths of files, by their digests."""
    _known: dict[str, DataFile] = field(default_factory=dict, repr=False)
    """The files of `_state`, by what the log calls them."""
    _prefixes: tuple[tuple[StoredColumn, ...], dict[int, tuple[str, ...]]] = field(
        default_factory=lambda: ((), {}), repr=False
    )
    _shelf: Shelf = field(default_factory=Shelf, repr=False)

    @cached_property
    def _log(self) -> str:
        # Every query looks at it several times, of every table: as a `Path`, that is a tenth of a quick answer.
        return str(self.folder / "_delta_log")

    @property
    def exists(self) -> bool:
        """Whether anything was ever written here."""
        return (self.folder / "_delta_log").is_dir() and self._current() is not None

    def place(self) -> tuple[int, int]:
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
            said = {_INDEX: _WITH if wanted else _WITHOUT}
            self._durably(lambda handle: handle.alter.set_table_properties(said, raise_if_not_exists=False))

    def declare(self, columns: Sequence[StoredColumn], description: str = "", folder: str = "") -> bool:
        """Make the table, empty, with exactly `columns`; False where it is there already, and stays as it is."""
        _not_the_day(columns)
        with self._lock:
            if (self.folder / "_delta_log").is_dir():
                return False
            about = {_DECLARED: "true", _FOLDER: folder}
            return self._create(columns, [c.name for c in columns], description, about)

    def describe(
        self, description: str | None = None, folder: str | None = None, notes: Mapping[str, str] | None = None
    ) -> None:
        """Say something else of the table; None leaves what is said, and so do `notes` what they don't name."""
        said = {_NOTE + name: text for name, text in (notes or {}).items()}
        if folder is not None:
            said[_FOLDER] = folder
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

        _not_the_day(columns)

        def act(handle: DeltaTable) -> None:
            if handle.file_uris():
                raise Conflict(f"`{self.folder.name}` has rows: taking a column away, or its type, would lose them")
            partition = list(handle.metadata().partition_columns)
            fields = [_delta_field(c) for c in columns]
            fields += [_delta_day()] if partition else []
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
        if entries[1]:
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
        place: tuple[int, int] | None = None,
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
        _not_the_day(columns)
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
        fields = [_delta_field(by_name[name]) for name in order]
        if timed:
            fields.append(_delta_day())
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
                flush([self.folder / "_delta_log" / _ENTRY.format(0)], self.folder.parent.parent)
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
        known = {c.name.lower(): c for c in _columns(handle)}
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
            handle.alter.add_columns([_delta_field(c) for c in fresh])
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

    def _entries(self, before: int) -> tuple[tuple[int, int], range]:
        """The place, and the versions there that the disk may not have yet, after a commit that began at one."""
        # Those of others, too: behind a hole in the log nothing could be read.
        version = self._fresh().version()
        assert self._place is not None
        place, kept = self._kept
        first = kept if place == self._place else max(before - _UNSURE, -1)
        return self._place, range(min(first, before) + 1, version + 1)

    def _flush_log(self, entries: tuple[tuple[int, int], range]) -> None:
        """Have the disk keep these entries of the log, and what summaries of it there are."""
        place, versions = entries
        # A summary of the log that the disk has but in part would keep the table from being opened.
        log = self.folder / "_delta_log"
        names = [_ENTRY.format(v) for v in versions] + [_SUMMARY.format(v) for v in versions] + ["_last_checkpoint"]
        for attempt in range(_ATTEMPTS):
            try:
                flush([path for name in names if (path := log / name).exists()], self.folder)
                break
            except FileNotFoundError:
                # Dropped since, or an entry was cleaned up: what is gone needn't be kept.
                if attempt == _ATTEMPTS - 1:
                    raise
            if not log.is_dir():
                break
        with self._lock:
            known = self._kept[1] if self._kept[0] == place else -1
            if place == self._place:
                self._kept = place, max(known, versions.stop - 1)

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
            self._handle, self._state, self._known = None, None, {}
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
                _check_readable(handle, self.folder.name)
                columns = _columns(handle)
                if self._state is not None and self._state.columns == columns:
                    columns = self._state.columns
                said = handle.metadata().configuration
                paths = hot.possible(hot.read(said.get(hot.KEY) or "[]"), columns)
                indexed = said.get(_INDEX) != _WITHOUT
                files = self._files(handle, columns)
                self._state = _State(handle.version(), columns, files, _about(handle), paths, indexed)
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
            return same and not os.path.exists(os.path.join(self._log, _ENTRY.format(version + 1)))
        except FileNotFoundError:
            return False

    def _files(self, handle: DeltaTable, columns: tuple[StoredColumn, ...]) -> Files:
        import pyarrow as pa

        actions = pa.table(handle.get_add_actions(flatten=True))
        # A commit says little that is new: of a thousand days of files, all but a few are as they were.
        known = self._known if self._state is not None and self._state.columns is columns else {}
        paths = actions.column("path").to_pylist()
        fresh = [i for i, path in enumerate(paths) if path not in known]
        wanted = ["path", "size_bytes", "num_records", f"partition.{DAY}", f"min.{TIME}", f"max.{TIME}"]
        rows = (
            actions.select([n for n in wanted if n in actions.column_names])
            .take(pa.array(fresh, pa.int64()))
            .to_pylist()
        )
        made = {row["path"]: self._file(row, columns) for row in rows}
        self._known = {path: known.get(path) or made[path] for path in paths}
        return Files(self._known.values())

    def _file(self, said: Mapping[str, Any], columns: tuple[StoredColumn, ...]) -> DataFile:
        """A file, from what the log says of it."""
        path = unquote(said["path"])
        count = held_columns(path)
        held = self._footer(path) if count is None else self._prefix(columns, count)
        day = said.get(f"partition.{DAY}")
        start, end = whole_day(day) if day else (None, None)
        low, high = _naive(said.get(f"min.{TIME}")) or start, _naive(said.get(f"max.{TIME}")) or end
        if count is None and high is not None and high != end:
            # Others keep milliseconds, and cut off the rest.
            high += timedelta(milliseconds=1)
        size, rows, foreign = said["size_bytes"], said["num_records"] or 0, count is None
        paths = self._paths(path)
        return DataFile(self.folder / path, rows, size, low, high, held, foreign=foreign, day=day, hot=paths)

    def _paths(self, path: str) -> tuple[HotPath, ...]:
        """The hot paths that a file of ours keeps; none where that can't be read, for then they aren't needed."""
        said = held_paths(path)
        if said is None:
            return ()
        if said not in self._lists:
            try:
                self._lists[said] = hot.of_file(self.folder / path, said)
            except (OSError, ValueError):
                return ()
        return self._lists[said]

    def _prefix(self, columns: tuple[StoredColumn, ...], count: int) -> tuple[str, ...]:
        """The names of the first `count` columns; the same object for all files that hold them."""
        if self._prefixes[0] is not columns:
            self._prefixes = columns, {}
        return self._prefixes[1].setdefault(count, tuple(c.name for c in columns[:count]))

    def _footer(self, path: str) -> tuple[str, ...]:
        """The columns of a file that another engine wrote."""
        if path not in self._foreign:
            import pyarrow.parquet as pq

            self._foreign[path] = tuple(pq.read_schema(self.folder / path).names)
        return self._foreign[path]


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


def _about(handle: DeltaTable) -> About:
    metadata = handle.metadata()
    said = metadata.configuration
    notes = {name.removeprefix(_NOTE): text for name, text in said.items() if name.startswith(_NOTE) and text}
    return About(said.get(_DECLARED) == "true", metadata.description or "", said.get(_FOLDER) or "", notes)


def _not_the_day(columns: Sequence[StoredColumn]) -> None:
    if any(c.name.lower() == DAY.lower() for c in columns):
        raise Invalid(f"a column can't be named `{DAY}`: the lake keeps the day of each row under that name")


_UNREAD = {"deletionVectors": "rows deleted beside the files", "columnMapping": "columns by other names in the files"}


def _check_readable(handle: DeltaTable, name: str) -> None:
    # The files are read as they are: what a feature says of them beside would be passed over.
    features = {str(f) for f in handle.protocol().reader_features or ()}
    for feature, what in _UNREAD.items():
        if feature in features:
            raise Invalid(f"the table `{name}` has {what} (Delta's `{feature}`), which is not supported")


def _columns(handle: DeltaTable) -> tuple[StoredColumn, ...]:
    columns = []
    for f in handle.schema().fields:
        if f.name == DAY:
            continue
        kind = str(json.loads(f.type.to_json())) if not hasattr(f.type, "type") else str(f.type.type)
        said = f.metadata.get(_FORM)
        form = Form(said) if said else _BY_DELTA.get(kind, Form.DECIMAL if kind.startswith("decimal") else Form.TEXT)
        columns.append(StoredColumn(f.name, form))
    return tuple(columns)


def _delta_field(column: StoredColumn) -> Any:
    from deltalake import Field
    from deltalake.schema import PrimitiveType

    return Field(column.name, PrimitiveType(column.form.delta), metadata={_FORM: column.form.value})


def _delta_day() -> Any:
    from deltalake import Field
    from deltalake.schema import PrimitiveType

    return Field(DAY, PrimitiveType("date"))


def _naive(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=None) if moment else None
