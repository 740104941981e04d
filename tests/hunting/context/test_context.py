"""What is known here that helps with a hunt."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from huntlake.app import App
from huntlake.core.settings import load
from huntlake.detection.incidents import Incident, IncidentStatus
from huntlake.detection.severity import Severity
from huntlake.hunting.context.relating import asim_mappings, joins, same_things
from huntlake.workspace.catalogue import Catalogue
from huntlake.workspace.saved_searches import SavedSearch
from huntlake.workspace.watchlists import Watchlist
from huntlake.workspace.workspaces import Workspace


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    app = App.open(tmp_path, load(tmp_path, memory_limit="500MB", threads=1))
    yield app
    app.close()


@pytest.fixture
def workspace(app: App) -> Workspace:
    workspace = app.workspaces.create("w")
    at = (app.clock.now() - timedelta(hours=2)).isoformat()
    rows: dict[str, dict[str, object]] = {
        "DeviceProcessEvents": {"DeviceName": "pc1.x.example", "ProcessCommandLine": "powershell -enc x"},
        "DeviceInfo": {"DeviceName": "pc1.x.example", "AssetValue": "High", "OSPlatform": "Windows11"},
        "SecurityEvent": {"Computer": "pc1", "EventID": 4688},
    }
    for table, row in rows.items():
        app.streams.append(workspace, table, [{"TimeGenerated": at, **row}])
    return workspace


def test_every_column_that_tables_are_joined_by_is_in_the_catalogue() -> None:
    catalogue = Catalogue()
    missing = [
        (table, column)
        for columns in same_things().values()
        for table, column in columns.items()
        if (known := catalogue.table(table)) is None or column not in {c.name for c in known.columns}
    ]
    assert missing == []


def test_every_join_that_is_suggested_is_a_query() -> None:
    tables = sorted({table for columns in same_things().values() for table in columns})
    app_less = [one.kql for one in joins(tables, tables, most=500)]
    assert len(app_less) > 100
    assert len(set(app_less)) == len(app_less)


def test_a_join_binds_and_finds_the_same_machine_under_its_short_name(app: App, workspace: Workspace) -> None:
    from huntlake.workspace.results import Result

    (join,) = [j for j in joins(["DeviceProcessEvents"], ["SecurityEvent"]) if j.thing == "machine"]
    (table,) = app.queries.run(workspace, join.kql + " | count").tables
    assert Result.of(table).rows == [(1,)]


def test_asim_says_what_a_column_is_called() -> None:
    found = {(one.schema, field): column for one in asim_mappings(["SigninLogs"]) for field, column in one.fields}
    assert found["Authentication", "TargetUsername"] == "UserPrincipalName"


def test_pieces_are_of_every_source_with_their_score(app: App, workspace: Workspace) -> None:
    search = SavedSearch("Hunting Queries", "Encoded PowerShell of ours", "DeviceProcessEvents | take 5")
    app.saved_searches.put(("w",), "ours", search)
    incident = Incident("PowerShell with an encoded command", Severity.HIGH, IncidentStatus.NEW)
    app.detection.incidents.put(("w",), "i1", incident)
    notes = [{"Note": "Software distribution runs encoded PowerShell"}, {"Note": "The canteen has no Wi-Fi"}]
    app.watchlists.put(workspace, Watchlist("EnvironmentNotes", "Note", ("Note",)), notes)
    ranges = [{"IP Subnet": r, "Range Name": "ours"} for r in ("10.1.0.0/16", "10.1.2.0/24", "10.9.0.0/16", "none")]
    app.watchlists.put(workspace, Watchlist("Networks", "IP Subnet", ("IP Subnet", "Range Name")), ranges)
    asked = [("host", "PC1"), ("IP", "10.1.2.3"), ("account", "nobody")]
    found = app.hunting.context.gather(workspace, "encoded PowerShell command", ["DeviceProcessEvents"], asked)
    by_source: dict[str, list[str]] = {}
    for piece in found.pieces:
        assert 0 < piece.used.score <= 1
        by_source.setdefault(piece.used.source, []).append(piece.title)
    assert by_source["table"][0] == "DeviceProcessEvents"
    assert "Encoded PowerShell of ours" in by_source["query"]
    assert by_source["incident"][0].endswith("PowerShell with an encoded command")
    assert by_source["asset"] == ["pc1.x.example"]
    assert by_source["range"] == ["10.1.2.0/24", "10.1.0.0/16"]
    assert len(by_source["note"]) == 1
    assert any(join.right == "SecurityEvent" for join in found.joins)
    assert any(one.table == "DeviceProcessEvents" for one in found.asim)
    assert found.remarks == ("IdentityInfo has no rows: nothing is known of 1 of type account",)
