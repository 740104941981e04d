"""The file beside a file: `<name>.parquet.terms`, a head in JSON, the sizes of the filters, and the filters."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from huntlake.lake.index.filters import bytes_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SUFFIX = ".terms"
_MAGIC = b"HLTERMS1"
_HEAD = struct.Struct("<8sII")


@dataclass(frozen=True)
class Sidecar:
    """The filters of one file's blocks, in their order."""

    file: str
    rows: int
    block: int
    """Rows in a block; the last may have fewer."""
    columns: tuple[str, ...]
    """The columns whose terms it knows."""
    sizes: tuple[int, ...]
    filters: NDArray[np.uint8]


class Damaged(Exception):
    """A sidecar that can't be used; the message says why."""


def path_of(file: Path) -> Path:
    """Where the sidecar of a Parquet file lies."""
    return file.with_name(file.name + SUFFIX)


def write(beside: Path, rows: int, block: int, columns: Sequence[str], filters: Sequence[tuple[int, object]]) -> Path:
    """Write the sidecar of a file, and say where it lies. No reader sees half of one."""
    import numpy as np

    body = bytes(size for size, _ in filters) + b"".join(np.asarray(f, np.uint8).tobytes() for _, f in filters)
    facts = {"file": beside.name, "rows": rows, "block": block, "columns": list(columns), "blocks": len(filters)}
    head = json.dumps(facts, ensure_ascii=False).encode()
    target = path_of(beside)
    partial = target.with_name(target.name + ".partial")
    with partial.open("wb") as out:
        out.write(_HEAD.pack(_MAGIC, len(head), zlib.crc32(body, zlib.crc32(head))))
        out.write(head)
        out.write(body)
    # Not flushed to the disk: what a power cut leaves of it has another checksum, and then excludes nothing.
    partial.rename(target)
    return target


def read(beside: Path) -> Sidecar | None:
    """The sidecar of a file; None where it has none.

    :raises Damaged: it isn't whole, of another version, or another file's
    """
    import numpy as np

    try:
        data = path_of(beside).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Damaged(f"it can't be read: {error.strerror}") from error
    if len(data) < _HEAD.size:
        raise Damaged("it is cut short")
    magic, length, checksum = _HEAD.unpack_from(data)
    if magic != _MAGIC:
        raise Damaged("it is of another version")
    rest = memoryview(data)[_HEAD.size :]
    if zlib.crc32(rest) != checksum:
        raise Damaged("its checksum is another")
    facts = json.loads(bytes(rest[:length]))
    if facts["file"] != beside.name:
        raise Damaged(f"it is of `{facts['file']}`")
    sizes = tuple(rest[length : length + facts["blocks"]])
    filters = np.frombuffer(rest[length + facts["blocks"] :], np.uint8)
    if sum(map(bytes_of, sizes)) != len(filters) or -(-facts["rows"] // facts["block"]) != len(sizes):
        raise Damaged("its parts don't agree")
    return Sidecar(facts["file"], facts["rows"], facts["block"], tuple(facts["columns"]), sizes, filters)
