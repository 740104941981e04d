"""The tests that a workspace keeps of its rules: written, run and told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from huntlake.core.errors import Cancelled
from huntlake.detection.marked import LONGEST
from huntlake.detection.testing import reading, stored
from huntlake.detection.testing.tables import CatalogueTables
from huntlake.engines.cancellation import Cancellation
from huntlake.identity.rights import Role
from huntlake.workspace.catalogue import Catalogue
from huntlake.workspace.watchlists import Watchlist

from ..faces import Face, served
from .test_rule_drafts import RULE, ask, error

TESTS = "Microsoft.SecurityInsights/alertRules/r1/providers/huntlake.Detection/tests"
TALLIES = "huntlake.Detection/testedRules"
FIRES = """\
# what the night shift saw
name: fires
events:
  SigninLogs:
    - {UserPrincipalName: ann@corp.example, ResultType: 50126}
expect:
  alerts:
    - title: Failures
      entities: [{type: Account, FullName: ann@corp.example}]
"""
QUIET = """\
name: stays quiet
events:
  SigninLogs:
    - {UserPrincipalName: ann@corp.example, ResultType: 0}
expect: nothing
"""
WRONG = FIRES.replace("name: fires", "name: wrong").replace("title: Failures", "title: Successes")


@pytest.fixture
def face(tmp_path: Path) -> Iterator[Face]:
    with served(tmp_path, "https://management.azure.com") as found:
        found.act_as(Role.SENTINEL_CONTRIBUTOR)
        answer = rule(found)
        assert answer.status_code == 201, answer.text
        yield found


def rule(face: Face, **more: Any) -> Any:
    return ask(face, "PUT", "Microsoft.SecurityInsights/alertRules/r1", {**RULE, **more}, beside={"kind": "Scheduled"})


def put(face: Face, name: str, text: str, **more: Any) -> Any:
    return ask(face, "PUT", f"{TESTS}/{name}", {"text": text}, **more)


def last(answer: Any) -> Any:
    assert answer.status_code == 200, answer.text
    return json.loads(answer.text.splitlines()[-1])


def ran(face: Face, **properties: Any) -> Any:
    return last(ask(face, "POST", TESTS, properties))["properties"]


def test_a_test_is_kept_with_its_rule(face: Face) -> None:
    made = put(face, "t1", FIRES)
    assert made.status_code == 201, made.text
    assert made.json()["properties"] == {"displayName": "fires", "text": FIRES, "lastRun": None}
    assert made.json()["type"] == "huntlake.Detection/tests"
    etag = made.headers["etag"]
    assert put(face, "T1", FIRES.replace("fires", "still fires"), headers={"If-Match": etag}).status_code == 200
    assert put(face, "t1", QUIET, headers={"If-Match": etag}).status_code == 412
    assert put(face, "t1", QUIET, headers={"If-None-Match": "*"}).status_code == 412
    assert [t["properties"]["displayName"] for t in ask(face, "GET", TESTS).json()["value"]] == ["still fires"]
    assert ask(face, "GET", f"{TESTS}/t1").json()["name"] == "t1"
    assert ask(face, "DELETE", f"{TESTS}/t1").status_code == 200
    assert ask(face, "DELETE", f"{TESTS}/t1").status_code == 204
    assert ask(face, "GET", TALLIES).json()["value"] == []


def test_what_came_of_each_is_kept_and_told(face: Face) -> None:
    for name, text in (("t1", FIRES), ("t2", QUIET), ("t3", WRONG)):
        assert put(face, name, text).status_code == 201
    (tally,) = ask(face, "GET", TALLIES).json()["value"]
    assert (tally["name"], tally["properties"]) == ("r1", {"passed": 0, "failed": 0, "unknown": 3})
    told = ran(face)
    assert (told["passed"], told["failed"]) == (2, 1)
    (failed,) = (t for t in told["tests"] if not t["passed"])
    assert (failed["name"], failed["displayName"]) == ("t3", "wrong")
    assert failed["differences"] == [{"line": 8, "text": "the title is `Failures`, not `Successes`"}]
    assert failed["expected"].startswith("expect:\n  alerts:\n    - title: Successes")
    assert failed["alerts"] == [{"title": "Failures", "severity": "Medium", "entities": ["Account ann@corp.example"]}]
    assert (failed["alertCount"], failed["rowCount"]) == (1, 1)
    assert json.loads(failed["rows"][0])["UserPrincipalName"] == "ann@corp.example"
    kept = ask(face, "GET", f"{TESTS}/t3").json()["properties"]["lastRun"]
    assert kept["isCurrent"]
    assert {k: v for k, v in kept.items() if k != "isCurrent"} == {
        k: v for k, v in failed.items() if k not in ("name", "displayName")
    }
    (tally,) = ask(face, "GET", TALLIES).json()["value"]
    assert tally["properties"] == {"passed": 2, "failed": 1, "unknown": 0}
    etag = ask(face, "GET", f"{TESTS}/t3").headers["etag"]
    # A run changes nothing that somebody may just be writing.
    assert put(face, "t3", WRONG.replace("Successes", "Failures"), headers={"If-Match": etag}).status_code == 200
    assert ask(face, "GET", f"{TESTS}/t3").json()["properties"]["lastRun"] is None
    assert last(ask(face, "POST", f"{TESTS}/t3/run"))["properties"]["passed"] == 1
    assert ran(face, tests=["t1"])["tests"][0]["displayName"] == "fires"


def test_a_changed_rule_leaves_nothing_known_of_its_tests(face: Face) -> None:
    put(face, "t1", FIRES)
    ran(face)
    rule(face, enabled=False)
    assert ask(face, "GET", TALLIES).json()["value"][0]["properties"]["passed"] == 1
    rule(face, displayName="Others")
    assert ask(face, "GET", TALLIES).json()["value"][0]["properties"] == {"passed": 0, "failed": 0, "unknown": 1}
    assert not ask(face, "GET", f"{TESTS}/t1").json()["properties"]["lastRun"]["isCurrent"]
    assert ran(face)["failed"] == 1


def test_tests_go_with_their_rule(face: Face) -> None:
    put(face, "t1", FIRES)
    ran(face)
    assert ask(face, "DELETE", "Microsoft.SecurityInsights/alertRules/r1").status_code == 200
    assert "r1" in error(ask(face, "GET", TESTS), 404)
    assert rule(face).status_code == 201
    assert ask(face, "GET", TESTS).json()["value"] == []
    assert ask(face, "GET", TALLIES).json()["value"] == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (FIRES.replace("ResultType", "ResultTyp"), "[line 5, column 56] – did you mean `ResultType`?"),
        (FIRES.replace("SigninLogs", "SigninLog"), "no table is named `SigninLog` [line 5, column 5]"),
        (FIRES.replace("expect", "expects"), "did you mean `expect`?"),
        (FIRES.replace("Account", "Akcount"), "did you mean `Account`?"),
        ("name: [", "not YAML"),
        ("tests: [{name: a, expect: nothing}]", "file of tests"),
        (f"{QUIET}data: {{SigninLogs: /etc/passwd}}", "`data` is not supported in a workspace's test"),
        (f"{QUIET}functions: [x.kql]", "the query calls the functions of the workspace"),
        (f"{QUIET}rule: other.yaml", "`rule` is not supported in a workspace's test"),
        ("name: &a a\nexpect: nothing", "anchors and aliases are not supported"),
        ("name: !!python/object:os.system x\nexpect: nothing", "is not supported"),
        (
            "name: a\nexpect: nothing\nevents:\n  SigninLogs:\n" + "    - {repeat: 60000, row: {ResultType: 1}}\n" * 2,
            "at most 100,000 rows",
        ),
        (f"clock: 0001-01-01T00:00:00Z\n{FIRES}", "of the years 1601 to 9989"),
        (
            FIRES.replace("- {User", "- {repeat: 2, every: 1d, row: {TimeGenerated: 9999-12-31, User").replace(
                "6}", "6}}"
            ),
            "lies outside the calendar",
        ),
        ("#" * (LONGEST + 1), "properties.text"),
    ],
)
def test_a_text_that_is_no_test_is_refused_at_its_place(face: Face, text: str, told: str) -> None:
    assert told in error(put(face, "t1", text), 400)


def test_characters_of_repeated_rows_are_bounded(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_CHARACTERS", 1000)
    row = f"    - {{repeat: 20, row: {{UserPrincipalName: {'x' * 60}}}}}\n"
    text = f"name: a\nexpect: nothing\nevents:\n  SigninLogs:\n{row}"
    assert "characters of rows" in error(put(face, "t1", text), 400)


def test_a_short_text_does_not_ask_for_millions_of_values(face: Face) -> None:
    columns = ", ".join(f"c{n}: [1, {{a: 2}}]" for n in range(4))
    text = f"name: a\nexpect: nothing\nevents:\n  Mine_CL:\n    - {{repeat: %s, row: {{{columns}}}}}\n"
    assert "1,000,000 values" in error(put(face, "t1", text % 62_501), 400)
    assert put(face, "t1", text % 62_500).status_code == 201
    # Values are counted over all rows.
    more = text % 62_500 + "    - {c1: 1}\n"
    assert "1,000,000 values" in error(put(face, "t1", more), 400)


@pytest.mark.parametrize("texts", [[FIRES, QUIET], None])
def test_tests_are_read_no_longer_than_they_may_run(
    face: Face, monkeypatch: pytest.MonkeyPatch, texts: list[str] | None
) -> None:
    read: list[str] = []
    alone = reading.alone

    def slow(text: str, *args: Any, **more: Any) -> Any:
        read.append(text)
        found = alone(text, *args, **more)
        gone.cancel()
        return found

    put(face, "t1", FIRES)
    put(face, "t2", QUIET)
    gone, soc = Cancellation(), face.app.workspaces.get("soc")
    stored_rule = face.app.detection.rules.get(("soc",), "r1").value
    monkeypatch.setattr(stored, "alone", slow)
    with pytest.raises(Cancelled):
        face.app.rule_tests.attempt(soc, "r1", stored_rule, gone, None, texts)
    assert len(read) <= 2
    assert QUIET not in read[:1]
    monkeypatch.setattr(stored, "LONGEST", timedelta(0))
    tried = {"kind": "Scheduled", "rule": RULE, "name": "r1", "texts": texts}
    told = last(ask(face, "POST", "huntlake.Detection/drafts/test", tried))
    assert "longer than 0 minutes" in told["error"]["message"]


def test_rows_are_no_longer_unrolled_once_nobody_waits(face: Face) -> None:
    text = "name: a\nexpect: nothing\nevents:\n  SigninLogs:\n    - {repeat: 100000, row: {ResultType: 1}}\n"
    tables = CatalogueTables(Catalogue())
    gone = Cancellation()

    class Going(CatalogueTables):
        def columns(self, table: str) -> Any:
            gone.cancel()
            return tables.columns(table)

    with pytest.raises(Cancelled):
        reading.alone(text, Going(Catalogue()), stop=gone)


def test_a_test_is_read_with_every_fault(face: Face) -> None:
    face.act_as(Role.READER)
    text = FIRES.replace("ResultType", "ResultTyp").replace("Account", "Akcount")
    answer = ask(face, "POST", "huntlake.Detection/drafts/readTest", {"text": text})
    assert answer.status_code == 200, answer.text
    first, second = answer.json()["properties"]["findings"]
    assert (first["line"], first["column"], first["level"]) == (5, 56, "error")
    assert "ResultType" in first["help"]
    assert "Account" in second["help"]
    assert ask(face, "POST", "huntlake.Detection/drafts/readTest", {"text": FIRES}).json()["properties"] == {
        "displayName": "fires",
        "findings": [],
    }


def test_an_unstored_rule_goes_through_the_tests(face: Face) -> None:
    put(face, "t1", FIRES)
    tried = {"kind": "Scheduled", "rule": {**RULE, "displayName": "Others"}, "name": "r1"}
    told = last(ask(face, "POST", "huntlake.Detection/drafts/test", tried))["properties"]
    assert (told["passed"], told["failed"]) == (0, 1)
    assert ask(face, "GET", f"{TESTS}/t1").json()["properties"]["lastRun"] is None
    texts = [FIRES.replace("title: Failures", "title: Others"), QUIET]
    told = last(ask(face, "POST", "huntlake.Detection/drafts/test", {**tried, "texts": texts}))["properties"]
    assert [(t["displayName"], t["passed"]) for t in told["tests"]] == [("fires", True), ("stays quiet", True)]
    told = last(ask(face, "POST", "huntlake.Detection/drafts/test", {**tried, "texts": [QUIET, "name: ["]}))
    assert set(told) == {"error"}
    assert "not YAML" in told["error"]["message"]


def test_functions_are_those_of_the_workspace_and_watchlists_those_of_the_test(face: Face) -> None:
    function = {
        "category": "c",
        "displayName": "Bad",
        "query": 'SigninLogs | where ResultType != "0"',
        "functionAlias": "Bad",
    }
    subscription = face.app.subscription
    where = (
        f"/subscriptions/{subscription.id}/resourceGroups/{subscription.group}/providers/"
        "Microsoft.OperationalInsights/workspaces/soc/savedSearches/bad?api-version=2020-08-01"
    )
    assert face.http.put(where, json={"properties": function}).status_code in (200, 201)
    query = "Bad | where UserPrincipalName in ((_GetWatchlist('vips') | project SearchKey))"
    lists = "watchlists:\n  vips: {searchKey: name, rows: [{name: ann@corp.example}]}\n"
    put(face, "t1", FIRES + lists)
    put(face, "t2", FIRES.replace("title: Failures", "severity: Medium"))
    tried = {"kind": "Scheduled", "rule": {**RULE, "query": "SigninLogs"}, "name": "r1"}
    assert last(ask(face, "POST", "huntlake.Detection/drafts/test", tried))["properties"]["passed"] == 2
    face.app.watchlists.put(
        face.app.workspaces.get("soc"),
        Watchlist("vips", "name", ("name",)),
        [{"name": "nobody"}],
    )
    assert rule(face, query=query).status_code == 200
    with_list, without = ran(face)["tests"]
    assert with_list["passed"], with_list
    assert "vips" in without["error"]


def test_a_test_that_takes_too_much_is_ended(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "name: a\nexpect: {alerts: 1}\nevents:\n  SigninLogs:\n    - {repeat: 60000, row: {ResultType: '{{n}}'}}\n"
    put(face, "t1", text)
    put(face, "t2", QUIET)
    monkeypatch.setattr(stored, "MOST_BYTES", 1000)
    first, second = ran(face)["tests"]
    assert "1000" in first["error"] or "bytes" in first["error"], first
    assert second["passed"]


def test_all_tests_of_a_rule_have_a_time_together(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    put(face, "t1", FIRES)
    monkeypatch.setattr(stored, "LONGEST", timedelta(seconds=0))
    told = last(ask(face, "POST", TESTS, {}))
    assert "longer" in json.dumps(told)


def test_whoever_goes_away_ends_the_tests(face: Face) -> None:
    put(face, "t1", FIRES)
    gone = Cancellation()
    gone.cancel()
    with pytest.raises(Cancelled):
        face.app.rule_tests.run(face.app.workspaces.get("soc"), "r1", gone)


def test_a_rule_has_a_bounded_number_of_tests(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "MOST_TESTS", 1)
    assert put(face, "t1", FIRES).status_code == 201
    assert put(face, "t1", QUIET).status_code == 200
    assert "at most 1 tests" in put(face, "t2", QUIET).json()["error"]["message"]


def test_the_file_of_a_rule_brings_the_file_of_its_tests(face: Face) -> None:
    where = "huntlake.Detection/ruleFiles/r1"
    assert ask(face, "GET", where).json()["properties"]["tests"] is None
    put(face, "t1", QUIET)
    assert (
        ask(face, "GET", where).json()["properties"]["tests"].startswith("tests:\n  - name: stays quiet\n    events:")
    )


def test_what_is_not_there_is_told(face: Face) -> None:
    assert "t9" in error(ask(face, "POST", TESTS, {"tests": ["t9"]}), 404)
    assert error(ask(face, "POST", f"{TESTS}/t9/run"), 404)
    path = TESTS.replace("r1", "r9")
    assert "r9" in error(ask(face, "GET", path), 404)


@pytest.mark.parametrize("role", [Role.READER, Role.SENTINEL_READER, Role.SENTINEL_RESPONDER])
def test_who_only_reads_rules_only_reads_their_tests(face: Face, role: Role) -> None:
    put(face, "t1", FIRES)
    face.act_as(role)
    assert ask(face, "GET", f"{TESTS}/t1").status_code == 200
    assert ask(face, "GET", TALLIES).status_code == 200
    tried = {"kind": "Scheduled", "rule": RULE}
    for answer in (
        put(face, "t1", QUIET),
        ask(face, "DELETE", f"{TESTS}/t1"),
        ask(face, "POST", TESTS, {}),
        ask(face, "POST", f"{TESTS}/t1/run"),
        ask(face, "POST", "huntlake.Detection/drafts/test", tried),
    ):
        assert error(answer, 403)


def test_what_was_tried_counts_once_the_rule_is_stored_like_that(face: Face) -> None:
    put(face, "t1", FIRES)
    put(face, "t2", QUIET)
    assert ran(face)["passed"] == 2
    changed = {**RULE, "displayName": "Others"}
    tried = {"kind": "Scheduled", "rule": changed, "name": "R1"}
    assert last(ask(face, "POST", "huntlake.Detection/drafts/test", tried))["properties"]["failed"] == 1

    def shown(name: str) -> Any:
        return ask(face, "GET", f"{TESTS}/{name}").json()["properties"]["lastRun"]

    # The stored rule is as it was, and so is what is known of it.
    assert (shown("t1")["passed"], shown("t1")["isCurrent"]) == (True, True)
    (tally,) = ask(face, "GET", TALLIES).json()["value"]
    assert tally["properties"] == {"passed": 2, "failed": 0, "unknown": 0}
    assert rule(face, displayName="Others").status_code == 200
    assert (shown("t1")["passed"], shown("t1")["isCurrent"]) == (False, True)
    (tally,) = ask(face, "GET", TALLIES).json()["value"]
    assert tally["properties"] == {"passed": 1, "failed": 1, "unknown": 0}
    # A test that was changed since hasn't been tried.
    put(face, "t2", QUIET.replace("quiet", "calm"))
    assert shown("t2") is None
    assert rule(face).status_code == 200
    assert (shown("t1")["passed"], shown("t1")["isCurrent"]) == (True, True)
