"""Triggers of workflows and their histories, as Azure Resource Manager shows them.

https://learn.microsoft.com/rest/api/logic/workflow-triggers
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from huntlake.api.arm.errors import ParentNotFound
from huntlake.api.arm.logic import OF_WORKFLOW, TYPE, of_workflow, refused, workflow_id
from huntlake.api.arm.resource import Bounds, Place, Resource
from huntlake.api.arm.wire import Moment, Part, read
from huntlake.api.arm.workflow_runs import Again, History, resubmitted, run_reference, runs_of, triggered
from huntlake.api.arm.workflow_runs import walked as runs_walked
from huntlake.api.arm.workspaces import Fixed, Shown
from huntlake.core.errors import Invalid, NotFound
from huntlake.identity.rights import Action
from huntlake.playbooks.addresses import KEYS
from huntlake.playbooks.runs.records import PlaybookRun
from huntlake.playbooks.runs.service import Wanted
from huntlake.playbooks.runs.starting import Start, definition_of
from huntlake.playbooks.workflows import Workflow, WorkflowState
from huntlake.state.documents import Document
from huntlake.state.records import Owner
from huntlake.wdl.definition.workflow import Trigger, TriggerType

OF_TRIGGER = f"{OF_WORKFLOW}/triggers/{{trigger}}"
_MOST = 10_000

_CALLED = frozenset({TriggerType.REQUEST, TriggerType.API_CONNECTION_WEBHOOK, TriggerType.HTTP_WEBHOOK})
_NAMES = re.compile(r"\{(\w+)\}")


class CallbackAsked(Part):
    """What an address is wanted for."""

    not_after: Moment | None = None
    key_type: str = ""


@dataclass(frozen=True)
class TriggerStore(History[Trigger]):
    """The triggers of the workflow that the path names."""

    place: Place

    def list(self, owner: Owner) -> Sequence[Document[Trigger]]:
        """All of them, in the order of the definition."""
        return [Document(t.name, t, "") for t in definition_of(workflow_of(self.place).value.definition).triggers]

    def get(self, owner: Owner, name: str) -> Document[Trigger]:
        """One of them."""
        found = next((d for d in self.list(owner) if d.name.lower() == name.lower()), None)
        if found is None:
            raise NotFound(f"no `{name}` is among the triggers")
        return found


class TriggerForm(History[Trigger]):
    """A trigger: when it set off a run last, and when it is to do so next."""

    def shown(self, place: Place, document: Document[Trigger]) -> dict[str, Any]:
        """The trigger's properties."""
        workflow = workflow_of(place)
        value = workflow.value
        hand = place.services.playbooks.times.hand(workflow.name, document.name)
        subscribed = place.services.playbooks.subscriptions.find(workflow.name, document.name)
        due = hand if hand is not None and not hand.over and value.state is WorkflowState.ENABLED else None
        properties: dict[str, Any] = {
            "provisioningState": "Succeeded",
            "createdTime": value.created,
            "changedTime": value.changed,
            "state": value.state.value,
            "lastExecutionTime": _last(place, document.name),
            "nextExecutionTime": due.next if due else None,
            "recurrence": document.value.recurrence,
            "huntlakeProblem": (hand.problem if hand else subscribed.problem if subscribed else "") or None,
            "workflow": {
                "id": f"{workflow_id(place, workflow.name)}/versions/{value.version}",
                "name": value.version,
                "type": f"{TYPE}/versions",
            },
        }
        return {"properties": {k: v for k, v in properties.items() if v is not None}}


@dataclass(frozen=True)
class HistoryStore(History[PlaybookRun]):
    """The occasions on which a trigger set off a run, the newest first: each has the name of its run."""

    place: Place

    def list(self, owner: Owner) -> Sequence[Document[PlaybookRun]]:
        """All of them."""
        trigger = trigger_of(self.place)
        found = runs_of(self.place).list(Wanted(workflow=self.place.names["workflow"]), most=_MOST).runs
        return [Document(d.name, d.value, "") for d in found if d.value.trigger.lower() == trigger.name.lower()]

    def get(self, owner: Owner, name: str) -> Document[PlaybookRun]:
        """One of them."""
        trigger = trigger_of(self.place)
        found = runs_of(self.place).get(self.place.names["workflow"], name)
        if found.value.trigger.lower() != trigger.name.lower():
            raise NotFound(f"no `{name}` is among the histories of the trigger")
        return Document(found.name, found.value, "")


def walked(place: Place, bounds: Bounds, after: str) -> Iterator[Document[PlaybookRun]]:
    """The occasions on which the trigger that the path names set off a run, the newest first, one after the other."""
    trigger = trigger_of(place).name.lower()
    # Whatever became of the run: an occasion that is remembered has succeeded.
    any_status = replace(bounds, statuses=frozenset())
    return (d for d in runs_walked(place, any_status, after) if d.value.trigger.lower() == trigger)


class HistoryForm(History[PlaybookRun]):
    """An occasion, and the run that it set off."""

    def shown(self, place: Place, document: Document[PlaybookRun]) -> dict[str, Any]:
        """The occasion's properties."""
        return {
            "properties": {**triggered(place, document), "fired": True, "run": run_reference(place, document)},
        }


def workflow_of(place: Place) -> Document[Workflow]:
    """The workflow that the path names."""
    return place.services.playbooks.workflows.get(place.names["workflow"])


def trigger_of(place: Place) -> Trigger:
    """The trigger that the path names; `ParentNotFound` where there is none."""
    try:
        return TriggerStore(place).get((), place.names["trigger"]).value
    except NotFound as error:
        raise ParentNotFound(str(error)) from None


def _last(place: Place, trigger: str) -> Any:
    found = runs_of(place).walk(Wanted(workflow=place.names["workflow"]))
    return next((d.value.started for d in islice(found, _MOST) if d.value.trigger.lower() == trigger.lower()), None)


def _run(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    type = TriggerStore(place).get((), name).value.type
    if type in (TriggerType.HTTP, TriggerType.API_CONNECTION) and not body:
        raise Invalid(f"asking at once is not supported by a trigger of the type `{type}`: give what it would answer")
    outputs: dict[str, Any] = {"body": body} if body else {}
    start = Start(outputs, place.author, name)
    made = runs_of(place).fire(workflow_of(place), start)
    return 202, {"value": [run_reference(place, run) for run in made]}


def _reset(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    trigger = TriggerStore(place).get((), name)
    if not place.services.playbooks.times.reset(place.names["workflow"], trigger.name):
        raise Invalid(f"the trigger `{trigger.name}` has nothing that could be reset: it was never due")
    return 200, None


def _schemas(place: Place) -> Fixed:
    trigger = trigger_of(place)
    inputs = trigger.inputs if isinstance(trigger.inputs, Mapping) else {}
    schema = inputs.get("schema") if trigger.type is TriggerType.REQUEST else None
    return Fixed(lambda: [] if schema is None else [("json", {"title": trigger.name, "content": json.dumps(schema)})])


def callback(place: Place, trigger: Trigger, asked: CallbackAsked) -> dict[str, Any]:
    """The address at which a trigger can be called, and its parts."""
    if trigger.type not in _CALLED:
        raise Invalid(f"the trigger `{trigger.name}` is of the type `{trigger.type}`: nobody calls it")
    if (key := asked.key_type.capitalize() or "Primary") not in (*KEYS, "Notspecified"):
        raise Invalid(f"a workflow has the keys {' and '.join(KEYS)}, and no `{asked.key_type[:40]}`")
    key = "Primary" if key == "Notspecified" else key
    inputs = trigger.inputs if isinstance(trigger.inputs, Mapping) else {}
    relative, method = str(inputs.get("relativePath") or ""), str(inputs.get("method") or "POST").upper()
    address = place.services.playbooks.addresses.of_trigger(
        place.names["workflow"], trigger.name, relative, method, key, asked.not_after
    )
    # As the caller reaches this server: it may be known by several names.
    path = f"{place.base_url}{address.path}"
    shown = {
        "value": f"{path}?{urlencode(address.queries)}",
        "method": address.method,
        "basePath": path,
        "queries": dict(address.queries),
    }
    if relative:
        shown |= {"relativePath": relative, "relativePathParameters": _NAMES.findall(relative)}
    return shown


def _callback(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    asked = read(CallbackAsked, body, "body")
    return 200, callback(place, TriggerStore(place).get((), name).value, asked)


def _callback_of_version(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    workflow = workflow_of(place)
    if place.names["version"].lower() != workflow.value.version.lower():
        raise Invalid("addresses of versions that are past are not supported: a call starts the present one")
    return _callback(place, name, body)


def _resubmit(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    return resubmitted(place, name, read(Again, body, "body"))


TRIGGERS: Resource[Trigger] = Resource(
    type=f"{TYPE}/triggers",
    path=f"{OF_WORKFLOW}/triggers",
    form=TriggerForm(),
    store=TriggerStore,
    read=Action.WATCH,
    in_workspace=False,
    workspace_of=of_workflow,
    filters=frozenset({"name", "properties/state"}),
    posts={
        "run": (Action.RUN, _run),
        "listCallbackUrl": (Action.RUN, _callback),
        "reset": (Action.RUN, _reset),
        "setState": (Action.RUN, refused("setState", "triggers here take no state from others")),
    },
)

SCHEMAS: Resource[Any] = Resource(
    type=f"{TYPE}/triggers/schemas",
    path=f"{OF_TRIGGER}/schemas",
    form=Shown(lambda _, schema: dict(schema)),
    store=_schemas,
    read=Action.WATCH,
    in_workspace=False,
    workspace_of=of_workflow,
)

HISTORIES: Resource[PlaybookRun] = Resource(
    type=f"{TYPE}/triggers/histories",
    path=f"{OF_TRIGGER}/histories",
    form=HistoryForm(),
    store=HistoryStore,
    walk=walked,
    read=Action.WATCH,
    in_workspace=False,
    workspace_of=of_workflow,
    filters=frozenset({"name", "properties/status", "properties/startTime", "properties/correlation/clientTrackingId"}),
    posts={"resubmit": (Action.RUN, _resubmit)},
)

OF_VERSION: Resource[Trigger] = Resource(
    type=f"{TYPE}/versions/triggers",
    path=f"{OF_WORKFLOW}/versions/{{version}}/triggers",
    form=TriggerForm(),
    store=TriggerStore,
    read=Action.WATCH,
    in_workspace=False,
    workspace_of=of_workflow,
    posts={"listCallbackUrl": (Action.RUN, _callback_of_version)},
    can_list=False,
)

RESOURCES: tuple[Resource[Any], ...] = (SCHEMAS, HISTORIES, TRIGGERS, OF_VERSION)
