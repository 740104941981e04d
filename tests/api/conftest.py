"""A server's services with a tiny lake behind them: what the faces do shows best on answers one can foresee."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import pyarrow as pa
import pytest
from starlette.testclient import TestClient

from huntlake.core.clock import FixedClock
from huntlake.core.diagnostics import Diagnostic, Source, SourceError, Span
from huntlake.core.errors import Cancelled, LimitExceeded, TimedOut
from huntlake.core.settings import Settings
from huntlake.detection.service import Detection
from huntlake.engines.cancellation import Cancellation
from huntlake.engines.duckdb.database import Database as Engine
from huntlake.engines.errors import EngineDefect
from huntlake.hunting.hunts import Hunts
from huntlake.identity.audiences import LAKE
from huntlake.identity.keys import SigningKeys
from huntlake.identity.principals import Principal, Principals
from huntlake.identity.rights import Action, Role
from huntlake.identity.secrets import Hasher
from huntlake.identity.sign_in import SignIn
from huntlake.identity.tenant import Subscription, Tenant
from huntlake.identity.tokens import Tokens
from huntlake.identity.users import Users
from huntlake.kql.types import Column, ScalarType
from huntlake.lake import Lake
from huntlake.playbooks.automation import automation_rules
from huntlake.playbooks.automation_rules import AutomationRule
from huntlake.playbooks.connectors.connector import Connector
from huntlake.playbooks.machine_actions import MachineActions
from huntlake.playbooks.service import Playbooks, RunPlace
from huntlake.playbooks.triggers.payloads import Ground
from huntlake.server import create_app
from huntlake.state.database import Database
from huntlake.state.records import Records
from huntlake.state.sealing import Seal
from huntlake.workspace.activity import Activity
from huntlake.workspace.async_queries import AsyncQueries
from huntlake.workspace.catalogue import Catalogue
from huntlake.workspace.commands import Commands
from huntlake.workspace.functions import SavedFunctions
from huntlake.workspace.ingestion import Ingestion
from huntlake.workspace.ingestion.mappings import IngestionMappings
from huntlake.workspace.ingestion.streaming import Streams
from huntlake.workspace.query import QueryOptions
from huntlake.workspace.saved_searches import SavedSearches
from huntlake.workspace.tables import Tables
from huntlake.workspace.visible import WorkspaceNamed
from huntlake.workspace.watchlists import Watchlists
from huntlake.workspace.workspaces import Workspace, Workspaces

BASE = "https://lake.example:8443"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TENANT = Tenant("aaaaaaaa-0000-0000-0000-000000000001", "contoso.example")
CLIENT = "bbbbbbbb-0000-0000-0000-000000000001"
SECRET = "kit-secret"
SUBSCRIPTION = Subscription("cccccccc-0000-0000-0000-000000000001", "kit-rg")
PASSWORD = "correct horse battery"
WORKSPACE_ID = "11111111-2222-3333-4444-555555555555"


@dataclass
class CountingTable:
    """The numbers from 1 on, or an accident on the way."""

    numbers: int
    options: QueryOptions
    name: str = "PrimaryResult"
    columns: tuple[Column, ...] = (Column("x", ScalarType.LONG),)
    visualization: Mapping[str, object] | None = None
    accident: tuple[int, Exception] | None = None
    waits_for: Cancellation | None = None
    chunk: int = 1000
    truncated_by: LimitExceeded | None = None
    row_count: int = 0
    byte_count: int = 0
    reads: None = None
    began: Event = field(default_factory=Event)

    def json_rows(self) -> Iterator[bytes]:
        if self.waits_for is not None:
            over = Event()
            with self.waits_for.watched(over.set):
                self.began.set()
                assert over.wait(30)
            raise Cancelled("stopped")
        most = min(self.numbers, self.options.take or self.numbers)
        if self.options.max_rows is not None and most > self.options.max_rows:
            most = self.options.max_rows
            self.truncated_by = LimitExceeded("too many (80DA0003) (E_QUERY_RESULT_SET_TOO_LARGE)")
        for first in range(1, most + 1, self.chunk):
            if self.accident and first > self.accident[0]:
                raise self.accident[1]
            numbers = range(first, min(first + self.chunk, most + 1))
            self.row_count += len(numbers)
            yield b",".join(b"[%d]" % n for n in numbers)
        if self.accident:
            raise self.accident[1]

    def json_objects(self) -> Iterator[bytes]:
        for chunk in self.json_rows():
            yield b",".join(b'{"x":%s}' % n for n in chunk[1:-1].split(b"],["))

    def arrow(self, *, bounded: bool = False) -> pa.RecordBatchReader:
        return pa.table({"x": pa.array(range(1, self.numbers + 1), pa.int64())}).to_reader()


@dataclass(frozen=True)
class CountingAnswer:
    tables: tuple[CountingTable, ...]
    settings: Mapping[str, object] = field(default_factory=dict)


@dataclass
class CountingQueries:
    """Knows `count N`, separated by semicolons, and the accidents that the tests need."""

    asked: list[tuple[Workspace, str, QueryOptions]] = field(default_factory=list)
    waiting: CountingTable | None = None
    others: WorkspaceNamed | None = None
    also: tuple[Workspace, ...] = ()

    def run(
        self,
        workspace: Workspace,
        text: str,
        options: QueryOptions = QueryOptions(),
        cancellation: Cancellation | None = None,
        *,
        workspaces: WorkspaceNamed | None = None,
        also: Sequence[Workspace] = (),
    ) -> CountingAnswer:
        self.asked.append((workspace, text, options))
        self.others, self.also = workspaces, tuple(also)
        tables = [self._table(part.strip(), options, cancellation, text) for part in text.split(";")]
        return CountingAnswer(tuple(tables))

    def check(self, workspace: Workspace, text: str) -> None:
        for part in text.split(";"):
            self._table(part.strip(), QueryOptions(), None, text)

    def _table(self, text: str, options: QueryOptions, cancellation: Cancellation | None, whole: str) -> CountingTable:
        if counted := re.fullmatch(r"count (\d+)( render)?", text):
            drawn = {"Visualization": "barchart", "Title": "kit"} if counted[2] else None
            return CountingTable(int(counted[1]), options, visualization=drawn)
        if text == "wait":
            self.waiting = CountingTable(1, options, waits_for=cancellation)
            return self.waiting
        if broken := re.fullmatch(r"(timeout|limit|crash|defect) after (\d+)", text):
            accidents = {
                "timeout": TimedOut("slow"),
                "limit": LimitExceeded("memory"),
                "crash": RuntimeError("boom"),
                "defect": EngineDefect("boom"),
            }
            return CountingTable(int(broken[2]), options, accident=(int(broken[2]), accidents[broken[1]]))
        code = "SYN0002" if "syntax" in text else "SEM0100"
        span = Span(0, max(1, len(text)))
        raise SourceError(Source(whole), Diagnostic(code, f"`{text[:40]}` is not understood", span, help="count"))


class TwoTables:
    """Two tables, the same in every workspace."""

    known: ClassVar = {
        "SigninLogs": (Column("TimeGenerated", ScalarType.DATETIME), Column("Ok", ScalarType.BOOL)),
        "Odd 'name'": (Column("a", ScalarType.DECIMAL),),
    }

    def names(self, workspace: str) -> tuple[str, ...]:
        return tuple(sorted(self.known))

    listed = names

    def table(self, workspace: str, name: str) -> tuple[Column, ...] | None:
        return self.known.get(name)

    def with_data(self, workspace: str) -> tuple[str, ...]:
        return ("SigninLogs",)


class FewConnectors:
    """Connectors of which nothing can be asked."""

    names = ("azuresentinel", "jira", "teams")

    def __call__(self, name: str) -> Connector | None:
        return Connector(name, name.title(), ()) if name in self.names else None


class NothingPromoted:
    """No rule was made of a hunt."""

    def awaiting(self, owner: tuple[str, ...], rule: str) -> str:
        return ""


@dataclass(frozen=True)
class Server:
    """The services of a server, with one principal that may read one workspace."""

    home: Path
    settings: Settings
    clock: FixedClock
    tenant: Tenant
    keys: SigningKeys
    principals: Principals
    tokens: Tokens
    sign_in: SignIn
    workspaces: Workspaces
    queries: CountingQueries
    activity: Activity
    functions: SavedFunctions
    mappings: IngestionMappings
    streams: Streams
    commands: Commands
    subscription: Subscription
    detection: Detection
    hunts: Hunts
    automation_rules: Records[AutomationRule]
    machine_actions: MachineActions
    watchlists: Watchlists
    saved_searches: SavedSearches
    tables: TwoTables
    async_queries: AsyncQueries
    playbooks: Playbooks
    connectors: FewConnectors = field(default_factory=lambda: FewConnectors())
    tools: None = None
    collection: Any = None
    table_definitions: Any = None
    collection_endpoints: Any = None
    jobs: Any = None
    scheduler: Any = None
    drafts: Any = None
    rule_tests: Any = None
    hunting: Any = field(default_factory=lambda: SimpleNamespace(promotions=NothingPromoted()))
    upkeep: Any = None
    uploads: Any = None

    @classmethod
    def open(cls, home: Path, keys: SigningKeys, **given: Any) -> Server:
        """A server in an empty folder, which signs with `keys`; what is `given` are settings."""
        clock = FixedClock(NOW)
        database = Database.open(home / "huntlake.db")
        principals = Principals(database, clock, hasher=Hasher(memory=64 << 10, rounds=1))
        workspaces = Workspaces(database)
        workspaces.create("contoso-soc", WORKSPACE_ID)
        principals.create("hunter", client_id=CLIENT)
        principals.add_secret(CLIENT, text=SECRET)
        principals.grant(CLIENT, WORKSPACE_ID, Role.READER)
        tokens = Tokens(keys, TENANT, clock)
        settings = Settings(home=home, **given)
        hasher = Hasher(memory=64 << 10, rounds=1)
        users = Users(database, clock, hasher=hasher, with_password=settings.password_users)
        users.create("anna@contoso.example", PASSWORD, "Anna")
        users.grant("anna@contoso.example", WORKSPACE_ID, Role.READER)
        sign_in = SignIn.over(
            database,
            keys,
            clock,
            users,
            public_clients=settings.public_clients,
            lifetime=timedelta(days=settings.sign_in_days),
            oidc=settings.oidc,
            workspaces=lambda: {w.name: w.id for w in workspaces.list()},
        )
        queries, activity, lake = CountingQueries(), Activity(clock), Lake(home / "lake")
        tables: Any = TwoTables()
        ingestion = Ingestion(lake, Tables(lake, Catalogue()), clock, home / "dead-letters")

        def readable(owner: str, name: str) -> Workspace | None:
            user = users.of_id(owner)
            principal = user.principal if user else principals.of_id(owner)
            workspace = next((w for w in workspaces.list() if name in (w.name, w.database)), None)
            return workspace if workspace and principal and principal.may(Action.READ, workspace.id) else None

        functions, asked, mappings = SavedFunctions(database), cast("Any", queries), IngestionMappings(database)
        streams = Streams(lake, ingestion, Engine(), clock)
        detection, watchlists = Detection.over(database, clock), Watchlists(database, clock)
        commands = Commands(lake, tables, ingestion, streams, asked, functions, mappings, workspaces, activity, clock)
        return cls(
            home,
            settings,
            clock,
            TENANT,
            keys,
            principals,
            tokens,
            sign_in,
            workspaces,
            queries,
            activity,
            functions,
            mappings,
            streams,
            commands,
            SUBSCRIPTION,
            detection,
            Hunts.over(database, clock),
            automation_rules(database, clock),
            MachineActions(database, clock),
            watchlists,
            SavedSearches(database, clock, functions),
            TwoTables(),
            AsyncQueries(database, home / "results", asked, readable, clock),
            Playbooks.over(
                database,
                clock,
                Seal(home / "keys" / "secrets.key"),
                principals,
                detection,
                watchlists,
                RunPlace(home, "", lambda: BASE, workflow_id, lambda name: Ground(name, name, "s", "g")),
            ),
        )

    def principal(self, client_id: str = CLIENT) -> Principal:
        return self.principals.get(client_id)

    def token(self, audience: str = LAKE, client_id: str = CLIENT) -> str:
        return self.tokens.issue(self.principal(client_id), audience, issuer=f"{BASE}/T/v2.0").text

    def client(self, **given: Any) -> TestClient:
        """A client over no network, with settings other than this server's where they are `given`."""
        settings = self.settings.model_copy(update=given)
        return TestClient(create_app(replace(self, settings=settings)), BASE)


def workflow_id(name: str) -> str:
    """The resource id of a workflow."""
    group = f"/subscriptions/{SUBSCRIPTION.id}/resourceGroups/{SUBSCRIPTION.group}"
    return f"{group}/providers/Microsoft.Logic/workflows/{name}"


@pytest.fixture(scope="session")
def signing_keys(tmp_path_factory: pytest.TempPathFactory) -> SigningKeys:
    """Keys for every test: making one takes longer than most of them."""
    return SigningKeys(tmp_path_factory.mktemp("keys"), FixedClock(NOW))


@pytest.fixture
def server(tmp_path: Path, signing_keys: SigningKeys) -> Server:
    return Server.open(tmp_path, signing_keys)


@pytest.fixture
def client(server: Server) -> Iterator[TestClient]:
    with server.client() as client:
        client.headers["Authorization"] = f"Bearer {server.token()}"
        yield client


DB = f"contoso-soc-{WORKSPACE_ID}"


def ask(client: TestClient, text: str, *, path: str = "/lake/kql/v2/rest/query", **more: Any) -> Any:
    """Send a text, with `db` and `properties` if they are given and `headers` beside it."""
    headers = more.pop("headers", {})
    return client.post(path, json={"csl": text, "db": DB, **more}, headers=headers)


def primary(answer: Any) -> list[Any]:
    """The frames with results."""
    assert answer.status_code == 200, answer.text
    return [f for f in answer.json() if f.get("TableKind") == "PrimaryResult"]
