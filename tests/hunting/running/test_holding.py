"""What stops hunting stops the rules that were made of hunts, and nothing else; no window is lost or seen twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from huntlake.app import App
from huntlake.cli import app as cli
from huntlake.core.clock import FixedClock
from huntlake.core.errors import Conflict
from huntlake.detection.rules import EntityMapping, FieldMapping
from huntlake.detection.scheduling.planning import Planner
from huntlake.detection.scheduling.windows import Task
from huntlake.hunting import promotion, publishing
from huntlake.hunting.hypotheses.hypothesis import Maker
from huntlake.hunting.lifecycle.acting import BREAKER, Acting
from huntlake.hunting.lifecycle.hunt import Decision, HuntContent, HuntLimits, HuntSchedule
from huntlake.hunting.lifecycle.new_hunt import NewHunt
from huntlake.hunting.proof.finding import Cost, DryRun, Proof, Volume
from huntlake.hunting.publishing import rule_of
from huntlake.hunting.running.breakers import Bounds, BreakerKind
from huntlake.hunting.running.stopping import EVERYWHERE
from huntlake.state.records import Author, Owner

NOW, HOUR = datetime(2026, 11, 22, 12, tzinfo=UTC), timedelta(hours=1)
OWNER: Owner = ("soc",)
ANN = Acting.person(Author("7", "Ann"), hunts=True, approves=True, leads=True)
BOB = Acting.person(Author("8", "Bob"), hunts=True, approves=True)
QUERY = "SecurityEvent | where EventID == 4688 | project TimeGenerated, Computer"


class Lake:
    """A lake with a hunt that is published as a rule, that rule's like which was promoted, and a rule of nobody's."""

    def __init__(self, home: Path, at: datetime = NOW) -> None:
        self.clock = FixedClock(at)
        self.app = App.open(home, clock=self.clock)
        self.workspace = self.app.workspaces.find("soc") or self.app.workspaces.create("soc")
        self.scheduler = self.app.scheduler
        self.planner = Planner(self.scheduler.ledger, skipped=self.scheduler.skipped)

    def begun(self, limits: HuntLimits = HuntLimits()) -> str:
        hunting, rules = self.app.hunting, self.app.detection.rules
        hunting.hunts.rollouts.set(OWNER, 2, ANN, "we trust it")
        name = self._hunt(limits)
        hunt = hunting.hunts.get(OWNER, name).value
        self.published, self.promoted = publishing.rule_name(OWNER, name), promotion.rule_name(OWNER, name)
        made = rule_of(hunt, hunt.latest)
        for rule in (self.promoted, "of-nobody"):
            rules.put(OWNER, rule, made)
        assert rules.get(OWNER, self.published).value.enabled
        return name

    def _hunt(self, limits: HuntLimits) -> str:
        hunts = self.app.hunting.hunts
        mapping = EntityMapping("Host", (FieldMapping("HostName", "Computer"),))
        content = HuntContent(QUERY, (), HuntSchedule(HOUR, HOUR), limits, entities=(mapping,))
        new = NewHunt("Odd", "If …", "For …", content, Maker.PERSON, techniques=("T1059",), tables=("SecurityEvent",))
        name, now = hunts.create(OWNER, new, ANN).name, self.clock.now()
        dry = DryRun(now - timedelta(days=7), now, now, 1, seconds=1.0)
        schema = hunts._prover.fingerprint("soc", content)
        proof = Proof(now, schema, (), Cost(1, 1, ("SecurityEvent",)), Volume(1, 0, 2, "a day"), dry)
        hunts.prove(OWNER, name, proof=proof)
        hunts.submit(OWNER, name, ANN)
        hunts.review(OWNER, name, Decision.APPROVED, BOB, "fine")
        hunts.schedule(OWNER, name, ANN)
        return name

    def row(self, computer: str = "PC1") -> None:
        at = (self.clock.now() - timedelta(minutes=20)).isoformat()
        row = {"TimeGenerated": at, "EventID": 4688, "Computer": computer}
        self.app.streams.append(self.workspace, "SecurityEvent", [row])

    def tick(self, most: int = 1000) -> list[Task]:
        """Read the rules, and look at every window that is due, `most` at most; those that were looked at."""
        clocks = self.scheduler.ledger.all("soc")
        held = self.scheduler.held("soc")
        self.planner.sync("soc", self.scheduler.planned("soc"), self.clock.now(), clocks, held=held)
        done = list[Task]()
        while len(done) < most and (tasks := self.planner.take(self.clock.now(), 4)):
            for task in tasks:
                if self.scheduler.windows.look_at(task):
                    done.append(task)
                self.planner.back(task)
        return done

    def stopped_for(self, hours: int, is_hit: Callable[[int], bool]) -> None:
        """Stop hunting, let time pass in which things happen, and lift the stop."""
        stops = self.app.hunting.stops
        stops.stop(OWNER, ANN, "an outage")
        for hour in range(hours):
            self.clock.at += HOUR
            if is_hit(hour):
                self.row(f"PC{hour}")
        self.tick()
        stops.lift(OWNER, BOB, "it is over")

    def alerts(self, rule: str) -> int:
        return sum(d.value.rule == rule for d in self.app.detection.alerts.list(OWNER))


@contextmanager
def opened(home: Path, at: datetime = NOW) -> Iterator[Lake]:
    lake = Lake(home, at)
    try:
        yield lake
    finally:
        lake.app.close()


@pytest.mark.parametrize("where", [OWNER, EVERYWHERE])
def test_a_stop_holds_the_rules_of_hunts_through_a_restart_and_their_windows_are_made_up_once(
    tmp_path: Path, where: Owner
) -> None:
    with opened(tmp_path) as lake:
        lake.begun()
        lake.row()
        assert {t.key[1] for t in lake.tick()} == {lake.published, lake.promoted, "of-nobody"}
        lake.app.hunting.stops.stop(where, ANN, "an outage")
        lake.clock.at += HOUR
        lake.row()
        assert {t.key[1] for t in lake.tick()} == {"of-nobody"}
        published, promoted = lake.published, lake.promoted
    with opened(tmp_path, NOW + 6 * HOUR) as lake:
        lake.row()
        assert {t.key[1] for t in lake.tick()} == {"of-nobody"}
        status = lake.scheduler.status(lake.workspace, promoted)
        assert "an outage" in status.held
        assert status.next_due is None
        assert lake.alerts(published) == lake.alerts(promoted) == 1
        lake.app.hunting.stops.lift(where, BOB, "it is over")
        done = [t for t in lake.tick() if t.key[1] == promoted]
        # Each hour since has its window, and each of them once.
        assert len(done) == len({t.until for t in done}) == 6
        assert lake.alerts(published) == lake.alerts(promoted) == 3
        assert lake.tick() == []


def test_what_a_query_finds_while_a_stop_comes_is_raised_when_it_goes_on(tmp_path: Path) -> None:
    with opened(tmp_path) as lake:
        lake.begun()
        lake.row()
        look = lake.scheduler.windows.look

        def stopped_meanwhile(*given: object) -> object:
            found = look(*given)  # type: ignore[arg-type]
            if not lake.app.hunting.stops.why(OWNER):
                lake.app.hunting.stops.stop(OWNER, ANN, "too loud")
            return found

        object.__setattr__(lake.scheduler.windows, "look", stopped_meanwhile)
        clocks = lake.scheduler.ledger.all("soc")
        rules = {lake.promoted: lake.app.detection.rules.get(OWNER, lake.promoted).value}
        lake.planner.sync("soc", rules, NOW, clocks)
        (task,) = lake.planner.take(NOW, 4)
        assert not lake.scheduler.windows.look_at(task)
        assert lake.alerts(lake.promoted) == 0
        lake.app.hunting.stops.lift(OWNER, ANN, "mended")
        assert lake.scheduler.windows.look_at(task)
        assert not lake.scheduler.windows.look_at(task)
        assert lake.alerts(lake.promoted) == 1


def test_a_rule_whose_hunt_was_suspended_waits_before_it_is_disabled(tmp_path: Path) -> None:
    with opened(tmp_path) as lake:
        name = lake.begun()
        lake.tick()
        lake.app.hunting.hunts.suspend(OWNER, name, BREAKER, "volume: too many rows")
        lake.clock.at += HOUR
        assert {t.key[1] for t in lake.tick()} == {lake.promoted, "of-nobody"}
        assert list(lake.scheduler.held("soc")) == [lake.published]
        assert lake.app.hunting.publishing.settle(OWNER) == 1
        assert not lake.app.detection.rules.get(OWNER, lake.published).value.enabled


def test_while_hunting_is_stopped_nothing_is_raised_by_hand_and_the_audit_names_the_rules(tmp_path: Path) -> None:
    with opened(tmp_path) as lake:
        lake.begun()
        lake.row()
        lake.app.hunting.stops.stop(OWNER, ANN, "an outage")
        with pytest.raises(Conflict, match="an outage"):
            lake.scheduler.run_now(lake.workspace, lake.promoted)
        assert lake.scheduler.run_now(lake.workspace, lake.promoted, raising=False)[0].rows == 1
        assert lake.scheduler.run_now(lake.workspace, "of-nobody")[0].rows == 1
        asked = "HuntlakeAudit | where Action == 'hunting/stop' | project tostring(Details.rules)"
        rows = b"".join(lake.app.queries.run(lake.workspace, asked).tables[0].json_rows()).decode()
        assert lake.published in rows
        assert lake.promoted in rows
    run = CliRunner()
    shown = run.invoke(cli, ["rule", "list", "--home", str(tmp_path)])
    assert shown.output.count("held") == 2
    said = run.invoke(cli, ["hunt", "breakers", "--home", str(tmp_path)])
    assert f"the rule {lake.promoted} waits: hunting is stopped" in said.output


def test_windows_of_hunts_wait_while_hunting_is_stopped(tmp_path: Path) -> None:
    with opened(tmp_path) as lake:
        name, scheduler = lake.begun(), lake.app.hunting.scheduler
        planner = Planner(scheduler.ledger)

        def tick() -> list[datetime]:
            now, clocks = lake.clock.now(), scheduler.ledger.all("soc")
            planner.sync("soc", scheduler.planned("soc"), now, clocks, held=scheduler.held("soc"))
            done = []
            while tasks := planner.take(now, 4):
                for task in tasks:
                    if scheduler.windows.look_at(task):
                        done.append(task.until)
                    planner.back(task)
            return done

        assert len(tick()) == 1
        lake.app.hunting.stops.stop(OWNER, ANN, "an outage")
        lake.clock.at += 5 * HOUR
        assert tick() == []
        assert scheduler.next_due(lake.workspace, name)[0] is None
        lake.app.hunting.stops.lift(OWNER, ANN, "it is over")
        done = tick()
        assert len(done) == len(set(done)) == 5
        assert len(lake.app.hunting.runs.list(OWNER, name)) == 6


def test_what_is_made_up_after_a_stop_counts_for_the_days_it_is_of_and_opens_no_breaker(tmp_path: Path) -> None:
    with opened(tmp_path) as lake:
        lake.begun(HuntLimits(rows_a_day=5))
        lake.tick()
        watching = lake.app.hunting.watching
        watching.bounds = lambda owner: Bounds(incidents_a_day=5)
        # Four in a day are fine; eight in two days come in one.
        lake.stopped_for(48, lambda hour: hour % 6 == 0)
        while lake.tick(30):
            assert watching.look(OWNER) == []
        assert lake.alerts(lake.published) == lake.alerts(lake.promoted) == 8
        for rule in (lake.published, lake.promoted):
            assert lake.app.detection.rules.get(OWNER, rule).value.enabled


@pytest.mark.parametrize("is_edited", [False, True])
def test_a_day_that_was_too_loud_opens_a_breaker_when_it_is_made_up_and_what_is_left_is_told(
    tmp_path: Path, is_edited: bool
) -> None:
    with opened(tmp_path) as lake:
        name, hunts = lake.begun(HuntLimits(rows_a_day=5)), lake.app.hunting.hunts
        if is_edited:
            # A draft that nobody has approved raises no limit.
            content = hunts.get(OWNER, name).value.latest.content
            hunts.edit(OWNER, name, replace(content, limits=HuntLimits(rows_a_day=1_000_000)), ANN)
        lake.tick()
        watching = lake.app.hunting.watching
        watching.bounds = lambda owner: Bounds(incidents_a_day=5)
        lake.stopped_for(24, lambda hour: hour < 12)
        rules, rule, kinds = lake.app.detection.rules, lake.published, set[BreakerKind]()
        while rules.get(OWNER, rule).value.enabled and lake.tick(9):
            kinds |= {one.kind for one in watching.look(OWNER)}
        assert kinds == {BreakerKind.INCIDENTS, BreakerKind.VOLUME}
        lake.tick()
        clock = lake.scheduler.ledger.read(("soc", rule))
        assert clock
        assert clock.stopped
        ((after, until),) = clock.skipped
        # Nothing lies between what was looked at and what is told.
        assert after == max(run.until for run in clock.recent if run.until < until)
        asked = "SentinelHealth | where Reason has 'not caught up with' | project tostring(ExtendedProperties.RuleId)"
        told = b"".join(lake.app.queries.run(lake.workspace, asked).tables[0].json_rows()).decode()
        assert told.count(rule) == 1
        rules.change(OWNER, rule, lambda r: replace(r, enabled=True), BOB.author)
        lake.tick()
        again = lake.scheduler.ledger.read(("soc", rule))
        assert again
        assert not again.stopped
        assert again.skipped == clock.skipped


def test_a_rule_that_is_disabled_while_it_waits_tells_the_windows_that_nobody_looked_at(tmp_path: Path) -> None:
    with opened(tmp_path) as lake:
        lake.begun()
        lake.tick()
        lake.app.hunting.stops.stop(OWNER, ANN, "an outage")
        lake.clock.at += 6 * HOUR
        lake.tick()
        lake.app.detection.rules.change(OWNER, lake.promoted, lambda r: replace(r, enabled=False), BOB.author)
        lake.clock.at += 6 * HOUR
        lake.tick()
        clock = lake.scheduler.status(lake.workspace, lake.promoted).clock
        assert clock
        # Those that were due once it was disabled are nobody's.
        assert clock.skipped == ((clock.last, clock.last + 6 * HOUR),)
