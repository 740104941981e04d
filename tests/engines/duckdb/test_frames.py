"""Tables from memory."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from huntlake.core.errors import Invalid
from huntlake.engines.duckdb.frames import arrow_table, physical

EAST = timezone(timedelta(hours=2))


def column(values: Any) -> tuple[str, list[object]]:
    """The KQL type and the physical values of one column."""
    (found,), table = physical(arrow_table({"x": values} if isinstance(values, list) else pa.table({"x": values})))
    return found.type.value, table["x"].to_pylist()


@pytest.mark.parametrize(
    ("values", "type", "expected"),
    [
        ([True, None], "bool", [True, None]),
        ([1, None], "long", [1, None]),
        ([1.5, float("inf")], "real", [1.5, float("inf")]),
        ([Decimal("1.25"), None], "decimal", [Decimal("1.25"), None]),
        (["a", None], "string", ["a", ""]),
        ([None, None], "string", ["", ""]),
        ([datetime(2026, 1, 1, 12, tzinfo=EAST)], "datetime", [datetime(2026, 1, 1, 10)]),
        ([datetime(2026, 1, 1, 12)], "datetime", [datetime(2026, 1, 1, 12)]),
        ([date(2026, 1, 1)], "datetime", [datetime(2026, 1, 1)]),
        ([timedelta(seconds=-1.5), None], "timespan", [-15_000_000, None]),
        ([time(1, 2, 3)], "timespan", [37_230_000_000]),
        ([uuid.UUID(int=5), None], "guid", ["00000000-0000-0000-0000-000000000005", None]),
        ([{"b": 1}, [1, None], None], "dynamic", ['{"b":1}', "[1,null]", None]),
        (
            [{"n": float("nan"), "t": datetime(2026, 1, 1, tzinfo=UTC)}],
            "dynamic",
            ['{"n":"NaN","t":"2026-01-01T00:00:00+00:00"}'],
        ),
        ([b"bytes"], "string", ["bytes"]),
        ([1, "a"], "string", ["1", "a"]),
        (pa.array([1], pa.uint8()), "int", [1]),
        (pa.array([1], pa.uint32()), "long", [1]),
        (pa.array(["a", None]).dictionary_encode(), "string", ["a", ""]),
        (pa.array([1_000], pa.duration("ns")), "timespan", [10]),
        (pa.array([1], pa.duration("s")), "timespan", [10_000_000]),
        (pa.array([[1, 2], None], pa.list_(pa.int64())), "dynamic", ["[1,2]", None]),
        (
            pa.array([1_700_000_000_123_456_789], pa.timestamp("ns")),
            "datetime",
            [datetime(2023, 11, 14, 22, 13, 20, 123456)],
        ),
    ],
)
def test_a_column_has_its_kusto_type_and_physical_form(values: Any, type: str, expected: list[object]) -> None:
    assert column(values) == (type, expected)


def test_a_bag_of_a_data_frame_keeps_its_own_keys() -> None:
    frame = pd.DataFrame({"bag": [{"a": 1}, {"b": 2}], "when": pd.to_datetime(["2026-01-01T02:00+02:00"] * 2)})
    columns, table = physical(arrow_table(frame))
    assert [c.type.value for c in columns] == ["dynamic", "datetime"]
    assert table["bag"].to_pylist() == ['{"a":1}', '{"b":2}']
    assert table["when"].to_pylist() == [datetime(2026, 1, 1)] * 2


def test_a_polars_category_is_a_string() -> None:
    frame = pl.DataFrame({"x": pl.Series(["a", "b"], dtype=pl.Categorical)})
    columns, table = physical(arrow_table(frame))
    assert (columns[0].type.value, table["x"].to_pylist()) == ("string", ["a", "b"])


@pytest.mark.parametrize(
    ("frame", "complaint"),
    [
        (pa.table({"a": [1], "A": [2]}), "case"),
        (pa.table({"n": pa.array([2**63], pa.uint64())}), "`n`"),
        (pa.table({"b": pa.array([b"\xff"], pa.binary())}), "`b`"),
        (pa.table({"d": pa.array([2**62], pa.duration("s"))}), "too long"),
        (42, "int"),
    ],
)
def test_what_would_change_a_value_is_refused(frame: object, complaint: str) -> None:
    with pytest.raises(Invalid, match=complaint):
        physical(arrow_table(frame))
