"""Playbooks that come with the house, run for real over the house itself."""

from __future__ import annotations

from pathlib import Path

from tests.playbooks.desk import ANN, MANAGED, OWNER, Desk, desk_at

from huntlake.core.clock import SystemClock
from huntlake.detection.incidents import Classification, IncidentStatus
from huntlake.playbooks.connections import Mode
from huntlake.playbooks.runs.records import RunStatus
from huntlake.playbooks.samples import sample
from huntlake.playbooks.workflows import Workflow
from huntlake.workspace.watchlists import Watchlist

_FINE = ("", "OK", "NotSpecified", "ActionSkipped", "ActionBranchingConditionNotSatisfied")


def run(desk: Desk, name: str, mode: Mode) -> None:
    playbook = sample(name)
    entries = {}
    for connector in playbook.connectors:
        desk.connect(connector, mode=mode)
        id = f"/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/connections/{connector}"
        entries[connector] = {"connectionId": id, "connectionName": connector, "id": f"{MANAGED}/{connector}"}
    workflow = Workflow(playbook.definition, "soc", {"$connections": entries})
    kept, _ = desk.app.playbooks.workflows.put(name, workflow)
    with desk.app.playbooks.worker.executing():
        (started,) = desk.app.playbooks.house.on_incident(kept, "soc", "i1", ANN)
        ended = desk.app.playbooks.runs.wait(name, started.name, 60)
    failed = [(e.key, e.code) for _, e in desk.app.playbooks.runs.actions(started.name) if e.code not in _FINE]
    assert ended.value.status is RunStatus.SUCCEEDED, failed


def test_an_incident_of_known_scanners_is_closed_and_in_a_dry_run_only_said_to_be(tmp_path: Path) -> None:
    with desk_at(tmp_path, clock=SystemClock()) as desk:
        lists, incidents = desk.app.watchlists, desk.app.detection.incidents
        lists.put(desk.workspace, Watchlist("KnownScanners", "Address", ("Address",)), [{"Address": "192.0.2.7"}])
        run(desk, "close-scans-of-known-scanners", Mode.DRY_RUN)
        assert incidents.get(OWNER, "i1").value.status is IncidentStatus.NEW
        would = {e.value.operation for e in desk.app.outward.ledger.list("soc")}
        assert "UpdateIncident" in would
        run(desk, "close-scans-of-known-scanners", Mode.LIVE)
        closed = incidents.get(OWNER, "i1").value
        assert (closed.status, closed.classification) == (IncidentStatus.CLOSED, Classification.BENIGN_POSITIVE)
        assert incidents.comments.count((*OWNER, "i1")) >= 0
