"""Whether a lake survives `kill -9` at any instant: `python -m bench.kill_points [points] [seed]`.

A process brings numbered events into a lake, moves them into files, compacts these, and is killed at a random moment.
The next one looks at what is there, before and after it has recovered, and goes on in the same lake. Every event that
was acknowledged must be there once, none twice, no batch in part, and what was there once must stay.
"""

from __future__ import annotations

import json
import os
import random
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench import figures

POINTS = 1_000
THREADS = 3
_START = datetime(2026, 11, 1, tzinfo=UTC)
_GRACE = 60.0


# -- the process that is killed ------------------------------------------------------------


def child(home: Path, run: int, seed: int) -> None:
    """Say what is there, then bring events until the end. It speaks in lines of JSON."""
    from huntlake.app import Analytics
    from huntlake.core.clock import SystemClock
    from huntlake.engines.duckdb.database import Bounds
    from huntlake.engines.geography import Nowhere
    from huntlake.lake.forms import TIME, Form, StoredColumn
    from huntlake.lake.maintenance.compaction import compact
    from huntlake.workspace.ingestion.streaming import Pace
    from huntlake.workspace.query import QueryOptions
    from huntlake.workspace.workspaces import Workspace

    workspace = Workspace("soc", "11111111-2222-3333-4444-555555555555")
    pace = Pace(every=timedelta(seconds=0.15))
    lake = Analytics.over(home, Bounds(threads=2), Nowhere(), SystemClock(), pace=pace)

    def say(**what: object) -> None:
        # One write, shorter than a pipe's buffer: lines of several threads don't mix.
        os.write(1, json.dumps(what).encode() + b"\n")

    # Other processes see a new column a moment after the rows that brought it: here it is there from the beginning.
    integers = [StoredColumn(name, Form.BIGINT) for name in ("run", "batch", "number")]
    lake.lake.table(workspace.name, "Numbered_CL").add_columns([StoredColumn(TIME, Form.INSTANT), *integers])

    def seen() -> list[list[int]]:
        (table,) = lake.queries.run(workspace, _ASK, QueryOptions(max_rows=None, max_bytes=None)).tables
        return sorted(json.loads(b"[" + b",".join(table.json_rows()) + b"]"))

    def report(when: str) -> None:
        for row in seen():
            say(seen=row, when=when)
        say(end=when)

    report("before")
    recovery = lake.streams.open()
    say(recovered=str(recovery) if recovery else "")
    report("after")
    numbers = iter(range(1_000_000_000))
    lock = threading.Lock()

    def bring(thread: int) -> None:
        dice = random.Random(f"{seed} {run} {thread}")
        while True:
            with lock:
                batch = next(numbers)
            count = dice.randint(1, 60)
            say(tried=batch, rows=count)
            rows = [
                {
                    "TimeGenerated": (_START + timedelta(seconds=dice.randrange(3 * 86_400))).isoformat(),
                    "run": run,
                    "batch": batch,
                    "number": n,
                    "text": f"host-{dice.randrange(50)} " * dice.randint(1, 20),
                }
                for n in range(count)
            ]
            lake.streams.append(workspace, "Numbered_CL", rows)
            say(kept=batch)

    def tidy() -> None:
        while True:
            time.sleep(0.3)
            table = lake.lake.table(workspace.name, "Numbered_CL")
            compact(table, lake.lake.working_folder, datetime.now(UTC).replace(tzinfo=None), threads=1)

    for thread in range(THREADS):
        threading.Thread(target=bring, args=(thread,), daemon=True).start()
    tidy()


_ASK = (
    "Numbered_CL | summarize rows = count(), least = min(number), most = max(number), sum = sum(number) by run, batch"
)


# -- the process that kills ------------------------------------------------------------------


@dataclass
class Findings:
    """What was found at all points; the last four must be 0."""

    points: int = 0
    kept: int = 0
    recovered: int = 0
    lost: int = 0
    doubled: int = 0
    torn: int = 0
    unreadable: int = 0
    told: list[str] = field(default_factory=list)

    @property
    def bad(self) -> int:
        return self.lost + self.doubled + self.torn + self.unreadable


@dataclass
class _Books:
    """What the lake must hold, by run and batch: how many rows were tried, which batches were acknowledged or seen."""

    tried: dict[tuple[int, int], int] = field(default_factory=dict)
    must: set[tuple[int, int]] = field(default_factory=set)
    gone: set[tuple[int, int]] = field(default_factory=set)

    def check(self, rows: list[list[int]], when: str, found: Findings) -> None:
        there = {(run, batch): (count, least, most, total) for run, batch, count, least, most, total in rows}
        for key in self.must - there.keys():
            found.lost += 1
            found.told.append(f"lost {when} recovery: batch {key}")
        for key, (count, least, most, total) in there.items():
            wanted = self.tried.get(key)
            if key in self.gone:
                found.told.append(f"appeared {when} recovery, after it was missing: batch {key}")
                found.torn += 1
            if wanted is None or count > wanted:
                found.doubled += 1
                found.told.append(f"doubled {when} recovery: batch {key} has {count} rows of {wanted}")
            elif (count, least, most, total) != (wanted, 0, wanted - 1, wanted * (wanted - 1) // 2):
                found.torn += 1
                found.told.append(f"in part {when} recovery: batch {key} has {count} rows of {wanted}")
        if when == "after":
            # What is there after a recovery must stay, and what isn't, mustn't come.
            self.must |= there.keys() & self.tried.keys()
            self.gone |= self.tried.keys() - there.keys()


def kill_points(points: int, seed: int, home: Path) -> Findings:
    """Kill a process at so many random moments, and look each time."""
    dice = random.Random(seed)
    found, books = Findings(), _Books()
    for run in range(points + 1):
        # Mostly while it works; now and then while it begins, and recovers. The last one lives until it has looked.
        early = dice.random() < 0.2
        delay = dice.uniform(0.2, 2.0) if early else dice.uniform(0.0, 1.0)
        _one(home, run, seed, books, found, delay if run < points else None, early)
        found.points = min(run + 1, points)
    return found


def _one(home: Path, run: int, seed: int, books: _Books, found: Findings, delay: float | None, early: bool) -> None:
    words = [sys.executable, "-m", "bench.kill_points", "--child", str(home), str(run), str(seed)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    begun = time.monotonic()
    end = begun + delay if early and delay is not None else begun + _GRACE
    looked = killed = False
    seen: dict[str, list[list[int]]] = {"before": [], "after": []}
    rest = b""
    with selectors.DefaultSelector() as ready:
        ready.register(process.stdout, selectors.EVENT_READ)
        while True:
            if time.monotonic() >= end and not killed:
                killed = True
                process.send_signal(signal.SIGKILL)
            if not ready.select(max(0.0, min(end - time.monotonic(), 0.5)) if not killed else 0.5):
                continue
            data = os.read(process.stdout.fileno(), 1 << 16)
            if not data:
                break
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                said: dict[str, Any] = json.loads(line)
                if "tried" in said:
                    books.tried[run, said["tried"]] = said["rows"]
                elif "kept" in said:
                    books.must.add((run, said["kept"]))
                    found.kept += books.tried[run, said["kept"]]
                elif "seen" in said:
                    seen[said["when"]].append(said["seen"])
                elif "recovered" in said:
                    found.recovered += bool(said["recovered"])
                elif "end" in said:
                    books.check(seen[said["end"]], said["end"], found)
                    if said["end"] == "after":
                        looked = True
                        if not (early and delay is not None):
                            end = time.monotonic() + (delay or 0.0)
    complaint = process.stderr.read().decode(errors="replace")
    process.wait()
    process.stdout.close()
    process.stderr.close()
    if (not killed or (not looked and not early)) or "Traceback" in complaint:
        found.unreadable += 1
        found.told.append(f"run {run}: it ended by itself, could not look, or complained: {complaint[-600:]}")


def main() -> None:
    """Kill at as many points as are asked for, and tell what was found."""
    numbers = [int(a) for a in sys.argv[1:] if a.isdigit()]
    points, seed = [*numbers, *(POINTS, random.randrange(1_000_000))[len(numbers) :]][:2]
    print(f"{points:,} points, seed {seed}", flush=True)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kill-points-") as folder:
        found = kill_points(points, seed, Path(folder) / "home")
    for line in found.told[:50]:
        print(line)
    print(
        f"{found.points:,} kills, {found.kept:,} rows acknowledged, {found.recovered:,} recoveries: "
        f"{found.lost} batches lost, {found.doubled} doubled, {found.torn} in part, {found.unreadable} unreadable, "
        f"in {time.monotonic() - begun:,.0f} s"
    )
    if points >= POINTS:
        goal = f"0 batches lost, doubled or in part, at {POINTS:,} points"
        figures.write("lake.6-streams", found.bad, "batches", goal, not found.bad, by="make kill-points")
    if found.bad:
        sys.exit(1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    else:
        main()
