"""`huntlake workspace`: the workspaces of a lake."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, opened
from huntlake.cli.screen import note
from huntlake.cli.secret import SecretEnvironment, SecretFile, secret_of
from huntlake.core.errors import Invalid

app = typer.Typer(help="List and make workspaces, here or elsewhere.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The workspace's name.")]
Output = Annotated[Listing, typer.Option("--output", "-o", help="How to write the answer.")]

_HEADINGS = ["workspace", "id", "database"]
_KINDS = "lake, kusto, loganalytics, defender, graph or huntlake"


@app.command("list")
def list_(home: Home = None, output: Output = Listing.TABLE) -> None:
    """List the workspaces; `database` is what clients of the lake API send as `db`."""
    with opened(home) as lake:
        known = lake.workspaces.list()
        places = {r.workspace: r for r in lake.remote.remotes.list()}
    rows: list[tuple[object, ...]] = []
    for w in known:
        place = places.get(w.name)
        rows.append((w.name, w.id, w.database, place.kind.value if place else "", place.url if place else ""))
    # Who has no remote workspace needn't read of them.
    width = 5 if places else 3
    show([*_HEADINGS, "remote", "url"][:width], [row[:width] for row in rows], output)


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


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Letters, digits and hyphens.")],
    remote: Annotated[str, typer.Option("--remote", metavar="URL", help="Where its tables are.")],
    tenant: Annotated[str, typer.Option("--tenant", help="The tenant to sign in to, by its GUID or domain.")],
    client: Annotated[str, typer.Option("--client", metavar="GUID", help="The client id to sign in with.")],
    database: Annotated[
        str, typer.Option("--db", metavar="NAME", help="The database there; of Log Analytics the workspace's id.")
    ] = "",
    kind: Annotated[
        str | None, typer.Option("--kind", help=f"{_KINDS}; without it the one that the URL suggests.")
    ] = None,
    authority: Annotated[str, typer.Option("--authority", metavar="URL", help="Who gives tokens.")] = "",
    scope: Annotated[str, typer.Option("--scope", help="What the tokens are for.")] = "",
    ca: Annotated[
        Path | None, typer.Option("--ca", metavar="FILE", help="Certificates to trust besides the machine's, PEM.")
    ] = None,
    at_once: Annotated[int, typer.Option("--at-once", min=1, max=64, help="Queries at the same time.")] = 4,
    secret_file: SecretFile = None,
    secret_environment: SecretEnvironment = None,
    unchecked: Annotated[bool, typer.Option("--unchecked", help="Don't try whether it answers.")] = False,
    id: Annotated[str | None, typer.Option("--id", metavar="GUID", help="Its id here.")] = None,
    home: Home = None,
    output: Output = Listing.TABLE,
) -> None:
    """Add a workspace whose tables are elsewhere: a data lake, a Kusto cluster, a huntlake.

    Its secret is asked for, or read from a file or a variable, and kept sealed.
    """
    from huntlake.workspace.remote.endpoints import Kind
    from huntlake.workspace.remote.records import remote as described

    if kind is not None and kind not in tuple(Kind):
        raise typer.BadParameter(f"the kind `{kind}` is none of {_KINDS}")
    place = described(
        name,
        remote,
        database=database,
        tenant=tenant,
        client=client,
        kind=None if kind is None else Kind(kind),
        authority=authority,
        scope=scope,
        certificates=_certificates(ca),
        at_once=at_once,
    )
    with opened(home, make=True) as lake:
        if lake.workspaces.find(name) is not None:
            raise Invalid(f"a workspace is named `{name}` already")
        secret = secret_of(f"Secret of the client {client}", secret_file, secret_environment)
        if not unchecked:
            lake.remote.try_out(place, secret)
        made = lake.remote.remotes.add(place, secret, id)
    show([*_HEADINGS, "remote", "url"], [(made.name, made.id, made.database, place.kind.value, place.url)], output)


@app.command()
def refresh(name: Name, home: Home = None) -> None:
    """Read the tables of a remote workspace again; else that is done once an hour."""
    with opened(home) as lake:
        schema = lake.remote.refresh(name)
    told = f"{len(schema.tables)} tables" if schema.listed else "it lists no tables: each is read when it is asked for"
    note(f"{name}: {told}")


@app.command()
def secret(
    name: Name,
    secret_file: SecretFile = None,
    secret_environment: SecretEnvironment = None,
    unchecked: Annotated[bool, typer.Option("--unchecked", help="Don't try whether it is taken.")] = False,
    home: Home = None,
) -> None:
    """Give a remote workspace a new secret, in place of the one it has."""
    with opened(home) as lake:
        place = lake.remote.remotes.get(name)
        given = secret_of(f"Secret of the client {place.client}", secret_file, secret_environment)
        if not unchecked:
            lake.remote.try_out(place, given)
        lake.remote.remotes.give_secret(name, given)
    note(f"{place.workspace} has a new secret")


@app.command()
def remove(name: Name, home: Home = None) -> None:
    """Forget a remote workspace and its secret; what is there stays there."""
    with opened(home) as lake:
        lake.remote.forget(name)
    note(f"{name} is forgotten here")


def _certificates(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        text = file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{file} can't be read as PEM: {error}") from None
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise Invalid(f"{file} holds no certificate in PEM")
    return text
