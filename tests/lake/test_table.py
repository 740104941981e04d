from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake
from tests.lake.power import Disk
from tests.lake.rows import COUNT, HOST, TIME, append, hours, read

from huntlake.core.errors import Conflict, Invalid, NotFound
from huntlake.lake import Lake, writing
from huntlake.lake.forms import Form, StoredColumn
from huntlake.lake.snapshot import DataFile, Files
from huntlake.lake.table import LakeTable


@pytest.fixture
def table(tmp_path: Path) -> LakeTable:
    return Lake(tmp_path / "lake").table("soc", "Things_CL")


def test_a_table_that_was_never_written_is_empty(table: LakeTable) -> None:
    assert not table.exists
    assert table.columns() == ()
    assert table.snapshot().version == -1
    assert not table.folder.exists()


def test_rows_come_back(table: LakeTable) -> None:
    assert append(table, hours("2026-11-01 00:00:00", 30), HOST, TIME, COUNT) == 30
    snapshot = table.snapshot()
    assert [name for name, _ in snapshot.schema] == ["TimeGenerated", "Host", "Count"]
    assert snapshot.rows == 30
    assert read(snapshot, ["TimeGenerated", "Host"])[0] == (datetime(2026, 11, 1), "host0")


def test_days_are_days_of_utc_whatever_the_connection_thinks(table: LakeTable) -> None:
    append(table, hours("2026-11-01 00:00:00", 48), TIME, HOST, COUNT)
    assert [f.path.parent.name for f in table.snapshot().files] == ["_Day=2026-11-01", "_Day=2026-11-02"]
    assert [f.rows for f in table.snapshot().files] == [24, 24]


def test_only_files_that_may_hold_an_answer_are_given(table: LakeTable) -> None:
    append(table, hours("2026-11-01 00:00:00", 72), TIME, HOST, COUNT)
    append(table, hours("2026-11-02 00:00:00", 2), TIME, HOST, COUNT)
    some = table.snapshot(datetime(2026, 11, 2, 5), datetime(2026, 11, 2, 7))
    assert [(f.since, f.rows) for f in some.files] == [(datetime(2026, 11, 2), 24)]
    assert len(read(some, ["Count"], datetime(2026, 11, 2, 5), datetime(2026, 11, 2, 7))) == 3
    assert table.snapshot(datetime(2027, 1, 1)).files == ()


def test_bounds_are_inclusive(table: LakeTable) -> None:
    append(table, hours("2026-11-01 00:00:00", 1), TIME, HOST, COUNT)
    moment = datetime(2026, 11, 1)
    assert len(read(table.snapshot(moment, moment), ["Count"], moment, moment)) == 1


def test_rows_in_a_file_lie_by_time(table: LakeTable) -> None:
    append(table, f"select * from ({hours('2026-11-01 00:00:00', 24)}) order by Host", TIME, HOST, COUNT)
    (file,) = table.snapshot().files
    import pyarrow.parquet as pq

    times = pq.read_table(file.path, partitioning=None).column("TimeGenerated").to_pylist()
    assert times == sorted(times)


def test_a_new_column_is_added_and_old_files_lack_it(table: LakeTable) -> None:
    append(table, hours("2026-11-01 00:00:00", 2), TIME, HOST, COUNT)
    bag = StoredColumn("Bag", Form.JSON)
    append(table, f"select *, '{{}}' as Bag from ({hours('2026-11-02 00:00:00', 2)})", TIME, HOST, COUNT, bag)
    append(table, "select '2026-11-03 00:00:00+00'::TIMESTAMPTZ as TimeGenerated", TIME)
    snapshot = table.snapshot()
    assert [len(f.columns) for f in snapshot.files] == [3, 4, 4]
    assert [row[1:] for row in read(snapshot, ["TimeGenerated", "Host", "bag"])] == [
        ("host0", None),
        ("host1", None),
        ("host0", "{}"),
        ("host1", "{}"),
        ("", None),
    ]


def test_names_that_differ_in_case_are_one_column(table: LakeTable) -> None:
    append(table, hours("2026-11-01 00:00:00", 1), TIME, HOST, COUNT)
    lower = StoredColumn("host", Form.TEXT)
    append(table, "select now() as TimeGenerated, 'x' as host", TIME, lower)
    assert [c.name for c in table.columns()] == ["TimeGenerated", "Host", "Count"]


def test_a_column_keeps_its_form(table: LakeTable) -> None:
    span = StoredColumn("Span", Form.TICKS)
    append(table, "select now() as TimeGenerated, 5::BIGINT as Span", TIME, span)
    assert Lake(table.folder.parent.parent).table("soc", "Things_CL").columns() == (TIME, span)
    with pytest.raises(Conflict, match="`Span` of `Things_CL` holds ticks, not text"):
        append(table, "select now() as TimeGenerated, '' as Span", TIME, StoredColumn("span", Form.TEXT))


def test_the_column_of_the_lake_can_not_be_taken(table: LakeTable) -> None:
    with pytest.raises(Invalid, match="can't be named `_Day`"):
        append(table, "select now() as TimeGenerated, 'x' as _day", TIME, StoredColumn("_day", Form.TEXT))


def test_a_table_without_time_is_one_folder(table: LakeTable) -> None:
    append(table, "select 'a' as Host union all select 'b'", HOST)
    (file,) = table.snapshot(since=datetime(2026, 1, 1)).files
    assert file.path.parent == table.folder
    assert read(table.snapshot(), ["Host"]) == [("a",), ("b",)]


def test_a_row_without_a_time_is_not_lost(table: LakeTable) -> None:
    append(table, "select null::TIMESTAMPTZ as TimeGenerated, 'x' as Host", TIME, HOST)
    assert read(table.snapshot(), ["TimeGenerated", "Host"]) == [(None, "x")]


def test_writers_in_threads_all_land(table: LakeTable) -> None:
    def one(i: int) -> int:
        column = StoredColumn(f"Extra{i % 3}", Form.TEXT)
        rows = f"select *, 'x' as Extra{i % 3} from ({hours('2026-11-01 00:00:00', 3)})"
        # Each has a handle of its own, as processes have.
        return append(LakeTable(table.folder), rows, TIME, HOST, COUNT, column)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(one, range(12))) == 36
    assert table.snapshot().rows == 36
    assert len(read(table.snapshot(), ["Extra0", "Extra1", "Extra2"])) == 36


def test_writers_in_processes_all_land(table: LakeTable) -> None:
    script = (
        "import sys; from pathlib import Path; from huntlake.lake.table import LakeTable\n"
        "from tests.lake.rows import *\n"
        f"table = LakeTable(Path({str(table.folder)!r}))\n"
        "for i in range(3): append(table, hours('2026-11-01 00:00:00', 2), TIME, HOST, COUNT)"
    )
    root = Path(__file__).parents[2]
    workers = [subprocess.Popen([sys.executable, "-c", script], cwd=root) for _ in range(3)]
    assert [w.wait(60) for w in workers] == [0, 0, 0]
    assert table.snapshot().rows == 18


def test_a_handle_sees_what_another_wrote(table: LakeTable) -> None:
    append(table, hours("2026-11-01 00:00:00", 1), TIME, HOST, COUNT)
    before = table.snapshot()
    append(LakeTable(table.folder), hours("2026-11-01 05:00:00", 1), TIME, HOST, COUNT)
    assert (before.rows, table.snapshot().rows) == (1, 2)


def test_a_commit_in_the_same_tick_of_the_clock_is_seen(table: LakeTable) -> None:
    append(table, hours("2026-11-01 00:00:00", 3), TIME, HOST, COUNT)
    log = table.folder / "_delta_log"
    before = log.stat()
    assert table.snapshot().rows == 3
    append(LakeTable(table.folder), hours("2026-11-01 05:00:00", 2), TIME, HOST, COUNT)
    os.utime(log, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert table.snapshot().rows == 5


def test_an_acknowledged_commit_outlasts_a_power_cut_though_the_one_before_it_waits_for_the_disk(
    table: LakeTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, other = Disk(table.folder.parent, monkeypatch), LakeTable(table.folder)
    append(table, hours("2026-11-01 00:00:00", 1), TIME, HOST, COUNT)
    with monkeypatch.context() as waiting:
        waiting.setattr(LakeTable, "_flush_log", lambda self, entries: None)
        append(other, hours("2026-11-01 01:00:00", 1), TIME, HOST, COUNT)
    append(table, hours("2026-11-01 02:00:00", 1), TIME, HOST, COUNT)
    image = disk.image(tmp_path / "image") / table.folder.name
    assert read(LakeTable(image).snapshot(), ["Count"]) == [(0,), (0,), (0,)]


def test_other_engines_can_read_the_table(table: LakeTable) -> None:
    append(table, hours("2026-11-01 00:00:00", 30), TIME, HOST, COUNT)
    delta = DeltaTable(table.folder)
    assert delta.protocol().min_reader_version == 1
    assert str(delta.to_pyarrow_table().schema.field("TimeGenerated").type) == "timestamp[us, tz=UTC]"
    assert (
        delta.to_pyarrow_table(
            filters=[("TimeGenerated", ">=", datetime.fromisoformat("2026-11-02T00:00:00Z"))]
        ).num_rows
        == 6
    )


def test_files_keep_to_encodings_that_every_reader_can_skip_within(table: LakeTable) -> None:
    append(table, hours("2026-11-01 00:00:00", 20), HOST, TIME, COUNT)
    (file,) = table.snapshot().files
    groups = pq.ParquetFile(file.path).metadata
    used = {encoding for c in range(3) for encoding in groups.row_group(0).column(c).encodings}
    # Readers built on arrow-rs, delta-rs among them, can't skip rows in blocks of differences as DuckDB writes them.
    assert not [encoding for encoding in used if encoding.startswith(("DELTA", "BYTE_STREAM"))]


def test_what_another_engine_wrote_can_be_read(table: LakeTable) -> None:
    append(table, hours("2026-11-01 00:00:00", 2), TIME, HOST, COUNT)
    moment = datetime.fromisoformat("2026-11-02T03:00:00Z")
    rows = pa.table(
        {
            "Count": pa.array([7], pa.int64()),
            "TimeGenerated": pa.array([moment], pa.timestamp("us", "UTC")),
            "_Day": pa.array([moment.date()], pa.date32()),
        }
    )
    write_deltalake(table.folder, rows, mode="append", schema_mode="merge", partition_by=["_Day"])
    assert read(table.snapshot(datetime(2026, 11, 2)), ["Count", "Host"]) == [(7, "")]


def test_statistics_tell_the_bounds_of_times(table: LakeTable) -> None:
    append(table, hours("2026-11-01 05:00:00", 3), TIME, HOST, COUNT)
    log = sorted((table.folder / "_delta_log").glob("*.json"))[-1].read_text()
    stats = json.loads(next(json.loads(line)["add"]["stats"] for line in log.splitlines() if '"add"' in line))
    assert stats["numRecords"] == 3
    assert stats["minValues"] == {"TimeGenerated": "2026-11-01T05:00:00.000000Z", "Host": "host0", "Count": 0}
    assert stats["maxValues"]["TimeGenerated"] == "2026-11-01T07:00:00.000000Z"


def test_files_that_were_not_committed_are_not_seen(table: LakeTable) -> None:
    append(table, hours("2026-11-01 00:00:00", 1), TIME, HOST, COUNT)
    from tests.lake.rows import connection

    with connection() as engine:
        engine.execute(f"create temp table rows as {hours('2026-11-01 00:00:00', 1)}")
        files = table.write(engine, "rows", [TIME, HOST, COUNT])
    assert table.snapshot().rows == 1
    table.discard(files)
    assert len(list(table.folder.rglob("*.parquet"))) == 1


def test_a_handle_keeps_up_with_files_that_go_come_and_change_their_columns(table: LakeTable) -> None:
    append(table, hours("2026-11-01 00:00:00", 3), TIME, HOST, COUNT)
    reader = LakeTable(table.folder)
    first = reader.snapshot().files
    append(table, hours("2026-11-02 00:00:00", 2), TIME, HOST, COUNT)
    second = reader.snapshot().files
    assert second[0] is first[0]
    table.add_columns([StoredColumn("More", Form.TEXT)])
    append(table, "select now() as TimeGenerated, 'm' as More", TIME, StoredColumn("More", Form.TEXT))
    assert [len(f.columns) for f in reader.snapshot().files] == [3, 3, 4]
    table.clear()
    assert reader.snapshot().files == ()
    append(table, hours("2026-11-01 00:00:00", 1), TIME, HOST, COUNT)
    assert [f.rows for f in reader.snapshot().files] == [1]


def test_files_are_found_by_time_however_they_overlap() -> None:
    dice = random.Random(7)
    start = datetime(2026, 11, 1)
    files = []
    for i in range(60):
        since = start + timedelta(hours=dice.randrange(100)) if dice.random() < 0.9 else None
        until = (since or start) + timedelta(hours=dice.randrange(30)) if dice.random() < 0.9 else None
        files.append(DataFile(Path(f"f{i}"), 1, 1, since, until, ()))
    held = Files(files)
    for _ in range(300):
        low, high = (start + timedelta(hours=dice.randrange(-5, 140)) if dice.random() < 0.8 else None for _ in "ab")
        expected = {
            f.path
            for f in files
            if (low is None or f.until is None or f.until >= low)
            and (high is None or f.since is None or f.since <= high)
        }
        assert {f.path for f in held.within(low, high)} == expected


@pytest.mark.parametrize("feature", ["deletionVectors", "columnMapping"])
def test_what_another_engine_says_beside_the_files_is_never_passed_over(tmp_path: Path, feature: str) -> None:
    append(LakeTable(tmp_path), hours("2026-11-01 00:00:00", 3), TIME, HOST, COUNT)
    versions = sorted((tmp_path / "_delta_log").glob("*.json"))
    wants = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": [feature], "writerFeatures": [feature]}
    log = tmp_path / "_delta_log" / f"{len(versions):020d}.json"
    log.write_text(json.dumps({"protocol": wants}) + "\n")
    with pytest.raises(Invalid, match=f"`{feature}`.*not supported"):
        LakeTable(tmp_path).snapshot()


def test_a_table_that_is_dropped_before_its_commit_is_flushed_needs_no_flush(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, other = Lake(tmp_path / "lake"), Lake(tmp_path / "lake")
    table = lake.table("soc", "Things_CL")
    append(table, hours("2026-11-01 00:00:00", 3), HOST, TIME, COUNT)
    real = writing.flush

    def dropped_first(paths: Sequence[Path], root: Path) -> None:
        assert paths
        monkeypatch.setattr("huntlake.lake.durability.flush", real)
        assert other.drop("soc", "Things_CL")
        real(paths, root)

    monkeypatch.setattr("huntlake.lake.durability.flush", dropped_first)
    lake.clear("soc", "Things_CL")
    assert not table.exists


def test_a_table_that_is_dropped_while_it_is_opened_is_not_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(Lake(tmp_path / "lake").table("soc", "Things_CL"), hours("2026-11-01 00:00:00", 3), HOST, TIME, COUNT)
    lake = Lake(tmp_path / "lake")

    def dropped_first(folder: Path) -> DeltaTable:
        shutil.rmtree(folder)
        return DeltaTable(folder)

    monkeypatch.setattr("deltalake.DeltaTable", dropped_first)
    with pytest.raises(NotFound, match="Things_CL"):
        lake.clear("soc", "Things_CL")
