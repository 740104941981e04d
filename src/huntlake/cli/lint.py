"""`huntlake lint`: what is wrong with detection content, told without data."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from huntlake.cli.screen import printable


class Form(StrEnum):
    """How findings are written."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


def lint(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders of them.", exists=True)],
    form: Annotated[Form, typer.Option("--format", help="How findings are written.")] = Form.TEXT,
    fix: Annotated[bool, typer.Option("--fix", help="Apply remedies that leave each query its columns.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Fail for warnings, too.")] = False,
) -> None:
    """Say what is wrong with rules and hunting queries, without data.

    Queries are run over tables without rows; they may call the functions that the paths hold. The exit code is 1 where
    an error is found.
    """
    from tempfile import TemporaryDirectory

    from huntlake.assembly.analytics import Analytics
    from huntlake.core.clock import SystemClock
    from huntlake.core.findings import Level
    from huntlake.detection.content import files
    from huntlake.detection.linting import Finding, fixed
    from huntlake.detection.linting import lint as findings_of
    from huntlake.detection.parsers import save
    from huntlake.detection.reports import as_annotations, as_json, as_sarif
    from huntlake.engines.duckdb.database import Bounds
    from huntlake.engines.geography import Nowhere
    from huntlake.workspace.workspaces import Workspace

    nowhere = Workspace("lint", "00000000-0000-0000-0000-000000000000")
    found: list[Finding] = []
    repaired = 0
    listed = [f for path in paths for f in files(path)]
    with TemporaryDirectory() as home:
        lake = Analytics.over(Path(home), Bounds(threads=1), Nowhere(), SystemClock())
        try:
            save(lake.functions, nowhere, listed)
            for file in listed:
                if fix:
                    text, gone = fixed(lake.queries, nowhere, file)
                    if gone:
                        # What reads the file has decoded it, and lines keep their ends.
                        file.write_bytes(text.encode())
                        repaired += len(gone)
                found += findings_of(lake.queries, nowhere, file)
        finally:
            lake.close()
    if form is Form.TEXT:
        for finding in found:
            print(printable(str(finding)))
        counts = ", ".join(f"{sum(f.level is level for f in found)} {level}s" for level in Level)
        print(f"{counts} in {len(listed)} files" + f"; {repaired} remedied" * fix)
    elif told := {Form.JSON: as_json, Form.SARIF: as_sarif, Form.GITHUB: as_annotations}[form](found):
        print(told)
    failing = (Level.ERROR, Level.WARNING) if strict else (Level.ERROR,)
    if any(f.level in failing for f in found):
        raise typer.Exit(1)
