"""`huntlake workspace add … --remote`, against a second huntlake."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from huntlake.cli import app
from huntlake.core.errors import Invalid, NotFound, Refused

from .conftest import Far

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run(*arguments: str, **environment: str) -> Result:
        return CliRunner().invoke(app, arguments, env={"HUNTLAKE_HOME": str(tmp_path / "lake"), **environment})

    return run


def add(far: Far, *more: str) -> tuple[str, ...]:
    remote = ("--remote", far.url, "--db", far.workspace.database, "--tenant", far.app.tenant.id)
    return ("workspace", "add", "soc", *remote, "--client", far.client, "--ca", str(far.authority), *more)


def test_a_remote_workspace_is_added_asked_and_removed(run: Run, far: Far) -> None:
    added = run(*add(far, "--secret-env", "FAR_SECRET", "-o", "json"), FAR_SECRET=far.secret)
    assert added.exit_code == 0, added.output
    assert json.loads(added.stdout)[0]["remote"] == "huntlake"
    listed = json.loads(run("workspace", "list", "-o", "json").stdout)
    assert (listed[0]["workspace"], listed[0]["url"]) == ("soc", far.url)
    # It is the only workspace, and needn't be named.
    asked = run("query", "Events_CL | count", "-o", "json")
    assert json.loads(asked.stdout) == [{"Count": 3}]
    tables = json.loads(run("tables", "-o", "json").stdout)
    assert "Events_CL" in [t["table"] for t in tables]
    assert "Count" in run("schema", "Events_CL").stdout
    assert run("workspace", "refresh", "soc").exit_code == 0
    assert run("workspace", "secret", "soc", "--secret-env", "FAR_SECRET", FAR_SECRET=far.secret).exit_code == 0
    assert isinstance(run("explain", "Events_CL").exception, Invalid)
    assert run("workspace", "remove", "soc").exit_code == 0
    assert isinstance(run("query", "Events_CL").exception, NotFound)


def test_a_secret_is_never_an_argument_and_a_wrong_one_adds_nothing(run: Run, far: Far) -> None:
    assert run(*add(far, "--secret", far.secret)).exit_code == 2
    assert run(*add(far)).exit_code == 2
    assert isinstance(run(*add(far, "--secret-env", "X"), X="wrong").exception, Refused)
    assert json.loads(run("workspace", "list", "-o", "json").stdout) == []


def test_a_secret_comes_from_a_file(run: Run, far: Far, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(far.secret + "\n")
    more = ("--authority", f"{far.url}/adfs", "--scope", f"{far.url}/.default")
    assert run(*add(far, "--secret-file", str(file), "--kind", "lake", *more)).exit_code == 0
