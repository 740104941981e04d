"""Files that the table no longer has, deleted: replaced or aged ones, and what crashes have left."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote

from huntlake.lake.index.sidecar import SUFFIX
from huntlake.lake.maintenance.lock import alone
from huntlake.lake.table import LakeTable

GRACE = timedelta(hours=24)
"""How long a file stays that no query begun from now on reads. A load writes its first file so long before its end."""

_PARQUET = ".parquet"
_UNFINISHED = (f"{SUFFIX}.partial", ".tmp")


@dataclass(frozen=True, slots=True)
class Vacuumed:
    """What was deleted, or would be."""

    files: int = 0
    bytes: int = 0


def vacuum(table: LakeTable, grace: timedelta = GRACE, *, dry: bool = False) -> Vacuumed:
    """Delete data files and sidecars that the table hasn't had for the time of `grace`; `dry` only counts them.

    What runs longer than that, a query or a load, may miss its files. Nothing else in the folder is touched.
    """
    if not table.exists:
        return Vacuumed()
    with alone(table.folder):
        gone = list(deletable(table, grace))
        size = 0
        for path in gone:
            try:
                size += path.stat().st_size
                if not dry:
                    path.unlink()
            except FileNotFoundError:
                continue
    return Vacuumed(len(gone), size)


def deletable(table: LakeTable, grace: timedelta) -> Iterator[Path]:
    """The files that `vacuum` deletes."""
    before = time.time() - grace.total_seconds()
    # First the folder, then the log: what is committed in between is in the log, and what is written later is new.
    there = list(_files(table.folder))
    kept = _removed_since(table.folder, before) | {
        f.path.relative_to(table.folder).as_posix() for f in table.snapshot().files
    }
    for path in there:
        name = path.relative_to(table.folder).as_posix()
        try:
            if name.removesuffix(SUFFIX) not in kept and path.stat().st_mtime < before:
                yield path
        except FileNotFoundError:
            continue


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        own = path.name.endswith((_PARQUET, _PARQUET + SUFFIX, *_UNFINISHED))
        if own and path.relative_to(folder).parts[0] != "_delta_log" and path.is_file():
            yield path


def _removed_since(folder: Path, moment: float) -> set[str]:
    """The files that commits took away since then: a file's own age doesn't tell when it went out of use."""
    found = set()
    for entry in (folder / "_delta_log").glob("*.json"):
        try:
            if entry.stat().st_mtime < moment:
                continue
            lines = entry.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            continue
        for line in lines:
            if '"remove"' in line and (removed := json.loads(line).get("remove")):
                found.add(unquote(removed["path"]))
    return found
