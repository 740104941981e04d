"""Streams into tables: what is acknowledged lies on the disk, is seen by queries, and moves into Delta exactly once."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event, RLock, Thread
from time import monotonic
from typing import Any

import orjson

from huntlake.core.clock import Clock
from huntlake.core.errors import Conflict, Invalid, NotFound
from huntlake.engines.duckdb.database import Database
from huntlake.lake import Lake
from huntlake.lake.forms import TIME, Form, StoredColumn
from huntlake.lake.log import Draft, Frame, LogWriter
from huntlake.lake.log.owners import Owned, abandoned, new_owner
from huntlake.lake.log.reading import Damage, frames_of, keep_damaged
from huntlake.lake.scanning import NUMBER
from huntlake.lake.snapshot import Snapshot
from huntlake.lake.sources import LONGEST, Reject, shown
from huntlake.lake.staging import Converted, Stage
from huntlake.workspace.ingestion.dead_letters import LETTER_COLUMNS, LETTERS, as_rows
from huntlake.workspace.ingestion.pending import Conversions, Others, Part, unwanted
from huntlake.workspace.ingestion.room import Key, Room
from huntlake.workspace.ingestion.service import Ingestion
from huntlake.workspace.workspaces import Workspace

_LOG = logging.getLogger("huntlake.streams")

LARGEST = 64 * 2**20
"""Bytes of the largest batch that is taken in."""

_TICK = 0.25
_ATTEMPTS = 5
_ADOPT = 30.0
_SHOWN = 1000


@dataclass(frozen=True)
class Pace:
    """How much may wait, and for how long."""

    every: timedelta = timedelta(seconds=5)
    """Rows move into Delta after this time."""
    bytes: int = 64 * 2**20
    """… or when a table has so many bytes of them."""
    most: int = 256 * 2**20
    """Bytes of rows that may wait in all; whoever brings more waits."""
    patience: timedelta = timedelta(seconds=5)
    """… so long, and is then refused."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows for one table that are JSON objects, one a line, and what stood among them and is none."""

    workspace: Workspace
    table: str
    source: str
    """What the dead letters say of where a row came from."""
    lines: Sequence[bytes]
    numbers: Sequence[int]
    """Where each line stood in what was sent, from 1."""
    rejects: Sequence[Reject] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was taken in, and lies on the disk."""

    table: str
    rows: int
    """JSON objects. Those whose values don't fit their columns are told apart later, and go to the dead letters."""
    rejects: tuple[Reject, ...]
    """Lines that are no JSON objects; they go to the dead letters."""
    number: int
    """The batch's number in the log of this process."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was found in the logs of processes that ended without moving all of it."""

    rows: int = 0
    batches: int = 0
    tables: tuple[str, ...] = ()
    damage: tuple[Damage, ...] = ()
    """What of them can't be read, and where it is kept."""

    def __bool__(self) -> bool:
        """Whether anything was found."""
        return bool(self.batches or self.damage)

    def __str__(self) -> str:
        told = f"recovered {self.rows:,} rows of {self.batches:,} batches into {', '.join(self.tables) or 'no table'}"
        if self.damage:
            told += "; could not read " + ", ".join(map(str, self.damage))
        return told


@dataclass
class _Stream:
    """What one table waits for, of one writer."""

    workspace: str
    table: str
    writer: str
    frames: list[Frame] = field(default_factory=list)
    """Batches that are no columns yet."""
    parts: list[Part] = field(default_factory=list)
    lock: RLock = field(default_factory=RLock)

    @property
    def key(self) -> tuple[str, str]:
        return self.workspace, self.table

    @property
    def size(self) -> int:
        """Bytes of the lines that wait."""
        return sum(len(f.batch.lines) for f in list(self.frames)) + sum(p.size for p in list(self.parts))


def _nowhere(point: str) -> None:
    """Where nothing is to happen at a point."""


class Streams:
    """The durable way into tables. Nothing is opened before the first batch, or `open`.

    `at` is told of the points between the steps of a move, for tests that end the process there.
    """

    def __init__(
        self,
        lake: Lake,
        ingestion: Ingestion,
        engine: Database,
        clock: Clock,
        pace: Pace = Pace(),
        *,
        at: Callable[[str], None] = _nowhere,
    ) -> None:
        self._lake = lake
        self._ingestion = ingestion
        self.engine = engine
        self._clock = clock
        self._pace = pace
        self._at = at
        self._conversions = Conversions(lake, ingestion)
        self._others = Others(lake, self._conversions)
        self._streams: dict[tuple[str, str], _Stream] = {}
        self._done: dict[tuple[str, str], int] = {}
        self._log: LogWriter | None = None
        self._opening = RLock()
        self._moving = RLock()
        self._stage: Stage | None = None
        self._stop = Event()
        self._wake = Event()
        self._room = Room(pace.most, pace.patience, self._wake.set)
        self._threads: list[Thread] = []

    # -- taking in ----------------------------------------------------------------------

    def open(self) -> Recovery:
        """Begin to take batches, and bring into the tables what dead processes have left in their logs."""
        with self._opening:
            if self._log is not None:
                return Recovery()
            self._log = LogWriter(new_owner(self._lake.root), self._published)
            recovery = self._adopt()
            self._stop.clear()
            # One makes columns of what comes, while the other writes what has come before.
            for work in (self._settle_all, self._work):
                thread = Thread(target=work, name="streams", daemon=True)
                thread.start()
                self._threads.append(thread)
            return recovery

    def append(
        self,
        workspace: Workspace,
        table: str,
        rows: bytes | Iterable[Mapping[str, Any] | bytes | str],
        *,
        source: str = "stream",
    ) -> Receipt:
        """Take in a batch of events; when this returns, the disk has it, and queries see it.

        `rows` are JSON lines or a JSON array in bytes, or objects, or one JSON text for each. `source` is what the dead
        letters say of where a row came from.

        :raises NotFound: there is no such table, and it can't be made
        :raises Invalid: the batch is too large
        :raises Busy: too much waits already, and went on waiting
        :raises Unavailable: the disk is full, or fails; nothing of the batch was taken in
        """
        lines, numbers, rejects = lines_of(rows)
        batch = Batch(workspace, table, source, lines, numbers, rejects)
        return self.append_all([batch])[0]

    def append_all(self, batches: Sequence[Batch]) -> tuple[Receipt, ...]:
        """Take in batches for several tables, all of them or none, as `append` does one."""
        if self._log is None and (recovery := self.open()):
            _LOG.warning("%s", recovery)
        log = self._log
        assert log is not None
        for one in batches:
            one.workspace.here("adding rows")
            self._have(one.workspace, one.table)
        now = self._clock.now()
        drafts = {i: _draft(one, now) for i, one in enumerate(batches) if one.lines or one.rejects}
        size = sum(len(draft.lines) for draft in drafts.values())
        if size > LARGEST:
            raise Invalid(f"the batch has {size:,} bytes; the largest that is taken in has {LARGEST:,}")
        sequences: dict[int, int] = {}
        if drafts:
            sizes = Counter[Key]()
            for draft in drafts.values():
                sizes[draft.key] += len(draft.lines)
            self._room.take(sizes)
            try:
                sequences = dict(zip(drafts, log.append_all([*drafts.values()]), strict=True))
            except BaseException:
                self._room.give_back(sizes)
                raise
        return tuple(
            Receipt(one.table, len(one.lines), tuple(one.rejects), sequences.get(i, 0)) for i, one in enumerate(batches)
        )

    def flush(self) -> None:
        """Have the tables hold all that was taken in before."""
        with self._moving:
            failures: list[Exception] = []
            for stream in list(self._streams.values()):
                try:
                    self._move(stream)
                    self._room.stalls(stream.key, False)
                except Exception as failure:
                    # One table that doesn't take its rows keeps no other from theirs.
                    self._room.stalls(stream.key, True)
                    failures.append(failure)
            if self._log is not None:
                self._log.trim(self._done)
            for other in failures[1:]:
                _LOG.error("%s", other, exc_info=other)
            if failures:
                raise failures[0]

    def close(self) -> None:
        """Bring into the tables what waits, and end. What a failure keeps from it stays in the log."""
        with self._opening:
            self._stop.set()
            self._wake.set()
            for thread in self._threads:
                thread.join()
            self._threads.clear()
            if self._log is not None:
                try:
                    self.flush()
                except Exception:
                    _LOG.exception("rows stay in the log until the lake is opened for writing again")
                self._log.close()
                self._log = None
                self._streams.clear()
                self._done.clear()
            self._conversions.close()
            if self._stage is not None:
                self._stage.close()
                self._stage = None

    # -- queries ------------------------------------------------------------------------

    def settle(self, workspace: str, table: str) -> None:
        """Have a table the columns that the batches need which wait, of whatever process."""
        stream = self._streams.get((workspace, table))
        if stream is not None:
            self._settle(stream)
        if self._ingestion.tables.exists_on_disk(workspace, table):
            self._others.parts(workspace, table, self._own)

    def pending(self, workspace: str, table: str) -> list[Part]:
        """The rows of a table that no commit held when this was asked; some may be in one by now."""
        found: list[Part] = []
        stream = self._streams.get((workspace, table))
        if stream is not None:
            self._settle(stream)
            with stream.lock:
                found += stream.parts
        return found + self._others.parts(workspace, table, self._own)

    @property
    def _own(self) -> str | None:
        log = self._log
        return log.writer if log is not None else None

    def counted(self, workspace: str, table: str) -> tuple[Snapshot, int]:
        """The files of a table, and how many rows wait that are in none of them."""
        parts = self.pending(workspace, table)
        snapshot = self._lake.snapshot(workspace, table, writers=dict.fromkeys(p.writer for p in parts))
        fresh = [_since(p, held) for p in parts if p.last > (held := snapshot.holds.get(p.writer, 0))]
        return snapshot, sum(p.rows for p in fresh)

    # -- from the log into memory ---------------------------------------------------------

    def _published(self, frames: Sequence[Frame]) -> None:
        assert self._log is not None
        for frame in frames:
            key = frame.batch.key
            stream = self._streams.get(key)
            if stream is None:
                # Only one thread at a time writes to the log.
                stream = self._streams[key] = _Stream(*key, self._log.writer)
            stream.frames.append(frame)

    def _settle(self, stream: _Stream) -> None:
        """Make columns of the batches that had come when this was asked."""
        # While another thread is at it more come in; to wait for those, too, would have no end.
        waiting = stream.frames[-1:]
        if not waiting:
            return
        last = waiting[0].sequence
        with stream.lock:
            frames = [frame for frame in stream.frames[:] if frame.sequence <= last]
            if not frames:
                return
            try:
                parts = self._conversions.convert(stream.writer, frames, extend=True)
            except NotFound as gone:
                # Dropped, after they were taken in, and not of a name that is made by itself.
                parts = [unwanted(stream.writer, frames, str(gone))]
            stream.parts += parts
            # Others may have been added at the end meanwhile.
            del stream.frames[: len(frames)]

    def _have(self, workspace: Workspace, table: str) -> None:
        """Make the table, should there be none."""
        if not self._ingestion.tables.exists_on_disk(workspace.name, table):
            self._ingestion.mapping(workspace, table, self._clock.now())
            self._lake.table(workspace.name, table).add_columns([StoredColumn(TIME, Form.INSTANT)])

    # -- from memory into Delta -----------------------------------------------------------

    def _settle_all(self) -> None:
        failing = 0
        while not self._stop.wait(_TICK * (1 + failing)):
            try:
                for stream in list(self._streams.values()):
                    self._settle(stream)
                failing = 0
            except Exception:
                failing = min(failing + 1, 40)
                _LOG.exception("rows stay in the log; making columns of them is tried again")

    def _work(self) -> None:
        moved = adopted = monotonic()
        failing = 0
        while not self._stop.is_set():
            hurried = self._wake.wait(_TICK)
            self._wake.clear()
            if self._stop.is_set():
                return
            now = monotonic()
            try:
                due = now - moved >= self._pace.every.total_seconds() * (1 + failing)
                large = [s for s in list(self._streams.values()) if s.size >= self._pace.bytes]
                if due or large or hurried or self._room.pressed:
                    moved = now
                    self.flush()
                if now - adopted >= _ADOPT:
                    adopted = now
                    if recovery := self._adopt():
                        _LOG.warning("%s", recovery)
                failing = 0
            except Exception:
                failing = min(failing + 1, 10)
                moved = now
                _LOG.exception("rows stay in the log; moving them into tables is tried again")

    def _move(self, stream: _Stream) -> None:
        """Have the table hold what waits. After a crash at any point of it nothing is lost, and nothing is there twice.

        :raises DomainError: the table doesn't take it; the rows stay where they are
        """
        with self._moving:
            with stream.lock:
                self._settle(stream)
                parts = list(stream.parts)
            if not parts:
                return
            last = parts[-1].last
            for attempt in range(_ATTEMPTS):
                try:
                    self._land(stream, parts, last)
                    break
                except (Conflict, NotFound):
                    # Cleared, or dropped, while its rows were written: then they may not be wanted any more.
                    if attempt == _ATTEMPTS - 1:
                        raise
            with stream.lock:
                del stream.parts[: len(parts)]
            if stream.writer == self._own:
                self._done[stream.key] = last
        self._room.give_back({stream.key: sum(p.size for p in parts)})

    def _land(self, stream: _Stream, parts: Sequence[Part], last: int) -> None:
        table = self._lake.table(stream.workspace, stream.table)
        place, told = table.place(), table.holds(stream.writer)
        # Of a commit whose end nobody saw the table knows best.
        held = self._lake.holds(stream.workspace, stream.table, stream.writer)
        fresh = [_since(p, held) for p in parts if p.last > held]
        if not fresh:
            table.secure()
            return
        self._write_letters(stream, fresh, last)
        self._at("letters")
        converted = [c for p in fresh for c in p.converted]
        if not converted and not table.exists:
            return
        files = self._staged().write(table, converted)
        self._at("written")
        try:
            table.commit(files, holds={stream.writer: last}, held={stream.writer: told}, place=place)
        except (Conflict, NotFound):
            table.discard(files)
            raise
        self._at("committed")

    def _write_letters(self, stream: _Stream, parts: Sequence[Part], last: int) -> None:
        writer = f"{stream.writer}.{stream.table}"
        letters = [letter for p in parts for letter in p.letters]
        if not letters:
            return
        table = self._lake.table(stream.workspace, LETTERS)
        held = table.holds(writer)
        if new := [letter for letter in letters if letter.batch.sequence > held]:
            rows = as_rows([letter.letter(stream.table) for letter in new])
            files = self._staged().write(table, [Converted(rows, LETTER_COLUMNS, ())])
            table.commit(files, holds={writer: last})
        else:
            table.secure()

    def _staged(self) -> Stage:
        if self._stage is None:
            self._stage = Stage(self._lake.working_folder)
        return self._stage

    # -- what dead processes have left ------------------------------------------------------

    def _adopt(self) -> Recovery:
        found = Recovery()
        with self._moving:
            for owned in abandoned(self._lake.root):
                try:
                    one = self._recover(owned)
                except Exception:
                    # Its rows are seen by queries all the same.
                    _LOG.exception("the log %s stays as it is; it is tried again", owned.folder)
                    owned.release()
                    continue
                found = Recovery(
                    found.rows + one.rows,
                    found.batches + one.batches,
                    tuple(dict.fromkeys((*found.tables, *one.tables))),
                    found.damage + one.damage,
                )
        return found

    def _recover(self, owned: Owned) -> Recovery:
        streams: dict[tuple[str, str], list[Frame]] = defaultdict(list)
        damage: list[Damage] = []
        for frames, damaged in frames_of(owned):
            damage += damaged
            for frame in frames:
                streams[frame.batch.key].append(frame)
        rows = batches = 0
        tables = []
        failures: list[Exception] = []
        for (workspace, table), found in streams.items():
            held = self._lake.holds(workspace, table, owned.writer)
            new = [f for f in found if f.sequence > held]
            if not new:
                self._lake.table(workspace, table).secure()
                continue
            with suppress(NotFound):
                self._have(Workspace(workspace, new[0].batch.workspace_id), table)
            stream = _Stream(workspace, table, owned.writer, list(new))
            taken = {stream.key: sum(len(f.batch.lines) for f in new)}
            self._room.keep(taken)
            try:
                self._move(stream)
            except Exception as failure:
                # The next try takes room again; what waits for it stays on the disk.
                self._room.give_back(taken)
                failures.append(failure)
                continue
            rows += sum(f.batch.rows for f in new)
            batches += len(new)
            tables.append(table)
        if failures:
            raise failures[0]
        keep_damaged(owned)
        self._at("recovered")
        owned.remove()
        return Recovery(rows, batches, tuple(dict.fromkeys(tables)), tuple(damage))


def _since(part: Part, held: int) -> Part:
    """The batches of a part that come after a number."""
    if part.first > held:
        return part
    import pyarrow.compute as pc

    left = tuple(
        Converted(c.rows.filter(pc.greater(c.rows.column(NUMBER), held)), c.columns, ()) for c in part.converted
    )
    letters = tuple(letter for letter in part.letters if letter.batch.sequence > held)
    return Part(part.writer, held + 1, part.last, part.size, left, letters)


def _draft(batch: Batch, now: datetime) -> Draft:
    straight = list(batch.numbers) == list(range(1, len(batch.lines) + 1))
    return Draft(
        batch.workspace.name,
        batch.workspace.id,
        batch.table,
        batch.source,
        len(batch.lines),
        now,
        b"\n".join(batch.lines),
        None if straight else tuple(batch.numbers),
        tuple(batch.rejects),
    )


def lines_of(
    rows: bytes | Iterable[Mapping[str, Any] | bytes | str],
) -> tuple[list[bytes], list[int], list[Reject]]:
    """The JSON objects of a batch, one a line, where each stood, and what is none."""
    if isinstance(rows, bytes) and (all_good := _all_good(rows)):
        return all_good, list(range(1, len(all_good) + 1)), []
    good: list[bytes] = []
    numbers: list[int] = []
    rejects: list[Reject] = []
    given: Iterable[object] = rows
    if isinstance(rows, bytes):
        given = rows.split(b"\n")
        if rows[:64].lstrip()[:1] == b"[":
            # Lines that are arrays are told of one by one.
            with suppress(orjson.JSONDecodeError):
                given = orjson.loads(rows)
    for number, row in enumerate(given, 1):
        if isinstance(row, str):
            row = row.encode("utf-8", "surrogatepass")
        try:
            if isinstance(row, bytes):
                line = row.strip()
                if not line:
                    continue
                if not isinstance(orjson.loads(line), dict):
                    rejects.append(Reject(number, "not a JSON object", shown(line[:_SHOWN])))
                    continue
                if b"\n" in line:
                    line = orjson.dumps(orjson.loads(line))
            elif isinstance(row, Mapping):
                line = orjson.dumps(dict(row), option=orjson.OPT_NAIVE_UTC)
            else:
                rejects.append(Reject(number, "not a JSON object", repr(row)[:_SHOWN]))
                continue
        except orjson.JSONDecodeError:
            rejects.append(Reject(number, "not JSON", shown(line[:_SHOWN])))
            continue
        except TypeError as error:
            rejects.append(Reject(number, f"not JSON: {error}", repr(row)[:_SHOWN]))
            continue
        if len(line) > LONGEST:
            why = f"longer than {LONGEST:,} bytes; only the beginning is kept here"
            rejects.append(Reject(number, why, shown(line[:_SHOWN])))
            continue
        good.append(line)
        numbers.append(number)
    return good, numbers, rejects


def _all_good(rows: bytes) -> list[bytes]:
    """The lines of a batch that has a JSON object on each, and nothing else; none where it is another."""
    lines = rows.removesuffix(b"\n").split(b"\n")
    try:
        for line in lines:
            if type(orjson.loads(line)) is not dict:
                return []
    except orjson.JSONDecodeError:
        return []
    return lines if max(map(len, lines)) <= LONGEST else []
