"""The process that `bench.kill_points` kills: it looks at a lake, brings rows, keeps tables in order, and clears one.

What it begins and what is done it writes down, a line of JSON each, in a file that outlives it.
"""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huntlake.core.errors import DomainError
from huntlake.lake.paths import HotPath
from huntlake.workspace.workspaces import Workspace

if TYPE_CHECKING:
    from huntlake.assembly.analytics import Analytics

WORKSPACE = Workspace("soc", "11111111-2222-3333-4444-555555555555")
KEPT, OLD, WIPED = TABLES = ("Kept_CL", "Old_CL", "Wiped_CL")
"""One whose rows all stay, one that loses its oldest days, and one that is cleared and dropped now and then."""

DAYS, EXPIRED = 4, 2
"""How many days the rows are of, and how many of these grow too old."""

_START = datetime(2026, 11, 1, tzinfo=UTC)
_NOW = datetime(2026, 11, 20)
_GRACE = timedelta(seconds=8)
_STEP = 15_485_863
_PATHS = [HotPath("bag", path) for path in ('$."a"', '$."b"[0]', '$."c"."d"')]


def second_of(table: str, run: int, batch: int, number: int) -> int:
    """When a row is, in seconds after the first day began; a batch of `OLD` is of one day."""
    whole = (run * 7_919 + batch * 104_729) % DAYS * 86_400 if table == OLD else 0
    return whole + (run * 7_919 + batch * 104_729 + number * _STEP) % (86_400 if table == OLD else DAYS * 86_400)


def day_of(run: int, batch: int) -> int:
    """The day of a batch of `OLD`."""
    return (run * 7_919 + batch * 104_729) % DAYS


@dataclass
class Worker:
    """One process over the lake in `home`."""

    home: Path
    events: Path
    run: int
    seed: int
    aim: int
    """At which call of the system that leaves a trace on the disk it ends itself; 0 for none."""

    def __post_init__(self) -> None:
        self._events = os.open(self.events, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._dice = random.Random(f"{self.seed} {self.run}")
        self._lock = threading.Lock()
        self._batches = iter(range(1_000_000))
        self._kept: set[tuple[str, int]] = set()
        if self.aim:
            self._aim()

    def work(self, looks: bool) -> None:
        """Look, unless others are at work; then go on until killed."""
        from huntlake.assembly.analytics import Analytics
        from huntlake.core.clock import SystemClock
        from huntlake.engines.duckdb.database import Bounds
        from huntlake.engines.geography import Nowhere
        from huntlake.lake.forms import TIME, Form, StoredColumn
        from huntlake.workspace.ingestion import streaming

        streaming._ADOPT = 0.3
        pace = streaming.Pace(every=timedelta(seconds=0.15))
        lake = Analytics.over(self.home, Bounds(threads=1), Nowhere(), SystemClock(), pace=pace)
        streams: Any = lake.streams
        streams._at = lambda point: self.say(move=point)
        columns = [StoredColumn(TIME, Form.INSTANT), StoredColumn("bag", Form.JSON), StoredColumn("text", Form.TEXT)]
        columns += [StoredColumn(name, Form.BIGINT) for name in ("run", "batch", "number", "of")]
        for table in (KEPT, OLD):
            lake.lake.table(WORKSPACE.name, table).add_columns(columns)
        if looks:
            self._look(lake, "before")
        self.say(begun="takeover")
        lake.streams.open()
        self.say(ended="takeover")
        if looks:
            self._look(lake, "after")
        self.say(ready=True)
        acts: list[Callable[[Analytics, random.Random], None]] = [self._bring, self._bring, self._tidy, self._watch]
        for i, act in enumerate(acts):
            dice = random.Random(f"{self.seed} {self.run} {i}")
            threading.Thread(target=self._forever, args=(act, lake, dice), daemon=True).start()
        threading.Event().wait()

    def say(self, **what: object) -> None:
        """Write something down. One write for a line: those of several threads don't mix."""
        os.write(self._events, json.dumps({**what, "time": time.monotonic()}).encode() + b"\n")

    def _forever(self, act: Callable[[Analytics, random.Random], None], lake: Analytics, dice: random.Random) -> None:
        while True:
            try:
                act(lake, dice)
            except DomainError as error:
                # A table may be gone just now, or another process at it.
                self.say(refused=str(error), act=act.__name__)
                time.sleep(0.01)
            except Exception as error:
                self.say(fault=f"{act.__name__}: {type(error).__name__}: {error}", act=act.__name__)
                time.sleep(0.1)

    # -- what it does -------------------------------------------------------------------

    def _bring(self, lake: Analytics, dice: random.Random) -> None:
        table = dice.choice((KEPT, KEPT, KEPT, OLD, WIPED))
        with self._lock:
            batch = next(self._batches)
        good, bad = dice.randint(1, 30), dice.choice((0, 0, 0, 1, 2))
        as_file = table == KEPT and dice.random() < 0.1
        if as_file or table == WIPED:
            # The dead letters of files lie elsewhere; and a new column would be one for numbers and for texts.
            bad = 0
        rows: list[dict[str, object]] = [
            {
                "TimeGenerated": (_START + timedelta(seconds=second_of(table, self.run, batch, n))).isoformat(),
                "run": self.run,
                "batch": batch,
                "number": n,
                "of": good,
                "bag": {"a": n % 5, "b": [f"x{n}"], "c": {"d": n % 2 == 0}},
                "text": f"r{self.run}b{batch} host-{n % 7} " * dice.randint(1, 5),
            }
            for n in range(good)
        ]
        rows += [{"run": "no number", "batch": batch}] * bad
        self.say(tried=[table, batch, good, bad])
        if as_file:
            file = self.home / f"rows-{self.run}-{batch}.json"
            file.write_text("\n".join(map(json.dumps, rows)))
            lake.ingestion.ingest(WORKSPACE, table, file)
        else:
            lake.streams.append(WORKSPACE, table, rows, source=f"{table}:{self.run}:{batch}")
        self.say(kept=[table, batch])
        if table == KEPT:
            self._kept.add((table, batch))

    def _tidy(self, lake: Analytics, dice: random.Random) -> None:
        from huntlake.lake.maintenance.compaction import Aim, compact
        from huntlake.lake.maintenance.indexing import index
        from huntlake.lake.maintenance.retention import expire
        from huntlake.lake.maintenance.vacuum import vacuum

        time.sleep(dice.uniform(0.0, 0.1))
        table = lake.lake.table(WORKSPACE.name, dice.choice((KEPT, OLD)))
        what = dice.choice(("compact", "compact", "index", "expire", "vacuum", "paths", "wipe"))
        self.say(begun=what)
        match what:
            case "compact":
                aim = Aim(rows=dice.choice((200, 2_000, 100_000)))
                compact(table, lake.lake.working_folder, _NOW, aim=aim, threads=1, memory="512MB")
            case "index":
                index(table, anew=dice.random() < 0.5)
            case "expire":
                old = lake.lake.table(WORKSPACE.name, OLD)
                expire(old, _START.replace(tzinfo=None) + timedelta(days=EXPIRED))
            case "vacuum":
                vacuum(table, _GRACE)
            case "paths":
                table.keep_paths(dice.sample(_PATHS, dice.randrange(4)))
            case _:
                if dice.random() < 0.6:
                    lake.lake.clear(WORKSPACE.name, WIPED)
                else:
                    lake.lake.drop(WORKSPACE.name, WIPED)
        self.say(ended=what)

    def _watch(self, lake: Analytics, dice: random.Random) -> None:
        """Ask while others write: batches are whole, and those that were acknowledged before are there."""
        time.sleep(dice.uniform(0.05, 0.2))
        kept = set(self._kept)
        if not kept:
            return
        there = set()
        for run, batch, of, rows, total, wrong in _asked(lake, _BATCHES.format(table=KEPT)):
            if run == self.run:
                there.add((KEPT, batch))
            if (rows, total, wrong) != (of, of * (of - 1) // 2, 0):
                self.say(fault=f"a query saw {rows} of {of} rows of batch {run}/{batch}, {wrong} of them changed")
        for _, batch in kept - there:
            self.say(fault=f"a query did not see batch {self.run}/{batch}, which was acknowledged before")

    # -- what it sees -------------------------------------------------------------------

    def _look(self, lake: Analytics, when: str) -> None:
        """Say which batches there are, and whether several ways to ask agree."""
        from huntlake.lake.maintenance.verification import verify
        from huntlake.workspace.ingestion.dead_letters import LETTERS

        there = [t for t in TABLES if _has_columns(lake, t)]
        seen = {table: _asked(lake, _BATCHES.format(table=table)) for table in there}
        letters = {}
        if _has_columns(lake, LETTERS):
            letters = dict(_asked(lake, f"{LETTERS} | summarize n = count() by Source | project Source, n"))
        faults = []
        for table in there:
            faults += self._agreeing(lake, table, seen[table])
            if when == "after":
                found = verify(lake.lake.table(WORKSPACE.name, table)).disagreements
                faults += [f"verify: {table}: {d.file}: {d.what}" for d in found]
        self.say(when=when, seen=seen, letters=letters, faults=faults)

    def _agreeing(self, lake: Analytics, table: str, batches: list[list[Any]]) -> list[str]:
        """What is wrong with the answers that come by the index, and by times."""
        faults = []
        picked = self._dice.sample(batches, min(3, len(batches)))
        words = ", ".join(f'"r{run}b{batch}"' for run, batch, *_ in picked) or '"nothing"'
        asked = f'{table} | where text has_any ({words}, "r0b0x") | summarize count() by run, batch'
        found = {(run, batch): rows for run, batch, rows in _asked(lake, asked)}
        if found != {(run, batch): rows for run, batch, _, rows, *_ in picked}:
            faults.append(f"{table}: by the index {words} are in {found}, and there are {picked}")
        since = self._dice.randrange(DAYS * 86_400)
        low = _START + timedelta(seconds=since)
        high = low + timedelta(seconds=self._dice.randrange(86_400))
        span = f"TimeGenerated >= datetime({low.isoformat()}) and TimeGenerated < datetime({high.isoformat()})"
        asked = f"print toscalar({table} | where {span} | count), toscalar({table} | summarize countif({span}))"
        ((pruned, counted),) = _asked(lake, asked)
        if pruned != counted:
            faults.append(f"{table}: {pruned} rows by the times of files, and {counted} by those of rows, in {span}")
        return faults

    def _aim(self) -> None:
        """End at a call that leaves a trace on the disk, before or after it."""
        left = self.aim
        lock = threading.Lock()

        def dying(real: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any, **more: Any) -> Any:
                nonlocal left
                with lock:
                    left -= 1
                    mine = left
                if mine == 0 and self.aim % 2:
                    os.kill(os.getpid(), signal.SIGKILL)
                done = real(*arguments, **more)
                if mine == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return done

            return call

        for name in ("fsync", "fdatasync", "ftruncate"):
            setattr(os, name, dying(getattr(os, name)))
        for name in ("rename", "unlink"):
            setattr(Path, name, dying(getattr(Path, name)))


_BATCHES = (
    "{table} | extend start = "
    "datetime(2026-11-01) + 1s * iff('{table}' == 'Old_CL', (run * 7919 + batch * 104729) % 4 * 86400, 0) "
    "| extend due = start + 1s * ((run * 7919 + batch * 104729 + number * 15485863) % "
    "iff('{table}' == 'Old_CL', 86400, 345600)) "
    "| summarize of = max(of), rows = count(), total = sum(number), "
    "wrong = countif(TimeGenerated != due or tolong(bag.a) != number % 5 or tostring(bag.b[0]) != strcat('x', number)) "
    "by run, batch"
)


def _has_columns(lake: Analytics, table: str) -> bool:
    """Whether a table is there, and has got columns by its first rows."""
    lake.streams.settle(WORKSPACE.name, table)
    return any(c.name.lower() == "text" for c in lake.tables.table(WORKSPACE.name, table) or ())


def _asked(lake: Analytics, text: str) -> list[list[Any]]:
    from huntlake.workspace.query import QueryOptions

    (table,) = lake.queries.run(WORKSPACE, text, QueryOptions(max_rows=None, max_bytes=None)).tables
    found: list[list[Any]] = json.loads(b"[" + b",".join(table.json_rows()) + b"]")
    return found
