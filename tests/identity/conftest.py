from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from huntlake.core.clock import FixedClock
from huntlake.identity.keys import SigningKeys
from huntlake.identity.principals import Principals
from huntlake.identity.secrets import Hasher
from huntlake.identity.tenant import Tenant
from huntlake.state.database import Database

TENANT = Tenant("aaaaaaaa-0000-0000-0000-000000000001", "contoso.example")


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 3, 1, 12, tzinfo=UTC))


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database.open(tmp_path / "state.db")


@pytest.fixture
def principals(database: Database, clock: FixedClock) -> Principals:
    return Principals(database, clock, hasher=Hasher(memory=64 << 10, rounds=1))


@pytest.fixture
def keys(tmp_path: Path, clock: FixedClock) -> SigningKeys:
    return SigningKeys(tmp_path / "keys", clock)
