"""`huntlake cassette`: what services once answered, for connections that replay it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, home_folder, opened
from huntlake.cli.screen import note
from huntlake.core.errors import NotFound

if TYPE_CHECKING:
    from huntlake.playbooks.cassettes import Cassettes
    from huntlake.playbooks.connections import Connection

app = typer.Typer(help="Record what services answer playbooks, and answer it again without them.", no_args_is_help=True)

Output = Annotated[Listing, typer.Option("--output", "-o", help="How to write the answer.")]
Name = Annotated[str, typer.Argument(metavar="CASSETTE", help="Its name.")]
ConnectionName = Annotated[str, typer.Argument(metavar="CONNECTION", help="The connection's name.")]


@app.command("list")
def list_(home: Home = None, output: Output = Listing.TABLE) -> None:
    """List the cassettes of a lake."""
    cassettes = _cassettes(home)
    rows = []
    for name in cassettes.names():
        if cassettes.is_stub(name):
            rows.append((name, "contracts", len(cassettes.contracts(name).operations)))
        else:
            rows.append((name, "recorded", len(cassettes.recorded(name))))
    show(["cassette", "kind", "calls"], rows, output, numbers={"calls"})


@app.command("show")
def show_(name: Name, home: Home = None, output: Output = Listing.TABLE) -> None:
    """Print the calls of a cassette."""
    cassettes = _cassettes(home)
    if cassettes.is_stub(name):
        known = cassettes.contracts(name).operations
        stubs = [(c.connector, c.method, c.path, len(c.reads)) for c in known]
        show(["connector", "method", "path", "fields"], stubs, output, numbers={"fields"})
        return
    rows = [
        (r.connector, r.method, r.path, json.dumps(r.body)[:60] if r.body is not None else "", r.answer.status)
        for r in cassettes.recorded(name)
    ]
    show(["connector", "method", "path", "body", "status"], rows, output, numbers={"status"})


@app.command()
def record(connection: ConnectionName, name: Name, home: Home = None) -> None:
    """Keep what a connection is answered from now on; its mode stays as it is."""
    _cassettes(home).reel(name)
    _change(home, connection, lambda c: replace(c, cassette=name))
    note(f"what {connection} is answered is kept in the cassette {name}")


@app.command()
def stop(connection: ConnectionName, home: Home = None) -> None:
    """Keep nothing more of what a connection is answered."""
    _change(home, connection, lambda c: replace(c, cassette=""))
    note(f"nothing more of {connection} is kept")


@app.command()
def play(connection: ConnectionName, name: Name, home: Home = None) -> None:
    """Answer a connection from a cassette, and call nothing any more."""
    from huntlake.playbooks.connections import Mode

    if name not in _cassettes(home).names():
        raise NotFound(f"no cassette is named `{name}`")
    _change(home, connection, lambda c: replace(c, cassette=name, mode=Mode.REPLAY))
    note(f"{connection} is answered from the cassette {name}")


@app.command()
def stub(
    name: Name,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON: what is read of each operation's answers.")],
    home: Home = None,
) -> None:
    """Make a cassette of contracts: it answers whatever they know with made-up values."""
    try:
        document = file.read_bytes()
    except FileNotFoundError:
        raise NotFound(f"no file is at {file}") from None
    made = _cassettes(home).stub(name, document)
    note(f"the cassette {name} answers {len(made.operations)} operations")


@app.command()
def delete(name: Name, home: Home = None) -> None:
    """Forget a cassette."""
    if not _cassettes(home).delete(name):
        raise NotFound(f"no cassette is named `{name}`")
    note(f"the cassette {name} is gone")


def _cassettes(home: Path | None) -> Cassettes:
    from huntlake.playbooks.cassettes import Cassettes

    return Cassettes(home_folder(home) / "cassettes")


def _change(home: Path | None, connection: str, how: Callable[[Connection], Connection]) -> None:
    from huntlake.playbooks.connections import CONNECTIONS

    with opened(home) as lake:
        lake.playbooks.connections.change(CONNECTIONS, connection, how)
