from __future__ import annotations

import stat
from pathlib import Path

from huntlake.core.clock import FixedClock
from huntlake.identity.keys import SigningKeys


def modes(folder: Path) -> set[int]:
    return {stat.S_IMODE(f.stat().st_mode) for f in folder.iterdir()}


def test_nobody_else_may_read_a_key(keys: SigningKeys, tmp_path: Path) -> None:
    keys.current()
    keys.rotate()
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert modes(tmp_path / "keys") == {0o600}


def test_a_key_survives_a_restart(keys: SigningKeys, tmp_path: Path, clock: FixedClock) -> None:
    assert SigningKeys(tmp_path / "keys", clock).current().kid == keys.current().kid
    assert SigningKeys(tmp_path / "keys", clock).jwks() == keys.jwks()


def test_a_running_server_hears_of_a_rotation(keys: SigningKeys, tmp_path: Path, clock: FixedClock) -> None:
    old = keys.current().kid
    new = SigningKeys(tmp_path / "keys", clock).rotate()
    assert keys.current().kid == new
    assert keys.public(old) is not None
    assert {k["kid"] for k in keys.jwks()["keys"]} == {old, new}


def test_rotation_leaves_no_old_private_key(keys: SigningKeys, tmp_path: Path) -> None:
    keys.current()
    new = keys.rotate()
    assert [f.stem.partition("-")[2] for f in (tmp_path / "keys").glob("*.pem")] == [new]
    assert all(b"PRIVATE" not in f.read_bytes() for f in (tmp_path / "keys").glob("*.pub"))
