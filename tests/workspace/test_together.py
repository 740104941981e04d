from __future__ import annotations

import json
from typing import Any

import pytest

from huntlake.assembly.analytics import Analytics
from huntlake.core.errors import Invalid
from huntlake.workspace.query import QueryOptions

from .conftest import NOW, OTHER, SOC


def ask(hunting: Analytics, text: str, **options: Any) -> list[list[Any]]:
    both = {w.name: w for w in (SOC, OTHER)}
    answer = hunting.queries.run(SOC, text, QueryOptions(**options), workspaces=both.get, also=[OTHER])
    return [*json.loads(b"[" + b",".join(answer.tables[0].json_rows()) + b"]")]


def test_a_table_has_the_rows_of_every_workspace(hunting: Analytics) -> None:
    found = ask(hunting, "SigninLogs | summarize count() by UserPrincipalName, TenantId | order by TenantId asc")
    assert found == [["ann", SOC.id, 3], ["bob", OTHER.id, 3]]


def test_a_workspace_that_is_named_is_that_one_alone(hunting: Analytics) -> None:
    assert ask(hunting, "workspace('other').SigninLogs | distinct UserPrincipalName") == [["bob"]]


def test_a_table_of_one_workspace_is_found_and_its_columns_are_empty_elsewhere(hunting: Analytics) -> None:
    row = {"TimeGenerated": NOW.isoformat(), "Own": "x", "Number": 5}
    hunting.streams.append(OTHER, "Extra_CL", [row])
    hunting.streams.append(SOC, "Extra_CL", [{"TimeGenerated": NOW.isoformat(), "Number": 6}])
    hunting.streams.flush()
    assert ask(hunting, "Extra_CL | project Own, Number | sort by Number asc") == [["x", 5], ["", 6]]
    assert ask(hunting, "union Extra_C* | count") == [[2]]
    assert ask(hunting, "search 'x' | count") == [[1]]
    hunting.streams.close()


def test_a_column_of_two_types_is_refused(hunting: Analytics) -> None:
    hunting.streams.append(OTHER, "Extra_CL", [{"Number": "text"}])
    hunting.streams.append(SOC, "Extra_CL", [{"Number": 6}])
    hunting.streams.flush()
    with pytest.raises(Invalid, match="`Number` is a"):
        ask(hunting, "Extra_CL | count")
    hunting.streams.close()


def test_dynamic_may_leave_as_text(hunting: Analytics) -> None:
    text = "print a = dynamic({'k': [1, null]}), b = dynamic('s'), c = dynamic(null), d = 's'"
    assert ask(hunting, text) == [[{"k": [1, None]}, "s", None, "s"]]
    assert ask(hunting, text, dynamic_as_text=True) == [['{"k":[1,null]}', '"s"', None, "s"]]
