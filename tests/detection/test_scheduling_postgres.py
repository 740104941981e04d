"""Several servers over one PostgreSQL: they share the rules, and none of a window's alerts is there twice."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bench.scheduler_world import WORKSPACE, Findings, Life

from huntlake.detection.scheduling.ledger import StateLedger
from huntlake.detection.scheduling.servers import Servers
from huntlake.detection.scheduling.timetable import RuleClock
from huntlake.state.database import Database

INITDB = shutil.which("initdb") or next(iter(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb"))), None)
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)

pytest.importorskip("psycopg")
pytestmark = pytest.mark.skipif(INITDB is None, reason="there is no PostgreSQL on this machine")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A PostgreSQL of its own, on a spare port."""
    assert INITDB is not None
    # It doesn't run as root, and its folder must be its user's.
    user = "postgres" if os.geteuid() == 0 else None
    if user and user not in {entry.pw_name for entry in pwd.getpwall()}:
        pytest.skip("PostgreSQL has no user of its own here")
    folder = Path(tempfile.mkdtemp(prefix="huntlake-pg-"))
    if user:
        shutil.chown(folder, user)
    with socket.socket() as spare:
        spare.bind(("127.0.0.1", 0))
        port = spare.getsockname()[1]
    data, programs = folder / "data", Path(INITDB).resolve().parent
    made = [INITDB, "-D", str(data), "-A", "trust", "-U", "huntlake", "--no-sync"]
    subprocess.run(made, check=True, stdout=subprocess.DEVNULL, user=user, cwd=folder)
    command = [str(programs / "postgres"), "-D", str(data), "-p", str(port), "-k", str(folder)]
    command += ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL, user=user, cwd=folder)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        time.sleep(0.5)
        yield f"postgresql+psycopg://huntlake@127.0.0.1:{port}/postgres"
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def test_a_life_over_postgres_is_without_fault(url: str) -> None:
    found = Findings()
    database = Database.open(url)
    try:
        Life(4, 2, found, database).live()
    finally:
        database.close()
    assert found.wrong == []
    assert found.windows > 10


def test_two_servers_change_one_clock_and_lose_nothing(url: str) -> None:
    one, two = Database.open(url), Database.open(url)
    try:
        key = (f"{WORKSPACE}-two", "rule")
        first, second = StateLedger(one), StateLedger(two)
        begun = first.begin(key, RuleClock(NOW))
        assert second.begin(key, RuleClock(NOW + timedelta(days=1))) == begun
        first.change(key, lambda c: RuleClock(c.last + timedelta(hours=1)))
        assert second.change(key, lambda c: RuleClock(c.last + timedelta(hours=1))).last == NOW + timedelta(hours=2)
    finally:
        one.close()
        two.close()


def test_servers_learn_of_one_another(url: str) -> None:
    class Clock:
        def now(self) -> datetime:
            return NOW

    one, two = Database.open(url), Database.open(url)
    try:
        first, second = Servers(one, Clock(), "first"), Servers(two, Clock(), "second")
        first.beat()
        assert second.beat() == ("first", "second")
        assert first.beat() == ("first", "second")
        second.leave()
        assert first.beat() == ("first",)
    finally:
        one.close()
        two.close()
