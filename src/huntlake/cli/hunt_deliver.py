"""`huntlake hunt package` and `huntlake hunt deliver`: hunts for those who work elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huntlake.cli import elsewhere
from huntlake.cli.elsewhere import signed_in
from huntlake.cli.hunter import acting
from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.screen import note, printable
from huntlake.cli.secret import SecretEnvironment, SecretFile
from huntlake.core.errors import Invalid

if TYPE_CHECKING:
    from huntlake.app import App
    from huntlake.hunting.delivery.piece import Destination, Step
    from huntlake.hunting.delivery.sentinel import Place
    from huntlake.workspace.workspaces import Workspace

app = typer.Typer(help="Bring a hunt to where people work. Without `--apply` only the plan is shown.")

Name = Annotated[str, typer.Argument(metavar="HUNT", help="The hunt's name, or how it begins.")]
Apply = Annotated[bool, typer.Option("--apply", help="Do it; else only the plan is shown.")]
Output = Annotated[Listing, typer.Option("--format", "--output", "-o", help="How to write the plan.")]
_WHERE = "in this workspace, or with `--to` in another elsewhere."


class PackageForm(StrEnum):
    """How a package is written."""

    JSON = "json"
    MARKDOWN = "markdown"


def package(
    name: Name,
    form: Annotated[PackageForm, typer.Option("--format", "-f", help="How to write it.")] = PackageForm.MARKDOWN,
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE", help="Where to; else to the screen.")] = None,
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Write everything about a hunt into one document: why, what, who decided, what was found, what is next."""
    from huntlake.hunting.packages import markdown

    with opened(home) as lake:
        said = lake.hunting.packaging.make((workspace_of(lake, workspace).name,), name, acting())
    text = json.dumps(said, indent=2) if form is PackageForm.JSON else markdown(said)
    if to is None:
        print(printable(text, "\n"))
        return
    try:
        to.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Invalid(f"{to} can't be written: {error.strerror}") from None
    note(f"{to}: SHA-256 of the package {said['hash']}")


def _to_a_workspace(*, is_row: bool) -> Callable[..., None]:
    """The command that delivers a row of the watchlist, or the query and the hunt."""

    def deliver(
        name: Name,
        apply: Apply = False,
        home: Home = None,
        workspace: WorkspaceName = None,
        output: Output = Listing.TABLE,
        to: elsewhere.There = "",
        subscription: elsewhere.Subscription = "",
        group: elsewhere.Group = "",
        tenant: elsewhere.Tenant = "",
        client: elsewhere.Client = "",
        url: elsewhere.Url = "https://management.azure.com",
        authority: elsewhere.Authority = "",
        scope: elsewhere.Scope = "",
        ca: elsewhere.Ca = None,
        secret_file: SecretFile = None,
        secret_environment: SecretEnvironment = None,
    ) -> None:
        from huntlake.hunting.delivery import sentinel

        needed = {"--subscription": subscription, "--resource-group": group, "--tenant": tenant, "--client": client}
        if to and (missing := [option for option, value in needed.items() if not value]):
            raise typer.BadParameter(f"with `--to` also {', '.join(missing)}")
        with opened(home) as lake:
            here = workspace_of(lake, workspace)
            place: Place = _here(lake, here)
            if to:
                target, arm = signed_in(
                    url, subscription, group, to, tenant, client, authority, scope, ca, secret_file, secret_environment
                )
                place = sentinel.There(arm, to, target.path)
            to_there: Destination = sentinel.Row(place) if is_row else sentinel.Queries(place)
            _deliver(lake, here, name, to_there, output, apply=apply)

    return deliver


app.command("queries", help=f"As a saved hunting query and a hunt of Sentinel: {_WHERE}")(_to_a_workspace(is_row=False))
app.command("watchlist", help=f"As a row of the watchlist `AIGeneratedHunts`: {_WHERE}")(_to_a_workspace(is_row=True))


@app.command()
def git(
    name: Name,
    repository: Annotated[Path, typer.Argument(metavar="REPOSITORY", help="A git repository on this machine.")],
    branch: Annotated[str, typer.Option("--branch", help="The branch; it is made where there is none.")],
    folder: Annotated[str, typer.Option("--folder", help="Where in it.")] = "Hunting Queries",
    apply: Apply = False,
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Output = Listing.TABLE,
) -> None:
    """As a YAML file on a branch. What is checked out there isn't touched, and nothing is pushed."""
    from huntlake.hunting.delivery.repository import Repository

    with opened(home) as lake:
        by = acting().author.name
        to = Repository(repository.absolute(), branch, by, folder)
        _deliver(lake, workspace_of(lake, workspace), name, to, output, apply=apply)


@app.command()
def notebook(
    name: Name,
    file: Annotated[Path, typer.Argument(metavar="FILE.ipynb", help="Where to.")],
    force: Annotated[bool, typer.Option("--force", help="Write over what is there.")] = False,
    apply: Apply = False,
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Output = Listing.TABLE,
) -> None:
    """As a Jupyter notebook."""
    from huntlake.hunting.delivery.notebook import Notebook

    with opened(home) as lake:
        to = Notebook(file.absolute(), force)
        _deliver(lake, workspace_of(lake, workspace), name, to, output, apply=apply)


def _deliver(lake: App, here: Workspace, name: str, to: Destination, output: Listing, *, apply: bool) -> None:
    from huntlake.hunting.delivery.piece import Verb

    owner = (here.name,)
    if apply:
        steps: Sequence[Step] = lake.hunting.delivery.deliver(owner, name, to, acting())
    else:
        _, steps = lake.hunting.delivery.plan(owner, name, to)
    piece = lake.hunting.delivery.piece(owner, name)
    if piece.techniques and not piece.tactics:
        note(f"{to.name}: without tactics, which ATT&CK tells where it is here: see `huntlake hunt attack status`")
    changes = [step for step in steps if step.verb is not Verb.KEEP]
    if output is Listing.JSON:
        print(
            json.dumps(
                [{"move": s.verb.value, "kind": s.kind, "name": s.name, "body": s.body} for s in steps], indent=2
            )
        )
    else:
        show(["move", "kind", "name"], [(s.verb.value, s.kind, s.name) for s in steps], output)
        if not apply:
            for step in changes:
                text = step.body if isinstance(step.body, str) else json.dumps(step.body, indent=2, ensure_ascii=False)
                print(printable(f"\n{step.kind} {step.name}:\n{text}", "\n"))
    if not changes:
        note(f"{to.name}: it is there as it is here; nothing is to be done")
    else:
        note(f"{to.name}: done" if apply else f"{to.name}: nothing was written; `--apply` does it")


def _here(lake: App, here: Workspace) -> Place:
    from huntlake.hunting.delivery.sentinel import Here

    id = (
        f"/subscriptions/{lake.subscription.id}/resourceGroups/{lake.subscription.group}"
        f"/providers/Microsoft.OperationalInsights/workspaces/{here.name}"
    )
    return Here(here, id, lake.saved_searches, lake.hunts, lake.analytics.watchlists, acting().author)
