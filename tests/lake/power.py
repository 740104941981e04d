"""A power cut: what the disk has been told to keep, and nothing else, is there afterwards."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


class Disk:
    """The files below a folder as they would be found after a power cut at this moment."""

    def __init__(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        self.root = root
        self._names: dict[Path, set[str]] = {}
        """For each folder what lay in it when it was last synced."""
        self._bytes: dict[tuple[int, int], bytes] = {}
        """For each file, whatever its name is now, what was in it then."""
        real, real_data = os.fsync, os.fdatasync

        def fsync(descriptor: int) -> None:
            real(descriptor)
            self._synced(descriptor)

        def fdatasync(descriptor: int) -> None:
            real_data(descriptor)
            self._synced(descriptor)

        patch.setattr(os, "fsync", fsync)
        patch.setattr(os, "fdatasync", fdatasync)

    def image(self, target: Path) -> Path:
        """Copy what the disk has kept; a file that was never synced is there, if its name is, and empty."""
        self._copy(self.root, target)
        return target

    def _copy(self, source: Path, target: Path) -> None:
        target.mkdir(parents=True)
        for name in self._names.get(source, ()):
            path = source / name
            if path.is_dir():
                self._copy(path, target / name)
            elif path.exists():
                (target / name).write_bytes(self._bytes.get(_identity(path), b""))

    def _synced(self, descriptor: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        if path.is_dir():
            self._names[path] = set(os.listdir(path))
        else:
            self._bytes[_identity(path)] = path.read_bytes()


def _identity(path: Path) -> tuple[int, int]:
    about = path.stat()
    return about.st_dev, about.st_ino
