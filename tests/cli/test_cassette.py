"""`huntlake cassette`."""

import json
from pathlib import Path

from tests.cli.conftest import Run

from huntlake.app import App
from huntlake.playbooks.connections import CONNECTIONS, Connection, Mode


def test_a_connection_records_and_plays_a_cassette(run: Run, lake: Path, tmp_path: Path) -> None:
    app = App.open(lake)
    app.playbooks.connections.put(CONNECTIONS, "vt", Connection("virustotal", "VirusTotal", "default", Mode.LIVE))
    app.close()
    assert run("cassette", "record", "vt", "../x").code == 1
    assert run("cassette", "record", "vt", "monday").code == 0
    assert run("cassette", "play", "vt", "monday").code == 1
    contracts = tmp_path / "contracts.json"
    contracts.write_text('{"virustotal GET /api/v3/domains/{}": {"reads": {".data.id": 1}}}')
    assert run("cassette", "stub", "made-up", contracts).code == 0
    assert json.loads(run("cassette", "list", "-o", "json").out) == [
        {"cassette": "made-up", "kind": "contracts", "calls": 1}
    ]
    assert json.loads(run("cassette", "show", "made-up", "-o", "json").out)[0]["method"] == "GET"
    assert run("cassette", "play", "vt", "made-up").code == 0
    app = App.open(lake)
    connection = app.playbooks.connections.get(CONNECTIONS, "vt").value
    app.close()
    assert (connection.mode, connection.cassette) == (Mode.REPLAY, "made-up")
    assert run("cassette", "stop", "vt").code == 0
    assert run("cassette", "delete", "made-up").code == 0
    assert run("cassette", "delete", "made-up").code == 1


def test_recorded_calls_are_shown(run: Run, lake: Path) -> None:
    (lake / "cassettes").mkdir()
    line = {"connector": "jira", "method": "POST", "path": "/issue", "body": {"a": 1}, "answer": {"status": 201}}
    (lake / "cassettes" / "case.jsonl").write_text(json.dumps(line) + "\n")
    assert json.loads(run("cassette", "show", "case", "-o", "json").out) == [
        {"connector": "jira", "method": "POST", "path": "/issue", "body": '{"a": 1}', "status": 201}
    ]
