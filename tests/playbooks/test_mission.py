"""A playbook that asks the lake over its HTTP API, from a real server on this machine, to a person's decision."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import orjson

from huntlake.app import App
from huntlake.core.settings import Settings
from huntlake.detection.alerts import Alert
from huntlake.detection.extraction import from_alerts
from huntlake.detection.incidents import Incident, IncidentRelation, IncidentStatus, RelatedKind
from huntlake.detection.severity import Severity
from huntlake.identity.rights import Role
from huntlake.playbooks.approvals import Decider
from huntlake.playbooks.connections import CONNECTIONS, Mode
from huntlake.playbooks.deployment.sources import Given
from huntlake.playbooks.samples import sample
from huntlake.state.records import Author

NAME = "isolate-after-connections-abroad"
OWNER = ("soc",)
SECONDS = 90.0
ANN = Author(name="Ann (command line)")
BOB = Decider(Author("8", "Bob"), is_person=True)


def settings(home: Path, **given: Any) -> Settings:
    return Settings(home=home, upkeep_minutes=0, **given)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def laid_out(home: Path, port: int) -> str:
    """A lake in which a machine talked abroad, an incident about it, and the playbook; its principal's secret."""
    app = App.open(home, settings(home, port=port))
    try:
        workspace = app.workspaces.create("soc")
        now = datetime.now(UTC) - timedelta(hours=1)
        row: dict[str, Any] = {"TimeGenerated": now.isoformat(), "DeviceName": "hr-7.contoso.example", "DeviceId": "d7"}
        row |= {"ActionType": "ConnectionSuccess", "RemotePort": 443, "InitiatingProcessFileName": "<b>.exe"}
        rows = [{**row, "RemoteIP": ip} for ip in ("192.0.2.170", "192.0.2.3")]
        rows.append({**row, "DeviceName": "hr-70", "DeviceId": "d70", "RemoteIP": "192.0.2.170"})
        app.streams.append(workspace, "DeviceNetworkEvents", rows, source="test")
        entities = from_alerts('[{"Type":"host","HostName":"hr-7","DnsDomain":"contoso.example"}]')
        app.detection.alerts.put(OWNER, "a1", Alert("Beacon", Severity.HIGH, entities=entities, started=now), ANN)
        app.detection.incidents.put(OWNER, "i1", Incident("Beacon", Severity.HIGH, IncidentStatus.NEW), ANN)
        app.detection.incidents.relate(OWNER, "i1", "r1", IncidentRelation(RelatedKind.ALERT, "a1"), ANN)
        principal = app.principals.create("playbook")
        secret = app.principals.add_secret(principal.client_id).text
        app.principals.grant(principal.client_id, workspace.id, Role.READER)
        values = {
            "LakeUrl": f"https://localhost:{port}",
            "Authority": f"https://localhost:{port}",
            "Tenant": app.tenant.id,
            "Audience": "4500ebfb-89b6-4b14-a480-7f749797bfcd",
            "ClientId": principal.client_id,
            "ClientSecret": secret,
            "Database": f"soc-{workspace.id}",
        }
        planned = app.playbooks.deployments.plan_file(sample(NAME).path, "soc", Given(values))
        assert planned.ready, planned
        app.playbooks.deployments.apply(planned, "soc", by=ANN)
        for one in app.playbooks.connections.list(CONNECTIONS):
            app.playbooks.connections.put(CONNECTIONS, one.name, replace(one.value, mode=Mode.LIVE), ANN)
        return secret
    finally:
        app.close()


@contextmanager
def serving(home: Path, port: int) -> Iterator[App]:
    """A real server over the lake, and the lake as a command beside it sees it."""
    log = home.parent / "server.log"
    ours = [sys.executable, "-c", "from huntlake.cli import main; main()"]
    command = [*ours, "serve", "--port", str(port), "--home", str(home)]
    environment = {**os.environ, "HUNTLAKE_UPKEEP_MINUTES": "0", "HUNTLAKE_PORT": str(port)}
    with log.open("wb") as file:
        server = subprocess.Popen(command, stdout=file, stderr=file, env=environment)
    try:
        while "serving" not in log.read_text(errors="replace"):
            assert server.poll() is None, log.read_text(errors="replace")
            sleep(0.1)
        app = App.open(home, settings(home, port=port))
        try:
            yield app
        finally:
            app.close()
    finally:
        server.terminate()
        server.wait(30)


@dataclass(frozen=True)
class Progress:
    """A run that a server executes."""

    app: App
    run: str
    log: Path

    def until(self, found: Callable[[], Any]) -> Any:
        """What is found, as soon as it is there; the run's history is told where it never is."""
        deadline = monotonic() + SECONDS
        while not (made := found()):
            runs = self.app.playbooks.runs
            history = "".join(f"\n{e.key}: {e.status} {e.error}" for _, e in runs.actions(self.run))
            ended = runs.get(NAME, self.run).value.ended is not None
            assert not ended, history
            assert monotonic() < deadline, (history, self.log.read_text(errors="replace")[-3000:])
            sleep(0.2)
        return made


def test_a_host_that_talks_abroad_is_isolated_when_a_person_says_so(tmp_path: Path) -> None:
    home, port = tmp_path / "home", free_port()
    log = tmp_path / "server.log"
    secret = laid_out(home, port)
    with serving(home, port) as app:
        known = app.playbooks
        (run,) = known.house.on_incident(known.workflows.get(NAME), "soc", "i1", ANN)
        went_on = Progress(app, run.name, log)
        question = went_on.until(lambda: [a for a in known.approvals.list(OWNER) if a.value.callback])[0]
        known.approvals.answer(OWNER, question.name, "Isolate", {}, BOB)
        # Whatever a playbook was told: containment needs an approval of its very inputs.
        asked = went_on.until(lambda: [a for a in known.approvals.list(OWNER) if not a.value.callback])[0]
        assert "/machines/d7/isolate" in str(asked.value.inputs)
        assert list(app.machine_actions.list(OWNER)) == []
        known.approvals.decide(OWNER, asked.name, True, BOB)
        ended = known.runs.wait(NAME, run.name, SECONDS)
        history = {e.key: (e.status, e.error) for _, e in known.runs.actions(run.name)}
        assert ended.value.status == "Succeeded", history
        comments = [c.value.message for c in app.detection.incidents.comments.list((*OWNER, "i1"))]
        (table,) = [c for c in comments if "<table>" in c]
        assert table.count("<tr>") == 2
        assert "<td>Netherlands</td>" in table
        assert "&lt;b&gt;.exe" in table
        assert any("is being isolated: a person approved it" in c for c in comments)
        (isolated,) = app.machine_actions.list(OWNER)
        assert isolated.value.machine_id == "d7"
        kept = orjson.dumps([e.inputs for _, e in known.runs.actions(run.name)], default=str).decode()
        assert secret not in kept
