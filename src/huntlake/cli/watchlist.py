"""`huntlake watchlist`: rows of text that people keep, to be looked up in queries."""

from __future__ import annotations

import sys
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.screen import note
from huntlake.core.errors import Invalid, NotFound

app = typer.Typer(help="Import, list and delete watchlists: `_GetWatchlist('ALIAS')` in queries.", no_args_is_help=True)

Output = Annotated[Listing, typer.Option("--output", "-o", help="How to write the list.")]
Alias = Annotated[str, typer.Argument(metavar="ALIAS", help="The name by which queries know it.")]


class Format(StrEnum):
    """What parts the values of a line."""

    CSV = "csv"
    TSV = "tsv"


@app.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A CSV file with names in its first line; `-` is stdin.")
    ],
    alias: Annotated[str, typer.Option("--alias", "-a", help="The name by which queries know it.")],
    search_key: Annotated[
        str, typer.Option("--search-key", "-k", metavar="COLUMN", help="The column that is `SearchKey` in queries.")
    ],
    name: Annotated[str, typer.Option("--name", help="Its name for people.")] = "",
    description: Annotated[str, typer.Option("--description", help="What it is for.")] = "",
    provider: Annotated[str, typer.Option("--provider", help="Who keeps it.")] = "",
    days: Annotated[
        int | None, typer.Option("--days", min=1, help="How many days after its last change an item is forgotten.")
    ] = None,
    skip: Annotated[int, typer.Option("--skip", min=0, metavar="LINES", help="Lines before the one with names.")] = 0,
    format: Annotated[Format, typer.Option("--format", help="What parts the values of a line.")] = Format.CSV,
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Make a watchlist of a CSV file, in place of one of the same alias."""
    from huntlake.workspace.watchlists import Watchlist, rows_of

    columns, rows = rows_of(_content(file), delimiter="," if format is Format.CSV else "\t", skip=skip)
    watchlist = Watchlist(
        alias,
        search_key,
        columns,
        display_name=name,
        description=description,
        provider=provider,
        source="" if str(file) == "-" else file.name,
        time_to_live=None if days is None else timedelta(days=days),
    )
    with opened(home, make=True) as lake:
        place = workspace_of(lake, workspace, make=True)
        lake.watchlists.put(place, watchlist, rows)
        note(f"{len(rows):,} items in the watchlist {alias} of workspace {place.name}")


@app.command("list")
def list_(home: Home = None, workspace: WorkspaceName = None, output: Output = Listing.TABLE) -> None:
    """List the watchlists of a workspace."""
    with opened(home) as lake:
        place = workspace_of(lake, workspace)
        rows = [
            (w.alias, len(lake.watchlists.items(place, w.alias)), w.search_key, w.columns, w.description)
            for w in (d.value for d in lake.watchlists.list(place))
        ]
    show(["alias", "items", "search key", "columns", "description"], rows, output, numbers={"items"})


@app.command("show")
def show_(alias: Alias, home: Home = None, workspace: WorkspaceName = None, output: Output = Listing.TABLE) -> None:
    """Print the items of a watchlist."""
    with opened(home) as lake:
        place = workspace_of(lake, workspace)
        columns = lake.watchlists.get(place, alias).value.columns
        rows = [[item.fields.get(c, "") for c in columns] for item in lake.watchlists.items(place, alias)]
    show(columns, rows, output)


@app.command()
def delete(alias: Alias, home: Home = None, workspace: WorkspaceName = None) -> None:
    """Forget a watchlist and its items."""
    with opened(home) as lake:
        place = workspace_of(lake, workspace)
        if not lake.watchlists.delete(place, alias):
            raise NotFound(f"no watchlist has the alias `{alias}`")
        note(f"{alias} is gone from {place.name}")


def _content(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise NotFound(f"no file is at {file}") from None
    except OSError as error:
        raise Invalid(f"{file} can't be read: {error.strerror}") from None
