"""Playbooks are run and looked after at the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from huntlake.app import App
from huntlake.cli import app
from huntlake.playbooks.workflows import Workflow

DEFINITION = {
    "triggers": {"manual": {"type": "Request"}},
    "actions": {
        "Say": {"type": "Compose", "inputs": "@concat('hello ', triggerBody()['name'])"},
        "Fail": {
            "type": "Terminate",
            "inputs": {"runStatus": "@triggerBody()['end']", "runError": {"code": "Odd", "message": "as asked"}},
            "runAfter": {"Say": ["Succeeded"]},
        },
    },
}


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home") / "lake"
    opened = App.open(home)
    opened.workspaces.create("soc")
    opened.playbooks.workflows.put("greet", Workflow(DEFINITION, "soc"))
    opened.close()
    return home


def payload(home: Path, end: str = "Succeeded") -> Path:
    file = home.parent / f"{end}.json"
    file.write_text(json.dumps({"name": "Ada", "end": end}))
    return file


def test_a_playbook_runs_without_a_server_and_shows_what_it_does(home: Path) -> None:
    done = run("playbook", "run", "greet", "--payload", payload(home), "--home", home)
    assert done.exit_code == 0, done.output
    assert "Succeeded  Say (Compose)" in done.stdout
    (first, *_) = json.loads(run("playbook", "runs", "greet", "--home", home, "-o", "json").stdout)
    shown = run("playbook", "history", first["run"][:24], "--action", "say", "--home", home)
    assert json.loads(shown.stdout)[0]["outputs"] == "hello Ada"
    again = run("playbook", "resubmit", first["run"], "--home", home, "-o", "json")
    assert json.loads(again.stdout)["origin"]["run"] == first["run"]
    assert json.loads(run("playbook", "export", first["run"], "--home", home).stdout)["status"] == "Succeeded"


def test_a_run_that_fails_fails_the_command(home: Path) -> None:
    done = run("playbook", "run", "greet", "--payload", payload(home, "Failed"), "--home", home)
    assert done.exit_code == 1
    assert "Failed after" in done.output
    assert "as asked" in done.output
    listed = run("playbook", "runs", "--status", "failed", "--home", home, "-o", "json")
    assert {r["status"] for r in json.loads(listed.stdout)} == {"Failed"}


def test_what_is_only_asked_for_is_run_by_whoever_comes_next(home: Path) -> None:
    id = run("playbook", "run", "greet", "--payload", payload(home), "--no-wait", "--home", home).stdout.strip()
    waiting = json.loads(run("playbook", "export", id, "--home", home).stdout)
    assert (waiting["status"], waiting["actions"]) == ("Running", [])
    run("playbook", "run", "greet", "--payload", payload(home), "--home", home)
    opened = App.open(home)
    try:
        with opened.playbooks.worker.executing():
            opened.playbooks.runs.wait("greet", id, 30)
    finally:
        opened.close()


def test_a_disabled_playbook_does_not_run_and_an_unknown_one_is_named(home: Path) -> None:
    assert run("playbook", "disable", "greet", "--home", home).exit_code == 0
    done = run("playbook", "run", "greet", "--home", home)
    assert "is disabled" in done.output or "is disabled" in str(done.exception)
    assert run("playbook", "enable", "greet", "--home", home).exit_code == 0
    assert json.loads(run("playbook", "list", "--home", home, "-o", "json").stdout)[0]["state"] == "Enabled"
    assert run("playbook", "show", "greet", "--home", home).exit_code == 0
    assert run("playbook", "callback-url", "greet", "--home", home).stdout.startswith(
        "https://localhost:8443/workflows/"
    )
    assert run("playbook", "callback-url", "nobody", "--home", home).exit_code == 1


def test_a_deleted_playbook_is_gone_with_its_runs(home: Path) -> None:
    assert run("playbook", "delete", "greet", "--home", home).exit_code == 0
    assert json.loads(run("playbook", "runs", "--home", home, "-o", "json").stdout) == []
