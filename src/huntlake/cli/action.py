"""`huntlake action`: what was asked for on machines, and what a person makes of it."""

from __future__ import annotations

import getpass
from enum import StrEnum
from typing import Annotated

import typer

from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.screen import note

app = typer.Typer(help="List the actions on machines that were asked for, and decide about them.", no_args_is_help=True)
Output = Annotated[Listing, typer.Option("--output", "-o", help="How to write the answer.")]


class Verdict(StrEnum):
    """How far an action is."""

    TAKEN = "taken"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed-out"
    CANCELLED = "cancelled"


@app.command("list")
def list_(
    workspace: WorkspaceName = None,
    home: Home = None,
    every: Annotated[bool, typer.Option("--all", help="Those that have ended, too.")] = False,
    output: Output = Listing.TABLE,
) -> None:
    """List the actions that wait, or are under way."""
    with opened(home) as lake:
        known = lake.machine_actions.list((workspace_of(lake, workspace).name,))
    rows = [
        (name, a.type.value, a.computer_dns_name, a.status.value, a.requestor, a.comment)
        for name, a in ((d.name, d.value) for d in known)
        if every or not a.ended
    ]
    show(["action", "type", "machine", "status", "asked by", "why"], rows, output)


@app.command()
def decide(
    action: Annotated[str, typer.Argument(metavar="ACTION", help="Its id, as `action list` shows it.")],
    verdict: Annotated[Verdict, typer.Argument(help="What became of it; `taken` where someone works on it.")],
    comment: Annotated[str, typer.Option("--comment", "-m", help="What there is to say about it.")] = "",
    workspace: WorkspaceName = None,
    home: Home = None,
) -> None:
    """Say what became of an action. Nothing is done to the machine by this."""
    from huntlake.playbooks.machine_actions import ActionStatus

    statuses = {
        Verdict.TAKEN: ActionStatus.IN_PROGRESS,
        Verdict.SUCCEEDED: ActionStatus.SUCCEEDED,
        Verdict.FAILED: ActionStatus.FAILED,
        Verdict.TIMED_OUT: ActionStatus.TIMED_OUT,
    }
    with opened(home) as lake:
        owner, who = (workspace_of(lake, workspace).name,), getpass.getuser()
        if verdict is Verdict.CANCELLED:
            decided = lake.machine_actions.cancel(owner, action, who, comment)
        else:
            decided = lake.machine_actions.decide(owner, action, statuses[verdict], who, comment)
        note(f"{decided.value.type} on {decided.value.computer_dns_name} is {decided.value.status}")
