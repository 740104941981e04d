"""Playbooks that automation rules and people set off: what they are given, and that each occasion sets off one run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.playbooks.test_automation import ANN, OWNER, PLAYBOOK, Desk, modify, rule

from huntlake.core.errors import Conflict, Invalid
from huntlake.detection.incidents import IncidentStatus
from huntlake.playbooks.automation import PlaybookRequested
from huntlake.playbooks.automation_rules import ActionType, RuleAction, TriggersOn, TriggersWhen
from huntlake.playbooks.runs.records import PlaybookRun
from huntlake.playbooks.runs.service import Runs, Wanted
from huntlake.playbooks.triggers.house import House
from huntlake.playbooks.triggers.payloads import Ground
from huntlake.playbooks.workflows import Workflow, Workflows, WorkflowState
from huntlake.state.documents import Document
from huntlake.state.sealing import Seal

PATHS = {
    "Block-User": "/incident-creation",
    "On-Alert": "/subscribe",
    "On-Account": "/entity/@{encodeURIComponent('Account')}",
    "On-Ip": "/entity/IP",
}


class Room(Desk):
    def __init__(self, home: Path) -> None:
        super().__init__()
        self.workflows = Workflows(self.shelf, self.clock)
        timelines = self.detection.incidents.timelines
        self.runs = Runs(self.shelf, self.clock, self.workflows, Seal(home / "key"), timelines, lambda name: name)
        ground = Ground("soc", "w-1", "s-1", "g-1")
        self.house = House(self.clock, self.runs, self.detection, lambda _: ground)
        self.house.listen()
        for name, path in PATHS.items():
            self.put(name, path)

    def put(self, name: str, path: str, workspace: str = "soc") -> Document[Workflow]:
        # As every published one has it: the address that the cloud would be told to call.
        asked = {"path": path, "host": {}, "body": {"callback_url": "@{listCallbackUrl()}"}}
        trigger = {"type": "ApiConnectionWebhook", "inputs": asked}
        definition = {"triggers": {"Sentinel": trigger}, "actions": {"A": {"type": "Compose", "inputs": 1}}}
        return self.workflows.put(name, Workflow(definition, workspace))[0]

    def of(self, name: str) -> tuple[Document[PlaybookRun], ...]:
        return self.runs.list(Wanted(name)).runs

    def body(self, name: str) -> Any:
        return self.runs.triggered(self.of(name)[0].name)["outputs"]["body"]


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def playbook(name: str = PLAYBOOK) -> RuleAction:
    return RuleAction(1, ActionType.RUN_PLAYBOOK, {"logicAppResourceId": name})


def test_an_incident_comes_in_sentinels_form(room: Room) -> None:
    room.rules.put(OWNER, "one", rule(playbook(), name="Contain"))
    incident = room.raised().incidents[0]
    body = room.body("Block-User")
    object = body["object"]
    assert object["id"].endswith(f"/Microsoft.SecurityInsights/Incidents/{incident}")
    properties = object["properties"]
    assert (properties["title"], properties["severity"], properties["incidentNumber"]) == ("Odd sign-in", "Medium", 1)
    assert properties["Alerts"][0]["properties"]["alertDisplayName"] == "Odd sign-in"
    assert {e["kind"] for e in properties["relatedEntities"]} >= {"Account", "Ip"}
    account = next(e for e in properties["relatedEntities"] if e["kind"] == "Account")
    assert account["properties"]["accountName"] == "bob"
    assert body["workspaceInfo"] == {"SubscriptionId": "s-1", "ResourceGroupName": "g-1", "WorkspaceName": "soc"}
    assert body["workspaceId"] == "w-1"
    (run,) = room.of("Block-User")
    assert (run.value.incident, run.value.started_by.name) == (incident, "Automation rule - Contain")


def test_a_run_stands_on_the_timeline_of_its_incident(room: Room) -> None:
    room.rules.put(OWNER, "one", rule(playbook()))
    stored = room.raised()
    assert ("Automation rule - Rule", "started the playbook Block-User") in room.told(stored)


def test_what_is_told_twice_sets_off_one_run(room: Room) -> None:
    incident = room.raised().incidents[0]
    wanted = PlaybookRequested(PLAYBOOK, "", incident, "", "", ANN)
    event = room.detection.events.append(OWNER, wanted)
    fails = [True]

    def breaks(*_: Any) -> None:
        if fails:
            fails.clear()
            raise RuntimeError("after the playbook has heard of it")

    room.detection.events.listen(PlaybookRequested, breaks)
    room.shelf.write([event])
    for _ in range(3):
        room.detection.events.deliver(OWNER)
    assert len(room.of("Block-User")) == 1


def test_an_update_says_what_has_changed(room: Room) -> None:
    room.rules.put(OWNER, "one", rule(playbook(), at=TriggersWhen.UPDATED))
    stored = room.raised()
    room.rules.put(OWNER, "two", rule(modify(severity="High"), order=2, name="Raise"))
    incident = stored.incidents[0]
    room.detection.incidents.change(OWNER, incident, lambda i: replace(i, status=IncidentStatus.ACTIVE), ANN)
    updates = room.body("Block-User")["incidentUpdates"]
    assert updates["updatedFields"] == ["Status"]
    assert updates["updatedBy"] == {"name": "Ann", "source": "User"}


def test_an_alert_comes_in_sentinels_form(room: Room) -> None:
    room.rules.put(OWNER, "one", rule(playbook("/x/workflows/on-alert"), on=TriggersOn.ALERTS))
    room.raised()
    body = room.body("On-Alert")
    assert (body["AlertDisplayName"], body["Severity"], body["WorkspaceId"]) == ("Odd sign-in", "Medium", "w-1")
    account = next(e for e in body["Entities"] if e["Type"] == "account")
    assert (account["Name"], account["UPNSuffix"]) == ("bob", "northwind.example")
    assert body["ExtendedProperties"]["Custom Details"]


def test_an_entity_is_found_by_both_of_its_names(room: Room) -> None:
    incident = room.raised().incidents[0]
    found = next(e for e in room.detection.incidents.entities(OWNER, incident) if e.kind == "Account")
    room.house.on_entity(room.workflows.get("On-Account"), "soc", incident, found.id, ANN)
    body = room.body("On-Account")
    assert body["Entity"]["properties"]["Name"] == body["Entity"]["properties"]["accountName"] == "bob"
    assert body["IncidentArmID"].endswith(f"/Incidents/{incident}")
    with pytest.raises(Invalid, match="has no trigger"):
        room.house.on_entity(room.workflows.get("On-Alert"), "soc", incident, found.id, ANN)


def test_a_playbook_that_cannot_run_is_told_on_the_timeline_and_not_tried_for_ever(room: Room) -> None:
    room.rules.put(OWNER, "one", rule(playbook("/x/workflows/Nowhere"), playbook("/x/workflows/On-Alert")))
    stored = room.raised()
    told = [text for _, text in room.told(stored)]
    assert "the playbook Nowhere couldn't be run: there is no workflow `Nowhere`" in told
    assert any("On-Alert couldn't be run: the workflow `On-Alert` has no trigger" in text for text in told)
    assert not room.detection.events.pending(OWNER)


def test_a_playbook_of_another_workspace_or_a_disabled_one_does_not_run(room: Room) -> None:
    incident = room.raised().incidents[0]
    theirs = room.put("Theirs", "/incident-creation", "other")
    with pytest.raises(Conflict, match="another workspace"):
        room.house.on_incident(theirs, "soc", incident, ANN)
    off = room.runs.set_state("Block-User", WorkflowState.DISABLED, ANN)
    with pytest.raises(Conflict, match="disabled"):
        room.house.on_incident(off, "soc", incident, ANN)
