"""`huntlake hunt`: look at hunts and their versions, decide about them, and say whether they run."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from huntlake.cli.hunter import acting
from huntlake.cli.listing import Listing, outline, show
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.screen import note, printable
from huntlake.core.errors import Invalid

if TYPE_CHECKING:
    from huntlake.detection.rules import EntityMapping
    from huntlake.hunting.lifecycle.hunt import GovernedHunt, HuntVersion
    from huntlake.state.documents import Document

Output = Annotated[Listing, typer.Option("--format", "--output", "-o", help="How to write the answer.")]
Name = Annotated[str, typer.Argument(metavar="HUNT", help="The hunt's name, or how it begins.")]
Number = Annotated[int, typer.Argument(metavar="VERSION", min=1, help="The number of a version.")]
Comment = Annotated[str, typer.Option("--comment", "-m", help="What there is to say about it.")]
Reason = Annotated[str, typer.Option("--reason", "-r", help="Why.")]


class DecisionName(StrEnum):
    """What is decided."""

    APPROVE = "approve"
    CHANGES = "changes"
    REFUSE = "refuse"


def list_(
    state: Annotated[str, typer.Option("--state", help="Only those in that state, such as `in_review`.")] = "",
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Output = Listing.TABLE,
) -> None:
    """List the hunts, what was changed last first."""
    from huntlake.hunting.lifecycle.states import HuntState

    if state and state not in set(HuntState):
        raise Invalid(f"there is no state `{state}`; there are {', '.join(HuntState)}")
    with opened(home) as lake:
        known = lake.hunting.hunts.list((workspace_of(lake, workspace).name,))
    _listed([d for d in known if state in ("", d.value.state)], output)


def queue(home: Home = None, workspace: WorkspaceName = None, output: Output = Listing.TABLE) -> None:
    """List what waits for a person's decision, the longest first."""
    with opened(home) as lake:
        known = lake.hunting.hunts.queue((workspace_of(lake, workspace).name,))
    _listed(known, output)


def show_(
    name: Name,
    number: Annotated[int | None, typer.Option("--version", min=1, help="That version, not the current one.")] = None,
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Output = Listing.TABLE,
) -> None:
    """Print what there is to know of a hunt and of one of its versions: all that a reviewer decides on."""
    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        document = lake.hunting.hunts.get(owner, name)
        version = lake.hunting.hunts.version(owner, name, number or document.value.current)
    story = _story(document, version)
    if output is Listing.JSON:
        print(json.dumps(story, indent=2))
        return
    outline(story)


def versions(name: Name, home: Home = None, workspace: WorkspaceName = None, output: Output = Listing.TABLE) -> None:
    """List the versions of a hunt, and what was decided about each."""
    with opened(home) as lake:
        hunt = lake.hunting.hunts.get((workspace_of(lake, workspace).name,), name).value
    rows = []
    for version in hunt.versions:
        said = [
            f"{r.decision.value} by {r.by.name or r.by.object_id}" for r in hunt.reviews if r.version == version.number
        ]
        state = hunt.state_of(version.number)
        rows.append(
            (
                version.number,
                state.value if state else "superseded",
                version.maker.value,
                version.author.name or version.author.object_id,
                _moment(version.made),
                version.content.hash[:12],
                "; ".join(said),
                version.note,
            )
        )
    headings = ["version", "state", "made by", "author", "time", "content", "decided", "note"]
    show(headings, rows, output, numbers={"version"})


def diff(
    name: Name,
    before: Number,
    after: Annotated[int | None, typer.Argument(metavar="[VERSION]", help="Another; else the current one.")] = None,
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Print what is different between two versions."""
    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        hunts = lake.hunting.hunts
        found = hunts.difference(owner, name, before, after or hunts.get(owner, name).value.current)
    if found.query:
        print(printable(found.query, keep="\n"))
    for one in found.changed:
        print(printable(f"{one.what}: {one.before or 'nothing'} → {one.after or 'nothing'}"))
    if found.is_none:
        note("nothing is different")


def new(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file with the query.")],
    title: Annotated[str, typer.Option("--title", "-t", help="What it is called.")],
    statement: Annotated[str, typer.Option("--statement", help="If that has happened, what can be seen where.")] = "",
    rationale: Annotated[str, typer.Option("--rationale", help="Why somebody thinks so.")] = "",
    technique: Annotated[list[str] | None, typer.Option("--technique", help="One of ATT&CK's, by its id.")] = None,
    entity: Annotated[
        list[str] | None,
        typer.Option("--entity", metavar="TYPE:IDENTIFIER=COLUMN", help="Of its rows: Host:HostName=Computer."),
    ] = None,
    every: Annotated[int | None, typer.Option("--every", metavar="MINUTES", min=5, help="How often it runs.")] = None,
    period: Annotated[int, typer.Option("--period", metavar="HOURS", min=1, help="How far it looks back.")] = 24,
    rows: Annotated[int, typer.Option("--rows", min=1, help="How many rows a day it may give.")] = 50,
    live: Annotated[
        list[str] | None, typer.Option("--live-watchlist", help="A watchlist that may change after it was approved.")
    ] = None,
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Begin a hunt of your own, and prove it."""
    from huntlake.hunting.hypotheses.hypothesis import Maker
    from huntlake.hunting.lifecycle.hunt import HuntContent, HuntLimits, HuntSchedule
    from huntlake.hunting.lifecycle.new_hunt import NewHunt

    schedule = HuntSchedule(timedelta(minutes=every) if every else None, timedelta(hours=period))
    limits, mapped = HuntLimits(rows_a_day=rows), _entities(entity or [])
    content = HuntContent(_query(file), (), schedule, limits, mapped, tuple(live or ()))
    made = NewHunt(title, statement, rationale, content, Maker.PERSON, techniques=tuple(technique or ()))
    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        name = lake.hunting.hunts.create(owner, made, acting()).name
        document = lake.hunting.hunts.prove(owner, name, acting())
    _proved(document, document.value.latest)


def edit(
    name: Name,
    file: Annotated[Path, typer.Option("--query", "-q", help="The file with the new query.")],
    live: Annotated[
        list[str] | None, typer.Option("--live-watchlist", help="A watchlist that may change after it was approved.")
    ] = None,
    comment: Comment = "",
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Make a new version with another query, and prove it. What runs goes on until the new one takes its place."""
    from dataclasses import replace

    query = _query(file)
    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        hunts = lake.hunting.hunts
        was = hunts.get(owner, name).value.latest
        lists = tuple(live) if live else was.content.live_watchlists
        content = replace(was.content, query=query, live_watchlists=lists)
        made = hunts.edit(owner, name, content, acting(), comment, current=was.number)
        made = hunts.prove(owner, made.name, acting())
    _proved(made, made.value.latest)


def repair(
    name: Name,
    apply: Annotated[bool, typer.Option("--apply", help="Make a new version of it, as a draft, and prove it.")] = False,
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Propose what would mend the query of the current version, by rule. The exit code is 1 where nothing is known."""
    from dataclasses import replace

    from huntlake.hunting.proof.showing import lines

    with opened(home) as lake:
        place, now = workspace_of(lake, workspace), lake.clock.now()
        hunts, prover = lake.hunting.hunts, lake.hunting.prover
        document = hunts.get((place.name,), name)
        was = document.value.latest
        found = prover.repair(place, was.content, prover.validate(place, was.content, now), now)
        if found is None:
            note("no repair is known, or none is needed")
            raise typer.Exit(1)
        for line in lines(found.repairs, was.content.query, "query"):
            print(printable(line))
        print(printable(found.query, keep="\n"))
        if not apply:
            note("proposed; it is valid" if found.is_whole else "proposed; more is wrong with it")
            return
        said = f"repaired as proposed: {', '.join(dict.fromkeys(f.code for f in found.repairs))}"
        content = replace(was.content, query=found.query)
        made = hunts.edit((place.name,), document.name, content, acting(), said, current=was.number)
        made = hunts.prove((place.name,), made.name, acting())
    _done(made)


def prove(
    name: Name,
    number: Annotated[int | None, typer.Option("--version", min=1, help="That version, not the current one.")] = None,
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Find out about a version again: whether it is valid, what it costs, what it gives."""
    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        made = lake.hunting.hunts.prove(owner, name, acting(), number=number)
    _proved(made, made.value.version(number) if number else made.value.latest)


def submit(name: Name, comment: Comment = "", home: Home = None, workspace: WorkspaceName = None) -> None:
    """Ask for a decision about the current version."""
    with opened(home) as lake:
        made = lake.hunting.hunts.submit((workspace_of(lake, workspace).name,), name, acting(), comment)
    _done(made)


def comment(
    name: Name,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What there is to say.")],
    number: Annotated[int | None, typer.Option("--version", min=1, help="Of that version.")] = None,
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Say something about a version."""
    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        lake.hunting.hunts.comment(owner, name, text, acting(), number)
    note("said")


def review(
    name: Name,
    decision: Annotated[DecisionName, typer.Argument(help="Approve, ask for changes, or refuse.")],
    comment: Comment = "",
    number: Annotated[int | None, typer.Option("--version", min=1, help="The version that was looked at.")] = None,
    content: Annotated[str, typer.Option("--content", metavar="HASH", help="The hash of what was looked at.")] = "",
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Decide about the current version, which somebody else must have written; say why with --comment."""
    from huntlake.hunting.lifecycle.hunt import Decision

    said = {
        DecisionName.APPROVE: Decision.APPROVED,
        DecisionName.CHANGES: Decision.CHANGES_REQUESTED,
        DecisionName.REFUSE: Decision.REJECTED,
    }[decision]
    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        made = lake.hunting.hunts.review(owner, name, said, acting(), comment, number, content or None)
    _done(made)


def schedule(name: Name, comment: Comment = "", home: Home = None, workspace: WorkspaceName = None) -> None:
    """Let an approved version run: as often as its schedule says, or when somebody asks."""
    with opened(home) as lake:
        made = lake.hunting.hunts.schedule((workspace_of(lake, workspace).name,), name, acting(), comment)
    _done(made)


def suspend(name: Name, reason: Reason = "", home: Home = None, workspace: WorkspaceName = None) -> None:
    """Stop what runs, until it is resumed."""
    with opened(home) as lake:
        made = lake.hunting.hunts.suspend((workspace_of(lake, workspace).name,), name, acting(), reason)
    _done(made)


def resume(name: Name, reason: Reason = "", home: Home = None, workspace: WorkspaceName = None) -> None:
    """Let what was suspended run again, after a fresh dry run, which this makes first."""
    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        hunts, by = lake.hunting.hunts, acting()
        hunt = hunts.get(owner, name).value
        hunts.prove(owner, name, by, number=hunt.runnable or hunt.current)
        made = hunts.resume(owner, name, by, reason)
    _done(made)


def retire(
    name: Name,
    reason: Reason = "",
    superseded_by: Annotated[str, typer.Option("--superseded-by", metavar="HUNT", help="What takes its place.")] = "",
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """End a hunt for ever. Everything about it is kept."""
    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        made = lake.hunting.hunts.retire(owner, name, acting(), reason, superseded_by)
    _done(made)


def rollback(
    name: Name,
    number: Annotated[int, typer.Option("--to", metavar="VERSION", min=1, help="The version to go back to.")],
    reason: Reason = "",
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Make a version like an earlier one. It runs at once if that very content's approval is still good."""
    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        made = lake.hunting.hunts.roll_back(owner, name, number, acting(), reason)
    _done(made)


def phase(
    number: Annotated[int | None, typer.Argument(metavar="[PHASE]", help="1, 2 or 3; without it, what it is.")] = None,
    reason: Reason = "",
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Output = Listing.TABLE,
) -> None:
    """Say how much is decided without a person: 1 nothing, 2 versions like many approved ones, 3 their schedule."""
    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        rollouts = lake.hunting.hunts.rollouts
        now = rollouts.of(owner) if number is None else rollouts.set(owner, number, acting(), reason)
    since = {"since": _moment(now.since), "by": now.actor.name if now.actor else "", "reason": now.reason}
    if output is Listing.JSON:
        print(json.dumps({"phase": now.phase, **since}, indent=2))
    else:
        told = f", since {since['since']} by {since['by']}: {since['reason']}" if now.since else ""
        print(printable(f"phase {now.phase}{told}"))


def _query(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{file} can't be read: {error}") from None


def _entities(given: list[str]) -> tuple[EntityMapping, ...]:
    """The mappings that are said as `TYPE:IDENTIFIER=COLUMN`, those of one type in a row as one."""
    from huntlake.detection.rules import EntityMapping, FieldMapping

    made: list[EntityMapping] = []
    for one in given:
        type, parted, rest = one.partition(":")
        identifier, equals, column = rest.partition("=")
        if not parted or not equals or not all((type, identifier, column)):
            raise Invalid(f"`{one[:100]}` isn't `TYPE:IDENTIFIER=COLUMN`, such as `Host:HostName=Computer`")
        field = FieldMapping(identifier, column)
        if made and made[-1].entity_type == type:
            made[-1] = EntityMapping(type, (*made[-1].field_mappings, field))
        else:
            made.append(EntityMapping(type, (field,)))
    return tuple(made)


def _listed(known: Any, output: Listing) -> None:
    rows = []
    for document in known:
        hunt: GovernedHunt = document.value
        latest = hunt.latest
        rows.append(
            (
                document.name,
                hunt.state.value,
                hunt.current,
                hunt.runnable or None,
                latest.maker.value,
                latest.author.name or latest.author.object_id,
                list(hunt.techniques),
                _moment(hunt.modified),
                hunt.title,
            )
        )
    headings = ["hunt", "state", "version", "runs", "made by", "author", "techniques", "changed", "title"]
    show(headings, rows, output, numbers={"version", "runs"})


def _story(document: Document[GovernedHunt], version: HuntVersion) -> dict[str, Any]:
    from huntlake.detection.durations import short

    hunt, content = document.value, version.content
    state, proof = hunt.state_of(version.number), version.proof
    run = proof.dry_run if proof else None
    return {
        "hunt": document.name,
        "title": hunt.title,
        "state": hunt.state.value,
        "reason": hunt.reason,
        "statement": hunt.statement,
        "rationale": hunt.rationale,
        "signals": list(hunt.signals),
        "techniques": list(hunt.techniques),
        "tables": list(hunt.tables),
        "version": version.number,
        "version_state": state.value if state else "superseded",
        "runs": hunt.runnable or None,
        "made_by": version.maker.value,
        "model": version.model,
        "author": version.author.name or version.author.object_id,
        "responsible": version.responsible,
        "made": _moment(version.made),
        "note": version.note,
        "content_hash": content.hash,
        "query": content.query,
        "parameters": dict(content.parameters),
        "explanation": [s.text for s in version.draft.explanation] if version.draft else [],
        "notice": version.draft.notice if version.draft else "",
        "frequency": f"every {short(every)}" if (every := content.schedule.frequency) else "when a person asks",
        "period": short(content.schedule.period),
        "limits": {
            "rows a day": content.limits.rows_a_day,
            "seconds": content.limits.seconds,
            "bytes": content.limits.read_bytes,
            "MiB": content.limits.memory_mib,
        },
        "live watchlists": list(content.live_watchlists),
        "entities": {e.entity_type: {f.identifier: f.column_name for f in e.field_mappings} for e in content.entities},
        "proved": _moment(proof.at) if proof else "",
        "findings": [f"{f.code} {f.level.value}: {f.reason}" for f in proof.findings] if proof else [],
        "bytes_at_most": proof.cost.bytes if proof and proof.cost else None,
        "rows_a_day": f"{proof.volume.a_day:.2g} ({proof.volume.low:.2g} to {proof.volume.high:.2g})"
        if proof and proof.volume
        else "",
        "dry_run": {
            "rows": run.rows,
            "since": _moment(run.since),
            "until": _moment(run.until),
            "entities": dict(run.entities),
            "failure": run.failure or run.limited,
        }
        if run
        else {},
        "reviews": [
            f"version {r.version}: {r.decision.value} by {r.by.name or r.by.object_id}, {_moment(r.at)}"
            + (f", until {_moment(r.expires)}" if r.expires else "")
            + f": {r.comment}"
            for r in hunt.reviews
        ],
        "comments": [
            f"version {c.version}: {c.by.name or c.by.object_id}, {_moment(c.at)}: {c.text}" for c in hunt.comments
        ],
        "rule": hunt.rule,
    }


def _proved(made: Document[GovernedHunt], version: HuntVersion) -> None:
    """Say what was found out about a version, and what became of its hunt."""
    from huntlake.hunting.proof.showing import lines

    for line in lines(version.proof.findings, version.content.query, "query") if version.proof else ():
        note(line)
    _done(made)


def _done(made: Document[GovernedHunt]) -> None:
    hunt = made.value
    why = f": {hunt.reason}" if hunt.reason else ""
    note(f"{made.name} {hunt.title}: version {hunt.current} is {hunt.state.value.replace('_', ' ')}{why}")


def _moment(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z") if at else ""
