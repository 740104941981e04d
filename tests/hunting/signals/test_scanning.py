"""What is looked for in a lake: changes, what is unusual, closed incidents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from huntlake.app import App
from huntlake.core.clock import FixedClock
from huntlake.core.errors import Invalid
from huntlake.core.settings import load
from huntlake.detection.alerts import Alert
from huntlake.detection.attack import is_technique
from huntlake.detection.entities import Entity
from huntlake.detection.incidents import Classification, Incident, IncidentRelation, IncidentStatus, RelatedKind
from huntlake.detection.rules import AnalyticRule, RuleKind, TriggerOperator
from huntlake.detection.severity import Severity
from huntlake.hunting.scoring import SignalKind
from huntlake.hunting.signals.incidents import IncidentSignals
from huntlake.hunting.signals.lake_scans import LakeReader, ScanWindow, declared
from huntlake.hunting.signals.peers import Person, peers_of
from huntlake.hunting.signals.scanning import ScanPart
from huntlake.hunting.signals.signal import Signal
from huntlake.hunting.signals.store import SoughtSignals
from huntlake.state.records import Author
from huntlake.workspace.workspaces import Workspace

from .conftest import KNOWLEDGE, NOW

WINDOW = ScanWindow.of(NOW - timedelta(days=2), NOW)
BY = Author(name="ada")
RULE = AnalyticRule(
    RuleKind.SCHEDULED,
    "a rule",
    True,
    Severity.HIGH,
    "SecurityEvent | where EventID == 1",
    timedelta(hours=5),
    False,
    timedelta(hours=1),
    timedelta(hours=1),
    TriggerOperator.GREATER_THAN,
    0,
)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    opened = App.open(tmp_path, load(tmp_path, memory_limit="512MB", threads=1), FixedClock(NOW))
    opened.workspaces.create("soc")
    yield opened
    opened.close()


@pytest.fixture
def workspace(app: App) -> Workspace:
    return app.workspaces.get("soc")


def put(app: App, table: str, *rows: dict[str, Any]) -> None:
    app.streams.append(app.workspaces.get("soc"), table, rows)


def found(app: App, kind: SignalKind) -> list[Signal]:
    return [d.value for d in app.hunting.signals.list(("soc",), SoughtSignals(frozenset({kind})))]


def sign_in(days: float, user: str, place: str) -> dict[str, Any]:
    at = (NOW - timedelta(days=days)).isoformat()
    return {
        "TimeGenerated": at,
        "UserPrincipalName": user,
        "ResultType": "0",
        "Location": place,
        "IPAddress": "192.0.2.9",
    }


@pytest.mark.parametrize("scan", [*declared("changes"), *declared("anomalies")], ids=lambda scan: scan.id)
def test_every_question_is_understood_over_the_tables_that_it_names(app: App, workspace: Workspace, scan: Any) -> None:
    app.queries.check(workspace, scan.bound(WINDOW))
    assert all(is_technique(technique) for technique in scan.techniques)


def test_a_role_that_was_granted_is_a_signal_with_who_what_and_from_where(app: App, workspace: Workspace) -> None:
    target = {
        "userPrincipalName": "eve@example.org",
        "modifiedProperties": [{"displayName": "Role.DisplayName", "newValue": '"Global Administrator"'}],
    }
    put(
        app,
        "AuditLogs",
        {
            "TimeGenerated": (NOW - timedelta(hours=5)).isoformat(),
            "OperationName": "Add member to role",
            "Result": "success",
            "InitiatedBy": {"user": {"userPrincipalName": "adm@example.org", "ipAddress": "203.0.113.9"}},
            "TargetResources": [target],
        },
    )
    first = app.hunting.scanner.scan(workspace, WINDOW, frozenset({ScanPart.CHANGES}), BY)
    (signal,) = first.added.new
    assert "Global Administrator" in signal.text
    assert {(e.type, e.value) for e in signal.entities} == {
        ("Account", "adm@example.org"),
        ("Account", "eve@example.org"),
        ("IP", "203.0.113.9"),
    }
    assert [t.id for t in signal.techniques] == ["T1098.003"]
    # Its query shows it by itself, and the time that is looked at doesn't make it another.
    assert len(LakeReader(app.queries).rows(workspace, signal.query)) == 1
    wider = ScanWindow.of(NOW - timedelta(days=4), NOW)
    again = app.hunting.scanner.scan(workspace, wider, frozenset({ScanPart.CHANGES}), BY)
    assert (again.added.new, again.added.known) == ((), (signal.id,))
    assert ("change new-server", "no rows of DeviceInfo are here") in first.skipped


def test_a_day_of_many_changes_is_one_signal(app: App, workspace: Workspace) -> None:
    at = (NOW - timedelta(hours=5)).isoformat()
    put(
        app,
        "SecurityEvent",
        *(
            {"TimeGenerated": at, "EventID": 4720, "SubjectUserName": "adm", "TargetUserName": f"u{n}"}
            for n in range(30)
        ),
    )
    app.hunting.scanner.scan(workspace, WINDOW, frozenset({ScanPart.CHANGES}), BY)
    (signal,) = found(app, SignalKind.CHANGE)
    assert signal.properties["count"] == "30"
    assert "30 on 2026-11-20" in signal.title


def test_what_is_unusual_is_kept_as_rows_and_signals_once(app: App, workspace: Workspace) -> None:
    usual = [sign_in(days, "eve@example.org", "NL") for days in range(3, 20)]
    put(app, "SigninLogs", *usual, sign_in(1, "eve@example.org", "RO"), sign_in(1.1, "eve@example.org", "NL"))
    parts = frozenset({ScanPart.ANOMALIES})
    once = app.hunting.scanner.scan(workspace, WINDOW, parts, BY)
    again = app.hunting.scanner.scan(workspace, WINDOW, parts, BY)
    assert (once.rows, again.rows) == ({"BehaviorAnalytics": 1}, {})
    (row,) = LakeReader(app.queries).rows(
        workspace,
        "BehaviorAnalytics | project UserPrincipalName, SourceIPLocation, ActivityInsights, InvestigationPriority",
    )
    assert (row["UserPrincipalName"], row["SourceIPLocation"]) == ("eve@example.org", "RO")
    assert row["ActivityInsights"]["FirstTimeUserConnectedFromCountry"] == "True"
    (signal,) = found(app, SignalKind.ANOMALY)
    assert signal.title.startswith("eve@example.org: Sign-ins from a country")
    assert ("IP", "192.0.2.9") in {(e.type, e.value) for e in signal.entities}


def test_an_account_without_a_past_is_not_unusual(app: App, workspace: Workspace) -> None:
    put(app, "SigninLogs", sign_in(1, "new@example.org", "RO"), sign_in(30, "eve@example.org", "NL"))
    assert app.hunting.scanner.scan(workspace, WINDOW, frozenset({ScanPart.ANOMALIES}), BY).added.new == ()


def closed(app: App, name: str, how: Classification, **alert: Any) -> None:
    owner = ("soc",)
    app.detection.incidents.put(owner, name, Incident("Dumped", Severity.HIGH, IncidentStatus.NEW), BY)
    ip = Entity("1", "Ip", {"address": "93.184.216.34"})
    host = Entity("2", "Host", {"hostName": "fs01", "dnsDomain": "example.org"})
    told = Alert("LSASS read", Severity.HIGH, techniques=("T1003.001",), entities=(ip, host), **alert)
    app.detection.alerts.put(owner, f"alert-{name}", told, BY)
    relation = IncidentRelation(RelatedKind.ALERT, f"alert-{name}")
    app.detection.incidents.relate(owner, name, f"r-{name}", relation, BY)
    app.detection.incidents.change(
        owner, name, lambda i: replace(i, status=IncidentStatus.CLOSED, classification=how), BY
    )


def test_an_incident_that_is_closed_becomes_a_signal_by_itself_with_what_goes_with_it(app: App) -> None:
    app.hunting.attack.install(KNOWLEDGE, "a test", NOW)
    closed(app, "one", Classification.TRUE_POSITIVE)
    (signal,) = found(app, SignalKind.INCIDENT)
    assert signal.trust == 1.0
    assert [(t.id, t.confidence) for t in signal.techniques] == [("T1003.001", 1.0), ("T1053.005", 0.1333)]
    assert ("IPv4 address", "93.184.216.34") in {(i.kind, i.value) for i in signal.indicators}
    assert {(e.type, e.value) for e in signal.entities} == {("IP", "93.184.216.34"), ("Host", "fs01.example.org")}
    assert signal.remarks == ("T1003: no enabled rule is of it",)


def test_what_fails_on_the_way_to_a_signal_keeps_nobody_from_closing_and_is_found_later(
    app: App, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> Signal:
        raise RuntimeError("broken")

    with monkeypatch.context() as broken:
        broken.setattr(IncidentSignals, "of", fails)
        closed(app, "one", Classification.TRUE_POSITIVE)
    assert app.detection.events.pending(("soc",)) == frozenset()
    later = ScanWindow.of(NOW - timedelta(days=1), NOW + timedelta(seconds=1))
    again = app.hunting.scanner.scan(workspace, later, frozenset({ScanPart.INCIDENTS}), BY)
    assert [one.reference for one in again.added.new] == ["one"]


def test_why_no_rule_has_told_is_said_of_rules_that_are_off_never_ran_or_had_no_rows(app: App) -> None:
    for name, tactic, enabled in (("off", "T1003", False), ("on", "T1003", True)):
        rule = replace(RULE, display_name=name, enabled=enabled, techniques=(tactic,))
        app.detection.rules.put(("soc",), name, rule, BY)
    closed(app, "one", Classification.TRUE_POSITIVE)
    (signal,) = found(app, SignalKind.INCIDENT)
    assert signal.remarks == ("T1003: `on` has never run",)
    assert signal.properties["whyNoRule"] == signal.remarks[0]


def test_what_was_harmless_is_no_signal_and_a_scan_finds_what_was_closed_before(app: App, workspace: Workspace) -> None:
    closed(app, "one", Classification.FALSE_POSITIVE)
    closed(app, "two", Classification.TRUE_POSITIVE, rule="a-rule")
    (signal,) = found(app, SignalKind.INCIDENT)
    assert (signal.reference, signal.remarks) == ("two", ())
    app.hunting.signals.delete(("soc",), signal.id, by=BY)
    later = ScanWindow.of(NOW - timedelta(days=1), NOW + timedelta(seconds=1))
    again = app.hunting.scanner.scan(workspace, later, frozenset({ScanPart.INCIDENTS}), BY)
    assert [one.id for one in again.added.new] == [signal.id]


def test_a_look_goes_on_where_the_last_one_ended(app: App, workspace: Workspace) -> None:
    clock = app.clock
    assert isinstance(clock, FixedClock)
    assert app.hunting.scanner.scan_due(workspace, timedelta(hours=1)) is not None
    assert app.hunting.scanner.scan_due(workspace, timedelta(hours=1)) is None
    clock.at += timedelta(hours=1)
    assert app.hunting.scanner.scan_due(workspace, timedelta(hours=1)) is not None


def test_a_time_that_ends_before_it_begins_is_refused(app: App, workspace: Workspace) -> None:
    with pytest.raises(Invalid):
        app.hunting.scanner.scan(workspace, ScanWindow.of(NOW, NOW - timedelta(days=1)))


def test_peers_are_those_who_share_what_few_do() -> None:
    people = [
        Person("1", "a", "a@x", frozenset({"Department Ledger", "City Delft", "group vault"})),
        Person("2", "b", "b@x", frozenset({"Department Ledger", "City Delft"})),
        Person("3", "c", "c@x", frozenset({"Department Yard", "City Delft", "group vault"})),
        Person("4", "d", "d@x", frozenset({"Department Yard", "City Delft"})),
        Person("5", "e", "e@x", frozenset({"City Delft"})),
    ]
    ranked = {(one.name, rank): peer.name for one, peer, rank in peers_of(people)}
    assert {ranked["a", 1], ranked["a", 2]} == {"b", "c"}
    # Whom everybody shares a city with isn't anybody's peer by it.
    assert ("e", 1) not in ranked


def test_what_a_day_has_together_is_told_together_however_its_hours_are_looked_at(
    app: App, workspace: Workspace
) -> None:
    usual = [sign_in(days, "eve@example.org", "NL") for days in range(3, 20)]
    put(app, "SigninLogs", *usual, sign_in(0.4, "eve@example.org", "RO"), sign_in(0.2, "eve@example.org", "BG"))
    parts = frozenset({ScanPart.ANOMALIES})
    for hours in range(12):
        at = NOW - timedelta(hours=11 - hours)
        app.hunting.scanner.scan(workspace, ScanWindow.of(at - timedelta(hours=1), at), parts, BY)
    every = app.hunting.scanner.scan(workspace, ScanWindow.of(NOW - timedelta(days=1), NOW), parts, BY)
    assert (len(found(app, SignalKind.ANOMALY)), every.added.new, every.rows) == (1, (), {})
    assert len(LakeReader(app.queries).rows(workspace, "BehaviorAnalytics")) == 2
