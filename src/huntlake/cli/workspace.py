"""`huntlake workspace`: the workspaces of a lake."""

from __future__ import annotations

from typing import Annotated

import typer

from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, opened

app = typer.Typer(help="List and make workspaces.", no_args_is_help=True)
Output = Annotated[Listing, typer.Option("--output", "-o", help="How to write the answer.")]

_HEADINGS = ["workspace", "id", "database"]


@app.command("list")
def list_(home: Home = None, output: Output = Listing.TABLE) -> None:
    """List the workspaces; `database` is what clients of the lake API send as `db`."""
    with opened(home) as lake:
        known = lake.workspaces.list()
    show(_HEADINGS, [(w.name, w.id, w.database) for w in known], output)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Letters, digits and hyphens.")],
    id: Annotated[
        str | None, typer.Option("--id", metavar="GUID", help="Its id; a new one is made up where it isn't given.")
    ] = None,
    home: Home = None,
    output: Output = Listing.TABLE,
) -> None:
    """Make a workspace."""
    with opened(home, make=True) as lake:
        made = lake.workspaces.create(name, id)
    show(_HEADINGS, [(made.name, made.id, made.database)], output)
