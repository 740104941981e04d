"""A needle in thirty days of logs: with the term index, without it, and by others; what the index takes.

What is asked goes through the call that every API uses, compile time included. `HUNTLAKE_BENCH_SCALE` says how much
data there is (`bench.lakes`); figures are kept of all of it only, and printed of less. Those that others are needed for
are left out where they aren't installed: `chdb`, and `duckdb-kql` for what is measured without the index.

Times are of the clock, the median of turns; with `HUNTLAKE_BENCH_CPU` they are of the processors, for a machine that
others use too.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from math import exp, fsum, log
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

from bench import figures, lakes
from huntlake.assembly.analytics import Analytics
from huntlake.lake.index.building import build
from huntlake.lake.index.shelf import Shelf
from huntlake.lake.index.sidecar import path_of
from huntlake.lake.writing import copy

BY = "make needle"
ROUNDS = int(os.environ.get("HUNTLAKE_BENCH_ROUNDS", "5"))
THRICE = (lakes.STAGE, lakes.CDN, lakes.SHA256)
"""The needles that three rows of one table hold."""
ABSENT = (
    "absent.evil.example",
    "zq7absentword",
    "198.51.100.23",
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
    "1b4e28ba-2fa1-11d2-883f-0016d3cca427",
)
WORDS = ("whoami", "schtasks", "mimikatz")
COLUMN = f'DeviceProcessEvents | where ProcessCommandLine has "{lakes.STAGE}"'
_FEW = "TimeGenerated, DeviceName, ProcessCommandLine"
_clock: Callable[[], float] = process_time if "HUNTLAKE_BENCH_CPU" in os.environ else perf_counter


def main() -> None:
    lake = lakes.lake()
    lookups(lake)
    one_column(lake)
    indicators(lake)
    without_index(lake)
    sizes(lake)
    lake.close()


def lookups(lake: Analytics) -> None:
    """`search` of all tables and columns: terms that are there, and terms that aren't."""
    for needle, columns in lakes.NEEDLES.items():
        assert asked(lake, f'search "{needle}"') == 3 * len(columns), needle
    times = {needle: searched(lake, needle) for needle in lakes.NEEDLES}
    for needle, time in times.items():
        print(f"search {needle[:24]}: {time:.1f} ms")
    missed = {needle: searched(lake, needle) for needle in ABSENT}
    for needle, time in missed.items():
        print(f"search {needle[:24]}, which is nowhere: {time:.1f} ms")
    with no_index(lake):
        scan = timed(lambda: asked(lake, f'search "{lakes.STAGE}"'))
    print(f"search {lakes.STAGE} without the index: {scan / 1000:.1f} s")
    ratio, slowest = scan / times[lakes.STAGE], max(times[n] for n in THRICE)
    what = "times as fast as the scan without the index: `search` of a term that three rows hold"
    write("lake.1", ratio, what, ">= 130", ratio >= 130)
    what = "ms to search all columns of all tables, 30 days, for a term that three rows hold"
    write("lake.1b", slowest, what, "<= 250", slowest <= 250)
    longest = max(missed.values())
    write("lake.1c", longest, "ms to search them for a term that no row holds", "<= 10", longest <= 10)


def searched(lake: Analytics, needle: str) -> float:
    """How long `search` takes for it, in ms."""
    return measured({"ours": lambda: asked(lake, f'search "{needle}"')})["ours"]


def one_column(lake: Analytics) -> None:
    """`has` of one column, against the scans of DuckDB and of the embedded ClickHouse."""
    import duckdb

    files = f"{folder(lake, 'DeviceProcessEvents')}/*/*.parquet"
    select = f"select {_FEW} from read_parquet('{files}', hive_partitioning = false) where"
    engines: dict[str, Callable[[], int]] = {"ours": lambda: asked(lake, f"{COLUMN} | project {_FEW}")}
    with duckdb.connect(config={"threads": lakes.THREADS}) as own:
        own.execute("set TimeZone = 'UTC'; set parquet_metadata_cache = true")
        # The quicker of the two counts.
        engines["duckdb lower"] = lambda: (
            own.sql(f"{select} contains(lower(ProcessCommandLine), '{lakes.STAGE}')").to_arrow_table().num_rows
        )
        engines["duckdb ilike"] = lambda: (
            own.sql(f"{select} ProcessCommandLine ilike '%{lakes.STAGE}%'").to_arrow_table().num_rows
        )
        if (house := clickhouse()) is not None:
            text = f"select {_FEW} from file('{files}', Parquet) where"
            found = f"positionCaseInsensitive(ProcessCommandLine, '{lakes.STAGE}') > 0"
            engines["chdb"] = lambda: house(f"{text} {found} settings max_threads = {lakes.THREADS}")
        for name, engine in engines.items():
            assert engine() == 3, name
        times = measured(engines)
    print(", ".join(f"{name}: {time:.1f} ms" for name, time in times.items()))
    ratio = min(times["duckdb lower"], times["duckdb ilike"]) / times["ours"]
    write("lake.1d", ratio, "times as fast as DuckDB's own scan of one column", ">= 20", ratio >= 20)
    if "chdb" in times:
        ratio = times["chdb"] / times["ours"]
        write("lake.1e", ratio, "times as fast as chdb's scan of one column", ">= 10", ratio >= 10)


def indicators(lake: Analytics) -> None:
    """A thousand hashes, addresses and names at once, each looked for in several columns of every table."""
    import hashlib

    hashes = [lakes.SHA256, *(hashlib.sha256(f"indicator {i}".encode()).hexdigest() for i in range(399))]
    hosts = [lakes.STAGE, lakes.CDN, *(f"{hashlib.md5(f'{i}'.encode()).hexdigest()[:11]}.example" for i in range(298))]
    addresses = [lakes.ADDRESS, *(f"198.{18 + i % 2}.{i // 200}.{i % 200 + 1}" for i in range(299))]
    listed = ", ".join(f'"{i}"' for i in (*hashes, *hosts, *addresses))
    text = f"""let iocs = dynamic([{listed}]);
        union withsource = Found
            (DeviceProcessEvents | where SHA256 in (iocs) or InitiatingProcessSHA256 in (iocs)
                or ProcessCommandLine has_any (iocs)),
            (DeviceNetworkEvents | where RemoteIP in (iocs) or RemoteUrl has_any (iocs)),
            (SecurityEvent | where IpAddress in (iocs) or CommandLine has_any (iocs)),
            (SigninLogs | where IPAddress in (iocs))"""
    assert asked(lake, text) == 15
    seconds = measured({"ours": lambda: asked(lake, text)})["ours"] / 1000
    write("lake.1f", seconds, "s to look for a thousand indicators at once", "<= 2", seconds <= 2)


def without_index(lake: Analytics) -> None:
    """`has` where every row is read, against the SQL of another translator of KQL over the same files."""
    try:
        import duckdb_kql
    except ImportError:
        print("duckdb-kql isn't installed: lake.3 isn't measured")
        return
    import duckdb

    files = f"{folder(lake, 'DeviceProcessEvents')}/*/*.parquet"
    with no_index(lake), duckdb.connect(config={"threads": lakes.THREADS}) as other:
        other.execute("set TimeZone = 'UTC'; set parquet_metadata_cache = true")
        other.execute(f"create view DeviceProcessEvents as from read_parquet('{files}', hive_partitioning = false)")

        def theirs(text: str) -> object:
            return other.execute(str(duckdb_kql.to_sql(text))).fetchall()[0][0]

        few = ", ".join(f'"{w}"' for w in WORDS)
        for name, conditions, goal in (
            ("lake.3", [f'has "{w}"' for w in WORDS], 2.5),
            ("lake.3b", [f"has_any ({few})"], 4.0),
        ):
            ratios = []
            for condition in conditions:
                text = f"DeviceProcessEvents | where ProcessCommandLine {condition} | count"
                assert counted(lake, text) == theirs(text), text
                times = measured({"ours": partial(counted, lake, text), "theirs": partial(theirs, text)})
                print(f"{condition}: {times['ours']:.0f} ms, duckdb-kql {times['theirs']:.0f} ms")
                ratios.append(times["theirs"] / times["ours"])
            ratio = exp(fsum(map(log, ratios)) / len(ratios))
            word = conditions[0].split()[0]
            what = f"times as fast as duckdb-kql: `{word}` without any index"
            write(name, ratio, what, f">= {goal:g}", ratio >= goal)


def sizes(lake: Analytics) -> None:
    """What the index takes of the disk, and of the processors when a file is written."""
    import duckdb

    json = parquet = index = 0.0
    writing = building = 0.0
    with duckdb.connect(config={"threads": lakes.THREADS}) as connection, TemporaryDirectory() as scratch:
        connection.execute("set TimeZone = 'UTC'")
        for made in lakes.TABLES:
            files = lake.lake.snapshot(lakes.SOC.name, made.name).files
            json += lakes.json_bytes(made, connection, lakes.scale()) * sum(f.rows for f in files)
            parquet += sum(f.bytes for f in files)
            index += sum(path_of(f.path).stat().st_size for f in files)
            columns = made.stored()
            connection.execute(f"create or replace table one as from read_parquet('{files[0].path}')")
            spent, build_alone = [], []
            for _ in range(3):
                before = process_time()
                written = copy(connection, "from one", columns, Path(scratch), lakes.day_of(0))
                spent.append(process_time() - before)
                assert written is not None
                before = process_time()
                build(Path(scratch) / written.path, columns)
                build_alone.append(process_time() - before)
            both, alone = min(spent), min(build_alone)
            writing, building = writing + both - alone, building + alone
            print(f"{made.name}: written in {both - alone:.2f} s, indexed in {alone:.2f} s (of the processors)")
    print(f"{json / 1e9:.1f} GB as JSON, {parquet / 1e9:.2f} GB as Parquet, {index / 1e9:.3f} GB of index")
    share, both = 100 * index / json, 100 * (index + parquet) / json
    write("lake.2", share, "% of the raw JSON is the size of the index", "<= 1", share <= 1)
    write("lake.2b", both, "% of the raw JSON is the size of the Parquet files and the index", "<= 7", both <= 7)
    ratio = building / writing
    write("lake.2c", ratio, "times the time of writing a file is that of its index", "<= 1", ratio <= 1)


# -- the means -----------------------------------------------------------------------


def asked(lake: Analytics, text: str) -> int:
    """How many rows the answer has."""
    count = 0
    for table in lake.queries.run(lakes.SOC, text).tables:
        for _ in table.json_rows():
            pass
        count += table.row_count
    return count


def counted(lake: Analytics, text: str) -> int:
    """The number that is the answer."""
    (table,) = lake.queries.run(lakes.SOC, text).tables
    return int(b"".join(table.json_rows())[1:-1])


def folder(lake: Analytics, table: str) -> Path:
    return lake.lake.table(lakes.SOC.name, table).folder


def clickhouse() -> Callable[[str], int] | None:
    """Asks the embedded ClickHouse, and counts the rows of the answer; None where it isn't installed."""
    try:
        from chdb.session import Session
    except ImportError:
        print("chdb isn't installed: lake.1e isn't measured")
        return None
    session: Any = Session()
    return lambda sql: len(session.query(sql, "CSV").bytes().splitlines())


@contextmanager
def no_index(lake: Analytics) -> Iterator[None]:
    """The index is there, and nobody looks into it."""
    tables = [lake.lake.table(lakes.SOC.name, made.name) for made in lakes.TABLES]
    shelves = [t._shelf for t in tables]
    for table in tables:
        table._shelf = Shelf(limit=0)
    try:
        yield
    finally:
        for table, shelf in zip(tables, shelves, strict=True):
            table._shelf = shelf


def timed(act: Callable[[], object]) -> float:
    """How long it takes, in ms."""
    started = _clock()
    act()
    return 1000 * (_clock() - started)


def measured(acts: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """The median time of each act, in ms; they take turns, and each has been done once before."""
    times: dict[str, list[float]] = {name: [] for name in acts}
    for _ in range(ROUNDS + 1):
        for name, act in acts.items():
            times[name].append(timed(act))
    return {name: median(spent[1:]) for name, spent in times.items()}


def write(name: str, value: float, unit: str, goal: str, met: bool) -> None:
    """Keep a figure, if it is of all the data."""
    if lakes.scale() >= 1:
        figures.write(name, value, unit, goal, met, by=BY)
    else:
        print(f"{name}: {value:,.3f} {unit} (goal at full size: {goal})")


if __name__ == "__main__":
    main()
