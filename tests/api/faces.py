"""A whole server over a small lake, for the faces that read tables of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from starlette.testclient import TestClient

from huntlake.app import App
from huntlake.core.clock import FixedClock
from huntlake.core.settings import load
from huntlake.identity.rights import Role
from huntlake.server import create_app
from huntlake.workspace.workspaces import Workspace

from .conftest import BASE, NOW


@dataclass
class Face:
    """An open app, and a client of one principal that signs in for one API."""

    app: App
    http: TestClient
    workspace: Workspace
    client_id: str
    audience: str

    def act_as(self, role: Role) -> None:
        self.app.principals.grant(self.client_id, self.workspace.id, role)

    def call(self, method: str, path: str, body: Any = None, **parameters: str) -> Any:
        return self.http.request(method, path, json=body, params={f"${k}": v for k, v in parameters.items()})

    def get(self, path: str, **parameters: str) -> Any:
        return self.call("GET", path, **parameters)

    def values(self, path: str, **parameters: str) -> list[dict[str, Any]]:
        answer = self.get(path, **parameters)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["value"]
        return found

    def load(self, table: str, columns: Mapping[str, list[Any]]) -> None:
        self.app.ingestion.append_arrow(self.workspace, table, pa.table(dict(columns)))


@contextmanager
def served(home: Path, audience: str) -> Iterator[Face]:
    """A server over a new lake in that folder, with the workspace `soc`."""
    app = App.open(home, load(home, memory_limit="500MB", threads=2), FixedClock(NOW))
    hunter = app.principals.create("hunter")
    workspace = app.workspaces.create("soc")
    app.principals.grant(hunter.client_id, workspace.id, Role.SENTINEL_RESPONDER)
    token = app.tokens.issue(hunter, audience, issuer=BASE).text
    with TestClient(create_app(app), BASE, headers={"Authorization": f"Bearer {token}"}) as client:
        yield Face(app, client, workspace, hunter.client_id, audience)
    app.close()


def at(hour: int, minute: int = 0) -> datetime:
    """A time of the day before now, as Arrow takes it."""
    return datetime(2026, 2, 28, hour, minute)
