"""`huntlake hunt deliver` to a huntlake elsewhere, as to a Sentinel workspace, and `huntlake hunt package`."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from bench.hunt_world import new
from tests.cli.conftest import Run
from tests.cli.test_publish import Far, far

from huntlake.app import App
from huntlake.detection.severity import Tactic
from huntlake.hunting.extraction.knowledge import Knowledge, Technique
from huntlake.hunting.lifecycle.acting import Acting
from huntlake.hunting.packages import package_hash
from huntlake.hunting.proof.finding import Cost, DryRun, Proof, Volume
from huntlake.state.records import Author

__all__ = ["far"]

OWNER, SOC = ("default",), ("soc",)
ANN = Acting.person(Author("7", "Ann"), hunts=True, approves=True)


@pytest.fixture
def hunt(lake: Path) -> str:
    """A hunt that waits for a review."""
    app = App.open(lake)
    try:
        hunts, now = app.hunting.hunts, datetime.now(UTC)
        made = new("SecurityEvent\n| where EventID == 1102")
        name = hunts.create(OWNER, made, ANN).name
        schema = hunts._prover.fingerprint("default", made.content)
        run = DryRun(now - timedelta(days=7), now, now, 14)
        hunts.prove(OWNER, name, proof=Proof(now, schema, (), Cost(1000, 10, ()), Volume(2, 1, 3, "a day"), run))
        hunts.submit(OWNER, name, ANN)
    finally:
        app.close()
    return name


def elsewhere(far: Far) -> list[str]:
    place = ["--url", far.url, "--to", "soc", "--ca", str(far.authority), "--tenant", far.app.tenant.id]
    signed = ["--client", far.client, "--secret-env", "FAR_SECRET"]
    return [*place, *signed, "--subscription", far.app.subscription.id, "--resource-group", far.app.subscription.group]


def moves(text: str) -> list[str]:
    return [step["move"] for step in json.loads(text)]


def test_a_hunt_is_delivered_to_a_workspace_elsewhere_once(
    run: Run, far: Far, hunt: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAR_SECRET", far.secret)
    for what, steps in (("queries", 3), ("watchlist", 1)):
        asked = ("hunt", "deliver", what, hunt, *elsewhere(far), "-o", "json")
        assert moves(run(*asked).out) == ["make"] * steps
        assert not far.app.saved_searches.list(SOC) or what == "watchlist"
        done = run(*asked, "--apply")
        assert (done.code, moves(done.out)) == (0, ["make"] * steps), done.err
        again = run(*asked, "--apply")
        assert moves(again.out) == ["keep"] * steps, again.out
    (search,) = far.app.saved_searches.list(SOC)
    assert search.value.query.endswith("| where EventID == 1102")
    (kept,) = far.app.hunts.hunts.list(SOC)
    (relation,) = far.app.hunts.relations.list((*SOC, kept.name))
    assert relation.value.related_resource_id.endswith(f"savedSearches/{search.name}")
    (row,) = far.app.analytics.watchlists.items(far.app.workspaces.get("soc"), "AIGeneratedHunts")
    assert (row.fields["HuntId"], row.fields["Status"]) == (hunt, "proposed")
    told = json.loads(run("query", "HuntlakeAudit | where Action == 'hunt/deliver' | count", "-o", "json").out)
    assert told == [{"Count": 4}]


def test_tactics_are_in_all_that_is_made_of_a_hunt_where_att_and_ck_is_here(
    run: Run, hunt: str, lake: Path, tmp_path: Path
) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path / "content")], check=True)
    asked = ("hunt", "deliver", "git", hunt, tmp_path / "content", "--branch", "hunts", "-o", "json")
    without = run(*asked)
    assert "without tactics" in without.err
    app = App.open(lake)
    try:
        technique = app.hunting.hunts.get(OWNER, hunt).value.techniques[0]
        known = Technique(technique, "It", "", ("defense-evasion", "no-such"))
        app.hunting.attack.install(Knowledge("test", (known,), {"T1064": technique}, ()), "test", datetime.now(UTC))
        assert app.hunting.attack.tactics(["T1064", technique, "T9999"]) == (Tactic.DEFENSE_EVASION,)
        for one in (app.hunting.following, app.hunting.publishing):
            assert one.tactics([technique]) == (Tactic.DEFENSE_EVASION,)
    finally:
        app.close()
    done = run(*asked)
    assert "without tactics" not in done.err
    said = yaml.safe_load(json.loads(done.out)[0]["body"])
    assert (said["tactics"], said["relevantTechniques"]) == (["DefenseEvasion"], [technique])


def test_what_is_missing_to_sign_in_is_said_before_anything_is_written(run: Run, far: Far, hunt: str) -> None:
    done = run("hunt", "deliver", "queries", hunt, "--to", "soc", "--apply")
    assert done.code == 2
    assert "--tenant" in done.err


def test_a_package_is_written_whole(run: Run, hunt: str, tmp_path: Path) -> None:
    file = tmp_path / "hunt.json"
    assert run("hunt", "package", hunt, "--format", "json", "--to", str(file)).code == 0
    said = json.loads(file.read_text())
    assert said["hash"] == package_hash(said)
    shown = run("hunt", "package", hunt)
    assert shown.out.startswith("# ")
