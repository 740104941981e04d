"""Rows as Kusto's JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from huntlake.engines.duckdb.database import Database
from huntlake.engines.duckdb.wire import json_rows
from huntlake.kql.types import Column, ScalarType


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    opened = Database()
    yield opened
    opened.close()


def wired(database: Database, type: ScalarType, *values: str) -> list[str]:
    rows = ", ".join(f"({value})" for value in values)
    sql = json_rows(f"select x from (values {rows}) t(x)", [Column("x", type)])
    texts = [text.as_py() for text in database.table(sql).column(0)]
    assert all(text[0] == "[" and text[-2:] == "]," for text in texts)
    return [text[1:-2] for text in texts]


@pytest.mark.parametrize(
    ("type", "value", "expected"),
    [
        (ScalarType.BOOL, "true", "true"),
        (ScalarType.BOOL, "null::boolean", "null"),
        (ScalarType.INT, "(-2147483648)::int", "-2147483648"),
        (ScalarType.LONG, "9223372036854775807", "9223372036854775807"),
        (ScalarType.LONG, "null::bigint", "null"),
        (ScalarType.REAL, "1.5::double", "1.5"),
        (ScalarType.REAL, "0.1::double + 0.2::double", "0.30000000000000004"),
        (ScalarType.REAL, "'nan'::double", '"NaN"'),
        (ScalarType.REAL, "'inf'::double", '"Infinity"'),
        (ScalarType.REAL, "'-inf'::double", '"-Infinity"'),
        (ScalarType.REAL, "null::double", "null"),
        (ScalarType.DECIMAL, "1.25::decimal(38,18)", '"1.25"'),
        (ScalarType.DECIMAL, "100::decimal(38,18)", '"100"'),
        (ScalarType.DECIMAL, "100::decimal(38,0)", '"100"'),
        (ScalarType.DECIMAL, "null::decimal(38,18)", "null"),
        (ScalarType.STRING, "'a\"\\' || chr(10) || chr(0) || 'é'", '"a\\"\\\\\\n\\u0000é"'),
        (ScalarType.STRING, "null::varchar", '""'),
        (ScalarType.DATETIME, "timestamp '2024-02-29 12:34:56.789123'", '"2024-02-29T12:34:56.789123Z"'),
        (ScalarType.DATETIME, "timestamp '2024-02-29 00:00:00'", '"2024-02-29T00:00:00Z"'),
        (ScalarType.DATETIME, "timestamp '0001-01-01 00:00:00'", '"0001-01-01T00:00:00Z"'),
        (ScalarType.DATETIME, "timestamp '9999-12-31 23:59:59.999999'", '"9999-12-31T23:59:59.999999Z"'),
        (ScalarType.DATETIME, "null::timestamp", "null"),
        (ScalarType.TIMESPAN, "0::bigint", '"00:00:00"'),
        (ScalarType.TIMESPAN, "937840050678901", '"1085.11:06:45.0678901"'),
        (ScalarType.TIMESPAN, "-10000000", '"-00:00:01"'),
        (ScalarType.TIMESPAN, "1", '"00:00:00.0000001"'),
        (ScalarType.TIMESPAN, "864000000000", '"1.00:00:00"'),
        (ScalarType.TIMESPAN, "9223372036854775807", '"10675199.02:48:05.4775807"'),
        (ScalarType.TIMESPAN, "-9223372036854775808", '"-10675199.02:48:05.4775808"'),
        (ScalarType.TIMESPAN, "null::bigint", "null"),
        (ScalarType.GUID, "null::varchar", "null"),
        (ScalarType.DYNAMIC, """'{"b": 1, "a": [1, "x", null]}'""", '{"b":1,"a":[1,"x",null]}'),
        (ScalarType.DYNAMIC, "'null'", "null"),
        (ScalarType.DYNAMIC, "null::varchar", "null"),
        (ScalarType.DYNAMIC, "'\"text\"'", '"text"'),
        (ScalarType.DYNAMIC, "'12345678901234567890123'", "12345678901234567890123"),
        (ScalarType.DYNAMIC, """'{"a":NaN,"b":[-Infinity]}'""", '{"a":"NaN","b":["-Infinity"]}'),
        (ScalarType.DYNAMIC, "'{broken'", '"{broken"'),
    ],
)
def test_a_value_has_kustos_form(database: Database, type: ScalarType, value: str, expected: str) -> None:
    assert wired(database, type, value) == [expected]


def test_a_deeply_nested_bag_neither_fails_nor_crashes(database: Database) -> None:
    deep = "repeat('[', 100000) || {} || repeat(']', 100000)"
    plain, strange = wired(database, ScalarType.DYNAMIC, deep.format("'1'"), deep.format("'NaN'"))
    assert plain.count("[") == 100_000
    assert json.loads(strange).count("[") == 100_000


def test_two_columns_of_one_name_are_two_values(database: Database) -> None:
    columns = [Column("x", ScalarType.LONG), Column("x", ScalarType.STRING)]
    rows = database.table(json_rows("select 1::bigint as x, 'a' as x", columns)).column(0).to_pylist()
    assert rows == ['[1,"a"],']
