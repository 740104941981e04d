"""How fast logs come in: streams that are acknowledged when the disk has them, and files into an indexed table.

Events are made here, about 2 kB each, in the shape of `DeviceProcessEvents`:
`python -m bench.ingest [seconds] [events]`.
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench import figures
from huntlake.assembly.analytics import Analytics
from huntlake.core.clock import SystemClock
from huntlake.core.errors import Busy
from huntlake.core.pauses import shorten
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.geography import Nowhere
from huntlake.workspace.query import QueryOptions
from huntlake.workspace.workspaces import Workspace

BY = "python -m bench ingest"
SECONDS = 10.0
EVENTS = 100_000
RATE = 40_000
OFFERED = 42_000
"""Events a second that are brought: who brings the goal alone could never be seen to pass it."""
BATCH = 100
SENDERS = 8
TABLE = "DeviceProcessEvents"
_WORKSPACE = Workspace("soc", "11111111-2222-3333-4444-555555555555")


def events(count: int, seed: int = 1) -> list[bytes]:
    """So many events as JSON, about 2 kB each, in the order of their times within one hour.

    As in logs of real machines, most values come again and again; every event has some that no other has.
    """
    dice = random.Random(seed)
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    words = ["".join(dice.choices("abcdefghijklmnopqrstuvwxyz", k=dice.randint(4, 10))) for _ in range(4_000)]
    programs = [_program(dice, words) for _ in range(1_500)]
    made = []
    for n in range(count):
        host, user = dice.randrange(2_000), dice.randrange(3_000)
        started, parent = dice.choice(programs), dice.choice(programs)
        # Three command lines in ten are said once only.
        own = f" --id {dice.getrandbits(64):016x}" if dice.random() < 0.3 else ""
        event = {
            "TimeGenerated": (start + timedelta(microseconds=n * 3_600_000_000 // count)).isoformat(),
            "DeviceId": f"{host:040x}",
            "DeviceName": f"host-{host}.corp.example",
            "ActionType": "ProcessCreated",
            **started,
            "ProcessCommandLine": started["ProcessCommandLine"] + own,
            "ProcessId": dice.randrange(65_536),
            "ProcessIntegrityLevel": "Medium",
            "AccountDomain": "corp",
            "AccountName": f"user{user}",
            "AccountSid": f"S-1-5-21-1004336348-1177238915-682003330-{user}",
            "LogonId": dice.getrandbits(31),
            **{f"InitiatingProcess{name.removeprefix('Process')}": value for name, value in parent.items()},
            "InitiatingProcessId": dice.randrange(65_536),
            "ReportId": n,
            "AdditionalFields": {"rule": dice.choice(words), "tags": started["FileName"].split(".") * 10},
        }
        made.append(json.dumps(event, separators=(",", ":")).encode())
    return made


def _program(dice: random.Random, words: Sequence[str]) -> dict[str, str]:
    path = "\\".join(["C:", *dice.choices(words, k=4)])
    name = f"{dice.choice(words)}.exe"
    return {
        "FileName": name,
        "FolderPath": f"{path}\\{name}",
        "SHA256": f"{dice.getrandbits(256):064x}",
        "SHA1": f"{dice.getrandbits(160):040x}",
        "MD5": f"{dice.getrandbits(128):032x}",
        "ProcessCommandLine": f'"{path}\\{name}" {" ".join(dice.choices(words, k=30))}',
    }


def plain_flush(folder: Path, data: bytes, seconds: float) -> list[float]:
    """How long the disk takes for `data` and an `fdatasync`, again and again, in seconds."""
    found = []
    end = time.perf_counter() + seconds
    with (folder / "plain").open("wb", buffering=0) as file:
        while time.perf_counter() < end:
            before = time.perf_counter()
            file.write(data)
            os.fdatasync(file.fileno())
            found.append(time.perf_counter() - before)
            time.sleep(BATCH / OFFERED)
    return found


def p99(times: Sequence[float]) -> float:
    """The 99th percentile."""
    return sorted(times)[min(len(times) - 1, int(len(times) * 0.99))]


def _lake(folder: Path) -> Analytics:
    return Analytics.over(folder, Bounds(), Nowhere(), SystemClock())


def stream(folder: Path, seconds: float) -> None:
    """Batches of 100 at 42,000 events a second, from several threads, while queries look for the newest."""
    batches = [b"\n".join(made) for made in _groups(events(20_000), BATCH)]
    flushes = plain_flush(folder, batches[0], 2.0)
    lake = _lake(folder / "stream")
    lake.streams.append(_WORKSPACE, TABLE, batches[0])
    lake.streams.flush()
    # What a process does for the first time takes longer.
    lake.queries.run(_WORKSPACE, f"{TABLE} | count", QueryOptions()).tables[0].json_rows()
    # As a server does that takes logs in.
    shorten()
    took: list[float] = []
    seen: list[float] = []
    refused: list[int] = []
    begin = time.perf_counter()
    interval = BATCH * SENDERS / OFFERED

    def send(number: int) -> None:
        due = begin + number * interval / SENDERS
        n = number
        while due < begin + seconds:
            wait = due - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
            before = time.perf_counter()
            try:
                lake.streams.append(_WORKSPACE, TABLE, batches[n % len(batches)])
            except Busy:
                refused.append(number)
            took.append(time.perf_counter() - before)
            due += interval
            n += SENDERS

    def look() -> None:
        n = 0
        while time.perf_counter() < begin + seconds:
            n += 1
            marked = json.dumps({"DeviceName": f"marker-{n}"}).encode()
            lake.streams.append(_WORKSPACE, TABLE, marked)
            before = time.perf_counter()
            text = f'{TABLE} | where TimeGenerated > ago(1m) and DeviceName == "marker-{n}" | count'
            while True:
                (table,) = lake.queries.run(_WORKSPACE, text, QueryOptions()).tables
                if json.loads(b"".join(table.json_rows())) == [1]:
                    break
            seen.append(time.perf_counter() - before)
            time.sleep(0.5)

    senders = [threading.Thread(target=send, args=(i,)) for i in range(SENDERS)]
    looker = threading.Thread(target=look)
    cpu = time.process_time()
    for thread in (*senders, looker):
        thread.start()
    for thread in senders:
        thread.join()
    # Until the last batch was acknowledged: whoever looks for the newest rests between two looks, and ends later.
    spent, cpu = time.perf_counter() - begin, time.process_time() - cpu
    looker.join()
    rate = (len(took) - len(refused)) * BATCH / spent
    lake.close()
    bound = max(20.0, 2_000 * p99(flushes))
    if refused:
        print(f"{len(refused):,} batches of {len(took):,} were refused: too much waited")
    print(f"plain fdatasync: p99 {p99(flushes) * 1000:.1f} ms; {cpu / spent:.2f} processors busy")
    figures.write("lake.5b-rate", rate, "events/s", f"{RATE:,} in batches of {BATCH}", rate >= RATE, by=BY)
    worst = p99(took) * 1000
    goal = f"20 ms, or twice that of a plain fdatasync: {bound:.0f} ms"
    figures.write("lake.5b-p99", worst, "ms", goal, worst <= bound, by=BY)
    figures.write("lake.5c", max(seen) * 1000, "ms", "1,000 ms at most", max(seen) <= 1.0, by=BY)


def files(folder: Path, count: int) -> None:
    """A file of JSON lines into a table with its index, on one processor."""
    source = folder / "events.jsonl"
    source.write_bytes(b"\n".join(events(count)) + b"\n")
    # Two threads on one core's halves would each seem slower than they are.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    lake = _lake(folder / "files")
    lake.ingestion.ingest(_WORKSPACE, TABLE, _sample(folder))
    cpu, begin = time.process_time(), time.perf_counter()
    report = lake.ingestion.ingest(_WORKSPACE, TABLE, source)
    cpu, spent = time.process_time() - cpu, time.perf_counter() - begin
    lake.close()
    print(f"{source.stat().st_size / count:,.0f} bytes an event; {report.rows / spent:,.0f} events/s by the clock")
    rate = report.rows / cpu
    figures.write("lake.5", rate, "events/s per core", "75,000", rate >= 75_000, by=BY)


def _sample(folder: Path) -> Path:
    path = folder / "sample.jsonl"
    path.write_bytes(b"\n".join(events(100)))
    return path


def _groups(rows: Sequence[bytes], size: int) -> list[Sequence[bytes]]:
    return [rows[i : i + size] for i in range(0, len(rows), size)]


def main() -> None:
    """Measure both."""
    numbers = [float(a) for a in sys.argv[1:] if a.replace(".", "").isdigit()]
    seconds, count = [*numbers, *(SECONDS, EVENTS)[len(numbers) :]][:2]
    with tempfile.TemporaryDirectory(prefix="ingest-") as folder:
        stream(Path(folder), seconds)
        files(Path(folder), int(count))


if __name__ == "__main__":
    main()
