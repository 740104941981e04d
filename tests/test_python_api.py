"""huntlake in a Python program."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import huntlake
from huntlake.core.errors import Invalid, NotFound
from huntlake.session import Session


@pytest.fixture(scope="module")
def lake() -> Iterator[Session]:
    with huntlake.open() as session:
        yield session


def test_importing_huntlake_loads_nothing_heavy() -> None:
    program = "import sys, huntlake; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"duckdb", "pyarrow", "deltalake", "cryptography", "sqlalchemy", "pandas", "pydantic", "numpy"}
    assert not heavy & set(loaded)


@pytest.mark.parametrize(
    "frame",
    [
        {"Host": ["a", "b", "a"], "Bytes": [1, 2, 3]},
        [{"Host": "a", "Bytes": 1}, {"Host": "b", "Bytes": 2}, {"Host": "a", "Bytes": 3}],
        pa.table({"Host": ["a", "b", "a"], "Bytes": [1, 2, 3]}),
        pd.DataFrame({"Host": ["a", "b", "a"], "Bytes": [1, 2, 3]}),
        pl.DataFrame({"Host": ["a", "b", "a"], "Bytes": [1, 2, 3]}),
    ],
    ids=lambda frame: type(frame).__module__.split(".")[0] + "." + type(frame).__name__,
)
def test_a_frame_is_a_table(lake: Session, frame: object) -> None:
    lake.register("Traffic", frame)
    result = lake.query("Traffic | summarize Total = sum(Bytes) by Host | sort by Host asc")
    assert result.columns == ("Host", "Total")
    assert result.types == ("string", "long")
    assert list(result) == [("a", 4), ("b", 2)]
    assert "Traffic" in lake.tables()


def test_values_are_pythons(lake: Session) -> None:
    result = lake.query(
        "print b = true, i = int(1), l = 9223372036854775807, r = 1.5, m = decimal(1.250), s = 'x', "
        "d = datetime(2026-11-21 12:00:00.5), t = time(-1.02:03:04), g = guid(74be27de-1e4e-49d9-b579-fe0b331d3642), "
        "y = dynamic({'a': [1, null]}), n = long(null), e = ''"
    )
    assert result.rows == [
        (
            *(True, 1, 9223372036854775807, 1.5, Decimal("1.25"), "x"),
            datetime(2026, 11, 21, 12, 0, 0, 500_000, UTC),
            -timedelta(days=1, hours=2, minutes=3, seconds=4),
            "74be27de-1e4e-49d9-b579-fe0b331d3642",
            {"a": [1, None]},
            None,
            "",
        )
    ]
    assert result.to_dicts()[0]["y"] == {"a": [1, None]}


def test_frames_keep_types(lake: Session) -> None:
    result = lake.query("print d = datetime(2026-11-21), t = 1h, y = dynamic([1]), s = 'x'")
    arrow = result.to_arrow()
    assert [str(type) for type in arrow.schema.types] == ["timestamp[us, tz=UTC]", "duration[us]", "string", "string"]
    pandas = result.to_pandas()
    assert pandas.loc[0, "d"] == pd.Timestamp("2026-11-21", tz="UTC")
    assert pandas.loc[0, "t"] == pd.Timedelta(hours=1)
    assert pandas.loc[0, "y"] == [1]
    polars = result.to_polars()
    assert polars.rows() == [(datetime(2026, 11, 21, tzinfo=UTC), timedelta(hours=1), "[1]", "x")]


def test_an_empty_result_is_a_table_too(lake: Session) -> None:
    result = lake.query("SigninLogs | project TimeGenerated, LocationDetails | take 5")
    assert (len(result), result.types) == (0, ("datetime", "dynamic"))
    assert list(result.to_pandas().columns) == ["TimeGenerated", "LocationDetails"]
    assert result.to_polars().height == 0
    assert "(0 rows)" in repr(result)
    assert "<table>" in result._repr_html_()


def test_a_cell_is_never_markup_nor_a_terminals_command(lake: Session) -> None:
    lake.register("Log", {"<b>": ["<script>alert(1)</script>"], "t": ["\x1b[31mred\nline"]})
    result = lake.query("Log")
    page = result._repr_html_()
    assert "<script>" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;" in page
    assert "\x1b" not in page + repr(result)
    assert len(repr(result).splitlines()) == 4


def test_a_long_result_says_how_much_it_shows(lake: Session) -> None:
    result = lake.query("range i from 1 to 5000 step 1")
    assert repr(result).endswith("(the first 20 of 5,000 rows)")
    assert len(result) == 5000


def test_parameters_are_values_and_not_text(lake: Session) -> None:
    text = "declare query_parameters(name:string); print n = name"
    assert lake.query(text, name="x' | take 0").rows == [("x' | take 0",)]


def test_several_results_are_not_dropped_silently(lake: Session) -> None:
    with pytest.raises(Invalid, match="query_all"):
        lake.query("print 1; print 2")
    assert [r.rows for r in lake.query_all("print 1; print 2")] == [[(1,)], [(2,)]]


def test_the_limits_of_the_wire_do_not_apply(lake: Session) -> None:
    assert len(lake.query("range i from 1 to 600000 step 1")) == 600_000


def test_files_are_ingested_and_kept(tmp_path: Path) -> None:
    home, logs = tmp_path / "lake", tmp_path / "logs.jsonl"
    logs.write_text('{"TimeGenerated":"2026-11-21T12:00:00Z","UserPrincipalName":"ann@example.org"}\n')
    with huntlake.open(home, create=True) as session:
        assert session.ingest(logs, "SigninLogs").rows == 1
    with huntlake.open(str(home)) as session:
        assert session.tables() == ("SigninLogs",)
        assert session.query("SigninLogs | project UserPrincipalName").rows == [("ann@example.org",)]
    with pytest.raises(NotFound):
        huntlake.open(home, "another")


def test_a_mistyped_folder_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="create=True"):
        huntlake.open(tmp_path / "lack")
    assert not (tmp_path / "lack").exists()


def test_with_several_workspaces_one_has_to_be_named(tmp_path: Path) -> None:
    for name in ("red", "blue"):
        huntlake.open(tmp_path, name, create=True).close()
    with pytest.raises(Invalid, match=r"`blue`, `red`"):
        huntlake.open(tmp_path)
    with huntlake.open(tmp_path, "red") as session:
        assert session.workspace.name == "red"


def test_a_session_in_memory_leaves_nothing_behind(tmp_path: Path) -> None:
    logs = tmp_path / "logs.jsonl"
    logs.write_text('{"TimeGenerated":"2026-11-21T12:00:00Z","UserPrincipalName":"ann"}\n')
    session = huntlake.open()
    session.ingest([logs], "SigninLogs")
    root = session._analytics.lake.root
    assert root.exists()
    session.close()
    assert not root.parent.exists()
