"""`huntlake intel`."""

import json
from pathlib import Path

from tests.cli.conftest import Run


def test_indicators_are_imported_listed_and_seen(run: Run, tmp_path: Path) -> None:
    iocs = tmp_path / "iocs.csv"
    iocs.write_text("value,confidence\n192.0.2.1,90\nso what,\n")
    told = run("intel", "import", iocs, "--source", "us\x1b[2J")
    assert (told.code, "1 new" in told.err, "so what: its type" in told.out) == (0, True, True)
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"TimeGenerated": "2026-01-02T03:04:05Z", "IPAddress": "192.0.2.1"}\n')
    run("ingest", rows, "--table", "SigninLogs")
    listed = json.loads(run("intel", "list", "-o", "json").out)
    assert [(i["observables"], i["state"]) for i in listed] == [("192.0.2.1", "valid")]
    assert "\x1b" not in run("intel", "list").out
    seen = run("intel", "match", "--from", "2026-01-01", "--to", "2026-01-03", "--alert", "-o", "json")
    assert [(s["value"], s["table"]) for s in json.loads(seen.out)] == [("192.0.2.1", "SigninLogs")]
    assert "1 alerts in 1 incidents" in seen.err
    assert json.loads(run("intel", "match", "--from", "2d", "-o", "json").out) == []
    assert run("intel", "match", "--from", "soon").code == 1
    assert len(json.loads(run("alert", "list", "-o", "json").out)) == 1


def test_a_feed_is_added_without_its_secret_in_the_arguments(run: Run, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("t0ken\n")
    at = "https://feeds.example/api/"
    assert run("intel", "add-feed", "cert", at, "--collection", "c1", "--token").code == 2
    told = run("intel", "add-feed", "cert", at, "--collection", "c1", "--token", "--secret-file", secret)
    assert told.code == 0, told.err
    [feed] = json.loads(run("intel", "feeds", "-o", "json").out)
    assert (feed["url"], feed["sign_in"], feed["minutes"]) == ("https://feeds.example/api", "token", 60)
    assert run("intel", "remove-feed", "cert").code == 0
    assert run("intel", "poll", "cert").code == 1
