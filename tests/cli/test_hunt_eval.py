from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from huntlake.cli import app
from huntlake.core.errors import Invalid, NotFound

HEAD = ("SystemAlertId", "DisplayName", "Description", "StartTime", "EndTime", "Entities")


def put(folder: Path) -> None:
    entity = [{"Type": "host", "HostName": "PC1"}, {"Type": "ip", "Address": "192.0.2.9"}]
    entities = '"' + json.dumps(entity).replace('"', '""') + '"'
    at = "2026-11-02 01:00:00+00:00"
    rows = [HEAD, *((id, "Beacon", "A host asks again and again.", at, at, entities) for id in ("a", "b"))]
    (folder / "excytin").mkdir()
    (folder / "excytin" / "extracted_alerts.csv").write_text("\n".join("❖".join(row) for row in rows))
    incident = '"[""a"", ""b""]"'
    (folder / "excytin" / "extracted_incidents.csv").write_text(f"IncidentNumber❖AlertIds\n1❖{incident}\n")
    question = {"question": "Which IP address did the beacon come from?", "context": "", "answer": "192.0.2.9"}
    (folder / "excytin_questions.jsonl").write_text(json.dumps(question) + "\n")
    technique = {
        "id": "T1053.005",
        "name": "Scheduled Task",
        "description": "Tasks that are scheduled.",
        "procedures": [{"by": "Heron", "kind": "intrusion-set", "text": "Heron made a scheduled task."}],
    }
    (folder / "attack_trim.json").write_text(json.dumps({"techniques": [technique]}))
    (folder / "tram_phrases.jsonl").write_text(json.dumps({"text": "a scheduled task", "label": "T1053.005"}) + "\n")


def test_each_set_of_a_folder_has_its_rows(tmp_path: Path) -> None:
    put(tmp_path)
    done = CliRunner().invoke(app, ["hunt-eval", str(tmp_path), "--format", "json"], catch_exceptions=False)
    found = {(row["set"], row["measure"]): row["no_model"] for row in json.loads(done.stdout)}
    assert found == {
        ("alerts", "pair F1 of groups"): "1.000",
        ("questions", "first value is the answer"): "1.000",
        ("questions", "answer within ten"): "1.000",
        ("phrases", "technique within 1"): "1.000",
        ("phrases", "technique within 5"): "1.000",
        ("phrases", "technique within 10"): "1.000",
    }


def test_a_folder_without_a_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no labelled set"):
        CliRunner().invoke(app, ["hunt-eval", str(tmp_path)], catch_exceptions=False)
    with pytest.raises(NotFound):
        CliRunner().invoke(app, ["hunt-eval", str(tmp_path / "nowhere")], catch_exceptions=False)
