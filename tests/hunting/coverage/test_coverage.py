"""What can be seen, out of what tables have rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from huntlake.app import App
from huntlake.hunting.coverage.coverage import COARSE, coverage
from huntlake.hunting.coverage.log_sources import shipped
from huntlake.hunting.coverage.stock import Stock, TableStock, stock
from huntlake.hunting.extraction.knowledge import Analytic, AnalyticSource, Knowledge, Technique
from huntlake.hunting.retrieval import HuntCandidate

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def _analytic(name: str, channel: str = "", *platforms: str) -> Analytic:
    return Analytic("A", "", platforms, (AnalyticSource(name, channel),))


def _technique(id: str, *analytics: Analytic) -> Technique:
    return Technique(id, f"name of {id}", "", ("execution",), (), (), analytics)


def _stock(**rows: int) -> Stock:
    return Stock(NOW, {t: TableStock(t, n, NOW) for t, n in rows.items()}, {}, frozenset({"Windows"}))


def test_a_technique_is_seen_by_the_share_of_its_log_sources_that_have_rows() -> None:
    both = Analytic(
        "A", "", ("Windows",), (AnalyticSource("WinEventLog:Sysmon", "EventCode=1"), AnalyticSource("AWS:CloudTrail"))
    )
    known = Knowledge("ATT&CK", (_technique("T1059", both),), {}, ())
    found = coverage(_stock(DeviceProcessEvents=5), known, shipped())
    one = found.techniques["T1059"]
    assert (one.visibility, one.tables, one.missing) == (
        0.5,
        ("DeviceProcessEvents",),
        ("AWS:CloudTrail → AWSCloudTrail",),
    )


def test_what_would_be_seen_on_platforms_that_are_not_here_is_no_gap() -> None:
    known = Knowledge(
        "ATT&CK",
        (
            _technique(
                "T1059",
                _analytic("WinEventLog:Security", "EventCode=4688", "Windows"),
                _analytic("kubernetes:audit", "", "Containers"),
            ),
        ),
        {},
        (),
    )
    assert coverage(_stock(SecurityEvent=1), known, shipped()).techniques["T1059"].visibility == 1


def test_a_table_without_rows_of_late_shows_nothing() -> None:
    known = Knowledge("ATT&CK", (_technique("T1059", _analytic("azure:signinlogs")),), {}, ())
    one = coverage(_stock(SigninLogs=0), known, shipped()).techniques["T1059"]
    assert one.visibility == 0
    assert one.tables == ()
    assert one.missing[0].startswith("azure:signinlogs → SigninLogs or ")


def test_without_attack_coverage_is_coarse_and_says_so() -> None:
    hunts = [
        HuntCandidate("a", "A", "", "", frozenset({"T1059"}), ("DeviceProcessEvents",)),
        HuntCandidate("b", "B", "", "", frozenset({"T1098"}), ("AuditLogs",)),
    ]
    found = coverage(_stock(DeviceProcessEvents=5), None, shipped(), candidates=hunts, hunts=[("a hunt", ["T1098"])])
    assert found.source == COARSE
    assert found.visibility(["T1059.001"]) == 1
    assert found.visibility(["T1098"]) == 0
    assert found.visibility(["T1566"]) is None
    assert found.techniques["T1098"].hunts == ("a hunt",)


def test_machines_that_no_longer_write_lower_what_is_seen_and_critical_ones_count_more() -> None:
    seen = TableStock("DeviceProcessEvents", 9, NOW, None, frozenset({"a"}))
    found = Stock(NOW, {"DeviceProcessEvents": seen}, {"a": 5.0, "b": 1.0, "c": 1.0, "d": 1.0})
    assert found.share("DeviceProcessEvents") == pytest.approx(0.25 / 0.9)
    assert found.exposure(["DeviceProcessEvents"]) == pytest.approx(5 / 8 / 0.9)
    assert found.share("AuditLogs") == 0
    assert found.exposure(["AuditLogs"]) == 0


@pytest.fixture
def app(tmp_path: object) -> App:
    from pathlib import Path

    from huntlake.core.settings import load

    home = Path(str(tmp_path))
    return App.open(home, load(home, memory_limit="500MB", threads=1))


def test_the_stock_is_counted_in_the_tables_themselves(app: App) -> None:
    workspace = app.workspaces.create("w")
    now = app.clock.now()
    old, new = now - timedelta(days=30), now - timedelta(hours=1)
    rows = [{"TimeGenerated": t.isoformat(), "DeviceName": n} for t, n in ((old, "old.x"), (new, "A.x"), (new, "b.x"))]
    app.streams.append(workspace, "DeviceProcessEvents", rows)
    app.streams.append(
        workspace,
        "DeviceInfo",
        [
            {"TimeGenerated": new.isoformat(), "DeviceName": n, "OSPlatform": "Windows11", "AssetValue": v}
            for n, v in (("a.x", "High"), ("b.x", ""), ("c.x", ""))
        ],
    )
    found = stock(app.queries, app.tables, workspace, now, critical=["b"])
    table = found.tables["DeviceProcessEvents"]
    app.close()
    assert table.rows == 2
    assert table.machines == frozenset({"a", "b"})
    assert found.machines == {"a": 5.0, "b": 5.0, "c": 1.0}
    assert found.platforms == {"Windows"}
    assert found.remarks == ()
