"""10,000 days of the scheduler in some minutes: `python -m bench.scheduler_days [days] [seed]`.

Each life is some days of a lake of its own, from a seed: rules of all cadences, events that come late, clocks that
are set wrong in zones with summer and winter, processes that end at any step, long outages, two servers at once. Every
window must have been looked at; no alert may be there twice; and what is asked again of the same rows must give the
same bytes.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields
from pathlib import Path
from time import perf_counter

from bench import figures
from bench.scheduler_world import Findings, Life
from huntlake.state.database import Database
from huntlake.state.memory import MemoryShelf

DAYS, LIFE = 10_000, 20
_CALM, _SHELF, _SQLITE = 10, 12, 100
"""One life of so many is calm; of so many one has the servers' ledger in memory, and one in SQLite."""


def main(days: int = DAYS, seed: int = 1, *, write: bool = True) -> Findings:
    """Live so many days; the figure is only written for all of them."""
    began = perf_counter()
    all = Findings()
    # The lives over SQLite are short: some more make up for their days.
    lives = -(-days // LIFE) + -(-days // (LIFE * _SQLITE)) * (days >= DAYS)
    with ProcessPoolExecutor(2) as pool:
        for found in pool.map(life, range(seed * 1_000_000, seed * 1_000_000 + lives)):
            add(all, found)
    seconds = perf_counter() - began
    for fault in all.wrong[:20]:
        print(f"WRONG: {fault}")
    print(
        f"{all.days:,.0f} days, {all.windows:,} windows, {all.alerts:,} alerts, {all.crashes:,} crashes, "
        f"{all.late:,} late events, {all.retried:,} failures, "
        f"clocks set {all.set_back:,} times ({all.again:,} windows looked at again)"
    )
    faults = all.missed + all.doubled + all.differing + len(all.wrong)
    if write and days >= DAYS:
        by = "make scheduler-days"
        unit = f"windows missed, alerts doubled or replayed otherwise in {all.days:,.0f} simulated days"
        figures.write("detection.4", faults, unit, "0", not faults and all.days >= DAYS, by=by)
        figures.write("detection.4-windows", all.windows, f"windows looked at, {all.crashes:,} crashes", by=by)
        figures.write("detection.4-minutes", seconds / 60, "minutes for them on two cores", by=by)
    return all


def life(seed: int) -> Findings:
    """What one life shows."""
    found = Findings()
    calm = seed % _CALM == 0
    if seed % _SQLITE == 7:
        with tempfile.TemporaryDirectory() as folder:
            database = Database.open(Path(folder) / "state.db")
            Life(seed, 2, found, database, calm=calm).live()
            database.close()
    else:
        Life(seed, LIFE, found, MemoryShelf() if seed % _SHELF == 5 else None, calm=calm).live()
    return found


def add(all: Findings, more: Findings) -> None:
    """Add what one life has shown."""
    for field in fields(Findings):
        setattr(all, field.name, getattr(all, field.name) + getattr(more, field.name))


def _arguments() -> Iterator[int]:
    yield from map(int, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(1 if main(*_arguments()).wrong else 0)
