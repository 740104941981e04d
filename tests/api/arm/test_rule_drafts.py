"""Rules that are being written: read, written and tried over a real lake."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from huntlake.api.arm import rule_drafts
from huntlake.api.limits import Turns
from huntlake.core.errors import Cancelled
from huntlake.detection import drafts
from huntlake.detection.backtesting import Backtest
from huntlake.detection.marked import LONGEST
from huntlake.detection.replaying import Replay
from huntlake.engines.cancellation import Cancellation
from huntlake.identity.rights import Role

from ..conftest import NOW
from ..faces import Face, served

ROWS = 6
RULE: dict[str, Any] = {
    "displayName": "Failures",
    "enabled": True,
    "severity": "Medium",
    "query": 'SigninLogs\n| where ResultType != "0"',
    "queryFrequency": "PT1H",
    "queryPeriod": "PT1H",
    "triggerOperator": "GreaterThan",
    "triggerThreshold": 0,
    "suppressionDuration": "PT5H",
    "suppressionEnabled": False,
    "entityMappings": [
        {"entityType": "Account", "fieldMappings": [{"identifier": "FullName", "columnName": "UserPrincipalName"}]}
    ],
}
YAML = """\
# ours
id: mine
name: Failures
severity: Medium
requiredDataConnectors: [{connectorId: AzureActiveDirectory, dataTypes: [SigninLogs]}]
kind: NRT
query: |
  SigninLogs
  | were ResultType != "0"
"""


@pytest.fixture
def face(tmp_path: Path) -> Iterator[Face]:
    with served(tmp_path, "https://management.azure.com") as found:
        found.act_as(Role.SENTINEL_CONTRIBUTOR)
        found.load(
            "SigninLogs",
            {
                "TimeGenerated": [(NOW - timedelta(days=n, hours=2)).replace(tzinfo=None) for n in range(ROWS)],
                "UserPrincipalName": [f"user{n % 2}@corp.example" for n in range(ROWS)],
                "ResultType": ["50126"] * ROWS,
            },
        )
        yield found


def ask(face: Face, method: str, path: str, properties: Any = None, **more: Any) -> Any:
    subscription = face.app.subscription
    where = (
        f"/subscriptions/{subscription.id}/resourceGroups/{subscription.group}/providers/"
        f"Microsoft.OperationalInsights/workspaces/soc/providers/{path}?api-version=2024-03-01"
    )
    body = None if properties is None else {"properties": properties, **more.pop("beside", {})}
    return face.http.request(method, where, json=body, **more)


def draft(face: Face, what: str, **properties: Any) -> Any:
    return ask(face, "POST", f"huntlake.Detection/drafts/{what}", properties)


def told(face: Face, what: str, **properties: Any) -> Any:
    answer = draft(face, what, **properties)
    assert answer.status_code == 200, answer.text
    return answer.json()["properties"]


def tried(face: Face, **properties: Any) -> list[Any]:
    answer = draft(face, "backtest", **{"kind": "Scheduled", "rule": RULE, "days": 7, **properties})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


def error(answer: Any, status: int) -> str:
    assert answer.status_code == status, answer.text
    return str(answer.json()["error"]["message"])


def test_a_text_is_read_and_its_faults_are_at_their_place(face: Face) -> None:
    face.act_as(Role.READER)
    found = told(face, "read", text=YAML)
    assert (found["name"], found["kind"], found["rule"]["displayName"]) == ("mine", "NRT", "Failures")
    (fault,) = found["findings"]
    assert (fault["level"], fault["field"]) == ("error", "query")
    assert (fault["line"], fault["column"]) == (9, 5)
    assert (fault["queryLine"], fault["queryColumn"]) == (2, 3)
    assert "where" in fault["help"]
    assert found["columns"] == []
    query = "SigninLogs | project Who = UserPrincipalName"
    assert told(face, "read", text=f"name: N\nseverity: Low\nkind: NRT\nquery: {query}\n")["columns"] == ["Who"]


def test_a_fault_in_a_query_of_one_line_has_its_place_too(face: Face) -> None:
    text = "name: N\nseverity: Low\nkind: NRT\nquery: SigninLogs | where Nope == 1\n"
    (fault,) = told(face, "read", text=text)["findings"]
    assert (fault["line"], fault["column"], fault["queryLine"], fault["queryColumn"]) == (4, 27, 1, 20)


@pytest.mark.parametrize(
    ("line", "field", "place", "help"),
    [
        ("tactics: [Persistenze]", "tactics", (7, 11), "Persistence"),
        ("entityMappings: [{entityType: Akcount, fieldMappings: []}]", "entityMappings", (7, 31), "Account"),
        ("suppressonEnabled: true", "suppressonEnabled", (7, 1), "suppressionEnabled"),
        ("customDetails: {Who: Nobody}", "customDetails", (7, 22), ""),
        ("relevantTechniques: [T1086]", "relevantTechniques", (7, 22), "it is T1059.001 now"),
    ],
)
def test_each_field_tells_what_is_wrong_with_it(
    face: Face, line: str, field: str, place: tuple[int, int], help: str
) -> None:
    found = told(face, "read", text=YAML.replace("kind: NRT", f"kind: NRT\n{line}").replace("were", "where"))
    fault = found["findings"][0]
    assert (fault["field"], (fault["line"], fault["column"])) == (field, place)
    assert help in fault.get("help", "")
    assert found["rule"] is not None


def test_a_query_is_understood_and_not_run(face: Face) -> None:
    text = (
        "name: N\nseverity: Low\nkind: NRT\nquery: range x from 1 to 1000000000000 step 1 | summarize dcount(x * x)\n"
    )
    began = time.monotonic()
    assert told(face, "read", text=text)["findings"] == []
    assert time.monotonic() - began < 5


def test_what_is_missing_is_told_by_its_field(face: Face) -> None:
    found = told(face, "read", text="# first\nname: N\nseverity: Low\nquery: SigninLogs\n")
    assert {f["field"] for f in found["findings"]} == {
        "queryFrequency",
        "queryPeriod",
        "triggerOperator",
        "triggerThreshold",
    }


def test_a_form_is_written_into_the_text_and_keeps_the_rest(face: Face) -> None:
    rule = told(face, "read", text=YAML)["rule"]
    found = told(face, "write", text=YAML, kind="NRT", rule={**rule, "severity": "High", "query": "SigninLogs"})
    assert found["text"].startswith("# ours\nid: mine\nname: Failures\nseverity: High\nrequiredDataConnectors: [")
    assert found["findings"] == []


def test_a_form_that_is_hardly_begun_is_written(face: Face) -> None:
    rule = {"displayName": "", "enabled": True, "severity": "Medium", "query": ""}
    found = told(face, "write", text="", kind="Scheduled", rule=rule, name="abc")
    assert found["text"].startswith("id: abc\nname: ''\nseverity: Medium\n")
    assert found["name"] == "abc"
    assert [(f["code"], f["field"], f["line"]) for f in found["findings"] if f["field"] in ("name", "query")] == [
        ("RF004", "name", 2),
        ("RF004", "query", 5),
    ]


@pytest.mark.parametrize("text", ["a: &x 1\nb: *x", "name: !!python/name:os.system", "[" * 100_000, "name: ["])
def test_hostile_yaml_is_told_and_nothing_is_written_into_it(face: Face, text: str) -> None:
    found = told(face, "read", text=text)
    assert found["rule"] is None
    assert found["findings"][0]["level"] == "error"
    rule = {"displayName": "N", "enabled": True, "severity": "Low", "query": "SigninLogs"}
    assert "nothing can be written" in error(draft(face, "write", text=text, kind="NRT", rule=rule), 400)


def test_a_text_that_is_too_long_is_refused(face: Face) -> None:
    assert "properties.text" in error(draft(face, "read", text="#" * (LONGEST + 1)), 400)


@pytest.mark.parametrize(
    "more",
    [
        "".join(f"odd{n}: 1\n" for n in range(6000)),
        "customDetails:\n" + "".join(f"  k{n}: nobody{n}\n" for n in range(6000)),
        "  | where " + "\n  or ".join(f"UserPrincipalName contains 'abc{n}'" for n in range(3000)),
    ],
)
def test_a_text_with_thousands_of_faults_takes_little_time_and_some_are_told(face: Face, more: str) -> None:
    began = time.monotonic()
    found = told(face, "read", text=f"name: N\nseverity: Low\nkind: NRT\nquery: |\n  SigninLogs\n{more}")
    assert time.monotonic() - began < 10
    assert len(found["findings"]) == drafts.MOST_FINDINGS + 1
    assert found["findings"][-1]["code"] == "LN117"


def test_a_rule_that_nobody_has_stored_is_tried_over_history(face: Face) -> None:
    found = tried(face, name="new")[-1]["properties"]
    assert (found["alerts"], found["windows"], found["failures"]) == (ROWS, 7 * 24, [])
    assert sum(d["alerts"] for d in found["byDay"]) == ROWS
    assert len(found["byDay"]) == 8
    assert found["entities"][0] == {"entity": "Account user0@corp.example", "alerts": ROWS // 2}
    assert found["samples"][0]["entities"] == ["Account user0@corp.example"]
    assert found["overlaps"] == []
    assert face.app.detection.alerts.list(("soc",)) == []
    assert face.app.detection.rules.list(("soc",)) == []


def test_suppression_counts_in_a_trial_and_failures_have_a_reason(face: Face) -> None:
    rule = {**RULE, "queryPeriod": "PT3H", "suppressionEnabled": True, "suppressionDuration": "PT5H"}
    found = tried(face, rule=rule)[-1]["properties"]
    assert (found["alerts"], found["suppressed"]) == (ROWS, 2 * ROWS - 1)
    failing = tried(face, rule={**RULE, "query": "SigninLogs; SigninLogs"})[-1]["properties"]
    assert "one table" in failing["failures"][0]["reason"]


def test_a_trial_tells_which_rules_tell_of_the_same_things(face: Face) -> None:
    assert ask(face, "PUT", "Microsoft.SecurityInsights/alertRules/old", RULE, beside={"kind": "Scheduled"}).is_success
    until = (NOW - timedelta(hours=1, minutes=30)).isoformat()
    ran = ask(face, "POST", "Microsoft.SecurityInsights/alertRules/old/triggerRuleRun", {"executionTimeUtc": until})
    assert ran.json()["properties"]["alerts"]
    found = tried(face, name="new")[-1]["properties"]
    assert found["overlaps"] == [{"rule": "old", "title": "Failures", "sharedEntities": 1}]
    assert tried(face, name="OLD")[-1]["properties"]["overlaps"] == []


def test_what_asks_the_data_takes_its_turn_with_the_queries_of_its_application(
    face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    turn = Turns.turn

    def seen(self: Turns, principal: str) -> Any:
        asked.append(principal)
        return turn(self, principal)

    monkeypatch.setattr(Turns, "turn", seen)
    told(face, "read", text=YAML)
    assert asked == [face.client_id]
    tried(face)
    # To be understood, and to be run.
    assert asked == [face.client_id] * 3
    assert ask(face, "GET", "huntlake.Detection/entityTypes").is_success
    assert len(asked) == 3


def test_whoever_may_not_write_rules_may_not_try_them(face: Face) -> None:
    face.act_as(Role.SENTINEL_RESPONDER)
    assert "author" in error(draft(face, "backtest", kind="Scheduled", rule=RULE), 403)
    assert ask(face, "PUT", "huntlake.Detection/ruleFiles/mine", {"text": YAML}).status_code == 403


def test_whoever_has_no_role_learns_nothing(face: Face) -> None:
    face.act_as(Role.PUBLISHER)
    assert draft(face, "read", text=YAML).status_code == 403


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"days": 0}, "days"),
        ({"days": 31}, "days"),
        ({"kind": "Fusion"}, "not supported"),
        ({"rule": {**RULE, "query": "SigninLogs | were 1"}}, "line 1, column 14"),
        ({"rule": {**RULE, "queryFrequency": "PT1M"}}, "between 5 minutes and 14 days"),
        ({"rule": {**RULE, "nonsense": 1}}, "not supported"),
    ],
)
def test_what_can_not_be_tried_is_refused(face: Face, given: dict[str, Any], message: str) -> None:
    answer = draft(face, "backtest", **{"kind": "Scheduled", "rule": RULE, "days": 7, **given})
    assert message in error(answer, 400)


def test_a_trial_that_raises_too_much_ends_with_the_reason(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "MOST_ALERTS", 3)
    assert "more than 3 alerts" in tried(face)[-1]["error"]["message"]


def test_a_trial_whose_alerts_hold_too_much_ends_with_the_reason(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "MOST_KEPT", 2000)
    assert "more than 2,000 characters" in tried(face)[-1]["error"]["message"]


def test_a_trial_that_takes_too_long_ends_with_the_reason(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "LONGEST", timedelta(0))
    monkeypatch.setattr(Replay, "planned", until_cancelled(Replay.planned))
    assert "took longer" in tried(face)[-1]["error"]["message"]


def test_who_goes_away_ends_the_trial(face: Face) -> None:
    service, cancellation = face.app.drafts, Cancellation()
    rule = face.app.drafts.read(face.workspace, YAML.replace("were", "where")).rule
    assert rule is not None
    seen: list[int] = []

    def gone(done: int, total: int) -> None:
        seen.append(done)
        cancellation.cancel()

    with pytest.raises(Cancelled):
        service.backtest(face.workspace, "x", rule, 30, cancellation, gone)
    assert len(seen) < ROWS


def test_who_goes_away_ends_also_the_looks_at_which_windows_are_worth_a_run(face: Face) -> None:
    rule = face.app.drafts.read(face.workspace, YAML.replace("were", "where")).rule
    assert rule is not None
    gone = Cancellation()
    gone.cancel()
    until = NOW.replace(second=0, microsecond=0)
    replay = Replay(
        face.app.queries, face.workspace, [("x", rule)], until - timedelta(days=1), until, cancellation=gone
    )
    with pytest.raises(Cancelled):
        replay.planned()


def until_cancelled(planned: Any) -> Any:
    def waiting(self: Replay) -> Any:
        from threading import Event

        over = Event()
        with self.cancellation.watched(over.set):
            assert over.wait(30)
        return planned(self)

    return waiting


def test_a_stored_rule_is_shown_as_yaml_with_what_was_written_beside_it(face: Face) -> None:
    rule = {k: v for k, v in RULE.items() if k not in rule_drafts._SCHEDULED}
    stored = ask(face, "PUT", "Microsoft.SecurityInsights/alertRules/mine", rule, beside={"kind": "NRT"})
    assert stored.status_code == 201, stored.text
    plain = ask(face, "GET", "huntlake.Detection/ruleFiles/mine").json()["properties"]
    assert plain["text"].startswith("id: mine\nname: Failures\n")
    assert plain["findings"] == []
    kept = ask(face, "PUT", "huntlake.Detection/ruleFiles/mine", {"text": YAML})
    assert kept.status_code == 201, kept.text
    shown = ask(face, "GET", "huntlake.Detection/ruleFiles/mine").json()["properties"]
    assert shown["text"].startswith("# ours\nid: mine\n")
    assert "requiredDataConnectors" in shown["text"]
    # What the rule is, its own resource says alone.
    assert '| where ResultType != "0"' in shown["text"]
    assert ask(face, "DELETE", "Microsoft.SecurityInsights/alertRules/mine").status_code == 200
    assert ask(face, "GET", "huntlake.Detection/ruleFiles/mine").status_code == 404
    assert face.app.detection.rule_files.list(("soc", "mine")) == []


def test_what_is_kept_beside_a_rule_is_yaml_of_one(face: Face) -> None:
    ask(face, "PUT", "Microsoft.SecurityInsights/alertRules/mine", RULE, beside={"kind": "Scheduled"})
    assert "not YAML" in error(ask(face, "PUT", "huntlake.Detection/ruleFiles/mine", {"text": "a: ["}), 400)
    assert ask(face, "PUT", "huntlake.Detection/ruleFiles/none", {"text": YAML}).status_code == 404


def test_the_types_of_entities_are_told_with_their_identifiers(face: Face) -> None:
    found = ask(face, "GET", "huntlake.Detection/entityTypes").json()["value"]
    identifiers = {one["name"]: one["properties"]["identifiers"] for one in found}
    assert "FullName" in identifiers["Account"]
    assert ask(face, "GET", "huntlake.Detection/entityTypes/Nothing").status_code == 404


def test_a_trial_is_of_one_rule_and_its_days(face: Face) -> None:
    (rule,) = [face.app.drafts.read(face.workspace, YAML.replace("were", "where")).rule]
    assert rule is not None
    told: Backtest = face.app.drafts.backtest(face.workspace, "x", rule, 1, Cancellation()).told
    assert (told.until - told.since, len(told.rules)) == (timedelta(days=1), 1)
