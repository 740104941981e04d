"""An approval is for the items of watchlists that a query reads, unless the version says that they may change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from huntlake.app import App
from huntlake.core.clock import FixedClock
from huntlake.core.errors import Conflict
from huntlake.detection.rules import EntityMapping, FieldMapping
from huntlake.hunting.hypotheses.hypothesis import Maker
from huntlake.hunting.lifecycle.acting import Acting
from huntlake.hunting.lifecycle.governed_hunts import GovernedHunts
from huntlake.hunting.lifecycle.hunt import Decision, HuntContent
from huntlake.hunting.lifecycle.new_hunt import NewHunt
from huntlake.hunting.lifecycle.states import HuntState
from huntlake.hunting.proof import rules
from huntlake.hunting.proof.finding import DryRun, Volume
from huntlake.hunting.running import asking
from huntlake.hunting.running.run import RunStatus
from huntlake.state.records import Author
from huntlake.workspace.builtin_functions import BuiltinFunction, BuiltinFunctions
from huntlake.workspace.functions import SavedFunction
from huntlake.workspace.watchlists import Watchlist

NOW, DAY, OWNER = datetime(2026, 11, 22, 12, tzinfo=UTC), timedelta(days=1), ("soc",)
ANN = Acting.person(Author("7", "Ann"), hunts=True, approves=True)
BOB = Acting.person(Author("8", "Bob"), hunts=True, approves=True)
HOST = EntityMapping("Host", (FieldMapping("HostName", "Computer"),))
READS = (
    "SecurityEvent | where Computer in ((_GetWatchlist('Odd') | project SearchKey)) | project TimeGenerated, Computer"
)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    app = App.open(tmp_path, clock=FixedClock(NOW))
    soc = app.workspaces.create("soc")
    app.watchlists.put(soc, Watchlist("Odd", "Name", ("Name",)), [{"Name": "PC1"}])
    rows = [{"TimeGenerated": (NOW - timedelta(hours=1)).isoformat(), "Computer": pc} for pc in ("PC1", "PC2")]
    app.streams.append(soc, "SecurityEvent", rows)
    yield app
    app.close()


def approved(app: App, content: HuntContent) -> str:
    hunts = app.hunting.hunts
    new = NewHunt("Odd", "If …", "For …", content, Maker.PERSON, techniques=("T1059",), tables=("SecurityEvent",))
    name = hunts.create(OWNER, new, ANN).name
    proof = app.hunting.prover.validate(app.workspaces.get("soc"), content, NOW)
    assert proof.is_valid
    run = DryRun(NOW - 7 * DAY, NOW, NOW, 1, seconds=1.0)
    hunts.prove(OWNER, name, proof=replace(proof, dry_run=run, volume=Volume(1, 0, 2, "a day")))
    hunts.submit(OWNER, name, ANN)
    hunts.review(OWNER, name, Decision.APPROVED, BOB, "fine")
    hunts.schedule(OWNER, name, ANN)
    return name


def put(app: App, *names: str) -> None:
    app.watchlists.put(
        app.workspaces.get("soc"), Watchlist("Odd", "Name", ("Name",)), [{"Name": name} for name in names]
    )


def run(app: App, name: str, days: int = 0) -> int:
    until = NOW - days * DAY
    return app.hunting.runs.run(app.workspaces.get("soc"), name, until - DAY, until).value.rows


def test_a_watchlist_that_is_changed_ends_the_approval_by_name(app: App) -> None:
    name = approved(app, HuntContent(READS, entities=(HOST,)))
    version = app.hunting.hunts.get(OWNER, name).value.latest
    assert version.proof is not None
    assert rules.BOUND_WATCHLIST.code in {f.code for f in version.proof.findings}
    assert run(app, name) == 1
    put(app, "PC1")  # the same items, imported again
    assert run(app, name, 1) == 0
    put(app, "PC1", "PC2")
    with pytest.raises(Conflict, match="the watchlist `Odd` was changed: 1 items, and now 2"):
        run(app, name, 2)
    assert app.hunting.hunts.expire("soc") == 1
    hunt = app.hunting.hunts.get(OWNER, name).value
    assert hunt.state is HuntState.EXPIRED
    assert "`Odd`" in hunt.reason


def test_a_watchlist_that_is_harmless_only_while_somebody_looks_is_not_approved(app: App) -> None:
    hunts, content = app.hunting.hunts, HuntContent(READS, entities=(HOST,))
    new = NewHunt("Odd", "If …", "For …", content, Maker.PERSON, techniques=("T1059",), tables=("SecurityEvent",))
    name = hunts.create(OWNER, new, ANN).name
    put(app, "PC1", "PC2")
    hunts.prove(OWNER, name)
    hunts.submit(OWNER, name, ANN)
    put(app, "PC1")
    with pytest.raises(Conflict, match="rests_on_what_was_proved"):
        hunts.review(OWNER, name, Decision.APPROVED, BOB, "fine")


def test_a_watchlist_that_is_deleted_ends_the_approval_by_name(app: App) -> None:
    name = approved(app, HuntContent(READS, entities=(HOST,)))
    app.watchlists.delete(app.workspaces.get("soc"), "Odd")
    with pytest.raises(Conflict, match="the watchlist `Odd` is gone"):
        run(app, name)


def test_a_live_watchlist_may_change_and_each_run_tells_its_version(app: App) -> None:
    content = HuntContent(READS, entities=(HOST,), live_watchlists=("Odd",))
    assert content.hash != replace(content, live_watchlists=()).hash
    name = approved(app, content)
    proof = app.hunting.hunts.get(OWNER, name).value.latest.proof
    assert proof is not None
    assert rules.LIVE_WATCHLIST.code in {f.code for f in proof.findings}
    assert run(app, name) == 1
    put(app, "PC1", "PC2")
    later = app.hunting.runs.run(app.workspaces.get("soc"), name, NOW - 2 * DAY, NOW)
    assert later.value.rows == 2
    first = app.hunting.runs.list(OWNER, name)
    said = {d.value.details["watchlist Odd"] for d in first}
    assert len(said) == 2
    assert any(text.endswith("(2 items)") for text in said)


@pytest.mark.parametrize(
    "query",
    [
        "Reads | project TimeGenerated, Computer",
        "SecurityEvent | where Computer in ((Watchlist | project SearchKey)) | project TimeGenerated, Computer",
        "let alias = 'Odd'; SecurityEvent | where Computer in ((_GetWatchlist(alias) | project SearchKey)) "
        "| project TimeGenerated, Computer",
    ],
)
def test_a_watchlist_is_found_wherever_it_is_read(app: App, query: str) -> None:
    app.functions.put(app.workspaces.get("soc"), SavedFunction("Reads", READS))
    name = approved(app, HuntContent(query, entities=(HOST,)))
    put(app, "PC2")
    with pytest.raises(Conflict, match="changed"):
        run(app, name)


def test_contents_without_live_watchlists_keep_the_hash_that_they_had() -> None:
    assert HuntContent("T").hash == "42232deb54de47377c43465c25d39d3120f1f15469d404c32737b12835e61a02"


def test_a_run_that_read_what_nobody_approved_fails(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    name, start = approved(app, HuntContent(READS, entities=(HOST,))), GovernedHunts.start

    def changed_meanwhile(hunts: GovernedHunts, *given: Any, **more: Any) -> Any:
        begun = start(hunts, *given, **more)
        put(app, "PC1", "PC2")
        return begun

    with monkeypatch.context() as patched:
        patched.setattr(GovernedHunts, "start", changed_meanwhile)
        found = app.hunting.runs.run(app.workspaces.get("soc"), name, NOW - DAY, NOW).value
    assert (found.status, found.rows, found.clusters) == (RunStatus.FAILED, 0, ())
    assert "the watchlist `Odd` was changed: 1 items, and now 2" in found.failure
    with pytest.raises(Conflict, match="the watchlist `Odd` was changed"):
        run(app, name)


@pytest.mark.parametrize("when", ["before it starts", "after it has started"])
@pytest.mark.parametrize("what", ["watchlist", "function"])
def test_what_is_changed_and_changed_back_within_a_run_fails_it(
    app: App, monkeypatch: pytest.MonkeyPatch, when: str, what: str
) -> None:
    soc = app.workspaces.get("soc")
    app.functions.put(soc, SavedFunction("Reads", READS))
    name, start, ask = approved(app, HuntContent("Reads", entities=(HOST,))), GovernedHunts.start, asking.ask

    def change(*names: str, function: str) -> None:
        if what == "watchlist":
            put(app, *names)
        else:
            app.functions.put(soc, SavedFunction("Reads", function))

    def changed(hunts: GovernedHunts, *given: Any, **more: Any) -> Any:
        # The guards see what was approved; what is read is another; and at the end all is as before.
        if when == "before it starts":
            change("PC2", function="SecurityEvent")
            change("PC1", function=READS)
        begun = start(hunts, *given, **more)
        if when == "after it has started":
            change("PC2", function="SecurityEvent")
        return begun

    def asked(*given: Any, **more: Any) -> Any:
        found = ask(*given, **more)
        change("PC1", function=READS)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(GovernedHunts, "start", changed)
        patched.setattr("huntlake.hunting.running.runs.ask", asked)
        found = app.hunting.runs.run(soc, name, NOW - DAY, NOW).value
    assert (found.status, found.rows, found.clusters) == (RunStatus.FAILED, 0, ())
    assert found.failure == "a watchlist or a function was changed while it ran"
    assert run(app, name) == 1


def test_a_function_that_stands_in_for_a_built_in_one_only_while_it_runs_fails_it(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    soc, query = app.workspaces.get("soc"), "SecurityEvent | invoke Kept() | project TimeGenerated, Computer"
    monkeypatch.setattr(BuiltinFunctions, "known", lambda self, workspace: ("Kept",))
    monkeypatch.setattr(BuiltinFunctions, "text", lambda self, workspace, name: "(T:(Computer:string)) {T}")
    monkeypatch.setattr(
        BuiltinFunctions, "find", lambda self, name: BuiltinFunction(name, "", "(T:(Computer:string)) {T}")
    )
    name, start, ask = approved(app, HuntContent(query, entities=(HOST,))), GovernedHunts.start, asking.ask

    def started(hunts: GovernedHunts, *given: Any, **more: Any) -> Any:
        begun = start(hunts, *given, **more)
        app.functions.put(soc, SavedFunction("Kept", "T | where Computer == 'PC2'", "T:(Computer:string)"))
        return begun

    def asked(*given: Any, **more: Any) -> Any:
        found = ask(*given, **more)
        app.functions.delete(soc, "Kept")
        return found

    with monkeypatch.context() as patched:
        patched.setattr(GovernedHunts, "start", started)
        patched.setattr("huntlake.hunting.running.runs.ask", asked)
        found = app.hunting.runs.run(soc, name, NOW - DAY, NOW).value
    assert (found.status, found.rows, found.failure) == (
        RunStatus.FAILED,
        0,
        "a watchlist or a function was changed while it ran",
    )
    assert run(app, name) == 2


def test_a_watchlist_whose_alias_has_a_slash_is_bound_as_any_other(app: App) -> None:
    soc, odd = app.workspaces.get("soc"), Watchlist("odd/one", "Name", ("Name",))
    app.watchlists.put(soc, odd, [{"Name": "PC1"}])
    reads = READS.replace("Odd", "odd/one")
    name, live = approved(app, HuntContent(reads, entities=(HOST,))), HuntContent(reads, live_watchlists=("/odd/one",))
    assert "the watchlist `/odd/one`" in str(app.hunting.prover.validate(soc, live, NOW).findings)
    assert run(app, name) == 1
    before = app.hunting.prover.fingerprint(soc, live)
    app.watchlists.put(soc, odd, [{"Name": "PC1"}, {"Name": "PC2"}])
    assert app.hunting.prover.fingerprint(soc, live) == before
    with pytest.raises(Conflict, match="the watchlist `/odd/one` was changed: 1 items, and now 2"):
        run(app, name, 1)
    app.watchlists.delete(soc, "odd/one")
    with pytest.raises(Conflict, match="since it was approved the watchlist `/odd/one` is gone; prove"):
        run(app, name, 1)


def test_an_item_that_expires_ends_the_approval_and_so_does_one_that_comes_back(app: App) -> None:
    soc, lasts = app.workspaces.get("soc"), Watchlist("Odd", "Name", ("Name",), time_to_live=30 * DAY)
    clock = app.clock
    assert isinstance(clock, FixedClock)
    app.watchlists.delete(soc, "Odd")
    clock.at -= 20 * DAY
    app.watchlists.put(soc, lasts, [{"Name": "PC1"}])
    clock.at += 20 * DAY
    app.watchlists.put_item(soc, "Odd", {"Name": "PC2"})
    content = HuntContent(READS, entities=(HOST,))
    name = approved(app, content)
    assert run(app, name) == 2
    clock.at += 11 * DAY
    with pytest.raises(Conflict, match="the watchlist `Odd` was changed: 2 items, and now 1"):
        run(app, name, 1)
    fewer = app.hunting.prover.validate(soc, content, clock.now())
    app.watchlists.put_item(soc, "Odd", {"Name": "PC1"})
    assert app.hunting.prover.drifted(soc, fewer) == ("the watchlist `Odd` was changed: 1 items, and now 2",)
