"""Lines of JSON straight into columns, as long as every one of them is an object of known fields that all fit.

The engine reads the lines in one pass. It stops at the first that is no JSON, no object, has a name twice, or a field
that nobody knows; so nothing has to be asked of lines before. Where one line needs a closer look, all of them are left
to whoever looks at each, and finds out why.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson

from huntlake.lake.batches import WRAPPERS
from huntlake.lake.conversion import LINE, MISFIT, UNDATED, Batch, Conversion, Plan, Planner
from huntlake.lake.forms import TIME, Form, StoredColumn, identifier, literal
from huntlake.lake.sources import LONGEST, LineBlock, Reject

if TYPE_CHECKING:
    import duckdb

WRONG = '"needs a closer look"'
"""The column, as SQL, that is true where a row doesn't fit, or says nothing at all."""

_SAMPLE = 64
_ROOM = 1 << 18
"""Bytes that are kept for the first line, which is only known when all others are there."""
_SECOND = len("2026-01-01T00:00:00")
_READING = (
    "format = 'newline_delimited', records = true, auto_detect = true, sample_size = 1, maximum_sample_files = 1, "
    "map_inference_threshold = -1, maximum_depth = -1, convert_strings_to_integers = false, ignore_errors = false, "
    f"maximum_object_size = {LONGEST}, compression = 'uncompressed'"
)


class _Memory:
    """Bytes that the engine reads as a file."""

    def __init__(self, name: str) -> None:
        self._descriptor = os.memfd_create(name, os.MFD_CLOEXEC)
        self.path = f"/proc/self/fd/{self._descriptor}"

    def append(self, part: bytes | memoryview, at: int) -> int:
        """Hold a part from the place `at` on; where it ends."""
        view = memoryview(part)
        while view:
            written = os.pwrite(self._descriptor, view, at)
            at, view = at + written, view[written:]
        return at

    def cut(self, end: int) -> None:
        """Hold nothing from `end` on."""
        os.ftruncate(self._descriptor, end)

    def read(self, start: int, end: int) -> bytes:
        """What is held from `start` to `end`."""
        parts = []
        while start < end and (part := os.pread(self._descriptor, end - start, start)):
            parts.append(part)
            start += len(part)
        return b"".join(parts)

    def close(self) -> None:
        os.close(self._descriptor)


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of lines, as SQL."""

    sql: str
    """A SELECT. It fails where a line is no object, or has a field that nobody knows."""
    columns: list[StoredColumn]
    """The columns that it has besides `UNDATED` and `WRONG`."""
    in_order: bool
    """Whether those lines that were looked at are of one day, and in the order of time."""


class Straight:
    """The straight way over one connection, which must not keep what it has read of a file."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._fields: dict[str, None] = {}
        self._proved: set[tuple[str, ...]] = set()
        self._usable = hasattr(os, "memfd_create")
        self._lines: _Memory | None = None
        self._proof: _Memory | None = None
        self._sample: list[dict[str, Any]] = []
        self._held: list[tuple[int, int, LineBlock]] = []

    def close(self) -> None:
        """Give the memory back."""
        for memory in (self._lines, self._proof):
            if memory is not None:
                memory.close()
        self._lines = self._proof = None

    @property
    def bytes(self) -> int:
        """How many bytes of lines are held."""
        return self._held[-1][1] - _ROOM if self._held else 0

    @property
    def count(self) -> int:
        """How many lines are held, blank ones among them."""
        return sum(block.count for _, _, block in self._held)

    @property
    def rejects(self) -> tuple[Reject, ...]:
        """What stood among them and is no line."""
        return tuple(reject for _, _, block in self._held for reject in block.rejects)

    @property
    def read(self) -> int:
        """Bytes of the file, as it lies on disk, that were read up to the last of them."""
        return self._held[-1][2].read if self._held else 0

    def hold(self, blocks: Sequence[LineBlock]) -> bool:
        """Hold lines besides those that are; False, and none of these is, where they can't be read in this way."""
        if not self._usable or any(map(_may_be_too_long, blocks)):
            return False
        self._open()
        assert self._lines is not None
        some = blocks[:: -(-len(blocks) // _SAMPLE) or 1]
        self._sample += [row for block in some for row in _sampled(block, -(-_SAMPLE // len(some)))]
        for block in blocks:
            start = _ROOM + self.bytes
            end = self._lines.append(memoryview(block.buffer)[block.start : block.end], start)
            # Without a line end behind the last line several threads fail at it, now and then.
            end = self._lines.append(b"\n", end)
            kept = LineBlock(block.first, b"", 0, 0, block.rejects, block.read, block.count)
            self._held.append((start, end, kept))
        return True

    def blocks(self) -> Iterator[LineBlock]:
        """The lines that are held, as they were given."""
        assert self._lines is not None
        for start, end, kept in self._held:
            data = self._lines.read(start, end - 1)
            yield LineBlock(kept.first, data, 0, len(data), kept.rejects, kept.read, kept.count)

    def forget(self) -> None:
        """Hold nothing."""
        self._held.clear()
        self._sample.clear()

    def rows(self, planner: Planner, *, wrapped: bool) -> Rows | None:
        """The lines that are held, one JSON object in each. It is good until others are, for who asks for all columns.

        None where they can't be read in this way. Where rows may be `wrapped`, a line may be an object that holds many.
        """
        sampled = dict.fromkeys(f for row in self._sample for f in row)
        # Rare fields stand in no sample; but the last lines may have been another table's.
        fields = next((f for f in (self._fields | sampled, sampled) if _told_apart(f) and planner.knows(f)), None)
        if not sampled or fields is None or (wrapped and WRAPPERS & fields.keys()):
            return None
        plan = planner.plan(Batch("", False, 0, dict.fromkeys(fields, 0)), _untold)
        bags = {f for t in plan.targets if t.column.form is Form.JSON for f in t.fields}
        texts = {f for t in plan.targets if t.column.form is not Form.JSON for f in t.fields} | {*plan.time_fields}
        if bags & texts or plan.rest:
            return None
        assert self._lines is not None
        assert self._proof is not None
        mark = f"m{uuid4().hex}"
        # The first line tells the engine which fields there are, and which of them shall stay JSON.
        head = orjson.dumps({**{f: {} if f in bags else "x" for f in fields}, mark: mark})
        if len(head) >= _ROOM:
            return None
        head = head.ljust(_ROOM - 1) + b"\n"
        self._fields = fields
        columns = plan.columns()
        names = ", ".join(identifier(c.name) for c in columns)
        conversion = Conversion(
            Batch("", False, 0, dict.fromkeys(fields, 0), dict.fromkeys(bags, Form.JSON)), plan, plain=True
        )
        wrong = f"({MISFIT} is not null or {LINE} < 0) as {WRONG}"
        rest = f"select {names}, {UNDATED}, {wrong} from ({conversion.sql()})"
        shape = (*fields, *(t.column.name for t in plan.targets))
        if shape not in self._proved:
            strange = b'{"%s":1}\n' % uuid4().hex.encode()
            self._proof.cut(self._proof.append(head + strange, 0))
            if not self._strict(f"with batch as ({_reading(self._proof.path, fields, mark)}) {rest}"):
                self._usable = False
                return None
            self._proved.add(shape)
        self._lines.append(head, 0)
        self._lines.cut(_ROOM + self.bytes)
        sql = f"with batch as ({_reading(self._lines.path, fields, mark)}) {rest}"
        return Rows(sql, columns, self._in_order(plan))

    def _in_order(self, plan: Plan) -> bool:
        own = [f for t in plan.targets if t.column.name == TIME for f in t.fields]
        said = (next((row[f] for f in (*own, *plan.time_fields) if f in row), None) for row in self._sample)
        # Of a second some write fractions of different lengths, or none.
        times = [t[:_SECOND] if isinstance(t, str) else "" for t in said]
        return all(times) and times[0][:10] == times[-1][:10] and times == sorted(times)

    def _strict(self, sql: str) -> bool:
        """Whether the engine stops at a field that nobody knows. It wouldn't if it read some of the fields only."""
        import duckdb

        try:
            self._connection.execute(sql).fetchall()
        except duckdb.Error as error:
            return "unknown key" in str(error)
        return False

    def _open(self) -> None:
        self._lines = self._lines or _Memory("lines")
        self._proof = self._proof or _Memory("proof")


def _reading(path: str, fields: Iterable[str], mark: str) -> str:
    """SQL for the fields of all lines but the first, as text, and a number below 0 where a line says nothing at all."""
    texts = ", ".join(f"{identifier(f)}::VARCHAR as {identifier(f)}" for f in fields)
    silent = " and ".join(f"{identifier(f)} is null" for f in fields)
    lines = f"read_json({literal(path)}, {_READING}) where {identifier(mark)} is distinct from {literal(mark)}"
    return f"select case when {silent} then -1 else 0 end as _line, {texts} from {lines}"


def _told_apart(fields: Iterable[str]) -> bool:
    """Whether the engine can tell fields apart: to it, names that differ in case alone are one."""
    names = ["_line", *(f.lower() for f in fields)]
    return len(set(names)) == len(names)


def _sampled(lines: LineBlock, count: int) -> Iterator[dict[str, Any]]:
    """The objects of about so many lines."""
    data, at = lines.buffer, lines.start
    step = max((lines.end - at) // count, 1)
    while at < lines.end:
        end = data.find(b"\n", at, lines.end)
        end = lines.end if end < 0 else end
        try:
            row = orjson.loads(bytes(data[at:end]))
        except orjson.JSONDecodeError:
            row = None
        if isinstance(row, dict):
            yield row
        # The next that begins behind so many bytes.
        at = max(end, at + step)
        at = data.find(b"\n", at, lines.end) + 1 or lines.end


def _may_be_too_long(lines: LineBlock) -> bool:
    """Whether a line may be longer than is taken in: a longer one has no end in one of these windows."""
    half = LONGEST // 2
    return any(lines.buffer.find(b"\n", at, at + half) < 0 for at in range(lines.start, lines.end - half, half))


def _untold(fields: Sequence[str]) -> dict[str, Form]:
    raise AssertionError(f"all columns are known, and these have none: {fields}")
