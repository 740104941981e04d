"""`huntlake playbook test`: what its files say, and what is told where a playbook does otherwise."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from huntlake.cli import app
from huntlake.core.clock import FixedClock
from huntlake.core.errors import Invalid
from huntlake.detection.alerts import Alert
from huntlake.detection.incidents import Incident, IncidentRelation, IncidentStatus, RelatedKind
from huntlake.detection.service import Detection
from huntlake.detection.severity import Severity
from huntlake.playbooks.samples import PLAYBOOKS
from huntlake.playbooks.testing import payloads
from huntlake.playbooks.testing.proving import Outcome, outcomes
from huntlake.playbooks.triggers.payloads import of_incident
from huntlake.state.memory import MemoryShelf
from huntlake.state.records import Author

RUNNER = CliRunner()
SENTINEL = {"connection": {"name": "@parameters('$connections')['azuresentinel']['connectionId']"}}
COMMENT = {
    "type": "ApiConnection",
    "inputs": {
        "host": SENTINEL,
        "method": "post",
        "path": "/Incidents/Comment",
        "body": {"incidentArmId": "@triggerBody()?['object']?['id']", "message": "<p>Seen by @{parameters('Who')}</p>"},
    },
}
GET = {"type": "Http", "inputs": {"method": "GET", "uri": "https://a.example/x?id=@{triggerBody()?['id']}"}}


def write(folder: Path, actions: Any, tests: str) -> Path:
    definition = {
        "parameters": {"$connections": {"type": "Object"}, "Who": {"type": "String", "defaultValue": "SOC"}},
        "triggers": {"manual": {"type": "Request"}, "other": {"type": "Request"}},
        "actions": actions,
    }
    (folder / "flow.json").write_text(json.dumps({"definition": definition}))
    path = folder / "flow.playtest.yaml"
    path.write_text(tests)
    return path


def only(path: Path) -> Outcome:
    (one,) = outcomes(path)
    return one


def told(one: Outcome) -> str:
    return one.error + "\n".join(f"{d.line}: {d.text}" for d in one.differences)


@pytest.mark.parametrize("path", sorted(PLAYBOOKS.glob("*.playtest.yaml")), ids=lambda p: p.name.partition(".")[0])
def test_the_tests_of_the_samples_pass(path: Path) -> None:
    assert [told(o) for o in outcomes(path) if not o.passed] == []


def test_each_sample_has_tests() -> None:
    assert {p.stem for p in PLAYBOOKS.glob("*.json")} == {
        p.name.removesuffix(".playtest.yaml") for p in PLAYBOOKS.glob("*.playtest.yaml")
    }


def test_what_differs_is_told_with_its_line(tmp_path: Path) -> None:
    tests = """
tests:
  - name: one
    trigger: {incident: {title: Malware}}
    parameters: {Who: me}
    expect:
      status: Failed
      actions:
        Comment: {status: Succeeded, inputs: {body: {message: !contains you}}}
        Comments: Succeeded
      effects:
        - {call: azuresentinel PUT *}
        - {call: azuresentinel POST /Incidents/Comment, times: 2}
      no_effects: [azuresentinel POST *]
      response: {status: 200}
"""
    text = told(only(write(tmp_path, {"Comment": COMMENT}, tests)))
    assert "7: the run is Succeeded, not Failed" in text
    assert '9: Comment.inputs.body.message is `"<p>Seen by me</p>"`, which doesn\'t hold `"you"`' in text
    assert "10: no action is named `Comments`; did you mean `Comment`?" in text
    assert "12: `azuresentinel PUT *` was never called; what was: `azuresentinel POST /Incidents/Comment`" in text
    assert "13: `azuresentinel POST /Incidents/Comment` was called like this 1 times, not 2" in text
    assert "14: `azuresentinel POST /Incidents/Comment` was called, and must not be" in text
    assert "15: whoever started the run was never answered" in text


def test_a_call_without_a_mock_fails_the_test(tmp_path: Path) -> None:
    tests = "tests:\n  - {name: one, trigger: {body: {id: 7}}, expect: {actions: {Get: Failed}}}\n"
    assert "no mock answers `GET https://a.example/x?id=7`" in told(only(write(tmp_path, {"Get": GET}, tests)))


def test_a_call_that_is_held_and_refused_is_no_effect(tmp_path: Path) -> None:
    tests = """
tests:
  - name: one
    approvals: [{action: Get, decision: refuse}]
    mocks: [{call: GET *, answer: 200}]
    expect:
      actions: {Get: {status: Failed, code: NotSupported}}
      effects: [{call: GET *}]
"""
    assert told(only(write(tmp_path, {"Get": GET}, tests))) == "8: `GET *` was called, and never answered well"


def test_a_run_that_would_never_end_fails_the_test(tmp_path: Path) -> None:
    hook = {"type": "HttpWebhook", "inputs": {"subscribe": {"method": "POST", "uri": "https://a.example/hook"}}}
    tests = """
tests:
  - name: one
    replies: [{action: Hook, nobody: true}]
    expect: {status: Succeeded}
"""
    assert "nobody will ever answer `Hook`" in told(only(write(tmp_path, {"Hook": hook}, tests)))


def test_values_are_compared_as_json_does() -> None:
    from huntlake.playbooks.testing.matching import Is, fitting

    assert not fitting(Is(True), 1)
    assert not fitting(Is([1]), [True])
    assert fitting(Is({"a": [1, None]}), {"a": [1.0, None]})


@pytest.mark.parametrize(
    ("tests", "complaint"),
    [
        ("tests: []", "`tests` is missing, or empty"),
        ("tests: [{name: a, expect: {}}]", "nothing is expected"),
        ("tests: [{name: a, expect: {stats: Failed}}]", "`stats` is not supported here"),
        ("tests: [{name: a, expect: {status: Fine}}]", "`status` can't be `Fine`"),
        ("tests: [{name: a, expect: {actions: {A: Fine}}}]", "`Fine` is no status"),
        ("tests: [{name: a, mocks: [{call: x, answer: 99}], expect: {status: Failed}}]", "an answer is a status"),
        ("tests: [{name: a, mocks: [{answer: 200}], expect: {status: Failed}}]", "with `call` or `action`"),
        ("tests: [{name: a, expect: {outputs: !matches '('}}]", "not a regular expression"),
        ("tests: [{name: a, expect: {outputs: !what x}}]", "`!what` is not supported"),
        ("tests: [{name: a, trigger: {incident: {}, body: 1}, expect: {status: Failed}}]", "can't both set off"),
        ("tests: [{name: a, parameters: {Wo: 1}, expect: {status: Failed}}]", "no parameter `Wo`"),
        ("tests: [{name: a, trigger: {name: third}, expect: {status: Failed}}]", "no trigger is named `third`"),
        ("playbook: gone.json\ntests: [{name: a, expect: {status: Failed}}]", "no playbook is at"),
    ],
)
def test_what_a_file_of_tests_may_not_say_is_told(tmp_path: Path, tests: str, complaint: str) -> None:
    assert complaint in told(only(write(tmp_path, {"Comment": COMMENT}, tests)))


def test_a_definition_that_can_not_be_read_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, {"A": {"type": "Nothing"}}, "tests: [{name: a, expect: {status: Failed}}]")
    assert "the action type `Nothing` is not supported" in told(only(path))


def test_the_command_fails_where_a_test_does_and_writes_junit(tmp_path: Path) -> None:
    tests = "tests:\n  - {name: one, expect: {status: Failed}}\n  - {name: two, expect: {status: Succeeded}}\n"
    path = write(tmp_path, {"C": {"type": "Compose", "inputs": 1}}, tests)
    done = RUNNER.invoke(app, ["playbook", "test", str(path)])
    assert done.exit_code == 1
    assert "the run is Succeeded, not Failed" in done.output
    assert "2 tests: 1 passed, 1 failed" in done.output
    assert RUNNER.invoke(app, ["playbook", "test", str(tmp_path), "-k", "two"]).exit_code == 0
    done = RUNNER.invoke(app, ["playbook", "test", str(path), "-f", "junit", "-o", str(tmp_path / "out.xml")])
    root = ElementTree.parse(tmp_path / "out.xml").getroot()
    assert (root.get("name"), len(root.findall(".//testcase")), len(root.findall(".//failure"))) == (
        "huntlake playbook test",
        2,
        1,
    )


def test_a_folder_without_tests_fails(tmp_path: Path) -> None:
    assert RUNNER.invoke(app, ["playbook", "test", str(tmp_path)]).exit_code == 1


def test_a_test_is_told_of_an_incident_as_the_house_tells_of_one(tmp_path: Path) -> None:
    given = {
        "title": "Odd",
        "number": 4,
        "entities": [{"kind": "IP", "Address": "192.0.2.7"}],
        "alerts": [{"title": "First", "entities": [{"kind": "Host", "HostName": "web1"}]}],
    }
    body = payloads.incident(given, datetime(2026, 1, 2, tzinfo=UTC))
    shelf, clock = MemoryShelf(), FixedClock(datetime(2026, 1, 2, tzinfo=UTC))
    detection = Detection.over(shelf, clock)
    owner = (payloads.WORKSPACE,)
    detection.alerts.put(owner, "a1", Alert("First", Severity.LOW))
    detection.incidents.put(owner, "i1", Incident("Odd", Severity.LOW, IncidentStatus.NEW))
    detection.incidents.relate(owner, "i1", "r1", IncidentRelation(RelatedKind.ALERT, "a1"), Author())
    real = of_incident(payloads.GROUND, detection, detection.incidents.get(owner, "i1"))
    assert body.keys() == real.keys()
    own, theirs = body["object"]["properties"], real["object"]["properties"]
    assert own.keys() ^ theirs.keys() <= {"firstActivityTimeUtc", "lastActivityTimeUtc", "description"}
    assert own["Alerts"][0]["properties"].keys() ^ theirs["Alerts"][0]["properties"].keys() == set()
    with pytest.raises(Invalid, match="severity"):
        payloads.incident({"severity": "Terrible"}, clock.at)
