"""`huntlake hunt`: run what was approved, look at what was found, and say what it was."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from huntlake.cli.hunter import acting
from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.screen import note, printable
from huntlake.core.errors import Invalid

if TYPE_CHECKING:
    from huntlake.hunting.running.run import Cluster, HuntRun
    from huntlake.state.documents import Document

Output = Annotated[Listing, typer.Option("--format", "--output", "-o", help="How to write the answer.")]
Name = Annotated[str, typer.Argument(metavar="HUNT", help="The hunt's name, or how it begins.")]
Run = Annotated[str, typer.Argument(metavar="RUN", help="The run's id, or how it begins.")]
Signature = Annotated[str, typer.Argument(metavar="CLUSTER", help="The cluster's signature, or how it begins.")]
Comment = Annotated[str, typer.Option("--comment", "-m", help="What there is to say about it.")]
Reason = Annotated[str, typer.Option("--reason", "-r", help="Why.")]


_LONGEST = 80


class VerdictName(StrEnum):
    """What a cluster turned out to be."""

    TRUE_POSITIVE = "true-positive"
    BENIGN_POSITIVE = "benign-positive"
    FALSE_POSITIVE = "false-positive"
    INCONCLUSIVE = "inconclusive"


class SeverityName(StrEnum):
    """How bad it is."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFORMATIONAL = "informational"


def run(
    name: Name,
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="Begin of the window; else its period.")] = "",
    until: Annotated[str, typer.Option("--until", metavar="TIME", help="End of the window; else now.")] = "",
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Output = Listing.TABLE,
) -> None:
    """Run a hunt that was approved and scheduled, now. A window that was run is shown as it was."""
    with opened(home) as lake:
        place = workspace_of(lake, workspace)
        hunt = lake.hunting.hunts.get((place.name,), name).value
        end = _moment(until) if until else lake.clock.now().astimezone(UTC).replace(microsecond=0)
        period = hunt.version(hunt.runnable).content.schedule.period if hunt.runnable else timedelta(days=1)
        begin = _moment(since) if since else end - period
        document = lake.hunting.runs.run(place, name, begin, end, acting())
    _told(document, output)


def runs(name: Name, home: Home = None, workspace: WorkspaceName = None, output: Output = Listing.TABLE) -> None:
    """List the runs of a hunt, the newest first."""
    with opened(home) as lake:
        place = workspace_of(lake, workspace)
        known = lake.hunting.runs.list((place.name,), name)
        due, behind = lake.hunting.scheduler.next_due(place, name)
    rows = [
        (d.name, r.version, r.status.value, r.rows, len(r.clusters), len(r.outcomes), f"{r.seconds:.2f}", r.failure)
        for d, r in ((d, d.value) for d in known)
    ]
    headings = ["run", "version", "status", "rows", "clusters", "judged", "seconds", "failure"]
    show(headings, rows, output, {"version", "rows", "clusters", "judged", "seconds"})
    if due is not None and output is Listing.TABLE:
        late = f", {behind} windows behind" if behind else ""
        note(f"the next window is due at {due:%Y-%m-%d %H:%M} UTC{late}")


def findings(
    name: Name, run: Run, home: Home = None, workspace: WorkspaceName = None, output: Output = Listing.TABLE
) -> None:
    """Show what a run has found: its clusters, the likeliest attack first, and what was said of them."""
    with opened(home) as lake:
        document = lake.hunting.runs.get((workspace_of(lake, workspace).name,), name, run)
    _told(document, output)


def judge(
    name: Name,
    run: Run,
    cluster: Signature,
    verdict: Annotated[VerdictName, typer.Argument(help="What it turned out to be.")],
    reason: Reason = "",
    comment: Comment = "",
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Say what a cluster turned out to be. The last word counts; every one is in the audit."""
    from huntlake.hunting.running.run import Verdict

    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        said = Verdict(verdict.value.replace("-", " "))
        lake.hunting.runs.judge(owner, name, run, cluster, said, reason, acting(), comment)
        state = lake.hunting.hunts.get(owner, name).value
    note(f"noted; the state of the hunt is `{state.state.value}`")


def bookmark(
    name: Name,
    run: Run,
    cluster: Signature,
    notes: Annotated[str, typer.Option("--notes", "-m", help="What there is to say about it.")] = "",
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Keep a cluster as a bookmark."""
    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        print(lake.hunting.following.bookmark(owner, name, run, cluster, acting(), notes))


def escalate(
    name: Name,
    run: Run,
    cluster: Signature,
    severity: Annotated[SeverityName, typer.Option("--severity", help="How bad it is.")] = SeverityName.MEDIUM,
    comment: Comment = "",
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Make an incident of a cluster, with its entities and a bookmark."""
    from huntlake.detection.severity import Severity

    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        bad = Severity(severity.value.capitalize())
        incident = lake.hunting.following.escalate(owner, name, run, cluster, bad, acting(), comment)
        number = lake.detection.incidents.get(owner, incident).value.number
    print(number)


def suppress(name: Name, run: Run, cluster: Signature, home: Home = None, workspace: WorkspaceName = None) -> None:
    """Propose a version that leaves a cluster out. It is a draft: proved and reviewed like any other."""
    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        hunt = lake.hunting.runs.suppress(owner, name, run, cluster, acting()).value
    print(printable(hunt.latest.content.query, keep="\n"))
    note(f"version {hunt.current} is a draft; version {hunt.runnable or 'none'} runs until it is approved")


def breakers(
    name: Annotated[str | None, typer.Argument(metavar="[HUNT]", help="Only this hunt's.")] = None,
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Output = Listing.TABLE,
) -> None:
    """List the breakers that have opened, and what stops hunting as a whole."""
    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        hunts = [lake.hunting.hunts.get(owner, name)] if name else lake.hunting.hunts.list(owner)
        rows = [
            (d.name, o.kind.value, _at(o.at), _at(o.closed) if o.closed else "open", o.reason)
            for d in hunts
            for o in lake.hunting.runs.opened(owner, d.name)
        ]
        why = lake.hunting.stops.why(owner) or lake.hunting.watching.waits(owner)
        phase = lake.hunting.hunts.rollouts.of(owner).phase
        held = lake.hunting.holding.held(owner)
    show(["hunt", "breaker", "opened", "closed", "reason"], rows, output)
    if output is Listing.TABLE:
        note(f"phase {phase}; {why or 'nothing stops hunting'}")
        for rule, because in sorted(held.items()):
            note(f"the rule {rule} waits: {because}")


def stop(
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why hunting is to stop.")],
    everywhere: Annotated[bool, typer.Option("--everywhere", help="In all workspaces.")] = False,
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Let no hunt begin any more, nor a rule that was made of one, until `huntlake hunt go-on`."""
    from huntlake.hunting.running.stopping import EVERYWHERE

    with opened(home) as lake:
        owner = EVERYWHERE if everywhere else (workspace_of(lake, workspace).name,)
        lake.hunting.stops.stop(owner, acting(), reason)
    note("no hunt begins any more, nor a rule that was made of one")


def go_on(
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why hunting may go on.")],
    everywhere: Annotated[bool, typer.Option("--everywhere", help="Lift the stop of all workspaces.")] = False,
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Let hunts and the rules made of them run again; the windows of the time between are made up, each once."""
    from huntlake.hunting.running.stopping import EVERYWHERE

    with opened(home) as lake:
        owner = EVERYWHERE if everywhere else (workspace_of(lake, workspace).name,)
        lake.hunting.stops.lift(owner, acting(), reason)
    note("hunts and the rules made of them run again")


def metrics(home: Home = None, workspace: WorkspaceName = None, output: Output = Listing.TABLE) -> None:
    """Print what hunting is worth: by all hunts, and by those of each origin."""
    from huntlake.hunting.metrics import FORMULA

    with opened(home) as lake:
        found = lake.hunting.packaging.figures((workspace_of(lake, workspace).name,))
    if output is Listing.JSON:
        print(json.dumps({"figures": {name: asdict(one) for name, one in found.items()}, "hours": FORMULA}, indent=2))
        return
    names = list(found)
    rows = [
        (key.replace("_", " "), *(_figure(asdict(found[name])[key]) for name in names)) for key in asdict(found["all"])
    ]
    show(["figure", *names], rows, output, set(names))
    note(FORMULA)


def _told(document: Document[HuntRun], output: Listing) -> None:
    run = document.value
    if output is Listing.JSON:
        from pydantic import TypeAdapter

        from huntlake.hunting.running.run import HuntRun

        print(json.dumps({"run": document.name, **TypeAdapter(HuntRun).dump_python(run, mode="json")}, indent=2))
        return
    judged = {o.signature: o.verdict.value for o in run.outcomes}
    rows = [
        (c.signature, f"{c.score:.2f}", c.rows, judged.get(c.signature) or c.known_good or None, _who(c), c.title)
        for c in run.clusters
    ]
    show(["cluster", "score", "rows", "verdict", "about", "what"], rows, output, {"score", "rows"})
    note(f"{document.name}: {run.status.value.replace('_', ' ')}, {run.rows:,} rows in {run.seconds:.2f} s")
    for said in (run.failure, *run.remarks):
        if said:
            note(said)


def _who(cluster: Cluster) -> list[str]:
    # A command line may fill screens; JSON has all of it.
    named = [
        f"{type} {value if len(value) <= _LONGEST else value[:_LONGEST] + '…'}" for type, value in cluster.entities[:3]
    ]
    return named + ([f"{len(cluster.entities) - 3} more"] if len(cluster.entities) > 3 else [])


def _figure(value: Any) -> str | int | None:
    if value is None or isinstance(value, int):
        return value
    return f"{value:.3g}" if value < 1 else f"{value:,.1f}"


def _at(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"`{text[:40]}` is no time, such as 2026-11-22T10:00") from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
