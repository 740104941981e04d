"""Recorded attacks: everything in them is accounted for, and rules that fire on them raw fire on the tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bench.evidence import HITS, SAMPLES, fired

from huntlake.session import Session

SMALL = (
    "SDAWS-200914011940",
    "SDLIN-201110074812",
    "SDWIN-201018195009",
    "SDWIN-201018225619",
    "SDWIN-201019224718",
    "SDWIN-201021204544",
    "SDWIN-201022015432",
    "SDWIN-201023023651",
    "SDWIN-201102163918",
    "GoldenSAML",
)

pytestmark = pytest.mark.skipif(not HITS.exists() or not SAMPLES.is_dir(), reason="the recordings are not here")


def test_small_recordings_lose_nothing_and_fire_rules(session: Session, tmp_path: Path) -> None:
    for recording in json.loads((SAMPLES / "index.json").read_text()):
        if recording["id"] in SMALL:
            file = SAMPLES / recording["file"]
            (tmp_path / file.name).symlink_to(file)
            report = session.import_evidence(tmp_path / file.name)
            assert {f.status for f in report.files} <= {"imported", "unpacked"}
            assert [f.unexplained for f in report.files] == [0] * len(report.files)
            assert report.dead == 0
    found = dict(fired(session, frozenset(SMALL)))
    assert sum(outcome is True for outcome in found.values()) >= 25
