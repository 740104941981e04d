"""Compaction, retention, vacuum, indexes, verification: every row stays, and every other reader follows."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from threading import Thread

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from tests.lake.rows import COUNT, HOST, TIME, append, hours, read

from huntlake.core.errors import Conflict, Invalid
from huntlake.lake.forms import Form, StoredColumn
from huntlake.lake.index.sidecar import path_of
from huntlake.lake.index.terms import Clause
from huntlake.lake.log.reading import keep_damaged, segments
from huntlake.lake.maintenance.compaction import Aim, compact, planned
from huntlake.lake.maintenance.indexing import index
from huntlake.lake.maintenance.lock import alone
from huntlake.lake.maintenance.retention import expire
from huntlake.lake.maintenance.statistics import statistics
from huntlake.lake.maintenance.vacuum import vacuum
from huntlake.lake.maintenance.verification import verify, verify_log
from huntlake.lake.table import LakeTable

NOW = datetime(2026, 11, 5, 10, 30)
WITH, WITHOUT = Clause((("host1",),)), Clause((("nowhere",),))
ALL = ["TimeGenerated", "Host", "Count"]


@pytest.fixture
def table(tmp_path: Path) -> LakeTable:
    return LakeTable(tmp_path / "T")


@pytest.fixture
def crowded(table: LakeTable) -> LakeTable:
    """Three days in nine files; the loads of each day overlap in time."""
    for start in ("2026-11-01 00:00:00", "2026-11-01 00:30:00", "2026-11-01 01:10:00"):
        append(table, hours(start, 70), TIME, HOST, COUNT)
    return table


def files(table: LakeTable) -> list[Path]:
    return sorted(p.relative_to(table.folder) for p in table.folder.rglob("*.parquet"))


def age(folder: Path, hours: float) -> None:
    """Let everything in a folder, its log too, be older than it is."""
    for path in folder.rglob("*"):
        old = path.stat().st_mtime - 3600 * hours
        os.utime(path, (old, old))


def test_a_day_becomes_one_file_in_the_order_of_time(crowded: LakeTable, tmp_path: Path) -> None:
    before = read(crowded.snapshot(), ALL)
    done = compact(crowded, tmp_path, NOW)
    assert (done.files_before, done.files_after, done.rows) == (9, 3, 210)
    snapshot = crowded.snapshot()
    assert read(snapshot, ALL) == before
    assert [f.day and f.day.day for f in snapshot.files] == [1, 2, 3]
    assert verify(crowded).disagreements == ()
    assert compact(crowded, tmp_path, NOW).files_before == 0


def test_other_readers_follow_and_see_that_no_row_has_changed(crowded: LakeTable, tmp_path: Path) -> None:
    follower = DeltaTable(crowded.folder)
    compact(crowded, tmp_path, NOW)
    follower.update_incremental()
    assert follower.to_pyarrow_table().num_rows == DeltaTable(crowded.folder).to_pyarrow_table().num_rows == 210
    log = sorted((crowded.folder / "_delta_log").glob("*.json"))[-1].read_text()
    assert '"dataChange":false' in log
    assert '"dataChange":true' not in log


def test_what_is_large_is_cut_by_time_and_left_alone_afterwards(crowded: LakeTable, tmp_path: Path) -> None:
    before, aim = read(crowded.snapshot(), ALL), Aim(rows=50)
    assert compact(crowded, tmp_path, NOW, aim=aim).files_after > 3
    snapshot = crowded.snapshot()
    assert read(snapshot, ALL) == before
    assert all(
        a.until <= b.since for a, b in zip(snapshot.files, snapshot.files[1:], strict=False) if a.until and b.since
    )
    assert max(f.rows for f in snapshot.files) <= 50
    assert compact(crowded, tmp_path, NOW, aim=aim).files_before == 0


def test_large_files_that_hold_the_same_times_are_sorted_into_one_another_once(
    crowded: LakeTable, tmp_path: Path
) -> None:
    before, aim = read(crowded.snapshot(), ALL), Aim(rows=24)
    assert all(aim.settled(f) for f in crowded.snapshot().files)
    assert statistics(crowded, NOW).to_compact == 9
    done = compact(crowded, tmp_path, NOW, aim=aim)
    assert (done.files_before, done.files_after, done.rows) == (9, 9, 210)
    snapshot = crowded.snapshot()
    assert read(snapshot, ALL) == before
    assert all(a.until < b.since for a, b in pairwise(snapshot.files) if a.until and b.since)
    assert verify(crowded).disagreements == ()
    assert compact(crowded, tmp_path, NOW, aim=aim).files_before == 0


def test_a_sort_that_is_stopped_leaves_the_table_as_it_was(crowded: LakeTable, tmp_path: Path) -> None:
    asked = iter([False, False, False, True, True])
    before = crowded.snapshot().version
    compact(crowded, tmp_path, NOW, aim=Aim(rows=24), stopped=lambda: next(asked))
    assert crowded.snapshot().version == before
    assert len(files(crowded)) == 9


def test_large_files_of_today_and_of_a_day_that_rows_come_for_are_not_sorted(crowded: LakeTable) -> None:
    there, aim = crowded.snapshot().files, Aim(rows=24)
    assert [r.day and r.day.day for r in planned(there, datetime(2026, 11, 3, 23, 30), aim)] == [1, 2]
    assert planned(there, NOW, aim, quiet=timedelta(hours=1)) == []


def test_rows_of_one_moment_are_not_cut(table: LakeTable, tmp_path: Path) -> None:
    for _ in range(3):
        append(table, "select '2026-11-01 00:00:00+00'::TIMESTAMPTZ as TimeGenerated from range(50)", TIME)
    done = compact(table, tmp_path, NOW, aim=Aim(rows=110))
    assert (done.rows, done.files_after, table.snapshot().rows) == (150, 1, 150)


def test_of_today_only_hours_that_are_over_and_crowded(table: LakeTable, tmp_path: Path) -> None:
    for i in range(3):
        append(table, hours(f"2026-11-05 09:{i:02}:00", 1), TIME, HOST, COUNT)
        append(table, hours(f"2026-11-05 10:{i:02}:00", 1), TIME, HOST, COUNT)
    append(table, hours("2026-11-05 08:00:00", 1), TIME, HOST, COUNT)
    found = planned(table.snapshot().files, NOW, Aim(crowd=3))
    assert [[f.since.hour for f in r.files if f.since] for r in found] == [[9, 9, 9]]
    assert planned(table.snapshot().files, NOW) == []


def test_a_day_that_rows_still_come_for_waits(crowded: LakeTable) -> None:
    assert planned(crowded.snapshot().files, NOW, quiet=timedelta(hours=1)) == []
    age(crowded.folder, 2)
    assert len(planned(crowded.snapshot().files, NOW, quiet=timedelta(hours=1))) == 3


def test_rows_without_a_time_and_columns_that_came_later(table: LakeTable, tmp_path: Path) -> None:
    append(table, "select null::TIMESTAMPTZ as TimeGenerated, 1::BIGINT as Count", TIME, COUNT)
    append(table, "select null::TIMESTAMPTZ as TimeGenerated, 2::BIGINT as Count, 'h' as Host", TIME, COUNT, HOST)
    assert compact(table, tmp_path, NOW).files_after == 1
    assert read(table.snapshot(), ["Count", "Host"]) == [(1, ""), (2, "h")]
    assert verify(table).disagreements == ()


def test_a_table_without_times(table: LakeTable, tmp_path: Path) -> None:
    for i in range(3):
        append(table, f"select {i}::BIGINT as Count", COUNT)
    assert compact(table, tmp_path, NOW).files_after == 1
    assert read(table.snapshot(), ["Count"]) == [(0,), (1,), (2,)]


def test_files_of_another_engine_become_ours(crowded: LakeTable, tmp_path: Path) -> None:
    moments = [datetime.fromisoformat(t) for t in ("2026-11-02T09:00:00.123456Z", "2026-11-02T03:00:00Z")]
    columns = {"Count": pa.array([7, 8], pa.int64()), "TimeGenerated": pa.array(moments, pa.timestamp("us", "UTC"))}
    rows = pa.table({**columns, "_Day": pa.array([m.date() for m in moments], pa.date32())})
    write_deltalake(crowded.folder, rows, mode="append", schema_mode="merge", partition_by=["_Day"])
    before = read(crowded.snapshot(), ALL)
    assert verify(crowded).disagreements == ()
    compact(crowded, tmp_path, NOW)
    assert read(crowded.snapshot(), ALL) == before
    assert not any(f.foreign for f in crowded.snapshot().files)
    assert verify(crowded).disagreements == ()


def test_texts_that_another_engine_calls_json(table: LakeTable, tmp_path: Path) -> None:
    bag = StoredColumn("Bag", Form.JSON)
    append(table, "select '2026-11-01 00:00:00+00'::TIMESTAMPTZ as TimeGenerated, '{\"a\": 1}' as Bag", TIME, bag)
    append(
        table, "select '2026-11-01 01:00:00+00'::TIMESTAMPTZ as TimeGenerated, json_object('a', 2) as Bag", TIME, bag
    )
    compact(table, tmp_path, NOW)
    assert read(table.snapshot(), ["Bag"]) == [('{"a": 1}',), ('{"a":2}',)]
    assert verify(table).disagreements == ()


def test_appends_while_it_is_compacted(table: LakeTable, tmp_path: Path) -> None:
    def fill() -> None:
        other = LakeTable(table.folder)
        for i in range(20):
            append(other, hours(f"2026-11-01 00:{i:02}:00", 30), TIME, HOST, COUNT)

    append(table, hours("2026-11-01 00:00:00", 30), TIME, HOST, COUNT)
    writer = Thread(target=fill)
    writer.start()
    compacted = 0
    while writer.is_alive():
        compacted += compact(table, tmp_path, NOW).files_before
    writer.join()
    compact(table, tmp_path, NOW)
    assert compacted
    assert table.snapshot().rows == 21 * 30
    assert len(table.snapshot().files) == 2


def test_what_was_cleared_meanwhile_doesnt_come_back(crowded: LakeTable) -> None:
    stale = LakeTable(crowded.folder)
    old = stale.snapshot().files
    crowded.clear()
    assert not stale.exchange(old[:1], [], same_rows=True)
    assert crowded.snapshot().rows == 0


def test_a_handle_that_is_behind_clears_what_was_compacted(crowded: LakeTable, tmp_path: Path) -> None:
    stale = LakeTable(crowded.folder)
    assert stale.snapshot().rows == 210
    compact(crowded, tmp_path, NOW)
    stale.clear()
    assert crowded.snapshot().rows == 0


def test_a_failure_leaves_nothing_behind(crowded: LakeTable, tmp_path: Path) -> None:
    victim = crowded.snapshot().files[0].path
    victim.write_bytes(b"not parquet")
    before = files(crowded)
    with pytest.raises(Invalid, match="can't be compacted"):
        compact(crowded, tmp_path, NOW)
    assert files(crowded) == before


def test_only_one_process_at_a_time_keeps_a_table(crowded: LakeTable, tmp_path: Path) -> None:
    with alone(crowded.folder), pytest.raises(Conflict, match="another process"):
        compact(crowded, tmp_path, NOW)
    assert compact(crowded, tmp_path, NOW).files_after == 3


def test_days_that_are_too_old_go_as_a_whole(crowded: LakeTable) -> None:
    assert expire(crowded, datetime(2026, 11, 2, 23)).rows == 70 - (70 - 24) + 24 + 23
    first = min(t for (t,) in read(crowded.snapshot(), ["TimeGenerated"]))
    assert first == datetime(2026, 11, 2)
    assert expire(crowded, datetime(2026, 11, 2, 23)).files == 0
    assert DeltaTable(crowded.folder).to_pyarrow_table().num_rows == crowded.snapshot().rows


def test_running_queries_keep_their_files_for_a_time_of_grace(crowded: LakeTable, tmp_path: Path) -> None:
    age(crowded.folder, 1000)
    before = crowded.snapshot()
    rows = read(before, ALL)
    compact(crowded, tmp_path, NOW)
    assert vacuum(crowded).files == 0
    assert read(before, ALL) == rows
    age(crowded.folder, 25)
    assert vacuum(crowded, dry=True).files == 18
    assert len(files(crowded)) == 12
    assert vacuum(crowded).files == 18
    assert len(files(crowded)) == len(list(crowded.folder.rglob("*.terms"))) == 3
    assert read(crowded.snapshot(), ALL) == rows


def test_vacuum_takes_what_a_crash_has_left_and_nothing_else(crowded: LakeTable) -> None:
    day = crowded.snapshot().files[0].path.parent
    for name in ("c0003-" + "0" * 32 + ".parquet", "c0003-" + "0" * 32 + ".parquet.terms", "x.parquet.terms.partial"):
        (day / name).write_bytes(b"half")
    (crowded.folder / "README.txt").write_text("mine")
    assert vacuum(crowded).files == 0
    age(crowded.folder, 25)
    assert vacuum(crowded).files == 3
    assert (crowded.folder / "README.txt").exists()
    assert crowded.snapshot().rows == 210
    assert verify(crowded).disagreements == ()


def test_a_vacuum_while_rows_are_loaded_leaves_them(crowded: LakeTable) -> None:
    from tests.lake.rows import connection

    age(crowded.folder, 1000)
    with connection() as engine:
        engine.execute(f"create temp table rows as {hours('2026-11-01 00:00:00', 1)}")
        written = crowded.write(engine, "rows", [TIME, HOST, COUNT])
        assert vacuum(crowded).files == 0
        crowded.commit(written)
    assert verify(crowded).rows == 211


def test_sidecars_that_are_missing_or_damaged_are_built(crowded: LakeTable) -> None:
    one, two, *_ = crowded.snapshot().files
    path_of(one.path).unlink()
    path_of(two.path).write_bytes(b"HLTERMS1 and nonsense")
    assert [d.file for d in verify(crowded).disagreements] == [path_of(two.path).relative_to(crowded.folder).as_posix()]
    assert index(crowded).built == 2
    assert verify(crowded).disagreements == ()
    assert LakeTable(crowded.folder).snapshot(clauses=[WITHOUT]).files == ()


def test_a_table_without_an_index_gets_none_and_loses_what_it_had(crowded: LakeTable, tmp_path: Path) -> None:
    before = read(crowded.snapshot(clauses=[WITH]), ALL)
    crowded.keep_index(False)
    assert (index(crowded).deleted, index(crowded).deleted) == (9, 0)
    append(crowded, hours("2026-11-03 05:00:00", 2), TIME, HOST, COUNT)
    compact(crowded, tmp_path, NOW)
    there = LakeTable(crowded.folder)
    assert index(there).built == 0
    assert list(there.folder.rglob("*.terms")) == []
    assert verify(there, repair=True).disagreements == ()
    assert list(there.folder.rglob("*.terms")) == []
    told = statistics(there, NOW)
    assert (told.keeps_index, told.indexed, told.index_bytes) == (False, 0, 0)
    assert set(before) <= set(read(there.snapshot(clauses=[WITH]), ALL))
    assert there.snapshot(clauses=[WITHOUT]).rows == 212
    there.keep_index(True)
    assert index(crowded).built == 3
    assert crowded.snapshot(clauses=[WITHOUT]).files == ()


def test_an_index_that_is_left_behind_says_nothing_once_it_is_switched_off(crowded: LakeTable) -> None:
    crowded.keep_index(False)
    for file in crowded.snapshot().files:
        path_of(file.path).write_bytes(b"of no use")
    assert verify(crowded).disagreements == ()
    assert crowded.snapshot(clauses=[WITHOUT]).rows == 210


def test_verify_finds_a_sidecar_that_hides_rows_and_repairs_it(crowded: LakeTable) -> None:
    from huntlake.lake.index import sidecar
    from huntlake.lake.index.building import BLOCK
    from huntlake.lake.index.fingerprints import nothing

    file = crowded.snapshot().files[0]
    sidecar.write(file.path, sidecar.Sidecar(file.path.name, file.rows, BLOCK, ("Host",), (), nothing(1)))
    assert LakeTable(crowded.folder).snapshot(clauses=[WITH]).files != crowded.snapshot().files
    found = verify(crowded, repair=True).disagreements
    assert [d.what for d in found] == ["its terms aren't those of the file"]
    assert found[0].repaired
    assert verify(crowded).disagreements == ()


def damage() -> Iterator[tuple[str, str]]:
    yield "bytes", "it can't be read"
    yield "missing", "it is missing"
    yield "rows", "rows, and the log says"
    yield "order", "rows are earlier than the row before them"
    yield "bounds", "`Count` goes up to `9999`"


@pytest.mark.parametrize(("kind", "told"), list(damage()))
def test_verify_tells_what_is_wrong_and_where(crowded: LakeTable, kind: str, told: str) -> None:
    import pyarrow.parquet as pq

    file = crowded.snapshot().files[4].path
    rows = pq.read_table(file)
    if kind == "bytes":
        data = bytearray(file.read_bytes())
        data[4:60] = bytes(56)
        file.write_bytes(data)
    elif kind == "missing":
        file.unlink()
    elif kind == "rows":
        pq.write_table(rows.slice(1), file)
    elif kind == "order":
        pq.write_table(rows.take(list(reversed(range(rows.num_rows)))), file)
    else:
        counts = pa.array([9999] * rows.num_rows, pa.int64())
        pq.write_table(rows.set_column(rows.column_names.index("Count"), "Count", counts), file)
    found = verify(crowded).disagreements
    assert {d.file for d in found if not d.file.endswith(".terms")} == {file.relative_to(crowded.folder).as_posix()}
    assert any(told in d.what for d in found)


def test_verify_finds_a_hole_in_the_log(crowded: LakeTable) -> None:
    (crowded.folder / "_delta_log" / f"{2:020d}.json").unlink()
    assert any(d.file == "_delta_log" for d in verify(LakeTable(crowded.folder)).disagreements)


def test_statistics_tell_what_there_is_to_do(crowded: LakeTable, tmp_path: Path) -> None:
    found = statistics(crowded, NOW)
    assert (found.rows, found.files, found.days, found.indexed, found.to_compact) == (210, 9, 3, 9, 9)
    assert found.unreferenced == 0
    compact(crowded, tmp_path, NOW)
    found = statistics(crowded, NOW)
    assert (found.files, found.indexed, found.to_compact) == (3, 3, 0)
    assert found.unreferenced > 0


def test_a_table_that_isnt_there(table: LakeTable, tmp_path: Path) -> None:
    assert (
        compact(table, tmp_path, NOW).rows == expire(table, NOW).rows == vacuum(table).files == index(table).files == 0
    )
    assert verify(table).disagreements == ()
    assert statistics(table, NOW).files == 0


def test_a_vacuum_of_a_day_ago_is_not_fooled_by_the_age_of_files(crowded: LakeTable, tmp_path: Path) -> None:
    age(crowded.folder, 1000)
    compact(crowded, tmp_path, NOW)
    started = time.time()
    crowded.clear()
    assert vacuum(crowded, timedelta(seconds=time.time() - started + 5)).files == 0


def test_verify_names_files_that_nobody_needs_and_leaves_them(crowded: LakeTable) -> None:
    day = crowded.snapshot().files[0].path.parent
    for name in ("c0003-" + "0" * 32 + ".parquet", "c0003-" + "1" * 32 + ".parquet.terms"):
        (day / name).write_bytes(b"half")
    assert verify(crowded).unused == ()
    age(crowded.folder, 25)
    found = verify(crowded, repair=True)
    assert found.disagreements == ()
    assert [Path(name).name[:7] for name in found.unused] == ["c0003-0", "c0003-1"]
    assert all((crowded.folder / name).exists() for name in found.unused)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('\\"numRecords\\": 24', '\\"numRecords\\": 23'),
        ('\\"Count\\": 23', '\\"Count\\": 22'),
        ("2026-11-01T00:00:00.000000Z", "2026-11-01T00:00:00.000001Z"),
        ('\\"Host\\": 0', '\\"Host\\": 1'),
    ],
)
def test_verify_finds_statistics_that_say_something_else(crowded: LakeTable, old: str, new: str) -> None:
    for entry in (crowded.folder / "_delta_log").glob("*.json"):
        text = entry.read_text()
        if old in text:
            entry.write_text(text.replace(old, new))
            break
    else:
        pytest.fail("nothing was damaged")
    assert verify(LakeTable(crowded.folder)).disagreements


def test_verify_names_what_is_damaged_of_a_log(tmp_path: Path) -> None:
    from tests.lake.test_log import Log, batch

    log = Log(tmp_path)
    for n in (1, 2, 3):
        log.writer.append(batch(n))
    assert verify_log(tmp_path) == ()
    (segment,) = segments(log.owned.folder)
    whole = segment.read_bytes()
    data = bytearray(whole)
    data[len(data) // 2] ^= 1
    segment.write_bytes(data)
    (found,) = verify_log(tmp_path)
    assert found.file == segment.relative_to(tmp_path).as_posix()
    assert "hold no batch" in found.what
    keep_damaged(log.owned)
    (found,) = verify_log(tmp_path)
    assert found.file.startswith("_log/damaged/")
    log.die()


def test_verify_finds_any_flipped_bit_of_a_file_and_no_index_vouches_for_it_later(crowded: LakeTable) -> None:
    import pyarrow.parquet as pq

    dice = random.Random(20261122)
    file = crowded.snapshot().files[0].path
    whole, name = file.read_bytes(), file.relative_to(crowded.folder).as_posix()
    for _ in range(40):
        data = bytearray(whole)
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        file.write_bytes(data)
        assert name in {d.file for d in verify(LakeTable(crowded.folder)).disagreements}
    file.write_bytes(whole)
    rows = pq.read_table(file)
    pq.write_table(rows.set_column(rows.column_names.index("Host"), "Host", [["other"] * rows.num_rows]), file)
    assert index(LakeTable(crowded.folder), anew=True).built
    assert name in {d.file for d in verify(LakeTable(crowded.folder)).disagreements}
    file.write_bytes(whole)
    index(LakeTable(crowded.folder), anew=True)
    assert verify(LakeTable(crowded.folder)).disagreements == ()
