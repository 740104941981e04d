"""Whether a lake survives `kill -9` at any instant: `python -m bench.kill_points [points] [seed]`.

Processes bring rows into a lake, move them into files, compact and index these, take old days away, delete files, clear
and drop a table; each is killed, at a random moment or at a random call of the system. The next one looks at what is
there before it takes over what the dead have left, and after that, and goes on in the same lake. Every batch that was
acknowledged must be there once and whole, what was cleared must stay away, and every way to ask must agree.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

from bench import figures
from bench.kill_worker import EXPIRED, KEPT, OLD, WIPED, Worker, day_of

POINTS = 1_000
_LIFE = 25
"""So many processes are killed in one lake before another is begun."""
_GRACE = 120.0
_CALLS = 400
"""At the latest after so many calls that leave a trace on the disk."""

Key = tuple[str, int, int]
"""A table, the number of a process, and that of a batch of it."""


@dataclass
class Findings:
    """What was found at all points; `told` says of each fault what it is, and must be empty."""

    points: int = 0
    looks: int = 0
    rows: int = 0
    takeovers: int = 0
    refused: int = 0
    during: Counter[str] = field(default_factory=Counter)
    """What was going on in processes that were killed."""
    told: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Tried:
    good: int
    bad: int
    begun: float
    kept: float | None = None


@dataclass(slots=True)
class _Wipe:
    """A time in which the table `WIPED` was cleared or dropped; `done` if that was acknowledged."""

    begun: float
    ended: float
    done: bool


@dataclass
class _Books:
    """What the lake must hold."""

    tried: dict[Key, _Tried] = field(default_factory=dict)
    must: set[Key] = field(default_factory=set)
    gone: set[Key] = field(default_factory=set)
    wipes: list[_Wipe] = field(default_factory=list)
    damaged: bool = False

    def look(self, said: dict[str, Any]) -> list[str]:
        """What is wrong with what a process saw."""
        when = f"{said['when']} the takeover"
        wrong = [f"{when}: {fault}" for fault in said["faults"]]
        there: set[Key] = set()
        for table, batches in said["seen"].items():
            for run, batch, of, rows, total, changed in batches:
                key = table, run, batch
                there.add(key)
                tried = self.tried.get(key)
                if tried is None:
                    wrong.append(f"{when}: nobody brought {key}")
                elif (of, rows, total, changed) != (tried.good, of, of * (of - 1) // 2, 0):
                    how = "doubled" if rows > tried.good else "in part"
                    wrong.append(f"{when}: {key} is {how}: {rows} of {tried.good} rows, {changed} of them changed")
                if key in self.gone:
                    wrong.append(f"{when}: {key} is there again")
                if self._wiped(key, surely=True):
                    wrong.append(f"{when}: {key} is there, and was cleared")
        for key in self.must - there:
            if not (self._wiped(key, surely=False) or (key[0] == OLD and day_of(*key[1:]) < EXPIRED)):
                wrong.append(f"{when}: {key} is lost")
        for source, count in said["letters"].items():
            table, run, batch = source.split(":")
            tried = self.tried.get((table, int(run), int(batch)))
            if tried is None or count > tried.bad:
                wrong.append(f"{when}: {count} dead letters of {source}")
        if said["when"] == "after":
            for key in there:
                if key[0] == KEPT and said["letters"].get(":".join(map(str, key)), 0) != self.tried[key].bad:
                    wrong.append(f"{when}: dead letters of {key} are missing")
            # What is there after a takeover must stay, and what isn't, mustn't come.
            self.must = there & self.tried.keys()
            self.gone = self.tried.keys() - there
        return wrong

    def _wiped(self, key: Key, *, surely: bool) -> bool:
        """Whether a batch was taken away by a clear; if not `surely`, whether it may have been."""
        tried = self.tried.get(key)
        if key[0] != WIPED or tried is None:
            return False
        if surely:
            return tried.kept is not None and any(w.done and w.begun > tried.kept for w in self.wipes)
        return any(w.ended > tried.begun for w in self.wipes)


@dataclass
class _Process:
    """One of the processes, seen from outside."""

    run: int
    pid: int
    events: Path
    errors: Path
    _read: int = 0
    _open: dict[str, float] = field(default_factory=dict)
    _last: dict[str, Key] = field(default_factory=dict)
    ready: bool = False

    def follow(self, books: _Books, found: Findings) -> None:
        """Enter into the books what it has said since."""
        with self.events.open("rb") as file:
            file.seek(self._read)
            data = file.read()
        whole = data.rfind(b"\n") + 1
        self._read += whole
        for line in data[:whole].splitlines():
            self._heard(json.loads(line), books, found)

    def killed(self, books: _Books, found: Findings) -> None:
        """Kill it; enter what it said at last, and what it was about."""
        os.kill(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        self.follow(books, found)
        found.points += 1
        if not os.WIFSIGNALED(status):
            errors = self.errors.read_text(errors="replace")
            found.told.append(f"process {self.run} ended by itself: {errors[-1500:]}")
        if not self.ready:
            found.during["start"] += 1
        found.during.update(self._open.keys())
        if (begun := self._open.get("wipe")) is not None:
            books.wipes.append(_Wipe(begun, time.monotonic(), False))

    def alive(self) -> bool:
        # A process that has ended is there until it is waited for; this doesn't wait.
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def _heard(self, said: dict[str, Any], books: _Books, found: Findings) -> None:
        at = said["time"]
        match said:
            case {"tried": [table, batch, good, bad]}:
                books.tried[table, self.run, batch] = _Tried(good, bad, at)
                self._open["bring"] = at
            case {"kept": [table, batch]}:
                key = table, self.run, batch
                books.tried[key].kept = at
                books.must.add(key)
                found.rows += books.tried[key].good
                self._open.pop("bring", None)
            case {"begun": what}:
                self._open[what] = at
            case {"ended": what}:
                begun = self._open.pop(what)
                if what == "wipe":
                    books.wipes.append(_Wipe(begun, at, True))
                found.takeovers += what == "takeover"
            case {"move": "letters" | "written"}:
                self._open["move"] = at
            case {"move": _}:
                self._open.pop("move", None)
            case {"refused": _, "act": act}:
                found.refused += 1
                self._gave_up(act, at, books)
            case {"fault": what}:
                found.told.append(f"process {self.run}: {what}")
                self._gave_up(said.get("act", ""), at, books)
            case {"when": _}:
                found.looks += 1
                found.told += [f"process {self.run}: {fault}" for fault in books.look(said)]
            case {"ready": _}:
                self.ready = True

    def _gave_up(self, act: str, at: float, books: _Books) -> None:
        for what in [w for w in self._open if act == "_tidy" and w not in ("bring", "move", "takeover")]:
            begun = self._open.pop(what)
            if what == "wipe":
                books.wipes.append(_Wipe(begun, at, False))


def kill_points(points: int, seed: int, folder: Path) -> Findings:
    """Kill so many processes, and look after each."""
    dice = random.Random(seed)
    found = Findings()
    run = 0
    while found.points < points:
        home = folder / f"lake-{run}"
        home.mkdir(parents=True)
        books = _Books()
        begun = len(found.told)
        for _ in range(_LIFE):
            run = _point(home, run, seed, dice, books, found)
            if found.points >= points:
                break
        # The last that were killed are looked after, too.
        run += 1
        last = _started(home, run, seed, 0, looks=True)
        _until_ready(last, books, found)
        last.killed(books, found)
        found.points -= 1
        if len(found.told) == begun:
            shutil.rmtree(home)
    return found


def _point(home: Path, run: int, seed: int, dice: random.Random, books: _Books, found: Findings) -> int:
    how = dice.random()
    run += 1
    aim = dice.randint(1, _CALLS) if 0.15 < how < 0.5 else 0
    processes = [_started(home, run, seed, aim, looks=True)]
    if how < 0.15:
        _wait(processes, time.monotonic() + dice.uniform(0.0, 1.0), books, found)
        processes[0].killed(books, found)
        return run
    _until_ready(processes[0], books, found)
    if how > 0.8:
        run += 1
        processes.append(_started(home, run, seed, 0, looks=False))
        _until_ready(processes[1], books, found)
        dice.shuffle(processes)
    _wait(processes[:1], time.monotonic() + (5.0 if aim else dice.uniform(0.0, 0.8)), books, found)
    for process, survivor in zip_longest(processes, processes[1:]):
        process.killed(books, found)
        if survivor is not None:
            # Now it takes over what the dead one has left, while it goes on itself.
            _wait([survivor], time.monotonic() + dice.uniform(0.0, 0.8), books, found)
    return run


def _wait(processes: list[_Process], end: float, books: _Books, found: Findings) -> None:
    while time.monotonic() < end and all(p.alive() for p in processes):
        time.sleep(min(0.02, max(0.0, end - time.monotonic())))
        for process in processes:
            process.follow(books, found)


def _until_ready(process: _Process, books: _Books, found: Findings) -> None:
    end = time.monotonic() + _GRACE
    while not process.ready and process.alive():
        if time.monotonic() > end:
            found.told.append(f"process {process.run} was not ready in {_GRACE:.0f} s")
            return
        time.sleep(0.01)
        process.follow(books, found)


def _started(home: Path, run: int, seed: int, aim: int, *, looks: bool) -> _Process:
    """A copy of this process, which has loaded all that it takes and opened nothing yet."""
    events, errors = home / f"events-{run}.jsonl", home / f"errors-{run}.txt"
    events.touch()
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        try:
            os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT), 2)
            Worker(home, events, run, seed, aim).work(looks)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    errors.touch()
    return _Process(run, pid, events, errors)


def _loaded() -> None:
    """Load what a process of the lake takes, so that none has to."""
    # Threads of a library would not be in the copies.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    import deltalake.transaction  # noqa: F401
    import duckdb  # noqa: F401
    import pyarrow.compute
    import pyarrow.parquet  # noqa: F401

    import huntlake.app
    import huntlake.lake.maintenance.compaction
    import huntlake.lake.maintenance.verification  # noqa: F401


def main() -> None:
    """Kill at as many points as are asked for, and tell what was found."""
    numbers = [int(a) for a in sys.argv[1:] if a.isdigit()]
    points, seed = [*numbers, *(POINTS, random.randrange(1_000_000))[len(numbers) :]][:2]
    print(f"{points:,} points, seed {seed}", flush=True)
    _loaded()
    begun = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="kill-points-"))
    found = kill_points(points, seed, folder)
    seconds = time.monotonic() - begun
    print("\n".join(found.told[:50]))
    if found.told:
        print(f"the lakes of these are in {folder}")
    else:
        shutil.rmtree(folder)
    during = ", ".join(f"{what} {count}" for what, count in found.during.most_common())
    print(
        f"{found.points:,} kills (while: {during}), {found.rows:,} rows acknowledged, {found.takeovers:,} takeovers, "
        f"{found.looks:,} looks, {len(found.told)} faults, in {seconds:,.0f} s"
    )
    if points >= POINTS:
        goal = f"0 rows lost or doubled, tables unreadable, answers wrong at {POINTS:,} points"
        by = "make kill-points"
        figures.write("lake.6", len(found.told), "faults", goal, not found.told, by=by)
        figures.write("lake.6b", found.rows, f"rows acknowledged, {found.takeovers} takeovers", by=by)
        figures.write("lake.6c", seconds / 60, f"minutes for {found.points} points", by=by)
    if found.told:
        sys.exit(1)


if __name__ == "__main__":
    main()
