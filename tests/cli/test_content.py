"""`huntlake content`."""

import json
from pathlib import Path
from typing import Any

from tests.cli.conftest import Run

RULE = """\
id: 11111111-1111-1111-1111-111111111111
name: Odd sign-in
version: {version}
kind: Scheduled
severity: Medium
queryFrequency: 1h
queryPeriod: 1h
triggerOperator: gt
triggerThreshold: 0
query: |
  {query}
"""
HUNT = """\
id: 22222222-2222-2222-2222-222222222222
name: Rare countries
description: Where from
tactics:
  - InitialAccess
relevantTechniques: [T1078]
query: {query}
"""


def folder(tmp_path: Path, version: str = "1.0.0", query: str = "SigninLogs | where ResultType != '0'") -> Path:
    content = tmp_path / "content"
    for name in ("Detections", "Hunting Queries", "Parsers", "Workbooks", "Watchlists"):
        (content / name).mkdir(parents=True, exist_ok=True)
    (content / "Detections" / "odd.yaml").write_text(RULE.format(version=version, query=query))
    (content / "Detections" / "odd.test.yaml").write_text("tests: [{name: quiet, expect: nothing}]\n")
    (content / "Detections" / "copy.yaml").write_text(RULE.format(version=version, query=query))
    (content / "Detections" / "broken.yaml").write_text(
        RULE.replace("11111111-1", "33333333-3").format(version=version, query="NoSuchTable | take 1")
    )
    (content / "Detections" / "worse.yaml").write_text("name: x\nquery: [\n")
    (content / "Hunting Queries" / "rare.yaml").write_text(HUNT.format(query="OfAda | summarize count() by Location"))
    (content / "Parsers" / "OfAda.kql").write_text("SigninLogs | where UserPrincipalName startswith 'ada'")
    (content / "Workbooks" / "pretty.json").write_text('{"version": "Notebook/1.0", "items": []}')
    about = {"watchlistAlias": "vips", "itemsSearchKey": "upn", "displayName": "VIPs", "provider": "us"}
    (content / "Watchlists" / "vips.json").write_text(json.dumps(about))
    (content / "Watchlists" / "vips.csv").write_text("upn,name\nada@example.org,Ada\n")
    return content


def fates(run: Run, *arguments: str | Path) -> dict[str, str]:
    told = run("content", "add", *arguments, "-o", "json")
    assert told.code == 0, told.err
    found: list[dict[str, Any]] = json.loads(told.out)
    return {t["path"].rsplit("/", 1)[-1]: t["fate"] for t in found}


def test_a_folder_is_brought_in_and_told_by_what_it_became(run: Run, tmp_path: Path) -> None:
    content = folder(tmp_path)
    assert fates(run, content) == {
        "OfAda.kql": "created",
        "broken.yaml": "refused",
        "copy.yaml": "created",
        "odd.test.yaml": "created",
        "odd.yaml": "double",
        "pretty.json": "not taken",
        "rare.yaml": "created",
        "vips.json": "created",
        "worse.yaml": "refused",
    }
    assert run("query", "_GetWatchlist('vips') | project SearchKey, name", "-o", "json").code == 0
    [status] = json.loads(run("content", "status", "-o", "json").out)
    by_path = {p["path"]: p for p in status["pieces"]}
    assert by_path["Detections/copy.yaml"]["enabled"] is False
    assert by_path["Detections/copy.yaml"]["version"] == "1.0.0"
    broken = by_path["Detections/broken.yaml"]
    assert (broken["state"], broken["code"]) == ("refused", "SEM0100")
    assert "NoSuchTable" in broken["reason"]
    assert by_path["Workbooks/pretty.json"]["reason"] == "workbooks are not supported"
    assert len(by_path["Detections/copy.yaml"]["hash"]) == 64
    shown = run("content", "status").out
    assert "NoSuchTable" in shown
    assert "workbook" in shown
    assert "unchanged" in run("content", "add", content).err


def test_a_new_version_changes_a_rule_and_a_persons_change_stays(run: Run, tmp_path: Path) -> None:
    fates(run, folder(tmp_path), "--enable")
    newer = folder(tmp_path, "1.1.0", "SigninLogs | where ResultType == '1'")
    told = run("content", "add", newer)
    assert "changed analytic rule Odd sign-in 1.0.0 → 1.1.0" in told.out
    [status] = json.loads(run("content", "status", "-o", "json").out)
    assert [p["enabled"] for p in status["pieces"] if p["kind"] == "analytic rule" and p["state"] == "taken"] == [True]
    run("function", "save", "OfAda", "SigninLogs | take 7")
    assert fates(run, folder(tmp_path, "1.1.0", "SigninLogs | where ResultType == '1'"))["OfAda.kql"] == "kept"
    assert "take 7" in run("function", "show", "OfAda").out
    assert fates(run, newer, "--force")["OfAda.kql"] == "changed"
    run("function", "delete", "OfAda")
    assert fates(run, newer)["OfAda.kql"] == "kept"


def test_a_version_that_is_refused_leaves_the_one_before(run: Run, tmp_path: Path) -> None:
    fates(run, folder(tmp_path))
    worse = folder(tmp_path, "2.0.0", "Nowhere | take 1")
    assert fates(run, worse)["copy.yaml"] == "refused"
    assert fates(run, worse)["copy.yaml"] == "refused"
    assert fates(run, folder(tmp_path, "2.1.0", "SigninLogs | take 3"))["copy.yaml"] == "changed"


def test_what_a_folder_no_longer_has_goes_when_asked_and_a_source_can_be_removed(run: Run, tmp_path: Path) -> None:
    content = folder(tmp_path)
    fates(run, content)
    (content / "Hunting Queries" / "rare.yaml").unlink()
    assert fates(run, content)["rare.yaml"] == "gone"
    assert fates(run, content, "--prune")["rare.yaml"] == "removed"
    run("watchlist", "import", content / "Watchlists" / "vips.csv", "--alias", "vips", "-k", "upn", "--name", "other")
    told = run("content", "remove", "content")
    assert (told.code, told.err.strip()) == (0, "content: 3 removed, 1 kept")
    assert json.loads(run("content", "status", "-o", "json").out) == []
    assert run("content", "remove", "content").code == 1
    # What is there of someone else is not written over.
    assert fates(run, content)["vips.json"] == "kept"


def test_a_checkout_tells_its_commit_and_an_address_is_refused(run: Run, tmp_path: Path) -> None:
    content = folder(tmp_path)
    git = content / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "packed-refs").write_text("# pack-refs with: peeled\n" + "ab" * 20 + " refs/heads/main\n")
    fates(run, content / "Detections", "--name", "ours")
    [status] = json.loads(run("content", "status", "-o", "json").out)
    assert (status["source"], status["commit"]) == ("ours", "ab" * 20)
    listed = json.loads(run("content", "list", "-o", "json").out)
    assert {one["commit"] for one in listed} == {("ab" * 20)[:12]}
    told = run("content", "add", "https://example.org/rules.git")
    assert (told.code, "not supported" in told.err) == (1, True)
