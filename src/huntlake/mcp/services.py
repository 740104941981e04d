"""What the tools need of the services behind them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from huntlake.core.clock import Clock
from huntlake.core.errors import Invalid, NotFound
from huntlake.hunting.service import Hunting
from huntlake.playbooks.service import Playbooks
from huntlake.workspace.activity import Activity
from huntlake.workspace.catalogue import Catalogue
from huntlake.workspace.known_questions import KnownQuestions
from huntlake.workspace.query import Queries
from huntlake.workspace.workspaces import Workspace

Admitted = Callable[[str], AbstractAsyncContextManager[None]]
"""Waits for the turn of a caller, by id, and holds it; `LimitExceeded` where they ask too much."""


class Services(Protocol):
    """The composition root has them all."""

    @property
    def clock(self) -> Clock: ...
    @property
    def queries(self) -> Queries: ...
    @property
    def activity(self) -> Activity: ...
    @property
    def catalogue(self) -> Catalogue: ...
    @property
    def playbooks(self) -> Playbooks: ...
    @property
    def hunting(self) -> Hunting: ...
    @property
    def known_questions(self) -> KnownQuestions: ...


@dataclass(frozen=True)
class Caller:
    """Who calls a tool. `readable` gives the workspaces that they may read at this moment."""

    id: str
    readable: Callable[[], Sequence[Workspace]]

    def workspace(self, named: str) -> Workspace:
        """The workspace of that id or name; with `""` or `default` the only one that the caller may read."""
        readable = self.readable()
        wanted = named.strip().lower()
        if wanted not in ("", "default"):
            for one in readable:
                if wanted in (one.id.lower(), one.name.lower(), one.database.lower()):
                    return one
            raise NotFound(f"there is no workspace `{named}` that you may read; `list_sentinel_workspaces` lists them")
        if not readable:
            raise NotFound("there is no workspace that you may read")
        if len(readable) > 1:
            names = ", ".join(f"`{one.name}` ({one.id})" for one in readable)
            raise Invalid(f"say which workspace by `workspaceId`: {names}")
        return readable[0]

    def named(self, name: str) -> Workspace | None:
        """A workspace that a query names, if the caller may read it."""
        found = (w for w in self.readable() if name.lower() in (w.id.lower(), w.name.lower(), w.database.lower()))
        return next(found, None)
