"""Sidecars that are missing or damaged, built anew; those of a table without an index, deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from huntlake.lake.forms import StoredColumn
from huntlake.lake.index import sidecar
from huntlake.lake.index.building import block_of, build
from huntlake.lake.maintenance.lock import alone
from huntlake.lake.snapshot import DataFile
from huntlake.lake.table import LakeTable


@dataclass(frozen=True, slots=True)
class Indexed:
    """How many files there are, of how many the sidecar was built, and how many sidecars were deleted."""

    files: int = 0
    built: int = 0
    deleted: int = 0


def index(
    table: LakeTable,
    *,
    anew: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Indexed:
    """Build the sidecars that can't be used, or all of them `anew`. `progress` hears of bytes, of how many.

    Of a table that has no index those that are there are deleted: who reads a file never needs them.
    A process that has found none looks again after some seconds; one that has read a sidecar keeps to it.
    """
    if not table.exists:
        return Indexed()
    with alone(table.folder):
        files = table.snapshot().files
        if not table.indexed:
            return Indexed(len(files), deleted=_discard(files))
        wanted = [f for f in files if anew or fault(f) is not None]
        done, total, built = 0, sum(f.bytes for f in wanted), 0
        for file in wanted:
            if stopped():
                break
            progress(done, total)
            build(file.path, held(table, file))
            built, done = built + 1, done + file.bytes
        progress(done, total)
    return Indexed(len(files), built)


def _discard(files: Iterable[DataFile]) -> int:
    deleted = 0
    for file in files:
        with suppress(FileNotFoundError):
            sidecar.path_of(file.path).unlink()
            deleted += 1
    return deleted


def fault(file: DataFile) -> str | None:
    """Why the sidecar of a file is of no use; None where it is."""
    try:
        found = sidecar.read(file.path)
    except sidecar.Damaged as damage:
        return str(damage)
    if found is None:
        return "it is missing"
    if found.rows != file.rows:
        return f"it tells of {found.rows:,} rows, and the file has {file.rows:,}"
    block = block_of(file.rows)
    return None if found.block == block else f"its blocks have {found.block:,} rows, not {block:,}"


def held(table: LakeTable, file: DataFile) -> list[StoredColumn]:
    """The columns of the table that a file holds."""
    names = {n.lower() for n in file.columns}
    return [c for c in table.columns() if c.name.lower() in names]
