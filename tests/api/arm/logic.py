"""A whole server whose playbooks are executed, and clients of its management API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from huntlake.app import App
from huntlake.core.settings import load
from huntlake.identity.rights import Role
from huntlake.playbooks.runs.records import PlaybookRun
from huntlake.server import create_app
from huntlake.state.documents import Document

from ..conftest import BASE

__all__ = ["BASE", "Logic", "logic_at"]

MANAGEMENT = "https://management.azure.com"
REQUEST = {"manual": {"type": "Request", "kind": "Http", "inputs": {"schema": {"type": "object"}}}}


@dataclass
class Logic:
    """The app, and a client of one principal in its workspace `soc`."""

    app: App
    http: TestClient
    client_id: str

    @property
    def group(self) -> str:
        subscription = self.app.subscription
        return f"/subscriptions/{subscription.id}/resourceGroups/{subscription.group}/providers"

    @property
    def flows(self) -> str:
        return f"{self.group}/Microsoft.Logic/workflows"

    def act_as(self, role: Role) -> None:
        self.app.principals.grant(self.client_id, self.app.workspaces.get("soc").id, role)

    def call(self, method: str, path: str, body: Any = None, **parameters: str) -> Any:
        path = path if path.startswith("/") else f"{self.flows}/{path}"
        return self.http.request(method, path, json=body, params={"api-version": "2019-05-01", **parameters})

    def get(self, path: str, **parameters: str) -> Any:
        answer = self.call("GET", path, **parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def put(self, name: str, actions: Mapping[str, Any], triggers: Any = None, **parts: Any) -> Any:
        """A workflow of those actions."""
        properties = {"definition": {"triggers": triggers or REQUEST, "actions": actions, **parts}}
        answer = self.call("PUT", name, {"location": "local", "properties": properties})
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def fire(self, name: str, body: Any = None, trigger: str = "manual") -> str:
        """Sets a workflow off, and gives the name of the run."""
        answer = self.call("POST", f"{name}/triggers/{trigger}/run", body)
        assert answer.status_code == 202, answer.text
        (run,) = answer.json()["value"]
        return str(run["name"])

    def ended(self, name: str, run: str) -> Document[PlaybookRun]:
        """A run, when it has ended."""
        return self.app.playbooks.runs.wait(name, run, 30)

    def run(self, name: str, body: Any = None) -> str:
        """Sets a workflow off, and waits for the end of the run."""
        run = self.fire(name, body)
        self.ended(name, run)
        return run

    def error(self, answer: Any, status: int) -> str:
        """The error's code, after a look at its envelope."""
        assert answer.status_code == status, answer.text
        body = answer.json()
        assert set(body) == {"error"}
        assert body["error"]["message"]
        assert answer.headers["x-ms-error-code"] == body["error"]["code"]
        return str(body["error"]["code"])


@contextmanager
def logic_at(home: Path, **given: Any) -> Iterator[Logic]:
    """A server over a new lake in that folder, which executes playbooks as long as the block lasts."""
    app = App.open(home, load(home, memory_limit="500MB", threads=1, **given))
    try:
        someone, workspace = app.principals.create("someone"), app.workspaces.create("soc")
        someone = app.principals.grant(someone.client_id, workspace.id, Role.LOGIC_APP_CONTRIBUTOR)
        token = app.tokens.issue(someone, MANAGEMENT, issuer=BASE).text
        with (
            app.playbooks.worker.executing() as here,
            TestClient(create_app(app), BASE, headers={"Authorization": f"Bearer {token}"}) as http,
        ):
            assert here
            yield Logic(app, http, someone.client_id)
    finally:
        app.close()
