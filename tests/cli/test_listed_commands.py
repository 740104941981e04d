"""The commands as they are listed."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.main import get_command

from huntlake import cli

HELPERS = set(
    "background demo_client demo_lake elsewhere failure hunter listing moments outcomes owner place rows screen secret"
    " playbook_import playbook_lint playbook_runs playbook_samples playbook_test rule_tests secret_store".split()
)
"""Modules of the folder that are no commands, or that are commands below another; so are those of `hunt`."""


def names() -> list[str]:
    modules = {file.stem for file in Path(cli.__file__).parent.glob("*.py")} - HELPERS - {"__init__"}
    modules = {name for name in modules if not name.startswith("hunt_") or name == "hunt_eval"}
    return sorted("import" if name == "import_evidence" else name.replace("_", "-") for name in modules)


@pytest.mark.parametrize("name", names())
def test_every_module_of_a_command_is_one_that_can_be_typed(name: str) -> None:
    command = get_command(cli.app)
    assert command.get_command(typer.Context(command), name) is not None  # type: ignore[attr-defined]
