"""`huntlake hunt notice`: which playbooks tell people of hunts."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from huntlake.cli.hunter import acting
from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.screen import note
from huntlake.core.errors import NotFound

app = typer.Typer(help="Say which playbooks tell people of hunts.", no_args_is_help=True)

Output = Annotated[Listing, typer.Option("--output", "-o", help="How to write the answer.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The notice's name.")]


class EventName(StrEnum):
    """What is told."""

    AWAITING_REVIEW = "HuntAwaitingReview"
    FINDINGS = "HuntFindings"


@app.command("list")
def list_notices(home: Home = None, workspace: WorkspaceName = None, output: Output = Listing.TABLE) -> None:
    """List who tells of what."""
    with opened(home) as lake:
        known = lake.playbooks.hunt_notices.records.list((workspace_of(lake, workspace).name,))
    rows = [
        (d.name, n.playbook, [e.value for e in n.events], f"{n.least_score:g}", "yes" if n.enabled else "no")
        for d, n in ((d, d.value) for d in known)
    ]
    show(["notice", "playbook", "events", "least score", "enabled"], rows, output, numbers={"least score"})


@app.command("set")
def set_notice(
    name: Name,
    playbook: Annotated[str, typer.Option("--playbook", help="The playbook that is run; a request sets it off.")],
    event: Annotated[list[EventName] | None, typer.Option("--event", help="Without it: both.")] = None,
    least_score: Annotated[
        float, typer.Option("--least-score", min=0, max=1, help="Findings whose best cluster has less aren't told.")
    ] = 0.0,
    description: Annotated[str, typer.Option("--description", help="What it is for.")] = "",
    disabled: Annotated[bool, typer.Option("--disabled", help="Keep it, but tell nobody.")] = False,
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Have a playbook run whenever a hunt waits for a review, or has found something."""
    from huntlake.playbooks.hunt_notices import HuntEvent, HuntNotice

    events = tuple(HuntEvent(e.value) for e in event) if event else tuple(HuntEvent)
    notice = HuntNotice(playbook, events, least_score, description, not disabled)
    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        lake.playbooks.workflows.get(playbook)
        lake.playbooks.hunt_notices.records.put(owner, name, notice, acting().author)
    note(f"{playbook} tells of hunts" if notice.enabled else f"the notice {name} is kept, and tells nobody")


@app.command("delete")
def delete_notice(name: Name, home: Home = None, workspace: WorkspaceName = None) -> None:
    """Forget a notice."""
    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        if not lake.playbooks.hunt_notices.records.delete(owner, name):
            raise NotFound(f"no notice is named `{name}`")
    note(f"the notice {name} is gone")
