"""`huntlake playbook lint`: what is wrong with playbooks, told without running them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huntlake.cli.lint import Form
from huntlake.cli.place import Home, opened
from huntlake.cli.screen import note, printable

if TYPE_CHECKING:
    from huntlake.playbooks.linting.findings import Finding


def lint(
    named: Annotated[
        list[str], typer.Argument(metavar="FILE|NAME...", help="Files, folders of them, or names of playbooks here.")
    ],
    form: Annotated[Form, typer.Option("--format", "-f", help="How findings are written.")] = Form.TEXT,
    strict: Annotated[bool, typer.Option("--strict", help="Fail for warnings, too.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Leave notes out.")] = False,
    home: Home = None,
) -> None:
    """Say what is wrong with playbooks, without running them.

    Among other things: queries that are put together from what an incident says, actions that never run, secrets in
    comments and mails, loops that write shared variables, names that aren't there. The exit code is 1 where an error is
    found.
    """
    from huntlake.detection.reports import as_annotations, as_json, as_sarif
    from huntlake.playbooks.linting.findings import CODES, Level

    found, count = _found(named, home)
    if quiet:
        found = [f for f in found if f.level is not Level.NOTE]
    if form is Form.TEXT:
        for finding in found:
            print(printable(str(finding), "\n"))
        counts = ", ".join(f"{sum(f.level is level for f in found)} {level}s" for level in Level)
        note(f"{counts} in {count} files")
    elif form is Form.SARIF:
        print(as_sarif(found, CODES))
    elif told := {Form.JSON: as_json, Form.GITHUB: as_annotations}[form](found):
        print(told)
    failing = (Level.ERROR, Level.WARNING) if strict else (Level.ERROR,)
    if any(f.level in failing for f in found):
        raise typer.Exit(1)


def _found(named: list[str], home: Path | None) -> tuple[list[Finding], int]:
    """What is wrong with all of these, and how many files or playbooks they are."""
    from huntlake.playbooks.deployment.sources import sketched_files
    from huntlake.playbooks.linting.linter import lint as findings_of

    found: list[Finding] = []
    count = 0
    for name in named:
        path = Path(name)
        if not path.exists():
            found += _of_workflow(name, home)
            count += 1
            continue
        for file in [path] if path.is_file() else sorted(path.rglob("*.json")):
            found += findings_of(file, sketched_files)
            count += 1
    return found, count


def _of_workflow(name: str, home: Path | None) -> list[Finding]:
    import json

    from huntlake.core.diagnostics import Source
    from huntlake.playbooks.files import PlaybookFile
    from huntlake.playbooks.linting.linter import findings

    with opened(home) as lake:
        workflow = lake.playbooks.workflows.get(name).value
    # What the server keeps is shown as it would stand in a file.
    text = json.dumps({"definition": workflow.definition}, indent=2, ensure_ascii=False)
    file = PlaybookFile(Path(name), name, workflow.definition, workflow.parameters, Source(text, name), "$.definition")
    return findings(file)
