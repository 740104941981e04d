"""The files that people bring: which format, which bytes."""

from __future__ import annotations

import csv
import gzip
import io
import json
import mmap
import os
import shutil
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import IO

from huntlake.core.errors import Invalid, NotFound

LONGEST = 16 * 1024 * 1024
"""Bytes of the longest event that is taken in."""

MOST_FIELDS = 2_000
"""Columns of the widest CSV that is taken in."""

_BLOCK = 64 * 1024 * 1024
_BEGIN = 1 << 20
_COUNTED = 1 << 18
_SHOWN = 64 * 1024
_HEAD = 1 << 20
_MEMBER = b"\x1f\x8b"


class Format(Enum):
    """What a file holds."""

    LINES = "json lines"
    ARRAY = "json array"
    DOCUMENT = "json document"
    """One JSON object after another, each over many lines; or one object that wraps an array of them."""
    CSV = "csv"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that did not fit: where it stood (1-based; None where nobody knows), why, and its text."""

    line: int | None
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read."""

    path: Path
    format: Format
    zipped: bool

    def open(self) -> IO[bytes]:
        """The file's bytes, unzipped."""
        return gzip.open(self.path, "rb") if self.zipped else self.path.open("rb")  # type: ignore[return-value]

    def plain(self, folder: Path) -> Path:
        """A path in `folder` to the unzipped file, whose name no pattern or suffix can mislead an engine with."""
        target = folder / f"source-{len(list(folder.iterdir()))}"
        if self.zipped:
            with self.open() as packed, target.open("wb") as unpacked:
                try:
                    shutil.copyfileobj(packed, unpacked, 1 << 20)
                except BROKEN as error:
                    raise Invalid(f"`{self.path.name}` can't be unzipped: {error}") from error
            return target
        target.symlink_to(self.path.resolve())
        return target


BROKEN = (EOFError, zlib.error, gzip.BadGzipFile, OSError)
"""What reading a damaged gzip stream raises."""


def detect(path: Path, format: str | None = None) -> Source:
    """Look at a file's first bytes. `format` is `json`, `csv` or `parquet` where the caller knows better.

    :raises NotFound: there is no such file
    :raises Invalid: it holds something that can't be read
    """
    if not path.is_file():
        raise NotFound(f"there is no file `{path}`")
    if format not in (None, "json", "csv", "parquet"):
        raise Invalid(f"the format `{format}` is not supported: json, csv and parquet are")
    with path.open("rb") as file:
        magic = file.read(4)
    zipped = magic[:2] == _MEMBER
    head = _head(path, zipped)
    if head[:4] == b"PAR1" or format == "parquet":
        if head[:4] != b"PAR1":
            raise Invalid(f"`{path.name}` is not a Parquet file")
        return Source(path, Format.PARQUET, zipped)
    if head[:4] == b"PK\x03\x04":
        raise Invalid(f"`{path.name}` is a zip archive, which is not supported: unpack it first")
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise Invalid(f"`{path.name}` is written in UTF-16, which is not supported: convert it to UTF-8 first")
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if format == "csv":
        return Source(path, Format.CSV, zipped)
    if text[:1] == b"[":
        return Source(path, Format.ARRAY, zipped)
    if text[:1] == b"{" or not text or format == "json":
        return Source(path, _objects(text), zipped)
    return Source(path, Format.CSV, zipped)


def _objects(text: bytes) -> Format:
    """Whether objects stand one on a line, or spread over many."""
    lines = [line for line in text.split(b"\n", 50) if line.strip()]
    for line in lines[:2]:
        # The second line begins an object of its own even if the first one is damaged.
        try:
            if isinstance(json.loads(line), dict):
                return Format.LINES
        except (ValueError, RecursionError):
            continue
    several = len(lines) > 1 and not lines[1].lstrip().startswith(b"{")
    endless = len(lines) == 1 and len(text) > _HEAD - 1024
    return Format.DOCUMENT if several or endless else Format.LINES


def _head(path: Path, zipped: bool) -> bytes:
    if not zipped:
        with path.open("rb") as file:
            return file.read(_HEAD)
    with gzip.open(path, "rb") as file:
        try:
            return file.read(_HEAD)
        except BROKEN:
            pass
    # What can be read of a damaged stream still tells its format.
    with path.open("rb") as file:
        try:
            return zlib.decompressobj(wbits=31).decompress(file.read(1 << 18), _HEAD)
        except zlib.error as error:
            raise Invalid(f"`{path.name}` can't be unzipped: {error}") from error


@dataclass
class LineBlock:
    """Some whole lines of a file, and what is known to be none. They are good until the next block is asked for."""

    first: int
    """The number of the first line."""
    buffer: bytes | bytearray
    start: int
    end: int
    """The lines are the bytes from `start` to `end` of `buffer`, with a line end between two of them."""
    rejects: list[Reject] = field(default_factory=list)
    read: int = 0
    """Bytes of the file, as it lies on disk, that have been read so far."""
    counted: int | None = None

    @property
    def count(self) -> int:
        """How many lines there are, blank ones among them."""
        if self.counted is None:
            self.counted = _line_ends(self.buffer, self.start, self.end) + 1 if self.end > self.start else 0
        return self.counted

    def split(self, longest: int = LONGEST) -> tuple[list[int] | range, list[bytes], list[Reject]]:
        """The lines that aren't blank, their numbers, and all that are none: what is longer than `longest`, too."""
        data = bytes(memoryview(self.buffer)[self.start : self.end])
        lines = data.split(b"\n") if data else []
        numbers = range(self.first, self.first + len(lines))
        if all(lines) and (not lines or max(map(len, lines)) <= longest):
            return numbers, lines, self.rejects
        kept: list[tuple[int, bytes]] = []
        rejects = []
        for number, line in zip(numbers, lines, strict=True):
            if len(line) > longest:
                rejects.append(_too_long(number, line, longest))
            elif line.strip():
                kept.append((number, line))
        return [n for n, _ in kept], [line for _, line in kept], [*rejects, *self.rejects]


def line_blocks(source: Source, block: int = _BLOCK, longest: int = LONGEST) -> Iterator[LineBlock]:
    """The lines of a file, in blocks of about `block` bytes.

    A line that is longer than `longest` is rejected without ever being held in memory; so is what a damaged gzip
    stream breaks off.
    """
    number = 1
    skipping = False
    # One buffer for all, no larger than what there is: to touch new memory costs more than to read a file.
    # One byte more than a file has tells its end.
    buffer, held = bytearray(min(block, _BEGIN if source.zipped else size(source.path) + 1)), 0
    with source.path.open("rb") as raw:
        stream: IO[bytes] = gzip.GzipFile(fileobj=raw) if source.zipped else raw  # type: ignore[assignment]
        while True:
            rejects: list[Reject] = []
            if held == len(buffer):
                buffer.extend(bytes(len(buffer)))
            begun, (held, error) = held > 0 or number > 1 or skipping, _fill(stream, buffer, held)
            while held == len(buffer) < block:
                buffer.extend(bytes(min(len(buffer), block - len(buffer))))
                held, error = _fill(stream, buffer, held)
            if error:
                why = f"the compressed stream is damaged, nothing after this was read: {error}"
                rejects.append(Reject(None, why, ""))
            ended = held < len(buffer) or error is not None
            at = 3 if not begun and buffer.startswith(b"\xef\xbb\xbf", 0, held) else 0
            if skipping:
                newline = buffer.find(b"\n", 0, held)
                if newline < 0 and not ended:
                    held = 0
                    continue
                at = newline + 1 if newline >= 0 else held
                skipping, number = False, number + 1
            if ended:
                end = held - buffer.endswith(b"\n", at, held)
            else:
                end = max(buffer.rfind(b"\n", at, held), at - 1)
            rest = end + 1
            lines = _line_ends(buffer, at, min(rest, held))
            # The last line of a file may have no end.
            counted = lines + (rest > held) if end > at else 0
            made = LineBlock(number, buffer, at, max(end, at), rejects, raw.tell(), counted)
            if held - rest > longest:
                rejects.append(_too_long(number + lines, bytes(buffer[rest : rest + _SHOWN]), longest))
                skipping = True
            if made.end > made.start or rejects:
                yield made
            if ended:
                return
            number += lines
            left = 0 if skipping else held - rest
            buffer[:left] = buffer[rest : rest + left]
            held = left


def _line_ends(buffer: bytes | bytearray, start: int, end: int) -> int:
    """How many line ends there are. The buffer's own way of counting takes three times as long."""
    import numpy as np

    given = np.frombuffer(buffer, np.uint8)
    return sum(
        int(np.count_nonzero(given[at : min(at + _COUNTED, end)] == ord("\n"))) for at in range(start, end, _COUNTED)
    )


def _fill(stream: IO[bytes], buffer: bytearray, held: int) -> tuple[int, Exception | None]:
    """Fill a buffer of which `held` bytes are full: how many are then, and what is wrong with what comes next."""
    with memoryview(buffer) as view:
        try:
            while held < len(view) and (read := stream.readinto1(view[held:])):  # type: ignore[attr-defined]
                held += read
        except BROKEN as error:
            return held, error
    return held, None


def _too_long(number: int, line: bytes, longest: int) -> Reject:
    return Reject(number, f"longer than {longest:,} bytes; only the beginning is kept here", shown(line[:_SHOWN]))


def shown(line: bytes) -> str:
    """A line as text, whatever its bytes."""
    return line.decode("utf-8", "backslashreplace")


def csv_header(source: Source) -> tuple[str, list[str]]:
    """The character between the fields of a CSV file, and the names in its first record.

    :raises Invalid: there is no header, or a name stands in it twice
    """
    head = _head(source.path, source.zipped).removeprefix(b"\xef\xbb\xbf")
    first = head.split(b"\n", 1)[0].decode("utf-8", "replace")
    delimiter = max(",;\t|", key=first.count)
    record = next(csv.reader(io.StringIO(head.decode("utf-8", "replace"), newline=""), delimiter=delimiter), [])
    names = [name.strip() for name in record]
    if not any(names) or "\x00" in first:
        raise Invalid(f"`{source.path.name}` is no JSON, CSV or Parquet that can be read: a CSV begins with its names")
    if len(names) > MOST_FIELDS:
        raise Invalid(f"`{source.path.name}` has {len(names):,} columns, more than {MOST_FIELDS:,} are not supported")
    lower = [name.lower() for name in names]
    for name in names:
        if lower.count(name.lower()) > 1:
            raise Invalid(f"the header of `{source.path.name}` names the column `{name}` twice")
    return delimiter, [name or f"column{i + 1}" for i, name in enumerate(names)]


def unclosed(path: Path, delimiter: str, rejected: int) -> str | None:
    """What follows a quote that is opened in a CSV file and never closed; None where there is none.

    `rejected` is the number of quotes in rows that are known not to fit. The engine drops such an end without a word.
    """
    with path.open("rb") as file:
        quotes = 0
        while block := file.read(1 << 20):
            quotes += block.count(b'"')
        if (quotes - rejected) % 2 == 0:
            return None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            last = data.rfind(b'"')
            tail = shown(data[data.rfind(b"\n", 0, last) + 1 :])
    try:
        # A lone quote inside a field, as in `5" disk`, is odd but closed.
        list(csv.reader(io.StringIO(tail, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        return tail
    return None


def size(path: Path) -> int:
    """Bytes on disk."""
    return os.stat(path).st_size
