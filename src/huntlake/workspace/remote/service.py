"""Remote workspaces, as queries and lists of tables ask them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from threading import Lock

from huntlake.core.clock import Clock
from huntlake.core.diagnostics import Source
from huntlake.core.errors import Invalid, NotFound, Unavailable
from huntlake.kql.syntax.commands import quoted_name
from huntlake.kql.syntax.lexer import tokenize
from huntlake.kql.syntax.tokens import TokenKind
from huntlake.kql.types import Column, Columns
from huntlake.workspace.remote.asking import Asked, Endpoint, Given
from huntlake.workspace.remote.endpoints import Kind, address
from huntlake.workspace.remote.hunting import HuntingEndpoint
from huntlake.workspace.remote.kusto import KustoEndpoint
from huntlake.workspace.remote.loganalytics import LogAnalyticsEndpoint
from huntlake.workspace.remote.records import Remote, Remotes
from huntlake.workspace.remote.schemas import Schema, Schemas
from huntlake.workspace.remote.signed import SignedIn
from huntlake.workspace.remote.tokens import TokenSource
from huntlake.workspace.remote.transport import Transport
from huntlake.workspace.remote.values import column

_ASKING = timedelta(minutes=1)


class RemoteWorkspaces:
    """Asks the endpoints of the remote workspaces, each of which has one connection to it for all who ask."""

    def __init__(self, remotes: Remotes, schemas: Schemas, clock: Clock) -> None:
        self.remotes, self.schemas = remotes, schemas
        self._clock = clock
        self._lock = Lock()
        self._known: dict[str, tuple[Remote, SignedIn]] = {}

    def ask(self, workspace: str, asked: Asked) -> tuple[Given, ...]:
        """The tables of an answer. Raises what `SignedIn.call` raises, and `Invalid` for what can't be said there."""
        # Endpoints run commands that come as queries.
        if next(iter(tokenize(Source(asked.text)))).text.startswith("."):
            raise Invalid("a management command is not supported in a remote workspace")
        return self._endpoint(workspace).ask(asked)

    def columns(self, workspace: str, text: str, timeout: timedelta = _ASKING) -> tuple[Column, ...]:
        """The columns that a query would answer with; the endpoint looks at it, and reads no row."""
        # It may end with a semicolon, and with a comment.
        said = [t for t in tokenize(Source(text)) if t.kind is not TokenKind.END]
        while said and said[-1].text == ";":
            said.pop()
        text = text[: said[-1].end] if said else text
        question = Asked(f"{text}\n| getschema | project ColumnName, ColumnType", timeout)
        (given, *more) = self.ask(workspace, question)
        if more or given.cut is not None:
            raise Invalid("a remote query with several results is not supported here")
        rows = zip(*(given.rows.column(i).to_pylist() for i in range(2)), strict=True)
        return tuple(column(name, type) for name, type in rows)

    # -- tables -------------------------------------------------------------------

    def knows(self, workspace: str) -> bool:
        """Whether the workspace of exactly that name is a remote one."""
        return self.remotes.knows(workspace)

    def names(self, workspace: str) -> tuple[str, ...]:
        """The names of the tables that are known to be there, in alphabetical order."""
        return tuple(sorted(self.schema(workspace).tables))

    def schema(self, workspace: str) -> Schema:
        """The tables that are known to be there."""
        return self.schemas.current(workspace, partial(self._tables, workspace))

    def refresh(self, workspace: str) -> Schema:
        """The tables, read now."""
        return self.schemas.refresh(self.remotes.get(workspace).workspace, partial(self._tables, workspace))

    def table(self, workspace: str, name: str) -> tuple[Column, ...] | None:
        """The columns of a table; None where there is none. Where none are listed the endpoint is asked for it."""
        schema = self.schema(workspace)
        if schema.listed or name in schema.tables:
            return schema.tables.get(name)
        try:
            columns = Columns(self.columns(workspace, quoted_name(name)))
        except (Invalid, NotFound):
            return None
        self.schemas.add(workspace, name, columns)
        return columns

    def forget(self, workspace: str) -> None:
        """Forget a remote workspace, its secret and its tables."""
        self.remotes.remove(workspace)
        self.schemas.forget(workspace.strip())

    def _tables(self, workspace: str) -> Mapping[str, tuple[Column, ...]] | None:
        return self._endpoint(workspace).tables()

    # -- endpoints ----------------------------------------------------------------

    def signed_in(self, workspace: str) -> SignedIn:
        """A client of the endpoint, with the workspace's credentials."""
        remote = self.remotes.get(workspace)
        with self._lock:
            known = self._known.get(workspace)
            # Another process may have given it another secret, or another place.
            if known is None or known[0] != remote:
                known = self._known[workspace] = remote, self._connected(remote)
            return known[1]

    def try_out(self, remote: Remote, secret: str) -> None:
        """Ask an endpoint that isn't kept yet for one row; raises what is wrong."""
        api = self._connected(remote, secret)
        (given, *_) = endpoint_of(remote, api).ask(Asked("print huntlake = 1", _ASKING))
        if given.rows.num_rows != 1:
            raise Unavailable(f"{remote.url} doesn't answer `print` with a row")

    def _endpoint(self, workspace: str) -> Endpoint:
        return endpoint_of(self.remotes.get(workspace), self.signed_in(workspace))

    def _connected(self, remote: Remote, secret: str | None = None) -> SignedIn:
        place, authority = address(remote.url), address(remote.authority)
        # The machine that gives tokens has its own host, and its own patience.
        signing_in = Transport(authority.origin, remote.certificates, remote.at_once)
        tokens = TokenSource(
            signing_in,
            authority.url,
            remote.tenant,
            remote.client,
            remote.scope,
            partial(self.remotes.secret, remote) if secret is None else lambda: secret,
            self._clock,
        )
        calling = Transport(place.origin, remote.certificates, remote.at_once)
        return SignedIn(remote.workspace, place.url, calling, tokens)


def endpoint_of(remote: Remote, api: SignedIn) -> Endpoint:
    """The protocol that a remote speaks."""
    match remote.kind:
        case Kind.KUSTO | Kind.HUNTLAKE:
            return KustoEndpoint(api, remote.database)
        case Kind.LAKE:
            return KustoEndpoint(api, remote.database, entities=True)
        case Kind.LOG_ANALYTICS:
            return LogAnalyticsEndpoint(api, remote.database)
        case Kind.DEFENDER:
            return HuntingEndpoint(api, "/api/advancedhunting/run", bounded=False)
        case Kind.GRAPH:
            version = "" if api.url.endswith(("/v1.0", "/beta")) else "/v1.0"
            return HuntingEndpoint(api, f"{version}/security/runHuntingQuery", bounded=True)
