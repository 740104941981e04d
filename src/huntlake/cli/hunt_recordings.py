"""`huntlake hunt recording`: recorded data that the queries of hunts must find, or must pass over."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from huntlake.cli.hunter import acting
from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.screen import note
from huntlake.core.errors import NotFound

app = typer.Typer(help="Recorded data that queries of hunts are proved on.", no_args_is_help=True)

Output = Annotated[Listing, typer.Option("--format", "--output", "-o", help="How to write the answer.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The recording's name.")]


class Expected(StrEnum):
    """What a query must make of it."""

    MUST_HIT = "must-hit"
    MUST_STAY_QUIET = "must-stay-quiet"


@app.command()
def add(
    name: Name,
    path: Annotated[Path, typer.Argument(exists=True, help="A file that is named as its table, or a folder of them.")],
    expected: Annotated[Expected, typer.Option("--expect", help="What queries must make of it.")],
    hunts: Annotated[
        list[str] | None, typer.Option("--hunt", help="A hunt that it is for; *: all that read its tables.")
    ] = None,
    templates: Annotated[list[str] | None, typer.Option("--template", help="A template whose hunts it is for.")] = None,
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Keep recorded data, in place of those of that name: each proof of the hunts runs over them."""
    from huntlake.hunting.proof.finding import Expectation

    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        named = [hunt if hunt == "*" else lake.hunting.hunts.get(owner, hunt).name for hunt in hunts or ()]
        meant = Expectation.MUST_HIT if expected is Expected.MUST_HIT else Expectation.MUST_STAY_QUIET
        by = acting().author
        kept = lake.hunting.recordings.add(owner, name, path, meant, named, templates or (), by).value
    rows = ", ".join(f"{len(rows)} rows of {table}" for table, rows in sorted(kept.tables.items()))
    note(f"kept {rows}")


@app.command("list")
def list_(home: Home = None, workspace: WorkspaceName = None, output: Output = Listing.TABLE) -> None:
    """List what is kept."""
    with opened(home) as lake:
        known = lake.hunting.recordings.list((workspace_of(lake, workspace).name,))
    rows = [
        (
            d.name,
            d.value.expectation.value,
            sorted(d.value.tables),
            sum(map(len, d.value.tables.values())),
            [*d.value.hunts, *d.value.templates],
            d.value.by.name,
        )
        for d in known
    ]
    show(["recording", "expected", "tables", "rows", "for", "by"], rows, output, {"rows"})


@app.command()
def remove(name: Name, home: Home = None, workspace: WorkspaceName = None) -> None:
    """Forget a recording."""
    with opened(home) as lake:
        if not lake.hunting.recordings.remove((workspace_of(lake, workspace).name,), name, acting().author):
            raise NotFound(f"no recording is named `{name}`")
