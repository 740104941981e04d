"""`huntlake hunt suggest` and `retell`: what a model makes of a cluster, and of a query. Words, and nothing else."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.screen import note, printable


def suggest(
    name: Annotated[str, typer.Argument(metavar="HUNT", help="The hunt's name, or how it begins.")],
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run's id, or how it begins.")],
    cluster: Annotated[
        str, typer.Argument(metavar="[CLUSTER]", help="The cluster's signature, or how it begins; else the first.")
    ] = "",
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Annotated[
        Listing, typer.Option("--format", "--output", "-o", help="How to write the answer.")
    ] = Listing.TABLE,
) -> None:
    """Ask the model what a cluster of findings says, and how it might be judged. Nothing is judged by it."""
    from huntlake.core.errors import NotFound

    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        hunt = lake.hunting.hunts.get(owner, name)
        found = lake.hunting.runs.get(owner, hunt.name, run).value
        one = next((c for c in found.clusters if c.signature.startswith(cluster)), None)
        if one is None:
            raise NotFound(f"the run has no cluster `{cluster}`" if cluster else "the run found nothing")
        advice = lake.hunting.assistant.suggest(owner, hunt.value.statement, one, getpass.getuser())
    said = advice.value
    rows = [("cluster", one.title), ("as counted", one.summary or f"{one.rows} rows")]
    if said is not None:
        rows += [
            ("as the model says", said.summary),
            ("suggested", f"{said.verdict.value} ({said.confidence:.2f})"),
            ("rests on rows", ", ".join(str(row + 1) for row in said.rows)),
        ]
    show(["what", "is"], rows, output)
    note(advice.remark)


def retell(
    name: Annotated[str, typer.Argument(metavar="HUNT", help="The hunt's name, or how it begins.")],
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Print what a hunt's query does, sentence by sentence; and beside it how the model puts it."""
    from huntlake.hunting.drafting.explanation import explained

    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        query = lake.hunting.hunts.get(owner, name).value.latest.content.query
        steps = explained(query)
        advice = lake.hunting.assistant.retell(owner, query, steps, getpass.getuser())
    for number, step in enumerate(steps, 1):
        print(printable(f"{number}. {step.text}"))
    if advice.value is not None:
        print()
        print(printable(advice.value, keep="\n"))
    note(advice.remark)
