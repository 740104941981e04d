"""`huntlake incident`: what was detected, what is known of it, and what a person makes of it."""

from __future__ import annotations

import getpass
import json
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.screen import note, printable
from huntlake.core.errors import Invalid

if TYPE_CHECKING:
    from huntlake.app import App
    from huntlake.detection.incidents import Incident
    from huntlake.state.documents import Document
    from huntlake.state.records import Author, Owner

app = typer.Typer(help="List incidents, look into them, and say what they were.", no_args_is_help=True)

Output = Annotated[Listing, typer.Option("--output", "--format", "-o", help="How to write the answer.")]
Which = Annotated[str, typer.Argument(metavar="INCIDENT", help="Its number, as `incident list` shows it, or its name.")]


class Verdict(StrEnum):
    """What an incident turned out to be."""

    TRUE_POSITIVE = "true-positive"
    BENIGN_POSITIVE = "benign-positive"
    FALSE_POSITIVE = "false-positive"
    UNDETERMINED = "undetermined"


class Reason(StrEnum):
    """Why it was so."""

    SUSPICIOUS_ACTIVITY = "suspicious-activity"
    SUSPICIOUS_BUT_EXPECTED = "suspicious-but-expected"
    INCORRECT_ALERT_LOGIC = "incorrect-alert-logic"
    INACCURATE_DATA = "inaccurate-data"


@app.command("list")
def list_(
    every: Annotated[bool, typer.Option("--all", help="Those that are closed, too.")] = False,
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Output = Listing.TABLE,
) -> None:
    """List the incidents that aren't closed, the newest first."""
    from huntlake.detection.incidents import IncidentStatus

    with opened(home) as lake:
        owner, incidents = (workspace_of(lake, workspace).name,), lake.detection.incidents
        known = sorted(incidents.list(owner), key=lambda d: d.value.number, reverse=True)
        rows = [
            (
                i.number,
                i.title,
                i.severity.value,
                i.status.value,
                _owner(i) or None,
                incidents.tally(owner, name).alerts,
                _moment(i.created),
                name,
            )
            for name, i in ((d.name, d.value) for d in known)
            if every or i.status is not IncidentStatus.CLOSED
        ]
    headings = ["number", "title", "severity", "status", "owner", "alerts", "created", "name"]
    show(headings, rows, output, numbers={"number", "alerts"})


@app.command("show")
def show_(which: Which, home: Home = None, workspace: WorkspaceName = None, output: Output = Listing.TABLE) -> None:
    """Print an incident with its alerts, entities, comments, tasks, timeline, and those that are like it."""
    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        told = _story(lake, owner, _found(lake, owner, which))
    if output is Listing.JSON:
        print(json.dumps(told, indent=2))
        return
    for key, value in told.items():
        if not isinstance(value, list):
            print(f"{key.replace('_', ' ')}: {printable(str(value))}")
    for key, rows in told.items():
        if isinstance(rows, list) and rows:
            print(f"\n{key}:")
            show([n.replace("_", " ") for n in rows[0]], [tuple(row.values()) for row in rows], Listing.TABLE)


@app.command()
def comment(
    which: Which,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What there is to say.")],
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Say something about an incident."""
    from uuid import uuid4

    from huntlake.detection.incidents import IncidentComment

    if not text.strip():
        raise Invalid("a comment has a text")
    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        incident = _found(lake, owner, which)
        comments = lake.detection.incidents.comments
        comments.put((*owner, incident.name), str(uuid4()), IncidentComment(text), _author())
        note(f"incident {incident.value.number} has {comments.count((*owner, incident.name))} comments")


@app.command()
def assign(
    which: Which,
    who: Annotated[str, typer.Argument(metavar="WHO", help="A name or an address; empty for nobody.")],
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Say who works on an incident."""
    from huntlake.detection.incidents import IncidentOwner

    address = who if "@" in who else None
    owned = IncidentOwner(assigned_to=who or None, email=address, user_principal_name=address)
    made = _changed(which, home, workspace, lambda i: replace(i, owner=owned))
    note(f"incident {made.number} is {f'with {who}' if who else 'with nobody'}")


@app.command()
def close(
    which: Which,
    verdict: Annotated[Verdict, typer.Option("--as", help="What it turned out to be.")] = Verdict.UNDETERMINED,
    reason: Annotated[
        Reason | None, typer.Option("--reason", help="Why; may be left out where the verdict has one reason only.")
    ] = None,
    said: Annotated[str, typer.Option("--comment", "-m", help="What there is to say about it.")] = "",
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Close an incident, and say what it was."""
    from huntlake.detection.incidents import REASONS, Classification, ClassificationReason, IncidentStatus

    kind = Classification(_named(verdict))
    why = ClassificationReason(_named(reason)) if reason else None
    if why is None and len(REASONS[kind]) == 1:
        why = REASONS[kind][0]
    if why is None and REASONS[kind]:
        raise Invalid(f"say `--reason`: {' or '.join(r.value for r in Reason if _named(r) in REASONS[kind])}")

    def closed(incident: Incident) -> Incident:
        return replace(
            incident,
            status=IncidentStatus.CLOSED,
            classification=kind,
            classification_reason=why,
            classification_comment=said or None,
        )

    made = _changed(which, home, workspace, closed)
    note(f"incident {made.number} is closed: {verdict}")


@app.command()
def reopen(which: Which, home: Home = None, workspace: WorkspaceName = None) -> None:
    """Make a closed incident active again."""
    from huntlake.detection.incidents import IncidentStatus

    made = _changed(which, home, workspace, lambda i: replace(i, status=IncidentStatus.ACTIVE))
    note(f"incident {made.number} is active")


def _changed(which: str, home: Home, workspace: WorkspaceName, how: Any) -> Incident:
    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        incident = _found(lake, owner, which)
        return lake.detection.incidents.change(owner, incident.name, how, _author()).value


def _found(lake: App, owner: Owner, which: str) -> Document[Incident]:
    incidents = lake.detection.incidents
    return incidents.numbered(owner, int(which)) if which.isdecimal() else incidents.get(owner, which)


def _story(lake: App, owner: Owner, document: Document[Incident]) -> dict[str, Any]:
    incidents, incident, name = lake.detection.incidents, document.value, document.name
    held = incidents.held(owner, name)
    return {
        "number": incident.number,
        "name": name,
        "title": incident.title,
        "severity": incident.severity.value,
        "status": incident.status.value,
        "owner": _owner(incident),
        "classification": (incident.classification or ""),
        "tactics": ", ".join(held.tactics),
        "first_activity": _moment(incident.first_activity),
        "last_activity": _moment(incident.last_activity),
        "alerts": [
            {"started": _moment(a.started), "title": a.title, "severity": a.severity.value, "name": n}
            for n, a in held.alerts.items()
        ],
        "entities": [
            {"kind": e.kind, "properties": json.dumps(dict(e.properties))} for e in incidents.entities(owner, name)
        ],
        "comments": [
            {"at": _moment(c.created), "by": c.author.name if c.author else "", "message": c.message}
            for c in held.comments.values()
        ],
        "tasks": [{"title": t.title, "status": t.status.value} for t in held.tasks.values()],
        "timeline": [
            {"at": _moment(e.at), "by": e.by.name, "kind": e.kind.value, "text": e.text}
            for e in incidents.timeline(owner, name)
        ],
        "similar": [
            {
                "number": s.document.value.number,
                "title": s.document.value.title,
                "status": s.document.value.status.value,
                "classification": s.document.value.classification or "",
                "entities": len(s.entities),
                "same_rule": s.same_rule,
                "score": s.score,
                "reasons": list(s.reasons),
            }
            for s in incidents.similar(owner, name)
        ],
    }


def _author() -> Author:
    from huntlake.state.records import Author

    return Author(name=getpass.getuser())


def _named(value: str) -> str:
    return "".join(word.capitalize() for word in value.split("-"))


def _owner(incident: Incident) -> str:
    owner = incident.owner
    return owner.user_principal_name or owner.email or owner.assigned_to or owner.object_id or ""


def _moment(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z") if at else ""
