"""`huntlake hunt`: what can be seen here, what could have happened, and which hunts would tell."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from huntlake.cli.hunter import acting
from huntlake.cli.listing import Listing, outline, show
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.screen import console, is_terminal, note, printable
from huntlake.core.errors import Invalid

if TYPE_CHECKING:
    from huntlake.hunting.hypotheses.hypothesis import Hypothesis
    from huntlake.state.documents import Document

hypotheses = typer.Typer(help="What could have happened, and how urgent it is to look.", no_args_is_help=True)

Output = Annotated[Listing, typer.Option("--format", "--output", "-o", help="How to write the answer.")]
Name = Annotated[str, typer.Argument(metavar="HYPOTHESIS", help="Its name, or how it begins.")]


def propose(
    signal: Annotated[
        list[str] | None,
        typer.Option("--signal", "-s", metavar="ID", help="A signal, by how its id begins; without one: all of them."),
    ] = None,
    top: Annotated[int, typer.Option("--top", "-n", min=1, max=200, help="How many hunts at most.")] = 15,
    only: Annotated[bool, typer.Option("--hypotheses-only", help="Draft and prove nothing.")] = False,
    submit: Annotated[bool, typer.Option("--submit", help="Ask for a review of what can be run.")] = False,
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Output = Listing.TABLE,
) -> None:
    """Propose hunts for signals: rank hypotheses, draft a query for each, prove it. Nothing runs before it is approved.

    The same signals give the same hunts; what was interrupted goes on where it was.
    """
    from huntlake.core.errors import DomainError
    from huntlake.hunting.lifecycle.states import HuntState

    with opened(home) as lake:
        place, hunting = workspace_of(lake, workspace), lake.hunting
        with _progress() as told:
            made = hunting.proposer.propose(place, acting(), tuple(signal or ()), top, told, draft=not only)
        hunts = {d.value.hypothesis: d for d in made.hunts}
        if submit:
            for hunt in made.hunts:
                if hunt.value.state is HuntState.DRY_RUN_OK:
                    try:
                        hunts[hunt.value.hypothesis] = hunting.hunts.submit((place.name,), hunt.name, acting())
                    except DomainError as error:
                        note(f"{hunt.name} waits: {error}")
    rows = []
    for document in made.hypotheses:
        found = hunts.get(document.name)
        if only or found is not None:
            rows.append((*_row(document), found.name if found else "", found.value.state.value if found else ""))
    show([*_HEADINGS, "hunt", "state"], rows, output, {"priority"})
    for gap in made.gaps:
        note(f"{gap.technique} can't be seen: {gap.reason}; needed: {', '.join(gap.needed) or 'nothing that is known'}")
    for remark in made.remarks:
        note(remark)


def coverage(
    technique: Annotated[str, typer.Option("--technique", "-t", metavar="ID", help="Only it and its parts.")] = "",
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Output = Listing.TABLE,
) -> None:
    """Show which techniques can be seen here, by fresh rows of which tables, and which are hunted and detected."""
    from huntlake.hunting.coverage.coverage import COARSE
    from huntlake.hunting.extraction.attack import MISSING

    with opened(home) as lake:
        found, stock = lake.hunting.proposer.seen(workspace_of(lake, workspace))
    wanted = technique.strip().upper()
    rows = [
        (
            one.technique,
            one.name,
            f"{one.visibility:.2f}",
            len(one.hunts),
            len(one.rules),
            list(one.tables),
            list(one.missing),
        )
        for one in found.techniques.values()
        if not wanted or one.technique == wanted or one.technique.startswith(f"{wanted}.")
    ]
    numbers = {"seen", "hunted", "detected"}
    show(["technique", "name", "seen", "hunted", "detected", "tables", "missing"], rows, output, numbers)
    if output is Listing.TABLE:
        every = found.techniques.values()
        seen, hunted = sum(t.visibility > 0 for t in every), sum(bool(t.hunts) for t in every)
        detected = sum(bool(t.rules) for t in every)
        note(f"{len(every)} techniques: {seen} seen, {hunted} hunted, {detected} detected; by {found.source}")
    if found.source == COARSE:
        note(MISSING)
    for remark in stock.remarks:
        note(remark)


def context(
    intent: Annotated[str, typer.Argument(metavar="WORDS", help="What a hunt is to find, in words.")],
    table: Annotated[list[str] | None, typer.Option("--table", help="A table that it surely reads.")] = None,
    entity: Annotated[
        list[str] | None, typer.Option("--entity", "-e", metavar="TYPE=VALUE", help="host=…, account=… or ip=…")
    ] = None,
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Output = Listing.TABLE,
) -> None:
    """Show what is known here that helps with a hunt: tables, kept queries, incidents, assets, ranges, notes, joins."""
    asked = []
    for one in entity or ():
        type, parted, value = one.partition("=")
        if not parted or type.strip().lower() not in ("host", "account", "ip"):
            raise Invalid(f"`{one[:60]}` isn't `host=…`, `account=…` or `ip=…`")
        asked.append((type.strip(), value.strip()))
    with opened(home) as lake:
        found = lake.hunting.context.gather(workspace_of(lake, workspace), intent, tuple(table or ()), asked)
    rows = [(p.used.source, p.used.id, f"{p.used.score:.2f}", p.title, p.text) for p in found.pieces]
    if output is Listing.TABLE:
        rows = [(source, id, score, title, " ".join(text.split())[:60]) for source, id, score, title, text in rows]
    show(["source", "id", "score", "title", "text"], rows, output, {"score"})
    if output is Listing.TABLE:
        for join in found.joins:
            note(f"{join.left} and {join.right} by {join.thing}: {join.left_key} == {join.right_key}")
        for asim in found.asim:
            fields = ", ".join(f"{field} is {column}" for field, column in asim.fields[:6])
            note(f"{asim.table} in ASIM: {asim.function}; {fields}")
    for remark in found.remarks:
        note(remark)


def gaps(home: Home = None, workspace: WorkspaceName = None, output: Output = Listing.TABLE) -> None:
    """List what signals speak of and nothing here could show."""
    with opened(home) as lake:
        known = lake.hunting.hypotheses.gaps((workspace_of(lake, workspace).name,))
    rows = [(g.technique, g.reason, list(g.needed), list(g.signals)) for g in (d.value for d in known)]
    show(["technique", "reason", "needed", "signals"], rows, output)


@hypotheses.command("list")
def list_(
    every: Annotated[bool, typer.Option("--all", help="Those that were put aside, too.")] = False,
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Output = Listing.TABLE,
) -> None:
    """List hypotheses, the most urgent first."""
    with opened(home) as lake:
        known = lake.hunting.hypotheses.list((workspace_of(lake, workspace).name,))
    rows = [(*_row(d), d.value.hunt, d.value.dismissed) for d in known if every or not d.value.dismissed]
    show([*_HEADINGS, "hunt", "put aside"], rows, output, {"priority"})


@hypotheses.command("show")
def show_(name: Name, home: Home = None, workspace: WorkspaceName = None, output: Output = Listing.TABLE) -> None:
    """Print everything about a hypothesis: what it says, why, and what its score is made of."""
    with opened(home) as lake:
        document = lake.hunting.hypotheses.get((workspace_of(lake, workspace).name,), name)
    told = _story(document)
    if output is Listing.JSON:
        print(json.dumps(told, indent=2))
        return
    outline(told)


@hypotheses.command()
def dismiss(
    name: Name,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why.")],
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Put a hypothesis aside: no hunt is made of it."""
    with opened(home) as lake:
        made = lake.hunting.hypotheses.dismiss((workspace_of(lake, workspace).name,), name, reason, acting().author)
    note(f"“{made.value.title}” is put aside")


@hypotheses.command()
def restore(name: Name, home: Home = None, workspace: WorkspaceName = None) -> None:
    """Take a hypothesis up again that was put aside."""
    with opened(home) as lake:
        made = lake.hunting.hypotheses.restore((workspace_of(lake, workspace).name,), name, acting().author)
    note(f"“{made.value.title}” is taken up again")


@hypotheses.command()
def weights(
    change: Annotated[
        list[str] | None, typer.Option("--set", metavar="PART=NUMBER", help="What a part counts for; several times.")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why.")] = "",
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Output = Listing.TABLE,
) -> None:
    """Show what each part of a score counts for, or change it."""
    with opened(home) as lake:
        owner, store = (workspace_of(lake, workspace).name,), lake.hunting.hypotheses
        if change:
            kept = store.weigh(owner, dict(_parted(one) for one in change), reason, acting().author)
        else:
            kept = store.weights(owner)
    show(["part", "counts"], [(name, str(value)) for name, value in asdict(kept).items()], output, {"counts"})


_HEADINGS = ["hypothesis", "priority", "confidence", "title", "techniques"]


def _row(document: Document[Hypothesis]) -> tuple[Any, ...]:
    from huntlake.hunting.hypotheses.calibration import level

    one = document.value
    return document.name, f"{one.priority:.1f}", level(one.confidence), one.title, list(one.techniques)


def _story(document: Document[Hypothesis]) -> dict[str, Any]:
    one = document.value
    return {
        "hypothesis": document.name,
        "title": one.title,
        "statement": one.statement,
        "rationale": [{"text": claim.text, "signals": list(claim.signals)} for claim in one.rationale],
        "techniques": list(one.techniques),
        "tables": list(one.tables),
        "drafted from": one.candidate,
        "parameters": dict(one.parameters),
        "subjects": list(one.subjects),
        "priority": f"{one.priority:.2f}, by the weights of version {one.weights}",
        "parts": {name: round(value, 4) for name, value in asdict(one.parts).items()},
        "confidence": f"{one.confidence:.2f}",
        "alternatives": list(one.alternatives),
        "what would speak against it": one.disconfirming,
        "duplicate of": one.duplicate_of,
        "hunt": one.hunt,
        "put aside": one.dismissed,
    }


def _parted(text: str) -> tuple[str, float]:
    name, parted, value = text.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError:
        raise Invalid(f"`{text[:60]}` isn't `PART=NUMBER`" if parted else f"`{text[:60]}` has no number") from None


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """A line that says which hunt is being proved, where somebody watches."""
    if not is_terminal(sys.stderr):
        yield lambda step, done, of: None
        return
    from rich.text import Text

    with console(stderr=True).status("") as status:
        yield lambda step, done, of: status.update(Text(f"{done} of {of}: {printable(step)}"))
