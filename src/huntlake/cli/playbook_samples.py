"""`huntlake playbook samples`: the playbooks that come with this house."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.screen import note

Output = Annotated[Listing, typer.Option("--output", "-o", help="How to write the list.")]


def samples(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Only these; all of them, unless one is named.")
    ] = None,
    install: Annotated[bool, typer.Option("--install", help="Deploy them into the workspace.")] = False,
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Output = Listing.TABLE,
) -> None:
    """List the playbooks that come with this house, or deploy them.

    What they connect to is in dry-run until a person says `live`: they read, and write nothing. Parameters that differ
    from place to place are said with `huntlake playbook import`.
    """
    from huntlake.playbooks.samples import install as deploy
    from huntlake.playbooks.samples import sample
    from huntlake.playbooks.samples import samples as every
    from huntlake.state.records import Author

    wanted = [sample(n) for n in names] if names else list(every())
    if not install:
        rows = [(s.name, s.title, ", ".join(s.connectors)) for s in wanted]
        show(["playbook", "what it does", "connectors"], rows, output)
        return
    by = Author(name=f"{getpass.getuser()} (command line)")
    rows = []
    with opened(home) as lake:
        place = workspace_of(lake, workspace)
        here = {"Subscription": lake.subscription.id, "ResourceGroup": lake.subscription.group, "Workspace": place.name}
        for one in wanted:
            made = deploy(lake.playbooks.deployments, one, place.name, here, by)
            rows.append((one.name, one.title, "; ".join(made)))
    show(["playbook", "what it does", "what was made"], rows, output)
    note("connections are in dry-run; `huntlake connection mode NAME live` lets one write")
