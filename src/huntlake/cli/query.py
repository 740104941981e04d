"""`huntlake query`: ask the lake."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huntlake.cli import rows
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.rows import Output
from huntlake.core.errors import Invalid, NotFound

if TYPE_CHECKING:
    from huntlake.app import App
    from huntlake.workspace.commands import CommandTable
    from huntlake.workspace.query import ResultTable
    from huntlake.workspace.visible import WorkspaceNamed

Text = Annotated[
    str | None,
    typer.Argument(metavar="[KQL]", help="The query; without it `--file`, else standard input.", show_default=False),
]
File = Annotated[
    Path | None, typer.Option("--file", "-f", metavar="PATH", help="Read the query from a file; `-` is standard input.")
]
Parameters = Annotated[
    list[str] | None,
    typer.Option("--parameter", "-p", metavar="NAME=VALUE", help="A value for `declare query_parameters`; may repeat."),
]
Timeout = Annotated[float, typer.Option("--timeout", min=0.001, metavar="SECONDS", help="When to give up.")]


def query(
    text: Text = None,
    file: File = None,
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to write the rows.")] = Output.TABLE,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="PATH", help="Write the rows to a file.", show_default=False)
    ] = None,
    parameter: Parameters = None,
    timeout: Timeout = 3600.0,
) -> None:
    """Ask the lake: `huntlake query "SigninLogs | take 10"`, or run a command: `huntlake query ".show tables"`.

    Tables are aligned text when piped, nothing is cut, and no limit on rows applies but the query's own.
    """
    from huntlake.cli.owner import Owner
    from huntlake.workspace.query import QueryOptions

    rows.check(output, to)
    asked = query_text(text, file)
    options = QueryOptions(
        timeout=timedelta(seconds=timeout),
        max_rows=None,
        max_bytes=None,
        parameters=parameters_of(parameter),
        opens=lambda table: True,
    )
    with opened(home) as app:
        place = workspace_of(app, workspace)
        tables: tuple[ResultTable | CommandTable, ...]
        if asked.lstrip().startswith("."):
            tables = (app.commands.run(asked.strip(), Owner(app.principals), place.database, options),)
        else:
            tables = app.queries.run(place, asked, options, workspaces=others(app)).tables
        rows.write(tables, output, to)
        for table in tables:
            if table.truncated_by is not None:
                raise table.truncated_by


def query_text(text: str | None, file: Path | None) -> str:
    """The query from the argument, the file or standard input."""
    if text is not None and file is not None:
        raise typer.BadParameter("give the query as an argument or in a file, not both")
    if text is not None and text != "-":
        return text
    try:
        if file is not None and str(file) != "-":
            return file.read_text(encoding="utf-8-sig")
        if sys.stdin.isatty():
            raise typer.BadParameter("no query: give it as an argument, with --file, or on standard input")
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except FileNotFoundError:
        raise NotFound(f"no file is at {file}") from None
    except OSError as error:
        raise Invalid(f"{file} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Invalid("the query is not UTF-8 text") from None


def parameters_of(given: list[str] | None) -> dict[str, object]:
    """The parameters of `NAME=VALUE` texts."""
    parameters: dict[str, object] = {}
    for one in given or []:
        name, equals, value = one.partition("=")
        if not equals or not name.strip():
            raise typer.BadParameter(f"`{one}` is not of the form NAME=VALUE")
        parameters[name.strip()] = value
    return parameters


def others(app: App) -> WorkspaceNamed:
    """Finds the other workspaces: who can read the folder can read every one in it."""

    def named(name: str) -> object:
        try:
            return app.workspaces.by_database(name)
        except NotFound:
            return None

    return named  # type: ignore[return-value]
