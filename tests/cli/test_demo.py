"""The demo, from nothing to a first answer over the network."""

import json
import stat
from pathlib import Path

import pytest
from tests.cli.conftest import Run

from huntlake.cli.demo_client import TO_TRY


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shortest story there is: eight days."""
    from huntlake.demo import install

    defaults = install.install.__kwdefaults__
    assert defaults
    monkeypatch.setitem(defaults, "days", 8)


def test_the_demo_answers_and_is_not_made_twice(run: Run, few: None, tmp_path: Path) -> None:
    home = tmp_path / "demo"
    first = run("demo", "--home", home, "--once", "--port", "0")
    assert first.code == 0, first.err
    assert "first answer after" in first.err
    assert first.out.splitlines()[0].split() == ["ResultType", "SignIns"]
    card = home / "demo.json"
    assert stat.S_IMODE(card.stat().st_mode) == 0o600
    assert json.loads((home / "ground-truth.json").read_text())["steps"]

    before = json.loads(card.read_text())
    again = run("demo", "--home", home, "--once", "--port", "0")
    after = json.loads(card.read_text())
    assert again.out == first.out
    assert (before["client_secret"], before["end"]) == (after["client_secret"], after["end"])

    for kql in TO_TRY:
        asked = run("query", "--home", home, kql, "--output", "jsonl")
        assert asked.code == 0, asked.err
        assert asked.out, kql


def test_a_folder_with_other_things_in_it_is_left_alone(run: Run, tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    told = run("demo", "--home", tmp_path, "--once")
    assert told.code == 1
    assert "holds no demo" in told.err
