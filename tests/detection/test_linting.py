from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from huntlake.assembly.analytics import Analytics
from huntlake.core.clock import SystemClock
from huntlake.detection.linting import fixed, lint
from huntlake.detection.query_remarks import is_catastrophic
from huntlake.detection.reports import as_annotations, as_json, as_sarif
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.geography import Nowhere
from huntlake.workspace.workspaces import Workspace

SOC = Workspace("soc", "11111111-2222-3333-4444-555555555555")
HEAD = """\
id: 6a2b1e4c-0c7c-4a0e-9d59-7a5a2f6f0a11
name: Failed sign-ins
kind: Scheduled
severity: Medium
queryFrequency: 1h
queryPeriod: 1h
triggerOperator: gt
triggerThreshold: 0
query: |
  {query}
entityMappings:
  - entityType: Account
    fieldMappings:
      - identifier: FullName
        columnName: {column}
alertDetailsOverride:
  alertDisplayNameFormat: "{format}"
"""
GOOD = "SigninLogs | project UserPrincipalName"


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Analytics]:
    made = Analytics.over(tmp_path / "home", Bounds(threads=1), Nowhere(), SystemClock())
    yield made
    made.engine.close()


def told(
    lake: Analytics, folder: Path, query: str = GOOD, column: str = "UserPrincipalName", format: str = "Odd"
) -> list[str]:
    file = folder / "rule.yaml"
    file.write_text(HEAD.format(query=query, column=column, format=format))
    return [str(f).removeprefix(f"{file}:") for f in lint(lake.queries, SOC, file)]


def test_nothing_is_wrong_with_a_good_rule(lake: Analytics, tmp_path: Path) -> None:
    assert told(lake, tmp_path, format="{{UserPrincipalName}} fails") == []


def test_a_wrong_column(lake: Analytics, tmp_path: Path) -> None:
    (found,) = told(lake, tmp_path, "SigninLogs | where ResultTyp == 1 | project UserPrincipalName")
    assert found.startswith("10:22: LN101 no column is named `ResultTyp`")
    assert "did you mean `ResultType`?" in found


def test_a_column_that_is_absent_in_a_region(lake: Analytics, tmp_path: Path) -> None:
    (found,) = told(lake, tmp_path, "SigninLogs | where RegionalColumn == 1 | project UserPrincipalName")
    assert "LN101 no column is named `RegionalColumn`" in found


@pytest.mark.parametrize(
    "query",
    [
        "AuditLogs | extend b = bag_pack('x', Id) | project TargetResources | evaluate bag_unpack(TargetResources) "
        "| project UserPrincipalName",
        "SigninLogs | project UserPrincipalName, ResultType | evaluate pivot(ResultType) | where ['50126'] > 1",
    ],
)
def test_columns_that_only_rows_bring(lake: Analytics, tmp_path: Path, query: str) -> None:
    (found,) = told(lake, tmp_path, query)
    assert "LN101 no column is named" in found


def test_a_missing_override_column(lake: Analytics, tmp_path: Path) -> None:
    (found,) = told(lake, tmp_path, format="{{IPAddress}} fails")
    assert found.startswith("17:30: LN103 the result has no column `IPAddress`")


def test_an_entity_mapped_by_the_wrong_case(lake: Analytics, tmp_path: Path) -> None:
    (found,) = told(lake, tmp_path, column="userprincipalname")
    assert found.startswith("15:21: LN103")
    assert "did you mean `UserPrincipalName`? Names are case-sensitive" in found


def test_a_placeholder_that_is_not_closed(lake: Analytics, tmp_path: Path) -> None:
    (found,) = told(lake, tmp_path, format="{{UserPrincipalName fails")
    assert "LN104" in found


def test_too_many_placeholders(lake: Analytics, tmp_path: Path) -> None:
    (found,) = told(lake, tmp_path, format="{{UserPrincipalName}}" * 4)
    assert "LN105" in found


def test_a_file_that_cannot_be_read_is_a_finding(lake: Analytics, tmp_path: Path) -> None:
    file = tmp_path / "rule.yaml"
    file.write_text(HEAD.format(query=GOOD, column="x", format="x").replace("1h", "soon", 1))
    assert [f.code for f in lint(lake.queries, SOC, file)] == ["RF005", "RF006"]


def remarked(lake: Analytics, folder: Path, query: str, *codes: str) -> list[str]:
    found = told(lake, folder, f"{query}")
    assert [f.split()[1] for f in found] == list(codes), found
    return found


WHO = "| project UserPrincipalName"


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        (f"SigninLogs | where AppDisplayName has '*azure' {WHO}", ["LN106"]),
        (f"SigninLogs | where AppDisplayName == '*azure*' {WHO}", ["LN106"]),
        # Letters that are stars, and stars that are meant.
        (f"SigninLogs | where AppDisplayName has '*' {WHO}", []),
        (f"SigninLogs | where AppDisplayName contains '*.pst' {WHO}", []),
        (f"SigninLogs | where AppDisplayName matches regex 'a*' {WHO}", []),
        (f"SigninLogs | where UserId in ((AuditLogs | project Category, Id)) {WHO}", ["LN107"]),
        (f"let T = AuditLogs | summarize count() by Id; SigninLogs | where UserId in (T) {WHO}", ["LN107"]),
        (f"let T = AuditLogs | distinct Id; SigninLogs | where UserId in (T) {WHO}", []),
        (f"let T = dynamic(['a']); SigninLogs | where UserId in (T) {WHO}", []),
        (f"SigninLogs | where TimeGenerated > ago(2h) {WHO}", ["LN109"]),
        (f"let back = 14d; SigninLogs | where TimeGenerated > ago(back) {WHO}", ["LN109"]),
        (f"SigninLogs | where TimeGenerated > ago(5m) {WHO}", ["LN110"]),
        (f"SigninLogs | where TimeGenerated > ago(1h) {WHO}", []),
        (f"SigninLogs | join kind=inner (AuditLogs) on CorrelationId {WHO}", ["LN111"]),
        (
            f"SigninLogs | join kind=inner (AuditLogs) on CorrelationId | where TimeGenerated1 > TimeGenerated {WHO}",
            [],
        ),
        (f"SigninLogs | join kind=inner (AuditLogs | summarize by CorrelationId) on CorrelationId {WHO}", []),
        (f"SigninLogs | where AppDisplayName contains 'azure' {WHO}", ["LN112"]),
        (f"SigninLogs | where AppDisplayName contains 'azure portal' {WHO}", []),
        (f"SigninLogs | where AppDisplayName matches regex @'^(a+)+$' {WHO}", ["LN113"]),
    ],
)
def test_what_a_query_says_and_hardly_means(lake: Analytics, tmp_path: Path, query: str, codes: list[str]) -> None:
    remarked(lake, tmp_path, query, *codes)


def test_a_hunt_without_a_bound_of_time(lake: Analytics, tmp_path: Path) -> None:
    file = tmp_path / "hunt.yaml"
    file.write_text("name: All\nquery: |\n  SigninLogs | where ResultType == '0'\n")
    assert [f.code for f in lint(lake.queries, SOC, file)] == ["LN108"]
    file.write_text("name: All\nquery: |\n  SigninLogs | where TimeGenerated > ago(1d)\n")
    assert [f.code for f in lint(lake.queries, SOC, file)] == []
    file.write_text("name: All\nquery: |\n  _Im_Dns(starttime=ago(1d))\n")
    assert [f.code for f in lint(lake.queries, SOC, file)] == []


@pytest.mark.parametrize(
    ("techniques", "codes"),
    [
        ("[T1110.003, T1078]", []),
        ("[T1086]", ["LN114"]),
        ("[T9999]", []),
        ("[T1110.099]", ["LN115"]),
        ("[T1043]", ["LN115"]),
        ("[T0886]", []),
    ],
)
def test_techniques_that_are_gone_or_never_were(
    lake: Analytics, tmp_path: Path, techniques: str, codes: list[str]
) -> None:
    file = tmp_path / "rule.yaml"
    text = HEAD.format(query=GOOD, column="UserPrincipalName", format="x")
    file.write_text(f"{text}relevantTechniques: {techniques}\n")
    assert [f.code for f in lint(lake.queries, SOC, file)] == codes


@pytest.mark.parametrize(
    ("regex", "bad"),
    [
        (r"(a+)+", True),
        (r"(.*)*", True),
        (r"^(\w+\s?)*$", True),
        (r"((ab*)+)+", True),
        (r"(?:a|b+)*", True),
        (r"([a-z]+){2,}", True),
        (r"(\w+\.)+", False),
        (r"(a+){1,3}", False),
        (r"[(a+)+]+", False),
        (r"\(a+\)+", False),
        (r"(a|b)*", False),
        (r"(a+)?", False),
        ("(((", False),
        ("a)*", False),
        ("[", False),
    ],
)
def test_repetitions_of_repetitions(regex: str, bad: bool) -> None:
    assert is_catastrophic(regex) is bad


def test_remedies_are_applied_and_the_rest_of_the_file_stays(lake: Analytics, tmp_path: Path) -> None:
    file = tmp_path / "rule.yaml"
    query = (
        "SigninLogs // a comment\n"
        "  | where AppDisplayName == '*azure*' and ResultType has 'xy*'\n"
        "  | where UserId in ((AuditLogs | project Id, Category))\n"
        "  | project UserPrincipalName"
    )
    head = HEAD.format(query=query, column="userprincipalname", format="{{UserPrincipalName} fails")
    file.write_text(f"# kept\n{head}relevantTechniques: [T1086]\n")
    text, gone = fixed(lake.queries, SOC, file)
    assert [f.code for f in gone] == ["LN106", "LN106", "LN107", "LN103", "LN104", "LN114"]
    expected = (
        file.read_text()
        .replace("== '*azure*'", 'contains_cs "azure"')
        .replace("has 'xy*'", 'hasprefix "xy"')
        .replace("project Id, Category", "project Id, Category | project Id")
        .replace("columnName: userprincipalname", "columnName: UserPrincipalName")
        .replace("{{UserPrincipalName}", "{{UserPrincipalName}}")
        .replace("T1086", "T1059.001")
    )
    assert text == expected
    file.write_text(text)
    assert fixed(lake.queries, SOC, file) == (text, ())
    assert [f.code for f in lint(lake.queries, SOC, file)] == ["LN112"]


def test_findings_for_other_tools(lake: Analytics, tmp_path: Path) -> None:
    file = tmp_path / "a,b.yaml"
    file.write_text(HEAD.format(query="SigninLogs | where Odd == '%:,'", column="x", format="x"))
    found = lint(lake.queries, SOC, file)
    (line,) = as_annotations(found).splitlines()
    assert line.startswith(f"::error file={str(file).replace(',', '%2C')},line=10,col=22,title=LN101::no column")
    sarif = json.loads(as_sarif(found))
    (run,) = sarif["runs"]
    assert run["results"][0]["ruleId"] == run["tool"]["driver"]["rules"][0]["id"] == "LN101"
    assert run["results"][0]["locations"][0]["physicalLocation"]["region"] == {"startLine": 10, "startColumn": 22}
    assert json.loads(as_json(found))[0]["code"] == "LN101"
    assert json.loads(as_sarif(()))["runs"][0]["results"] == []
