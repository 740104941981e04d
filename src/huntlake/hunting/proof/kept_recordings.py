"""Recorded data that are kept with hunts and templates: each of their queries runs over them when it is proved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from huntlake.core.clock import Clock
from huntlake.core.errors import Invalid
from huntlake.hunting.proof.finding import Expectation
from huntlake.hunting.proof.recordings import Recording, of_rows, rows_of
from huntlake.state.audit import Actor, AuditEntry, AuditTrail
from huntlake.state.documents import Document, Shelf
from huntlake.state.records import Author, Owner, Records
from huntlake.workspace.catalogue import Catalogue

LARGEST = 4 << 20
"""Bytes of a recording, as JSON: what an attack needs, not what a day has."""


@dataclass(frozen=True, slots=True)
class KeptRecording:
    """Rows by table, what a query must make of them, and the hunts and templates that they are for.

    `*` among `hunts` means all that read one of its tables, which a recording of a quiet day may be for.
    """

    expectation: Expectation
    tables: Mapping[str, Sequence[Mapping[str, Any]]]
    hunts: tuple[str, ...] = ()
    templates: tuple[str, ...] = ()
    by: Author = field(default_factory=Author)
    made: datetime | None = None


class KeptRecordings:
    """The recordings of every workspace, by their names."""

    def __init__(self, shelf: Shelf, clock: Clock, audit: AuditTrail, catalogue: Catalogue | None = None) -> None:
        self._clock, self._audit, self._catalogue = clock, audit, catalogue or Catalogue()
        self._records = Records(shelf, clock, "hunt recordings", KeptRecording)

    def list(self, owner: Owner) -> Sequence[Document[KeptRecording]]:
        """All of a workspace, by name."""
        return self._records.list(owner)

    def get(self, owner: Owner, name: str) -> Document[KeptRecording]:
        """The one of that name; `NotFound` where there is none."""
        return self._records.get(owner, name)

    def add(
        self,
        owner: Owner,
        name: str,
        path: Path,
        expectation: Expectation,
        hunts: Iterable[str] = (),
        templates: Iterable[str] = (),
        by: Author = Author(),
    ) -> Document[KeptRecording]:
        """Keep the rows of a file or a folder, in place of those of that name.

        `Invalid` for rows that no table of that name can have, for too many, and where they are for nothing.
        """
        tables = rows_of(path)
        # What can't be read as rows of its tables is refused now, not when a hunt is proved.
        of_rows(name, expectation, tables, self._catalogue)
        kept = KeptRecording(expectation, tables, tuple(hunts), tuple(templates), by, self._clock.now())
        if not kept.hunts and not kept.templates:
            raise Invalid("say for which hunts or templates it is; `*` means all hunts that read its tables")
        size = len(orjson.dumps(tables, default=str))
        if size > LARGEST:
            raise Invalid(f"it has {size:,} bytes, and {LARGEST:,} are kept: leave rows out")
        document, _ = self._records.put(owner, name, kept, by)
        self._note(owner, "recording/keep", name, by, {"tables": ", ".join(sorted(tables)), "expects": expectation})
        return document

    def remove(self, owner: Owner, name: str, by: Author = Author()) -> bool:
        """Forget one; False where there was none."""
        if not self._records.delete(owner, name):
            return False
        self._note(owner, "recording/forget", name, by, {})
        return True

    def attached(self, owner: Owner, names: Iterable[str], tables: Iterable[str]) -> tuple[Recording, ...]:
        """Those that are for a hunt or a template of one of the names, or for all that read one of the tables."""
        wanted = {name.lower() for name in names if name}
        read = set(tables)
        found = []
        for document in self._records.list(owner):
            kept = document.value
            named = {name.lower() for name in (*kept.hunts, *kept.templates)}
            if wanted & named or ("*" in kept.hunts and read & kept.tables.keys()):
                found.append(of_rows(document.name, kept.expectation, kept.tables, self._catalogue))
        return tuple(found)

    def _note(self, owner: Owner, action: str, name: str, by: Author, details: Mapping[str, str]) -> None:
        entry = AuditEntry(Actor.person(by), action, "recording", name, details=dict(details))
        self._audit.append(owner, entry)
