"""What the faces need of the services behind them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from huntlake.core.clock import Clock
from huntlake.core.errors import LimitExceeded
from huntlake.engines.cancellation import Cancellation
from huntlake.identity.keys import SigningKeys
from huntlake.identity.principals import Principals
from huntlake.identity.sign_in import SignIn
from huntlake.identity.tenant import Subscription, Tenant
from huntlake.identity.tokens import Tokens
from huntlake.kql.types import Column
from huntlake.workspace.activity import Activity
from huntlake.workspace.collection import Collection
from huntlake.workspace.commands import Caller
from huntlake.workspace.functions import SavedFunctions
from huntlake.workspace.ingestion.mappings import IngestionMappings
from huntlake.workspace.ingestion.streaming import Streams
from huntlake.workspace.query import QueryOptions, Reads
from huntlake.workspace.visible import WorkspaceNamed
from huntlake.workspace.workspaces import Workspace, Workspaces

if TYPE_CHECKING:
    import pyarrow


class ResultTable(Protocol):
    """One table of an answer, whose rows are made while they are read."""

    @property
    def name(self) -> str: ...
    @property
    def columns(self) -> tuple[Column, ...]: ...
    @property
    def visualization(self) -> Mapping[str, object] | None: ...
    def json_rows(self) -> Iterator[bytes]:
        """Chunks of JSON arrays joined by commas, `b"[1,2],[3,4]"`."""
        ...

    @property
    def truncated_by(self) -> LimitExceeded | None: ...
    @property
    def row_count(self) -> int: ...
    @property
    def byte_count(self) -> int: ...
    @property
    def reads(self) -> Reads | None:
        """What was read for it, once the rows are there; None where nobody knows."""
        ...


class QueryTable(ResultTable, Protocol):
    """One table of a query's answer."""

    def json_objects(self) -> Iterator[bytes]:
        """Chunks of JSON objects joined by commas, `b'{"a":1},{"a":2}'`."""
        ...

    def arrow(self, *, bounded: bool = ...) -> pyarrow.RecordBatchReader:
        """The rows as Arrow batches; with `bounded` the limit on bytes counts theirs."""
        ...


class Answer(Protocol):
    """The tables that a text asked for."""

    @property
    def tables(self) -> Iterable[QueryTable]: ...
    @property
    def settings(self) -> Mapping[str, object]:
        """What the text itself sets, by lower-case name."""
        ...


class Queries(Protocol):
    """Runs KQL."""

    def run(
        self,
        workspace: Workspace,
        text: str,
        options: QueryOptions = ...,
        cancellation: Cancellation | None = ...,
        *,
        workspaces: WorkspaceNamed | None = ...,
        also: Sequence[Workspace] = ...,
    ) -> Answer: ...

    def check(self, workspace: Workspace, text: str) -> None:
        """Raise `SourceError` for a query that the workspace doesn't understand."""
        ...


class Commands(Protocol):
    """Runs management commands."""

    def run(
        self,
        text: str,
        caller: Caller,
        database: str = ...,
        options: QueryOptions = ...,
        cancellation: Cancellation | None = ...,
        *,
        read_only: bool = ...,
    ) -> ResultTable: ...


class KnownTables(Protocol):
    """The tables of a workspace, which is named by its name."""

    def names(self, workspace: str) -> Iterable[str]: ...
    def listed(self, workspace: str) -> Iterable[str]: ...
    def table(self, workspace: str, name: str) -> tuple[Column, ...] | None: ...
    def with_data(self, workspace: str) -> tuple[str, ...]: ...


class FaceSettings(Protocol):
    """The settings that the faces obey; see `core/settings.py`."""

    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def max_import_bytes(self) -> int: ...
    @property
    def external_url(self) -> str: ...
    @property
    def primary_workspace(self) -> str: ...
    @property
    def query_timeout(self) -> int: ...
    @property
    def query_timeout_limit(self) -> int: ...
    @property
    def query_max_rows(self) -> int: ...
    @property
    def query_max_bytes(self) -> int: ...
    @property
    def queries_at_once(self) -> int: ...
    @property
    def queries_waiting(self) -> int: ...
    @property
    def rate_profile(self) -> str: ...
    @property
    def queries_per_minute(self) -> int: ...
    @property
    def queries_per_principal(self) -> int: ...
    @property
    def max_request_bytes(self) -> int: ...


class Services(Protocol):
    """Every service that a face uses; the composition root has them all."""

    @property
    def settings(self) -> FaceSettings: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def tenant(self) -> Tenant: ...
    @property
    def subscription(self) -> Subscription: ...
    @property
    def keys(self) -> SigningKeys: ...
    @property
    def principals(self) -> Principals: ...
    @property
    def tokens(self) -> Tokens: ...
    @property
    def sign_in(self) -> SignIn: ...
    @property
    def workspaces(self) -> Workspaces: ...
    @property
    def queries(self) -> Queries: ...
    @property
    def commands(self) -> Commands: ...
    @property
    def activity(self) -> Activity: ...
    @property
    def collection(self) -> Collection: ...
    @property
    def tables(self) -> KnownTables: ...
    @property
    def functions(self) -> SavedFunctions: ...
    @property
    def mappings(self) -> IngestionMappings: ...
    @property
    def streams(self) -> Streams: ...
