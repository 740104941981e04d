"""`huntlake principal`: who may sign in, and what they may do."""

from __future__ import annotations

import json
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.screen import note
from huntlake.core.errors import Invalid, NotFound

if TYPE_CHECKING:
    from huntlake.app import App
    from huntlake.identity.principals import IssuedSecret, Principal
    from huntlake.identity.rights import Role

app = typer.Typer(help="Make service principals, and give them secrets and roles.", no_args_is_help=True)


class RoleName(StrEnum):
    """A role: of Log Analytics, of Microsoft Sentinel, of Logic Apps, of huntlake, or Monitoring Metrics Publisher."""

    READER = "reader"
    CONTRIBUTOR = "contributor"
    SENTINEL_READER = "sentinel-reader"
    SENTINEL_RESPONDER = "sentinel-responder"
    SENTINEL_CONTRIBUTOR = "sentinel-contributor"
    PUBLISHER = "publisher"
    LOGIC_APP_CONTRIBUTOR = "logic-app-contributor"
    LOGIC_APP_OPERATOR = "logic-app-operator"
    PLAYBOOK_OPERATOR = "playbook-operator"
    AUTOMATION_CONTRIBUTOR = "automation-contributor"
    SENIOR_HUNTER = "senior-hunter"


Who = Annotated[str, typer.Argument(metavar="PRINCIPAL", help="Its client id, or its name if no other has it.")]
RoleOption = Annotated[
    RoleName,
    typer.Option("--role", "-r", help="Of Log Analytics, Sentinel or Logic Apps; senior-hunter; or publisher."),
]
Output = Annotated[Listing, typer.Option("--output", "-o", help="How to write the answer.")]
Days = Annotated[int, typer.Option("--days", min=1, max=3650, help="How long the secret is good for.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="The name it is known by.")],
    role: Annotated[RoleName | None, typer.Option("--role", "-r", help="Give it a role in the workspace.")] = None,
    workspace: WorkspaceName = None,
    home: Home = None,
    days: Days = 180,
    output: Output = Listing.TABLE,
) -> None:
    """Make a principal and its first secret, which is shown once and kept nowhere."""
    with opened(home, make=True) as lake:
        # Before anything is made: a name that isn't there must not leave half of it behind.
        place = workspace_of(lake, workspace) if role or workspace else None
        made = lake.principals.create(name)
        issued = lake.principals.add_secret(made.client_id, lifetime=timedelta(days=days))
        if place:
            made = lake.principals.grant(made.client_id, place.id, role_of(role or RoleName.READER))
        _show_secret(lake, made, issued, output)


@app.command()
def rotate(
    principal: Who,
    home: Home = None,
    days: Days = 180,
    overlap: Annotated[int, typer.Option("--overlap", min=0, help="Hours that the old secrets stay good.")] = 0,
    output: Output = Listing.TABLE,
) -> None:
    """Give a principal a new secret in place of those it has."""
    with opened(home) as lake:
        found = _principal(lake, principal)
        issued = lake.principals.rotate(
            found.client_id, lifetime=timedelta(days=days), overlap=timedelta(hours=overlap)
        )
        _show_secret(lake, found, issued, output)


@app.command()
def grant(principal: Who, role: RoleOption, workspace: WorkspaceName = None, home: Home = None) -> None:
    """Give a principal a role in a workspace, in place of the one it had there."""
    with opened(home) as lake:
        found, place = _principal(lake, principal), workspace_of(lake, workspace)
        lake.principals.grant(found.client_id, place.id, role_of(role))
        note(f"{found.display_name} is {role_of(role).value} in {place.name}")


@app.command()
def revoke(principal: Who, workspace: WorkspaceName = None, home: Home = None) -> None:
    """Take away the role that a principal has in a workspace."""
    with opened(home) as lake:
        found, place = _principal(lake, principal), workspace_of(lake, workspace)
        if not any(g.workspace_id == place.id for g in found.grants):
            raise NotFound(f"{found.display_name} has no role in {place.name}")
        lake.principals.revoke(found.client_id, place.id)
        note(f"{found.display_name} has no role in {place.name} any more")


@app.command("list")
def list_(home: Home = None, output: Output = Listing.TABLE) -> None:
    """List the principals, their roles, and until when their newest secret is good."""
    with opened(home) as lake:
        names = {w.id: w.name for w in lake.workspaces.list()}
        rows = [
            (
                p.display_name,
                p.client_id,
                [f"{g.role.value} in {names.get(g.workspace_id, g.workspace_id)}" for g in p.grants],
                len(p.secrets),
                max((s.expires.date().isoformat() for s in p.secrets), default=None),
            )
            for p in lake.principals.list()
        ]
    show(["name", "client id", "roles", "secrets", "good until"], rows, output, numbers={"secrets"})


def _show_secret(lake: App, principal: Principal, issued: IssuedSecret, output: Listing) -> None:
    facts = {
        "tenant": lake.tenant.id,
        "client id": principal.client_id,
        "secret": issued.text,
        "good until": issued.secret.expires.date().isoformat(),
    }
    if output is Listing.JSON:
        print(json.dumps({name.replace(" ", "_"): value for name, value in facts.items()}, indent=2))
        return
    for name, value in facts.items():
        print(f"{name + ':':<12}{value}")
    note("the secret is not kept: write it down now")


def _principal(lake: App, text: str) -> Principal:
    if (found := lake.principals.find(text)) is not None:
        return found
    named = [p for p in lake.principals.list() if p.display_name == text]
    if len(named) > 1:
        raise Invalid(f"{len(named)} principals are named `{text}`: use the client id, as `principal list` shows it")
    if not named:
        raise NotFound(f"no principal has the client id or the name `{text}`")
    return named[0]


def role_of(name: RoleName) -> Role:
    """The role that a name means."""
    from huntlake.identity.rights import Role

    return Role[name.name]
