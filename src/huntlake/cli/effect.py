"""`huntlake effect`: what playbooks have changed, or would have."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.core.errors import NotFound

app = typer.Typer(help="List what playbooks have changed, or would have.", no_args_is_help=True)

Output = Annotated[Listing, typer.Option("--output", "-o", help="How to write the answer.")]


@app.command("list")
def list_(
    run: Annotated[str, typer.Option("--run", metavar="RUN", help="Only those of a run.")] = "",
    playbook: Annotated[str, typer.Option("--playbook", metavar="NAME", help="Only those of a playbook.")] = "",
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Output = Listing.TABLE,
) -> None:
    """List effects, the last first."""
    with opened(home) as lake:
        known = lake.outward.ledger.list(workspace_of(lake, workspace).name, run, playbook)
    rows = [
        (
            d.name[:12],
            e.at.isoformat(timespec="seconds"),
            e.workflow,
            e.run,
            e.action,
            f"{e.connector} {e.operation}",
            e.effect.value,
            e.mode.value,
            e.outcome.value,
            e.status,
        )
        for d, e in ((d, d.value) for d in known)
    ]
    headings = ["effect", "at", "playbook", "run", "action", "operation", "kind", "mode", "outcome", "status"]
    show(headings, rows, output, numbers={"status"})


@app.command("show")
def show_(
    effect: Annotated[str, typer.Argument(metavar="EFFECT", help="How its name begins, as `effect list` has it.")],
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Print an effect as JSON: what was asked, without secrets, and what came of it."""
    from huntlake.playbooks.ledger import entry_shown

    with opened(home) as lake:
        known = lake.outward.ledger.list(workspace_of(lake, workspace).name)
    found = [d for d in known if d.name.startswith(effect.lower())]
    if len(found) != 1:
        raise NotFound(f"{'several effects begin' if found else 'no effect begins'} with `{effect}`")
    print(json.dumps(entry_shown(found[0]), indent=2))
