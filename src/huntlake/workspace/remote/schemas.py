"""The tables of remote workspaces: read from them now and then, and kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from huntlake.core.clock import Clock
from huntlake.core.errors import LimitExceeded, NotFound, PreconditionFailed, Unavailable
from huntlake.kql.types import Column, Columns, ScalarType
from huntlake.state.documents import Documents, Json, Shelf

AGE = timedelta(hours=1)
"""How old what is kept may be before it is read again. Of a table that nobody had heard of it is asked at once."""
_RECENT = timedelta(seconds=5)
"""For how long what is kept isn't read again from the database, which another process may have written to."""


@dataclass(frozen=True, slots=True)
class Schema:
    """Tables as they were at a moment. `listed`: these are all; else those that somebody asked about."""

    read: datetime
    tables: Mapping[str, tuple[Column, ...]]
    listed: bool


class Schemas:
    """The schemas that are kept, by the name of the workspace."""

    def __init__(self, database: Shelf, clock: Clock) -> None:
        self._documents = Documents(database, "remote schemas", _encode, _decode)
        self._clock = clock
        self._recent: dict[str, tuple[datetime, Schema]] = {}

    def current(self, workspace: str, read: Callable[[], Mapping[str, tuple[Column, ...]] | None]) -> Schema:
        """The tables, `read` anew where what is kept is too old; if that fails, as they were."""
        recent = self._recent.get(workspace.lower())
        # A list of a thousand tables asks a thousand times.
        if recent is not None and abs(self._clock.now() - recent[0]) < _RECENT:
            return recent[1]
        kept = self.kept(workspace)
        if kept is not None:
            self._recent[workspace.lower()] = self._clock.now(), kept
        if kept is not None and self._clock.now() - kept.read < AGE:
            return kept
        try:
            return self.refresh(workspace, read)
        except (Unavailable, LimitExceeded):
            if kept is None:
                raise
            return kept

    def refresh(self, workspace: str, read: Callable[[], Mapping[str, tuple[Column, ...]] | None]) -> Schema:
        """The tables, `read` now. Where none are listed, those asked about before are forgotten."""
        tables = read()
        made = Schema(self._clock.now(), tables or {}, tables is not None)
        self._recent[workspace.lower()] = made.read, made
        return self._documents.put(workspace.lower(), made).value

    def kept(self, workspace: str) -> Schema | None:
        """What is kept, however old."""
        found = self._documents.find(workspace.lower())
        return None if found is None else found.value

    def add(self, workspace: str, table: str, columns: tuple[Column, ...]) -> None:
        """Keep a table that somebody asked about."""
        # Whoever comes in between keeps another table, and this one is asked about again.
        self._recent.pop(workspace.lower(), None)
        with suppress(NotFound, PreconditionFailed):
            self._documents.change(workspace.lower(), lambda s: Schema(s.read, {**s.tables, table: columns}, s.listed))

    def forget(self, workspace: str) -> None:
        """Keep nothing of a workspace any more."""
        self._recent.pop(workspace.lower(), None)
        self._documents.delete(workspace.lower())


def _encode(schema: Schema) -> Json:
    tables: Json = {name: [[c.name, c.type.value] for c in columns] for name, columns in schema.tables.items()}
    return {"read": schema.read.isoformat(), "listed": schema.listed, "tables": tables}


def _decode(stored: Json) -> Schema:
    fields = cast("dict[str, Any]", stored)
    tables = {
        name: Columns(Column(column, ScalarType(type)) for column, type in columns)
        for name, columns in fields["tables"].items()
    }
    return Schema(datetime.fromisoformat(fields["read"]), tables, fields["listed"])
