from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from huntlake.core.errors import Invalid
from huntlake.core.settings import Settings, load, reference


@pytest.fixture(autouse=True)
def nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"HUNTLAKE_{name.upper()}", raising=False)


def test_every_setting_says_what_it_means() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_what_is_given_counts_more_than_the_environment_and_that_more_than_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "huntlake.toml").write_text('port = 1\nthreads = 1\nqueries_per_minute = 1\nnames = ["lake.example"]\n')
    monkeypatch.setenv("HUNTLAKE_THREADS", "2")
    monkeypatch.setenv("HUNTLAKE_QUERIES_PER_MINUTE", "2")
    settings = load(tmp_path, queries_per_minute=3)
    assert (settings.port, settings.threads, settings.queries_per_minute) == (1, 2, 3)
    assert settings.names == ("lake.example",)


def test_the_home_folder_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "huntlake.toml").write_text("port = 1")
    monkeypatch.setenv("HUNTLAKE_HOME", str(tmp_path))
    assert load().port == 1
    assert load().home == tmp_path


@pytest.mark.parametrize(("text", "named"), [("prot = 1", "prot"), ("port = 'x'", "port"), ("port", "huntlake.toml")])
def test_a_mistake_in_the_file_is_named(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "huntlake.toml").write_text(text)
    with pytest.raises(Invalid, match=named):
        load(tmp_path)


def test_importing_huntlake_loads_no_settings() -> None:
    code = "import huntlake, sys; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_documentation_lists_every_setting() -> None:
    page = Path(__file__).parents[2] / "docs" / "api" / "settings.md"
    assert reference() in page.read_text()
