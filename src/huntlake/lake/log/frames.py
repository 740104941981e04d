"""A batch as bytes, and bytes as batches."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from huntlake.lake.sources import Reject

_MAGIC = b"HLF1"
_PREFIX = struct.Struct("<4sQIII")
"""Magic, sequence number, length and checksum of the body, length of the head in it; a checksum of these follows."""
_CHECK = struct.Struct("<I")
_START = _PREFIX.size + _CHECK.size
_CODEC = "lz4"
"""It takes half of zstd's time, and what is written lies in the log for seconds."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A batch for one table that has no number yet. `lines` are JSON objects, one a line, no line end after the last.

    `rejects` are lines of the batch that are no JSON objects; they count besides `rows`.
    """

    workspace: str
    workspace_id: str
    table: str
    source: str
    rows: int
    arrived: datetime
    lines: bytes
    numbers: tuple[int, ...] | None = None
    """Where each line stood in the batch, from 1; None where that is 1, 2, 3 …"""
    rejects: tuple[Reject, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """The workspace and the table."""
        return self.workspace, self.table


@dataclass(frozen=True, slots=True)
class Frame:
    """A batch in the log of one writer."""

    sequence: int
    batch: Draft


@dataclass(frozen=True, slots=True)
class Scan:
    """What some bytes hold. `end` is where the whole frames end; `damage` the places that hold no frame, but should."""

    frames: tuple[Frame, ...]
    end: int
    damage: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Encoded:
    """A batch as bytes, but for its number."""

    head_length: int
    body: bytes

    def numbered(self, sequence: int) -> bytes:
        """The frame under a number."""
        prefix = _PREFIX.pack(_MAGIC, sequence, len(self.body), zlib.crc32(self.body), self.head_length)
        return prefix + _CHECK.pack(zlib.crc32(prefix)) + self.body


def encode(batch: Draft) -> Encoded:
    """A batch as bytes; the rows are compressed."""
    import pyarrow as pa

    head = orjson.dumps(
        {
            "workspace": batch.workspace,
            "id": batch.workspace_id,
            "table": batch.table,
            "source": batch.source,
            "rows": batch.rows,
            "arrived": batch.arrived.astimezone(UTC).isoformat(),
            "size": len(batch.lines),
            "codec": _CODEC,
            "numbers": batch.numbers,
            "rejects": [[r.line, r.reason, r.text] for r in batch.rejects],
        }
    )
    packed = pa.Codec(_CODEC).compress(batch.lines, asbytes=True) if batch.lines else b""
    return Encoded(len(head), head + packed)


def scan(data: bytes, *, live: bool = False) -> Scan:
    """The frames in `data`, from its beginning on.

    A frame that ends beyond the data was never acknowledged, and is left out. Of the log of someone who still writes
    (`live`) only what stands before the first such place is read, and nothing of it counts as damage.
    """
    frames: list[Frame] = []
    damage: list[tuple[int, int]] = []
    at = 0
    while True:
        found = _frame(data, at)
        if isinstance(found, tuple):
            frame, at = found
            frames.append(frame)
            continue
        if live or found == _TORN:
            return Scan(tuple(frames), at, tuple(damage))
        # Intact frames may follow: their checksums tell.
        following = _following(data, at + 1)
        damage.append((at, following))
        if following >= len(data):
            return Scan(tuple(frames), len(data), tuple(damage))
        at = following


_TORN, _DAMAGED = "torn", "damaged"


def _frame(data: bytes, at: int) -> tuple[Frame, int] | str:
    left = len(data) - at
    if left < _START or (not any(data[at : at + 4096]) and not any(data[at:])):
        return _TORN
    magic, sequence, length, checksum, head_length = _PREFIX.unpack_from(data, at)
    (check,) = _CHECK.unpack_from(data, at + _PREFIX.size)
    if magic != _MAGIC or check != zlib.crc32(data[at : at + _PREFIX.size]):
        return _DAMAGED
    end = at + _START + length
    if end > len(data):
        return _TORN
    body = data[at + _START : end]
    if zlib.crc32(body) != checksum:
        return _DAMAGED
    return Frame(sequence, _batch(body, head_length)), end


def _following(data: bytes, at: int) -> int:
    while (at := data.find(_MAGIC, at)) >= 0:
        if isinstance(_frame(data, at), tuple):
            return at
        at += 1
    return len(data)


def _batch(body: bytes, head_length: int) -> Draft:
    import pyarrow as pa

    head = orjson.loads(body[:head_length])
    packed, numbers = body[head_length:], head["numbers"]
    lines: bytes = pa.Codec(head.get("codec", "zstd")).decompress(packed, head["size"], asbytes=True) if packed else b""
    rejects: Sequence[tuple[int | None, str, str]] = head["rejects"]
    return Draft(
        head["workspace"],
        head["id"],
        head["table"],
        head["source"],
        head["rows"],
        datetime.fromisoformat(head["arrived"]),
        lines,
        tuple(numbers) if numbers is not None else None,
        tuple(Reject(*r) for r in rejects),
    )
