"""`huntlake table`: define the tables of a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.screen import note
from huntlake.core.errors import Invalid, NotFound

if TYPE_CHECKING:
    from huntlake.workspace.table_definitions import TableColumn

app = typer.Typer(
    help="Define tables: their columns, how long rows are kept, what becomes of fields that they have no column for.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(metavar="TABLE", help="The table; one of your own ends in `_CL`.")]


@app.command()
def define(
    name: Name,
    columns: Annotated[
        list[str] | None,
        typer.Argument(metavar="[COLUMN:TYPE]...", help="Columns that it gets, such as `User:string`."),
    ] = None,
    unknown: Annotated[
        str | None, typer.Option("--unknown", help="What becomes of other fields: drop, keep or extend.")
    ] = None,
    days: Annotated[
        int | None, typer.Option("--days", help="How long rows are kept; -1 is the default of the lake.")
    ] = None,
    description: Annotated[str | None, typer.Option("--description", help="What it is for.")] = None,
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Make a table, or change one; what isn't said stays as it is."""
    from huntlake.workspace.ingestion.mapping import Unknown
    from huntlake.workspace.table_definitions import TableChange

    if unknown is not None and unknown not in {u.value for u in Unknown}:
        raise Invalid(f"`{unknown}` can't become of a field: {', '.join(u.value for u in Unknown)} can")
    wanted = [_column(c) for c in columns or ()]
    with opened(home, make=True) as lake:
        place = workspace_of(lake, workspace, make=True)
        own: tuple[TableColumn, ...] = ()
        if wanted and lake.tables.table(place.name, name) is not None:
            own = lake.table_definitions.get(place, name).custom_columns
        named = {c.name.lower() for c in wanted}
        change = TableChange(
            columns=[*(c for c in own if c.name.lower() not in named), *wanted] if wanted else None,
            unknown=Unknown(unknown) if unknown else None,
            total_retention_days=days,
            description=description,
        )
        lake.table_definitions.put(place, name, change)
        note(f"{name} is defined in workspace {place.name}")


@app.command("show")
def show_(
    name: Name,
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Annotated[Listing, typer.Option("--output", "-o", help="How to write the list.")] = Listing.TABLE,
) -> None:
    """Print how a table is defined."""
    with opened(home) as lake:
        found = lake.table_definitions.get(workspace_of(lake, workspace), name)
    days = "forever" if found.total_retention_days is None else f"{found.total_retention_days:,} days"
    note(f"{found.name}: rows are kept {days}; unknown fields: {found.unknown.value}")
    if found.description:
        note(found.description)
    rows = [
        (c.name, str(c.type), c in found.custom_columns, c.description) for c in (*found.columns, *found.custom_columns)
    ]
    show(["column", "type", "own", "description"], rows, output)


@app.command()
def delete(name: Name, home: Home = None, workspace: WorkspaceName = None) -> None:
    """Remove a table of your own, and its rows for good."""
    with opened(home) as lake:
        place = workspace_of(lake, workspace)
        if not lake.table_definitions.delete(place, name):
            raise NotFound(f"no table of workspace {place.name} is named `{name}`")
        note(f"{name} is gone from {place.name}")


def _column(text: str) -> TableColumn:
    from huntlake.workspace.collection.definition import type_of
    from huntlake.workspace.table_definitions import TableColumn

    name, colon, type = text.partition(":")
    if not colon:
        raise Invalid(f"`{text}` is no column: write it as `NAME:TYPE`")
    return TableColumn(name, type_of(type, name))
