"""Files, or rows in memory, into one table: batches in, files out, one commit at the end."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, Self

from huntlake.core.allocation import keep_freed
from huntlake.core.errors import LimitExceeded
from huntlake.lake.batches import Reader
from huntlake.lake.conversion import LINE, MISFIT, UNDATED, Batch, Conversion, Planner, Target
from huntlake.lake.forms import TIME, Form, StoredColumn, identifier, literal
from huntlake.lake.inference import infer
from huntlake.lake.sources import Format, LineBlock, Reject, Source, line_blocks
from huntlake.lake.straight import WRONG, Rows, Straight
from huntlake.lake.table import LakeTable
from huntlake.lake.writing import WrittenFile

if TYPE_CHECKING:
    import pyarrow as pa

_FLUSH_ROWS, _FLUSH_BYTES = 1_000_000, 256 * 1024 * 1024
_FORWARD_BYTES = 64 * 1024 * 1024
"""Bytes of lines that make a file of their own. Fewer wait for others."""


@dataclass(frozen=True, slots=True)
class Staged:
    """What came of one batch: rows that fit, those among them that told no time, and those that didn't fit."""

    rows: int
    undated: int
    rejects: tuple[Reject, ...]
    bytes: int
    """Bytes of the source, as it lies on disk."""


class Loader:
    """One load into one table: batches in, files out, one commit at the end. Leave it by `with`."""

    def __init__(self, table: LakeTable, scratch: Path, *, memory: str = "2GB") -> None:
        import duckdb

        keep_freed()
        self._table = table
        self._folder = TemporaryDirectory(prefix="load-", dir=scratch)
        folder = Path(self._folder.name)
        bounds = {"memory_limit": memory, "temp_directory": str(folder / "spill"), "threads": _processors()}
        self._connection = duckdb.connect(config=bounds)
        # Times without a zone are UTC. As a setting of `connect` it would ask for an extension.
        self._connection.execute("set TimeZone = 'UTC'")
        # The lines of one block after another stand under one name.
        self._connection.execute("set enable_external_file_cache = false")
        self._reader = Reader(self._connection, folder)
        self._straight, self._alone = Straight(self._connection), Straight(self._connection)
        self._forward, self._read = True, 0
        self._columns: dict[str, StoredColumn] = {}
        self._parts: dict[str, set[str]] = {}
        self._rows = 0
        self._bytes = 0
        self._files: list[WrittenFile] = []
        self._committed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        import duckdb

        self._connection.close()
        self._straight.close()
        self._alone.close()
        self._folder.cleanup()
        if not self._committed:
            self._table.discard(self._files)
        if isinstance(error, duckdb.OutOfMemoryException):
            raise LimitExceeded("the rows need more memory than a load may have; nothing of it has landed") from error

    @property
    def may_have_landed(self) -> bool:
        """Whether the table was told of the files: should that have failed, it may name them all the same."""
        return self._committed

    def load(self, source: Source, planner: Planner) -> Iterator[Staged]:
        """Convert a file, batch by batch; what fits waits to be written.

        :raises Invalid: the file as a whole can't be read
        """
        if source.format is not Format.LINES:
            for batch in self._reader.read(source):
                yield self._convert(batch, planner)
            return
        self._forward, self._read = True, 0
        for block in line_blocks(source):
            if not self._straight.hold([block]):
                yield from self._take_held(source, planner)
                yield self._one_by_one(source, block, planner)
            elif self._straight.bytes >= _FLUSH_BYTES:
                yield from self._take_held(source, planner)
        yield from self._take_held(source, planner)

    def _take_held(self, source: Source, planner: Planner) -> Iterator[Staged]:
        """Take in the lines that are held, and hold none."""
        if not self._straight.bytes:
            return
        staged = self._go_straight(self._straight, planner)
        if staged is not None:
            yield staged
        else:
            for block in self._straight.blocks():
                self._alone.forget()
                held = self._alone.hold([block])
                staged = self._go_straight(self._alone, planner) if held else None
                yield staged or self._one_by_one(source, block, planner)
        self._straight.forget()

    def _one_by_one(self, source: Source, block: LineBlock, planner: Planner) -> Staged:
        numbers, lines, rejects = block.split()
        batch = self._reader.read_lines(source.path.name, numbers, lines, self._since(block.read), rejects)
        staged = self._convert(batch, planner)
        self._reader.forget_lines()
        return staged

    def _go_straight(self, lines: Straight, planner: Planner) -> Staged | None:
        """Stage lines that are held and all fit, or write them; None, and nothing is, where one may not."""
        import duckdb

        found = lines.rows(planner, wrapped=True)
        if found is None:
            return None
        try:
            if self._write_in_order(lines, found):
                return Staged(lines.count, 0, lines.rejects, self._since(lines.read))
            part = self._part(found.sql)
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error:
            return None
        counts = f"select count(*), count(*) filter ({UNDATED}), count(*) filter ({WRONG}) from {part}"
        ((rows, undated, wrong),) = self._connection.execute(counts).fetchall()
        # A blank line is no row; whoever looks at each line knows what others there are.
        if wrong or rows != lines.count:
            self._connection.execute(f"drop table {part}")
            return None
        size = self._since(lines.read)
        self._keep(part, found.columns, rows, size)
        return Staged(rows, undated, lines.rejects, size)

    def _write_in_order(self, lines: Straight, rows: Rows) -> bool:
        """Write many rows that come in order, and need not be staged; False, and none is, where they do.

        It fails where one doesn't fit, or tells no time. To stage them would take half as long again.
        """
        known = {c.name.lower() for c in self._table.columns()}
        fresh = any(c.name.lower() not in known for c in rows.columns)
        if not (self._forward and rows.in_order and lines.bytes >= _FORWARD_BYTES) or fresh:
            return False
        first, *others = (identifier(c.name) for c in rows.columns)
        checked = f"case when {WRONG} or {UNDATED} then error('it needs a closer look') else {first} end as {first}"
        sql = f"select {', '.join([checked, *others])} from ({rows.sql})"
        # What one part of a source is, others mostly are.
        self._forward = False
        file = self._table.write_in_order(self._connection, sql, rows.columns)
        if file is None:
            return False
        self._files.append(file)
        if file.rows != lines.count:
            self._table.discard([self._files.pop()])
            return False
        self._forward = True
        return True

    def _since(self, read: int) -> int:
        """Bytes of the source that were read since this was asked last."""
        before, self._read = self._read, read
        return read - before

    def _convert(self, batch: Batch, planner: Planner) -> Staged:
        plan = planner.plan(batch, lambda fields: infer(self._connection, batch, fields))
        conversion = Conversion(batch, plan)
        columns = plan.columns()
        names = ", ".join(identifier(c.name) for c in columns)
        part = self._part(f"select {names}, {UNDATED} from ({conversion.sql()}) where {MISFIT} is null")
        rows = self._count(f"select count(*) from {part}")
        undated = self._count(f"select count(*) from {part} where {UNDATED}")
        rejects = [*batch.rejects]
        if rows < batch.rows:
            joined = f"({conversion.sql()}) as converted join batch on converted.{LINE} = batch._line"
            wrong = f"select converted.{LINE}, {MISFIT}, {conversion.text()} from {joined}"
            found = self._connection.execute(f"{wrong} where {MISFIT} is not null order by 1").fetchall()
            rejects += [Reject(line, reason, text) for line, reason, text in found]
        self._keep(part, columns, rows, batch.bytes)
        return Staged(rows, undated, tuple(rejects), batch.bytes)

    def stage_arrow(self, rows: pa.Table, targets: Sequence[Target]) -> int:
        """Stage rows whose columns are of the right forms already; how many they are."""
        self._connection.register("given", rows)
        try:
            values = ", ".join(f"{_typed(t)} as {identifier(t.column.name)}" for t in targets)
            part = self._part(f"select {values} from given")
        finally:
            self._connection.unregister("given")
        count = self._count(f"select count(*) from {part}")
        self._keep(part, [t.column for t in targets], count, 0)
        return count

    def commit(
        self,
        *,
        replacing: bool = False,
        holds: Mapping[str, int] | None = None,
        held: Mapping[str, int] | None = None,
    ) -> tuple[WrittenFile, ...]:
        """Write what is left, and make all of it part of the table at once; the files that now hold it.

        With `replacing` it takes the place of what the table has. `holds` and `held` are as in
        `LakeTable.commit`.
        """
        self._flush()
        # From here on nobody can know whether the log names the files, whatever goes wrong: they stay.
        self._committed = True
        if self._files or replacing or self._table.exists:
            self._table.commit(self._files, replacing=replacing, holds=holds, held=held)
        return tuple(self._files)

    def _part(self, rows: str) -> str:
        """Rows in a table of their own, whose name is given back."""
        # One table for all would be compressed whenever a row group of it is full: a third of the work, for nothing.
        part = f"part{len(self._parts)}"
        self._connection.execute(f"create temp table {part} as {rows}")
        return part

    def _keep(self, part: str, columns: Iterable[StoredColumn], rows: int, size: int) -> None:
        """Have rows wait until they are written."""
        self._parts[part] = {c.name.lower() for c in columns}
        for column in columns:
            self._columns.setdefault(column.name.lower(), column)
        self._rows += rows
        self._bytes += size
        if self._rows >= _FLUSH_ROWS or self._bytes >= _FLUSH_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            parts = (f"select {self._fields(held)} from {part}" for part, held in self._parts.items())
            self._connection.execute(f"create or replace temp view staged as {' union all '.join(parts)}")
            self._files += self._table.write(self._connection, "staged", self._said())
        for part in self._parts:
            self._connection.execute(f"drop table {part} cascade")
        self._parts.clear()
        self._rows = self._bytes = 0

    def _fields(self, held: set[str]) -> str:
        return ", ".join(
            f"{identifier(c.name) if key in held else c.form.missing} as {identifier(c.name)}"
            for key, c in self._columns.items()
        )

    def _said(self) -> list[StoredColumn]:
        """The columns that say something in some row: a column that nobody fills needs no place in a file."""
        stored = {TIME.lower(), *(c.name.lower() for c in self._table.columns())}
        fresh = [c for c in self._columns.values() if c.name.lower() not in stored]
        silent: set[str] = set()
        if fresh:
            values = (f"nullif({identifier(c.name)}, '')" if c.form is Form.TEXT else identifier(c.name) for c in fresh)
            counts = ", ".join(f"count({v})" for v in values)
            found = self._connection.execute(f"select {counts} from staged").fetchall()[0]
            silent = {c.name for c, n in zip(fresh, found, strict=True) if not n}
        return [c for c in self._columns.values() if c.name not in silent]

    def _count(self, sql: str) -> int:
        # `fetchone` would leave the result open, and the connection busy.
        return int(self._connection.execute(sql).fetchall()[0][0])


def _processors() -> int:
    """On how many processors this may run: each thread beyond them only takes memory of its own."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _typed(target: Target) -> str:
    form = target.column.form
    if not target.fields:
        if target.otherwise is None:
            return form.missing
        constant = literal(target.otherwise)
        return (
            f"make_timestamptz(epoch_us({constant}::TIMESTAMP))"
            if form is Form.INSTANT
            else f"{constant}::{form.staged}"
        )
    name = identifier(target.fields[0])
    match form:
        case Form.TEXT:
            return f"coalesce({name}::VARCHAR, {literal(target.otherwise or '')})"
        case Form.INSTANT:
            return f"make_timestamptz(epoch_us({name}))"
        case _:
            return f"{name}::{form.staged}"
