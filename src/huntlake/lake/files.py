"""The files of a table, from what its log says of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from huntlake.lake import paths as hot
from huntlake.lake.forms import DAY, TIME, StoredColumn
from huntlake.lake.paths import HotPath
from huntlake.lake.snapshot import DataFile, Files, whole_day
from huntlake.lake.writing import held_columns, held_paths

if TYPE_CHECKING:
    from deltalake import DeltaTable


@dataclass
class FileReader:
    """Reads what a log says of files. What it has read of one version it needn't read of the next."""

    folder: Path
    _columns: tuple[StoredColumn, ...] | None = None
    """Those of the table when it was last read."""
    _known: dict[str, DataFile] = field(default_factory=dict)
    """The files then, by what the log calls them."""
    _foreign: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _lists: dict[str, tuple[HotPath, ...]] = field(default_factory=dict)
    """The lists of hot paths of files, by their digests."""
    _prefixes: tuple[tuple[StoredColumn, ...], dict[int, tuple[str, ...]]] = field(default_factory=lambda: ((), {}))

    def forget(self) -> None:
        """Know no file any more: another table stands in the folder."""
        self._columns, self._known = None, {}

    def read(self, handle: DeltaTable, columns: tuple[StoredColumn, ...]) -> Files:
        """The files at the version that `handle` has; `columns` are the same object as long as they are the same."""
        import pyarrow as pa

        actions = pa.table(handle.get_add_actions(flatten=True))
        # A commit says little that is new: of a thousand days of files, all but a few are as they were.
        known = self._known if self._columns is columns else {}
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
        self._columns = columns
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
        paths = self.hot_paths(path)
        return DataFile(self.folder / path, rows, size, low, high, held, foreign=foreign, day=day, hot=paths)

    def hot_paths(self, path: str) -> tuple[HotPath, ...]:
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


def _naive(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=None) if moment else None
