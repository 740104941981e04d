"""`huntlake user`: the people who may sign in, and what they may do."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.principal import RoleName, RoleOption, role_of
from huntlake.cli.screen import note
from huntlake.core.errors import Invalid, NotFound

if TYPE_CHECKING:
    from huntlake.app import App
    from huntlake.identity.users import User

app = typer.Typer(help="Let people sign in, and give them roles.", no_args_is_help=True)

Who = Annotated[str, typer.Argument(metavar="USER", help="The name to sign in with.")]
Output = Annotated[Listing, typer.Option("--output", "-o", help="How to write the answer.")]
FromInput = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of standard input.")
]


@app.command()
def add(
    user: Annotated[str, typer.Argument(metavar="USER", help="The name to sign in with: anna, or anna@example.org.")],
    name: Annotated[str, typer.Option("--name", help="The name that others see.")] = "",
    role: Annotated[RoleName | None, typer.Option("--role", "-r", help="Give them a role in the workspace.")] = None,
    workspace: WorkspaceName = None,
    home: Home = None,
    password_stdin: FromInput = False,
) -> None:
    """Make a user; asks for the password."""
    with opened(home, make=True) as lake:
        # Before anything is made: a name that isn't there must not leave half of it behind.
        place = workspace_of(lake, workspace) if role or workspace else None
        made = lake.users.create(user, _password(password_stdin), name)
        if place:
            made = lake.users.grant(made.name, place.id, role_of(role or RoleName.READER))
        note(f"{made.name} may sign in{f', and is {made.grants[0].role.value} in {place.name}' if place else ''}")


@app.command()
def password(user: Who, home: Home = None, password_stdin: FromInput = False) -> None:
    """Give a user another password, and sign them out everywhere."""
    with opened(home) as lake:
        found = _user(lake, user)
        lake.users.set_password(found.name, _password(password_stdin))
        lake.sign_in.refresh_tokens.revoke_user(found.object_id)
        note(f"{found.name} has another password, and is signed out everywhere")


@app.command("sign-out")
def sign_out(user: Who, home: Home = None) -> None:
    """Make every token of a user worthless, at once."""
    with opened(home) as lake:
        found = lake.users.sign_out(_user(lake, user).name)
        lake.sign_in.refresh_tokens.revoke_user(found.object_id)
        note(f"{found.name} is signed out everywhere")


@app.command()
def remove(user: Who, home: Home = None) -> None:
    """Remove a user; their tokens are worthless at once."""
    with opened(home) as lake:
        found = _user(lake, user)
        lake.users.remove(found.name)
        lake.sign_in.refresh_tokens.revoke_user(found.object_id)
        note(f"{found.name} is removed")


@app.command()
def grant(user: Who, role: RoleOption, workspace: WorkspaceName = None, home: Home = None) -> None:
    """Give a user a role in a workspace, in place of the one they had there."""
    with opened(home) as lake:
        found, place = _user(lake, user), workspace_of(lake, workspace)
        lake.users.grant(found.name, place.id, role_of(role))
        note(f"{found.name} is {role_of(role).value} in {place.name}")


@app.command()
def revoke(user: Who, workspace: WorkspaceName = None, home: Home = None) -> None:
    """Take away the role that a user has in a workspace."""
    with opened(home) as lake:
        found, place = _user(lake, user), workspace_of(lake, workspace)
        if not any(g.workspace_id == place.id for g in found.grants):
            raise NotFound(f"{found.name} has no role in {place.name}")
        lake.users.revoke(found.name, place.id)
        note(f"{found.name} has no role in {place.name} any more")


@app.command("list")
def list_(home: Home = None, output: Output = Listing.TABLE) -> None:
    """List the users and their roles."""
    with opened(home) as lake:
        names = {w.id: w.name for w in lake.workspaces.list()}
        rows = [
            (
                u.name,
                u.display_name,
                u.object_id,
                [f"{g.role.value} in {names.get(g.workspace_id, g.workspace_id)}" for g in u.grants],
            )
            for u in lake.users.list()
        ]
    show(["user", "name", "object id", "roles"], rows, output)


def _user(lake: App, name: str) -> User:
    return lake.users.get(name)


def _password(from_input: bool) -> str:
    if from_input:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise Invalid("nobody is there to type a password: `--password-stdin` reads it from standard input")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
