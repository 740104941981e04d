"""`huntlake audit`: what was done, by whom, and whether anybody has changed what is told of it."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.screen import note, printable

app = typer.Typer(help="Look at what was done to hunts, and verify that nobody has changed it.", no_args_is_help=True)

Output = Annotated[Listing, typer.Option("--output", "-o", help="How to write the answer.")]

OfSignIns = Annotated[bool, typer.Option("--sign-ins", help="The chain of who signed in, instead of a workspace's.")]


@app.command()
def verify(
    expect: Annotated[
        str, typer.Option("--expect", metavar="HASH", help="The hash of an entry, as it was noted elsewhere.")
    ] = "",
    home: Home = None,
    workspace: WorkspaceName = None,
    sign_ins: OfSignIns = False,
    output: Output = Listing.TABLE,
) -> None:
    """Recompute the whole chain. Exit code 1 where an entry was changed, taken out, put in or moved.

    Who can write the database could write all of the chain anew: note `audit head` elsewhere, give it with --expect.
    """
    with opened(home) as lake:
        if sign_ins:
            found = lake.sign_in.journal.verify(expect)
        else:
            found = lake.hunting.audit.verify((workspace_of(lake, workspace).name,), expect)
    faults = [{"entry": number, "fault": fault} for number, fault in found.faults]
    if output is Listing.JSON:
        print(json.dumps({"entries": found.head.length, "head": found.head.hash, "faults": faults}, indent=2))
    elif not faults:
        print(f"{found.head.length:,} entries, all as they were written; the last is {found.head.hash}")
    else:
        for fault in faults:
            print(f"entry {fault['entry']}: {printable(str(fault['fault']))}")
        note(f"{len(faults):,} faults in {found.head.length:,} entries")
    if faults:
        raise typer.Exit(1)


@app.command()
def head(
    home: Home = None,
    workspace: WorkspaceName = None,
    sign_ins: OfSignIns = False,
    output: Output = Listing.TABLE,
) -> None:
    """Print how long the chain is and the hash of its last entry: to be noted elsewhere."""
    with opened(home) as lake:
        if sign_ins:
            found = lake.sign_in.journal.head()
        else:
            found = lake.hunting.audit.head((workspace_of(lake, workspace).name,))
    if output is Listing.JSON:
        print(json.dumps({"entries": found.length, "head": found.hash}))
    else:
        print(f"{found.length} {found.hash}")


@app.command("show")
def show_(
    object: Annotated[str, typer.Option("--object", metavar="NAME", help="Only of that hunt, or other thing.")] = "",
    action: Annotated[str, typer.Option("--action", metavar="TEXT", help="Only actions with that in their name.")] = "",
    last: Annotated[int, typer.Option("--last", min=1, help="Only so many, the last.")] = 50,
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Output = Listing.TABLE,
) -> None:
    """List what was done, the last at the end. In KQL it is the table `HuntlakeAudit`."""
    with opened(home) as lake:
        entries = [
            e
            for e in lake.hunting.audit.read((workspace_of(lake, workspace).name,))
            if str(e.get("ObjectId", "")).startswith(object) and action in str(e.get("Action", ""))
        ][-last:]
    if output is Listing.JSON:
        print(json.dumps(entries, indent=2))
        return
    rows = [
        (
            str(e.get("Sequence", "")),
            str(e.get("TimeGenerated", ""))[:19],
            e.get("ActorName") or e.get("ActorId", ""),
            e.get("ActorRole", ""),
            e.get("Action", ""),
            f"{e.get('ObjectId', '')}{f' v{n}' if (n := e.get('ObjectVersion')) else ''}",
            f"{e.get('FromState', '')} → {s}" if (s := e.get("ToState")) else "",
            e.get("Reason", ""),
        )
        for e in entries
    ]
    show(["entry", "time", "who", "as", "action", "what", "state", "reason"], rows, output, numbers={"entry"})
