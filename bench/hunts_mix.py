"""Fifteen typical hunts against other engines over the same files: chdb, Polars and DataFusion, on two threads each.

We are asked in KQL through the call that every API uses, the others in their own language. It is checked first that all
say the same. Then they take turns.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from math import exp, fsum, isclose, log
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

os.environ["POLARS_MAX_THREADS"] = "2"

import pyarrow as pa

from bench import figures, lakes
from bench.hunts import HUNTS, Hunt
from huntlake.assembly.analytics import Analytics
from huntlake.workspace.query import QueryOptions

ROUNDS, WARM = int(os.environ.get("HUNTLAKE_BENCH_ROUNDS", "5")), 1
WORST = 2.0
UNBOUNDED = QueryOptions(max_rows=None, max_bytes=None)

Engine = Callable[[Hunt], pa.Table | None]


def main(only: str = "") -> None:
    with tempfile.TemporaryDirectory() as scratch:
        compare(only, Path(scratch))


def compare(only: str, scratch: Path) -> None:
    lake = lakes.lake()
    engines: dict[str, Engine] = {
        "huntlake": ours(lake),
        "chdb": chdb(),
        "polars": polars(),
        "datafusion": datafusion(scratch),
    }
    names = [n for n in engines if n != "huntlake"]
    ratios: dict[str, list[float]] = {name: [] for name in names}
    worst, worst_of = 0.0, ""
    print(f"{'ms':50}" + "".join(f"{n:>12}" for n in engines) + "  best of them / us")
    for hunt in HUNTS:
        if only not in hunt.name:
            continue
        times = measured(hunt, engines)
        for name in names:
            if times[name]:
                ratios[name].append(times[name] / times["huntlake"])
        slower = times["huntlake"] / min(times[n] for n in names if times[n])
        if slower > worst:
            worst, worst_of = slower, hunt.name
        shown = "".join(f"{times[n]:12.1f}" if times[n] else f"{'-':>12}" for n in engines)
        print(f"{hunt.name:50}{shown}  {1 / slower:.2f}", flush=True)
    for name in (n for n in names if ratios[n]):
        mean = exp(fsum(map(log, ratios[name])) / len(ratios[name]))
        said = f"times as fast as {name}, over {len(ratios[name])} hunts (geometric mean)"
        if only:
            print(f"{mean:.2f} {said}")
        else:
            figures.write(f"lake.4-{name}", mean, said, "> 1", mean > 1, by="make hunts")
    if not only:
        said = f"times as slow as the best of the others in the worst of the hunts: {worst_of}"
        figures.write("lake.4b", worst, said, f"<= {WORST:g}", worst <= WORST, by="make hunts")
    lake.close()


def measured(hunt: Hunt, engines: dict[str, Engine]) -> dict[str, float]:
    """The median of each engine's times in ms; 0 for one that can't. Raises AssertionError where they disagree."""
    answers = {name: engine(hunt) for name, engine in engines.items()}
    expected = answers["huntlake"]
    assert expected is not None, hunt.name
    assert expected.num_rows, hunt.name
    for name, answer in answers.items():
        if answer is not None:
            agree(hunt, name, *map(rows, alike(answer, expected)))
    able = [n for n in engines if answers[n] is not None]
    times: dict[str, list[float]] = {name: [] for name in able}
    # Where others use the machine too, their work counts for nothing if the time of the processors is taken.
    clock = process_time if "HUNTLAKE_BENCH_CPU" in os.environ else perf_counter
    for _ in range(WARM + ROUNDS):
        for name in able:
            started = clock()
            engines[name](hunt)
            times[name].append((clock() - started) * 1000)
    return {name: median(times[name][WARM:]) if name in times else 0.0 for name in engines}


# -- the engines ------------------------------------------------------------------


def ours(lake: Analytics) -> Engine:
    def ask(hunt: Hunt) -> pa.Table:
        (table,) = lake.queries.run(lakes.SOC, hunt.kql, UNBOUNDED).tables
        return table.arrow().read_all()

    return ask


def chdb() -> Engine:
    from chdb.session import Session

    session: Any = Session()

    def ask(hunt: Hunt) -> pa.Table:
        def files(table: str, days: int) -> str:
            return f"file('{folder(table)}/{{{','.join(days_of(days))}}}/*.parquet', Parquet)"

        sql = given(hunt.chdb, files) + " settings max_threads = 2"
        return pa.ipc.open_file(pa.py_buffer(session.query(sql, "Arrow").bytes())).read_all()

    return ask


def polars() -> Engine:
    import polars

    def ask(hunt: Hunt) -> pa.Table:
        frame = hunt.polars(polars, lambda table, days: polars.scan_parquet(of(table, days), hive_partitioning=False))
        return frame.collect(engine="streaming").to_arrow()

    return ask


def datafusion(scratch: Path) -> Engine:
    from datafusion import RuntimeEnvBuilder, SessionConfig, SessionContext

    config = SessionConfig().with_target_partitions(2)
    context = SessionContext(config.set("datafusion.execution.parquet.pushdown_filters", "true"), RuntimeEnvBuilder())

    def ask(hunt: Hunt) -> pa.Table | None:
        if "json_as_text" in hunt.datafusion:
            # It has no functions for JSON.
            return None

        def files(table: str, days: int) -> str:
            name = f"{table}_{days}".lower()
            if not context.table_exist(name):
                # It takes a folder, and no list of files.
                (scratch / name).mkdir()
                for number, file in enumerate(of(table, days)):
                    (scratch / name / f"{number}.parquet").symlink_to(file)
                context.register_parquet(name, scratch / name)
            return f'"{name}"'

        return context.sql(given(hunt.datafusion, files)).to_arrow_table()

    return ask


def given(text: str, files: Callable[[str, int], str]) -> str:
    """SQL with its tables."""
    return re.sub(r"\$(\w+)\((\d+)\)", lambda m: files(m[1], int(m[2])), text)


def folder(table: str) -> Path:
    """Where the files of a table lie."""
    return lakes.folder() / "lake" / lakes.SOC.name / table


def days_of(days: int) -> list[str]:
    """The folders of the last days."""
    return [f"_Day={lakes.day_of(lakes.DAYS - 1 - n)}" for n in range(days)]


def of(table: str, days: int) -> list[str]:
    """The files of the last days of a table."""
    return sorted(str(f) for day in days_of(days) for f in (folder(table) / day).glob("*.parquet"))


# -- whether they say the same ----------------------------------------------------


def alike(answer: pa.Table, expected: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Both tables; where the whole of a table is asked for, both with the columns that its files have."""
    if "TimeGenerated" not in answer.column_names or answer.num_columns < 20:
        return answer, expected
    names = [n for n in answer.column_names if n in expected.column_names]
    return answer.select(names), expected.select(names)


def rows(table: pa.Table) -> list[list[Any]]:
    """The rows with values as all mean them: times without zone, texts of bytes, no null text."""
    columns = [[plain(v) for v in c.to_pylist()] for c in table.columns]
    return sorted((list(r) for r in zip(*columns, strict=True)), key=repr)


def plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    return value.decode() if isinstance(value, bytes) else value


def agree(hunt: Hunt, name: str, found: Sequence[list[Any]], expected: Sequence[list[Any]]) -> None:
    """Raise AssertionError unless an answer is ours."""
    assert len(found) == len(expected), f"{hunt.name}: {name} has {len(found)} rows, and we {len(expected)}"
    for theirs, own in zip(found, expected, strict=True):
        assert len(theirs) <= len(own)
        for place, (a, b) in enumerate(zip(theirs, own, strict=False)):
            near = hunt.near.get(place)
            same = a == b or (near is not None and a is not None and isclose(a, b, rel_tol=near))
            assert same, f"{hunt.name}: {name} says {theirs}, and we {own}"


if __name__ == "__main__":
    main(*sys.argv[1:])
