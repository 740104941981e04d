"""A whole house of its own, with an incident in it, in which a workflow calls things."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from huntlake.app import App
from huntlake.core.clock import Clock, FixedClock
from huntlake.core.settings import Settings
from huntlake.detection.alerts import Alert
from huntlake.detection.extraction import from_alerts
from huntlake.detection.incidents import Incident, IncidentRelation, IncidentStatus, RelatedKind
from huntlake.detection.severity import Severity, Tactic
from huntlake.identity.rights import Role
from huntlake.playbooks.calling import ConnectorCaller
from huntlake.playbooks.calls import Held
from huntlake.playbooks.connections import CONNECTIONS, Connection, Mode, purpose
from huntlake.playbooks.connectors.connector import RunContext
from huntlake.playbooks.workflows import Workflow
from huntlake.state.records import Author
from huntlake.wdl.definition.workflow import Action, ActionType
from huntlake.wdl.runner.effects import Answer, Call
from huntlake.workspace.workspaces import Workspace

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ANN = Author("7", "Ann")
OWNER = ("soc",)
ENTITIES = (
    '[{"Type":"account","Name":"bob","UPNSuffix":"northwind.example"},{"Type":"ip","Address":"192.0.2.7"},'
    '{"Type":"host","HostName":"pc1","DnsDomain":"northwind.example"},{"Type":"url","Url":"http://x.example/a"},'
    '{"Type":"filehash","Algorithm":"SHA256","Value":"ab12"},{"Type":"dns","DomainName":"x.example"}]'
)
MANAGED = "/subscriptions/s/providers/Microsoft.Web/locations/l/managedApis"


@dataclass
class Desk:
    """The house, and the workflow `respond` in its workspace `soc`."""

    app: App
    workspace: Workspace
    calls: int = 0

    @property
    def caller(self) -> ConnectorCaller:
        return self.app.outward.caller

    @property
    def sentinel(self) -> str:
        """What the ids of Sentinel's resources begin with."""
        return self.app.outward.house.sentinel(self.workspace)

    @property
    def incident(self) -> str:
        """The id of the incident."""
        return f"{self.sentinel}/Incidents/i1"

    def connect(self, connector: str, name: str = "", mode: Mode = Mode.LIVE, **given: Any) -> str:
        """Make a connection, and say its name."""
        name, secret = name or connector, given.pop("secret", {})
        sealed = {k: self.app.playbooks.seal.seal(v, purpose(name, k)) for k, v in secret.items()}
        workspace = given.pop("workspace", "soc")
        by = given.pop("by", Author())
        made = Connection(connector, name, workspace, mode, given.pop("parameters", {}), sealed, **given)
        self.app.playbooks.connections.delete(CONNECTIONS, name)
        self.app.playbooks.connections.put(CONNECTIONS, name, made, by)
        return name

    def identity(self, role: Role | None = None) -> str:
        """Give the workflow an identity, with a role in its workspace; answers with its client id."""
        document, _ = self.app.playbooks.identities.put(
            "respond", self.app.playbooks.workflows.get("respond").value, True
        )
        principal = self.app.principals.of_id(document.value.identity)
        assert principal is not None
        if role is not None:
            self.app.principals.grant(principal.client_id, self.workspace.id, role)
        return principal.client_id

    def context(self, run: str = "run1", **given: Any) -> RunContext:
        """On whose behalf something is asked."""
        return replace(RunContext("soc", "respond", run, ANN, NOW, incident="i1"), **given)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        queries: Any = None,
        headers: Any = None,
        connection: str = "azuresentinel",
        key: str = "",
        **given: Any,
    ) -> Answer:
        """What an ApiConnection action is answered; each call is another one unless it has a key."""
        answer = self.held(method, path, body, queries, headers, connection, key, **given)
        assert isinstance(answer, Answer)
        return answer

    def held(
        self,
        method: str,
        path: str,
        body: Any = None,
        queries: Any = None,
        headers: Any = None,
        connection: str = "azuresentinel",
        key: str = "",
        hidden: frozenset[str] = frozenset(),
        type: ActionType = ActionType.API_CONNECTION,
        context: RunContext | None = None,
    ) -> Answer | Held:
        """The same, where it may be held back."""
        known = self.app.playbooks.connections.find(CONNECTIONS, connection)
        id = f"/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/connections/{connection}"
        inputs: dict[str, Any] = {
            "host": {"connection": {"name": id}},
            "method": method.lower(),
            "path": path,
            "body": body,
            "queries": queries,
            "headers": headers,
        }
        entry = {"connectionId": id, "id": f"{MANAGED}/{known.value.connector if known else connection}"}
        self.calls += 1
        call = Call(key or f"Ask#{self.calls}", Action("Ask", type, "$.actions.Ask"), inputs, hidden=hidden)
        return self.caller.call(context or self.context(), call, {"key_1": entry})

    def http(self, inputs: Any, key: str = "", poll: str = "", options: str = "", **given: Any) -> Answer:
        """What an Http action is answered."""
        self.calls += 1
        type = given.pop("type", ActionType.HTTP)
        action = Action("Call", type, "$.actions.Call", options=frozenset(filter(None, [options])))
        call = Call(key or f"Call#{self.calls}", action, inputs, 1, poll)
        answer = self.caller.call(given.pop("context", None) or self.context(), call, None)
        assert isinstance(answer, Answer)
        return answer

    def state(self) -> list[tuple[str, str, str]]:
        """Everything that is kept, but for the ledger."""
        with sqlite3.connect(self.app.home / "huntlake.db") as database:
            rows = database.execute("select collection, name, value from documents order by 1, 2").fetchall()
        return [row for row in rows if not row[0].startswith("playbook effects")]


@contextmanager
def desk_at(home: Path, clock: Clock | None = None, **settings: Any) -> Iterator[Desk]:
    """A house in that folder."""
    app = App.open(home, Settings(home=home, upkeep_minutes=0, **settings), clock or FixedClock(NOW))
    try:
        workspace = app.workspaces.create("soc", "11111111-2222-3333-4444-555555555555")
        alert = Alert(
            "Odd sign-in", Severity.MEDIUM, tactics=(Tactic.EXECUTION,), entities=from_alerts(ENTITIES), started=NOW
        )
        app.detection.alerts.put(OWNER, "a1", alert, ANN)
        incident = Incident("Odd sign-in", Severity.MEDIUM, IncidentStatus.NEW, "what it is")
        app.detection.incidents.put(OWNER, "i1", incident, ANN)
        relation = IncidentRelation(RelatedKind.ALERT, "a1")
        app.detection.incidents.relate(OWNER, "i1", "r1", relation, ANN)
        app.playbooks.workflows.put("respond", Workflow({"triggers": {}, "actions": {}}, "soc"))
        yield Desk(app, workspace)
    finally:
        app.close()
