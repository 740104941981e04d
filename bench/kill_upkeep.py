"""Whether tables survive `kill -9` of what keeps them in order: `python -m bench.kill_upkeep [points] [seed]`.

A process appends to a table, compacts it, makes paths hot, builds its index, takes old days away and deletes files, and
is killed at a random moment. Then every batch that was committed must be there once, days must be there whole or not at
all, log, files, statistics and index must agree, and what was left behind must go by the next vacuum.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

POINTS = 200
_NOW = datetime(2026, 11, 20, 12)
_DAYS = 4
_AT_ONCE = timedelta(seconds=-60)
"""A time of grace that has always passed; this process is alone with its table."""


def child(folder: Path, run: int, seed: int) -> None:
    """Work until killed. It says what it begins and what is done, a line each."""
    # Before it says that it is ready: no moment is to be found in an import.
    import deltalake  # noqa: F401
    import duckdb
    import pyarrow.parquet  # noqa: F401

    from huntlake.lake.forms import Form, StoredColumn
    from huntlake.lake.maintenance.compaction import Aim, compact
    from huntlake.lake.maintenance.indexing import index
    from huntlake.lake.maintenance.retention import expire
    from huntlake.lake.maintenance.vacuum import vacuum
    from huntlake.lake.paths import HotPath
    from huntlake.lake.table import LakeTable

    paths = [HotPath("Bag", path) for path in ('$."a"', '$."b"[0]', '$."c"."d"')]
    dice = random.Random(f"{seed} {run}")
    columns = (
        StoredColumn("TimeGenerated", Form.INSTANT),
        StoredColumn("Batch", Form.BIGINT),
        StoredColumn("Host", Form.TEXT),
        StoredColumn("Bag", Form.JSON),
    )
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    table, old = LakeTable(folder / "Kept"), LakeTable(folder / "Old")
    print("ready", flush=True)
    for step in range(1_000_000):
        batch, rows = run * 1_000_000 + step, dice.randint(1, 300)
        connection.execute(
            f"create or replace temp table rows as select '2026-11-1{dice.randrange(_DAYS)}'::TIMESTAMPTZ "
            f"+ to_seconds(hash(i + {batch}) % 86400) as TimeGenerated, {batch}::BIGINT as Batch, "
            f"'host' || i % 7 as Host, "
            f"""json_object('a', i % 5, 'b', ['x' || i], 'c', json_object('d', i % 2 = 0))::VARCHAR as Bag """
            f"from range({rows}) r(i)"
        )
        print(f"tried {batch} {rows}", flush=True)
        table.append(connection, "rows", columns)
        print(f"kept {batch}", flush=True)
        old.append(connection, "rows", columns)
        act = dice.randrange(6)
        if act < 2:
            compact(table, folder, _NOW, aim=Aim(rows=dice.choice([500, 5000])))
        elif act == 2:
            index(table, anew=dice.random() < 0.3)
        elif act == 3:
            vacuum(table, _AT_ONCE)
        elif act == 4:
            table.keep_paths(dice.sample(paths, dice.randrange(4)))
        else:
            expire(old, datetime(2026, 11, 12))
            vacuum(old, _AT_ONCE)


@dataclass
class Findings:
    """What was found; each line of `told` is a fault."""

    points: int = 0
    rows: int = 0
    left_behind: int = 0
    """Files that a kill left and a vacuum took."""
    told: list[str] = field(default_factory=list)


def kill(points: int, seed: int, folder: Path) -> Findings:
    """Kill a process at so many random moments, and look each time."""
    dice = random.Random(seed)
    found, tried, kept = Findings(), dict[int, int](), set[int]()
    for run in range(points):
        words = [sys.executable, "-m", "bench.kill_upkeep", "--child", str(folder), str(run), str(seed)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            first = process.stdout.readline()
            time.sleep(dice.uniform(0.0, 1.5))
            alive = process.poll() is None
            process.kill()
            for line in process.stdout.read().splitlines():
                word, *numbers = line.split()
                if word == "tried":
                    tried[int(numbers[0])] = int(numbers[1])
                else:
                    kept.add(int(numbers[0]))
        if first != "ready\n" or not alive:
            found.told.append(f"run {run}: it ended by itself")
        _look(folder, run, tried, kept, found)
        found.points += 1
    return found


def _look(folder: Path, run: int, tried: dict[int, int], kept: set[int], found: Findings) -> None:
    from huntlake.lake.maintenance.vacuum import vacuum
    from huntlake.lake.maintenance.verification import verify
    from huntlake.lake.table import LakeTable

    for name in ("Kept", "Old"):
        table = LakeTable(folder / name)
        before = _batches(table)
        found.left_behind += vacuum(table, _AT_ONCE).files
        there = _batches(table)
        if there != before:
            found.told.append(f"run {run}: a vacuum changed the rows of {name}")
        wrong = verify(table).disagreements
        found.told += [f"run {run}: {name}: {d.file}: {d.what}" for d in wrong]
        if name == "Kept":
            found.told += [f"run {run}: batch {b} is lost" for b in kept - there.keys()]
            kept.update(there)
            found.rows = sum(there.values())
        # Each batch is of one day: also where days go, it is there whole or not at all.
        for batch, rows in there.items():
            if rows != tried.get(batch):
                found.told.append(f"run {run}: batch {batch} has {rows} rows of {tried.get(batch)} in {name}")


def _batches(table: object) -> dict[int, int]:
    import duckdb

    from huntlake.lake.scanning import ScanColumn, scan_sql
    from huntlake.lake.table import LakeTable

    assert isinstance(table, LakeTable)
    rows = scan_sql(table.snapshot(), [ScanColumn("Batch", "b", "BIGINT")])
    with duckdb.connect() as connection:
        return dict(connection.execute(f"select b, count(*) from ({rows}) group by b").fetchall())


def main() -> None:
    """Kill at as many points as are asked for, and tell what was found."""
    numbers = [int(a) for a in sys.argv[1:] if a.isdigit()]
    points, seed = [*numbers, *(POINTS, random.randrange(1_000_000))[len(numbers) :]][:2]
    print(f"{points:,} points, seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="kill-upkeep-") as folder:
        found = kill(points, seed, Path(folder))
    print("\n".join(found.told[:50]))
    print(f"{found.points:,} kills, {found.rows:,} rows, {found.left_behind:,} files left, {len(found.told)} faults")
    if found.told:
        sys.exit(1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    else:
        main()
