"""A process that is killed at any moment while rules run loses nothing, and nothing is done twice."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from tests.detection.test_raising import ANN, BOB, OWNER, Desk, grouped

from huntlake.playbooks.automation import Automation, automation_rules
from huntlake.playbooks.automation_rules import (
    ActionType,
    AutomationRule,
    RuleAction,
    Trigger,
    TriggersOn,
    TriggersWhen,
)
from huntlake.state.database import Database
from huntlake.state.documents import Shelf
from huntlake.state.memory import MemoryShelf

HOURS, KILLS = 14, 3
ACTIONS = (
    RuleAction(1, ActionType.MODIFY_PROPERTIES, {"status": "Active", "labels": [{"labelName": "seen"}]}),
    RuleAction(2, ActionType.ADD_INCIDENT_TASK, {"title": "Ask"}),
    RuleAction(3, ActionType.RUN_PLAYBOOK, {"logicAppResourceId": "/workflows/Block"}),
)


def story(shelf: Shelf, pause: float = 0) -> Desk:
    desk = Desk(shelf, grouped(reopen=True))
    rules = automation_rules(shelf, desk.clock)
    trigger = Trigger(True, TriggersOn.INCIDENTS, TriggersWhen.CREATED)
    if rules.find(OWNER, "rule") is None:
        rules.put(OWNER, "rule", AutomationRule("Rule", 1, trigger, ACTIONS))
    Automation(shelf, desk.clock, rules, desk.detection).listen()
    desk.detection.events.deliver(OWNER)
    for hour in range(0, HOURS * 3, 3):
        desk.raised(hour, ANN, BOB, {"User": f"u{hour}@x.example"})
        time.sleep(pause)
    return desk


def told(desk: Desk) -> list[object]:
    found: list[object] = []
    for incident in sorted(desk.incidents.list(OWNER), key=lambda d: d.name):
        entries = desk.incidents.timeline(OWNER, incident.name)
        value = incident.value
        found.append((incident.name, value.status, value.labels, sorted((e.kind, e.text, e.by.name) for e in entries)))
    return found


def test_a_process_that_is_killed_loses_nothing_and_does_nothing_twice(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    Database.open(file).close()
    code = (
        "import sys; from tests.playbooks.test_kill import story; from huntlake.state.database import Database; "
        "story(Database.open(__import__('pathlib').Path(sys.argv[1])), 0.005)"
    )
    for _ in range(KILLS):
        child = subprocess.Popen([sys.executable, "-c", code, str(file)], cwd=Path(__file__).parents[2])
        before = progress(file)
        while child.poll() is None and progress(file) < before + 4:
            time.sleep(0.05)
        child.kill()
        child.wait()
    desk, other = story(Database.open(file)), story(MemoryShelf())
    assert told(desk) == told(other)
    assert len(desk.rows("SecurityAlert")) == len(other.rows("SecurityAlert")) == HOURS * 3
    assert len(desk.rows("SecurityIncident")) == len(other.rows("SecurityIncident"))
    assert len(desk.rows("SentinelHealth")) == len(desk.incidents.list(OWNER))


def progress(file: Path) -> int:
    database = Database.open(file)
    try:
        return len(database.read_names("alerts of soc"))
    finally:
        database.close()
