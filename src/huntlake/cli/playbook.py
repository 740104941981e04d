"""`huntlake playbook`: workflows, their runs and their tests."""

from __future__ import annotations

import typer

from huntlake.cli import playbook_import, playbook_lint, playbook_runs, playbook_samples, playbook_test

app = typer.Typer(help="Import, run, test and check playbooks.", no_args_is_help=True)
app.command("import")(playbook_import.import_)
app.command("check")(playbook_import.check)
app.command("uninstall")(playbook_import.uninstall)
app.command("test")(playbook_test.prove)
app.command("lint")(playbook_lint.lint)
app.command("list")(playbook_runs.list_)
app.command("show")(playbook_runs.show_)
app.command("run")(playbook_runs.run)
app.command("runs")(playbook_runs.runs)
app.command("history")(playbook_runs.history)
app.command("cancel")(playbook_runs.cancel)
app.command("resubmit")(playbook_runs.resubmit)
app.command("enable")(playbook_runs.enable)
app.command("disable")(playbook_runs.disable)
app.command("delete")(playbook_runs.delete)
app.command("callback-url")(playbook_runs.callback_url)
app.command("export")(playbook_runs.export)
app.command("samples")(playbook_samples.samples)
