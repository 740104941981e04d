"""`huntlake question`: questions with known answers, which teach the search for tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.screen import note
from huntlake.core.errors import Invalid, NotFound

app = typer.Typer(
    help="Teach the search for tables: questions in plain words, and the KQL that answers them.", no_args_is_help=True
)


@app.command("add")
def add(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help='JSON lines: {"question": "…", "kql": "…"}.', exists=True)
    ],
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Keep the questions of a file, each in place of the same one that is kept already."""
    from huntlake.workspace.known_questions import AnsweredQuestion

    def read() -> Iterator[AnsweredQuestion]:
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            if not line.strip():
                continue
            try:
                found = json.loads(line)
                yield AnsweredQuestion(str(found["question"]), str(found["kql"]))
            except (ValueError, TypeError, KeyError):
                raise Invalid(f'{file}:{number}: a line needs "question" and "kql"') from None

    # All of them are read before the first is kept.
    questions = list(read())
    with opened(home, make=True) as lake:
        place = workspace_of(lake, workspace, make=True)
        count = lake.known_questions.add(place, questions)
        note(f"{count:,} questions kept for the workspace {place.name}")


@app.command("list")
def list_(
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Annotated[Listing, typer.Option("--output", "-o", help="How to write the list.")] = Listing.TABLE,
) -> None:
    """List the known questions of a workspace."""
    with opened(home) as lake:
        rows = [(id, one.question, one.query) for id, one in lake.known_questions.list(workspace_of(lake, workspace))]
    show(["id", "question", "query"], rows, output)


@app.command("remove")
def remove(
    id: Annotated[str, typer.Argument(metavar="ID", help="Its id, as `list` shows it.")],
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Forget a question."""
    with opened(home) as lake:
        if not lake.known_questions.remove(workspace_of(lake, workspace), id):
            raise NotFound(f"no question has the id `{id}`")
