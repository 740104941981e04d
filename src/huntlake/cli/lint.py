"""`huntlake lint`: what is wrong with detection content, told without data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from huntlake.cli.screen import printable


def lint(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders of them.", exists=True)],
) -> None:
    """Say what is wrong with rules and hunting queries, without data.

    Queries are run over tables without rows. The exit code is 1 where anything is found.
    """
    from tempfile import TemporaryDirectory

    from huntlake.app import Analytics
    from huntlake.core.clock import SystemClock
    from huntlake.detection.content import files
    from huntlake.detection.linting import lint as findings
    from huntlake.engines.duckdb.database import Bounds
    from huntlake.engines.geography import Nowhere
    from huntlake.workspace.workspaces import Workspace

    looked_at = found = 0
    nowhere = Workspace("lint", "00000000-0000-0000-0000-000000000000")
    with TemporaryDirectory() as home:
        lake = Analytics.over(Path(home), Bounds(threads=1), Nowhere(), SystemClock())
        try:
            for file in (f for path in paths for f in files(path)):
                looked_at += 1
                for finding in findings(lake.queries, nowhere, file):
                    found += 1
                    print(printable(str(finding)))
        finally:
            lake.close()
    print(f"{found} findings in {looked_at} files")
    if found:
        raise typer.Exit(1)
