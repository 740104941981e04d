"""How much longer a query over one day takes when its table grows from 10 days to 1,000."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter

from bench import figures
from huntlake.assembly.analytics import Analytics
from huntlake.core.clock import FixedClock
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.geography import Nowhere
from huntlake.lake.forms import Form, StoredColumn
from huntlake.lake.table import LakeTable
from huntlake.workspace.workspaces import Workspace

SHORT, LONG = 10, 1000
ROWS = 20_000
"""Rows in a day."""
FILES = 1
"""Files in a day: as many as a day has once it is compacted."""
GOAL = 1.3
ROUNDS = 30

_END = datetime(2026, 11, 20, tzinfo=UTC)
_SOC = Workspace("soc", "11111111-2222-3333-4444-555555555555")
_COLUMNS = (
    StoredColumn("TimeGenerated", Form.INSTANT),
    StoredColumn("Host", Form.TEXT),
    StoredColumn("Message_s", Form.TEXT),
    StoredColumn("Level_d", Form.BIGINT),
)
_DAY = "where TimeGenerated >= datetime(2026-11-15) and TimeGenerated < datetime(2026-11-16)"
_QUERIES = {
    "lake.5d": f"Log_CL | {_DAY} | summarize count() by Host",
    "lake.5d-term": f'Log_CL | {_DAY} | where Message_s has "needle17" | count',
}


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        lakes = {days: _lake(Path(home) / str(days), days) for days in (SHORT, LONG)}
        for name, text in _QUERIES.items():
            times = _interleaved({days: _asked(lake, text) for days, lake in lakes.items()})
            print(f"{name}: {times[SHORT]:.2f} ms over {SHORT} days, {times[LONG]:.2f} ms over {LONG}")
            _write(name, times)
        renewed = {days: _renewed(lake, _QUERIES["lake.5d"]) for days, lake in lakes.items()}
        times = _interleaved(renewed)
        print(f"after a commit: {times[SHORT]:.2f} ms over {SHORT} days, {times[LONG]:.2f} ms over {LONG}")
        _write("lake.5d-commit", times, goal=False)


def _write(name: str, times: dict[int, float], *, goal: bool = True) -> None:
    ratio = times[LONG] / times[SHORT]
    unit = f"times as long over one day when there are {LONG:,} days of files, and not {SHORT}"
    said = (f"<= {GOAL}", ratio <= GOAL) if goal else ("", None)
    figures.write(name, ratio, unit, *said, by="python -m bench growth")


def _lake(home: Path, days: int) -> Analytics:
    """A lake with `days` days of one table, `FILES` of them each."""
    import duckdb

    made = Analytics.over(home, Bounds(threads=2), Nowhere(), FixedClock(_END))
    table = made.lake.table(_SOC.name, "Log_CL")
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        for day in range(days):
            _fill(connection, table, _END - timedelta(days=day + 1))
    return made


def _fill(connection: object, table: LakeTable, day: datetime) -> None:
    import duckdb

    assert isinstance(connection, duckdb.DuckDBPyConnection)
    written = []
    for part in range(FILES):
        rows, start = ROWS // FILES, day + timedelta(days=1) * part / FILES
        step = timedelta(days=1) // FILES // rows // timedelta(microseconds=1)
        connection.execute(
            f"create or replace temp table rows as select '{start.isoformat()}'::TIMESTAMPTZ "
            f"+ to_microseconds(i * {step}) as TimeGenerated, 'host' || hash(i) % 100 as Host, "
            "'the process needle' || i || ' was started by user' || hash(i + 1) % 500 as Message_s, "
            f"(hash(i + 2) % 5)::BIGINT as Level_d from range({rows}) r(i)"
        )
        written += table.write(connection, "rows", _COLUMNS)
    table.commit(written)


def _asked(lake: Analytics, text: str) -> Callable[[], None]:
    def ask() -> None:
        for table in lake.queries.run(_SOC, text).tables:
            for _ in table.json_rows():
                pass

    return ask


def _renewed(lake: Analytics, text: str) -> Callable[[], None]:
    """Ask after a commit of another process, as one comes every few seconds while rows stream in."""
    import duckdb

    ask = _asked(lake, text)
    table = lake.lake.table(_SOC.name, "Log_CL")
    writer = LakeTable(table.folder)
    connection = duckdb.connect()

    def after() -> float:
        connection.execute("create or replace temp table rows as select now() as TimeGenerated, 'h' as Host")
        writer.append(connection, "rows", _COLUMNS[:2])
        started = perf_counter()
        ask()
        return perf_counter() - started

    return lambda: _TIMED.append(after())


_TIMED: list[float] = []
"""What an act measured of itself, where it isn't all of the act that counts."""


def _interleaved(acts: dict[int, Callable[[], None]]) -> dict[int, float]:
    """The median time of each act, in ms; they take turns, so that what disturbs one disturbs the other."""
    times: dict[int, list[float]] = {days: [] for days in acts}
    for round in range(ROUNDS + 3):
        for days, act in acts.items():
            _TIMED.clear()
            started = perf_counter()
            act()
            spent = _TIMED[0] if _TIMED else perf_counter() - started
            if round >= 3:
                times[days].append(spent)
    return {days: 1000 * median(spent) for days, spent in times.items()}


if __name__ == "__main__":
    main()
