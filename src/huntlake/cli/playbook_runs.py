"""`huntlake playbook run`, `runs`, `show` and what else is done with workflows and their runs."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.screen import note, printable
from huntlake.core.errors import Invalid, NotFound

if TYPE_CHECKING:
    from huntlake.app import App
    from huntlake.playbooks.runs.records import ActionEntry, PlaybookRun
    from huntlake.state.documents import Document
    from huntlake.state.records import Author

Output = Annotated[Listing, typer.Option("--output", "-o", help="How to write the answer.")]
Name = Annotated[str, typer.Argument(metavar="PLAYBOOK", help="Its name, as `playbook list` shows it.")]
RunId = Annotated[
    str, typer.Argument(metavar="RUN", help="Its id, or the beginning of it, as `playbook runs` shows it.")
]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Only ask for it: a server runs it, now or when it begins.")]


class Key(StrEnum):
    """One of the two keys that a workflow's addresses are signed with."""

    PRIMARY = "Primary"
    SECONDARY = "Secondary"


def list_(workspace: WorkspaceName = None, home: Home = None, output: Output = Listing.TABLE) -> None:
    """List the playbooks of a workspace."""
    from huntlake.playbooks.runs.service import Wanted
    from huntlake.playbooks.runs.starting import definition_of

    with opened(home) as lake:
        place = workspace_of(lake, workspace).name
        rows = []
        for workflow in lake.playbooks.workflows.all():
            if workflow.value.workspace != place:
                continue
            definition = definition_of(workflow.value.definition)
            last = lake.playbooks.runs.list(Wanted(workflow.name), most=1).runs
            triggers = ", ".join(t.type.value for t in definition.triggers)
            count = sum(1 for _ in definition.all())
            status, at = (last[0].value.status.value, _time(last[0].value.started)) if last else ("", "")
            rows.append((workflow.name, workflow.value.state.value, triggers, count, status, at))
    show(["playbook", "state", "triggers", "actions", "last run", "at"], rows, output, ["actions"])


def show_(name: Name, home: Home = None) -> None:
    """Show a playbook as JSON: its definition, and the values of its parameters that aren't secret."""
    with opened(home) as lake:
        found = lake.playbooks.workflows.get(name)
        value = found.value
        said = {
            "name": found.name,
            "workspace": value.workspace,
            "state": value.state.value,
            "version": value.version,
            "changed": value.changed.isoformat() if value.changed else None,
            "definition": value.definition,
            "parameters": {**value.parameters, **dict.fromkeys(value.sealed, "(secret)")},
        }
    print(json.dumps(said, indent=2, default=str))


def run(
    name: Name,
    incident: Annotated[str | None, typer.Option(metavar="N", help="Run it on this incident: number or name.")] = None,
    alert: Annotated[str | None, typer.Option(metavar="ID", help="Run it on this alert.")] = None,
    entity: Annotated[str | None, typer.Option(metavar="ID", help="Run it on this entity of the incident.")] = None,
    payload: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON: the body that sets it off; `-` reads standard input.")
    ] = None,
    trigger: Annotated[str, typer.Option(metavar="NAME", help="Its trigger, where it has several.")] = "",
    no_wait: NoWait = False,
    workspace: WorkspaceName = None,
    home: Home = None,
    output: Output = Listing.TABLE,
) -> None:
    """Run a playbook, and show what its actions do until it ends.

    Where a server runs in the same folder, it executes the run; else this command does.
    """
    from huntlake.playbooks.runs.starting import Start

    if sum(x is not None for x in (incident, alert, payload)) > 1 or (entity and not incident):
        raise Invalid("give one of --incident, --alert and --payload; --entity goes with --incident")
    with opened(home) as lake, _executing(lake, no_wait):
        found, place, house = lake.playbooks.workflows.get(name), workspace, lake.playbooks.house
        owner = workspace_of(lake, place or found.value.workspace).name
        if incident is not None:
            one = _incident(lake, owner, incident)
            if entity:
                runs = house.on_entity(found, owner, one, entity, _me())
            else:
                runs = house.on_incident(found, owner, one, _me())
        elif alert is not None:
            runs = house.on_alert(found, owner, alert, _me())
        else:
            body = _json(payload) if payload else None
            outputs = {} if body is None else {"headers": {}, "body": body}
            runs = lake.playbooks.runs.fire(found, Start(outputs, _me(), trigger))
        if not runs:
            note("the trigger's conditions aren't met: nothing runs")
        failed = [r for r in runs if not _followed(lake, r, no_wait, output)]
    if failed:
        raise typer.Exit(1)


def runs(
    name: Annotated[str, typer.Argument(metavar="[PLAYBOOK]", help="Only its runs.")] = "",
    status: Annotated[
        list[str] | None,
        typer.Option(metavar="STATUS", help="Running, Waiting, Succeeded, Failed, Cancelled, TimedOut."),
    ] = None,
    incident: Annotated[str | None, typer.Option(metavar="N", help="About this incident: number or name.")] = None,
    since: Annotated[datetime | None, typer.Option(help="Started then or later, in UTC.")] = None,
    text: Annotated[str, typer.Option("--search", metavar="TEXT", help="In ids, triggers and errors.")] = "",
    most: Annotated[int, typer.Option("--limit", min=1, help="How many, the newest first.")] = 50,
    workspace: WorkspaceName = None,
    home: Home = None,
    output: Output = Listing.TABLE,
) -> None:
    """List the runs of playbooks, the newest first."""
    from datetime import UTC

    from huntlake.playbooks.runs.service import Wanted

    with opened(home) as lake:
        place = workspace_of(lake, workspace).name
        wanted = Wanted(
            lake.playbooks.workflows.get(name).name if name else "",
            frozenset({place}),
            frozenset(map(_status, status or ())),
            since.replace(tzinfo=UTC) if since else None,
            None,
            _incident(lake, place, incident) if incident else "",
            text,
        )
        page = lake.playbooks.runs.list(wanted, most=most)
    rows = [
        (d.name, d.value.workflow, d.value.status.value, _time(d.value.started), _took(d.value), d.value.error)
        for d in page.runs
    ]
    show(["run", "playbook", "status", "started", "took", "error"], rows, output)
    if page.next:
        note("there are more: a larger --limit shows them")


def history(
    run: RunId,
    action: Annotated[
        str, typer.Option("--action", "-a", metavar="NAME", help="All that is known of one action, as JSON.")
    ] = "",
    home: Home = None,
    output: Output = Listing.TABLE,
) -> None:
    """Show what each action of a run did."""
    from dataclasses import asdict

    with opened(home) as lake:
        found, known = _run(lake, run), lake.playbooks.runs
        entries = known.actions(found.name, action)
        if action:
            whole = [known.history.whole(found.name, n, e) for n, e in entries]
            if not whole:
                raise NotFound(f"the run has no action `{action}`")
            print(json.dumps([asdict(e) for e in whole], indent=2, default=str))
            return
        value = found.value
        note(f"{value.workflow} {found.name}: {value.status}{f', {value.error}' if value.error else ''}")
    rows = [(e.key, e.type, e.status, e.code, _span(e.started, e.ended), e.attempts or "", e.error) for _, e in entries]
    show(["action", "type", "status", "code", "took", "tries", "error"], rows, output)
    if value.left_off:
        note(f"{value.left_off:,} more are not kept")


def cancel(run: RunId, home: Home = None) -> None:
    """Call off a run. What it does at this moment is waited for."""
    with opened(home) as lake, _executing(lake, False):
        found = _run(lake, run)
        lake.playbooks.runs.cancel(found.value.workflow, found.name, _me())
        ended = lake.playbooks.runs.wait(found.value.workflow, found.name, 150)
        note(f"the run {found.name} is {ended.value.status}")


def resubmit(
    run: RunId,
    action: Annotated[
        list[str] | None,
        typer.Option("--from", metavar="ACTION", help="From this action on; several may be given."),
    ] = None,
    present: Annotated[bool, typer.Option("--present", help="With the definition of today, not that of then.")] = False,
    no_wait: NoWait = False,
    home: Home = None,
    output: Output = Listing.TABLE,
) -> None:
    """Do a run again, from its beginning or from some action on."""
    with opened(home) as lake, _executing(lake, no_wait):
        found = _run(lake, run)
        known = lake.playbooks.runs
        again = known.resubmit(found.value.workflow, found.name, _me(), action or (), present=present)
        well = _followed(lake, again, no_wait, output)
    if not well:
        raise typer.Exit(1)


def enable(name: Name, home: Home = None) -> None:
    """Let a playbook's triggers set it off."""
    from huntlake.playbooks.workflows import WorkflowState

    with opened(home) as lake:
        lake.playbooks.runs.set_state(name, WorkflowState.ENABLED, _me())
        note(f"{name} is enabled")


def disable(name: Name, home: Home = None) -> None:
    """Have a playbook not be set off any more. Runs that have begun go on."""
    from huntlake.playbooks.workflows import WorkflowState

    with opened(home) as lake:
        lake.playbooks.runs.set_state(name, WorkflowState.DISABLED, _me())
        note(f"{name} is disabled")


def delete(name: Name, home: Home = None) -> None:
    """Delete a playbook, with its identity and the history of its runs; those that go on are called off."""
    with opened(home) as lake, _executing(lake, False):
        if not lake.playbooks.identities.delete(name, by=_me()):
            raise NotFound(f"there is no playbook `{name}`")
        note(f"{name} is deleted")


def callback_url(
    name: Name,
    trigger: Annotated[str, typer.Option(metavar="NAME", help="Its trigger, where it has several.")] = "",
    regenerate: Annotated[
        Key | None, typer.Option(help="Make this key anew first: addresses signed with the old one end.")
    ] = None,
    home: Home = None,
) -> None:
    """Print the signed address that sets a playbook off. Whoever has it may do so."""
    from huntlake.playbooks.runs.starting import definition_of, trigger_of
    from huntlake.wdl.definition.workflow import TriggerType

    with opened(home) as lake:
        found = lake.playbooks.workflows.get(name)
        known = trigger_of(definition_of(found.value.definition), trigger)
        if known.type is not TriggerType.REQUEST:
            raise Invalid(f"the trigger `{known.name}` is of the type `{known.type}`: it isn't called")
        if regenerate is not None:
            lake.playbooks.addresses.regenerate(found.name, regenerate.value, _me())
        inputs: Any = known.inputs if isinstance(known.inputs, dict) else {}
        relative, method = str(inputs.get("relativePath") or ""), str(inputs.get("method") or "POST").upper()
        print(lake.playbooks.addresses.of_trigger(found.name, known.name, relative, method).url)


def export(run: RunId, home: Home = None) -> None:
    """Print all that is known of a run, as JSON. What is secret is not in it."""
    with opened(home) as lake:
        print(json.dumps(lake.playbooks.runs.export(_run(lake, run)), indent=2, default=str))


# -- parts ----------------------------------------------------------------------------


@contextmanager
def _executing(lake: App, no_wait: bool) -> Iterator[None]:
    """Executes runs here, unless a server of this folder does."""
    if no_wait:
        yield
        return
    with lake.playbooks.worker.executing():
        yield


def _followed(lake: App, run: Document[PlaybookRun], no_wait: bool, output: Listing) -> bool:
    """Shows what a run does until it ends; whether it went well."""
    from huntlake.core.errors import TimedOut
    from huntlake.playbooks.runs.records import RunStatus

    if no_wait:
        print(run.name)
        return True
    note(f"{run.value.workflow} {run.name}")
    known, told, waits = lake.playbooks.runs, dict[int, str](), False
    while True:
        try:
            ended = known.wait(run.value.workflow, run.name, 1.0)
        except TimedOut:
            ended = None
        entries = known.actions(run.name)
        for number, entry in entries:
            if told.get(number) != entry.status:
                told[number] = entry.status
                if output is Listing.TABLE:
                    _line(entry)
        if ended is not None:
            break
        if not waits and any(e.status == "Running" and e.type.endswith("Webhook") for _, e in entries):
            waits = True
            note("it waits for an answer; Ctrl-C leaves it waiting")
    value = ended.value
    if output is Listing.JSON:
        print(json.dumps(known.export(ended), indent=2, default=str))
    else:
        note(f"{value.status} after {_took(value)}{f': {value.error}' if value.error else ''}")
    return value.status is RunStatus.SUCCEEDED


def _line(entry: ActionEntry) -> None:
    error = f"  {entry.code}: {entry.error}" if entry.error else ""
    print(printable(f"{entry.status:<10} {entry.key} ({entry.type}){error}"), flush=True)


def _run(lake: App, id: str) -> Document[PlaybookRun]:
    runs = lake.playbooks.runs
    if (found := runs.find(id)) is not None:
        return found
    fitting = runs.beginning(id)
    if len(fitting) != 1:
        raise NotFound(f"no run is named `{id}`" if not fitting else f"{len(fitting)} runs begin with `{id}`")
    return fitting[0]


def _incident(lake: App, workspace: str, given: str) -> str:
    incidents = lake.detection.incidents
    found = incidents.numbered((workspace,), int(given)) if given.isdecimal() else incidents.get((workspace,), given)
    return found.name


def _status(text: str) -> Any:
    from huntlake.playbooks.runs.records import RunStatus

    known = {s.value.lower(): s for s in RunStatus}
    if text.lower() not in known:
        raise Invalid(f"a run is never `{text}`: it is {', '.join(s.value for s in RunStatus)}")
    return known[text.lower()]


def _json(file: Path) -> Any:
    import sys

    try:
        return json.loads(sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Invalid(f"{file} can't be read as JSON: {error}") from None


def _me() -> Author:
    from huntlake.state.records import Author

    return Author(name=getpass.getuser())


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else ""


def _took(run: PlaybookRun) -> str:
    return _seconds((run.ended - run.started).total_seconds()) if run.ended else ""


def _span(started: str, ended: str) -> str:
    if not ended:
        return ""
    return _seconds((datetime.fromisoformat(ended) - datetime.fromisoformat(started)).total_seconds())


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
