"""The scheduler over a lake: what becomes of due windows, of failures, of crashes, and what people can read of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest
from bench.scheduler_days import main as simulated
from bench.scheduler_world import Findings, Life
from starlette.testclient import TestClient

from huntlake.app import App
from huntlake.core.clock import FixedClock
from huntlake.core.errors import Invalid, NotFound, TimedOut, Unavailable
from huntlake.detection.rules import AnalyticRule, RuleKind, TriggerOperator
from huntlake.detection.scheduling.failures import MOST_FAILURES, RETRIES, Reason, failure_of
from huntlake.detection.scheduling.planning import Planner
from huntlake.detection.scheduling.servers import Servers
from huntlake.detection.scheduling.windows import Task
from huntlake.detection.scheduling.working import Work
from huntlake.detection.severity import Severity
from huntlake.identity.rights import Role
from huntlake.server import create_app
from huntlake.state.documents import Document
from huntlake.state.memory import MemoryShelf
from huntlake.workspace.workspaces import Workspace

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
RULE = AnalyticRule(
    kind=RuleKind.SCHEDULED,
    display_name="Failed sign-ins",
    enabled=True,
    severity=Severity.HIGH,
    query="SigninLogs | where ResultType == '50126'",
    suppression_duration=HOUR,
    suppression_enabled=False,
    query_frequency=HOUR,
    query_period=HOUR,
    trigger_operator=TriggerOperator.GREATER_THAN,
    trigger_threshold=0,
)


class Lake:
    """A lake whose time the test moves, and whose windows are looked at in the test's own thread."""

    def __init__(self, home: Path) -> None:
        self.clock = FixedClock(NOW)
        self.app = App.open(home, clock=self.clock)
        self.workspace = self.app.workspaces.find("soc") or self.app.workspaces.create("soc")
        self.scheduler = self.app.scheduler
        self.planner = Planner(self.scheduler.ledger, skipped=self.scheduler.skipped)

    def rule(self, name: str = "r1", **changed: Any) -> None:
        self.app.detection.rules.put(("soc",), name, replace(RULE, **changed))
        self.sync()

    def signed_in(self, at: datetime, result: str = "50126") -> None:
        row = {"TimeGenerated": at.isoformat(), "ResultType": result, "UserPrincipalName": "ann@example.org"}
        self.app.streams.append(self.workspace, "SigninLogs", [row])

    def sync(self) -> None:
        rules = {d.name: d.value for d in self.app.detection.rules.list(("soc",))}
        self.planner.sync("soc", rules, self.clock.now(), self.scheduler.ledger.all("soc"))

    def tick(self) -> list[Task]:
        """Look at everything that is due."""
        done = []
        while tasks := self.planner.take(self.clock.now(), 4):
            for task in tasks:
                self.scheduler.windows.look_at(task)
                self.planner.back(task)
                done.append(task)
        return done

    def pass_(self, time: timedelta) -> list[Task]:
        self.clock.at += time
        return self.tick()

    def ask(self, query: str) -> list[dict[str, Any]]:
        (table,) = self.app.queries.run(self.workspace, query).tables
        return list(orjson.loads(b"[" + b",".join(table.json_objects()) + b"]"))


@contextmanager
def opened(home: Path) -> Iterator[Lake]:
    lake = Lake(home)
    try:
        yield lake
    finally:
        lake.app.close()


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    with opened(tmp_path) as one:
        yield one


def test_a_due_window_raises_its_alert_once_and_its_health_is_told(lake: Lake) -> None:
    lake.signed_in(NOW - 20 * MINUTE)
    lake.rule()
    assert len(lake.tick()) == 1
    assert lake.tick() == []
    (alert,) = lake.app.detection.alerts.list(("soc",))
    assert alert.value.title == "Failed sign-ins"
    (health,) = lake.ask("SentinelHealth")
    assert (health["Status"], health["SentinelResourceType"]) == ("Success", "Analytics Rule")
    assert health["Description"] == "Rule executed successfully, generating 1 alert(s)."
    extended = health["ExtendedProperties"]
    assert (extended["AlertsGeneratedAmount"], extended["QueryFrequency"]) == (1, "01:00:00")
    assert health["SentinelResourceId"].endswith("Microsoft.SecurityInsights/alertRules/r1")


def test_windows_follow_one_another_without_a_hole(lake: Lake) -> None:
    lake.rule()
    ends = [task.until for task in lake.tick()]
    for _ in range(5):
        ends += [task.until for task in lake.pass_(HOUR)]
    assert len(ends) == 6
    assert {b - a for a, b in pairwise(ends)} == {HOUR}


def test_a_row_that_comes_late_is_seen_by_a_later_window_that_looks_back_so_far(lake: Lake) -> None:
    lake.rule(query_period=3 * HOUR)
    (task,) = lake.tick()
    lake.signed_in(task.until - 30 * MINUTE)
    assert lake.app.detection.alerts.list(("soc",)) == []
    lake.pass_(HOUR)
    assert len(lake.app.detection.alerts.list(("soc",))) == 1


def test_what_passes_by_itself_is_tried_again_while_later_windows_go_on(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = lake.scheduler._look
    broken = True

    def looked(*args: Any) -> Any:
        if broken:
            raise Unavailable("the disk is full")
        return look(*args)

    lake.scheduler.windows = replace(lake.scheduler.windows, look=looked)
    lake.rule()
    (first,) = lake.tick()
    assert lake.tick() == []
    assert lake.pass_(RETRIES[0]) == [first]
    broken = False
    again = lake.pass_(HOUR)
    assert {t.until for t in again} == {first.until, first.until + HOUR}
    status = lake.scheduler.status(lake.workspace, "r1")
    assert status.behind == 0
    assert [bool(r.failure) for r in status.clock.recent] == [False, False, True, True] if status.clock else False


def test_a_window_that_fails_again_and_again_is_given_up_and_the_rule_goes_on(lake: Lake) -> None:
    def looked(*_: Any) -> Any:
        raise TimedOut("too long")

    lake.scheduler.windows = replace(lake.scheduler.windows, look=looked)
    lake.rule(query_frequency=12 * HOUR, query_period=12 * HOUR)
    tried = len(lake.tick())
    for wait in RETRIES:
        tried += len(lake.pass_(wait))
    assert tried == 1 + len(RETRIES)
    assert lake.pass_(4 * HOUR) == []
    assert lake.app.detection.rules.get(("soc",), "r1").value.enabled
    assert len(lake.ask("SentinelHealth | where Reason has 'timed out'")) == tried


def test_a_rule_that_can_never_run_is_disabled_and_says_why(lake: Lake) -> None:
    lake.rule(query="NoSuchTable_CL | take 1")
    for _ in range(MOST_FAILURES):
        lake.tick()
        lake.clock.at += HOUR
    rule = lake.app.detection.rules.get(("soc",), "r1").value
    assert not rule.enabled
    assert rule.display_name == "AUTO DISABLED Failed sign-ins"
    assert "A table referenced in the query was not found." in (rule.description or "")
    assert lake.ask("SentinelHealth | where Reason == 'The analytics rule is disabled and was not executed.'")
    (audit,) = lake.ask("SentinelAudit | where tostring(ExtendedProperties.CallerName) == 'huntlake scheduler'")
    assert audit["Description"] == "Create or update analytics rule"
    assert {"enabled", "display_name"} <= set(audit["ExtendedProperties"]["ResourceDiffMemberNames"])
    lake.sync()
    assert lake.pass_(HOUR) == []


def test_failures_of_a_rule_that_was_mended_are_counted_anew(lake: Lake) -> None:
    lake.rule(query="NoSuchTable_CL")
    for _ in range(MOST_FAILURES - 1):
        lake.tick()
        lake.clock.at += HOUR
    lake.rule(query="AnotherTable_CL")
    lake.tick()
    assert lake.app.detection.rules.get(("soc",), "r1").value.enabled


def test_a_rule_that_is_switched_off_does_not_run_and_does_not_make_up(lake: Lake) -> None:
    lake.rule()
    (first,) = lake.tick()
    lake.rule(enabled=False)
    assert lake.pass_(50 * HOUR) == []
    lake.rule(enabled=True)
    (again,) = lake.tick()
    assert again.until > first.until + 49 * HOUR
    assert lake.scheduler.status(lake.workspace, "r1").behind == 0


def test_a_rule_that_is_deleted_leaves_no_clock(lake: Lake) -> None:
    lake.rule()
    lake.tick()
    lake.app.detection.rules.delete(("soc",), "r1")
    lake.sync()
    assert lake.scheduler.ledger.read(("soc", "r1")) is None
    assert lake.pass_(HOUR) == []
    assert [r["Description"] for r in lake.ask("SentinelAudit | sort by TimeGenerated asc, Description asc")] == [
        "Analytics rule deleted",
        "Create or update analytics rule",
    ]


def test_a_clock_that_another_server_has_begun_meanwhile_is_not_forgotten(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules, listed = lake.scheduler.rules, lake.scheduler.rules.list

    def interrupted(owner: tuple[str, ...]) -> list[Document[AnalyticRule]]:
        found = listed(owner)
        monkeypatch.undo()
        lake.rule("new")  # the other server makes it, and sees it first
        return found

    monkeypatch.setattr(rules, "list", interrupted)
    Work(lake.scheduler)._sync()
    assert lake.scheduler.ledger.read(("soc", "new")) is not None


def test_a_rule_that_can_not_be_read_holds_up_no_other_workspace(lake: Lake, caplog: pytest.LogCaptureFixture) -> None:
    lake.app.workspaces.create("a")
    lake.app.state.upsert("alert rules of a", "strange", {"name": "strange", "value": {}}, "e")
    lake.app.detection.rules.put(("soc",), "r1", RULE)
    Work(lake.scheduler)._sync()
    assert lake.scheduler.ledger.read(("soc", "r1")) is not None
    assert "the rules of a couldn't be read" in caplog.text


def test_a_suppressed_rule_is_silent_and_comes_back(lake: Lake) -> None:
    lake.rule(suppression_enabled=True, suppression_duration=2 * HOUR, query_period=12 * HOUR)
    lake.signed_in(NOW - 30 * MINUTE)
    lake.tick()
    assert len(lake.app.detection.alerts.list(("soc",))) == 1
    lake.pass_(HOUR)
    assert len(lake.app.detection.alerts.list(("soc",))) == 1
    lake.pass_(2 * HOUR)
    assert len(lake.app.detection.alerts.list(("soc",))) == 2


def test_what_was_found_is_raised_as_it_was_found_after_a_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Gone(BaseException):
        pass

    def crash(*_: Any) -> Any:
        raise Gone

    with opened(tmp_path) as lake:
        lake.signed_in(NOW - 20 * MINUTE)
        lake.rule()
        monkeypatch.setattr(lake.app.detection.raising, "store", crash)
        with pytest.raises(Gone):
            lake.tick()
    with opened(tmp_path) as lake:
        lake.signed_in(NOW - 21 * MINUTE)  # came in between: the next look must not see another number of rows
        lake.sync()
        lake.tick()
        (alert,) = lake.app.detection.alerts.list(("soc",))
        assert alert.value.more["Search Query Results Overall Count"] == "1"


def test_a_backlog_of_one_workspace_does_not_starve_another(lake: Lake) -> None:
    quick = replace(RULE, query_frequency=5 * MINUTE, query_period=5 * MINUTE)
    planner = Planner(lake.scheduler.ledger)
    rules = {f"r{i}": quick for i in range(20)}
    planner.sync("big", rules, NOW, {})
    planner.sync("small", {"r": quick}, NOW, {})
    first = planner.take(NOW, 4)
    assert {t.key[0] for t in first} == {"big", "small"}


def test_servers_share_rules_and_take_over_those_of_one_that_is_gone() -> None:
    shelf, clock = MemoryShelf(), FixedClock(NOW)
    one, two = Servers(shelf, clock, "one"), Servers(shelf, clock, "two")
    one.beat(), two.beat(), one.beat()
    keys = [("soc", f"r{i}") for i in range(100)]
    assert all(one.mine(k) is not two.mine(k) for k in keys)
    assert 20 < sum(map(one.mine, keys)) < 80
    clock.at += MINUTE
    two.beat()
    assert all(map(two.mine, keys))


def test_two_servers_that_both_look_raise_one_alert(lake: Lake) -> None:
    lake.signed_in(NOW - 20 * MINUTE)
    lake.rule()
    (task,) = lake.planner.take(NOW, 1)
    other = Lake(lake.app.home)
    try:
        other.sync()
        assert other.planner.take(NOW, 1) == [task]
        assert other.scheduler.windows.look_at(task)
        assert not lake.scheduler.windows.look_at(task)
        assert len(lake.app.detection.alerts.list(("soc",))) == 1
    finally:
        other.app.close()


def test_a_run_by_hand_keeps_to_its_window(lake: Lake) -> None:
    lake.signed_in(NOW - 90 * MINUTE)
    lake.rule()
    found, stored = lake.scheduler.run_now(lake.workspace, "R1", NOW - HOUR)
    assert (found.rows, len(stored.alerts)) == (1, 1)
    assert lake.scheduler.run_now(lake.workspace, "r1", NOW - HOUR)[1] == stored
    assert lake.scheduler.run_now(lake.workspace, "r1", raising=False)[0].rows == 0
    with pytest.raises(Invalid, match="isn't over yet"):
        lake.scheduler.run_now(lake.workspace, "r1", NOW + HOUR)
    with pytest.raises(NotFound):
        lake.scheduler.run_now(lake.workspace, "r2")


def test_an_error_that_nobody_knows_says_nothing_of_the_inside() -> None:
    failure = failure_of(RuntimeError("/secret/path"))
    assert failure.reason is Reason.INTERNAL
    assert not failure.permanent
    assert "/secret" not in failure.detail


def test_a_server_runs_rules_in_the_background(tmp_path: Path) -> None:
    app = App.open(tmp_path)
    try:
        workspace = app.workspaces.create("soc")
        app.detection.rules.put(("soc",), "r1", RULE)
        with app.scheduler.running():
            deadline = time.monotonic() + 60
            while not (clock := app.scheduler.status(workspace, "r1").clock) or not clock.recent:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        assert not clock.recent[0].failure
    finally:
        app.close()


def test_some_lives_of_the_simulation_are_without_fault() -> None:
    found = Findings()
    for seed in range(1, 4):
        Life(seed, 6, found).live()
        Life(seed, 1, found, MemoryShelf()).live()
    Life(10, 6, found, calm=True).live()
    assert found.wrong == []
    assert found.windows > 100


def test_the_simulation_notices_a_scheduler_that_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    from huntlake.detection.scheduling import timetable

    kept = timetable._with
    monkeypatch.setattr(timetable, "_with", lambda gaps, more: kept(gaps, replace(more, after=more.until)))
    found = Findings()
    for seed in range(1, 7):
        Life(seed, 10, found).live()
    assert found.missed > 0


_WORKER = """
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from huntlake.app import App
from huntlake.core.clock import FixedClock
from huntlake.detection.scheduling.planning import Planner
clock = FixedClock(datetime.fromisoformat(sys.argv[2]))
app = App.open(Path(sys.argv[1]), clock=clock)
planner = Planner(app.scheduler.ledger)
rules = {d.name: d.value for d in app.detection.rules.list(("soc",))}
planner.sync("soc", rules, clock.at, app.scheduler.ledger.all("soc"))
print("ready", flush=True)
while True:
    for task in planner.take(clock.at, 2):
        app.scheduler.windows.look_at(task)
        planner.back(task)
        print(task.until.isoformat(), flush=True)
    clock.at += timedelta(minutes=5)
"""


@pytest.mark.timeout(600)
def test_no_window_is_missed_or_doubled_through_kill_9(tmp_path: Path) -> None:
    home, start = tmp_path / "lake", NOW
    with opened(home) as lake:
        times = [NOW + minute * MINUTE for minute in range(0, 600, 7)]
        rows = [{"TimeGenerated": at.isoformat(), "ResultType": "50126"} for at in times]
        lake.app.streams.append(lake.workspace, "SigninLogs", rows)
        rule = replace(RULE, query_frequency=5 * MINUTE, query_period=5 * MINUTE)
        lake.app.detection.rules.put(("soc",), "r1", rule)
        # With no phase of its own: the first window ends here.
        lake.sync()
        first = lake.scheduler.status(lake.workspace, "r1").clock
        assert first is not None
    for life in range(2):
        command = [sys.executable, "-c", textwrap.dedent(_WORKER), str(home), start.isoformat()]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            said = [process.stdout.readline() for _ in range(7 + 4 * life)]
            os.kill(process.pid, signal.SIGKILL)
        start = datetime.fromisoformat(said[-1].strip()) + 10 * MINUTE
    with opened(home) as lake:
        lake.clock.at = start + HOUR
        lake.sync()
        lake.tick()
        clock = lake.scheduler.status(lake.workspace, "r1").clock
        assert clock is not None
        assert clock.gaps == ()
        alerts = lake.app.detection.alerts.list(("soc",))
        ends = [a.value.more["Query End Time UTC"] for a in alerts]
        assert len(ends) == len(set(ends))
        counted = sum(int(a.value.more["Search Query Results Overall Count"]) for a in alerts)
        assert counted == len([at for at in times if first.last <= at < clock.last])


def test_a_short_run_of_the_measurement_writes_no_figure() -> None:
    assert simulated(20, 3, write=False).wrong == []


def test_a_workspace_that_is_gone_is_a_failure_and_no_crash(lake: Lake) -> None:
    with pytest.raises(NotFound):
        lake.scheduler._workspace("gone")
    assert isinstance(lake.workspace, Workspace)


def test_runs_are_shown_and_asked_for_over_http(lake: Lake) -> None:
    principal = lake.app.principals.create("robot")
    lake.app.principals.grant(principal.client_id, lake.workspace.id, Role.SENTINEL_CONTRIBUTOR)
    robot = lake.app.principals.get(principal.client_id)
    issuer = f"https://lake.test/{lake.app.tenant.id}/v2.0"
    token = lake.app.tokens.issue(robot, "https://management.azure.com", issuer=issuer).text
    lake.signed_in(NOW - 20 * MINUTE)
    lake.rule()
    lake.tick()
    rule = (
        f"/subscriptions/{lake.app.subscription.id}/resourceGroups/{lake.app.subscription.group}/providers/"
        "Microsoft.OperationalInsights/workspaces/soc/providers/Microsoft.SecurityInsights/alertRules/r1"
    )
    headers = {"Authorization": f"Bearer {token}"}
    version = {"api-version": "2024-10-01-preview"}
    with TestClient(create_app(lake.app), "https://lake.test") as http:
        answer = http.get(f"{rule}/runs", headers=headers, params=version)
        assert answer.status_code == 200, answer.text
        (run,) = answer.json()["value"]
        assert run["properties"]["status"] == "Success"
        assert run["properties"]["alertsGeneratedAmount"] == 1
        assert http.get(run["id"], headers=headers, params=version).json()["properties"] == run["properties"]
        assert http.get(f"{rule}/runs/none", headers=headers, params=version).status_code == 404
        assert http.put(run["id"], headers=headers, params=version, json={"properties": {}}).status_code == 405
        body = {"properties": {"executionTimeUtc": (NOW - 10 * MINUTE).isoformat()}}
        asked = http.post(f"{rule}/triggerRuleRun", headers=headers, params=version, json=body)
        assert asked.status_code == 202, asked.text
        assert len(asked.json()["properties"]["alerts"]) == 1
        assert http.delete(rule, headers=headers, params=version).status_code == 200
    (audit,) = lake.ask("SentinelAudit | where Description == 'Analytics rule deleted'")
    assert audit["ExtendedProperties"]["CallerName"] == "robot"


def test_a_rule_of_the_minute_sees_a_row_that_comes_late_and_sees_it_once(lake: Lake) -> None:
    lake.rule("nrt", kind=RuleKind.NRT, query_frequency=None, query_period=None, trigger_operator=None)
    lake.tick()
    seen = []
    for late in (timedelta(), 3 * HOUR, timedelta(days=3)):
        lake.signed_in(lake.clock.at - late)
        windows = [lake.pass_(MINUTE) for _ in range(5)]
        assert all(windows)
        seen.append(len(lake.app.detection.alerts.list(("soc",))))
    # What is older than two days is not looked for.
    assert seen == [1, 2, 2]


def test_a_rule_of_the_minute_that_is_asked_for_a_window_of_the_past_sees_its_rows(lake: Lake) -> None:
    lake.signed_in(NOW - 3 * HOUR)
    lake.rule("nrt", kind=RuleKind.NRT, query_frequency=None, query_period=None, trigger_operator=None)
    run, _ = lake.scheduler.run_now(lake.workspace, "nrt", NOW - 3 * HOUR + MINUTE / 2)
    assert run.rows == 1
