"""Importing: what is recorded, what is refused, and that nothing is lost without a word."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.workspace.evidence.conftest import Bring

from huntlake.core.errors import Invalid, NotFound
from huntlake.session import Session
from huntlake.workspace.evidence import service
from huntlake.workspace.evidence.custody import Custody, Evidence
from huntlake.workspace.evidence.plain import mappings
from huntlake.workspace.ingestion import Ingestion

Rows = Callable[[str], list[dict[str, Any]]]
TABLE = "a,b\n1,x\n2,y\n"


def test_every_file_is_hashed_and_recorded(bring: Bring, rows: Rows) -> None:
    evidence = bring("things.csv", TABLE)
    (row,) = rows("HuntlakeEvidence | extend things = tolong(RowsByTable.things_CL)")
    assert row["SHA256"] == evidence.sha256 == hashlib.sha256(TABLE.encode()).hexdigest()
    assert (row["Status"], row["FileSize"], row["RowsRead"], row["RowsMade"]) == ("imported", len(TABLE), 2, 2)
    assert (row["RowsDead"], row["things"]) == (0, 2)
    assert row["Path"].endswith("things.csv")
    assert row["ImportedBy"] == service.user_name()
    assert row["EndedAt"] >= row["StartedAt"]


def test_the_same_file_is_taken_in_once_unless_again(session: Session, tmp_path: Path, rows: Rows) -> None:
    (tmp_path / "things.csv").write_text(TABLE)
    (tmp_path / "copy.csv").write_text(TABLE)
    first = session.import_evidence(tmp_path)
    assert (len(first.files), len(first.skipped)) == (1, 1)
    assert "taken in on" in session.import_evidence(tmp_path).skipped[0]
    assert rows("copy_CL | count") == [{"Count": 2}]
    session.import_evidence(tmp_path / "copy.csv", again=True)
    assert rows("copy_CL | count") == [{"Count": 4}]


def test_a_dry_run_says_what_would_go_where_and_takes_nothing_in(session: Session, tmp_path: Path) -> None:
    (tmp_path / "things.csv").write_text(TABLE)
    assert session.import_evidence(tmp_path, dry=True).tables == {"things_CL": 2}
    assert session.tables() == ()
    assert session.import_evidence(tmp_path).skipped == ()


def test_what_does_not_fit_is_a_dead_letter_and_counted(session: Session, tmp_path: Path) -> None:
    record = {"eventSource": "s3", "eventName": "x", "awsRegion": "r", "eventTime": "2026-01-02T03:04:05Z"}
    lines = [json.dumps(record), "{broken", '"no object"', json.dumps(record)]
    (tmp_path / "trail.json").write_text("\n".join(lines))
    report = session.import_evidence(tmp_path)
    (evidence,) = report.files
    assert (evidence.read, evidence.dead, evidence.tables) == (4, 2, {"AWSCloudTrail": 2})
    (letters,) = report.dead_letter_files
    told = [json.loads(line) for line in letters.read_text().splitlines()]
    assert [t["line"] for t in told] == [2, 3]
    assert all(t["source"].endswith("trail.json") for t in told)


def test_a_row_that_its_table_refuses_is_counted_for_its_file(session: Session, tmp_path: Path) -> None:
    for name, port in (("a.json", "no port"), ("b.json", 443)):
        row = {"Type": "DeviceNetworkEvents", "TimeGenerated": "2026-01-02T03:04:05Z", "RemotePort": port}
        (tmp_path / name).write_text(json.dumps(row))
    a, b = session.import_evidence(tmp_path).files
    assert (a.dead, a.tables, a.unexplained) == (1, {"DeviceNetworkEvents": 0}, 0)
    assert (b.dead, b.tables, b.unexplained) == (0, {"DeviceNetworkEvents": 1}, 0)


def zipped(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return made.getvalue()


def test_archives_are_opened_also_in_archives(session: Session, tmp_path: Path, rows: Rows) -> None:
    inner = zipped({"../../escape/things.csv": TABLE.encode(), "more.csv.gz": gzip.compress(b"c,d\n1,2\n")})
    (tmp_path / "case.zip").write_bytes(zipped({"inner.zip": inner}))
    report = session.import_evidence(tmp_path)
    assert report.tables == {"more_CL": 1, "things_CL": 2}
    assert not (tmp_path.parent / "escape").exists()
    (row,) = rows("HuntlakeEvidence | where Path endswith 'things.csv' | project Path")
    assert row["Path"].endswith("case.zip!inner.zip!../../escape/things.csv")


def test_an_archive_of_which_a_file_failed_is_opened_again(session: Session, tmp_path: Path) -> None:
    content = {"things.csv": TABLE.encode(), "broken.csv": b"a,a\n1,2\n"}
    (tmp_path / "case.zip").write_bytes(zipped(content))
    report = session.import_evidence(tmp_path)
    assert {f.status for f in report.files} == {"failed", "imported"}
    again = session.import_evidence(tmp_path)
    assert [f.path.rpartition("!")[2] for f in again.files if f.container] == ["broken.csv"]


def test_a_link_leads_nowhere(session: Session, tmp_path: Path) -> None:
    outside = tmp_path / "outside.csv"
    outside.write_text(TABLE)
    folder = tmp_path / "case"
    folder.mkdir()
    (folder / "link.csv").symlink_to(outside)
    assert session.import_evidence(folder).files == ()


def test_a_mapping_names_table_time_and_columns(session: Session, tmp_path: Path, rows: Rows) -> None:
    (tmp_path / "case").mkdir()
    (tmp_path / "case" / "firewall.csv").write_text("When,Src,Odd\n2026-07-01 12:00:00,203.0.113.5,1\nnever,x,2\n")
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(
        "- files: fire*.csv\n  table: Firewall_CL\n  time: When\n  time_zone: Europe/Berlin\n"
        "  columns: {SourceIP: Src}\n"
    )
    (evidence,) = session.import_evidence(tmp_path / "case", mapping=mapping).files
    assert (evidence.dead, evidence.tables, evidence.unexplained) == (1, {"Firewall_CL": 1}, 0)
    (row,) = rows("Firewall_CL | project TimeGenerated = tostring(TimeGenerated), SourceIP")
    assert row == {"TimeGenerated": "2026-07-01T10:00:00.0000000Z", "SourceIP": "203.0.113.5"}
    assert (evidence.assumed, evidence.undated) == (0, 0)
    (letter,) = rows("HuntlakeDeadLetters | extend File = tostring(split(Source, '/')[-1])")
    assert (letter["File"], letter["Reason"]) == ("firewall.csv", "`When` tells no time")
    assert '"never"' in letter["Text"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("files: x", "no list"),
        ("- {files: x}", "no `table`"),
        ("- {files: x, table: T_CL, colour: red}", "`colour` is not supported"),
        ("- {files: x, table: T_CL, time_zone: Mars/Olympus}", "no time zone"),
        ("- {files: x, table: T_CL, rest: some}", "`keep` or `drop`"),
        ("- {files: x, table: T_CL, columns: [a]}", "no object of names"),
        ("- {files: [", "can't be read"),
    ],
)
def test_a_mapping_that_says_something_odd_is_refused(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "m.yaml").write_text(text)
    with pytest.raises(Invalid, match=why):
        mappings(tmp_path / "m.yaml")


def test_a_path_that_is_not_there(session: Session, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        session.import_evidence(tmp_path / "nowhere")
    with pytest.raises(Invalid, match="no time zone"):
        session.import_evidence(tmp_path, time_zone="Nowhere")


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("deaths", [("before", 1), ("after", 1), ("before", 2), ("after", 2), ("kept", 2)])
def test_an_import_that_was_killed_is_finished_by_the_next_and_doubles_nothing(
    session: Session, tmp_path: Path, rows: Rows, monkeypatch: pytest.MonkeyPatch, deaths: tuple[str, int], again: bool
) -> None:
    events = [
        {"Type": table, "TimeGenerated": "2026-01-02T03:04:05Z", "RemotePort": port}
        for table, port in (("DeviceNetworkEvents", 1), ("DeviceNetworkEvents", "none"), ("DeviceEvents", 2))
    ]
    folder = tmp_path / "case"
    folder.mkdir()
    (folder / "a.json").write_text("\n".join(map(json.dumps, events)))
    (folder / "b.json").write_text(json.dumps(events[0]))
    point, wanted = deaths
    calls = 0
    real_ingest, real_keep = Ingestion.ingest, Custody.keep

    def ingest(*arguments: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        if point == "before" and calls == wanted:
            raise Killed
        done = real_ingest(*arguments, **more)
        if point == "after" and calls == wanted:
            raise Killed
        return done

    def keep(self: Custody, workspace: str, evidence: Evidence) -> None:
        real_keep(self, workspace, evidence)
        if point == "kept" and len(evidence.tables) == wanted:
            raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(Ingestion, "ingest", ingest)
        dying.setattr(Custody, "keep", keep)
        with pytest.raises(Killed):
            session.import_evidence(folder, again=again)
        calls = wanted - 1
        # The second dies, too, as early as it can, if there is anything left to do.
        with suppress(Killed):
            session.import_evidence(folder, again=again)
    report = session.import_evidence(folder)
    assert rows("DeviceNetworkEvents | count") == [{"Count": 2}]
    assert rows("DeviceEvents | count") == [{"Count": 1}]
    assert {f.status for f in report.files} <= {"imported"}
    assert not any(f.unexplained for f in report.files)
    assert rows("HuntlakeEvidence | summarize Dead = sum(RowsDead)") == [{"Dead": 1}]
    assert rows("HuntlakeEvidence | where Status != 'imported'") == []
    assert len(session.import_evidence(folder).skipped) == 2
