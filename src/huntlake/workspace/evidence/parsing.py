"""One file, read in a process of its own: `python -m huntlake.workspace.evidence.parsing` with a job on standard input.

Whatever a file does to its reader happens here, within limits, and without a network. What comes of it are files of
JSON lines in the job's folder, one for each table, and `report.json`.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import orjson

from huntlake.core.errors import DomainError, LimitExceeded
from huntlake.workspace.catalogue import Catalogue
from huntlake.workspace.evidence.archives import unpack
from huntlake.workspace.evidence.confinement import confine
from huntlake.workspace.evidence.formats import FileFormat, format_of
from huntlake.workspace.evidence.kinds import kind_of
from huntlake.workspace.evidence.plain import first_fit, mapping_of, zone_named
from huntlake.workspace.evidence.records import Context, Record, Row, Unread
from huntlake.workspace.evidence.windows import Clocks

REPORT, REJECTS = "report.json", "rejects.jsonl"

_TABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_SHOWN = 4000


@dataclass
class Parsed:
    """What a file held: pieces read, those that became rows, and those that did not; rows of each table."""

    format: str
    read: int
    dead: int
    tables: dict[str, int]
    kinds: dict[str, int]
    corrected: int
    assumed: int
    undated: int


def main() -> int:
    job = orjson.loads(sys.stdin.buffer.read())
    confine(job["memory"], job["cpu"], job["output"])
    folder = Path(job["folder"])
    try:
        if job["what"] == "unpack":
            members = unpack(Path(job["path"]), job["name"], folder, job["output"])
            answer: dict[str, Any] = {"members": [[m.name, str(m.path)] for m in members]}
        else:
            answer = asdict(parse(Path(job["path"]), job["name"], folder, job))
    except DomainError as error:
        answer = {"error": str(error)}
    except MemoryError:
        answer = {"error": f"it needs more than {job['memory'] >> 20:,} MiB of memory"}
    except RecursionError:
        answer = {"error": "it is nested too deeply"}
    (folder / REPORT).write_bytes(orjson.dumps(answer))
    return 0


def parse(path: Path, name: str, folder: Path, job: dict[str, Any]) -> Parsed:
    """Read a file; its rows are then in `folder`.

    :raises Invalid: it can't be read at all
    :raises LimitExceeded: it makes more bytes of rows than `job` allows
    """
    form = format_of(path)
    if form is None:
        return Parsed("", 0, 0, {}, {}, 0, 0, 0)
    catalogue, types = Catalogue(), dict[str, dict[str, str] | None]()

    def columns(table: str) -> dict[str, str] | None:
        if table not in types:
            known = catalogue.table(table)
            types[table] = {c.name: str(c.type) for c in known.columns} if known else None
        return types[table]

    given = first_fit([mapping_of(m) for m in job["mappings"]], name)
    clocks = Clocks()
    if form.name in ("json", "csv") and given is None:
        clocks.learn(form.read(path))
    context = Context(
        file=name,
        columns=columns,
        written_at=datetime.fromtimestamp(job["written_at"], UTC),
        zone=zone_named(job["zone"]),
        offset=clocks.ahead,
    )
    tables: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    read = dead = 0
    with _Output(folder, job["output"]) as output:
        for piece in _pieces(form, path):
            read += 1
            if isinstance(piece, Record):
                try:
                    rows = list(given.rows(piece, context)) if given else _rows(piece, context, kinds)
                except (ValueError, TypeError, AttributeError, KeyError, OverflowError) as error:
                    # A field of another type than everybody writes: the record is odd, and not lost.
                    told = error if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
                    piece = Unread(piece.line, str(told), orjson.dumps(piece.fields, default=str).decode()[:_SHOWN])
                else:
                    for row in rows:
                        output.write(row.table, row.fields)
                        tables[row.table] += 1
                    continue
            dead += 1
            output.reject(piece)
    if given:
        kinds["mapping"] = read - dead
    notes = context.notes
    return Parsed(form.name, read, dead, dict(tables), dict(kinds), notes.corrected, notes.assumed, notes.undated)


def _pieces(form: FileFormat, path: Path) -> Iterator[Record | Unread]:
    pieces = form.read(path)
    while True:
        try:
            yield next(pieces)
        except StopIteration:
            return
        except (UnicodeError, EOFError) as error:
            yield Unread(None, f"nothing after this was read: {error}", "")
            return


def _rows(record: Record, context: Context, kinds: Counter[str]) -> list[Row]:
    kind = kind_of(record.fields, context.file)
    if kind is None:
        raise ValueError("no kind of evidence knows it")
    rows = list(kind.rows(record, context))
    kinds[kind.name] += 1
    return rows


class _Output(ExitStack):
    """The files of rows, one for each table."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        super().__init__()
        self._folder = folder
        self._files: dict[str, IO[bytes]] = {}
        self._left = most_bytes

    def write(self, name: str, value: dict[str, Any]) -> None:
        if not _TABLE.fullmatch(name):
            raise LimitExceeded(f"`{name[:128]}` can't be the name of a table")
        line = orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS, default=str)
        self._left -= len(line)
        if self._left < 0:
            raise LimitExceeded("its rows are more bytes than one file may make")
        if name not in self._files:
            if len(self._files) >= 200:
                raise LimitExceeded("its rows are of more than 200 tables")
            self._files[name] = self.enter_context((self._folder / f"{name}.rows").open("xb"))
        self._files[name].write(line)

    def reject(self, piece: Unread) -> None:
        self._left -= len(piece.text)
        if REJECTS not in self._files:
            self._files[REJECTS] = self.enter_context((self._folder / REJECTS).open("xb"))
        self._files[REJECTS].write(orjson.dumps(asdict(piece), option=orjson.OPT_APPEND_NEWLINE))


if __name__ == "__main__":
    sys.exit(main())
