"""Lines of JSON straight into columns, as long as every one of them is an object of known fields that all fit.

The engine reads the lines in one pass. It stops at the first that is no JSON, no object, has a name twice, or a field
that nobody knows; so nothing has to be asked of lines before. Where one line needs a closer look, all of them are left
to whoever looks at each, and finds out why.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING
from uuid import uuid4

import orjson

from huntlake.lake.batches import WRAPPERS
from huntlake.lake.conversion import LINE, MISFIT, UNDATED, Batch, Conversion, Planner
from huntlake.lake.forms import Form, StoredColumn, identifier, literal
from huntlake.lake.sources import LONGEST, LineBlock

if TYPE_CHECKING:
    import duckdb

WRONG = '"needs a closer look"'
"""The column, as SQL, that is true where a row doesn't fit, or says nothing at all."""

_SAMPLE = 64
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

    def hold(self, head: bytes, blocks: Sequence[LineBlock]) -> None:
        """Hold a first line, and then those of blocks."""
        at = 0
        parts: list[bytes | memoryview] = [head]
        # Without a line end behind the last line several threads fail at it, now and then.
        for block in blocks:
            parts += [memoryview(block.buffer)[block.start : block.end], b"\n"]
        for part in parts:
            view = memoryview(part)
            while view:
                written = os.pwrite(self._descriptor, view, at)
                at, view = at + written, view[written:]
        os.ftruncate(self._descriptor, at)

    def close(self) -> None:
        os.close(self._descriptor)


class Straight:
    """The straight way over one connection, which must not keep what it has read of a file."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._fields: dict[str, None] = {}
        self._proved: set[tuple[str, ...]] = set()
        self._usable = hasattr(os, "memfd_create")
        self._lines: _Memory | None = None
        self._proof: _Memory | None = None

    def close(self) -> None:
        """Give the memory back."""
        for memory in (self._lines, self._proof):
            if memory is not None:
                memory.close()
        self._lines = self._proof = None

    def rows(
        self, blocks: Sequence[LineBlock], planner: Planner, *, wrapped: bool
    ) -> tuple[str, list[StoredColumn]] | None:
        """A SELECT over lines, one JSON object in each, and the columns that it has besides `UNDATED` and `WRONG`.

        It is good until the next call, for whoever asks for all of these columns. It fails where a line is no object,
        or has a field that nobody knows. None where the lines can't be read in this way; where rows may be `wrapped`,
        a line may be an object that holds many.
        """
        if not self._usable or any(map(_may_be_too_long, blocks)):
            return None
        some = blocks[:: -(-len(blocks) // _SAMPLE) or 1]
        sampled = dict.fromkeys(f for block in some for f in _sampled(block, -(-_SAMPLE // len(some))))
        # Rare fields stand in no sample; but the last lines may have been another table's.
        fields = next((f for f in (self._fields | sampled, sampled) if _told_apart(f) and planner.knows(f)), None)
        if not sampled or fields is None or (wrapped and WRAPPERS & fields.keys()):
            return None
        plan = planner.plan(Batch("", False, 0, dict.fromkeys(fields, 0)), _untold)
        bags = {f for t in plan.targets if t.column.form is Form.JSON for f in t.fields}
        texts = {f for t in plan.targets if t.column.form is not Form.JSON for f in t.fields} | {*plan.time_fields}
        if bags & texts or plan.rest:
            return None
        self._fields = fields
        self._open()
        assert self._lines is not None
        assert self._proof is not None
        mark = f"m{uuid4().hex}"
        # The first line tells the engine which fields there are, and which of them shall stay JSON.
        head = orjson.dumps({**{f: {} if f in bags else "x" for f in fields}, mark: mark}) + b"\n"
        columns = plan.columns()
        names = ", ".join(identifier(c.name) for c in columns)
        conversion = Conversion(
            Batch("", False, 0, dict.fromkeys(fields, 0), dict.fromkeys(bags, Form.JSON)), plan, plain=True
        )
        wrong = f"({MISFIT} is not null or {LINE} < 0) as {WRONG}"
        rest = f"select {names}, {UNDATED}, {wrong} from ({conversion.sql()})"
        shape = (*fields, *(t.column.name for t in plan.targets))
        if shape not in self._proved:
            strange = b'{"%s":1}' % uuid4().hex.encode()
            self._proof.hold(head, [LineBlock(1, strange, 0, len(strange))])
            if not self._strict(f"with batch as ({_reading(self._proof.path, fields, mark)}) {rest}"):
                self._usable = False
                return None
            self._proved.add(shape)
        self._lines.hold(head, blocks)
        return f"with batch as ({_reading(self._lines.path, fields, mark)}) {rest}", columns

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


def _sampled(lines: LineBlock, count: int) -> Iterator[str]:
    """The fields of about so many lines."""
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
            yield from row
        # The next that begins behind so many bytes.
        at = max(end, at + step)
        at = data.find(b"\n", at, lines.end) + 1 or lines.end


def _may_be_too_long(lines: LineBlock) -> bool:
    """Whether a line may be longer than is taken in: a longer one has no end in one of these windows."""
    half = LONGEST // 2
    return any(lines.buffer.find(b"\n", at, at + half) < 0 for at in range(lines.start, lines.end - half, half))


def _untold(fields: Sequence[str]) -> dict[str, Form]:
    raise AssertionError(f"all columns are known, and these have none: {fields}")
