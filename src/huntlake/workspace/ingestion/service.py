"""Files and rows into the tables of a workspace."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Mapping as TableOf
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from huntlake.core.clock import Clock
from huntlake.core.diagnostics import did_you_mean
from huntlake.core.errors import Invalid, NotFound
from huntlake.kql.types import Column
from huntlake.lake import Lake
from huntlake.lake.conversion import Target
from huntlake.lake.forms import TIME, Form, StoredColumn
from huntlake.lake.loading import Loader
from huntlake.lake.log.forgotten import last_numbers
from huntlake.lake.metadata import About
from huntlake.lake.sources import detect, size
from huntlake.lake.writing import WrittenFile
from huntlake.workspace.ingestion.dead_letters import LETTER_COLUMNS, LETTERS, DeadLetters, as_rows
from huntlake.workspace.ingestion.mapping import UNKNOWN, Arrival, Mapping, Unknown, custom_columns, stored
from huntlake.workspace.tables import Tables
from huntlake.workspace.workspaces import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

_LOG = logging.getLogger("huntlake.ingestion")
_UNKNOWN_NAMED = 1000


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an ingestion has come: bytes of the files as they lie on disk, rows that fitted, rows that didn't."""

    bytes: int
    total: int
    rows: int
    dead: int


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What came of an ingestion."""

    table: str
    rows: int
    """Rows that landed."""
    dead: int
    """Rows that fitted no column, or no row at all; they lie in `dead_letter_file`."""
    dead_letter_file: Path | None
    bytes: int
    """Bytes of the sources, as they lie on disk."""
    seconds: float
    undated: int = 0
    """Rows that told no time and got the time of their arrival."""
    unknown_columns: dict[str, int] = field(default_factory=dict)
    """Fields without a column, and in how many rows. They are in `AdditionalFields` where the table has that bag."""
    kept_unknown: bool = False
    """Whether the unknown fields are kept in `AdditionalFields`."""
    added_columns: tuple[Column, ...] = ()
    """Columns that the table got for new fields."""


@dataclass(frozen=True)
class Ingestion:
    """Brings logs into tables. All of one call lands at once, or nothing of it."""

    lake: Lake
    tables: Tables
    clock: Clock
    dead_letters: Path
    """The folder of rows that didn't fit, `<workspace>/<table>/<time>-<id>.jsonl` in it."""

    def ingest(
        self,
        workspace: Workspace,
        table: str,
        source: Path | Sequence[Path],
        *,
        format: str | None = None,
        progress: Callable[[Progress], None] | None = None,
        marks: TableOf[Path, str] | None = None,
    ) -> IngestReport:
        """Take in files of JSON lines, JSON arrays, CSV or Parquet, gzip or not; `format` is found out if not given.

        A row that doesn't fit goes to the dead letters with its reason. A table `…_CL` that doesn't exist is made.
        Under a file's mark the table remembers, in the same commit, that it holds the file's rows: see `landed`. It
        takes nothing in a second time under a mark.

        :raises NotFound: there is no such table or file
        :raises Invalid: a file as a whole can't be read; nothing of any file has landed then
        :raises Conflict: the table holds something under a mark already; the same
        """
        workspace.here("adding rows")
        started, now = perf_counter(), self.clock.now()
        sources = [detect(p, format) for p in ([source] if isinstance(source, Path) else source)]
        mapping = self.mapping(workspace, table, now)
        total = sum(size(s.path) for s in sources)
        rows = undated = done = 0
        with (
            DeadLetters(self.dead_letters, workspace.name, table, now) as dead,
            Loader(self.lake.table(workspace.name, table), self.lake.working_folder) as loader,
        ):
            holds: dict[str, int] = {}
            for one in sources:
                before = rows
                for staged in loader.load(one, Arrival(mapping, now)):
                    dead.keep(one.path.name, staged.rejects)
                    rows, undated, done = rows + staged.rows, undated + staged.undated, done + staged.bytes
                    if progress:
                        progress(Progress(min(done, total), total, rows, dead.count))
                if marks and one.path in marks:
                    holds[marks[one.path]] = rows - before + 1
            # What isn't in the table must be in the file before anyone is told that the load is done.
            dead.flush()
            try:
                loader.commit(holds=holds, held=dict.fromkeys(holds, 0))
            except OSError:
                dead.landed = loader.may_have_landed
                raise
            dead.landed = True
            self._keep_letters_too(workspace, dead)
        return IngestReport(
            table=table,
            rows=rows,
            dead=dead.count,
            dead_letter_file=dead.path,
            bytes=total,
            seconds=perf_counter() - started,
            undated=undated,
            unknown_columns=dict(mapping.unknown.most_common(_UNKNOWN_NAMED)),
            kept_unknown=bool(mapping.unknown) and mapping.keeps_unknown,
            added_columns=tuple(mapping.added) if rows else (),
        )

    def landed(self, workspace: Workspace, table: str, mark: str) -> int | None:
        """How many rows of the file that was taken in under a mark a table got; None if it wasn't."""
        there = self.lake.table(workspace.name, table)
        if held := there.holds(mark):
            there.secure()
        return held - 1 if held else None

    def keep_letters(self, workspace: Workspace, dead: DeadLetters, mark: str = "") -> None:
        """Bring what didn't fit, and lies in the file, into the table of dead letters, too; under a mark only once."""
        if not dead.count or (mark and self.landed(workspace, LETTERS, mark) is not None):
            return
        holds = {mark: dead.count + 1} if mark else {}
        targets = [Target(c, (c.name,)) for c in LETTER_COLUMNS]
        with Loader(self.lake.table(workspace.name, LETTERS), self.lake.working_folder) as loader:
            for letters in dead.letters():
                loader.stage_arrow(as_rows(letters), targets)
            loader.commit(holds=holds, held=dict.fromkeys(holds, 0))

    def _keep_letters_too(self, workspace: Workspace, dead: DeadLetters) -> None:
        try:
            self.keep_letters(workspace, dead)
        except Exception:
            # The rows have landed: who heard of a failure would bring them again.
            _LOG.exception("what didn't fit is in %s alone, and not in `%s`", dead.path, LETTERS)

    def append_arrow(self, workspace: Workspace, table: str, rows: pa.Table) -> int:
        """Add rows whose columns have their physical forms already; columns that are missing are filled. How many.

        :raises NotFound: there is no such table
        :raises Invalid: a column is not the table's
        """
        return sum(f.rows for f in self.append_batches(workspace, table, rows.schema, [rows]))

    def append_batches(
        self,
        workspace: Workspace,
        table: str,
        schema: pa.Schema,
        batches: Iterable[pa.Table],
        *,
        replacing: bool = False,
    ) -> tuple[WrittenFile, ...]:
        """Add rows as `append_arrow` does, one batch after another, all at once; the files that hold them.

        With `replacing` they take the place of the table's rows, those that wait in a log too.
        """
        with Loader(self.lake.table(workspace.name, table), self.lake.working_folder) as loader:
            self._stage(loader, workspace, table, schema, batches)
            return loader.commit(replacing=replacing, holds=last_numbers(self.lake.root) if replacing else None)

    def append_once(
        self,
        workspace: Workspace,
        table: str,
        schema: pa.Schema,
        batches: Iterable[pa.Table],
        mark: str,
        number: int,
        claim: Callable[[int], None],
    ) -> int:
        """Add rows as `append_batches` does, as the `number`-th that come under a mark; how many they are.

        `claim` is told how many before they land, and nothing lands if it raises. No row leaves no mark.

        :raises Conflict: another number of the mark's was due; nothing has landed
        """
        with Loader(self.lake.table(workspace.name, table), self.lake.working_folder) as loader:
            rows = self._stage(loader, workspace, table, schema, batches)
            claim(rows)
            if rows:
                loader.commit(holds={mark: number}, held={mark: number - 1})
            return rows

    def _stage(
        self, loader: Loader, workspace: Workspace, table: str, schema: pa.Schema, batches: Iterable[pa.Table]
    ) -> int:
        now = self.clock.now()
        mapping = self.mapping(workspace, table, now)
        forms = {f.name: _arrow_form(f.type) for f in schema}
        targets = mapping.exactly(forms)
        if mapping.timed and TIME.lower() not in {n.lower() for n in forms}:
            targets.append(Target(StoredColumn(TIME, Form.INSTANT), (), now.isoformat()))
        return sum(loader.stage_arrow(batch, targets) for batch in batches)

    def mapping(self, workspace: Workspace, table: str, now: datetime) -> Mapping:
        """How fields of rows that arrive `now` become columns of a table.

        :raises NotFound: there is no such table, and its name isn't one that may be made
        """
        workspace.here("adding rows")
        schema = self.tables.catalogue.table(table)
        if schema is not None and schema.kept:
            raise Invalid(f"the rows of `{table}` are huntlake's own: adding others is not supported")
        on_disk = self.tables.exists_on_disk(workspace.name, table)
        if schema is None and not on_disk:
            self._may_be_made(workspace, table)
        stored_table = self.lake.table(workspace.name, table)
        about = stored_table.about() if on_disk else About()
        said = Unknown(about.notes[UNKNOWN]) if UNKNOWN in about.notes else None
        if about.declared:
            mapping = Mapping.declared(stored_table.columns())
        else:
            written = stored_table.columns() if on_disk else ()
            # What files hold already decides, should the catalogue have changed its mind.
            columns = [*written, *(stored(schema.columns) if schema else custom_columns())]
            mapping = Mapping.of(columns, table, workspace.id, now, extensible=schema is None or schema.open)
        if said is not None:
            mapping.extensible, mapping.drops = said is Unknown.EXTEND, said is Unknown.DROP
        return mapping

    def _may_be_made(self, workspace: Workspace, table: str) -> None:
        names = self.tables.names(workspace.name)
        alike = table.lower() in {n.lower() for n in names}
        if alike or not table.endswith("_CL"):
            hint = did_you_mean(table, names) or "a table of your own has a name that ends in `_CL`"
            raise NotFound(f"no table is named `{table}`: {hint}")


def _arrow_form(type: pa.DataType) -> Form:
    import pyarrow as pa

    tests: tuple[tuple[Callable[[pa.DataType], bool], Form], ...] = (
        (pa.types.is_boolean, Form.BOOLEAN),
        (pa.types.is_int64, Form.BIGINT),
        (pa.types.is_uint64, Form.BIGINT),
        (pa.types.is_uint32, Form.BIGINT),
        (pa.types.is_integer, Form.INTEGER),
        (pa.types.is_floating, Form.DOUBLE),
        (pa.types.is_decimal, Form.DECIMAL),
        (pa.types.is_timestamp, Form.INSTANT),
        (pa.types.is_date, Form.INSTANT),
    )
    return next((form for test, form in tests if test(type)), Form.TEXT)
