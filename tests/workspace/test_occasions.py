"""Which runs of a query are worth it: what is said not to be, must have no answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from huntlake.assembly.analytics import Analytics
from huntlake.core.clock import FixedClock
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.geography import Nowhere
from huntlake.workspace.query import QueryOptions
from huntlake.workspace.workspaces import Workspace

SOC = Workspace("soc", "11111111-2222-3333-4444-555555555555")
END = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ENDS = [END - n * HOUR for n in range(47, -1, -1)]
ROWS = [(3, "a", 1), (3.5, "b", 7), (10, "a", 7), (26.2, "c", 1), (26.4, "a", 9), (40, "b", 2)]
"""Hours before the end, a name, a number."""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Analytics]:
    folder = tmp_path_factory.mktemp("lake")
    made = Analytics.over(folder / "home", Bounds(threads=1), Nowhere(), FixedClock(END))
    for table, shift in (("One_CL", 0.0), ("Other_CL", 0.6)):
        file = folder / f"{table}.jsonl"
        with file.open("w") as out:
            for hours, name, number in ROWS:
                at = (END - timedelta(hours=hours + shift)).isoformat()
                out.write(json.dumps({"TimeGenerated": at, "Name": name, "Number": number}) + "\n")
        made.ingestion.ingest(SOC, table, file)
    yield made
    made.engine.close()


def answers(lake: Analytics, query: str, at: datetime, period: timedelta) -> bool:
    options = QueryOptions(now=at, time_column="TimeGenerated", since=at - period, until=at - timedelta(microseconds=1))
    (table,) = lake.queries.run(SOC, query, options).tables
    return bool(b"".join(table.json_rows()))


def worth(lake: Analytics, query: str, period: timedelta = HOUR) -> list[bool]:
    return lake.queries.worth_asking(SOC, query, ENDS, period)


@pytest.mark.parametrize(
    ("query", "period", "hours"),
    [
        ("One_CL", 1, [3, 10, 26, 40]),
        ("One_CL | where Name == 'a' and Number > 5", 1, [10, 26]),
        ("One_CL | summarize count() by Name | where count_ > 5", 1, [3, 10, 26, 40]),
        ("One_CL | extend Age = now() - TimeGenerated | where Age < 10m and Number > 6", 1, [3, 10, 26]),
        ("One_CL | join kind=inner (Other_CL | where Name == 'c') on Name", 1, [26]),
        ("One_CL | where Number > 8 | join kind=leftanti Other_CL on Name", 1, [26]),
        ("One_CL | where TimeGenerated > ago(1h) | join kind=leftanti Other_CL on Name", 24, [3, 10, 26, 40]),
        ("union (One_CL | where Name == 'c'), (Other_CL | where Number == 2)", 1, [26, 40]),
        ("One_CL | where Name in ((Other_CL | where Number == 2 | project Name))", 1, [3, 10, 26, 40]),
    ],
)  # fmt: skip
def test_few_windows_are_worth_a_run(lake: Analytics, query: str, period: int, hours: list[int]) -> None:
    found = [n for n, good in zip(range(47, -1, -1), worth(lake, query, period * HOUR), strict=True) if good]
    # A row of half past lies in the window that ends at the hour above it; a minute more never hurts.
    assert set(found) <= {h + d for h in hours for d in (-1, 0, 1)}
    assert found


@pytest.mark.parametrize(
    "query",
    [
        "One_CL | summarize count()",  # a row of nothing
        "print x = 1",
        "One_CL | join kind=fullouter (print Name = 'z') on Name",
        "range x from 1 to 3 step 1",
        "let n = toscalar(One_CL | count); print n",
    ],
)
def test_what_answers_without_rows_is_always_worth_it(lake: Analytics, query: str) -> None:
    assert all(worth(lake, query))


FILTERS = st.sampled_from(
    [
        "where Number > 5",
        "where Name == 'a'",
        "where TimeGenerated > ago(30m)",
        "where TimeGenerated between (ago(3h) .. ago(20m))",
        "where TimeGenerated > ago(2h) and Number < 8",
        "where startofday(now()) < TimeGenerated",
        "where hourofday(now()) > 6",
        "where dayofweek(ago(1d)) != 2d or Number == 7",
        "where TimeGenerated > datetime(2026-11-20 18:00)",
        "where Number > 5 or TimeGenerated > ago(10m)",
        "where bin(TimeGenerated, 1h) in (bin(now(), 1h), bin(ago(1h), 1h))",
        "where TimeGenerated !in (now(), ago(1h))",
        "where iff(now() > datetime(2026-11-21), Number > 5, Number < 3)",
        "extend Number = iff(hourofday(now()) < 9, 1, Number) | where Number > 3",
        "extend Late = TimeGenerated > ago(15m) | where Late",
        "sort by TimeGenerated asc | extend Gap = TimeGenerated - prev(TimeGenerated) | where Gap > 10m",
        "summarize TimeGenerated = max(TimeGenerated), Number = sum(Number) by Name",
        "top 2 by Number",
        "mv-expand X = range(1, Number % 3) | extend Number = tolong(X)",
        "where Name in ((Other_CL | where TimeGenerated > ago(1h) | project Name))",
    ]
)
JOINS = st.sampled_from(["inner", "leftanti", "leftouter", "rightouter", "fullouter", "leftsemi", "rightanti"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(FILTERS, max_size=3),
    st.lists(FILTERS, max_size=2),
    st.none() | JOINS,
    st.sampled_from([1, 2, 24]),
)
def test_a_run_that_is_not_worth_it_has_no_answer(
    lake: Analytics, left: list[str], right: list[str], join: str | None, hours: int
) -> None:
    query = " | ".join(["One_CL", *left])
    if join is not None:
        query += f" | join kind={join} ({' | '.join(['Other_CL', *right])}) on Name"
    period = hours * HOUR
    for at, good in zip(ENDS[::5], lake.queries.worth_asking(SOC, query, ENDS[::5], period), strict=True):
        if not good:
            assert not answers(lake, query, at, period), (query, at)
