"""The file beside a file: `<name>.parquet.terms`, a head in JSON and the dictionary of its terms."""

from __future__ import annotations

import json
import struct
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from huntlake.lake.index import fingerprints
from huntlake.lake.index.fingerprints import Dictionary

SUFFIX = ".terms"
_MAGIC = b"HLTERMS2"
_HEAD = struct.Struct("<8sII")


@dataclass(frozen=True)
class Sidecar:
    """Which terms the blocks of a file hold."""

    file: str
    rows: int
    block: int
    """Rows in a block; the last may have fewer."""
    columns: tuple[str, ...]
    """The columns whose terms it knows."""
    anything: tuple[int, ...]
    """The blocks that may hold any term."""
    terms: Dictionary
    checksum: int | None = None
    """Of the bytes that the file had at first: it is not to change. None of a sidecar that doesn't say."""


class Damaged(Exception):
    """A sidecar that can't be used; the message says why."""


def path_of(file: Path) -> Path:
    """Where the sidecar of a Parquet file lies."""
    return file.with_name(file.name + SUFFIX)


def write(beside: Path, found: Sidecar) -> Path:
    """Write the sidecar of a file, and say where it lies. No reader sees half of one."""
    facts = {
        "file": beside.name,
        "rows": found.rows,
        "block": found.block,
        "columns": list(found.columns),
        "anything": list(found.anything),
        "terms": found.terms.facts(),
        "checksum": _first_checksum(beside),
    }
    head = json.dumps(facts, ensure_ascii=False).encode()
    body = b"".join(part.tobytes() for part in found.terms.parts())
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
    terms = fingerprints.read(facts["terms"], rest[length:])
    if terms is None or -(-facts["rows"] // facts["block"]) != terms.blocks:
        raise Damaged("its parts don't agree")
    columns, anything = tuple(facts["columns"]), tuple(facts["anything"])
    checksum = facts.get("checksum")
    return Sidecar(facts["file"], facts["rows"], facts["block"], columns, anything, terms, checksum)


def checksum_of(file: Path) -> int:
    """The checksum of a file's bytes."""
    found = 0
    with file.open("rb") as content:
        while piece := content.read(1 << 20):
            found = zlib.crc32(piece, found)
    return found


def _first_checksum(beside: Path) -> int:
    # Built anew beside a file that was damaged meanwhile, it must not vouch for it.
    with suppress(Damaged):
        before = read(beside)
        if before is not None and before.checksum is not None:
            return before.checksum
    return checksum_of(beside)
