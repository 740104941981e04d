"""Queries over HTTP: many small ones at once, a large one, and what it costs to write it."""

from __future__ import annotations

import json
import os
import re
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPSConnection
from pathlib import Path
from urllib.parse import urlencode

import orjson

from bench import figures
from huntlake.app import App
from huntlake.core.settings import load
from huntlake.identity.audiences import LAKE
from huntlake.identity.rights import Role
from huntlake.workspace.query import QueryOptions
from huntlake.workspace.workspaces import Workspace

BY = "python -m bench http"
ROWS, COLUMNS, CLIENTS = 500_000, 12, 16
SMALL = "Events_CL | take 100"
LARGE = "Events_CL"
_RATE, _SPREAD, _MEGABYTES, _ENCODING = 150, 5, 200, 4


class NotAnswered(SystemExit):
    """The server gave another status than 200."""


@dataclass(frozen=True)
class Place:
    """A server that runs, and what it takes to ask it."""

    process: int
    port: int
    authority: Path
    token: str
    database: str

    def connection(self) -> HTTPSConnection:
        context = ssl.create_default_context(cafile=str(self.authority))
        return HTTPSConnection("localhost", self.port, context=context, timeout=120)

    def ask(self, connection: HTTPSConnection, text: str) -> tuple[int, float]:
        """Bytes of the answer, and the seconds until the last of them."""
        body = json.dumps({"csl": text, "db": self.database})
        began = time.perf_counter()
        connection.request("POST", "/v2/rest/query", body, {"Authorization": f"Bearer {self.token}"})
        answer = connection.getresponse()
        size = 0
        while chunk := answer.read(1 << 20):
            size += len(chunk)
        if answer.status != 200:
            raise NotAnswered(f"{text}: status {answer.status}")
        return size, time.perf_counter() - began

    def worked(self) -> float:
        """Seconds of processor time that the server has taken."""
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self, what: str) -> int:
        """Bytes of memory that the server and its own processes have (`VmRSS`), or had at most (`VmHWM`)."""
        processes = [str(self.process)]
        for children in Path(f"/proc/{self.process}/task").glob("*/children"):
            processes += children.read_text().split()
        size = 0
        for process in processes:
            found = re.search(rf"{what}:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
            size += int(found[1]) * 1024 if found else 0
        return size


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="huntlake-http-") as folder:
        home = Path(folder) / "home"
        workspace, ((client, secret),) = fill(home)
        _encoding(home, workspace)
        with serving(home, {"HUNTLAKE_QUERY_MAX_BYTES": str(1 << 30)}) as (process, port):
            authority = home / "tls" / "ca.pem"
            place = Place(process, port, authority, token(authority, port, client, secret), workspace.database)
            _small(place)
            _large(place)


def fill(home: Path, *, rows: int = ROWS, principals: int = 1) -> tuple[Workspace, list[tuple[str, str]]]:
    """A table of so many rows and `COLUMNS` columns, and principals that may read it: their ids and secrets."""
    import numpy as np
    import pyarrow as pa

    app = App.open(home, load(home))
    try:
        workspace = app.workspaces.create("bench")
        known = []
        for number in range(principals):
            client = app.principals.create(f"bench {number}").client_id
            known.append((client, app.principals.add_secret(client).text))
            app.principals.grant(client, workspace.id, Role.READER)
        random = np.random.default_rng(7)
        times = np.datetime64("2026-01-01T00:00:00", "us") + np.arange(rows) * np.timedelta64(1_000_000, "us")
        columns = {"TimeGenerated": pa.array(times), "Number": pa.array(np.arange(rows))}
        for n in range(5):
            columns[f"Name{n}"] = pa.array([f"host-{v:05d}.contoso.example" for v in random.integers(0, 20_000, rows)])
        addresses = random.integers(0, 1 << 24, rows)
        columns["Address"] = pa.array([f"10.{v >> 16}.{v >> 8 & 255}.{v & 255}" for v in addresses])
        for n in range(2):
            columns[f"Count{n}"] = pa.array(random.integers(0, 1 << 40, rows))
        columns["Share"] = pa.array(random.random(rows))
        columns["Ok"] = pa.array(random.random(rows) < 0.5)
        assert len(columns) == COLUMNS
        table = pa.table(columns)
        app.ingestion.append_batches(workspace, "Events_CL", table.schema, [table])
        return workspace, known
    finally:
        app.close()


def _encoding(home: Path, workspace: Workspace) -> None:
    """The engine's own JSON against Python's, of the same rows, in processor time of pairs."""
    app = App.open(home, load(home))
    ratios = []
    try:
        for _ in range(3):
            options = QueryOptions(max_rows=None, max_bytes=None)
            (table,) = app.queries.run(workspace, LARGE, options).tables
            began = time.process_time()
            size = sum(map(len, table.json_rows()))
            ours = time.process_time() - began
            (table,) = app.queries.run(workspace, LARGE, options).tables
            began = time.process_time()
            orjson.dumps([list(row.values()) for batch in table.arrow() for row in batch.to_pylist()])
            ratios.append((time.process_time() - began) / ours)
        assert size
    finally:
        app.close()
    ratio = statistics.median(ratios)
    figures.write(
        "clients.4-encoding", ratio, "times to_pylist and orjson", f"≥ {_ENCODING}", ratio >= _ENCODING, by=BY
    )


@contextmanager
def serving(home: Path, settings: Mapping[str, str]) -> Iterator[tuple[int, int]]:
    """`huntlake serve` in a process of its own, with these settings: its process id, and its port."""
    code = "import sys; from huntlake.cli import main; sys.argv[0] = 'huntlake'; main()"
    command = [sys.executable, "-c", code, "serve", "--home", str(home), "--port", "0", "--quiet"]
    more = {"HUNTLAKE_UPKEEP_MINUTES": "0", "HUNTLAKE_RATE_LIMITS": "off", **settings}
    process = subprocess.Popen(command, env=os.environ | more, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr
        line = process.stderr.readline()
        found = re.search(r"https://localhost:(\d+)", line)
        if not found:
            raise SystemExit(f"the server doesn't start: {line}")
        yield process.pid, int(found[1])
    finally:
        process.terminate()
        process.wait(30)


def token(authority: Path, port: int, client: str, secret: str) -> str:
    """A token for the lake's API."""
    context = ssl.create_default_context(cafile=str(authority))
    connection = HTTPSConnection("localhost", port, context=context, timeout=30)
    form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/adfs/oauth2/v2.0/token", urlencode({**form, "scope": f"{LAKE}/.default"}), headers)
    return str(json.loads(connection.getresponse().read())["access_token"])


def _small(place: Place, seconds: float = 15) -> None:
    """Sixteen clients, each with a connection of its own, ask for a hundred rows again and again."""

    def client(until: float) -> list[float]:
        connection, taken = place.connection(), []
        while time.perf_counter() < until:
            taken.append(place.ask(connection, SMALL)[1])
        return taken

    with ThreadPoolExecutor(CLIENTS) as pool:
        [*pool.map(client, [time.perf_counter() + 2] * CLIENTS)]
        worked, began = place.worked(), time.perf_counter()
        taken = [t for times in pool.map(client, [began + seconds] * CLIENTS) for t in times]
        rate = len(taken) / (time.perf_counter() - began)
    cost = (place.worked() - worked) / len(taken) * 1000
    p95 = statistics.quantiles(taken, n=20)[-1]
    spread = p95 / statistics.median(taken)
    figures.write("clients.4", rate, f"queries/s, {CLIENTS} clients", f"≥ {_RATE}", rate >= _RATE, by=BY)
    figures.write("clients.4-cost", cost, "ms of processor time a query, the server's alone", by=BY)
    figures.write("clients.4-p95", spread, "times the median", f"≤ {_SPREAD}", spread <= _SPREAD, by=BY)


def _large(place: Place) -> None:
    """All rows over TLS, and what memory the server takes for it beyond what one such answer took before."""
    connection = place.connection()
    size, _ = place.ask(connection, LARGE)
    before = place.memory("VmHWM")
    rates = []
    for _ in range(5):
        size, took = place.ask(connection, LARGE)
        rates.append(size / took / 1e6)
    rate = max(rates)
    grown = (place.memory("VmHWM") - before) / (1 << 20)
    what = f"MB/s over TLS, an answer of {size / 1e6:.0f} MB"
    figures.write("clients.4-large", rate, what, f"≥ {_MEGABYTES}", rate >= _MEGABYTES, by=BY)
    figures.write("clients.4-memory", grown, "MiB more at the peak of five more such answers", by=BY)


if __name__ == "__main__":
    main()
