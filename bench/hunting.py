"""What an answer costs more than hand-written SQL over the same files: hunting queries over the demo, in pairs.

Each pair is asked in alternation, the KQL compiled anew each time; both answers are read to the end as Arrow. First
it is checked that both say the same.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import exp, fsum, log
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import duckdb
import pyarrow as pa

from bench import figures
from bench.hunting_pairs import PAIRS, Pair
from huntlake.assembly.analytics import Analytics
from huntlake.core.clock import FixedClock
from huntlake.demo.install import install
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.geography import Nowhere
from huntlake.workspace.query import QueryOptions
from huntlake.workspace.workspaces import Workspace

GOAL = 1.1
ROUNDS, WARM = 9, 2
THREADS = 2
END = datetime(2026, 11, 21, 18, tzinfo=UTC)
UNBOUNDED = QueryOptions(max_rows=None, max_bytes=None)


class Demo:
    """The demo's tables in a folder, and both ways to ask them."""

    def __init__(self, home: Path, threads: int = THREADS) -> None:
        self.lake = Analytics.over(home, Bounds(threads=threads), Nowhere(), FixedClock(END))
        self.workspace = Workspace("demo", "11111111-2222-3333-4444-555555555555")
        self._root = home / "lake" / "demo"
        if not self._root.exists():
            install(self.lake.ingestion, self.workspace, END)
        self._connection = duckdb.connect(config={"threads": threads})
        self._connection.execute("set TimeZone = 'UTC'")

    def kql(self, pair: Pair) -> str:
        """The query with its moments."""
        return _moments(pair.kql)

    def sql(self, pair: Pair) -> str:
        """The SQL with its files and moments."""
        text = re.sub(
            r"\$since\((\d+)\)", lambda m: f"TIMESTAMPTZ '{_since(int(m[1])):%Y-%m-%d %H:%M:%S}+00'", pair.sql
        )
        text = _moments(text)
        return re.sub(r"\$([A-Z]\w+)(?:\((\d+)\))?", lambda m: self._files(m[1], m[2]), text)

    def ask(self, kql: str) -> pa.Table:
        """The answer to KQL."""
        (table,) = self.lake.queries.run(self.workspace, kql, UNBOUNDED).tables
        return table.arrow().read_all()

    def select(self, sql: str) -> pa.Table:
        """The answer to SQL."""
        return self._connection.sql(sql).to_arrow_table()

    def _files(self, table: str, days: str | None) -> str:
        first = f"_Day={_since(int(days)):%Y-%m-%d}" if days else ""
        files = sorted(str(f) for f in (self._root / table).glob("_Day=*/*.parquet") if f.parent.name >= first)
        return f"read_parquet({files}, hive_partitioning = false)"


def _since(days: int) -> datetime:
    return END - timedelta(days=days)


def _moments(text: str) -> str:
    return text.replace("$FROM", f"{_since(14):%Y-%m-%d}").replace("$TO", f"{END:%Y-%m-%d}")


def plain(value: Any) -> Any:
    """A value as both ways mean it: times without zone, JSON read, the elements of a list in one order."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return plain(json.loads(value))
        except ValueError:
            return value
    return sorted(map(plain, value), key=repr) if isinstance(value, list) else value


def rows(table: pa.Table) -> list[str]:
    """The rows as texts, in one order; columns go by their names."""
    names = sorted(table.column_names)
    columns = [[plain(v) for v in table.column(n).to_pylist()] for n in names]
    return sorted(repr(row) for row in zip(*columns, strict=True))


def seconds(work: Callable[[str], object], text: str) -> float:
    """How long `work` takes."""
    started = perf_counter()
    work(text)
    return perf_counter() - started


def measured(demo: Demo, pair: Pair, rounds: int = ROUNDS) -> tuple[float, float]:
    """The medians of both ways in ms. Raises AssertionError where they disagree."""
    kql, sql = demo.kql(pair), demo.sql(pair)
    ours, theirs = rows(demo.ask(kql)), rows(demo.select(sql))
    if ours != theirs:
        different = [r for r in ours if r not in theirs][:2], [r for r in theirs if r not in ours][:2]
        raise AssertionError(f"{pair.name}: {len(ours)} and {len(theirs)} rows: {different}")
    if not ours:
        raise AssertionError(f"{pair.name}: no row to find")
    times = [(seconds(demo.ask, kql), seconds(demo.select, sql)) for _ in range(WARM + rounds)][WARM:]
    return median(t for t, _ in times) * 1000, median(t for _, t in times) * 1000


def measure(home: Path, only: str = "") -> None:
    """Print a line for each pair, and write down the geometric mean of their ratios."""
    demo = Demo(home)
    ratios = []
    print(f"{'':40}      KQL      SQL   ratio")
    for pair in PAIRS:
        if only not in pair.name:
            continue
        kql, sql = measured(demo, pair)
        ratios.append(kql / sql)
        print(f"{pair.name:40} {kql:6.1f} ms {sql:6.1f} ms  {kql / sql:5.2f}")
    mean = exp(fsum(map(log, ratios)) / len(ratios))
    unit = f"times the time of hand-written SQL, over {len(ratios)} hunting queries (geometric mean)"
    if only:
        print(f"{mean:.2f} {unit}")
    else:
        figures.write("kql.7", mean, unit, f"<= {GOAL}", mean <= GOAL, by="make bench")
    demo.lake.engine.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        measure(Path(home))


if __name__ == "__main__":
    measure(Path(sys.argv[1]), *sys.argv[2:])
