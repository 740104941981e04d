"""Archives, unpacked within limits: a small file can hold more than a disk."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from huntlake.core.errors import Invalid, LimitExceeded

MOST_MEMBERS = 10_000

_PIECE = 1 << 20
_BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,
    NotImplementedError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Member:
    """A file out of an archive: the name that it had there, and where it lies now."""

    name: str
    path: Path


def is_archive(path: Path) -> bool:
    """Whether a file is one that `unpack` opens, by its first bytes."""
    with path.open("rb") as file:
        head = file.read(512)
    return head.startswith((b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0")) or head[257:262] == b"ustar"


def unpack(path: Path, name: str, folder: Path, most_bytes: int) -> list[Member]:
    """The files of an archive, in `folder`, under names of ours: what an archive calls them is no path to write to.

    Links, devices and folders are left out.

    :raises LimitExceeded: it holds more than `most_bytes`, or too many files
    :raises Invalid: it can't be read
    """
    room = _Room(folder, most_bytes)
    try:
        if zipfile.is_zipfile(path):
            _unzip(path, room)
        elif _is_tar(path):
            _untar(path, room)
        else:
            opener = next(o for magic, o in _STREAMS if _begins(path, magic))
            with opener(path) as stream:
                room.take(name.removesuffix(".gz").removesuffix(".bz2").removesuffix(".xz"), stream)
    except (LimitExceeded, Invalid):
        raise
    except _BROKEN as error:
        raise Invalid(f"the archive can't be unpacked: {error}") from error
    return room.members


class _Room:
    def __init__(self, folder: Path, most_bytes: int) -> None:
        self.members: list[Member] = []
        self._folder = folder
        self._left = most_bytes
        self._most = most_bytes

    def take(self, name: str, stream: IO[bytes]) -> None:
        if len(self.members) >= MOST_MEMBERS:
            raise LimitExceeded(f"the archive holds more than {MOST_MEMBERS:,} files")
        target = self._folder / f"{len(self.members):05}"
        with target.open("xb") as file:
            # What the archive says of sizes is not asked: it may lie.
            while piece := stream.read(_PIECE):
                self._left -= len(piece)
                if self._left < 0:
                    raise LimitExceeded(f"the archive holds more than {self._most:,} bytes")
                file.write(piece)
        self.members.append(Member(name, target))


def _unzip(path: Path, room: _Room) -> None:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            if info.flag_bits & 1:
                raise Invalid(f"`{info.filename}` in the archive is encrypted, which is not supported")
            with archive.open(info) as stream:
                room.take(info.filename, stream)


def _untar(path: Path, room: _Room) -> None:
    with tarfile.open(path) as archive:
        for info in archive:
            if info.isreg() and (stream := archive.extractfile(info)):
                with stream:
                    room.take(info.name, stream)


def _is_tar(path: Path) -> bool:
    try:
        return tarfile.is_tarfile(path)
    except _BROKEN:
        return False


def _begins(path: Path, magic: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(magic)) == magic


def _gunzip(path: Path) -> IO[bytes]:
    return gzip.open(path, "rb")  # type: ignore[return-value]


def _bunzip(path: Path) -> IO[bytes]:
    return bz2.open(path, "rb")


def _unxz(path: Path) -> IO[bytes]:
    return lzma.open(path, "rb")


_STREAMS: tuple[tuple[bytes, Callable[[Path], IO[bytes]]], ...] = (
    (b"\x1f\x8b", _gunzip),
    (b"BZh", _bunzip),
    (b"\xfd7zXZ\0", _unxz),
)
