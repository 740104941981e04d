"""`huntlake incident` and `huntlake alert`."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.cli.conftest import Run

from huntlake.app import App
from huntlake.detection.alerts import Alert
from huntlake.detection.extraction import from_alerts
from huntlake.detection.incidents import Incident, IncidentRelation, IncidentStatus, RelatedKind
from huntlake.detection.severity import Severity, Tactic
from huntlake.state.records import Author

BOB = from_alerts('[{"Type":"account","Name":"bob","UPNSuffix":"northwind.example"}]')


@pytest.fixture
def incidents(tmp_path: Path) -> None:
    app = App.open(tmp_path / "lake")
    app.workspaces.create("soc")
    for n in (1, 2):
        alert = Alert(f"Odd {n}\x1b[2J", Severity.HIGH, tactics=(Tactic.EXECUTION,), entities=BOB, rule="r1")
        app.detection.alerts.put(("soc",), f"a{n}", alert)
        made = Incident(f"Odd {n}", Severity.HIGH, IncidentStatus.NEW, first_activity=datetime(2026, 3, 1, tzinfo=UTC))
        app.detection.incidents.put(("soc",), f"i{n}", made)
        related = IncidentRelation(RelatedKind.ALERT, f"a{n}")
        app.detection.incidents.relate(("soc",), f"i{n}", f"rel{n}", related, Author(name="test"))
    app.close()


@pytest.mark.usefixtures("incidents")
def test_an_incident_is_listed_shown_worked_on_and_closed(run: Run) -> None:
    listed = json.loads(run("incident", "list", "--format", "json").out)
    assert [(i["number"], i["title"], i["alerts"]) for i in listed] == [(2, "Odd 2", 1), (1, "Odd 1", 1)]
    assert run("incident", "assign", "1", "ann@northwind.example").code == 0
    assert run("incident", "comment", "1", "looks bad").code == 0
    told = run("incident", "close", "1", "--as", "false-positive")
    assert (told.code, "incorrect-alert-logic or inaccurate-data" in told.err) == (1, True)
    assert run("incident", "close", "1", "--as", "true-positive", "-m", "it was Bob").code == 0
    assert [i["number"] for i in json.loads(run("incident", "list", "-o", "json").out)] == [2]
    story = json.loads(run("incident", "show", "i1", "-o", "json").out)
    assert (story["status"], story["classification"]) == ("Closed", "TruePositive")
    assert (story["owner"], story["tactics"]) == ("ann@northwind.example", "Execution")
    assert story["comments"][0]["message"] == "looks bad"
    assert story["similar"][0]["number"] == 2
    assert [e["text"] for e in story["timeline"]][-2:] == [
        "reason: none → SuspiciousActivity",
        "comment on closing: none → it was Bob",
    ]
    assert run("incident", "reopen", "1").code == 0
    asked = run(
        "query", "SecurityIncident | summarize arg_max(LastModifiedTime, Status) by IncidentNumber", "-o", "json"
    )
    assert {r["IncidentNumber"]: r["Status"] for r in json.loads(asked.out)} == {1: "Active", 2: "New"}
    assert "alerts:" in run("incident", "show", "1").out
    assert run("incident", "show", "9").code == 1


@pytest.mark.usefixtures("incidents")
def test_alerts_are_listed_and_shown_and_obey_nobody(run: Run) -> None:
    listed = json.loads(run("alert", "list", "-o", "json").out)
    assert {(a["name"], a["incident"]) for a in listed} == {("a1", 1), ("a2", 2)}
    told = json.loads(run("alert", "show", "a1", "-o", "json").out)
    assert told["entities"] == [{"kind": "Account", "accountName": "bob", "upnSuffix": "northwind.example"}]
    assert "\x1b" not in run("alert", "show", "a1").out
    assert "\x1b" not in run("incident", "show", "1").out
