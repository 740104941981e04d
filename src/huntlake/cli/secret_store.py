"""`huntlake secret`: what the playbooks of a workspace read as their key vault."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.screen import note
from huntlake.cli.secret import SecretEnvironment, SecretFile, secret_of
from huntlake.core.errors import NotFound

app = typer.Typer(help="Keep the secrets that playbooks may read, sealed.", no_args_is_help=True)

Output = Annotated[Listing, typer.Option("--output", "-o", help="How to write the answer.")]
Name = Annotated[str, typer.Argument(metavar="SECRET", help="Its name: letters, digits and hyphens.")]


@app.command("list")
def list_(home: Home = None, workspace: WorkspaceName = None, output: Output = Listing.TABLE) -> None:
    """List the names of a workspace's secrets; what they are nobody is shown."""
    with opened(home) as lake:
        known = lake.outward.secrets.list(workspace_of(lake, workspace).name)
    rows = [
        (d.name, d.value.changed.isoformat(timespec="seconds") if d.value.changed else "", d.value.changed_by.name)
        for d in known
    ]
    show(["secret", "changed", "by"], rows, output)


@app.command("set")
def set_(
    name: Name,
    secret_file: SecretFile = None,
    secret_env: SecretEnvironment = None,
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Keep a secret, in place of the one of that name."""
    from huntlake.state.records import Author

    text = secret_of("Secret", secret_file, secret_env)
    with opened(home) as lake:
        where = workspace_of(lake, workspace).name
        lake.outward.secrets.put(where, name, text, Author(name=getpass.getuser()))
    note(f"the secret `{name}` of `{where}` is kept")


@app.command()
def delete(name: Name, home: Home = None, workspace: WorkspaceName = None) -> None:
    """Forget a secret."""
    with opened(home) as lake:
        where = workspace_of(lake, workspace).name
        if not lake.outward.secrets.delete(where, name):
            raise NotFound(f"`{where}` has no secret `{name}`")
    note(f"the secret `{name}` of `{where}` is gone")
