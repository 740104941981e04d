"""How fast answers leave: rows as JSON, the cost of a small query, memory while a large answer streams.

Run it with `python bench/answers.py`; it prints one line for each figure.
"""

from __future__ import annotations

import resource
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

import orjson
import pyarrow as pa

from huntlake.assembly.analytics import Analytics
from huntlake.core.clock import FixedClock
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.geography import Nowhere
from huntlake.workspace.query import QueryOptions
from huntlake.workspace.workspaces import Workspace

ROWS = 500_000
NOW = datetime(2026, 11, 21, tzinfo=UTC)
SOC = Workspace("soc", "11111111-2222-3333-4444-555555555555")
UNBOUNDED = QueryOptions(max_rows=None, max_bytes=None)


def events(rows: int) -> pa.Table:
    """Twelve columns such as process events have, about 500 bytes a row."""
    start = datetime(2026, 11, 1)
    commands = [
        f'"C:\\Program Files\\App {i}\\run.exe" --input "file {i}.txt" --level {i % 9}' * 3 for i in range(5000)
    ]
    return pa.table(
        {
            "TimeGenerated": pa.array([start + timedelta(microseconds=i * 1_234_567) for i in range(rows)]),
            "DeviceName": [f"host{i % 5500}.corp.example" for i in range(rows)],
            "AccountName": [f"user{i % 6000}" for i in range(rows)],
            "CommandLine": [commands[i % 5000] for i in range(rows)],
            "FolderPath": [f"C:\\Windows\\System32\\tool{i % 3000}.exe" for i in range(rows)],
            "SHA256": [f"{i:064x}" for i in range(rows)],
            "ProcessId": pa.array(range(rows), pa.int64()),
            "Port": pa.array([i % 65536 for i in range(rows)], pa.int32()),
            "Score": [i / 7 for i in range(rows)],
            "Elevated": [i % 2 == 0 for i in range(rows)],
            "Id": [f"{i:08x}-1111-2222-3333-444444444444" for i in range(rows)],
            "Extra": [{"a": i, "b": ["x", "y"]} for i in range(rows)],
        }
    )


def best(work: Callable[[], object], times: int) -> float:
    """The shortest of several runs, in seconds."""
    found = []
    for _ in range(times):
        started = perf_counter()
        work()
        found.append(perf_counter() - started)
    return min(found)


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        lake = Analytics.over(Path(home), Bounds(threads=2), Nowhere(), FixedClock(NOW))
        lake.memory.register("Events", events(ROWS))

        def as_json() -> None:
            (table,) = lake.queries.run(SOC, "Events", UNBOUNDED).tables
            for _ in table.json_rows():
                pass

        def as_arrow() -> pa.Table:
            (table,) = lake.queries.run(SOC, "Events", UNBOUNDED).tables
            return table.arrow().read_all()

        def by_python() -> None:
            for batch in as_arrow().to_batches():
                orjson.dumps([list(row.values()) for row in batch.to_pylist()])

        def small(text: str) -> Callable[[], object]:
            return lambda: [list(t.json_rows()) for t in lake.queries.run(SOC, text).tables]

        engine, query, python = best(as_json, 3), best(as_arrow, 3), best(by_python, 2)
        print(f"{ROWS:,} rows x 12 columns as JSON: {engine:.2f} s, of which the query {query:.2f} s")
        print(
            f"  to_pylist and orjson: {python:.2f} s; encoding alone {(python - query) / (engine - query):.1f}x slower"
        )
        print(f"print 1: {best(small('print 1'), 50) * 1000:.1f} ms")
        print(f"an empty table of the catalogue: {best(small('SigninLogs | take 10'), 20) * 1000:.1f} ms")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        size = 0
        (large,) = lake.queries.run(
            SOC, "range i from 1 to 10000000 step 1 | extend s = strcat('some text ', tostring(i))", UNBOUNDED
        ).tables
        for chunk in large.json_rows():
            size += len(chunk)
        more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        print(f"{size / 2**20:.0f} MiB streamed: {more:.0f} MiB more memory at the peak")
        lake.engine.close()


if __name__ == "__main__":
    main()
