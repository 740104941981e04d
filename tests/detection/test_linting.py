from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from huntlake.app import Analytics
from huntlake.core.clock import SystemClock
from huntlake.detection.linting import lint
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
