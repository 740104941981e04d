"""Playbooks are imported, checked and taken back at the command line."""

from __future__ import annotations

import json
from pathlib import Path

from tests.playbooks.deployment.place import template
from typer.testing import CliRunner, Result

from huntlake.app import App
from huntlake.cli import app


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


def lake(home: Path) -> Path:
    opened = App.open(home)
    opened.workspaces.create("soc")
    opened.close()
    return home


def test_an_import_asks_for_what_is_missing_and_then_makes_it(tmp_path: Path) -> None:
    home, file = lake(tmp_path / "lake"), tmp_path / "azuredeploy.json"
    file.write_text(json.dumps(template()))
    refused = run("playbook", "import", file, "--home", home)
    assert refused.exit_code == 1
    assert "Key" in refused.output
    assert "The key of Defender." in refused.output
    given = ("-p", "Key=open sesame", "--home", home, "-o", "json")
    dry = json.loads(run("playbook", "import", file, "--dry-run", *given).stdout)
    assert (dry["workflows"], "done" in dry) == (["Isolate"], False)
    made = json.loads(run("playbook", "import", file, "--name", "first", *given).stdout)
    assert [(a["kind"], a["change"]) for a in made["done"]] == [("connection", "created"), ("workflow", "created")]
    assert "open sesame" not in json.dumps(made)
    checked = run("playbook", "check", "first", "--home", home, "-o", "json")
    assert json.loads(checked.stdout)[0]["connections"][0]["mode"] == "dry-run"
    gone = json.loads(run("playbook", "uninstall", "first", "--home", home, "-o", "json").stdout)
    assert [a["change"] for a in gone] == ["deleted", "deleted"]


def test_a_file_without_a_playbook_is_refused(tmp_path: Path) -> None:
    home, file = lake(tmp_path / "lake"), tmp_path / "package.json"
    file.write_text("{}")
    found = run("playbook", "import", file, "--home", home)
    assert found.exit_code == 1
    assert "holds no playbook" in str(found.exception or found.output)


def test_a_template_is_linted_as_the_playbooks_that_it_makes(tmp_path: Path) -> None:
    file = tmp_path / "azuredeploy.json"
    body = template()
    actions = body["resources"][1]["properties"]["definition"]["actions"]
    actions["Say"] = {"type": "Compose", "inputs": "@body('Nobody')"}
    file.write_text(json.dumps(body, indent=1))
    found = run("playbook", "lint", file, "--home", tmp_path)
    assert "Nobody" in found.output
    assert str(file) in found.output
