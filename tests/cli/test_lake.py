"""`huntlake lake`: what it tells, and its exit codes."""

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Run

from huntlake.lake.maintenance.lock import alone


def rows(run: Run, *arguments: str) -> list[dict[str, object]]:
    told = run("lake", *arguments, "-o", "json")
    assert told.code == 0, told.err
    found: list[dict[str, object]] = json.loads(told.out)
    return found


@pytest.fixture
def twice(run: Run, lake: Path, tmp_path: Path) -> Path:
    """The folder of a table with two files of one day that is over."""
    assert run("ingest", tmp_path / "signins.jsonl", "--table", "SigninLogs").code == 0
    return lake / "lake" / "default" / "SigninLogs"


def test_compact_makes_one_file_of_two_and_stats_tell_it(run: Run, twice: Path) -> None:
    (before,) = rows(run, "stats")
    assert (before["table"], before["files"], before["to_compact"]) == ("SigninLogs", 2, 2)
    (done,) = rows(run, "compact", "SigninLogs")
    assert (done["files_before"], done["files_after"], done["rows"]) == (2, 1, 4)
    (after,) = rows(run, "stats")
    assert (after["rows"], after["files"], after["to_compact"]) == (4, 1, 0)
    assert run("query", "SigninLogs | count", "-o", "csv").out == "Count\n4\n"
    assert rows(run, "verify") == []


def test_a_table_that_isnt_there_is_refused_with_a_suggestion(run: Run, twice: Path) -> None:
    told = run("lake", "compact", "SigninLog")
    assert told.code == 1
    assert "did you mean `SigninLogs`?" in told.err


def test_a_table_that_another_process_is_at_is_told(run: Run, twice: Path) -> None:
    with alone(twice):
        told = run("lake", "compact")
    assert told.code == 1
    assert "another process" in told.err
    assert len(rows(run, "compact")) == 1


def test_retention_is_said_told_and_applied(run: Run, twice: Path) -> None:
    assert rows(run, "retention") == [{"table": "SigninLogs", "days": "forever", "said_by": "the setting"}]
    assert run("lake", "retention", "--days", "30").code == 1
    assert run("lake", "retention", "SigninLogs", "--days", "30", "--default").code == 1
    (said,) = rows(run, "retention", "SigninLogs", "--days", "30")
    assert (said["days"], said["said_by"]) == (30, "the table")
    assert run("query", "SigninLogs | count", "-o", "csv").out == "Count\n4\n"
    (gone,) = rows(run, "retention", "--apply")
    assert gone["rows_taken_away"] == 4
    assert run("query", "SigninLogs | count", "-o", "csv").out == "Count\n0\n"
    (back,) = rows(run, "retention", "SigninLogs", "--default")
    assert back["days"] == "forever"


def test_retention_can_be_said_of_a_table_before_it_has_rows(run: Run, twice: Path) -> None:
    (said,) = rows(run, "retention", "AuditLogs", "--days", "7")
    assert said["days"] == 7
    assert run("lake", "retention", "AuditLog", "--days", "7").code == 1


def test_an_index_that_is_switched_off_stays_off_for_later_loads(run: Run, twice: Path, tmp_path: Path) -> None:
    asked = 'SigninLogs | where UserPrincipalName has "alice" | count'
    before = run("query", asked, "-o", "csv").out
    assert run("lake", "index", "--off").code == 1
    assert run("lake", "index", "SigninLogs", "--off", "--anew").code == 1
    (done,) = rows(run, "index", "--off", "SigninLogs")
    assert (done["index"], done["deleted"]) == ("off", 2)
    assert run("query", asked, "-o", "csv").out == before
    assert run("ingest", tmp_path / "signins.jsonl", "--table", "SigninLogs").code == 0
    rows(run, "optimize")
    assert list(twice.rglob("*.terms")) == []
    assert rows(run, "verify") == []
    assert rows(run, "stats")[0]["index"] == "off"
    (done,) = rows(run, "index", "--on", "SigninLogs")
    assert (done["index"], done["built"]) == ("on", 1)


def test_an_index_can_be_switched_off_before_a_table_has_rows(run: Run, twice: Path) -> None:
    (done,) = rows(run, "index", "AuditLogs", "--off")
    assert (done["index"], done["files"]) == ("off", 0)
    assert run("lake", "index", "AuditLog", "--off").code == 1


def test_vacuum_waits_for_its_time(run: Run, twice: Path) -> None:
    rows(run, "compact")
    (found,) = rows(run, "vacuum", "--dry-run")
    assert found["files"] == 0


def test_verify_leaves_with_1_until_what_is_wrong_is_repaired(run: Run, twice: Path) -> None:
    sidecar = next(twice.rglob("*.terms"))
    sidecar.write_bytes(b"damaged")
    told = run("lake", "verify")
    assert told.code == 1
    assert sidecar.name in told.out
    assert run("lake", "verify", "--repair").code == 0
    assert run("lake", "verify").code == 0
    sidecar.unlink()
    assert [r["built"] for r in rows(run, "index")] == [1]


def test_optimize_keeps_paths_beside_that_a_person_names(run: Run, twice: Path, tmp_path: Path) -> None:
    assert run("lake", "optimize", "--path", "DeviceDetail.operatingSystem").code == 1
    told = run("lake", "optimize", "SigninLogs", "--path", "UserPrincipalName.x")
    assert (told.code, "names no path" in told.err) == (1, True)
    events = tmp_path / "devices.jsonl"
    events.write_text('{"TimeGenerated": "2026-11-02T10:00:00Z", "DeviceDetail": {"operatingSystem": "Ios"}}')
    assert run("ingest", events, "--table", "SigninLogs").code == 0
    (done,) = rows(run, "optimize", "SigninLogs", "--path", "DeviceDetail.operatingSystem")
    assert (done["hot_paths"], done["with_hot_paths"]) == ("DeviceDetail.operatingSystem", done["files"])
    query = "SigninLogs | where DeviceDetail.operatingSystem == 'Ios' | count"
    assert run("query", query, "-o", "csv").out == "Count\n1\n"
    assert [s["hot_paths"] for s in rows(run, "stats")] == ["DeviceDetail.operatingSystem"]
    assert rows(run, "verify") == []
    (again,) = rows(run, "optimize")
    assert (again["files_before"], again["indexes_built"]) == (0, 0)
    (gone,) = rows(run, "optimize", "SigninLogs", "--drop-path", "DeviceDetail.operatingSystem")
    assert gone["hot_paths"] == ""
