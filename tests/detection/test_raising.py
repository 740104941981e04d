from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from huntlake.core.clock import FixedClock
from huntlake.core.errors import PreconditionFailed
from huntlake.detection.casebook import Incidents
from huntlake.detection.incidents import (
    Classification,
    Incident,
    IncidentComment,
    IncidentRelation,
    IncidentStatus,
    RelatedKind,
)
from huntlake.detection.raising import MOST_IN_AN_INCIDENT, Stored
from huntlake.detection.rules import (
    Aggregation,
    AnalyticRule,
    EntityMapping,
    EventGrouping,
    FieldMapping,
    Grouping,
    IncidentConfiguration,
    Matching,
    RuleKind,
    TriggerOperator,
)
from huntlake.detection.running import Run, Window, judged
from huntlake.detection.service import Detection
from huntlake.detection.severity import Severity, Tactic
from huntlake.kql.types import ScalarType
from huntlake.state.database import Database
from huntlake.state.documents import Json, Shelf, Write
from huntlake.state.memory import MemoryShelf
from huntlake.state.records import Author, Only
from huntlake.workspace.workspaces import Workspace

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SOC = Workspace("soc", "11111111-2222-3333-4444-555555555555")
OWNER = ("soc",)
COLUMNS = dict.fromkeys(("User", "Address", "Reason"), ScalarType.STRING) | {"TimeGenerated": ScalarType.DATETIME}
RULE = AnalyticRule(
    kind=RuleKind.SCHEDULED,
    display_name="Failed sign-ins",
    description="Many of them.",
    enabled=True,
    severity=Severity.MEDIUM,
    query="SigninLogs",
    suppression_duration=5 * HOUR,
    suppression_enabled=False,
    query_frequency=HOUR,
    query_period=HOUR,
    trigger_operator=TriggerOperator.GREATER_THAN,
    trigger_threshold=0,
    tactics=(Tactic.CREDENTIAL_ACCESS,),
    techniques=("T1110",),
    entity_mappings=(
        EntityMapping("Account", (FieldMapping("FullName", "User"),)),
        EntityMapping("IP", (FieldMapping("Address", "Address"),)),
    ),
    custom_details={"Reason": "Reason"},
    event_grouping_settings=EventGrouping(Aggregation.ALERT_PER_RESULT),
)
ANN, BOB = {"User": "ann@northwind.example", "Address": "192.0.2.1"}, {"User": "bob@northwind.example"}


def grouped(method: Matching = Matching.ALL_ENTITIES, *, reopen: bool = False, **by: tuple[str, ...]) -> AnalyticRule:
    grouping = Grouping(True, reopen, 5 * HOUR, method, **by)
    return replace(RULE, incident_configuration=IncidentConfiguration(True, grouping))


class Desk:
    """What a rule raises, hour by hour."""

    def __init__(self, shelf: Shelf | None = None, rule: AnalyticRule = RULE) -> None:
        self.shelf = shelf or MemoryShelf()
        self.clock = FixedClock(NOON)
        self.detection = Detection.over(self.shelf, self.clock)
        self.rule = rule

    def run(self, hour: float, rows: Sequence[dict[str, str]], name: str = "r1") -> Run:
        until = NOON + hour * HOUR
        when = (until - timedelta(minutes=5)).isoformat()
        timed = [{"TimeGenerated": when, **row} for row in rows]
        return judged(name, self.rule, Window(until - HOUR, until), timed, COLUMNS)

    def raised(self, hour: float, *rows: dict[str, str]) -> Stored:
        run = self.run(hour, rows)
        self.clock.at = run.window.until
        return self.detection.raising.store(SOC, "r1", self.rule, run)

    @property
    def incidents(self) -> Incidents:
        return self.detection.incidents

    def all(self) -> list[Incident]:
        return sorted((d.value for d in self.incidents.list(OWNER)), key=lambda i: i.number)

    def sizes(self) -> list[int]:
        found = sorted(self.incidents.list(OWNER), key=lambda d: d.value.number)
        return [len(self.incidents.alerts(OWNER, d.name)) for d in found]

    def rows(self, table: str) -> list[Any]:
        return [v for _, v in self.shelf.read_after(f"rows of soc/{table}", "")]


def test_without_grouping_each_alert_is_an_incident() -> None:
    desk = Desk()
    stored = desk.raised(0, ANN, BOB)
    assert len(stored.alerts) == len(stored.incidents) == 2
    first, second = desk.all()
    assert (first.number, second.number) == (1, 2)
    assert (first.title, first.severity, first.status) == ("Failed sign-ins", Severity.MEDIUM, IncidentStatus.NEW)
    assert first.first_activity == first.last_activity == NOON - timedelta(minutes=5)
    assert first.rules == ("r1",)


def test_marks_of_old_runs_are_forgotten_and_their_alerts_are_not_doubled() -> None:
    desk = Desk(rule=grouped())
    desk.raised(0, ANN)
    desk.raised(1, BOB)
    assert desk.detection.raising.expire("soc", NOON) == 0
    assert desk.detection.raising.expire("soc", NOON + HOUR) == 1
    assert desk.detection.raising.expire("soc", NOON + HOUR) == 0
    sizes, rows = desk.sizes(), len(desk.rows("SecurityAlert"))
    desk.raised(0, ANN)
    desk.raised(1, BOB)
    assert (desk.sizes(), len(desk.rows("SecurityAlert"))) == (sizes, rows)


def test_a_run_that_is_stored_again_changes_nothing() -> None:
    desk = Desk(rule=grouped())
    stored = desk.raised(0, ANN, BOB)
    before = [(d.value, d.etag) for d in desk.incidents.list(OWNER)]
    assert desk.raised(0, ANN, BOB) == stored
    # Rows that came late don't make the same window another run.
    assert desk.raised(0, ANN, BOB, {"User": "eve@northwind.example"}) == stored
    assert [(d.value, d.etag) for d in desk.incidents.list(OWNER)] == before
    assert len(desk.rows("SecurityAlert")) == 2


class Dying(MemoryShelf):
    """A shelf whose process dies before, or right after, its n-th write."""

    def __init__(self) -> None:
        super().__init__()
        self.left = -1
        self.after = False

    def write(self, writes: Sequence[Write]) -> bool:
        self.left -= 1
        if self.left == 0 and not self.after:
            raise KeyboardInterrupt
        done = super().write(writes)
        if self.left == 0:
            raise KeyboardInterrupt
        return done


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_around_the_write_neither_loses_nor_doubles_a_run(after: bool) -> None:
    shelf = Dying()
    desk = Desk(shelf, grouped())
    desk.raised(0, ANN)
    shelf.left, shelf.after = 1, after
    with pytest.raises(KeyboardInterrupt):
        desk.raised(1, ANN)
    again = Desk(shelf, grouped())
    again.raised(1, ANN)
    assert again.sizes() == [2]
    assert len(again.rows("SecurityAlert")) == 2
    assert len(again.rows("SecurityIncident")) == 2


def test_alerts_about_the_same_entities_share_an_incident() -> None:
    desk = Desk(rule=grouped())
    desk.raised(0, ANN, BOB)
    desk.raised(1, ANN)
    assert desk.sizes() == [2, 1]
    first = desk.all()[0]
    assert (first.first_activity, first.last_activity) == (NOON - 5 * HOUR / 60, NOON + HOUR - 5 * HOUR / 60)


def test_an_alert_without_entities_is_grouped_with_none() -> None:
    desk = Desk(rule=grouped())
    desk.raised(0, {"Reason": "a"}, {"Reason": "b"})
    assert desk.sizes() == [1, 1]


def test_any_alert_joins_where_the_rule_says_so() -> None:
    desk = Desk(rule=grouped(Matching.ANY_ALERT))
    desk.raised(0, ANN, BOB, {"Reason": "x"})
    desk.raised(1, BOB)
    assert desk.sizes() == [4]


def test_selected_entities_and_details_decide() -> None:
    desk = Desk(rule=grouped(Matching.SELECTED, group_by_entities=("IP",), group_by_custom_details=("Reason",)))
    one, other = {"Address": "192.0.2.1", "Reason": "50126"}, {"Address": "192.0.2.1", "Reason": "50053"}
    desk.raised(0, {**one, "User": "ann@x.example"}, {**one, "User": "bob@x.example"}, other)
    assert sorted(desk.sizes()) == [1, 2]


def test_selected_alert_details_decide() -> None:
    desk = Desk(rule=grouped(Matching.SELECTED, group_by_alert_details=("DisplayName", "Severity")))
    desk.raised(0, ANN)
    desk.rule = replace(desk.rule, severity=Severity.HIGH)
    desk.raised(1, BOB)
    desk.rule = replace(desk.rule, severity=Severity.MEDIUM)
    desk.raised(2, BOB)
    assert desk.sizes() == [2, 1]


def test_the_look_back_begins_at_the_new_alert() -> None:
    desk = Desk(rule=grouped())
    for hour in (0, 5, 10):
        desk.raised(hour, ANN)
    desk.raised(15.5, ANN)
    assert desk.sizes() == [3, 1]


def test_a_closed_incident_takes_no_alert_unless_it_is_reopened() -> None:
    for reopen, sizes in ((False, [1, 1]), (True, [2])):
        desk = Desk(rule=grouped(reopen=reopen))
        name = desk.raised(0, ANN).incidents[0]
        desk.incidents.change(
            OWNER,
            name,
            lambda i: replace(i, status=IncidentStatus.CLOSED, classification=Classification.TRUE_POSITIVE),
        )
        desk.raised(1, ANN)
        assert desk.sizes() == sizes
        kept = desk.incidents.get(OWNER, name).value
        assert kept.status is (IncidentStatus.ACTIVE if reopen else IncidentStatus.CLOSED)
        assert (kept.classification is None) is reopen


def test_a_deleted_incident_takes_no_alert() -> None:
    desk = Desk(rule=grouped())
    desk.incidents.delete(OWNER, desk.raised(0, ANN).incidents[0])
    desk.raised(1, ANN)
    assert desk.sizes() == [1]
    assert desk.all()[0].number == 2


def test_an_incident_that_is_full_is_followed_by_another() -> None:
    desk = Desk(rule=grouped(Matching.ANY_ALERT))
    for hour in range(2):
        desk.raised(hour, *({"User": f"u{n}@x.example"} for n in range(100)))
    assert desk.sizes() == [MOST_IN_AN_INCIDENT, 50]


def test_a_rule_may_raise_alerts_without_incidents() -> None:
    desk = Desk(rule=replace(RULE, incident_configuration=IncidentConfiguration(False)))
    stored = desk.raised(0, ANN)
    assert (len(stored.alerts), stored.incidents) == (1, ())
    assert desk.all() == []
    assert desk.detection.alerts.get(OWNER, stored.alerts[0]).value.incident == ""


def test_only_a_worse_alert_makes_an_incident_worse() -> None:
    desk = Desk(rule=grouped(Matching.ANY_ALERT))
    name = desk.raised(0, ANN).incidents[0]
    desk.incidents.change(OWNER, name, lambda i: replace(i, severity=Severity.LOW))
    desk.raised(1, ANN)
    assert desk.all()[0].severity is Severity.LOW
    desk.rule = replace(desk.rule, severity=Severity.HIGH)
    desk.raised(2, ANN)
    assert desk.all()[0].severity is Severity.HIGH


def test_a_suppressed_rule_is_silent_until_its_time_is_over() -> None:
    desk = Desk(rule=replace(RULE, suppression_enabled=True))
    desk.raised(0, ANN)
    raising = desk.detection.raising
    assert raising.suppressed_until(SOC, "r1", desk.rule, NOON + HOUR) == NOON + 5 * HOUR
    assert desk.raised(1, ANN) == Stored(suppressed_until=NOON + 5 * HOUR)
    assert desk.raised(0, ANN).alerts, "the run that began the silence is the same when it is told again"
    assert raising.suppressed_until(SOC, "r1", desk.rule, NOON + 5 * HOUR) is None
    assert desk.raised(5, ANN).alerts
    assert raising.suppressed_until(SOC, "r1", replace(desk.rule, suppression_enabled=False), NOON + 6 * HOUR) is None
    # A run that was late isn't silenced by what came after it.
    assert desk.raised(-3, ANN).alerts


def test_silence_and_groups_outlast_the_process(tmp_path: Path) -> None:
    rule = replace(grouped(), suppression_enabled=True)
    state = Database.open(tmp_path / "state.db")
    Desk(state, rule).raised(0, ANN)
    state.close()
    desk = Desk(Database.open(tmp_path / "state.db"), rule)
    assert desk.raised(1, ANN).suppressed_until == NOON + 5 * HOUR
    desk.raised(5, ANN)
    assert desk.sizes() == [2]


def test_the_same_runs_give_the_same_bytes(tmp_path: Path) -> None:
    def story(shelf: Shelf) -> str:
        desk = Desk(shelf, replace(grouped(), suppression_enabled=True))
        for hour in range(12):
            desk.raised(hour, ANN, BOB)
        kept = [(d.name, repr(d.value)) for d in desk.incidents.list(OWNER)]
        kept += [(d.name, repr(d.value)) for d in desk.detection.alerts.list(OWNER)]
        return json.dumps([kept, desk.rows("SecurityAlert"), desk.rows("SecurityIncident")])

    assert story(MemoryShelf()) == story(MemoryShelf()) == story(Database.open(tmp_path / "state.db"))


def test_what_happened_is_on_the_timeline() -> None:
    desk = Desk(rule=grouped())
    name = desk.raised(0, ANN).incidents[0]
    desk.raised(1, ANN)
    desk.incidents.change(OWNER, name, lambda i: replace(i, status=IncidentStatus.ACTIVE))
    told = [(e.kind.value, e.text) for e in desk.incidents.timeline(OWNER, name)]
    assert told == [
        ("Created", "made: Failed sign-ins"),
        ("AlertAdded", "Failed sign-ins"),
        ("AlertAdded", "Failed sign-ins"),
        ("Changed", "status: New → Active"),
    ]


def test_each_change_of_an_incident_is_a_row() -> None:
    desk = Desk(rule=grouped())
    name = desk.raised(0, ANN).incidents[0]
    desk.raised(1, ANN)
    desk.incidents.change(OWNER, name, lambda i: replace(i, status=IncidentStatus.ACTIVE))
    desk.incidents.change(OWNER, name, lambda i: i)
    rows = desk.rows("SecurityIncident")
    assert [r["Status"] for r in rows] == ["New", "New", "Active"]
    assert [len(json.loads(r["AlertIds"])) for r in rows] == [1, 2, 2]
    assert [r["ModifiedBy"] for r in rows[:2]] == ["Incident created from alert", "Alert grouping"]
    assert json.loads(rows[0]["AdditionalData"])["tactics"] == ["CredentialAccess"]


def test_incidents_are_similar_that_share_entities_or_a_rule() -> None:
    desk = Desk()
    first = desk.raised(0, ANN).incidents[0]
    second = desk.raised(1, ANN).incidents[0]
    third = desk.raised(2, BOB).incidents[0]
    desk.clock.at += timedelta(days=20)
    desk.incidents.put(OWNER, "by hand", replace(desk.all()[0], rules=("other",)))
    found = desk.incidents.similar(OWNER, first)
    assert [(s.document.name, len(s.entities), s.same_rule) for s in found] == [(second, 2, True), (third, 0, True)]
    assert desk.incidents.similar(OWNER, "by hand") == []


class Interrupted(MemoryShelf):
    """A shelf to which somebody else writes, once, right after what an incident holds was read."""

    meanwhile: Callable[[], object] | None = None

    def read_all(self, collection: str) -> Iterator[tuple[str, Json, str]]:
        found = super().read_all(collection)
        if collection.startswith("incident tasks") and (meanwhile := self.meanwhile) is not None:
            self.meanwhile = None
            meanwhile()
        return found


def test_a_row_never_says_less_than_the_one_before_it() -> None:
    shelf = Interrupted()
    desk = Desk(shelf, grouped())
    name = desk.raised(0, ANN).incidents[0]
    whose, comments = (*OWNER, name), desk.incidents.comments
    shelf.meanwhile = lambda: comments.put(whose, "first", IncidentComment("first"))
    comments.put(whose, "second", IncidentComment("second"))
    assert len(json.loads(desk.rows("SecurityIncident")[-1]["Comments"])) == 2
    shelf.meanwhile = lambda: comments.put(whose, "third", IncidentComment("third"))
    desk.raised(1, ANN)
    shelf.meanwhile = lambda: comments.put(whose, "fourth", IncidentComment("fourth"))
    desk.incidents.change(OWNER, name, lambda i: replace(i, title="Odd"))
    told = [len(json.loads(r["Comments"])) for r in desk.rows("SecurityIncident")]
    assert told == [0, 1, 2, 3, 3, 4, 4]


def test_an_alert_says_of_which_incident_it_is() -> None:
    desk = Desk()
    first, second = desk.raised(0, ANN, BOB).incidents
    (alert,) = desk.incidents.alerts(OWNER, first)

    def belongs() -> str:
        return desk.detection.alerts.get(OWNER, alert.name).value.incident

    relation = IncidentRelation(RelatedKind.ALERT, alert.name)
    with pytest.raises(PreconditionFailed):
        desk.incidents.relate(OWNER, second, "more", relation, by=Author(), only=Only("stale"))
    assert belongs() == first
    desk.incidents.relations.delete((*OWNER, first), alert.name)
    assert belongs() == ""
    desk.incidents.relate(OWNER, second, "more", relation, by=Author())
    assert belongs() == second
    desk.incidents.delete(OWNER, second)
    assert belongs() == ""


def test_runs_that_are_made_up_for_group_and_suppress_beside_live_ones() -> None:
    """A backlog of ten days ago, hour by hour between the runs of today."""
    desk = Desk(rule=grouped())
    for hour in range(3):
        desk.raised(hour - 240, ANN)
        desk.raised(hour, ANN)
    assert desk.sizes() == [3, 3]
    silent = Desk(rule=replace(RULE, suppression_enabled=True))
    assert [silent.raised(h, ANN).suppressed_until is None for h in (0, -240, 1, -239, 5, -235)] == [
        *(True, True, False, False, True, True)
    ]
