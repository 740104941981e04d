"""Tests of rules against another engine, for which this one stands in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from tests.detection.test_testing import FIVE, RULE, written

from huntlake.assembly.analytics import Analytics
from huntlake.core.clock import FixedClock
from huntlake.core.errors import Invalid
from huntlake.detection.running import Window
from huntlake.detection.testing.elsewhere import rows_of, self_contained
from huntlake.detection.testing.proving import Outcome, Prover
from huntlake.detection.testing.tables import Events
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.geography import Nowhere
from huntlake.kql.types import Column, ScalarType
from huntlake.workspace.functions import SavedFunction
from huntlake.workspace.query import Answer, QueryOptions
from huntlake.workspace.workspaces import Workspace

FAR = Workspace("far", "11111111-2222-3333-4444-555555555555")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = Window(NOON - timedelta(hours=1), NOON)
TESTS = f"tests:\n  - name: five\n{FIVE}    expect: {{alerts: 1}}\n"


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Analytics]:
    made = Analytics.over(tmp_path_factory.mktemp("far"), Bounds(threads=1), Nowhere(), FixedClock(NOON))
    yield made
    made.close()


def asking(far: Analytics, change: Callable[[str], str] = str) -> Callable[[str, datetime], Answer]:
    def ask(text: str, now: datetime) -> Answer:
        return far.queries.run(FAR, change(text), QueryOptions(now=now))

    return ask


def proved(far: Analytics, folder: Path, change: Callable[[str], str] = str, rule: str = RULE) -> Outcome:
    (outcome,) = Prover(far.engine, against=asking(far, change)).outcomes(written(folder, TESTS, rule))
    return outcome


def test_the_same_rows_elsewhere_pass(far: Analytics, tmp_path: Path) -> None:
    outcome = proved(far, tmp_path)
    assert outcome.passed, (outcome.differences, outcome.error)


def test_other_rows_or_columns_elsewhere_fail(far: Analytics, tmp_path: Path) -> None:
    fewer = proved(far, tmp_path, lambda text: text.replace("Failures >= 5", "Failures >= 6"))
    assert "there are 1 rows here, and 0 there" in fewer.differences[0].text
    assert fewer.differences[1].text.startswith('only here: {"Codes"')
    other = proved(far, tmp_path, lambda text: text + "\n| extend Failures = tostring(Failures), More = 1")
    told = [d.text.split(": ", 1)[1] for d in other.differences]
    assert told == [
        "the column `Failures` is long here, and string there",
        "the column `More` is missing here, and long there",
    ]


@pytest.mark.parametrize(
    "query",
    [
        "union Sec* | take 1",
        "search 'x'",
        "workspace('other').SigninLogs",
        "table('SigninLogs')",
        "_GetWatchlist('vips')",
        "let SigninLogs = print x = 1; SigninLogs",
        "_Im_Dns() | take 1",
    ],
)
def test_what_would_read_tables_there_is_not_asked(query: str) -> None:
    def events(name: str) -> Events | None:
        return Events((Column("a", ScalarType.LONG),)) if name == "SigninLogs" else None

    with pytest.raises(Invalid, match="not supported"):
        self_contained(query, (), events, lambda name: name.startswith("_"), HOUR)


def test_values_of_every_type_arrive_as_they_are(far: Analytics) -> None:
    values = {
        ScalarType.BOOL: True,
        ScalarType.INT: -5,
        ScalarType.LONG: 2**62,
        ScalarType.REAL: -0.1,
        ScalarType.DECIMAL: Decimal("1.25"),
        ScalarType.STRING: 'a "quoted" \\ text\nof two lines; | let x = 1',
        ScalarType.DATETIME: datetime(2026, 3, 1, 11, 30, 0, 123456),
        ScalarType.TIMESPAN: -(36 * 36_000_000_000 + 5),
        ScalarType.GUID: "0f9b7a52-3a0c-4a7c-8d0e-5a4a5b1f0001",
        ScalarType.DYNAMIC: '{"a":["b",null,"é)"]}',
    }
    columns = (Column("TimeGenerated", ScalarType.DATETIME), *(Column(f"the {t}", t) for t in values))
    full = {"TimeGenerated": datetime(2026, 3, 1, 11), **{f"the {t}": v for t, v in values.items()}}
    late = {"TimeGenerated": datetime(2026, 3, 1, 12)}
    held = Events(columns, (full, {"TimeGenerated": datetime(2026, 3, 1, 11, 59)}, late))
    call = SavedFunction("Most", "T | take n // the end", "T:(*), n:long = 10")
    text = self_contained(
        "Every | invoke Most()", (call,), lambda n: held if n == "Every" else None, lambda n: False, HOUR
    )
    types, rows = rows_of(asking(far)(text, NOON))
    assert list(types.values()) == [c.type for c in columns]
    assert len(rows) == 2
    first = next(r for r in rows if "quoted" in r)
    for said in ("true", "-5", "4611686018427387904", "-0.1", "1.25", "two lines", "-1.12:00:00.0000005", '"é)"'):
        assert said in first
