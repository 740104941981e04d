"""`huntlake user`: the people who may sign in, and what they may do."""

from __future__ import annotations

import json
import sys
from collections import defaultdict, deque
from typing import TYPE_CHECKING, Annotated

import typer

from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.principal import RoleName, RoleOption, role_of
from huntlake.cli.screen import note
from huntlake.core.errors import DomainError, Invalid, NotFound

if TYPE_CHECKING:
    from huntlake.app import App
    from huntlake.identity.users import User

app = typer.Typer(help="Let people sign in, and give them roles.", no_args_is_help=True)

Who = Annotated[str, typer.Argument(metavar="USER", help="The name to sign in with.")]
ProviderOption = Annotated[str, typer.Option("--oidc", metavar="PROVIDER", help="A provider of the settings.")]
SubjectOption = Annotated[str, typer.Option("--subject", metavar="SUB", help="The provider's own id of them.")]
Output = Annotated[Listing, typer.Option("--output", "-o", help="How to write the answer.")]
FromInput = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of standard input.")
]


@app.command()
def create(
    user: Annotated[str, typer.Argument(metavar="USER", help="The name to sign in with: anna, or anna@example.org.")],
    name: Annotated[str, typer.Option("--name", help="The name that others see.")] = "",
    role: Annotated[RoleName | None, typer.Option("--role", "-r", help="Give them a role in the workspace.")] = None,
    workspace: WorkspaceName = None,
    admin: Annotated[
        bool, typer.Option("--admin", help="Let them do everything, in each workspace that is there.")
    ] = False,
    oidc: Annotated[
        str, typer.Option("--oidc", metavar="PROVIDER", help="They sign in there, and have no password here.")
    ] = "",
    subject: Annotated[str, typer.Option("--subject", metavar="SUB", help="The provider's own id of them.")] = "",
    home: Home = None,
    password_stdin: FromInput = False,
) -> None:
    """Make a user; asks for the password, unless they sign in at a provider."""
    if bool(oidc) != bool(subject):
        raise Invalid("`--oidc PROVIDER` and `--subject SUB` belong together: a name alone proves nobody")
    if admin and (role or workspace):
        raise Invalid("`--admin` is every right in every workspace: leave `--role` and `--workspace` out")
    with opened(home, make=True) as lake:
        # Before anything is made: a name that isn't there must not leave half of it behind.
        places = [workspace_of(lake, workspace)] if role or workspace else []
        if admin and not (places := lake.workspaces.list()):
            places = [workspace_of(lake, None, make=True)]
        issuer = lake.sign_in.providers.get(oidc).issuer if oidc else ""
        given = None if oidc and not password_stdin else _password(password_stdin)
        made = lake.users.create(user, given, name)
        if oidc:
            try:
                lake.sign_in.outside.link(made.name, issuer, subject)
            except DomainError:
                lake.users.remove(made.name)
                raise
        granted = role_of(RoleName.CONTRIBUTOR if admin else role or RoleName.READER)
        for place in places:
            made = lake.users.grant(made.name, place.id, granted)
        where = ", ".join(p.name for p in places)
        note(
            f"{made.name} may sign in{f' at {oidc}' if oidc else ''}{where and f', and is {granted.value} in {where}'}"
        )


# By its earlier name.
app.command("add", hidden=True)(create)


@app.command()
def link(user: Who, oidc: ProviderOption, subject: SubjectOption, home: Home = None) -> None:
    """Let a user sign in at a provider, as the person that it knows by that id."""
    with opened(home) as lake:
        provider = lake.sign_in.providers.get(oidc)
        found = lake.sign_in.outside.link(user, provider.issuer, subject)
        note(f"{found.name} may sign in at {provider.title}")


@app.command()
def unlink(user: Who, oidc: ProviderOption, home: Home = None) -> None:
    """Let a user sign in at a provider no more, and sign them out everywhere."""
    with opened(home) as lake:
        provider, found = lake.sign_in.providers.get(oidc), _user(lake, user)
        if not lake.sign_in.outside.unlink(found.name, provider.issuer):
            raise NotFound(f"{found.name} isn't known to {provider.title}")
        _signed_out(lake, lake.users.sign_out(found.name))
        note(f"{found.name} can't sign in at {provider.title} any more, and is signed out everywhere")


@app.command()
def disable(user: Who, home: Home = None) -> None:
    """Let a user sign in no more, and sign them out everywhere; `enable` takes it back."""
    with opened(home) as lake:
        found = lake.users.disable(_user(lake, user).name)
        _signed_out(lake, found)
        note(f"{found.name} is disabled, and signed out everywhere")


@app.command()
def enable(user: Who, home: Home = None) -> None:
    """Let a disabled user sign in again."""
    with opened(home) as lake:
        note(f"{lake.users.enable(_user(lake, user).name).name} may sign in")


@app.command()
def password(user: Who, home: Home = None, password_stdin: FromInput = False) -> None:
    """Give a user another password, and sign them out everywhere."""
    with opened(home) as lake:
        found = _user(lake, user)
        _signed_out(lake, lake.users.set_password(found.name, _password(password_stdin)))
        note(f"{found.name} has another password, and is signed out everywhere")


@app.command("sign-out")
def sign_out(user: Who, home: Home = None) -> None:
    """Make every token of a user worthless, at once."""
    with opened(home) as lake:
        found = lake.users.sign_out(_user(lake, user).name)
        _signed_out(lake, found)
        note(f"{found.name} is signed out everywhere")


@app.command()
def remove(user: Who, home: Home = None) -> None:
    """Remove a user; their tokens are worthless at once."""
    with opened(home) as lake:
        found = _user(lake, user)
        lake.users.remove(found.name)
        _signed_out(lake, found)
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
        providers = {p.issuer: p.name for p in lake.sign_in.providers.list()}
        ways: dict[str, list[str]] = defaultdict(list)
        for one in lake.sign_in.outside.list():
            ways[one.object_id].append(f"{providers.get(one.issuer, one.issuer)} as {one.subject}")
        rows = [
            (
                u.name,
                u.display_name,
                u.object_id,
                [
                    f"{g.role.value} in {names.get(g.workspace_id, g.workspace_id)}{g.by and f' by {g.by}'}"
                    for g in u.grants
                ],
                ["disabled"] if u.disabled else [*(["password"] if u.hash else []), *ways[u.object_id]],
            )
            for u in lake.users.list()
        ]
    show(["user", "name", "object id", "roles", "signs in by"], rows, output)


@app.command("sign-ins")
def sign_ins(
    refused: Annotated[bool, typer.Option("--refused", help="Only those that were refused.")] = False,
    last: Annotated[int, typer.Option("--last", min=1, help="Only so many, the last.")] = 50,
    home: Home = None,
    output: Output = Listing.TABLE,
) -> None:
    """List who signed in and out, and what was refused, the last at the end."""
    with opened(home) as lake:
        entries = deque(
            (e for e in lake.sign_in.journal.read() if not refused or e.get("Action") == "user/signInRefused"),
            maxlen=last,
        )
    rows = []
    for entry in entries:
        details = json.loads(str(entry.get("Details") or "{}"))
        told = (entry.get("Action", ""), entry.get("ObjectId", ""), details.get("by", ""), details.get("application"))
        at, reason = str(entry.get("TimeGenerated", ""))[:19], entry.get("Reason", "")
        rows.append((str(entry.get("Sequence", "")), at, *map(str, told), details.get("source", ""), str(reason)))
    show(["entry", "time", "action", "user", "by", "for", "from", "reason"], rows, output, numbers={"entry"})


def _signed_out(lake: App, user: User) -> None:
    lake.sign_in.refresh_tokens.revoke_user(user.object_id)


def _user(lake: App, name: str) -> User:
    return lake.users.get(name)


def _password(from_input: bool) -> str:
    if from_input:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise Invalid("nobody is there to type a password: `--password-stdin` reads it from standard input")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
