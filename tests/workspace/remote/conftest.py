"""Two lakes: one that a server shows over TLS, and one that knows it as remote workspaces, one for each protocol."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from huntlake.app import App
from huntlake.core.settings import load
from huntlake.identity.rights import Role
from huntlake.server import Server
from huntlake.workspace.query import QueryOptions
from huntlake.workspace.remote.endpoints import Kind
from huntlake.workspace.remote.records import Remote, remote
from huntlake.workspace.workspaces import Workspace

# Graph looks at the last thirty days, by the clock of the machine.
DAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=2)
EVENTS = [
    {"TimeGenerated": (DAY + timedelta(hours=h)).isoformat(), "User": u, "Count": n, "Seen": {"n": n, "by": [u]}}
    for h, u, n in ((0, "ann", 1), (1, "bob", 2), (2, "cyd", 3_000_000_000))
]


@dataclass(frozen=True)
class Far:
    """The server: where it is, and what it takes to sign in."""

    app: App
    url: str
    authority: Path
    workspace: Workspace
    client: str
    secret: str

    def remote(self, name: str, kind: Kind = Kind.HUNTLAKE, **more: Any) -> Remote:
        given: dict[str, Any] = {
            "database": self.workspace.id if kind is Kind.LOG_ANALYTICS else self.workspace.database,
            "tenant": self.app.tenant.id,
            "client": self.client,
            "kind": kind,
            "authority": f"{self.url}/adfs",
            "scope": f"{self.url}/.default",
            "certificates": self.authority.read_text(),
        }
        return remote(name, self.url, **{**given, **more})


@pytest.fixture(scope="session")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Far]:
    """A lake with some events, served."""
    home = tmp_path_factory.mktemp("far") / "lake"
    app = App.open(home, load(home, port=0, threads=1, upkeep_minutes=0, primary_workspace="abroad"))
    workspace = app.workspaces.create("abroad")
    file = home / "events.jsonl"
    file.write_text("\n".join(map(json.dumps, EVENTS)))
    app.ingestion.ingest(workspace, "Events_CL", [file])
    made = app.principals.create("near")
    secret = app.principals.add_secret(made.client_id, lifetime=timedelta(days=1)).text
    app.principals.grant(made.client_id, workspace.id, Role.READER)
    server = Server(app)
    thread = Thread(target=server.run)
    thread.start()
    authority = server.serving.authority
    assert authority is not None
    yield Far(app, server.serving.url, authority, workspace, made.client_id, secret)
    server.stop()
    thread.join(20)
    app.close()


@pytest.fixture(scope="session")
def near(tmp_path_factory: pytest.TempPathFactory, far: Far) -> Iterator[App]:
    """A lake that has a workspace of its own, and the other one as remote workspaces."""
    home = tmp_path_factory.mktemp("near") / "lake"
    app = App.open(home, load(home, threads=1))
    here = app.workspaces.create("here")
    file = home / "owners.jsonl"
    file.write_text('{"TimeGenerated": "2026-11-20T00:00:00Z", "User": "bob", "Team": "red"}')
    app.ingestion.ingest(here, "Owners_CL", [file])
    for name, kind in (
        ("far", Kind.HUNTLAKE),
        ("far-lake", Kind.LAKE),
        ("far-logs", Kind.LOG_ANALYTICS),
        ("far-defender", Kind.DEFENDER),
        ("far-graph", Kind.GRAPH),
    ):
        app.remote.remotes.add(far.remote(name, kind), far.secret)
    yield app
    app.close()


Ask = Callable[..., list[list[Any]]]


@pytest.fixture
def ask(near: App) -> Ask:
    """Asks a workspace of the near lake, as someone who may read all of them."""

    def ask(workspace: str, text: str, **options: Any) -> list[list[Any]]:
        place = near.workspaces.get(workspace)
        (table,) = near.queries.run(place, text, QueryOptions(**options), workspaces=near.workspaces.find).tables
        rows: list[list[Any]] = json.loads(b"[" + b",".join(table.json_rows()) + b"]")
        if table.truncated_by is not None:
            raise table.truncated_by
        return rows

    return ask
