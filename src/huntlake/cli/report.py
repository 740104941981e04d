"""`huntlake report`: what the rules cover, which are noisy or silent, and how long they take to tell."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.replay import moment, shown
from huntlake.cli.screen import note

if TYPE_CHECKING:
    from huntlake.detection.rule_reports import Span

TRUTH = "ground-truth.json"

app = typer.Typer(help="Tell what stored alerts say of the rules.", no_args_is_help=True)

Since = Annotated[
    str, typer.Option("--from", metavar="TIME", help="Only alerts since then; ISO 8601, UTC without zone.")
]
Until = Annotated[str, typer.Option("--to", metavar="TIME", help="Only alerts before then.")]
Output = Annotated[Listing, typer.Option("--output", "-o", help="How to write the answer.")]


@app.command()
def coverage(
    since: Since = "",
    until: Until = "",
    name: Annotated[str, typer.Option("--name", help="What the layer is called.")] = "Rules that have fired",
    file: Annotated[Path | None, typer.Option("--file", metavar="FILE", help="Write it there.")] = None,
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Print a layer for the ATT&CK Navigator: the techniques of enabled rules that have fired, by their alerts."""
    from huntlake.detection.rule_reports import coverage as layer_of

    with opened(home) as lake:
        place = workspace_of(lake, workspace)
        layer = layer_of(lake.detection, (place.name,), _span(since, until), name)
    text = json.dumps(layer, indent=2) + "\n"
    if file is None:
        sys.stdout.write(text)
    else:
        file.write_text(text, encoding="utf-8")
    note(f"{len(layer['techniques'])} techniques")


@app.command()
def noise(
    since: Since = "",
    until: Until = "",
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Output = Listing.TABLE,
) -> None:
    """List the rules by their alerts, the loudest first; those that have never fired come last."""
    from huntlake.detection.rule_reports import noise as loudness

    with opened(home) as lake:
        found = loudness(lake.detection, (workspace_of(lake, workspace).name,), _span(since, until))
    rows = [(f.alerts, f.incidents, f.right, f.wrong, shown(f.last), f.rule.display_name, f.name) for f in found]
    headings = ["alerts", "incidents", "right", "wrong", "last", "name", "rule"]
    show(headings, rows, output, numbers={"alerts", "incidents", "right", "wrong"})
    note(f"{len(found)} rules, {sum(not f.alerts for f in found)} of them silent")


@app.command()
def mttd(
    truth: Annotated[
        Path | None,
        typer.Option("--truth", metavar="FILE", help=f"What happened; without it `{TRUTH}` of the lake.", exists=True),
    ] = None,
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Output = Listing.TABLE,
) -> None:
    """Say of each step of a known attack, such as the demo's, how long after its begin the first alert was."""
    from huntlake.detection.rule_reports import detected, steps, told

    with opened(home) as lake:
        place = workspace_of(lake, workspace)
        known = steps(truth or lake.home / TRUTH)
        found = detected(lake.analytics.queries, place, known, told(lake.detection, (place.name,)))
    rows = [
        (
            shown(d.step.begin),
            str(_whole(d.took)) if d.took is not None else "",
            d.step.title,
            d.alert.title if d.alert else "",
        )
        for d in found
    ]
    show(["begun", "took", "step", "first alert"], rows, output)
    took = [d.took for d in found if d.took is not None]
    mean = f", in {_whole(sum(took, timedelta()) / len(took))} as a mean" if took else ""
    note(f"{len(took)} of {len(found)} steps detected{mean}")


def _whole(span: timedelta) -> timedelta:
    return timedelta(seconds=round(span.total_seconds()))


def _span(since: str, until: str) -> Span:
    from huntlake.detection.rule_reports import Span

    return Span(moment(since) if since else None, moment(until) if until else None)
