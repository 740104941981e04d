"""Files that are sent here to be imported: kept until they are read, and how far each has come."""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from uuid import uuid4

from huntlake.core.clock import Clock
from huntlake.core.errors import Busy, DomainError, Invalid, NotFound
from huntlake.workspace.evidence.plain import zone_named
from huntlake.workspace.evidence.service import EvidenceImport, ImportReport, Progress
from huntlake.workspace.workspaces import Workspace

MOST_WAITING = 20
"""Files of a lake that wait to be read, or are."""
_REMEMBERED = timedelta(hours=24)
_NAME = re.compile(r"[^\w.() -]", re.ASCII)
_LOG = logging.getLogger("huntlake.imports")


@dataclass(frozen=True)
class Upload:
    """A file that was sent: how far it has come, and what came of it. `done` and `total` are bytes."""

    id: str
    workspace: str
    name: str
    by: str
    at: datetime
    zone: str
    state: str
    """`receiving`, `waiting`, `reading`, `done`, or `failed`."""
    done: int = 0
    total: int = 0
    rows: int = 0
    failure: str = ""
    report: ImportReport | None = None
    client_request_id: str = ""
    """What the sender calls it, and knows it by before it has an `id`."""


@dataclass
class Uploads:
    """The files that were sent lately. They are gone when the process ends; what has landed of them isn't."""

    evidence: EvidenceImport
    folder: Path
    clock: Clock
    _known: dict[str, Upload] = field(default_factory=dict, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)
    _pool: ThreadPoolExecutor | None = field(default=None, init=False)

    def begin(
        self, workspace: Workspace, name: str, by: str, zone: str, total: int = 0, *, client_request_id: str = ""
    ) -> tuple[Upload, Path]:
        """Room for a file, and where to write it; `Busy` where too many wait already."""
        workspace.here("importing evidence")
        zone_named(zone)
        plain = _NAME.sub("_", Path(name.replace("\\", "/")).name)[-200:].lstrip(".")
        if not plain:
            raise Invalid("a file that is sent has a name")
        now = self.clock.now()
        with self._lock:
            self._known = {i: u for i, u in self._known.items() if u.state in _OPEN or now - u.at < _REMEMBERED}
            if sum(u.state in _OPEN for u in self._known.values()) >= MOST_WAITING:
                raise Busy(f"{MOST_WAITING} files wait to be read already; send this one later")
            upload = Upload(
                uuid4().hex,
                workspace.name,
                plain,
                by,
                now,
                zone,
                "receiving",
                0,
                total,
                client_request_id=client_request_id,
            )
            self._known[upload.id] = upload
        place = self.folder / upload.id
        place.mkdir(parents=True)
        return upload, place / plain

    def received(self, upload: Upload, workspace: Workspace) -> Upload:
        """Have a file read that is there whole; it is deleted when it was."""
        waiting = self._changed(upload.id, state="waiting", done=0)
        with self._lock:
            # One at a time: each file is read by a process of its own already.
            self._pool = self._pool or ThreadPoolExecutor(1, thread_name_prefix="import")
            self._pool.submit(self._read, upload.id, workspace)
        return waiting

    def abandoned(self, upload: Upload, why: str) -> None:
        """Forget a file that didn't come whole."""
        shutil.rmtree(self.folder / upload.id, ignore_errors=True)
        self._changed(upload.id, state="failed", failure=why)

    def get(self, workspace: Workspace, id: str) -> Upload:
        """A file that was sent to that workspace; `NotFound` where there is none of that id."""
        found = self._known.get(id)
        if found is None or found.workspace != workspace.name:
            raise NotFound(f"no import has the id `{id}`")
        return found

    def list(self, workspace: Workspace) -> tuple[Upload, ...]:
        """The files that were sent to a workspace lately, the newest first."""
        found = [u for u in self._known.values() if u.workspace == workspace.name]
        return tuple(sorted(found, key=lambda u: u.at, reverse=True))

    def close(self) -> None:
        """Begin no more; what is being read is finished."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _read(self, id: str, workspace: Workspace) -> None:
        upload, place = self._changed(id, state="reading"), self.folder / id
        try:
            report = self.evidence.take(
                workspace,
                place / upload.name,
                by=upload.by,
                time_zone=upload.zone,
                progress=self._progress(id),
                named=lambda file: file.name,
            )
            self._changed(id, state="done", report=report, rows=sum(report.tables.values()))
        except DomainError as error:
            self._changed(id, state="failed", failure=str(error))
        except Exception:
            _LOG.exception("the import %s of %s failed", id, workspace.name)
            self._changed(id, state="failed", failure="an internal error occurred; the server's log has more")
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def _progress(self, id: str) -> Callable[[Progress], None]:
        def told(progress: Progress) -> None:
            self._changed(id, done=progress.bytes, total=progress.total, rows=progress.rows)

        return told

    def _changed(self, id: str, **how: object) -> Upload:
        with self._lock:
            changed = self._known[id] = replace(self._known[id], **how)  # type: ignore[arg-type]
            return changed


_OPEN = ("receiving", "waiting", "reading")
