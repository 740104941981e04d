"""`huntlake connection`: what playbooks call things with, and what becomes of those calls."""

from __future__ import annotations

import getpass
import os
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.screen import note
from huntlake.core.errors import Conflict, Invalid, NotFound

if TYPE_CHECKING:
    from huntlake.app import App
    from huntlake.playbooks.connections import Connection
    from huntlake.state.documents import Document

app = typer.Typer(help="Connect playbooks to things, and say what becomes of their calls.", no_args_is_help=True)

Output = Annotated[Listing, typer.Option("--output", "-o", help="How to write the answer.")]
Name = Annotated[str, typer.Argument(metavar="CONNECTION", help="Its name, as in the workflow's `$connections`.")]
Cassette = Annotated[
    str, typer.Option("--cassette", metavar="NAME", help="Where calls are recorded, or replayed from.")
]


class CallMode(StrEnum):
    """What becomes of calls."""

    LIVE = "live"
    DRY_RUN = "dry-run"
    REPLAY = "replay"


@app.command("list")
def list_(home: Home = None, workspace: WorkspaceName = None, output: Output = Listing.TABLE) -> None:
    """List connections; of all workspaces, unless one is named."""
    from huntlake.playbooks.connections import CONNECTIONS

    with opened(home) as lake:
        only = workspace_of(lake, workspace).name if workspace else ""
        rows = [
            (
                d.name,
                d.value.connector,
                d.value.mode.value,
                d.value.workspace,
                sorted([*d.value.parameters, *(f"{name} (secret)" for name in d.value.sealed)]),
                d.value.cassette,
            )
            for d in lake.playbooks.connections.list(CONNECTIONS)
            if only in ("", d.value.workspace)
        ]
    show(["connection", "connector", "mode", "workspace", "parameters", "cassette"], rows, output)


@app.command()
def connectors(
    name: Annotated[str, typer.Argument(metavar="CONNECTOR", help="List its operations.")] = "",
    home: Home = None,
    output: Output = Listing.TABLE,
) -> None:
    """List the connectors there are, or the operations of one."""
    from huntlake.playbooks.connectors import names

    with opened(home) as lake:
        if name:
            connector = lake.outward.connectors(name.lower())
            if connector is None:
                raise NotFound(f"the connector `{name}` is not supported; there are {', '.join(names())}")
            operations = [(o.id, o.effect.value, o.method, o.path, o.summary) for o in connector.operations]
            show(["operation", "effect", "method", "path", "what it does"], operations, output)
            return
        found = ((known, lake.outward.connectors(known)) for known in names())
        # Some have several names.
        made = [c for known, c in found if c is not None and c.name == known]
    rows = [(c.name, c.title, len(c.operations), "no" if c.inside else "yes") for c in made]
    show(["connector", "title", "operations", "leaves this house"], rows, output, numbers={"operations"})


@app.command()
def create(
    name: Name,
    connector: Annotated[
        str, typer.Option("--connector", "-c", metavar="NAME", help="As `connection connectors` has it.")
    ],
    workspace: WorkspaceName = None,
    mode: Annotated[CallMode, typer.Option("--mode", help="What becomes of calls.")] = CallMode.DRY_RUN,
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", metavar="NAME=VALUE", help="What it must know.")
    ] = None,
    secret_env: Annotated[
        list[str] | None,
        typer.Option("--secret-env", metavar="NAME=VARIABLE", help="A secret, from an environment variable."),
    ] = None,
    secret_file: Annotated[
        list[str] | None, typer.Option("--secret-file", metavar="NAME=PATH", help="A secret, from a file.")
    ] = None,
    cassette: Cassette = "",
    home: Home = None,
) -> None:
    """Make a connection. Until somebody says `live`, it changes nothing."""
    from huntlake.playbooks.connections import CONNECTIONS, Connection, Mode, purpose
    from huntlake.state.records import Author, Only

    secrets = {k: _variable(v) for k, v in _pairs(secret_env)} | {k: _file(v) for k, v in _pairs(secret_file)}
    with opened(home) as lake:
        owner, seal = workspace_of(lake, workspace).name, lake.playbooks.seal
        made = Connection(
            connector.lower(),
            name,
            owner,
            Mode(mode.value),
            dict(_pairs(parameter)),
            {k: seal.seal(v, purpose(name, k)) for k, v in secrets.items()},
            cassette,
        )
        if problems := _problems(lake, name, made):
            raise Invalid("; ".join(problems))
        try:
            lake.playbooks.connections.put(CONNECTIONS, name, made, Author(name=getpass.getuser()), Only(create=True))
        except Conflict:
            raise Conflict(f"a connection is named `{name}` already") from None
    note(f"the connection `{name}` to {made.connector} is there; its calls are {mode.value}")


@app.command("mode")
def mode_(
    name: Name,
    mode: Annotated[CallMode, typer.Argument(help="What becomes of calls from now on.")],
    cassette: Cassette = "",
    home: Home = None,
) -> None:
    """Say what becomes of a connection's calls: `dry-run` only reads, `replay` answers from a cassette."""
    from huntlake.playbooks.connections import CONNECTIONS, Mode
    from huntlake.state.records import Author

    def changed(connection: Connection) -> Connection:
        kept = replace(connection, mode=Mode(mode.value), cassette=cassette or connection.cassette)
        if kept.mode is Mode.REPLAY and not kept.cassette:
            raise Invalid("say `--cassette`: there is none to replay")
        return kept

    with opened(home) as lake:
        _found(lake, name)
        lake.playbooks.connections.change(CONNECTIONS, name, changed, Author(name=getpass.getuser()))
    note(f"calls over `{name}` are {mode.value}")


@app.command()
def delete(name: Name, home: Home = None) -> None:
    """Delete a connection: playbooks that need it fail from now on."""
    from huntlake.playbooks.connections import CONNECTIONS

    with opened(home) as lake:
        _found(lake, name)
        lake.playbooks.connections.delete(CONNECTIONS, name)
    note(f"the connection `{name}` is gone")


@app.command("test")
def check(name: Name, home: Home = None) -> None:
    """Say whether a connection knows what it must; nothing is called by this."""
    from huntlake.playbooks.connections import opened as parameters_of

    with opened(home) as lake:
        known = _found(lake, name)
        problems = _problems(lake, known.name, known.value)
        parameters_of(known.name, known.value, lake.playbooks.seal)
        if problems:
            raise Invalid("; ".join(problems))
    note(f"`{known.name}` is a connection to {known.value.connector} that knows what it must ({known.value.mode})")


def _problems(lake: App, name: str, connection: Connection) -> list[str]:
    from huntlake.playbooks.connections import OF_URLS

    given = {*connection.parameters, *connection.sealed}
    if connection.connector in OF_URLS:
        return [f"the parameter `{p}` is missing" for p in sorted(OF_URLS[connection.connector] - given)]
    connector = lake.outward.connectors(connection.connector)
    if connector is None:
        if connection.custom_api is not None or connection.mode.value == CallMode.REPLAY.value:
            return []
        return [
            f"the connector `{connection.connector}` is not supported: `huntlake connection connectors` lists those"
        ]
    missing = [p.name for p in connector.parameters if p.required and p.name not in given]
    bare = [p.name for p in connector.parameters if p.secret and p.name in connection.parameters]
    return [
        *(f"the parameter `{p}` is missing" for p in missing),
        *(f"`{p}` is a secret: give it by --secret-env or --secret-file" for p in bare),
    ]


def _found(lake: App, name: str) -> Document[Connection]:
    from huntlake.playbooks.connections import CONNECTIONS

    found = lake.playbooks.connections.find(CONNECTIONS, name)
    if found is None:
        raise NotFound(f"no connection is named `{name}`: `huntlake connection list` lists them")
    return found


def _pairs(given: list[str] | None) -> list[tuple[str, str]]:
    made = []
    for one in given or []:
        name, equals, value = one.partition("=")
        if not equals or not name.strip():
            raise typer.BadParameter(f"`{one}` is not NAME=VALUE")
        made.append((name.strip(), value))
    return made


def _variable(name: str) -> str:
    if not (found := os.environ.get(name, "")):
        raise Invalid(f"the environment variable {name} is not set")
    return found


def _file(path: str) -> str:
    try:
        found = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{path} can't be read: {error}") from None
    if not found:
        raise Invalid(f"{path} is empty")
    return found
