"""Whose folder of the log is whose: a writer holds a lock on its folder as long as its process lives."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

FOLDER = "_log"
"""The folder of the log in the root of a lake: no workspace's name begins with a `_`."""

DAMAGED = "damaged"
"""The folder in it of segments that can't be read to their end."""

_LOCK = "lock"
_NEW = ".new-"
_WRITER = re.compile(r"[0-9a-f]{32}")
_LITTER = 3600.0


@dataclass(frozen=True, slots=True)
class Owned:
    """A writer's folder that this process holds."""

    folder: Path
    _descriptor: int

    @property
    def writer(self) -> str:
        """The writer's id, the same in every commit that holds its rows."""
        return self.folder.name

    def release(self) -> None:
        """Leave the folder to whoever wants it."""
        os.close(self._descriptor)

    def remove(self) -> None:
        """Delete the folder: all of it is in the tables."""
        gone = self.folder.with_name(f"{_NEW}{uuid4().hex}")
        self.folder.rename(gone)
        synced(gone.parent)
        shutil.rmtree(gone, ignore_errors=True)
        self.release()


def new_owner(root: Path) -> Owned:
    """A folder for a new writer."""
    log = root / FOLDER
    log.mkdir(parents=True, exist_ok=True)
    writer = uuid4().hex
    # Under another name until the lock is held: it would be taken for a dead writer's.
    hidden = log / f"{_NEW}{writer}"
    hidden.mkdir()
    descriptor = os.open(hidden / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    hidden.rename(log / writer)
    synced(log)
    synced(root)
    return Owned(log / writer, descriptor)


def writers(root: Path) -> tuple[Path, ...]:
    """The folders of all writers, dead or alive.

    A copy of one under another name is none: its batches are those of the writer that it is a copy of.
    """
    try:
        names = sorted(filter(_WRITER.fullmatch, os.listdir(root / FOLDER)))
    except FileNotFoundError:
        return ()
    return tuple(root / FOLDER / name for name in names)


def abandoned(root: Path) -> Iterator[Owned]:
    """The folders whose writers are dead, each taken into possession."""
    _clean(root)
    for folder in writers(root):
        try:
            descriptor = os.open(folder / _LOCK, os.O_RDWR)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Someone may have taken it over, and removed it, since it was listed.
            mine = os.stat(folder / _LOCK).st_ino == os.fstat(descriptor).st_ino
        except (BlockingIOError, FileNotFoundError):
            mine = False
        if mine:
            yield Owned(folder, descriptor)
        else:
            os.close(descriptor)


def _clean(root: Path) -> None:
    """Delete what was left by processes that ended while they made or removed a folder."""
    try:
        names = [n for n in os.listdir(root / FOLDER) if n.startswith(_NEW)]
    except FileNotFoundError:
        return
    for name in names:
        folder = root / FOLDER / name
        try:
            if time.time() - folder.stat().st_mtime > _LITTER:
                shutil.rmtree(folder, ignore_errors=True)
        except FileNotFoundError:
            continue


def set_aside(owned: Owned, segment: Path) -> Path:
    """Move a segment that can't be read to its end out of a writer's folder; where it lies now."""
    folder = owned.folder.parent / DAMAGED
    folder.mkdir(exist_ok=True)
    kept = folder / f"{owned.writer}-{segment.name}"
    segment.rename(kept)
    synced(folder)
    synced(owned.folder)
    return kept


def synced(folder: Path) -> None:
    """Have the disk keep the names in a folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
