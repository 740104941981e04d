"""From a report to a hunt that waits for a person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from huntlake.app import App
from huntlake.core.errors import Invalid, NotFound
from huntlake.core.settings import load
from huntlake.hunting.hypotheses.calibration import LEAST_OUTCOMES
from huntlake.hunting.lifecycle.acting import Acting
from huntlake.hunting.lifecycle.states import HuntState
from huntlake.hunting.running.run import HuntRun, Outcome, RunStatus, Verdict
from huntlake.state.records import Author
from huntlake.workspace.workspaces import Workspace

ANA = Acting.person(Author("00000000-0000-0000-0000-00000000000a", "Ana"), hunts=True, approves=True)
OWNER = ("w",)
REPORT = b"""# A report

A rule in the mailbox hides mail about invoices from its owner (T1564.008).

Pods of the cluster were given another role (T1098.006).

An encoded command is given to PowerShell in a hidden window (T1059.001).
"""


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    app = App.open(tmp_path, load(tmp_path, memory_limit="500MB", threads=1))
    workspace = app.workspaces.create("w")
    at = (app.clock.now() - timedelta(hours=2)).isoformat()
    row = {"TimeGenerated": at, "Operation": "New-InboxRule", "UserId": "a@x.example", "OfficeWorkload": "Exchange"}
    app.streams.append(workspace, "OfficeActivity", [row])
    app.hunting.intake.report(workspace, REPORT, "report.md")
    yield app
    app.close()


@pytest.fixture
def workspace(app: App) -> Workspace:
    return app.workspaces.get("w")


def test_a_report_becomes_a_hunt_that_was_proved_and_nothing_twice(app: App, workspace: Workspace) -> None:
    made = app.hunting.proposer.propose(workspace, ANA, top=1)
    hunt = made.hunts[0]
    assert hunt.value.state is HuntState.DRY_RUN_OK
    assert "T1564.008" in hunt.value.techniques
    assert hunt.value.latest.responsible == ANA.author.object_id
    draft = hunt.value.latest.draft
    assert draft is not None
    assert {("table", "OfficeActivity")} <= {(c.source, c.id) for c in draft.context}, "what was at hand is told"
    (signal,) = app.hunting.signals.list(OWNER)
    first = next(d for d in made.hypotheses if d.value.hunt == hunt.name)
    assert first.value.signals == (signal.name,)
    entries = app.hunting.audit.head(OWNER).length
    known = app.hunting.hunts.list(OWNER)
    again = app.hunting.proposer.propose(workspace, ANA, [signal.name], top=1)
    assert [d.name for d in again.hypotheses] == [d.name for d in made.hypotheses]
    assert [(d.name, d.etag) for d in again.hunts] == [(d.name, d.etag) for d in made.hunts]
    assert app.hunting.hunts.list(OWNER) == known
    assert app.hunting.audit.head(OWNER).length == entries


def test_what_was_drafted_when_the_process_died_is_proved_and_what_has_no_hunt_gets_one(
    app: App, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    hunts = app.hunting.hunts

    def dies(*args: object, **more: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(hunts, "prove", dies)
        with pytest.raises(KeyboardInterrupt):
            app.hunting.proposer.propose(workspace, ANA, top=1)
    drafted, *_ = hunts.list(OWNER)
    assert drafted.value.state is HuntState.DRAFT
    hunt = app.hunting.proposer.propose(workspace, ANA, top=1).hunts[0]
    assert (hunt.name, hunt.value.state) == (drafted.name, HuntState.DRY_RUN_OK)


def test_what_a_person_put_aside_is_not_drafted_and_said(app: App, workspace: Workspace) -> None:
    first = app.hunting.proposer.propose(workspace, ANA, top=1, draft=False).hypotheses[0]
    with pytest.raises(Invalid):
        app.hunting.hypotheses.dismiss(OWNER, first.name, " ", ANA.author)
    app.hunting.hypotheses.dismiss(OWNER, first.name[:6], "we have no such mail", ANA.author)
    made = app.hunting.proposer.propose(workspace, ANA, top=1)
    assert first.name not in {d.value.hypothesis for d in made.hunts}
    assert any("we have no such mail" in remark for remark in made.remarks)
    assert app.hunting.hypotheses.get(OWNER, first.name).value.dismissed


def test_what_cannot_be_seen_is_a_gap_and_no_hunt_until_rows_come(app: App, workspace: Workspace) -> None:
    made = app.hunting.proposer.propose(workspace, ANA, top=5, draft=False)
    assert "T1059.001" in {gap.technique for gap in made.gaps}
    assert all("DeviceProcessEvents" not in d.value.tables for d in made.hypotheses)
    at = app.clock.now() - timedelta(hours=1)
    row = {"TimeGenerated": at.isoformat(), "DeviceName": "a", "FileName": "x.exe"}
    app.streams.append(workspace, "DeviceProcessEvents", [row])
    made = app.hunting.proposer.propose(workspace, ANA, top=5, draft=False)
    assert "T1059.001" not in {gap.technique for gap in made.gaps}
    assert [d.name for d in app.hunting.hypotheses.gaps(OWNER)] == ["T1098.006"]
    assert any("DeviceProcessEvents" in d.value.tables for d in made.hypotheses)


def test_weights_change_only_with_a_reason_and_are_told_apart_by_version(app: App, workspace: Workspace) -> None:
    store = app.hunting.hypotheses
    before = app.hunting.proposer.propose(workspace, ANA, top=1, draft=False).hypotheses[0].value
    for changed, reason in (({"threat": 0.9}, ""), ({"luck": 1.0}, "why not"), ({"gap": -1.0}, "because")):
        with pytest.raises(Invalid):
            store.weigh(OWNER, changed, reason, ANA.author)
    assert store.weigh(OWNER, {"threat": 0.9}, "reports are what we have", ANA.author).version == "2"
    after = app.hunting.proposer.propose(workspace, ANA, top=1, draft=False).hypotheses[0].value
    assert (before.weights, after.weights) == ("1", "2")
    assert after.priority > before.priority
    assert app.hunting.audit.verify(OWNER).faults == ()


def test_a_signal_that_is_not_there_is_not_passed_over(app: App, workspace: Workspace) -> None:
    with pytest.raises(NotFound):
        app.hunting.proposer.propose(workspace, ANA, ["ffffffff"])


def test_confidence_is_what_came_of_those_that_were_as_sure(app: App, workspace: Workspace) -> None:
    proposer = app.hunting.proposer
    (hunt,) = proposer.propose(workspace, ANA, top=1).hunts
    (before,) = [d.value for d in app.hunting.hypotheses.list(OWNER) if d.value.hunt == hunt.name]
    assert before.confidence == before.sure > 0
    now = app.clock.now()
    judged = [Verdict.TRUE_POSITIVE if n % 4 == 0 else Verdict.FALSE_POSITIVE for n in range(LEAST_OUTCOMES)]
    outcomes = tuple(Outcome(f"s{n}", v, "", ANA.author, now) for n, v in enumerate(judged))
    run = HuntRun(hunt.name, 1, now, now, RunStatus.FINDINGS, now, now, outcomes=outcomes)
    app.hunting.runs._records.put(("w", hunt.name), "1", run)
    proposer.propose(workspace, ANA, top=1)
    (after,) = [d.value for d in app.hunting.hypotheses.list(OWNER) if d.value.hunt == hunt.name]
    assert (after.sure, after.confidence) == (before.sure, 0.25)
