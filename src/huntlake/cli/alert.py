"""`huntlake alert`: what rules, or other products, have seen."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated

import typer

from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.screen import printable

app = typer.Typer(help="List alerts, and look at one.", no_args_is_help=True)

Output = Annotated[Listing, typer.Option("--output", "--format", "-o", help="How to write the answer.")]


@app.command("list")
def list_(
    most: Annotated[int, typer.Option("--most", "-n", min=1, help="How many, the newest first.")] = 100,
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Output = Listing.TABLE,
) -> None:
    """List the alerts that were raised here, the newest first."""
    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        numbers = {d.name: d.value.number for d in lake.detection.incidents.list(owner)}
        known = sorted(lake.detection.alerts.list(owner), key=lambda d: (str(d.value.created), d.name), reverse=True)
    rows = [
        (
            _moment(a.created),
            a.title,
            a.severity.value,
            a.status.value,
            [t.value for t in a.tactics],
            numbers.get(a.incident),
            name,
        )
        for name, a in ((d.name, d.value) for d in known[:most])
    ]
    show(["created", "title", "severity", "status", "tactics", "incident", "name"], rows, output, numbers={"incident"})


@app.command("show")
def show_(
    name: Annotated[str, typer.Argument(metavar="ALERT", help="Its name, as `alert list` shows it.")],
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Output = Listing.TABLE,
) -> None:
    """Print an alert with its entities and properties."""
    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        document = lake.detection.alerts.get(owner, name)
        alert = document.value
        incident = lake.detection.incidents.find(owner, alert.incident) if alert.incident else None
    told = {
        "name": document.name,
        "title": alert.title,
        "description": alert.description,
        "severity": alert.severity.value,
        "status": alert.status.value,
        "rule": alert.rule,
        "incident": incident.value.number if incident else None,
        "product": alert.product,
        "tactics": [t.value for t in alert.tactics],
        "techniques": list(alert.techniques),
        "started": _moment(alert.started),
        "ended": _moment(alert.ended),
        "created": _moment(alert.created),
        "entities": [{"kind": e.kind, **e.properties} for e in alert.entities],
        "properties": dict(alert.more),
    }
    if output is Listing.JSON:
        print(json.dumps(told, indent=2))
        return
    for key, value in told.items():
        if key not in ("entities", "properties"):
            text = ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else value
            print(f"{key}: {printable(str(text))}")
    print()
    show(["kind", "properties"], [(e.kind, json.dumps(dict(e.properties))) for e in alert.entities], Listing.TABLE)
    print()
    show(["property", "value"], [(k, str(v)) for k, v in alert.more.items()], Listing.TABLE)


def _moment(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z") if at else ""
