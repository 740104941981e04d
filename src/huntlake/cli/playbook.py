"""`huntlake playbook`: workflows, their runs and their tests."""

from __future__ import annotations

import typer

from huntlake.cli import playbook_import, playbook_lint, playbook_test

app = typer.Typer(help="Import, run, test and check playbooks.", no_args_is_help=True)
app.command("import")(playbook_import.import_)
app.command("check")(playbook_import.check)
app.command("uninstall")(playbook_import.uninstall)
app.command("test")(playbook_test.prove)
app.command("lint")(playbook_lint.lint)
