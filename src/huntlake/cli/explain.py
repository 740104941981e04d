"""`huntlake explain`: how a query would be answered."""

from __future__ import annotations

from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.query import File, Parameters, Text, others, parameters_of, query_text
from huntlake.cli.screen import printable


def explain(
    text: Text = None,
    file: File = None,
    home: Home = None,
    workspace: WorkspaceName = None,
    parameter: Parameters = None,
) -> None:
    """Show how a query would be answered.

    Its columns, its SQL, the engine's plan and the files it would read; the query isn't run.
    """
    from huntlake.workspace.query import QueryOptions

    asked = query_text(text, file)
    with opened(home) as app:
        place = workspace_of(app, workspace)
        options = QueryOptions(parameters=parameters_of(parameter), opens=lambda table: True)
        for found in app.queries.explain(place, asked, options, workspaces=others(app)):
            lines = [f"# {found.name}: " + ", ".join(f"{c.name}: {c.type}" for c in found.columns)]
            for scan in found.scans:
                size, rows = sum(f.bytes for f in scan.files), sum(f.read for f in scan.files)
                lines += [
                    "",
                    f"## reads {scan.workspace}/{scan.table}"
                    f" from {scan.since or 'the beginning'} to {scan.until or 'the end'}",
                    f"columns: {', '.join(scan.columns)}",
                    f"{len(scan.files):,} files, {rows:,} rows, {size:,} bytes",
                    *(f"  {f.path} ({f.read:,} of {f.rows:,} rows, {f.bytes:,} bytes)" for f in scan.files),
                ]
            lines += ["", "## SQL", found.sql, "", "## plan", found.plan]
            print(printable("\n".join(lines), keep="\n"))
