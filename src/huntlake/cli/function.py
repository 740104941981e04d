"""`huntlake function`: the functions that a workspace has saved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.query import query_text
from huntlake.cli.screen import note, printable
from huntlake.core.errors import NotFound

if TYPE_CHECKING:
    from huntlake.workspace.functions import SavedFunction

app = typer.Typer(help="Save KQL functions, and list those that queries can call.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name by which queries call it.")]


@app.command("list")
def list_(
    home: Home = None,
    workspace: WorkspaceName = None,
    every: Annotated[bool, typer.Option("--all", help="Also those that every workspace has.")] = False,
    output: Annotated[Listing, typer.Option("--output", "-o", help="How to write the list.")] = Listing.TABLE,
) -> None:
    """List the functions of a workspace."""
    with opened(home) as lake:
        saved = [d.value for d in lake.functions.list(workspace_of(lake, workspace))]
        rows = [(f.name, f.parameters, f.category, f.description, _day(f)) for f in saved]
        if every:
            builtin = lake.analytics.builtin_functions
            named = {f.name for f in saved}
            found = [f for n in builtin.names() if n not in named and (f := builtin.find(n)) is not None]
            rows += [(f.name, f.parameters, "built in", f.description.partition("\n")[0], None) for f in found]
    show(["function", "parameters", "category", "description", "modified"], rows, output)


@app.command("show")
def show_(name: Name, home: Home = None, workspace: WorkspaceName = None) -> None:
    """Print a function as KQL, comments, name, parameters and body."""
    with opened(home) as lake:
        try:
            found = lake.functions.get(workspace_of(lake, workspace), name).value
            description, text = found.description, found.text
        except NotFound:
            builtin = lake.analytics.builtin_functions.find(name)
            if builtin is None:
                raise
            description, text = builtin.description, builtin.text.strip()
    comments = "".join(f"// {line}".rstrip() + "\n" for line in description.splitlines())
    print(printable(f"{comments}{name}{text}", keep="\n\t"))


@app.command()
def save(
    name: Name,
    text: Annotated[
        str | None,
        typer.Argument(metavar="[KQL]", help="Its body; without it `--file`, else standard input.", show_default=False),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", metavar="PATH", help="Read the body from a file.")
    ] = None,
    parameters: Annotated[
        str, typer.Option("--parameters", "-p", metavar="LIST", help="Such as `since:timespan = 1d, T:(*)`.")
    ] = "",
    category: Annotated[str, typer.Option("--category", help="Under which it is listed.")] = "",
    description: Annotated[str, typer.Option("--description", help="What it gives.")] = "",
    skip_validation: Annotated[
        bool, typer.Option("--skip-validation", help="Save it although tables or functions that it names are missing.")
    ] = False,
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Save a function, in place of one of the same name."""
    from huntlake.workspace.functions import SavedFunction

    body = query_text(text, file)
    with opened(home, make=True) as lake:
        place = workspace_of(lake, workspace, make=True)
        # As `show` prints them, parameters stand in parentheses.
        bare = parameters.strip()
        bare = bare[1:-1] if bare.startswith("(") and bare.endswith(")") else bare
        function = SavedFunction(name, body, bare, category, description)
        lake.functions.put(place, function, skip_validation=skip_validation)
        note(f"{name}() can be called in {place.name}")


@app.command()
def delete(name: Name, home: Home = None, workspace: WorkspaceName = None) -> None:
    """Forget a function."""
    with opened(home) as lake:
        place = workspace_of(lake, workspace)
        if not lake.functions.delete(place, name):
            raise NotFound(f"no function is saved as `{name}`")
        note(f"{name}() is gone from {place.name}")


def _day(function: SavedFunction) -> str | None:
    return function.modified.date().isoformat() if function.modified else None
