"""A folder of evidence into the tables of a workspace."""

from __future__ import annotations

import getpass
import hashlib
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import orjson

from huntlake.core.clock import Clock
from huntlake.core.errors import DomainError, Invalid, NotFound
from huntlake.lake import Lake
from huntlake.lake.sources import Reject
from huntlake.workspace.evidence.archives import is_archive
from huntlake.workspace.evidence.custody import Custody, Evidence
from huntlake.workspace.evidence.plain import FileMapping, first_fit, zone_named
from huntlake.workspace.evidence.sandbox import Limits, run
from huntlake.workspace.ingestion.dead_letters import DeadLetters
from huntlake.workspace.ingestion.service import Ingestion
from huntlake.workspace.workspaces import Workspace

_AT_ONCE = 512 << 20
"""Bytes of rows that wait before they land: many small files are few commits."""

_NESTED = 3
"""Archives in archives that are opened."""

_LETTERS = "HuntlakeEvidence"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import has come: bytes of files, the file that is next, and the rows made of those before."""

    bytes: int
    total: int
    rows: int
    file: str


@dataclass(frozen=True)
class ImportReport:
    """What came of an import. In a dry run the rows of `files` are those that would be taken in."""

    files: tuple[Evidence, ...]
    skipped: tuple[str, ...]
    """Files that are in the workspace already."""
    dead_letter_files: tuple[Path, ...]
    unknown_columns: dict[str, dict[str, int]]
    """By table, fields that it has no column for, and in how many rows."""
    seconds: float
    dry: bool

    @property
    def read(self) -> int:
        return sum(f.read for f in self.files)

    @property
    def dead(self) -> int:
        return sum(f.dead for f in self.files)

    @property
    def tables(self) -> dict[str, int]:
        """The rows that each table got."""
        total: Counter[str] = Counter()
        for file in self.files:
            total.update(file.tables)
        return dict(sorted(total.items()))


@dataclass(slots=True)
class _Waiting:
    """A file that was read, and whose rows wait to land."""

    evidence: Evidence
    rows: dict[str, Path]
    written: dict[str, int]


@dataclass
class _Run:
    """One import, as it goes on."""

    workspace: Workspace
    folder: Path
    zone: str
    mappings: Sequence[FileMapping]
    by: str
    dry: bool
    taken: dict[str, Evidence]
    unfinished: dict[str, Evidence]
    files: list[Evidence] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    waiting: list[_Waiting] = field(default_factory=list)
    bytes_waiting: int = 0
    letters: set[Path] = field(default_factory=set)
    unknown: dict[str, Counter[str]] = field(default_factory=dict)
    rows: int = 0


@dataclass(frozen=True)
class EvidenceImport:
    """Takes folders of logs of many kinds into a workspace: each file is known by what is in it, hashed, recorded, and
    read by a process of its own."""

    lake: Lake
    ingestion: Ingestion
    custody: Custody
    clock: Clock
    limits: Limits = field(default_factory=Limits)

    def take(
        self,
        workspace: Workspace,
        path: Path,
        *,
        by: str,
        mappings: Sequence[FileMapping] = (),
        time_zone: str = "UTC",
        again: bool = False,
        dry: bool = False,
        progress: Callable[[Progress], None] | None = None,
        named: Callable[[Path], str] = str,
    ) -> ImportReport:
        """Import a file, or every file below a folder; one that is in the workspace already is skipped, unless `again`.

        What is kept of where a file lay is what it is `named`.

        A file that can't be read fails by itself, and is reported; the others land. An import that was killed is
        finished by the next one of the same file: what has landed of it doesn't land again.

        :raises NotFound: there is no such path
        :raises Invalid: no such time zone
        """
        workspace.here("importing evidence")
        zone_named(time_zone)
        if not path.exists():
            raise NotFound(f"there is no file or folder `{path}`")
        began = time.perf_counter()
        found = sorted(_files(path))
        total, done = sum(f.stat().st_size for f in found), 0
        taken, unfinished = self.custody.taken(workspace.name), self.custody.unfinished(workspace.name)
        if again:
            taken = {}
        with TemporaryDirectory(prefix="evidence-", dir=self.lake.working_folder) as scratch:
            running = _Run(workspace, Path(scratch), time_zone, mappings, by, dry, taken, unfinished)
            for file in found:
                if progress:
                    progress(Progress(done, total, running.rows, file.name))
                done += file.stat().st_size
                self._file(running, file, named(file), file.name, "", 0)
            self._land(running)
            self._mark_archives(running)
            if progress:
                progress(Progress(total, total, running.rows, ""))
        return ImportReport(
            files=tuple(running.files),
            skipped=tuple(running.skipped),
            dead_letter_files=tuple(sorted(running.letters)),
            unknown_columns={table: dict(fields) for table, fields in running.unknown.items()},
            seconds=time.perf_counter() - began,
            dry=dry,
        )

    def _file(self, running: _Run, path: Path, shown: str, name: str, container: str, depth: int) -> None:
        evidence = self._described(running, path, shown, container)
        before = running.taken.get(evidence.sha256)
        if before is not None:
            running.skipped.append(f"{shown}: taken in on {before.started[:19]}Z as {before.path}")
            return
        halfway = running.unfinished.pop(evidence.sha256, None)
        if halfway is not None:
            # Under its id the tables remember what they hold of it.
            evidence = replace(evidence, id=halfway.id, started=halfway.started, tables=halfway.tables)
        running.taken[evidence.sha256] = evidence
        running.files.append(evidence)
        # It lasts until the import ends: rows in it wait to land.
        own = running.folder / evidence.id
        own.mkdir()
        job = {
            "path": str(path.absolute()),
            "name": name,
            "folder": str(own),
            "written_at": path.stat().st_mtime,
            "zone": running.zone,
            "mappings": [_as_json(m) for m in running.mappings if first_fit([m], name)],
        }
        try:
            if is_archive(path):
                self._archive(running, evidence, job, depth)
            else:
                self._read(running, evidence, job, own)
        except (DomainError, OSError) as error:
            evidence.status, evidence.reason = "failed", str(error)
            self._ended(running, evidence)
        if running.bytes_waiting >= _AT_ONCE:
            self._land(running)

    def _archive(self, running: _Run, evidence: Evidence, job: dict[str, Any], depth: int) -> None:
        if depth >= _NESTED:
            raise Invalid(f"archives in archives are opened {_NESTED} deep")
        evidence.format = "archive"
        members = run(job | {"what": "unpack"}, self.limits)["members"]
        for name, place in members:
            self._file(running, Path(place), f"{evidence.path}!{name}", Path(name).name, evidence.sha256, depth + 1)
            Path(place).unlink(missing_ok=True)
        evidence.status, evidence.reason = "unpacked", f"{len(members)} files"
        self._ended(running, evidence)

    def _read(self, running: _Run, evidence: Evidence, job: dict[str, Any], own: Path) -> None:
        parsed = run(job | {"what": "parse"}, self.limits)
        evidence.format, evidence.kinds = parsed["format"], parsed["kinds"]
        evidence.read, evidence.dead = parsed["read"], parsed["dead"]
        evidence.corrected, evidence.assumed = parsed["corrected"], parsed["assumed"]
        evidence.undated = parsed["undated"]
        if not evidence.format:
            evidence.status = "unknown"
            evidence.reason = "it is empty" if not evidence.size else "nobody knows its form"
            self._ended(running, evidence)
            return
        if evidence.read != evidence.dead + sum(evidence.kinds.values()):
            raise Invalid(
                f"of {evidence.read} pieces {sum(evidence.kinds.values())} became rows and {evidence.dead} not"
            )
        evidence.made = sum(parsed["tables"].values())
        running.rows += evidence.made
        if running.dry:
            evidence.tables, evidence.status = parsed["tables"], "imported"
            return
        # First it is known: the next import, should this one be killed, brings the same letters under the same id.
        self.custody.keep(running.workspace.name, evidence)
        self._reject(running, evidence, own)
        rows = {}
        for table in parsed["tables"]:
            # The name is what dead letters of the load say of where a row was.
            rows[table] = own / table / f"{job['name']}#{evidence.id[:8]}"
            rows[table].parent.mkdir()
            (own / f"{table}.rows").rename(rows[table])
            running.bytes_waiting += rows[table].stat().st_size
        running.waiting.append(_Waiting(evidence, rows, parsed["tables"]))
        self.custody.keep(running.workspace.name, evidence)

    def _reject(self, running: _Run, evidence: Evidence, own: Path) -> None:
        """Keep what was no record, before anything of the file lands."""
        rejects = own / "rejects.jsonl"
        if not rejects.exists():
            return
        with (
            DeadLetters(self.ingestion.dead_letters, running.workspace.name, _LETTERS, self.clock.now()) as letters,
            rejects.open("rb") as lines,
        ):
            letters.keep(evidence.path, (Reject(**orjson.loads(line)) for line in lines))
            letters.flush()
            self.ingestion.keep_letters(running.workspace, letters, _mark(evidence))
        if letters.path:
            running.letters.add(letters.path)

    def _land(self, running: _Run) -> None:
        """Let what waits land: each table gets the rows of all files in one commit."""
        waiting, running.waiting, running.bytes_waiting = running.waiting, [], 0
        wrong: dict[str, list[str]] = {}
        for table in sorted({t for one in waiting for t in one.rows}):
            having = [one for one in waiting if table in one.rows]
            for one in [*having]:
                # From here on the table alone knows, should this process end, whether the rows have landed.
                landed_before = self.ingestion.landed(running.workspace, table, _mark(one.evidence))
                one.evidence.tables[table] = landed_before or 0
                self.custody.keep(running.workspace.name, one.evidence)
                if landed_before is not None:
                    one.evidence.dead += one.written[table] - landed_before
                    having.remove(one)
            if not having:
                continue
            try:
                report = self.ingestion.ingest(
                    running.workspace,
                    table,
                    [one.rows[table] for one in having],
                    format="json",
                    marks={one.rows[table]: _mark(one.evidence) for one in having},
                )
            except DomainError as error:
                for one in having:
                    wrong.setdefault(one.evidence.id, []).append(f"{table}: {error}")
                    one.evidence.dead += one.written[table]
                    del one.evidence.tables[table]
                continue
            refused = _refused(report.dead_letter_file)
            if report.dead_letter_file:
                running.letters.add(report.dead_letter_file)
            running.unknown.setdefault(table, Counter()).update(report.unknown_columns)
            for one in having:
                dead = refused.get(one.rows[table].name, 0)
                one.evidence.tables[table] = one.written[table] - dead
                one.evidence.dead += dead
                self.custody.keep(running.workspace.name, one.evidence)
            landed = sum(one.evidence.tables[table] for one in having)
            if landed != report.rows:
                raise Invalid(f"{report.rows:,} rows landed in {table}, of {landed:,} that were brought")
        for one in waiting:
            problems = wrong.get(one.evidence.id, [])
            one.evidence.status = "failed" if problems else "imported"
            one.evidence.reason = "; ".join(problems)
            for path in one.rows.values():
                path.unlink(missing_ok=True)
            self._ended(running, one.evidence)

    def _mark_archives(self, running: _Run) -> None:
        """An archive is taken in when all of its files are; else it is opened again with the next import."""
        # Files stand behind the archive that held them.
        broken: set[str] = set()
        for evidence in reversed(running.files):
            if evidence.sha256 in broken:
                evidence.status, evidence.reason = "failed", f"{evidence.reason}, not all of which were taken in"
                self._ended(running, evidence)
            if evidence.status == "failed" and evidence.container:
                broken.add(evidence.container)

    def _ended(self, running: _Run, evidence: Evidence) -> None:
        evidence.ended = self.clock.now().isoformat()
        if not running.dry:
            self.custody.keep(running.workspace.name, evidence)

    def _described(self, running: _Run, path: Path, shown: str, container: str) -> Evidence:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        about = path.stat()
        return Evidence(
            id=uuid4().hex,
            path=shown,
            sha256=digest,
            size=about.st_size,
            modified="" if container else datetime.fromtimestamp(about.st_mtime, UTC).isoformat(),
            started=self.clock.now().isoformat(),
            by=running.by,
            version=_version(),
            container=container,
        )


def _mark(evidence: Evidence) -> str:
    """The name under which tables remember that they hold a file's rows."""
    return f"evidence.{evidence.id}"


def user_name() -> str:
    """Who runs this program, as the system calls them."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def _files(path: Path) -> Iterator[Path]:
    """The files below a path; a link is not followed, for it may lead anywhere."""
    if path.is_file():
        yield path
        return
    for folder, _, names in os.walk(path):
        for name in names:
            file = Path(folder) / name
            if file.is_file() and not file.is_symlink():
                yield file


def _refused(letters: Path | None) -> Counter[str]:
    """How many dead letters of a load are of each of its files."""
    if letters is None:
        return Counter()
    with letters.open("rb") as lines:
        return Counter(orjson.loads(line)["source"] for line in lines)


def _as_json(mapping: FileMapping) -> dict[str, Any]:
    return {
        "files": mapping.files,
        "table": mapping.table,
        "time": mapping.time,
        "time_zone": mapping.time_zone,
        "columns": dict(mapping.columns) if mapping.columns is not None else None,
        "keep_rest": mapping.keep_rest,
    }


def _version() -> str:
    try:
        return version("huntlake")
    except PackageNotFoundError:
        return ""
