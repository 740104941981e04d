"""`huntlake import`."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Run


def test_a_folder_is_taken_in_once_and_told_of(run: Run, tmp_path: Path) -> None:
    case = tmp_path / "case"
    case.mkdir()
    event = {"eventSource": "s3", "eventName": "x", "awsRegion": "r", "eventTime": "2026-01-02T03:04:05Z"}
    (case / "trail.json").write_text(f"{json.dumps(event)}\n{{broken")
    tried = run("import", case, "--dry-run")
    assert (tried.code, run("tables").out.count("AWSCloudTrail")) == (0, 0)
    assert "1 rows would be in 1 tables" in tried.err
    done = run("import", case)
    assert done.code == 0
    assert "AWSCloudTrail 1" in done.out
    assert "2 events read, 1 rows in 1 tables" in done.err
    assert "1 did not fit" in done.err
    assert "AWSCloudTrail" in run("tables").out
    assert "skipped" in run("import", case).err


def test_a_file_that_cannot_be_read_fails_by_itself(run: Run, tmp_path: Path) -> None:
    case = tmp_path / "case"
    case.mkdir()
    (case / "broken.csv").write_text("a,a\n1,2\n")
    (case / "things.csv").write_text("a,b\n1,2\n")
    done = run("import", case)
    assert done.code == 1
    assert "failed" in done.out
    assert "things_CL 1" in done.out


def test_a_path_that_is_not_there(run: Run, tmp_path: Path) -> None:
    assert run("import", tmp_path / "nowhere").code != 0
