"""Lines that are read in one pass land as those do at each of which someone looks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import UUID

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huntlake.core.clock import FixedClock
from huntlake.core.errors import Invalid
from huntlake.lake import Lake, loading
from huntlake.lake.scanning import ScanColumn, scan_sql
from huntlake.lake.sources import LineBlock
from huntlake.lake.straight import WRONG, Straight
from huntlake.workspace.catalogue import Catalogue
from huntlake.workspace.ingestion import Ingestion
from huntlake.workspace.ingestion.mapping import Arrival
from huntlake.workspace.tables import Tables
from huntlake.workspace.workspaces import Workspace

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SOC = Workspace("soc", "11111111-2222-3333-4444-555555555555")
CATALOGUE = Catalogue()

TIMES = st.sampled_from(
    ["2026-11-20T01:02:03.1234567Z", "2026-11-20T01:02:03+02:00", 1700000000, "1700000000123", "soon", "", None, " "]
)
NUMBERS = st.sampled_from([1, -1, 42.0, 42.5, "42", " 42 ", "0x2A", "many", "", None, 2**31, 2**64, 10**30, True, [1]])
TEXTS = st.sampled_from(
    ["", "a", 'q"\\', "é\u2028", 5, 1.5, 1e300, True, None, {"b": 1}, [1, {"c": None}], "null", "{}"]
)
BAGS: st.SearchStrategy[Any] = st.sampled_from(
    [{}, {"a": 1, "b": {"c": [1, 2.50]}}, [], "{}", '{"x": 1}', "[broken", "text", "", None, 5, False]
)
GUIDS = st.sampled_from(["11111111-2222-3333-4444-55555555AAAA", "{11111111-2222-3333-4444-55555555aaaa}", "no", None])
OBJECTS = st.fixed_dictionaries(
    {},
    optional={
        "TimeGenerated": TIMES,
        "Timestamp": TIMES,
        "EventID": NUMBERS,
        "Computer": TEXTS,
        "computer": TEXTS,
        "Account": TEXTS,
        "EventData": BAGS,
        "Process": TEXTS,
        "LogonGuid": GUIDS,
        "EventOriginId": GUIDS,
    },
)
STRANGE = st.fixed_dictionaries({}, optional={"Bogus": TEXTS, "records": BAGS, "Computer": TEXTS, "_line": NUMBERS})
ODD_LINES = st.sampled_from(
    [
        b"",
        b"  ",
        b"\x0c",
        b"null",
        b"{}",
        b"[1]",
        b"7",
        b'"text"',
        b"{",
        b'{"Computer":"a"} x',
        b'{"Computer":"a"}{"Computer":"b"}',
        b'{"Computer":"a"},',
        b'{"Computer":"a",}',
        b'{"Computer":NaN}',
        b'{"Computer":"a","Computer":"b"}',
        b'{"Computer":"a","Computer":null}',
        b'{"EventID":-0,"EventData":1.0}',
        b'{"Computer":"\xff"}',
        b'{"Computer":"\\ud800"}',
        b'{"Computer":"\\u0000z"}',
        b'{"\\u0043omputer":"a"}',
        b'{"EventData":{"x":1,"x":2}}',
        b'{"Computer":"a"}\r',
        b'\xef\xbb\xbf{"Computer":"a"}',
        b'{"Computer":"a"}\x00',
        b'{"Computer":' + b"[" * 2000 + b"]" * 2000 + b"}",
        b'{"value":[{"Computer":"a"}]}',
    ]
)
GOOD_LINES = OBJECTS.filter(bool).map(lambda o: json.dumps(o, ensure_ascii=False).encode())
LINES = st.lists(GOOD_LINES, max_size=6) | st.lists(
    GOOD_LINES | STRANGE.map(lambda o: json.dumps(o).encode()) | ODD_LINES, max_size=6
)


def landed(home: Path, table: str, data: bytes) -> Any:
    """Everything that came of a load."""
    lake = Lake(home / "lake")
    tables = Tables(lake, CATALOGUE)
    ingestion = Ingestion(lake, tables, FixedClock(NOW), home / "dead-letters")
    home.mkdir(exist_ok=True)
    path = home / "log.json"
    path.write_bytes(data)
    try:
        report = ingestion.ingest(SOC, table, path, format="json")
    except Invalid as error:
        # It looks like one document over several lines, and is none.
        return str(error)
    letters = report.dead_letter_file.read_text().splitlines() if report.dead_letter_file else []
    columns = tables.table("soc", table) or ()
    snapshot = lake.snapshot("soc", table)
    types = {name.lower(): type for name, type in snapshot.schema}
    wanted = [ScanColumn(c.name, f"c{i}", types.get(c.name.lower(), "VARCHAR")) for i, c in enumerate(columns)]
    with duckdb.connect() as engine:
        rows = engine.execute(f"select * from ({scan_sql(snapshot, wanted)}) order by all").fetchall()
    counts = report.rows, report.dead, report.undated, report.unknown_columns, report.kept_unknown
    return counts, rows, letters, [str(c) for c in columns]


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    return iter(lambda: tmp_path_factory.mktemp("home"), None)


@pytest.mark.parametrize("table", ["SecurityEvent", "AzureDiagnostics", "Own_CL"])
@settings(max_examples=8, deadline=None)
@given(lines=LINES, ended=st.booleans())
def test_lines_land_as_they_do_one_by_one(homes: Iterator[Path], table: str, lines: list[bytes], ended: bool) -> None:
    data = b"\n".join(lines) + (b"\n" if ended else b"")
    if not data.lstrip().startswith(b"{"):
        # Not what a file of lines begins with.
        data = b'{"Computer":"first"}\n' + data
    there = landed(next(homes), table, data)
    with mock.patch.object(Straight, "rows", return_value=None):
        assert landed(next(homes), table, data) == there


@pytest.mark.parametrize("table", ["SecurityEvent", "Own_CL"])
@settings(max_examples=8, deadline=None)
@given(lines=LINES)
def test_lines_that_need_not_be_staged_land_as_others_do(homes: Iterator[Path], table: str, lines: list[bytes]) -> None:
    first = {"TimeGenerated": "2026-11-20T01:02:03Z", "Computer": "c", "Account": "a", "EventID": 1, "EventData": {}}
    # Of a column that is new someone has to find out whether it says anything.
    known = json.dumps({**first, "Process": "p", "LogonGuid": str(UUID(int=1)), "EventOriginId": str(UUID(int=2))})
    data = b"\n".join([json.dumps(first).encode(), *lines])
    straight, slowly = next(homes), next(homes)
    for home in straight, slowly:
        landed(home, table, known.encode())
    with mock.patch.object(loading, "_FORWARD_BYTES", 1):
        there = landed(straight, table, data)
    with mock.patch.object(Straight, "rows", return_value=None):
        assert landed(slowly, table, data) == there


def dated(times: Iterable[str]) -> bytes:
    return b"\n".join(json.dumps({"TimeGenerated": t, "Computer": f"c{n}"}).encode() for n, t in enumerate(times))


MANY = 200
MINUTES = [f"2026-01-01T{n // 60:02}:{n % 60:02}:00Z" for n in range(MANY)]


@pytest.mark.parametrize(
    ("times", "staged"),
    [
        (MINUTES, False),
        # The lines that are looked at beforehand, every third, show nothing of it.
        ([*MINUTES[:101], MINUTES[99], *MINUTES[102:]], True),
        ([*MINUTES[:-1], "2026-01-02T00:00:00Z"], True),
        ([*MINUTES[:100], "", *MINUTES[101:]], True),
        (MINUTES[::-1], True),
    ],
)
def test_rows_are_staged_unless_they_are_of_one_day_and_in_order(
    tmp_path: Path, times: list[str], staged: bool
) -> None:
    landed(tmp_path, "SecurityEvent", dated(["2026-01-01T00:00:00Z"]))
    with (
        mock.patch.object(loading, "_FORWARD_BYTES", 1),
        mock.patch.object(loading.Loader, "_keep", autospec=True, side_effect=loading.Loader._keep) as kept,
    ):
        counts, rows, *_ = landed(tmp_path, "SecurityEvent", dated(times))
    assert kept.called is staged
    assert counts[:3] == (MANY, 0, times.count(""))
    assert len(rows) == MANY + 1
    # In the order of time, each in its day's folder, and nothing is left of what didn't work.
    lake = Lake(tmp_path / "lake")
    there = {f.path for f in lake.snapshot("soc", "SecurityEvent").files}
    assert there == set(tmp_path.rglob("c*.parquet"))
    assert all(f.path.parent.name.startswith("_Day=") for f in lake.snapshot("soc", "SecurityEvent").files)
    for file in there:
        moments = pq.read_table(file, columns=["TimeGenerated"]).column(0).to_pylist()
        assert moments == sorted(moments)


def straight(lines: list[bytes], engine: duckdb.DuckDBPyConnection, way: Straight) -> tuple[int, str] | None:
    """How many rows come of lines, and the greatest of their bags; None where somebody has to look at each."""
    home, data = Path("/nowhere"), b"\n".join(lines)
    lake = Lake(home)
    mapping = Ingestion(lake, Tables(lake, CATALOGUE), FixedClock(NOW), home).mapping(SOC, "SecurityEvent", NOW)
    way.forget()
    held = way.hold([LineBlock(1, data, 0, len(data))])
    found = way.rows(Arrival(mapping, NOW), wrapped=True) if held else None
    try:
        sql = f"select count(*), max(EventData) from ({found.sql}) where not {WRONG}" if found else ""
        return engine.execute(sql).fetchall()[0] if found else None
    except duckdb.Error:
        return None


def test_good_lines_go_straight_and_one_strange_field_stops_them() -> None:
    with duckdb.connect(config={"threads": 2}) as engine:
        engine.execute("set TimeZone = 'UTC'; set enable_external_file_cache = false")
        way = Straight(engine)
        lines = [json.dumps({"Computer": f"c{n}", "EventID": n, "EventData": {"n": n}}).encode() for n in range(30_000)]
        assert straight(lines, engine, way) == (30_000, '{"n":9}')
        # As long as before, and in the same place.
        lines[77] = lines[77].replace(b'{"n": 77}', b'{"z": 77}')
        assert straight(lines, engine, way) == (30_000, '{"z":77}')
        lines[20_001] = b'{"Computer": "x", "Strange": null}'
        assert straight(lines, engine, way) is None
        way.close()


def test_the_fields_of_one_table_keep_none_of_another_from_going_straight() -> None:
    with duckdb.connect() as engine:
        engine.execute("set TimeZone = 'UTC'")
        way = Straight(engine)
        way._fields = {"computer": None, "OfAnotherTable": None}
        assert straight([b'{"Computer": "x", "EventData": {}}'], engine, way) == (1, "{}")
        way.close()


def test_an_engine_that_passes_over_strange_fields_is_not_trusted() -> None:
    with duckdb.connect() as engine:
        engine.execute("set TimeZone = 'UTC'")
        way = Straight(engine)
        with mock.patch.object(Straight, "_strict", return_value=False):
            assert straight([b'{"Computer": "x", "EventData": {}}'], engine, way) is None
        assert straight([b'{"Computer": "x", "EventData": {}}'], engine, way) is None
        way.close()
