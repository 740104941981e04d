"""Playbooks that are run when a hunt waits for a review, or has found something."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bench.hunt_world import ANN, BOB, new

from huntlake.app import App
from huntlake.core.errors import Invalid
from huntlake.hunting.lifecycle.acting import SYSTEM
from huntlake.hunting.lifecycle.events import HuntFindings
from huntlake.hunting.proof.finding import Cost, DryRun, Proof, Volume
from huntlake.playbooks.hunt_notices import HuntEvent, HuntNotice
from huntlake.playbooks.samples import install, sample
from huntlake.state.events import Occasion
from huntlake.state.records import Author

OWNER = ("soc",)
BY = Author("7", "Ann")


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    app = App.open(tmp_path)
    app.workspaces.create("soc")
    install(app.playbooks.deployments, sample("tell-of-hunts"), "soc", {}, BY)
    yield app
    app.close()


def told(app: App) -> list[dict[str, Any]]:
    """What the playbook was told, the first first."""
    runs = app.playbooks.runs
    return [dict(runs.triggered(run.name)["outputs"]["body"]) for run in reversed(list(runs.walk()))]


def submitted(app: App, query: str = "SecurityEvent | take 5") -> str:
    hunts, now = app.hunting.hunts, datetime.now(UTC)
    made = replace(new(query), title="Tickets <b>")
    name = hunts.create(OWNER, made, ANN).name
    run = DryRun(now - timedelta(days=7), now, now, 14)
    schema = hunts._prover.fingerprint("soc", made.content)
    hunts.prove(OWNER, name, SYSTEM, Proof(now, schema, (), Cost(9, 1, ()), Volume(2.5, 1, 3, "a day"), run))
    hunts.submit(OWNER, name, BOB)
    return name


def notice(app: App, **what: Any) -> None:
    app.playbooks.hunt_notices.records.put(OWNER, "mail", HuntNotice("tell-of-hunts", **what), BY)


def test_reviewers_are_told_of_a_hunt_that_waits(app: App) -> None:
    notice(app)
    name = submitted(app)
    (body,) = told(app)
    hunt = app.hunting.hunts.get(OWNER, name).value
    assert (body["event"], body["hunt"], body["title"]) == ("HuntAwaitingReview", name, "Tickets <b>")
    assert (body["contentHash"], body["needsSenior"]) == (hunt.latest.content.hash, False)
    assert (body["author"], body["submittedBy"], body["rowsPerDay"]) == ("Ann", "Bob", 2.5)
    assert body["url"].endswith(f"/app/hunts/{name}")


def test_findings_are_told_from_a_score_on(app: App) -> None:
    notice(app, events=(HuntEvent.FINDINGS,), least_score=0.5)
    name = submitted(app)
    assert told(app) == []
    events = app.detection.events
    for score in (0.2, 0.7):
        event = HuntFindings(name, "Tickets", 1, f"run {score}", 9, 2, score)
        assert app.state.write([events.append(OWNER, event)])
    events.deliver(OWNER)
    assert [(b["event"], b["run"], b["rows"], b["clusters"], b["score"]) for b in told(app)] == [
        ("HuntFindings", "run 0.7", 9, 2, 0.7)
    ]


def test_an_event_that_is_told_twice_runs_a_playbook_once(app: App) -> None:
    notice(app)
    occasion = Occasion("soc/1", "soc", datetime(2026, 11, 22, tzinfo=UTC))
    for _ in range(2):
        app.playbooks.hunt_notices.tell(occasion, HuntEvent.AWAITING_REVIEW, {"hunt": "h", "title": "T"})
    assert len(told(app)) == 1


def test_a_notice_that_cant_be_given_stops_no_hunt(app: App) -> None:
    notice(app)
    gone = HuntNotice("nobody-has-this")
    app.playbooks.hunt_notices.records.put(OWNER, "gone", gone, BY)
    app.playbooks.hunt_notices.records.put(OWNER, "off", HuntNotice("tell-of-hunts", enabled=False), BY)
    name = submitted(app)
    assert len(told(app)) == 1
    assert app.hunting.hunts.queue(OWNER)[0].name == name


def test_a_notice_says_what_it_is_for(app: App) -> None:
    with pytest.raises(Invalid):
        notice(app, events=())
    with pytest.raises(Invalid, match="between 0 and 1"):
        notice(app, least_score=7.0)
