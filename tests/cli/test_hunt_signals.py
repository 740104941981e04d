"""`huntlake hunt signal` and `huntlake hunt attack`."""

from __future__ import annotations

import json
from pathlib import Path

from .conftest import Run


def test_a_report_is_taken_in_listed_shown_and_forgotten(run: Run, tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "heron.md").write_text(
        "# Heron\nThey sent mails (T1566.001) from evil-harbour[.]top.\x1b[2J"
    )
    taken = run("hunt", "signal", "add", tmp_path / "reports")
    assert taken.code == 0, taken.err
    assert "1 new signal, 0 known already" in taken.err
    assert "1 known already" in run("hunt", "signal", "add", tmp_path / "reports" / "heron.md").err
    (listed,) = json.loads(run("hunt", "signal", "list", "--technique", "T1566", "-o", "json").out)
    assert listed["title"] == "Heron"
    shown = run("hunt", "signal", "show", listed["signal"][:6], "--text").out
    assert "evil-harbour.top" in shown
    assert "\x1b" not in shown
    assert run("hunt", "signal", "remove", listed["signal"]).code == 0
    assert run("hunt", "signal", "show", listed["signal"]).code == 1


def test_what_cannot_be_read_is_named_and_the_rest_is_taken(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("They used T1053.005.")
    (tmp_path / "b.pdf").write_bytes(b"%PDF-1.4 and nothing")
    taken = run("hunt", "signal", "add", tmp_path / "a.txt", tmp_path / "b.pdf", "https://127.0.0.1:9/x")
    assert taken.code == 1
    assert "1 new signal" in taken.err
    assert "b.pdf" in taken.out
    assert "not supported unless the setting `signal_hosts` lists it" in taken.out


def test_attack_is_said_to_be_missing_until_it_is_brought(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("They used T1053.005.")
    run("hunt", "signal", "add", tmp_path / "a.txt")
    assert "hunt attack import" in run("hunt", "attack", "status").err
    named = [{"source_name": "mitre-attack", "external_id": "T1003"}]
    one = {"type": "attack-pattern", "id": "attack-pattern--1", "name": "Dump", "external_references": named}
    (tmp_path / "bundle.json").write_text(json.dumps({"objects": [one]}))
    assert run("hunt", "attack", "import", tmp_path / "bundle.json").code == 0
    (status,) = json.loads(run("hunt", "attack", "status", "-o", "json").out)
    assert status["techniques"] == 1


def test_typed_sources_are_known_by_what_they_say_or_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "tickets.csv").write_text("nr,what,when\n7,Open a port,2026-11-01\n")
    unmapped = run("hunt", "signal", "import", tmp_path / "tickets.csv")
    assert (unmapped.code, "say which field it is" in unmapped.out) == (1, True)
    maps = ["--map", "id=nr", "--map", "title=what", "--map", "time=when"]
    assert "1 new signal" in run("hunt", "signal", "import", tmp_path / "tickets.csv", *maps).err
    (tmp_path / "x.json").write_text("{}")
    assert "say with `--as`" in run("hunt", "signal", "import", tmp_path / "x.json").out
    assert run("hunt", "signal", "import", tmp_path / "x.json", "--as", "pigeon").code == 2


def test_the_lake_is_looked_through_and_what_is_missing_is_named(run: Run, lake: Path) -> None:
    looked = run("hunt", "signal", "scan", "--from", "2026-01-01", "--to", "2026-01-03", "--part", "changes")
    assert (looked.code, looked.out) == (0, "")
    assert "change new-server: no rows of DeviceInfo are here" in looked.err
    assert run("hunt", "signal", "scan", "--part", "everything").code == 2


def test_a_feed_is_kept_listed_polled_and_forgotten(run: Run, lake: Path) -> None:
    assert run("hunt", "signal", "add-feed", "misp", "https://127.0.0.1:9/feed").code == 0
    polled = run("hunt", "signal", "poll", "misp")
    assert (polled.code, "signal_hosts" in polled.err) == (1, True)
    (feed,) = json.loads(run("hunt", "signal", "feeds", "-o", "json").out)
    assert (feed["kind"], "signal_hosts" in feed["failed"]) == ("misp", True)
    assert run("hunt", "signal", "remove-feed", "misp").code == 0
    assert run("hunt", "signal", "remove-feed", "misp").code == 1
    assert run("hunt", "signal", "add-feed", "x", "ftp://x.example/").code == 1


def test_rules_of_sigma_are_said_to_be_missing_until_they_are_brought(run: Run, lake: Path, tmp_path: Path) -> None:
    assert "hunt sigma import" in run("hunt", "sigma", "status").err
    (tmp_path / "sigma").mkdir()
    assert run("hunt", "sigma", "import", tmp_path / "sigma").code == 1
    (tmp_path / "sigma" / "a.yml").write_text(
        "title: Dump\nid: 1\nlogsource: {product: windows, category: process_creation}\n"
        "detection: {s: {CommandLine|contains: comsvcs}, condition: s}\n"
    )
    assert run("hunt", "sigma", "import", tmp_path / "sigma").code == 0
    (status,) = json.loads(run("hunt", "sigma", "status", "-o", "json").out)
    assert status["rules"] == 1


def test_what_can_not_be_taken_in_is_named_once(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty.md").write_text("\n")
    (tmp_path / "none.json").write_text("x")
    (tmp_path / "bad.json").write_text('{"vulnerabilities": [{"cveID": "bad"}]}')
    assert run("hunt", "signal", "add", tmp_path / "empty.md").out == "empty.md holds no text\n"
    told = run("hunt", "signal", "import", tmp_path / "none.json")
    assert told.out == "none.json is no JSON; of other forms only tickets are read, as CSV\n"
    told = run("hunt", "signal", "import", tmp_path / "bad.json")
    assert (told.code, "of vulnerability 1, `BAD` is no id of CVE" in told.out) == (1, True)


def test_entries_that_are_refused_are_counted_and_the_first_are_named(run: Run, tmp_path: Path) -> None:
    good, bad = '{"id": "1", "title": "x", "time": "2026-11-01"}', '{"id": "2"}'
    (tmp_path / "tickets.json").write_text("\n".join([good, *[bad] * 12]))
    told = run("hunt", "signal", "import", tmp_path / "tickets.json", "--as", "tickets")
    assert told.code == 0
    assert told.err.count("it has no title: say which field it is") == 10
    assert "ticket 2: it has no title" in told.err
    assert "… and 2 more were refused" in told.err
    assert "1 new signal, 0 known already, 12 refused, in workspace" in told.err
