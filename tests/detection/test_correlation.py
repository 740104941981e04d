"""Alerts of several rules about the same things come to one incident."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from huntlake.core.clock import FixedClock
from huntlake.detection.alerts import Alert
from huntlake.detection.correlation import CorrelationSetting, keys
from huntlake.detection.entities import Entity
from huntlake.detection.entity_types import entity_type
from huntlake.detection.extraction import entity
from huntlake.detection.incidents import IncidentStatus
from huntlake.detection.rules import AnalyticRule, RuleKind, TriggerOperator
from huntlake.detection.running import Raised, Run, Window
from huntlake.detection.service import Detection
from huntlake.detection.severity import Severity, Tactic
from huntlake.state.memory import MemoryShelf
from huntlake.workspace.workspaces import Workspace

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SOC = Workspace("soc", "11111111-2222-3333-4444-555555555555")
OWNER = ("soc",)
RULE = AnalyticRule(
    kind=RuleKind.SCHEDULED,
    display_name="Anything",
    enabled=True,
    severity=Severity.MEDIUM,
    query="SigninLogs",
    suppression_duration=5 * HOUR,
    suppression_enabled=False,
    query_frequency=HOUR,
    query_period=HOUR,
    trigger_operator=TriggerOperator.GREATER_THAN,
    trigger_threshold=0,
)


def made(kind: str, **identifiers: str) -> Entity:
    type = entity_type(kind)
    assert type is not None
    found = entity(type, identifiers)
    assert found is not None
    return found


ANN, BOB = made("Account", FullName="ann@corp.example"), made("Account", FullName="bob@corp.example")
LAPTOP = made("Host", FullName="pc1.corp.example")
ADDRESS = made("IP", Address="203.0.113.9")


class Desk:
    def __init__(self, shelf: MemoryShelf | None = None, *, enabled: bool = True) -> None:
        self.shelf = shelf or MemoryShelf()
        self.detection = Detection.over(self.shelf, FixedClock(NOON))
        self.detection.correlation.put("soc", CorrelationSetting(enabled))

    def raised(
        self, rule: str, hour: float, *entities: Entity, tactic: Tactic = Tactic.EXECUTION, title: str = "Odd"
    ) -> tuple[str, ...]:
        until = NOON + hour * HOUR
        alert = Alert(title, Severity.MEDIUM, tactics=(tactic,), entities=entities, started=until - HOUR, ended=until)
        run = Run(Window(until - HOUR, until), 1, True, (Raised(f"{rule}-{hour}", alert),))
        return self.detection.raising.store(SOC, rule, RULE, run).incidents

    @property
    def incidents(self) -> int:
        return len(self.detection.incidents.list(OWNER))


def test_alerts_of_two_rules_about_one_account_are_one_incident() -> None:
    desk = Desk()
    assert desk.raised("one", 0, ANN) == desk.raised("two", 1, ANN, LAPTOP) == desk.raised("three", 2, LAPTOP)
    assert desk.incidents == 1
    assert desk.detection.incidents.list(OWNER)[0].value.rules == ("one", "two", "three")


def test_without_the_setting_each_rule_has_its_own() -> None:
    desk = Desk(enabled=False)
    desk.raised("one", 0, ANN)
    desk.raised("two", 1, ANN)
    assert desk.incidents == 2


def test_an_address_ties_nothing() -> None:
    desk = Desk()
    desk.raised("one", 0, ANN, ADDRESS)
    desk.raised("two", 1, BOB, ADDRESS)
    assert desk.incidents == 2


def test_the_accounts_of_every_machine_tie_nothing() -> None:
    system = made("Account", Name="SYSTEM", NTDomain="NT AUTHORITY", Sid="S-1-5-18")
    alert = Alert("t", Severity.LOW, entities=(system, made("Account", Name="nobody"), LAPTOP))
    assert keys(alert) == keys(replace(alert, entities=(LAPTOP,)))
    assert keys(alert)


@pytest.mark.parametrize(
    "entity",
    [
        made("Account", Name="MSSQLSERVER", NTDomain="NT SERVICE", Sid="S-1-5-80-3880718306-3832830129"),
        made("Account", FullName="Window Manager\\DWM-1", Sid="S-1-5-90-0-1"),
        made("Account", FullName="Font Driver Host\\UMFD-0"),
        made("Account", Sid="S-1-5-32-544"),
        made("Account", FullName="WORKGROUP\\admin"),
        made("Host", FullName="localhost.localdomain"),
        made("Host", FullName="WORKGROUP\\DESKTOP"),
        made("FileHash", Algorithm="SHA256", Value=hashlib.sha256(b"").hexdigest().upper()),
    ],
)
def test_what_every_machine_has_ties_nothing(entity: Entity) -> None:
    assert keys(Alert("t", Severity.LOW, entities=(entity,))) == ()


def test_one_account_is_found_by_any_of_its_names() -> None:
    desk = Desk()
    known = made("Account", FullName="ann@corp.example", Sid="S-1-5-21-1-2-3-1101")
    assert desk.raised("one", 0, ANN) == desk.raised("two", 1, known)
    assert desk.raised("three", 2, made("Account", Name="ann", NTDomain="CORP", Sid="S-1-5-21-1-2-3-1101")) != ()
    assert desk.incidents == 1


def test_a_closed_incident_and_an_old_one_take_no_more() -> None:
    desk = Desk()
    (name,) = desk.raised("one", 0, ANN)
    desk.detection.incidents.change(OWNER, name, lambda i: replace(i, status=IncidentStatus.CLOSED))
    assert desk.raised("two", 1, ANN) != (name,)
    desk.raised("two", 24 * 5, ANN)
    assert desk.incidents == 3


def test_runs_that_are_made_up_for_leave_the_incident_of_today_to_those_of_today() -> None:
    desk = Desk()
    for hour in range(3):
        desk.raised(f"late {hour}", hour - 240, ANN)
        desk.raised(f"live {hour}", hour, ANN)
    assert desk.incidents == 2


def test_what_no_run_will_ask_for_is_forgotten() -> None:
    desk = Desk()
    desk.raised("one", -40 * 24, ANN)
    desk.raised("one", 0, BOB)
    assert desk.detection.correlation.expire("soc") == 1
    assert desk.detection.correlation.expire("soc") == 0
    desk.raised("two", 1, BOB)
    assert desk.incidents == 2


def test_an_alert_that_ties_two_incidents_goes_to_the_older() -> None:
    desk = Desk()
    (older,), _ = desk.raised("one", 0, ANN), desk.raised("one", 1, BOB)
    assert desk.raised("two", 2, ANN, BOB) == (older,)


def test_the_same_run_twice_changes_nothing() -> None:
    desk = Desk()
    desk.raised("one", 0, ANN)
    first = desk.raised("two", 1, ANN)
    again = Desk(desk.shelf)
    assert again.raised("two", 1, ANN) == first
    assert again.incidents == 1
    (incident,) = again.detection.incidents.list(OWNER)
    assert again.detection.incidents.tally(OWNER, incident.name).alerts == 2


def test_an_incident_of_several_stages_says_so_unless_a_person_has_named_it() -> None:
    desk = Desk()
    (name,) = desk.raised("one", 0, ANN, tactic=Tactic.INITIAL_ACCESS)
    desk.raised("two", 1, ANN, LAPTOP, tactic=Tactic.EXECUTION, title="Odder")
    assert desk.detection.incidents.get(OWNER, name).value.title == "Odd"
    desk.raised("three", 2, ANN, tactic=Tactic.EXFILTRATION, title="Oddest")
    title = desk.detection.incidents.get(OWNER, name).value.title
    assert title == "Attack in several stages, from InitialAccess to Exfiltration, on 1 account and 1 host"
    desk.detection.incidents.change(OWNER, name, lambda i: replace(i, title="Ann's laptop"))
    desk.raised("four", 3, LAPTOP, tactic=Tactic.IMPACT)
    assert desk.detection.incidents.get(OWNER, name).value.title == "Ann's laptop"
