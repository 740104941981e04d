"""Rows of streams that no commit holds yet, as queries read them."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from threading import RLock
from uuid import uuid4

from huntlake.core.errors import Conflict, NotFound
from huntlake.engines.duckdb.database import Database, kept
from huntlake.lake import Lake
from huntlake.lake.forms import TIME, StoredColumn
from huntlake.lake.log.frames import Frame
from huntlake.lake.log.owners import writers
from huntlake.lake.log.reading import Tail
from huntlake.lake.scanning import Pending
from huntlake.lake.sources import Reject, shown
from huntlake.lake.staging import Converted, Stage, said
from huntlake.workspace.ingestion.dead_letters import Letter
from huntlake.workspace.ingestion.mapping import Arrival
from huntlake.workspace.ingestion.service import Ingestion
from huntlake.workspace.workspaces import Workspace

_PIECE_ROWS, _PIECE_BYTES = 50_000, 64 * 2**20
_PIECE_TIME = timedelta(seconds=10)
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Misfit:
    """A row that didn't fit, and the batch that it stood in."""

    batch: Frame
    reject: Reject

    def letter(self, table: str) -> Letter:
        """It as a dead letter."""
        return Letter(self.batch.batch.arrived, table, self.batch.batch.source, self.reject)


@dataclass(eq=False)
class Part:
    """Some batches of one table, one after another in the log of one writer, as columns."""

    writer: str
    first: int
    last: int
    size: int
    """Bytes of their lines."""
    converted: tuple[Converted, ...]
    letters: tuple[Misfit, ...]
    _names: dict[int, str] = field(default_factory=dict, repr=False)
    _lock: RLock = field(default_factory=RLock, repr=False)

    @property
    def rows(self) -> int:
        return sum(c.rows.num_rows for c in self.converted)

    def relations(self, engine: Database) -> list[Pending]:
        """Where the engine reads them. It keeps them as long as this part lasts."""
        found = []
        for i, one in enumerate(self.converted):
            if one.rows.num_rows:
                with self._lock:
                    if i not in self._names:
                        name = f"pending {uuid4().hex}"
                        engine.keep(name, one.rows)
                        weakref.finalize(self, engine.forget, name).atexit = False
                        self._names[i] = name
                found.append(Pending(kept(self._names[i]), tuple(c.name for c in one.columns), self.writer))
        return found


class Conversions:
    """Batches of the log into columns, by the same mapping as files."""

    def __init__(self, lake: Lake, ingestion: Ingestion) -> None:
        self._lake = lake
        self._ingestion = ingestion
        self._stage: Stage | None = None
        self._lock = RLock()

    def convert(self, writer: str, frames: Sequence[Frame], *, extend: bool) -> list[Part]:
        """The parts that batches of one table make. With `extend` the table gets the columns that they need first.

        :raises NotFound: the table is gone
        """
        parts = []
        for piece in _pieces(frames):
            for attempt in range(_ATTEMPTS):
                try:
                    parts.append(self._part(writer, piece, extend))
                    break
                except Conflict:
                    # Another writer gave a new field a column of another type: the field follows.
                    if attempt == _ATTEMPTS - 1:
                        raise
        return parts

    def close(self) -> None:
        """Give the engine back."""
        with self._lock:
            if self._stage is not None:
                self._stage.close()
                self._stage = None

    def _part(self, writer: str, frames: Sequence[Frame], extend: bool) -> Part:
        batch = frames[0].batch
        workspace = Workspace(batch.workspace, batch.workspace_id)
        mapping = self._ingestion.mapping(workspace, batch.table, batch.arrived)
        mapping.extensible = mapping.extensible and extend
        letters = [Misfit(frame, r) for frame in frames for r in frame.batch.rejects]
        batches = [(f.sequence, f.batch.rows, f.batch.lines) for f in frames]
        found = self._staged().convert(batches, Arrival(mapping, batch.arrived))
        if any(one.rejects for one in found):
            places = [(f, n) for f in frames for n in _places(f, f.batch.rows)]
            for one in found:
                for reject in one.rejects:
                    frame, line = places[reject.line or 0]
                    letters.append(Misfit(frame, replace(reject, line=line)))
        letters.sort(key=lambda letter: (letter.batch.sequence, letter.reject.line or 0))
        if extend:
            found = self._known(batch.workspace, batch.table, found)
        size = sum(len(f.batch.lines) for f in frames)
        return Part(writer, frames[0].sequence, frames[-1].sequence, size, tuple(found), tuple(letters))

    def _known(self, workspace: str, table: str, found: Sequence[Converted]) -> list[Converted]:
        """The same without columns that say nothing; the table has the others when this returns."""
        there = self._lake.table(workspace, table)
        stored = {c.name.lower() for c in there.columns()}
        kept_ones = []
        for one in found:
            wanted = stored | said(one) | {TIME.lower()}
            kept_ones.append(replace(one, columns=tuple(c for c in one.columns if c.name.lower() in wanted)))
        columns: dict[str, StoredColumn] = {c.name.lower(): c for one in kept_ones for c in one.columns}
        if columns and not (columns.keys() <= stored and _same(columns, there.columns())):
            there.add_columns(list(columns.values()))
        return kept_ones

    def _staged(self) -> Stage:
        with self._lock:
            if self._stage is None:
                self._stage = Stage(self._lake.working_folder)
            return self._stage


def unwanted(writer: str, frames: Sequence[Frame], why: str) -> Part:
    """A part of batches whose table is gone: all rows of it are letters."""
    letters = []
    for frame in frames:
        own = frame.batch.lines.split(b"\n") if frame.batch.rows else []
        found = [Reject(n, why, shown(line)) for n, line in zip(_places(frame, len(own)), own, strict=True)]
        letters += [Misfit(frame, r) for r in (*frame.batch.rejects, *found)]
    size = sum(len(f.batch.lines) for f in frames)
    return Part(writer, frames[0].sequence, frames[-1].sequence, size, (), tuple(letters))


@dataclass
class _Read:
    """What was made of the batches of one table in another writer's log."""

    columns: tuple[StoredColumn, ...]
    numbers: frozenset[int]
    parts: list[Part]


class Others:
    """The rows that wait in the logs of other writers."""

    def __init__(self, lake: Lake, conversions: Conversions) -> None:
        self._lake = lake
        self._conversions = conversions
        self._tails: dict[str, Tail] = {}
        self._read: dict[tuple[str, str, str], _Read] = {}
        self._lock = RLock()

    def parts(self, workspace: str, table: str, without: str | None) -> list[Part]:
        """The parts of a table that lie in the logs of all writers but `without`."""
        found: list[Part] = []
        folders = [f for f in writers(self._lake.root) if f.name != without]
        with self._lock:
            self._tails = {f.name: self._tails.get(f.name) or Tail(f) for f in folders}
            gone = [key for key in self._read if key[0] not in self._tails]
            for key in gone:
                del self._read[key]
            for writer, tail in self._tails.items():
                frames = [f for f in tail.frames() if f.batch.key == (workspace, table)]
                found += self._of(writer, workspace, table, frames)
        return found

    def _of(self, writer: str, workspace: str, table: str, frames: Sequence[Frame]) -> list[Part]:
        key = writer, workspace, table
        # What the table holds, or doesn't get any more, may stay in the log for long.
        held = self._lake.holds(workspace, table, writer) if frames else 0
        frames = [f for f in frames if f.sequence > held]
        if not frames:
            self._read.pop(key, None)
            return []
        there = self._lake.table(workspace, table)
        read = self._read.get(key)
        numbers = frozenset(f.sequence for f in frames)
        first, parts, last = frames[0].sequence, list[Part](), 0
        # What nobody was told of may have been taken back after it was read.
        if (
            read is not None
            and read.columns is there.columns()
            and numbers.issuperset(n for n in read.numbers if n >= first)
        ):
            parts = [p for p in read.parts if p.last >= first]
            last = parts[-1].last if parts else 0
        new = [f for f in frames if f.sequence > last]
        if new:
            parts += self._converted(writer, new)
        self._read[key] = _Read(there.columns(), numbers, parts)
        return list(parts)

    def _converted(self, writer: str, frames: Sequence[Frame]) -> list[Part]:
        try:
            return self._conversions.convert(writer, frames, extend=True)
        except NotFound as gone:
            return [unwanted(writer, frames, str(gone))]
        except OSError:
            # This process may not write: what the table has no column for is seen when someone gives it one.
            return self._conversions.convert(writer, frames, extend=False)


def _places(frame: Frame, rows: int) -> Sequence[int]:
    """Where each line of a batch stood in it, from 1."""
    return frame.batch.numbers or range(1, rows + 1)


def _same(columns: dict[str, StoredColumn], stored: Sequence[StoredColumn]) -> bool:
    forms = {c.name.lower(): c.form for c in stored}
    return all(forms.get(key) is c.form for key, c in columns.items())


def _pieces(frames: Sequence[Frame]) -> list[list[Frame]]:
    pieces: list[list[Frame]] = []
    rows = size = 0
    for frame in frames:
        batch = frame.batch
        late = bool(pieces) and abs(batch.arrived - pieces[-1][0].batch.arrived) > _PIECE_TIME
        full = rows + batch.rows > _PIECE_ROWS or size + len(batch.lines) > _PIECE_BYTES
        other = bool(pieces) and batch.workspace_id != pieces[-1][0].batch.workspace_id
        if not pieces or late or full or other:
            pieces.append([])
            rows = size = 0
        pieces[-1].append(frame)
        rows += batch.rows
        size += len(batch.lines)
    return pieces
