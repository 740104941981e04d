"""`huntlake schema`: the columns of a table."""

from __future__ import annotations

from typing import Annotated

import typer

from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, WorkspaceName, home_folder, opened, workspace_of
from huntlake.core.diagnostics import did_you_mean
from huntlake.core.errors import NotFound


def schema(
    table: Annotated[str, typer.Argument(help="The table's name.")],
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Annotated[Listing, typer.Option("--output", "-o", help="How to write the list.")] = Listing.TABLE,
) -> None:
    """List the columns of a table.

    With their types. Tables of the catalogue are known before any lake is made.
    """
    from huntlake.workspace.catalogue import Catalogue

    if (home_folder(home) / "huntlake.db").exists() or home is not None:
        with opened(home) as app:
            place = workspace_of(app, workspace)
            columns = app.tables.table(place.name, table)
            names = app.tables.names(place.name)
    else:
        known = Catalogue().table(table)
        columns, names = (known.columns if known else None), Catalogue().names()
    if columns is None:
        hint = did_you_mean(table, names)
        raise NotFound(f"no table is named `{table}`" + (f": {hint}" if hint else ""))
    show(["column", "type"], [(c.name, str(c.type)) for c in columns], output)
