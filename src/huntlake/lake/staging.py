"""Rows of streams: lines into columns in memory, and these into files."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import RLock
from typing import TYPE_CHECKING

from huntlake.lake.batches import Reader
from huntlake.lake.conversion import LINE, MISFIT, Conversion, Planner
from huntlake.lake.forms import Form, StoredColumn, identifier
from huntlake.lake.inference import infer
from huntlake.lake.scanning import NUMBER
from huntlake.lake.sources import LineBlock, Reject, shown
from huntlake.lake.straight import WRONG, Straight
from huntlake.lake.table import LakeTable
from huntlake.lake.writing import WrittenFile

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Converted:
    """Rows in columns, the number of each in `NUMBER`, and rows that didn't fit."""

    rows: pa.Table
    columns: tuple[StoredColumn, ...]
    rejects: tuple[Reject, ...]
    """Their lines are counted from 0 in the lines that were given."""


class Stage:
    """An engine of its own for rows on their way. Threads may share it, and wait for one another."""

    def __init__(self, scratch: Path, *, memory: str = "1GB", threads: int = 1) -> None:
        import duckdb

        self._folder = TemporaryDirectory(prefix="stage-", dir=scratch)
        folder = Path(self._folder.name)
        # One thread: who brings the next batch wants to be answered meanwhile.
        bounds = {"memory_limit": memory, "threads": threads, "temp_directory": str(folder / "spill")}
        self._connection = duckdb.connect(config=bounds)
        self._connection.execute("set TimeZone = 'UTC'")
        # The lines of one batch after another stand under one name.
        self._connection.execute("set enable_external_file_cache = false")
        self._reader = Reader(self._connection, folder)
        self._straight = Straight(self._connection)
        self._lock = RLock()
        # Left open at the interpreter's end, DuckDB complains of leaks on standard error.
        self._finalizer = weakref.finalize(self, self._connection.close)

    def close(self) -> None:
        """Give everything back."""
        with self._lock:
            self._finalizer()
            self._straight.close()
            self._folder.cleanup()

    def convert(self, batches: Sequence[tuple[int, int, bytes]], planner: Planner) -> list[Converted]:
        """JSON objects as columns. Each batch is its number, how many rows it has, and these, one a line.

        A row that the engine can't digest is a reject, and doesn't take others with it.
        """
        batches = [b for b in batches if b[1]]
        if not batches:
            return []
        with self._lock:
            straight = self._go_straight(batches, planner)
            if straight is not None:
                return [straight]
            numbers = [number for number, rows, _ in batches for _ in range(rows)]
            return self._convert([one for _, _, lines in batches for one in lines.split(b"\n")], numbers, planner, 0)

    def write(self, table: LakeTable, parts: Iterable[Converted]) -> list[WrittenFile]:
        """Write rows into files that a commit makes part of `table`."""
        with self._lock:
            parts = [p for p in parts if p.rows.num_rows]
            columns = {c.name.lower(): c for p in parts for c in p.columns}
            selects = []
            try:
                for i, part in enumerate(parts):
                    self._connection.register(f"part{i}", part.rows)
                    held = {c.name.lower() for c in part.columns}
                    fields = ", ".join(
                        f"{identifier(c.name) if key in held else c.form.missing} as {identifier(c.name)}"
                        for key, c in columns.items()
                    )
                    selects.append(f"select {fields} from part{i}")
                if not selects:
                    return []
                self._connection.execute(f"create or replace temp view staged as {' union all '.join(selects)}")
                return table.write(self._connection, "staged", list(columns.values()))
            finally:
                self._connection.execute("drop view if exists staged")
                for i in range(len(selects)):
                    self._connection.unregister(f"part{i}")

    def _go_straight(self, batches: Sequence[tuple[int, int, bytes]], planner: Planner) -> Converted | None:
        """Rows that all fit, as columns; None where one may not."""
        import duckdb
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        self._straight.forget()
        blocks = [LineBlock(1, lines, 0, len(lines), counted=rows) for _, rows, lines in batches]
        found = self._straight.rows(planner, wrapped=False) if self._straight.hold(blocks) else None
        if found is None:
            return None
        names = ", ".join(identifier(c.name) for c in found.columns)
        try:
            # With one thread, they come as they stood in the lines.
            rows = self._connection.sql(f"select {names}, {WRONG} from ({found.sql})").to_arrow_table()
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error:
            return None
        at = rows.column_names.index("needs a closer look")
        if rows.num_rows != sum(rows for _, rows, _ in batches) or pc.any(rows.column(at)).as_py():
            return None
        rows = rows.remove_column(at)
        numbers = np.repeat([n for n, _, _ in batches], [n for _, n, _ in batches])
        return Converted(rows.append_column(NUMBER, pa.array(numbers, pa.int64())), tuple(found.columns), ())

    def _convert(self, lines: list[bytes], numbers: Sequence[int], planner: Planner, first: int) -> list[Converted]:
        import duckdb

        try:
            return [self._converted(lines, numbers, planner, first)]
        except duckdb.Error as error:
            if len(lines) > 1:
                half = len(lines) // 2
                before = self._convert(lines[:half], numbers[:half], planner, first)
                return before + self._convert(lines[half:], numbers[half:], planner, first + half)
            import pyarrow as pa

            why = str(error).split("\n", 1)[0][:300]
            reject = Reject(first, f"the row can't be read: {why}", shown(lines[0]))
            return [Converted(pa.table({NUMBER: pa.array([], pa.int64())}), (), (reject,))]

    def _converted(self, lines: list[bytes], numbers: Sequence[int], planner: Planner, first: int) -> Converted:
        import pyarrow as pa

        batch = self._reader.read_lines("stream", range(len(lines)), lines, wrapped=False)
        try:
            plan = planner.plan(batch, lambda fields: infer(self._connection, batch, fields))
            conversion = Conversion(batch, plan)
            columns = plan.columns()
            names = ", ".join(identifier(c.name) for c in columns)
            self._connection.execute(f"create or replace temp table converted as {conversion.sql()}")
            good = f"select {names}, {LINE} as {identifier(NUMBER)} from converted where {MISFIT} is null"
            rows = self._connection.sql(good).to_arrow_table()
            rejects = list(batch.rejects)
            if rows.num_rows < batch.rows:
                joined = f"converted join batch on converted.{LINE} = batch._line"
                wrong = f"select converted.{LINE}, {MISFIT}, {conversion.text()} from {joined}"
                found = self._connection.execute(f"{wrong} where {MISFIT} is not null order by 1").fetchall()
                rejects += [Reject(line, reason, text) for line, reason, text in found]
        finally:
            self._connection.execute("drop table if exists converted")
            self._reader.forget_lines()
        at = rows.column_names.index(NUMBER)
        rows = rows.set_column(at, NUMBER, pa.array(numbers, pa.int64()).take(rows.column(at)))
        return Converted(
            rows,
            tuple(columns),
            tuple(Reject(None if r.line is None else first + r.line, r.reason, r.text) for r in rejects),
        )


def said(converted: Converted) -> set[str]:
    """The columns that say something in some row, by lower-case name."""
    import pyarrow.compute as pc

    found = set()
    for column in converted.columns:
        values = converted.rows.column(column.name)
        if column.form is Form.TEXT:
            some = pc.any(pc.not_equal(values, "")).as_py()
        else:
            some = values.null_count < len(values)
        if some:
            found.add(column.name.lower())
    return found
