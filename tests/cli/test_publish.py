"""`huntlake publish` and `huntlake pull`, between a folder and a huntlake that a server shows over TLS."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from huntlake.app import App
from huntlake.cli import app as command
from huntlake.core.errors import Invalid, Refused
from huntlake.core.settings import load
from huntlake.detection.publishing.client import Arm
from huntlake.detection.rules import Grouping, IncidentConfiguration, Matching
from huntlake.identity.rights import Role
from huntlake.server import Server
from huntlake.workspace.saved_searches import SavedSearch, Tag

OWNER = ("soc",)
ODD, NRT = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"
RULE = f"""\
id: {ODD}
name: 'Odd: sign-in'
description: |
  Says "no" —
  and why:  it's odd.
version: 1.2.3
severity: Medium
requiredDataConnectors:
  - connectorId: AzureActiveDirectory
    dataTypes: [SigninLogs]
queryFrequency: 1h
queryPeriod: 14d
triggerOperator: gt
triggerThreshold: 0
tactics: [InitialAccess]
relevantTechniques: [T1078, T1078.004]
query: |
  let odd = "a\\"b";
  SigninLogs
  | where ResultType != odd
entityMappings:
  - entityType: Account
    fieldMappings:
      - identifier: FullName
        columnName: UserPrincipalName
customDetails:
  TheResult: ResultType
alertDetailsOverride:
  alertDisplayNameFormat: Odd {{{{UserPrincipalName}}}}
eventGroupingSettings:
  aggregationKind: AlertPerResult
kind: Scheduled
"""
FAST = f"""\
id: {NRT}
name: Fast
kind: NRT
severity: High
enabled: false
query: SigninLogs | where OfAda(UserPrincipalName)
suppressionDuration: 1h
"""
HUNT = "id: rare\nname: Rare\ndescription: Where from\ntactics: [InitialAccess]\nquery: SigninLogs | take 5\n"


@dataclass
class Far:
    app: App
    url: str
    authority: Path
    client: str
    secret: str


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Far]:
    home = tmp_path / "far"
    app = App.open(home, load(home, port=0, threads=1, upkeep_minutes=0))
    workspace = app.workspaces.create("soc")
    made = app.principals.create("publisher")
    secret = app.principals.add_secret(made.client_id, lifetime=timedelta(days=1)).text
    app.principals.grant(made.client_id, workspace.id, Role.SENTINEL_CONTRIBUTOR)
    server = Server(app)
    thread = Thread(target=server.run)
    thread.start()
    assert server.serving.authority is not None
    yield Far(app, server.serving.url, server.serving.authority, made.client_id, secret)
    server.stop()
    thread.join(20)
    app.close()


Run = Callable[..., Result]


@pytest.fixture
def run(far: Far, tmp_path: Path) -> Run:
    def run(verb: str, folder: Path, *more: str, secret: str = far.secret) -> Result:
        place = ("--url", far.url, "--to" if verb == "publish" else "--from", "soc", "--ca", str(far.authority))
        signed = ("--tenant", far.app.tenant.id, "--client", far.client, "--secret-env", "FAR_SECRET")
        at = ("--subscription", far.app.subscription.id, "--resource-group", far.app.subscription.group)
        return CliRunner().invoke(command, [verb, str(folder), *place, *signed, *at, *more], env={"FAR_SECRET": secret})

    return run


@pytest.fixture
def content(tmp_path: Path) -> Path:
    folder = tmp_path / "content"
    (folder / "Parsers").mkdir(parents=True)
    (folder / "odd.yaml").write_text(RULE)
    (folder / "fast.yaml").write_text(FAST)
    (folder / "rare.yaml").write_text(HUNT)
    (folder / "Parsers" / "OfAda.yaml").write_text(
        "ParserName: OfAda\nParserParams:\n  - Name: who\n    Type: string\nParserQuery: who startswith 'ada'\n"
    )
    about = {"watchlistAlias": "vips", "itemsSearchKey": "upn", "defaultDuration": "P30DT1H"}
    (folder / "vips.json").write_text(json.dumps(about))
    (folder / "vips.csv").write_text('upn,name\nada@example.org,"Ada, ""A"""\n')
    return folder


def moves(result: Result) -> dict[str, str]:
    assert not isinstance(result.exception, AssertionError | TypeError | KeyError), result.exception
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return {s["title"]: s["move"] for s in found}


PLANNED = ("-o", "json")
ALL = ("Odd: sign-in", "Fast", "Rare", "OfAda", "vips")


def test_what_a_folder_holds_is_planned_then_published_and_then_nothing_is_left_to_do(
    run: Run, far: Far, content: Path
) -> None:
    assert moves(run("publish", content, *PLANNED)) == dict.fromkeys(ALL, "created")
    assert far.app.detection.rules.list(OWNER) == []
    done = run("publish", content, "--apply")
    assert done.exit_code == 0, done.output
    assert moves(run("publish", content, *PLANNED)) == dict.fromkeys(ALL, "unchanged")
    rule = far.app.detection.rules.get(OWNER, ODD).value
    assert (rule.query_period, rule.sub_techniques, rule.enabled) == (timedelta(days=14), ("T1078.004",), True)
    assert far.app.detection.rules.get(OWNER, NRT).value.enabled is False
    assert far.app.functions.text("soc", "OfAda") is not None
    [item] = far.app.watchlists.items(far.app.workspaces.get("soc"), "vips")
    assert dict(item.fields) == {"upn": "ada@example.org", "name": 'Ada, "A"'}


def test_a_change_is_published_and_one_that_was_made_there_is_not_written_over(
    run: Run, far: Far, content: Path
) -> None:
    run("publish", content, "--apply")
    (content / "odd.yaml").write_text(RULE.replace("14d", "7d"))
    assert moves(run("publish", content, *PLANNED))["Odd: sign-in"] == "changed"
    assert run("publish", content, "--apply").exit_code == 0
    far.app.detection.rules.change(OWNER, ODD, lambda r: replace(r, enabled=False))
    (content / "odd.yaml").write_text(RULE.replace("14d", "6d"))
    drifted = run("publish", content, "--apply", *PLANNED)
    assert (drifted.exit_code, moves(drifted)["Odd: sign-in"]) == (1, "drifted")
    assert far.app.detection.rules.get(OWNER, ODD).value.query_period == timedelta(days=7)
    assert run("publish", content, "--apply", "--force").exit_code == 0
    assert far.app.detection.rules.get(OWNER, ODD).value.enabled is True
    far.app.detection.rules.delete(OWNER, ODD)
    assert moves(run("publish", content, *PLANNED))["Odd: sign-in"] == "drifted"


def test_only_what_was_published_is_removed_and_only_when_asked(run: Run, far: Far, content: Path) -> None:
    far.app.saved_searches.put(OWNER, "theirs", SavedSearch("Ours", "Theirs", "SigninLogs"))
    run("publish", content, "--apply")
    (content / "rare.yaml").unlink()
    assert moves(run("publish", content, "--apply", *PLANNED))["Rare"] == "removed"
    assert {d.name for d in far.app.saved_searches.list(OWNER)} == {"theirs", "rare", "OfAda"}
    assert run("publish", content, "--apply", "--prune").exit_code == 0
    assert {d.name for d in far.app.saved_searches.list(OWNER)} == {"theirs", "OfAda"}
    # A file that can't be read isn't one that is gone.
    (content / "fast.yaml").write_text("name: x\nquery: [\n")
    told = run("publish", content, "--apply", "--prune", *PLANNED)
    assert (told.exit_code, moves(told)["Fast"], moves(told)["fast.yaml"]) == (1, "drifted", "refused")
    assert far.app.detection.rules.find(OWNER, NRT) is not None


def test_what_is_refused_there_is_told_and_the_rest_is_published(run: Run, far: Far, content: Path) -> None:
    (content / "odd.yaml").write_text(RULE.replace("SigninLogs\n", "NoSuchTable\n"))
    told = run("publish", content, "--apply", *PLANNED)
    assert (told.exit_code, moves(told)["Odd: sign-in"], moves(told)["vips"]) == (1, "failed", "created")
    assert far.app.detection.rules.find(OWNER, NRT) is not None


def test_what_is_pulled_publishes_as_no_change(run: Run, far: Far, content: Path, tmp_path: Path) -> None:
    run("publish", content, "--apply")
    grouping = Grouping(True, False, timedelta(hours=6), Matching.SELECTED, ("Account",), ("Severity",), ("TheResult",))
    far.app.detection.rules.change(
        OWNER, ODD, lambda r: replace(r, incident_configuration=IncidentConfiguration(True, grouping), tactics=())
    )
    tags = (Tag("b", "2"), Tag("a", "1"))
    far.app.saved_searches.put(OWNER, "search|1", SavedSearch("Ours", "Odd: sign-in", "T\r\n | take 1", tags=tags))
    pulled = tmp_path / "pulled"
    told = run("pull", pulled)
    assert told.exit_code == 0, told.output
    names = {p.relative_to(pulled).as_posix() for p in pulled.rglob("*") if p.is_file()}
    assert names == {
        ".huntlake-publish.json",
        "rules/odd-sign-in.yaml",
        "rules/fast.yaml",
        "searches/odd-sign-in.json",
        "searches/rare.json",
        "searches/ofada.json",
        "watchlists/vips.json",
        "watchlists/vips.csv",
    }
    assert (
        "query: |-\n" in (pulled / "rules" / "odd-sign-in.yaml").read_text()
        or "query: |\n" in (pulled / "rules" / "odd-sign-in.yaml").read_text()
    )
    (pulled / ".huntlake-publish.json").unlink()
    plan = json.loads(run("publish", pulled, *PLANNED).stdout)
    assert {s["move"] for s in plan} == {"unchanged"}
    assert len(plan) == 6
    assert "created" not in run("pull", pulled).output


def test_a_file_that_was_changed_here_is_not_pulled_over(run: Run, far: Far, content: Path) -> None:
    run("publish", content, "--apply")
    far.app.detection.rules.change(OWNER, ODD, lambda r: replace(r, display_name="Odder"))
    assert run("pull", content).exit_code == 0
    assert "Odder" in (content / "odd.yaml").read_text()
    (content / "odd.yaml").write_text(RULE)
    far.app.detection.rules.change(OWNER, ODD, lambda r: replace(r, display_name="Oddest"))
    assert run("pull", content).exit_code == 1
    assert (content / "odd.yaml").read_text() == RULE
    assert run("pull", content, "--force").exit_code == 0
    assert "Oddest" in (content / "odd.yaml").read_text()


def test_a_wrong_secret_or_state_publishes_nothing(run: Run, content: Path) -> None:
    assert isinstance(run("publish", content, secret="wrong").exception, Refused)
    (content / ".huntlake-publish.json").write_text("[]")
    assert isinstance(run("publish", content).exception, Invalid)


TESTS = """\
clock: 2026-03-01T12:00:00Z
tests:
  - name: Fires
    events: {SigninLogs: [{ResultType: 1}]}
    expect: {alerts: 1}
  - name: Stays quiet
    expect: nothing
"""


def test_tests_of_rules_go_along_to_another_huntlake(run: Run, far: Far, content: Path) -> None:
    (content / "odd.test.yaml").write_text(TESTS)
    assert moves(run("publish", content, "--apply", *PLANNED)) == dict.fromkeys(
        (*ALL, "Fires", "Stays quiet"), "created"
    )
    assert {d.name: d.value.title for d in far.app.detection.rule_tests.list((*OWNER, ODD))} == {
        "fires": "Fires",
        "stays-quiet": "Stays quiet",
    }
    assert set(moves(run("publish", content, *PLANNED)).values()) == {"unchanged"}
    far.app.detection.rule_tests.change(
        (*OWNER, ODD), "fires", lambda t: replace(t, text=t.text.replace("alerts: 1", "alerts: 2"))
    )
    (content / "odd.test.yaml").write_text(TESTS.replace("alerts: 1", "alerts: 3"))
    assert moves(run("publish", content, "--apply", *PLANNED))["Fires"] == "drifted"
    assert run("publish", content, "--apply", "--force").exit_code == 0
    assert "alerts: 3" in far.app.detection.rule_tests.get((*OWNER, ODD), "fires").value.text
    pulled = run("pull", content)
    assert "passed over  rule test Fires" in pulled.output
    assert "bringing tests of rules back is not supported" in pulled.output
    # With the rule its tests go.
    (content / "odd.yaml").unlink()
    (content / "odd.test.yaml").unlink()
    gone = run("publish", content, "--apply", "--prune", *PLANNED)
    assert (gone.exit_code, moves(gone)["Fires"], moves(gone)["Odd: sign-in"]) == (0, "removed", "removed")
    assert far.app.detection.rules.find(OWNER, ODD) is None
    assert far.app.detection.rule_tests.list((*OWNER, ODD)) == []


def test_a_cloud_is_said_to_take_no_tests_by_their_names(
    run: Run, far: Far, content: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (content / "odd.test.yaml").write_text(TESTS)

    def tests(self: Arm) -> Iterator[Any]:
        return self._list("/providers/Elsewhere.Detection/testedRules", "2026-01-01")

    monkeypatch.setattr(Arm, "tests", tests)
    told = run("publish", content, "--apply")
    assert told.exit_code == 0, told.output
    assert "not carried  rule test Fires (11111111-1111-1111-1111-111111111111/fires): tests of rules are not" in (
        told.output
    )
    assert "2 not carried" in told.output
    assert far.app.detection.rule_tests.list((*OWNER, ODD)) == []
    assert far.app.detection.rules.get(OWNER, ODD)


def test_tests_that_cannot_be_read_are_refused(run: Run, content: Path) -> None:
    (content / "odd.test.yaml").write_text(TESTS.replace("SigninLogs", "Nowhere"))
    told = run("publish", content, *PLANNED)
    assert (told.exit_code, moves(told)["odd.test.yaml"]) == (1, "refused")
