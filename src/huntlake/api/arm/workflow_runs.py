"""Runs of workflows, what their actions did, and what set them off, as Azure Resource Manager shows them.

https://learn.microsoft.com/rest/api/logic/workflow-runs
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from pydantic import Field

from huntlake.api.arm.contents import link
from huntlake.api.arm.errors import ParentNotFound
from huntlake.api.arm.logic import OF_WORKFLOW, TYPE, of_workflow, refused, workflow_id
from huntlake.api.arm.resource import Bounds, Place, Resource
from huntlake.api.arm.wire import Part, read
from huntlake.core.errors import Invalid, NotFound, Refused
from huntlake.identity.rights import Action
from huntlake.playbooks.masking import masked
from huntlake.playbooks.runs.records import ActionEntry, PlaybookRun, RunStatus
from huntlake.playbooks.runs.service import Runs, Wanted
from huntlake.playbooks.runs.starting import definition_of
from huntlake.state.documents import Document
from huntlake.state.records import ALWAYS, Author, Only, Owner
from huntlake.wdl.definition.workflow import Action as Defined
from huntlake.wdl.definition.workflow import ActionType

T = TypeVar("T")

OF_RUN = f"{OF_WORKFLOW}/runs/{{run}}"
OF_ACTION = f"{OF_RUN}/actions/{{action}}"
_MOST = 10_000
_SLACK = timedelta(seconds=1)
_LOOPS = frozenset({ActionType.FOREACH.value, ActionType.UNTIL.value})
_SCOPES = _LOOPS | {ActionType.SCOPE.value, ActionType.IF.value, ActionType.SWITCH.value}
_Place = tuple[tuple[str, int], ...]


class History(Generic[T]):
    """What has happened: it can be read, and nobody writes it."""

    def put(
        self, owner: Owner, name: str, value: T, by: Author = Author(), only: Only = ALWAYS
    ) -> tuple[Document[T], bool]:
        """What has happened isn't written."""
        raise Refused("what has happened can't be written")

    def delete(self, owner: Owner, name: str, only: Only = ALWAYS) -> bool:
        """What has happened isn't deleted."""
        raise Refused("what has happened can't be deleted")

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> T:
        """What has happened isn't written."""
        raise Refused("what has happened can't be written")


def runs_of(place: Place) -> Runs:
    """The runs of the server."""
    return place.services.playbooks.runs


def run_of(place: Place) -> Document[PlaybookRun]:
    """The run that the path names; `ParentNotFound` where there is none."""
    try:
        return runs_of(place).get(place.names["workflow"], place.names["run"])
    except NotFound as error:
        raise ParentNotFound(str(error)) from None


@dataclass(frozen=True)
class RunStore(History[PlaybookRun]):
    """The runs of the workflow that the path names, the newest first."""

    place: Place

    def list(self, owner: Owner) -> Sequence[Document[PlaybookRun]]:
        """All of them."""
        found = runs_of(self.place).list(Wanted(workflow=self.place.names["workflow"]), most=_MOST).runs
        return [Document(d.name, d.value, "") for d in found]

    def get(self, owner: Owner, name: str) -> Document[PlaybookRun]:
        """One of them."""
        found = runs_of(self.place).get(self.place.names["workflow"], name)
        return Document(found.name, found.value, "")


def walked(place: Place, bounds: Bounds, after: str) -> Iterator[Document[PlaybookRun]]:
    """The runs of the workflow that the path names, the newest first, one after the other."""
    known = {s.value.lower(): s for s in RunStatus}
    if not bounds.statuses <= known.keys():
        return
    wanted = Wanted(
        workflow=place.names["workflow"],
        statuses=frozenset(known[s] for s in bounds.statuses),
        # Times are shown less exactly than they are kept.
        since=bounds.since - _SLACK if bounds.since else None,
        until=bounds.until + _SLACK if bounds.until else None,
    )
    for found in runs_of(place).walk(wanted, after):
        yield Document(found.name, found.value, "")


class RunForm(History[PlaybookRun]):
    """A run: how far it is, what set it off, and why it failed."""

    def shown(self, place: Place, document: Document[PlaybookRun]) -> dict[str, Any]:
        """The run's properties."""
        run, id = document.value, document.name
        workflow = workflow_id(place, run.workflow)
        properties: dict[str, Any] = {
            "waitEndTime": run.begun,
            "startTime": run.started,
            "endTime": run.ended,
            "status": run.status.value,
            "code": run.code or None,
            "error": error_of(run.code, run.error),
            "correlation": {"clientTrackingId": run.tracking_id},
            "workflow": {
                "id": f"{workflow}/versions/{run.version}",
                "name": run.version,
                "type": f"{TYPE}/versions",
            },
            "trigger": {"name": run.trigger, "originHistoryName": id, **triggered(place, document)},
            "outputs": {},
            "huntlakeStartedBy": {"objectId": run.started_by.object_id, "name": run.started_by.name},
            "huntlakeIncident": run.incident or None,
            "huntlakeAlert": run.alert or None,
            "huntlakeResubmitOf": run.origin.run if run.origin else None,
        }
        if run.response:
            properties["response"] = {"code": str(run.response), "status": "Succeeded"}
        return {"properties": {k: v for k, v in properties.items() if v is not None}}


def triggered(place: Place, run: Document[PlaybookRun]) -> dict[str, Any]:
    """What set a run off, as runs and trigger histories tell it; what is secret has no link."""
    value = run.value
    said: dict[str, Any] = {
        "startTime": value.started,
        "endTime": value.started,
        "status": "Succeeded",
        "trackingId": value.tracking_id,
        "correlation": {"clientTrackingId": value.tracking_id},
    }
    if not value.secret_trigger:
        said["outputsLink"] = link(place, run, "trigger/outputs")
    return said


@dataclass(frozen=True)
class Acted:
    """An action of a run, in all rounds of the loops around it, with the numbers of its entries."""

    entries: Sequence[tuple[int, ActionEntry]]

    @property
    def alone(self) -> tuple[int, ActionEntry] | None:
        """The entry of an action that no loop holds."""
        number, entry = self.entries[0]
        return None if entry.place else (number, entry)


@dataclass(frozen=True)
class ActionStore(History[Acted]):
    """The actions of the run that the path names."""

    place: Place

    def list(self, owner: Owner) -> Sequence[Document[Acted]]:
        """Those that have begun, in the order in which they did."""
        found: dict[str, list[tuple[int, ActionEntry]]] = {}
        for number, entry in runs_of(self.place).actions(run_of(self.place).name):
            found.setdefault(entry.name, []).append((number, entry))
        return [Document(name, Acted(entries), "") for name, entries in found.items()]

    def get(self, owner: Owner, name: str) -> Document[Acted]:
        """One of them."""
        found = runs_of(self.place).actions(run_of(self.place).name, name)
        if not found:
            raise NotFound(f"no `{name}` is among the actions of the run")
        return Document(found[0][1].name, Acted(found), "")


class ActionForm(History[Acted]):
    """An action: one within loops tells how it went in all rounds, and its repetitions how in each."""

    def shown(self, place: Place, document: Document[Acted]) -> dict[str, Any]:
        """The action's properties."""
        acted = document.value
        if acted.alone is not None:
            return {"properties": told(place, run_of(place), *acted.alone)}
        entries = [entry for _, entry in acted.entries]
        statuses = {entry.status for entry in entries}
        order = ("Running", "Waiting", "Failed", "TimedOut", "Cancelled", "Succeeded", "Skipped")
        return {
            "properties": {
                "startTime": _at(min(e.started for e in entries)),
                "endTime": _at(max(e.ended for e in entries)),
                "status": next((s for s in order if s in statuses), entries[0].status),
                "code": "NotSpecified",
                "repetitionCount": len(entries),
                "correlation": {"clientTrackingId": run_of(place).value.tracking_id},
            }
        }


@dataclass(frozen=True)
class Round:
    """What an action did in one round of the loops around it; for a loop itself, one of its rounds."""

    place: _Place
    number: int
    entry: ActionEntry | None = None
    started: str = ""
    ended: str = ""
    status: str = ""


@dataclass(frozen=True)
class RepetitionStore(History[Round]):
    """The repetitions of the action that the path names: of scopes and loops, or of all others."""

    place: Place
    scopes: bool

    def list(self, owner: Owner) -> Sequence[Document[Round]]:
        """All of them, in order."""
        run, name = run_of(self.place), self.place.names["action"]
        everything = runs_of(self.place).actions(run.name)
        own = [(n, e) for n, e in everything if e.name.lower() == name.lower()]
        if not own:
            raise ParentNotFound(f"no `{name}` is among the actions of the run")
        kind = own[0][1].type
        if (kind in _SCOPES) is not self.scopes:
            return []
        if kind in _LOOPS:
            found = _rounds(self.place, run, own[0][1].name, everything)
        else:
            found = [Round(e.place, n, e) for n, e in own if e.place]
        return [Document(repetition(r.place), r, "") for r in sorted(found, key=lambda r: [i for _, i in r.place])]

    def get(self, owner: Owner, name: str) -> Document[Round]:
        """One of them."""
        found = next((d for d in self.list(owner) if d.name == name), None)
        if found is None:
            raise NotFound(f"no `{name}` is among the repetitions of the action")
        return found


class RepetitionForm(History[Round]):
    """What an action did in one round."""

    def shown(self, place: Place, document: Document[Round]) -> dict[str, Any]:
        """The properties of the round."""
        round, run = document.value, run_of(place)
        indexes = [{"scopeName": loop, "itemIndex": index} for loop, index in round.place]
        if round.entry is not None:
            return {"properties": {**told(place, run, round.number, round.entry), "repetitionIndexes": indexes}}
        properties = {
            "startTime": _at(round.started),
            "endTime": _at(round.ended),
            "status": round.status,
            "code": "NotSpecified",
            "correlation": {"clientTrackingId": run.value.tracking_id},
            "repetitionIndexes": indexes,
        }
        return {"properties": {k: v for k, v in properties.items() if v is not None}}


def repetition(place: _Place) -> str:
    """The name of a repetition: the round of each loop around, the outermost first."""
    return "-".join(f"{index:06}" for _, index in place)


def told(place: Place, run: Document[PlaybookRun], number: int, entry: ActionEntry) -> dict[str, Any]:
    """What an entry tells of an action. What is secret has no link."""
    properties: dict[str, Any] = {
        "startTime": _at(entry.started),
        "endTime": _at(entry.ended),
        "status": entry.status,
        "code": entry.code or None,
        "error": error_of(entry.code, entry.error),
        "trackingId": entry.tracking_id or None,
        "correlation": {"actionTrackingId": entry.tracking_id, "clientTrackingId": run.value.tracking_id},
        "trackedProperties": masked(dict(entry.tracked)) or None,
        "huntlakeAttempts": entry.attempts or None,
    }
    for part in ("inputs", "outputs"):
        if part not in entry.hidden and (part in entry.apart or getattr(entry, part) is not None):
            properties[f"{part}Link"] = link(place, run, f"{number}/{part}", getattr(entry, part))
    return {k: v for k, v in properties.items() if v is not None}


def error_of(code: str, message: str) -> dict[str, str] | None:
    """An error as the history shows it; None where there is none."""
    return {"code": code, "message": masked(message)} if message else None


def _rounds(
    place: Place, run: Document[PlaybookRun], loop: str, everything: Iterable[tuple[int, ActionEntry]]
) -> list[Round]:
    """The rounds of a loop: the actions in it are told, and from them follows how each round went."""
    rounds: dict[_Place, dict[str, ActionEntry]] = {}
    for _, entry in everything:
        if entry.place and entry.place[-1][0].lower() == loop.lower():
            rounds.setdefault(entry.place, {})[entry.name.lower()] = entry
    version = place.services.playbooks.workflows.version(run.value.workflow, run.value.version)
    held = next(a for a in definition_of(version.definition).all() if a.name.lower() == loop.lower()).actions
    return [
        Round(
            where,
            number,
            None,
            min(e.started for e in entries.values()),
            max(e.ended for e in entries.values()),
            _came_of(held, entries),
        )
        for number, (where, entries) in enumerate(rounds.items())
    ]


def _at(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _came_of(actions: Sequence[Defined], entries: Mapping[str, ActionEntry]) -> str:
    """How a round went: its last actions tell, and in place of one that was skipped those before it."""
    by_name = {a.name.lower(): a for a in actions}
    followed = {name.lower() for a in actions for name in a.run_after}
    pending, statuses = [n for n in by_name if n not in followed], set()
    seen: set[str] = set()
    while pending:
        name = pending.pop()
        if name in seen or name not in by_name:
            continue
        seen.add(name)
        entry = entries.get(name)
        if entry is None:
            statuses.add("Running")
        elif entry.status == "Skipped":
            pending += [n.lower() for n in by_name[name].run_after]
        else:
            statuses.add(entry.status)
    return next((s for s in ("Running", "Failed", "TimedOut", "Cancelled") if s in statuses), "Succeeded")


class Again(Part):
    """How a run is done again."""

    actions: tuple[str, ...] = Field((), max_length=500)
    """From which actions on; none: from the beginning."""
    present_definition: bool = False


def resubmitted(place: Place, run: str, again: Again) -> tuple[int, object]:
    """Do a run again, and tell of the new one."""
    made = runs_of(place).resubmit(
        place.names["workflow"], run, place.author, again.actions, present=again.present_definition
    )
    return 202, run_reference(place, made)


def run_reference(place: Place, run: Document[PlaybookRun]) -> dict[str, str]:
    """A run as others name it."""
    return {
        "id": f"{workflow_id(place, run.value.workflow)}/runs/{run.name}",
        "name": run.name,
        "type": f"{TYPE}/runs",
    }


def _cancel(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    runs_of(place).cancel(place.names["workflow"], name, place.author)
    return 200, None


def _resubmit(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    return resubmitted(place, name, read(Again, body, "body"))


def _requests(place: Place) -> RepetitionStore:
    raise Invalid("`requestHistories` are not supported: what an action asked and was answered is in its links")


_TRACES = (Action.WATCH, refused("listExpressionTraces", "what expressions gave is not kept"))


RUNS: Resource[PlaybookRun] = Resource(
    type=f"{TYPE}/runs",
    path=f"{OF_WORKFLOW}/runs",
    form=RunForm(),
    store=RunStore,
    walk=walked,
    read=Action.WATCH,
    in_workspace=False,
    workspace_of=of_workflow,
    filters=frozenset(
        {
            "name",
            "properties/status",
            "properties/startTime",
            "properties/endTime",
            "properties/code",
            "properties/correlation/clientTrackingId",
            "properties/trigger/name",
            "properties/huntlakeIncident",
        }
    ),
    posts={"cancel": (Action.RUN, _cancel), "resubmit": (Action.RUN, _resubmit)},
)

ACTIONS: Resource[Acted] = Resource(
    type=f"{TYPE}/runs/actions",
    path=f"{OF_RUN}/actions",
    form=ActionForm(),
    store=ActionStore,
    read=Action.WATCH,
    in_workspace=False,
    workspace_of=of_workflow,
    filters=frozenset({"name", "properties/status", "properties/startTime", "properties/endTime", "properties/code"}),
    posts={"listExpressionTraces": _TRACES},
)


def _repetitions(name: str, scopes: bool) -> Resource[Round]:
    return Resource(
        type=f"{TYPE}/runs/actions/{name}",
        path=f"{OF_ACTION}/{name}",
        form=RepetitionForm(),
        store=lambda place: RepetitionStore(place, scopes),
        read=Action.WATCH,
        in_workspace=False,
        workspace_of=of_workflow,
        filters=frozenset({"name", "properties/status"}),
        posts={"listExpressionTraces": _TRACES},
    )


REPETITIONS = _repetitions("repetitions", False)
SCOPE_REPETITIONS = _repetitions("scopeRepetitions", True)

REQUESTS: tuple[Resource[Any], ...] = tuple(
    Resource(
        type=f"{TYPE}/runs/actions{above}/requestHistories",
        path=f"{OF_ACTION}{above}{'/{repetition}' if above else ''}/requestHistories",
        form=RepetitionForm(),
        store=_requests,
        read=Action.WATCH,
        in_workspace=False,
        workspace_of=of_workflow,
    )
    for above in ("", "/repetitions")
)

RESOURCES: tuple[Resource[Any], ...] = (*REQUESTS, REPETITIONS, SCOPE_REPETITIONS, ACTIONS, RUNS)
