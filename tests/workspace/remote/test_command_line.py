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


RULE = """\
id: 0f9b7a52-3a0c-4a7c-8d0e-5a4a5b1f0001
name: Any
severity: Medium
kind: Scheduled
queryFrequency: 1h
queryPeriod: 1h
triggerOperator: gt
triggerThreshold: 0
query: Events_CL | where TimeGenerated > ago(10m) | summarize Sum = sum(Count) by User
"""
TESTS = """\
tables: {Events_CL: {TimeGenerated: datetime, User: string, Count: long}}
tests:
  - name: fires
    events: {Events_CL: [{repeat: 4, every: 2m, row: {TimeGenerated: -12m, User: 'a "b"', Count: 2}}]}
    expect: {alerts: 1}
"""


def test_rules_are_proved_against_a_remote_workspace(run: Run, far: Far, tmp_path: Path) -> None:
    assert run(*add(far, "--secret-env", "X"), X=far.secret).exit_code == 0
    (tmp_path / "any.yaml").write_text(RULE)
    (tmp_path / "any.test.yaml").write_text(TESTS)
    tests = str(tmp_path / "any.test.yaml")
    proved = run("test", tests, "--against", "soc")
    assert proved.exit_code == 0, proved.output
    (tmp_path / "any.yaml").write_text(RULE.replace("Events_CL |", "union Ev* |"))
    refused = run("test", tests, "--against", "soc")
    assert (refused.exit_code, "not supported" in refused.output) == (1, True)
    run("workspace", "create", "local")
    assert isinstance(run("test", tests, "--against", "local").exception, Invalid)
