"""What a command may use, and on whose behalf it runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn, Protocol

from huntlake.core.clock import Clock
from huntlake.core.diagnostics import Diagnostic, Source, SourceError, Span, did_you_mean
from huntlake.core.errors import Invalid, NotFound, Refused
from huntlake.engines.cancellation import Cancellation
from huntlake.kql.syntax.commands import Named, Tail
from huntlake.kql.types import Column
from huntlake.lake import Lake
from huntlake.lake.metadata import About
from huntlake.workspace.activity import Activity
from huntlake.workspace.commands.declaration import Need
from huntlake.workspace.functions import SavedFunctions
from huntlake.workspace.ingestion import Ingestion
from huntlake.workspace.ingestion.mappings import IngestionMappings
from huntlake.workspace.ingestion.streaming import Streams
from huntlake.workspace.query import DEFAULT, Queries, QueryOptions
from huntlake.workspace.workspaces import Workspace, Workspaces


@dataclass(frozen=True, slots=True)
class Member:
    """Someone who has a role in a workspace; `id` is the object id, `application` the client id.

    A person has `user`, the name to sign in with, and the object id in both places.
    """

    role: str
    name: str
    id: str
    application: str
    user: str = ""


class Caller(Protocol):
    """Whoever runs a command."""

    @property
    def id(self) -> str:
        """What the caller is known by, in the list of queries too."""
        ...

    def may(self, need: Need, workspace: Workspace) -> bool:
        """Whether the caller has the right to do that there."""
        ...

    def members(self, workspace: Workspace) -> Sequence[Member]:
        """Everyone who has a role in a workspace."""
        ...


class KnownTables(Protocol):
    """The tables of a workspace, which is named by its name."""

    def names(self, workspace: str) -> Iterable[str]: ...
    def listed(self, workspace: str) -> Iterable[str]: ...
    def table(self, workspace: str, name: str) -> tuple[Column, ...] | None: ...


@dataclass(frozen=True)
class Context:
    """One command while it runs. `database` is the one of the request, which may be empty."""

    lake: Lake
    tables: KnownTables
    ingestion: Ingestion
    streams: Streams
    queries: Queries
    functions: SavedFunctions
    mappings: IngestionMappings
    workspaces: Workspaces
    activity: Activity
    clock: Clock
    caller: Caller
    source: Source
    need: Need
    database: str = ""
    options: QueryOptions = DEFAULT
    cancellation: Cancellation | None = None

    def workspace(self, named: Named | None = None) -> Workspace:
        """The workspace that the command names, or else the one of the request.

        `Refused` where the caller may not do there what the command does; whoever may not read it isn't told whether
        it is there.
        """
        text = named.text if named else self.database
        found = self.readable(text)
        if found is None:
            raise Refused(
                "Client does not have access to any workspaces or client provided invalid workspace(s) in the scope."
            )
        if not self.caller.may(self.need, found):
            raise Refused(f"the caller's role in `{found.name}` doesn't let it {_DOING[self.need]} there")
        if self.need in (Need.WRITE, Need.MANAGE):
            found.here("a command that changes something")
        return found

    def readable(self, name: str) -> Workspace | None:
        """A workspace by its name, if the caller may read it."""
        try:
            found = self.workspaces.by_database(name)
        except NotFound:
            return None
        return found if self.caller.may(Need.READ, found) else None

    def granted(self) -> list[Workspace]:
        """Every workspace that the caller may read."""
        return [w for w in self.workspaces.list() if self.caller.may(Need.READ, w)]

    # -- queries ------------------------------------------------------------------

    @contextmanager
    def behind(self, query: Tail) -> Iterator[str]:
        """The query behind a `<|` as a text; within the block its errors point into the command."""
        if query.text.strip().startswith("."):
            self.refuse("a command behind `<|`", Span(query.start, len(self.source.text)))
        before = self.source.text[: query.start]
        text = "".join("\n" if character == "\n" else " " for character in before) + query.text
        try:
            yield text
        except SourceError as error:
            if error.source.text != text:
                raise
            raise SourceError(Source(self.source.text, error.source.name), *error.diagnostics) from None

    # -- tables -------------------------------------------------------------------

    def columns(self, workspace: Workspace, table: Named) -> tuple[Column, ...]:
        """The columns of a table that the command names; an error at its place where there is none."""
        found = self.tables.table(workspace.name, table.text)
        if found is None:
            self.no_table(workspace, table)
        return found

    def no_table(self, workspace: Workspace, table: Named) -> NoReturn:
        """Say that there is no such table."""
        help = did_you_mean(table.text, self.tables.names(workspace.name))
        self.fail("SEM0100", f"no table is named `{table.text}`", table.span, help)

    def about(self, workspace: Workspace, table: str) -> About:
        """What has been said of a table; nothing of one that isn't on disk."""
        return self.lake.table(workspace.name, table).about() if self.on_disk(workspace, table) else About()

    def on_disk(self, workspace: Workspace, table: str) -> bool:
        """Whether a table is more than a name that the catalogue knows."""
        try:
            return self.lake.exists(workspace.name, table)
        except Invalid:
            return False

    # -- errors -------------------------------------------------------------------

    def fail(self, code: str, message: str, span: Span, help: str = "") -> NoReturn:
        """End the command with one diagnostic."""
        raise SourceError(self.source, Diagnostic(code, message, span, help=help))

    def refuse(self, what: str, span: Span, help: str = "") -> NoReturn:
        """Say that something is Kusto's, but not ours."""
        self.fail("HL001", f"{what} is not supported", span, help)

    def known(
        self, properties: Mapping[str, tuple[object, Span]], *names: str, refused: Iterable[str] = ()
    ) -> dict[str, object]:
        """The values of `with (…)`, of which the command takes those of `names`; any other is an error."""
        for name, (_, span) in properties.items():
            if name in refused:
                self.refuse(f"the property `{name}`", span)
            if name not in names:
                help = did_you_mean(name, names) or f"these are: {', '.join(names)}"
                self.fail("SYN0002", f"no property is named `{name}` here", span, help)
        return {name: value for name, (value, _) in properties.items()}


_DOING = {
    Need.NOTHING: "do anything",
    Need.READ: "read",
    Need.WRITE: "add rows",
    Need.MANAGE: "change tables or functions",
}
