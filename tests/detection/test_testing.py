from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from huntlake.core.diagnostics import SourceError
from huntlake.detection.testing import reports
from huntlake.detection.testing.proving import Outcome, Prover, uncovered
from huntlake.detection.testing.reading import alone, is_tests, suite
from huntlake.detection.testing.tables import CatalogueTables
from huntlake.engines.duckdb.database import Bounds, Database
from huntlake.workspace.catalogue import Catalogue

RULE = """\
id: 0f9b7a52-3a0c-4a7c-8d0e-5a4a5b1f0001
name: Many failed sign-ins
severity: Medium
kind: Scheduled
queryFrequency: 1h
queryPeriod: 1h
triggerOperator: gt
triggerThreshold: 0
relevantTechniques: [T1110]
query: |
  SigninLogs
  | where ResultType == "50126"
  | summarize Failures = count(), Codes = make_set(tolong(Status.errorCode)) by UserPrincipalName, IPAddress
  | where Failures >= 5
eventGroupingSettings: {aggregationKind: AlertPerResult}
entityMappings:
  - entityType: Account
    fieldMappings: [{identifier: FullName, columnName: UserPrincipalName}]
  - entityType: IP
    fieldMappings: [{identifier: Address, columnName: IPAddress}]
customDetails: {Failures: Failures, Codes: Codes}
"""
FIVE = """\
    events:
      SigninLogs:
        - repeat: 5
          every: 30s
          row: {TimeGenerated: -10m, UserPrincipalName: Ann@corp.example, IPAddress: 192.0.2.7, ResultType: 50126,
                Status: {errorCode: 50126}}
"""


@pytest.fixture(scope="module")
def prover() -> Iterator[Prover]:
    engine = Database((), Bounds(threads=1))
    yield Prover(engine)
    engine.close()


def written(folder: Path, tests: str, rule: str = RULE) -> Path:
    (folder / "failed.yaml").write_text(rule)
    path = folder / "failed.test.yaml"
    path.write_text(tests)
    return path


def one(prover: Prover, folder: Path, tests: str, rule: str = RULE) -> Outcome:
    (outcome,) = prover.outcomes(written(folder, tests, rule))
    return outcome


def test_events_raise_the_alert_that_is_expected(prover: Prover, tmp_path: Path) -> None:
    tests = f"""\
tests:
  - name: five
{FIVE}
    expect:
      alerts:
        - title: Many failed sign-ins
          severity: medium
          techniques: [T1110]
          entities_exactly:
            - {{type: Account, FullName: ann@corp.example}}
            - {{type: IP, Address: 192.0.2.7}}
          details: {{Failures: ["5"], Codes: ["[50126]"]}}
"""
    outcome = one(prover, tmp_path, tests)
    assert outcome.passed, (outcome.differences, outcome.error)
    assert len(outcome.alerts) == 1


def test_too_few_events_stay_quiet(prover: Prover, tmp_path: Path) -> None:
    tests = f"tests:\n  - name: four\n{FIVE.replace('repeat: 5', 'repeat: 4')}\n    expect: nothing\n"
    assert one(prover, tmp_path, tests).passed


def test_events_outside_the_window_are_not_seen(prover: Prover, tmp_path: Path) -> None:
    tests = f"tests:\n  - name: old\n{FIVE.replace('-10m', '-2h')}\n    expect: nothing\n"
    assert one(prover, tmp_path, tests).passed


def test_each_run_sees_its_own_window(prover: Prover, tmp_path: Path) -> None:
    ends = "2026-03-01T11:00:00Z, 2026-03-01T12:00:00Z, 2026-03-01T13:00:00Z"
    runs = f"    runs: [{ends}]\n    clock: 2026-03-01T12:00:00Z\n"
    tests = f"tests:\n  - name: three windows\n{runs}{FIVE}\n    expect: {{alerts: 1}}\n"
    assert one(prover, tmp_path, tests).passed


def test_what_differs_is_told_at_the_line_that_expects_it(prover: Prover, tmp_path: Path) -> None:
    tests = f"""\
tests:
  - name: five
{FIVE}
    expect:
      alerts:
        - severity: High
          entities:
            - {{type: Account, FullName: bob@corp.example}}
"""
    differences = one(prover, tmp_path, tests).differences
    assert [d.line for d in differences] == [12, 12]
    assert differences[0].text == "the severity is `Medium`, not `High`"
    assert "bob" in differences[1].text
    assert "Ann" in differences[1].text


def test_an_alert_more_than_expected_fails(prover: Prover, tmp_path: Path) -> None:
    second = FIVE.splitlines()[2:]
    events = FIVE + "\n".join(second).replace("Ann@", "bob@") + "\n"
    tests = f"tests:\n  - name: both\n{events}\n    expect:\n      alerts: [{{severity: Medium}}]\n"
    (difference,) = one(prover, tmp_path, tests).differences
    assert "one more alert" in difference.text


def test_expected_alerts_find_their_partners_whatever_the_order(prover: Prover, tmp_path: Path) -> None:
    # The first expectation fits both alerts, the second only one of them: greed would take it away.
    second = FIVE.splitlines()[2:]
    events = FIVE + "\n".join(second).replace("Ann@", "bob@") + "\n"
    for who in ("ann", "bob"):
        tests = f"""\
tests:
  - name: both
{events}
    expect:
      alerts:
        - severity: Medium
        - entities: [{{type: Account, FullName: {who}@corp.example}}]
"""
        assert one(prover, tmp_path, tests).passed


def test_watchlists_functions_and_recorded_data_are_there(prover: Prover, tmp_path: Path) -> None:
    (tmp_path / "vip.yaml").write_text(
        'ParserName: Important\nParserQuery: |\n  _GetWatchlist("VIP") | project Who = tostring(SearchKey)\n'
    )
    (tmp_path / "rows.jsonl").write_text(
        json.dumps(
            {"UserPrincipalName": "ann@corp.example", "ResultType": "0", "TimeGenerated": "2026-01-01T11:30:00Z"}
        )
    )
    rule = RULE[: RULE.index("query: |")] + (
        "query: |\n  SigninLogs | where UserPrincipalName in ((Important() | project Who))\n"
    )
    tests = """\
watchlists: {VIP: {searchKey: upn, rows: [{upn: ann@corp.example}]}}
functions: [vip.yaml]
tests:
  - name: recorded
    data: {SigninLogs: rows.jsonl}
    expect: {alerts: 1}
"""
    outcome = one(prover, tmp_path, tests, rule)
    assert outcome.passed, (outcome.differences, outcome.error)


def test_a_custom_table_takes_its_columns_from_its_events(prover: Prover, tmp_path: Path) -> None:
    rule = RULE[: RULE.index("query: |")] + (
        "query: |\n  App_CL | where Level_d > 3 and Extra.deep == 'x' and TimeGenerated > ago(1h)\n"
    )
    tests = """\
tests:
  - name: custom
    events: {App_CL: [{Level_d: 4.5, Extra: {deep: x}}, {Level_d: 1.5, Extra: {deep: x}}]}
    expect: {alerts: 1}
  - name: declared
    events: {}
    expect: nothing
"""
    first, second = prover.outcomes(written(tmp_path, tests, rule))
    assert first.passed, first
    assert "App_CL" in second.error  # nobody says what columns it has


def test_a_rule_that_cannot_run_is_an_error_and_no_success(prover: Prover, tmp_path: Path) -> None:
    rule = RULE.replace("ResultType ==", "ResultTyp ==")
    outcome = one(prover, tmp_path, "tests:\n  - name: x\n    expect: nothing\n", rule)
    assert not outcome.passed
    assert "ResultTyp" in outcome.error


@pytest.mark.parametrize(
    ("tests", "line", "words"),
    [
        ("tests: []\n", 1, "`tests` is missing"),
        ("test: []\n", 1, "did you mean `tests`"),
        ("tests:\n  - name: a\n", 2, "`expect` is missing"),
        ("tests:\n  - {name: a, expect: quiet}\n", 2, "not `quiet`"),
        ("tests:\n  - name: a\n    expect: {}\n", 3, "nothing is expected"),
        ("tests:\n  - name: a\n    events: {SigninLog: []}\n    expect: nothing\n", 3, "did you mean `SigninLogs`"),
        ("tests:\n  - name: a\n    events:\n      SigninLogs:\n        - {Usr: a}\n    expect: nothing\n", 5, "`Usr`"),
        (
            "tests:\n  - name: a\n    events:\n      SigninLogs:\n        - {TimeGenerated: soon}\n    expect: nothing",
            5,
            "neither a time",
        ),
        ("tests:\n  - name: a\n    events: {SecurityEvent: [{EventID: x}]}\n    expect: nothing\n", 3, "no int"),
        (
            "tests:\n  - name: a\n    events: {SecurityEvent: [{EventID: 3000000000}]}\n    expect: nothing\n",
            3,
            "too large",
        ),
        ("tests:\n  - name: a\n    data: {SigninLogs: none.csv}\n    expect: nothing\n", 3, "no file"),
        ("tests:\n  - name: a\n    expect:\n      entities: [{type: Accounts}]\n", 4, "did you mean `Account`"),
        ("tests:\n  - name: a\n    expect:\n      entities: [{type: Account, Nme: a}]\n", 4, "did you mean `Name`"),
        (
            "tests:\n  - name: a\n    runs: [2026-01-02T00:00:00Z, 2026-01-01T00:00:00Z]\n    expect: nothing\n",
            3,
            "in the order of time",
        ),
        ("rule: gone.yaml\ntests:\n  - {name: a, expect: nothing}\n", 1, "no rule is at"),
    ],
)
def test_what_a_file_of_tests_gets_wrong_has_its_place(tmp_path: Path, tests: str, line: int, words: str) -> None:
    with pytest.raises(SourceError) as caught:
        suite(written(tmp_path, tests), CatalogueTables(Catalogue()))
    error = caught.value
    assert words in str(error)
    assert line in [error.source.position(d.span.start)[0] for d in error.diagnostics]


def test_what_is_wrong_with_a_repeated_row_is_told_once(tmp_path: Path) -> None:
    row = "{ResultTyp: 1, TimeGenerated: never}"
    tests = (
        f"tests:\n  - name: a\n    events: {{SigninLogs: [{{repeat: 3, row: {row}}}, {row}]}}\n    expect: nothing\n"
    )
    with pytest.raises(SourceError) as caught:
        suite(written(tmp_path, tests), CatalogueTables(Catalogue()))
    assert len(caught.value.diagnostics) == 4


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("clock: 0001-01-01T00:00:00Z\nevents: {SigninLogs: [{ResultType: 1}]}", "of the years 1601 to 9989"),
        ("clock: 9999-12-31T23:59:59Z", "of the years 1601 to 9989"),
        ("runs: [0001-01-02T00:00:00Z]", "of the years 1601 to 9989"),
        (
            "events: {SigninLogs: [{repeat: 5, every: 1000d, row: {TimeGenerated: 9999-12-31}}]}",
            "lies outside the calendar",
        ),
        (
            "events: {SigninLogs: [{repeat: 100000, every: 999999d, row: {ResultType: 1}}]}",
            "the repetition is longer than the calendar",
        ),
    ],
)
def test_a_time_at_the_end_of_the_calendar_is_told_at_its_place(tmp_path: Path, said: str, told: str) -> None:
    text, tables = f"name: a\n{said}\nexpect: nothing\n", CatalogueTables(Catalogue())
    for whole in (False, True):
        found, source, wrong = alone(text, tables, whole=whole)
        assert found is None
        assert told in wrong[0].message
        assert source.position(wrong[0].span.start)[0] == 2
    item = text.rstrip().replace("\n", "\n    ")
    with pytest.raises(SourceError, match=told):
        suite(written(tmp_path, f"tests:\n  - {item}\n"), tables)


def test_a_file_that_cannot_be_read_fails_once(prover: Prover, tmp_path: Path) -> None:
    outcome = one(prover, tmp_path, "tests: {a: [\n")
    assert not outcome.passed
    assert "YAML" in outcome.error


def test_tests_lie_beside_rules_or_in_a_folder_below(prover: Prover, tmp_path: Path) -> None:
    (tmp_path / "failed.yaml").write_text(RULE)
    (tmp_path / "tests").mkdir()
    path = tmp_path / "tests" / "failed.tests.yml"
    path.write_text("tests:\n  - {name: a, expect: nothing}\n")
    assert is_tests(path)
    assert not is_tests(tmp_path / "failed.yaml")
    (outcome,) = prover.outcomes(path)
    assert outcome.passed
    assert uncovered([tmp_path / "failed.yaml"], [outcome]) == (tmp_path / "failed.yaml",)


def outcome_with(name: str, text: str) -> Outcome:
    return Outcome(Path("a b.test.yaml"), Path("a.yaml"), name, 3, 0.5, error=text)


def test_forms_for_build_servers_hold_whatever_a_log_says() -> None:
    outcome = outcome_with("odd <&>\x00 ::set-output", "broken\n::error::forged 100% <![CDATA[ ]]> \x1b[31m")
    found = ElementTree.fromstring(reports.junit([outcome]))
    assert found.find(".//error") is not None
    (line,) = reports.github([outcome]).splitlines()
    assert line.startswith("::error file=a b.test.yaml,line=3,")
    document = json.loads(reports.sarif([outcome], "1.0"))
    (result,) = document["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%20b.test.yaml"
    assert result["ruleId"] == "test-error"


GROUPED = """\
incidentConfiguration:
  createIncident: true
  groupingConfiguration:
    enabled: true
    reopenClosedIncident: false
    lookbackDuration: 5h
    matchingMethod: AllEntities
"""
TWICE = """\
    runs: [2026-03-01T11:55:00Z, 2026-03-01T12:00:00Z]
    clock: 2026-03-01T12:00:00Z
"""


def test_each_alert_is_an_incident_where_the_rule_does_not_group(prover: Prover, tmp_path: Path) -> None:
    tests = f"tests:\n  - name: twice\n{TWICE}{FIVE}    expect: {{alerts: 2, incidents: 2}}\n"
    assert one(prover, tmp_path, tests).passed


def test_alerts_are_grouped_into_the_incident_that_is_expected(prover: Prover, tmp_path: Path) -> None:
    tests = f"""\
tests:
  - name: twice
{TWICE}{FIVE}
    expect:
      alerts: 2
      incidents:
        - title: Many failed sign-ins
          severity: Medium
          status: New
          alerts: 2
          entities: [{{type: IP, Address: 192.0.2.7}}]
"""
    outcome = one(prover, tmp_path, tests, RULE + GROUPED)
    assert outcome.passed, (outcome.differences, outcome.error)
    (difference,) = one(
        prover, tmp_path, tests.replace("alerts: 2\n          e", "alerts: 1\n          e"), RULE + GROUPED
    ).differences
    assert "number of alerts" in difference.text


def test_a_rule_without_incidents_raises_alerts_alone(prover: Prover, tmp_path: Path) -> None:
    quiet = RULE + "incidentConfiguration: {createIncident: false}\n"
    tests = f"tests:\n  - name: alone\n{FIVE}    expect: {{alerts: 1, incidents: 0}}\n"
    assert one(prover, tmp_path, tests, quiet).passed


def test_a_run_that_is_suppressed_raises_nothing(prover: Prover, tmp_path: Path) -> None:
    silent = RULE + "suppressionEnabled: true\nsuppressionDuration: 5h\n"
    tests = f"tests:\n  - name: twice\n{TWICE}{FIVE}    expect: {{alerts: 1, incidents: 1}}\n"
    outcome = one(prover, tmp_path, tests, silent)
    assert outcome.passed, (outcome.differences, outcome.error)
    assert "suppressed" in outcome.notes[-1]
