from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from huntlake.assembly.analytics import Analytics
from huntlake.core.clock import FixedClock
from huntlake.core.errors import Invalid
from huntlake.detection.alerts import Alert, AlertStatus
from huntlake.detection.extraction import from_alerts
from huntlake.detection.incidents import (
    Classification,
    Incident,
    IncidentComment,
    IncidentOwner,
    IncidentRelation,
    IncidentStatus,
    IncidentTask,
    Label,
    RelatedKind,
    TaskStatus,
)
from huntlake.detection.service import Detection
from huntlake.detection.severity import Severity, Tactic
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.geography import Nowhere
from huntlake.kql.types import ScalarType
from huntlake.state.audit import SYSTEM as HOUSE
from huntlake.state.audit import Actor, AuditEntry, AuditTrail
from huntlake.state.database import Database
from huntlake.state.records import Author
from huntlake.workspace.table_definitions import TableChange, TableColumn
from huntlake.workspace.upkeep import Retention
from huntlake.workspace.workspaces import Workspace

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SOC = Workspace("soc", "11111111-2222-3333-4444-555555555555")
OWNER = ("soc",)
ANN = Author("7", "Ann", "ann@northwind.example")
ENTITIES = '[{"Type":"account","Name":"bob","UPNSuffix":"northwind.example"},{"Type":"ip","Address":"192.0.2.7"}]'
ALERT = Alert(
    "Odd",
    Severity.HIGH,
    "An odd thing",
    alert_type="r1",
    tactics=(Tactic.EXECUTION,),
    techniques=("T1059", "T1059.001"),
    entities=from_alerts(ENTITIES),
    rule="r1",
    started=NOW - timedelta(hours=1),
    ended=NOW,
    more={"Query Period": "1:00:00"},
)
INCIDENT = Incident("Odd", Severity.HIGH, IncidentStatus.NEW, "An odd thing", (Label("later"),), rules=("r1",))


class Desk:
    """A workspace, and what was detected in it."""

    def __init__(self, home: Path) -> None:
        self.home, self.clock = home, FixedClock(NOW)
        self.state = Database.open(home / "state.db")
        self.retention = Retention(self.state)
        self.analytics = Analytics.over(
            home,
            Bounds(),
            Nowhere(),
            self.clock,
            self.state,
            workspaces={"soc": SOC}.get,
            retention=self.retention,
        )
        self.detection = Detection.over(self.state, self.clock)

    def ask(self, text: str) -> list[Any]:
        table = self.analytics.queries.run(SOC, text).tables[0]
        rows: list[Any] = json.loads(b"[" + b",".join(table.json_objects()) + b"]")
        return rows


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.analytics.close()


def test_an_alert_can_be_asked_for_the_moment_it_is_there(desk: Desk) -> None:
    assert desk.ask("SecurityAlert | count") == [{"Count": 0}]
    desk.detection.alerts.put(OWNER, "a1", ALERT)
    [row] = desk.ask("SecurityAlert | where TimeGenerated > ago(1h)")
    assert row["SystemAlertId"] == "a1"
    assert row["TenantId"] == SOC.id
    assert row["AlertSeverity"] == "High"
    assert (row["Tactics"], row["Techniques"], row["SubTechniques"]) == ("Execution", '["T1059"]', '["T1059.001"]')
    assert row["StartTime"] == "2026-11-21T11:00:00Z"
    assert row["RemediationSteps"] == ""
    assert row["ConfidenceScore"] is None
    assert json.loads(row["ExtendedProperties"]) == {"Query Period": "1:00:00"}
    assert from_alerts(row["Entities"]) == ALERT.entities


def test_rows_that_come_one_by_one_stay_in_few_pieces(desk: Desk) -> None:
    for n in range(70):
        desk.detection.alerts.put(OWNER, f"a{n}", ALERT)
        assert desk.ask("SecurityAlert | count") == [{"Count": n + 1}]
    assert len(desk.ask("SecurityAlert | distinct SystemAlertId")) == 70
    known = desk.analytics.detected._read["soc", "SecurityAlert"]
    assert sum(column.num_chunks for table in known.tables for column in table.columns[:1]) <= 8


def test_the_entities_of_alerts_can_be_taken_apart_as_queries_do(desk: Desk) -> None:
    desk.detection.alerts.put(OWNER, "a1", ALERT)
    query = "SecurityAlert | mv-expand e = todynamic(Entities) | project Kind = tostring(e.Type), tostring(e.Address)"
    assert [r["Kind"] for r in desk.ask(query)] == ["account", "ip"]


def test_each_change_of_an_alert_that_shows_is_a_row(desk: Desk) -> None:
    desk.detection.alerts.put(OWNER, "a1", ALERT)
    desk.clock.at += timedelta(minutes=1)
    desk.detection.alerts.change(OWNER, "a1", lambda a: replace(a, status=AlertStatus.RESOLVED))
    desk.detection.alerts.change(OWNER, "a1", lambda a: replace(a, incident="i1"))
    assert [r["Status"] for r in desk.ask("SecurityAlert | sort by TimeGenerated asc")] == ["New", "Resolved"]
    [last] = desk.ask("SecurityAlert | summarize arg_max(TimeGenerated, *) by SystemAlertId")
    assert last["Status"] == "Resolved"


def test_an_incident_tells_its_whole_story(desk: Desk) -> None:
    incidents = desk.detection.incidents
    desk.detection.alerts.put(OWNER, "a1", ALERT)
    incidents.put(OWNER, "i1", INCIDENT, ANN)
    relation = IncidentRelation(RelatedKind.ALERT, "a1")
    incidents.relate(OWNER, "i1", "rel1", relation, ANN)
    incidents.comments.put((*OWNER, "i1"), "c1", IncidentComment("looks bad"), ANN)
    incidents.tasks.put((*OWNER, "i1"), "t1", IncidentTask("Ask Bob", TaskStatus.NEW), ANN)
    desk.clock.at += timedelta(minutes=1)
    closed, bad = IncidentStatus.CLOSED, Classification.TRUE_POSITIVE
    owner = IncidentOwner(assigned_to="Ann", email="ann@northwind.example")
    incidents.change(OWNER, "i1", lambda i: replace(i, status=closed, classification=bad, owner=owner), ANN)
    assert desk.ask("SecurityIncident | count") == [{"Count": 5}]
    [row] = desk.ask("SecurityIncident | summarize arg_max(LastModifiedTime, *) by IncidentNumber")
    assert (row["IncidentName"], row["IncidentNumber"], row["Status"]) == ("i1", 1, "Closed")
    assert (row["Classification"], row["ModifiedBy"]) == ("TruePositive", "Ann")
    assert (row["AlertIds"], row["RelatedAnalyticRuleIds"]) == (["a1"], ["r1"])
    assert row["Owner"]["assignedTo"] == "Ann"
    assert row["Labels"] == [{"labelName": "later", "labelType": "User"}]
    assert row["Comments"][0]["message"] == "looks bad"
    assert row["Comments"][0]["author"]["name"] == "Ann"
    assert row["Tasks"][0]["title"] == "Ask Bob"
    assert row["AdditionalData"]["tactics"] == ["Execution"]
    assert row["ClosedTime"] == "2026-11-21T12:01:00Z"
    assert [(e.kind.value, e.text) for e in incidents.timeline(OWNER, "i1")] == [
        ("Created", "made: Odd"),
        ("AlertAdded", "Odd"),
        ("CommentAdded", "looks bad"),
        ("TaskAdded", "Ask Bob (New)"),
        ("Changed", "status: New → Closed"),
        ("Changed", "owner: none → ann@northwind.example"),
        ("Changed", "classification: none → TruePositive"),
    ]


def test_incidents_and_their_alerts_are_joined_as_published_queries_do(desk: Desk) -> None:
    incidents = desk.detection.incidents
    desk.detection.alerts.put(OWNER, "a1", ALERT)
    incidents.put(OWNER, "i1", INCIDENT, ANN)
    incidents.relate(OWNER, "i1", "rel1", IncidentRelation(RelatedKind.ALERT, "a1"), ANN)
    desk.clock.at += timedelta(minutes=1)
    query = """SecurityIncident
        | summarize arg_max(TimeGenerated, *) by IncidentNumber
        | mv-expand AlertId = AlertIds to typeof(string)
        | join kind=inner (SecurityAlert) on $left.AlertId == $right.SystemAlertId
        | project IncidentNumber, DisplayName"""
    # The incident and its alert were written at the same moment.
    assert len(desk.ask("SecurityIncident")) == 2
    incidents.change(OWNER, "i1", lambda i: replace(i, severity=Severity.LOW))
    assert desk.ask(query) == [{"IncidentNumber": 1, "DisplayName": "Odd"}]


def test_rows_that_were_brought_stand_beside_those_raised_here(desk: Desk) -> None:
    more = TableChange(columns=[TableColumn("Odd_CF", ScalarType.LONG)])
    desk.analytics.table_definitions.put(SOC, "SecurityAlert", more)
    old = {"TimeGenerated": [datetime(2026, 11, 21, 9)], "SystemAlertId": ["brought"], "Odd_CF": [5]}
    desk.analytics.ingestion.append_arrow(SOC, "SecurityAlert", pa.table(old))
    desk.detection.alerts.put(OWNER, "a1", ALERT)
    rows = desk.ask("SecurityAlert | sort by TimeGenerated asc | project SystemAlertId, Odd_CF")
    assert rows == [{"SystemAlertId": "brought", "Odd_CF": 5}, {"SystemAlertId": "a1", "Odd_CF": None}]
    assert desk.ask("search 'Odd' | count") == [{"Count": 1}]
    assert desk.ask("union * | where TimeGenerated > datetime(2026-11-21) | count") == [{"Count": 2}]


def test_rows_of_other_processes_and_of_many_changes_are_read(desk: Desk) -> None:
    other = Detection.over(Database.open(desk.home / "state.db"), desk.clock)
    for n in range(25):
        (other if n % 2 else desk.detection).alerts.put(OWNER, f"a{n}", ALERT)
        assert desk.ask("SecurityAlert | summarize dcount(SystemAlertId)") == [{"dcount_SystemAlertId": n + 1}]


def test_rows_that_are_too_old_are_not_seen_and_then_gone(desk: Desk) -> None:
    desk.retention.set("soc", "SecurityAlert", 1)
    desk.detection.alerts.put(OWNER, "a1", ALERT)
    desk.clock.at += timedelta(hours=20)
    desk.detection.alerts.put(OWNER, "a2", ALERT)
    desk.clock.at += timedelta(hours=20)
    assert [r["SystemAlertId"] for r in desk.ask("SecurityAlert")] == ["a2"]
    assert desk.analytics.detected.expire("soc") == 1
    assert desk.analytics.detected.expire("soc") == 0
    known = desk.analytics.detected._read["soc", "SecurityAlert"]
    assert sum(table.num_rows for table in known.tables) == 1
    desk.detection.alerts.put(OWNER, "a3", ALERT)
    assert desk.ask("SecurityAlert | count") == [{"Count": 2}]
    desk.clock.at += timedelta(days=3)
    assert desk.analytics.detected.expire("soc") == 2
    assert desk.ask("SecurityAlert | count") == [{"Count": 0}]


def audited(desk: Desk) -> AuditTrail:
    trail = AuditTrail(desk.state, desk.clock)
    ann = Actor.person(ANN, "approver")
    trail.append(OWNER, AuditEntry(ann, "hunt/approve", "hunt", "h1", 2, "in_review", "approved", details={"rows": 3}))
    desk.clock.at += timedelta(minutes=1)
    trail.append(OWNER, AuditEntry(HOUSE, "hunt/schedule", "hunt", "h1", 2))
    return trail


def test_the_audit_is_a_table_that_queries_read(desk: Desk) -> None:
    assert desk.ask("HuntlakeAudit | count") == [{"Count": 0}]
    trail = audited(desk)
    found = desk.ask(
        "HuntlakeAudit | sort by Sequence asc | project TimeGenerated, Sequence, ActorName, Action, ObjectVersion, "
        "Rows = toint(Details.rows), Last = Hash == '" + trail.head(OWNER).hash + "', TenantId"
    )
    assert [tuple(row.values()) for row in found] == [
        ("2026-11-21T12:00:00Z", 1, "Ann", "hunt/approve", 2, 3, False, SOC.id),
        ("2026-11-21T12:01:00Z", 2, "huntlake", "hunt/schedule", 2, None, True, SOC.id),
    ]


def test_retention_leaves_the_audit_whole(desk: Desk) -> None:
    desk.retention.set("soc", "HuntlakeAudit", 1)
    desk.retention.default = 1
    trail = audited(desk)
    desk.clock.at += timedelta(days=400)
    desk.analytics.detected.expire("soc")
    assert desk.ask("HuntlakeAudit | count") == [{"Count": 2}]
    assert not trail.verify(OWNER).faults
    with pytest.raises(Invalid, match="kept for ever: changing it is not supported"):
        desk.analytics.table_definitions.put(SOC, "HuntlakeAudit", TableChange(total_retention_days=30))
    assert desk.analytics.table_definitions.get(SOC, "HuntlakeAudit").total_retention_days is None


def test_nobody_adds_rows_to_the_audit(desk: Desk, tmp_path: Path) -> None:
    forged = tmp_path / "rows.json"
    forged.write_text(json.dumps({"TimeGenerated": "2026-11-21T12:00:00Z", "Action": "hunt/approve"}))
    with pytest.raises(Invalid, match="adding others is not supported"):
        desk.analytics.ingestion.ingest(SOC, "HuntlakeAudit", forged)
    with pytest.raises(Invalid, match="adding others is not supported"):
        desk.analytics.streams.append(SOC, "HuntlakeAudit", [{"Action": "hunt/approve"}])
    assert desk.ask("HuntlakeAudit | count") == [{"Count": 0}]
