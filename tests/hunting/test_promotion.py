"""From a hunt that has found something to a rule, by two persons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from huntlake.app import App
from huntlake.core.errors import Cancelled, Conflict, Invalid, LimitExceeded, NotFound, Refused
from huntlake.detection.alerts import Alert
from huntlake.detection.entity_types import ENTITY_TYPES
from huntlake.detection.extraction import entity
from huntlake.detection.rules import EntityMapping, FieldMapping
from huntlake.detection.severity import Severity
from huntlake.engines.cancellation import Cancellation
from huntlake.hunting import backtesting
from huntlake.hunting.backtesting import RuleSetting, Sweep, Trial, recommended
from huntlake.hunting.hypotheses.hypothesis import Maker
from huntlake.hunting.lifecycle.acting import Acting
from huntlake.hunting.lifecycle.hunt import Decision, HuntContent, HuntSchedule
from huntlake.hunting.lifecycle.new_hunt import NewHunt
from huntlake.hunting.lifecycle.states import HuntState
from huntlake.hunting.proof.finding import Cost, DryRun, Proof, Volume
from huntlake.hunting.running.run import Verdict
from huntlake.state.records import Author
from huntlake.workspace.workspaces import Workspace

ANN = Acting.person(Author("7", "Ann"), hunts=True, approves=True)
BOB = Acting.person(Author("8", "Bob"), hunts=True, approves=True)
EVE = Acting.person(Author("9", "Eve"), hunts=True, approves=True)
OWNER = ("soc",)
QUERY = "SecurityEvent | where EventID == 4688 and CommandLine has 'vssadmin' | project TimeGenerated, Computer"
HOST = EntityMapping("Host", (FieldMapping("HostName", "Computer"),))
SWEEP = Sweep((timedelta(hours=6), timedelta(days=1)), (), (0, 2), (False, True), (timedelta(), timedelta(hours=24)))


@dataclass
class Clock:
    at: datetime = datetime(2026, 11, 20, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


@dataclass
class Place:
    app: App
    clock: Clock
    workspace: Workspace
    hunt: str = ""
    extra: list[str] = field(default_factory=list)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    clock = Clock()
    app = App.open(tmp_path, clock=clock)
    workspace = app.workspaces.create("soc")
    rows = [
        # Three rows at one host, which is the attack; each fourth day one of the backup's, which isn't.
        *((timedelta(days=10, hours=-1, minutes=m), "PC1", "vssadmin delete shadows") for m in (0, 5, 10)),
        *((timedelta(days=d, hours=3), "BACKUP", "vssadmin list shadows") for d in range(2, 30, 4)),
    ]
    data = {
        "TimeGenerated": pa.array([(clock.at - back).replace(tzinfo=None) for back, _, _ in rows], pa.timestamp("us")),
        "EventID": pa.array([4688] * len(rows), pa.int32()),
        "Computer": [host for _, host, _ in rows],
        "CommandLine": [line for _, _, line in rows],
    }
    app.ingestion.append_arrow(workspace, "SecurityEvent", pa.table(data))
    made = Place(app, clock, workspace)
    made.hunt = scheduled(made)
    yield made
    app.close()


def scheduled(place: Place) -> str:
    hunts, now = place.app.hunting.hunts, place.clock.now()
    content = HuntContent(QUERY, (), HuntSchedule(timedelta(days=1)), entities=(HOST,))
    new = NewHunt(
        "Shadows", "If …", "Because …", content, Maker.PERSON, techniques=("T1490",), tables=("SecurityEvent",)
    )
    name = hunts.create(OWNER, new, ANN).name
    schema = place.app.hunting.proofs.fingerprint("soc", content)
    dry = DryRun(now - timedelta(days=7), now, now, 1, seconds=1.0)
    hunts.prove(
        OWNER, name, proof=Proof(now, schema, (), Cost(1, 1, ("SecurityEvent",)), Volume(1, 0, 2, "a day"), dry)
    )
    hunts.submit(OWNER, name, ANN)
    hunts.review(OWNER, name, Decision.APPROVED, BOB, "fine")
    hunts.schedule(OWNER, name, ANN)
    return name


def judged(place: Place) -> None:
    """Run it over the days of the attack and of a backup, and say what each was."""
    runs = place.app.hunting.runs
    for back in (10, 3):
        end = place.clock.at - timedelta(days=back - 1)
        run = runs.run(place.workspace, place.hunt, end - timedelta(days=1), end, ANN)
        for cluster in run.value.clusters:
            good = ("Host", "PC1") in cluster.entities
            verdict = Verdict.TRUE_POSITIVE if good else Verdict.FALSE_POSITIVE
            runs.judge(OWNER, place.hunt, run.name, cluster.signature, verdict, "seen", ANN)


def test_the_fewest_alerts_that_keep_every_true_positive_are_recommended(place: Place) -> None:
    judged(place)
    alert = Alert(
        "Other", Severity.LOW, entities=tuple(e for e in [entity(ENTITY_TYPES["Host"], {"HostName": "PC1"})] if e)
    )
    at = place.clock.at - timedelta(days=10)
    place.app.detection.alerts.put(OWNER, "a1", replace(alert, rule="other", started=at, ended=at))
    found = place.app.hunting.promotions.backtest(place.workspace, place.hunt, ANN, sweep=SWEEP).value
    assert found.known == 1
    assert found.recommended is not None
    best = found.trials[found.recommended]
    assert (best.kept, best.alerts, best.false, best.entities) == (1, 1, 0, 1)
    assert best.setting.threshold == 2
    assert best.a_day == pytest.approx(1 / 30)
    day = timedelta(days=1)
    plain = next(t for t in found.trials if t.setting == RuleSetting(day, day, 0, False, timedelta()))
    assert (plain.alerts, plain.false, plain.entities) == (8, 1, 2)
    ((rule, jaccard),) = [(o.rule, o.jaccard) for o in found.overlaps]
    assert (rule, jaccard) == ("other", 1.0)


def test_without_known_true_positives_nothing_is_left_out(place: Place) -> None:
    found = place.app.hunting.promotions.backtest(place.workspace, place.hunt, ANN, sweep=SWEEP).value
    assert found.recommended is not None
    setting = found.trials[found.recommended].setting
    assert (setting.threshold, setting.suppression) == (0, timedelta())
    assert "no true positive is known" in found.remarks[0]


def test_the_rule_is_made_disabled_and_another_person_enables_it(place: Place) -> None:
    promotions, rules = place.app.hunting.promotions, place.app.detection.rules
    judged(place)
    with pytest.raises(Conflict, match="back-test"):
        promotions.promote(OWNER, place.hunt, ANN, "it works")
    promotions.backtest(place.workspace, place.hunt, ANN, sweep=SWEEP)
    with pytest.raises(Invalid, match="comment"):
        promotions.promote(OWNER, place.hunt, ANN, " ")
    with pytest.raises(Refused):
        promotions.promote(OWNER, place.hunt, Acting.application(Author("1", "robot"), hunts=True), "me")
    made = promotions.promote(OWNER, place.hunt, EVE, "it works").value
    rule = rules.get(OWNER, made.rule).value
    assert not rule.enabled
    assert rule.trigger_threshold == 2
    assert rule.entity_mappings == (HOST,)
    assert place.app.hunting.hunts.get(OWNER, place.hunt).value.state is HuntState.PROMOTED
    for who, why in ((EVE, "promoted"), (ANN, "wrote")):
        with pytest.raises(Refused, match=why):
            promotions.enable(OWNER, place.hunt, who, "go")
    reader = Acting.person(Author("5", "Rea"), hunts=True, approves=False)
    with pytest.raises(Refused):
        promotions.enable(OWNER, place.hunt, reader, "go")
    assert not rules.get(OWNER, made.rule).value.enabled
    done = promotions.enable(OWNER, place.hunt, BOB, "go").value
    assert rules.get(OWNER, made.rule).value.enabled
    assert done.enabled_by == BOB.author
    with pytest.raises(Conflict, match="already"):
        promotions.enable(OWNER, place.hunt, BOB, "again")
    audit = place.app.hunting.audit
    assert not audit.verify(OWNER).faults
    assert {"hunt/back-test", "hunt/enable rule"} <= {str(entry["Action"]) for entry in audit.read(OWNER)}


def test_a_rule_that_was_changed_since_is_not_enabled(place: Place) -> None:
    promotions, rules = place.app.hunting.promotions, place.app.detection.rules
    judged(place)
    promotions.backtest(place.workspace, place.hunt, ANN, sweep=SWEEP)
    made = promotions.promote(OWNER, place.hunt, EVE, "it works").value
    rules.change(OWNER, made.rule, lambda rule: replace(rule, query="SecurityEvent | take 1"))
    with pytest.raises(Conflict, match="changed since"):
        promotions.enable(OWNER, place.hunt, BOB, "go")
    assert not rules.get(OWNER, made.rule).value.enabled
    rules.delete(OWNER, made.rule)
    with pytest.raises(NotFound):
        promotions.enable(OWNER, place.hunt, BOB, "go")


def test_a_setting_that_loses_what_is_known_is_not_promoted(place: Place) -> None:
    judged(place)
    sweep = replace(SWEEP, thresholds=(0, 5))
    found = place.app.hunting.promotions.backtest(place.workspace, place.hunt, ANN, sweep=sweep).value
    losing = next(n for n, t in enumerate(found.trials) if t.kept < found.known)
    with pytest.raises(Conflict, match="1 of 1 true positives are lost"):
        place.app.hunting.promotions.promote(OWNER, place.hunt, EVE, "it works", losing)


def test_an_old_back_test_counts_for_nothing(place: Place) -> None:
    judged(place)
    place.app.hunting.promotions.backtest(place.workspace, place.hunt, ANN, sweep=SWEEP)
    place.clock.at += timedelta(days=8)
    with pytest.raises(Conflict, match="older than 7 days"):
        place.app.hunting.promotions.promote(OWNER, place.hunt, EVE, "it works")


def test_a_back_test_is_over_thirty_days_at_least(place: Place) -> None:
    with pytest.raises(Invalid, match="at least 30 days"):
        place.app.hunting.promotions.backtest(place.workspace, place.hunt, ANN, days=29)


def test_a_back_test_that_nobody_waits_for_ends_and_leaves_nothing(place: Place) -> None:
    cancellation, promotions = Cancellation(), place.app.hunting.promotions
    told: list[int] = []

    def progress(done: int, total: int) -> None:
        told.append(done)
        cancellation.cancel()

    with pytest.raises(Cancelled):
        promotions.backtest(place.workspace, place.hunt, ANN, sweep=SWEEP, progress=progress, cancellation=cancellation)
    assert told == [1]
    assert not promotions.has_backtest(OWNER, place.hunt)


def trial(alerts: int, kept: int, threshold: int = 0, failures: int = 0) -> Trial:
    setting = RuleSetting(timedelta(days=1), timedelta(days=1), threshold, False, timedelta())
    return Trial(setting, alerts, alerts / 30, 1, kept, 0, 0, failures)


def test_no_setting_is_recommended_that_fails_or_loses_something() -> None:
    assert recommended([trial(5, 2), trial(1, 1), trial(3, 2)], 2) == 2
    assert recommended([trial(5, 1), trial(1, 0)], 2) is None
    assert recommended([trial(1, 1, failures=1), trial(9, 1)], 1) == 1
    assert recommended([trial(0, 0, threshold=5), trial(9, 0)], 0) == 1


def test_who_answers_for_a_version_doesnt_enable_its_rule(place: Place) -> None:
    hunts, promotions = place.app.hunting.hunts, place.app.hunting.promotions
    judged(place)
    promotions.backtest(place.workspace, place.hunt, ANN, sweep=SWEEP)
    promotions.promote(OWNER, place.hunt, EVE, "it works")
    # Bob comes to write the very content: as if he had approved it, and taken it up later.
    content = hunts.get(OWNER, place.hunt).value.latest.content
    hunts.edit(OWNER, place.hunt, replace(content, query=QUERY + " | take 5"), ANN)
    hunts.edit(OWNER, place.hunt, content, ANN, maker=Maker.CORE, responsible="bob")
    with pytest.raises(Refused, match="answers for it"):
        promotions.enable(OWNER, place.hunt, BOB, "go")


def test_a_back_test_holds_no_more_rows_than_it_may(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backtesting, "MOST_ROWS", 5)
    with pytest.raises(LimitExceeded, match="more than 5 rows"):
        place.app.hunting.promotions.backtest(place.workspace, place.hunt, ANN, sweep=SWEEP)
