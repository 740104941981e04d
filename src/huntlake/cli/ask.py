"""`huntlake ask`: a question in plain words, answered by a query that is explained and checked."""

from __future__ import annotations

import getpass
import json
from typing import TYPE_CHECKING, Annotated

import typer

from huntlake.cli.listing import Listing
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.screen import counted, note, printable, show_table

if TYPE_CHECKING:
    from huntlake.hunting.proof.finding import DryRun

_SHOWN = 10


def ask(
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="What is to be known, in plain words.")],
    table: Annotated[str, typer.Option("--table", help="The table to ask; without it the likeliest.")] = "",
    run: Annotated[bool, typer.Option("--run", help="Run it over history too, in a process of its own.")] = False,
    days: Annotated[int, typer.Option("--days", min=1, max=30, help="Days of history that --run looks at.")] = 14,
    model: Annotated[bool, typer.Option(help="Let the model draft, where one is configured.")] = True,
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Annotated[Listing, typer.Option("--format", "--output", "-o", help="How to write the answer.")] = (
        Listing.TABLE
    ),
) -> None:
    """Draft a query for a question: over which table, what it does, what is found out about it, and what it gives.

    The exit code is 1 where the query can't be run.
    """
    from datetime import timedelta

    from huntlake.hunting.proof.showing import lines
    from huntlake.hunting.question_forms import told

    with opened(home) as lake:
        answer = lake.hunting.questions.ask(
            workspace_of(lake, workspace),
            question,
            lake.clock.now(),
            table=table,
            run=run,
            responsible=getpass.getuser() if model and lake.hunting.model.name else "",
            history=timedelta(days=days),
        )
    if output is Listing.JSON:
        print(json.dumps(told(answer), indent=2, default=str))
    else:
        print(printable(answer.query, keep="\n"))
        print()
        for number, step in enumerate(answer.explanation, 1):
            print(printable(f"{number}. {step.text}"))
        print()
        print(f"tables that may answer: {', '.join(f'{t.name} ({t.score:.2f})' for t in answer.tables)}")
        for text in answer.unused:
            note(printable(f"`{text}` is in the question, and nothing in the query stands for it"))
        if answer.remark:
            note(printable(answer.remark))
        for line in lines(answer.proof.findings, answer.query, "query"):
            print(printable(line))
        ran = answer.proof.dry_run
        if ran is not None:
            print(printable(ran.failure or _ran(ran)))
            if ran.sample:
                heads = [n for n in ran.sample[0] if any(row.get(n) not in (None, "") for row in ran.sample)]
                rows = [[printable(str(row.get(n, ""))) for n in heads] for row in ran.sample[:_SHOWN]]
                show_table(heads, rows)
    if not answer.proof.is_valid:
        raise typer.Exit(1)


def _ran(run: DryRun) -> str:
    """How many rows there were; the query was asked of one window after the other, and a few of all are kept."""
    said = f"{counted(run.rows, 'row')} from {run.since:%Y-%m-%d} to {run.until:%Y-%m-%d}, window by window"
    shown = min(len(run.sample), _SHOWN)
    return f"{said}; {shown} of them, by chance:" if 0 < shown < run.rows else said
