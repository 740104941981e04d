"""What sets runs off, and what they begin with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid5

from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import Invalid, NotFound
from huntlake.playbooks.runs.effects import Journaled, Setting
from huntlake.playbooks.runs.records import Parent
from huntlake.playbooks.runs.securing import secured
from huntlake.playbooks.workflows import Version, Workflow, Workflows
from huntlake.state.documents import Document
from huntlake.state.records import Author
from huntlake.state.sealing import Seal
from huntlake.wdl.actions.local import Variables
from huntlake.wdl.definition.reading import read
from huntlake.wdl.definition.workflow import ActionType, Definition, Trigger
from huntlake.wdl.expressions.evaluator import Evaluator
from huntlake.wdl.expressions.values import Fault
from huntlake.wdl.functions import FUNCTIONS
from huntlake.wdl.runner.frames import Frame, RunScope
from huntlake.wdl.runner.records import HIDDEN_MESSAGE
from huntlake.wdl.runner.secrets import Hidden, hidden
from huntlake.wdl.runner.triggers import Fired, meets, split

_TICKS = 10_000_000
_LAST = 3_155_378_975_999_999_999
_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TRACKING = UUID("5b8a2c7e-2f0d-4a4c-9a0e-8b0f6a1d3c55")


@dataclass(frozen=True, slots=True)
class Start:
    """What sets a run off."""

    outputs: Any
    """What the trigger gives: an object with a `body`, and `headers` where there are any."""
    by: Author
    trigger: str = ""
    """The trigger's name; empty: the first one's."""
    key: str = ""
    """Names the occasion: one that is told twice sets off one run. Empty: each telling is an occasion of its own."""
    at: datetime | None = None
    """When the occasion was; a run's id follows from it, so it is the same when it is told again."""
    inputs: Any = None
    tracking_id: str = ""
    incident: str = ""
    alert: str = ""
    entity: str = ""
    awaited: bool = False
    """Whether somebody waits for the Response."""
    parent: Parent | None = None
    house: bool = False
    """Whether it was the server itself that told of the occasion: it can't be told to come back later."""


@dataclass(frozen=True)
class Kept:
    """A definition with the values of its parameters."""

    definition: Definition
    parameters: Mapping[str, Any]
    responds: bool = field(init=False)
    hidden: Hidden = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", hidden(self.definition))
        has = any(a.type is ActionType.RESPONSE for a in self.definition.all())
        object.__setattr__(self, "responds", has)


def run_id(at: datetime, key: str) -> str:
    """The id of the run of an occasion. Ids of later runs sort before those of earlier ones, as in the cloud."""
    number = int.from_bytes(sha256(key.encode()).digest()[:10])
    return first_id(at) + "".join(_LETTERS[number >> shift & 31] for shift in range(75, -5, -5))


def first_id(at: datetime) -> str:
    """How the ids of all runs of occasions at that time begin."""
    since = at.astimezone(UTC) - _BEGINNING
    ticks = (since.days * 86_400 + since.seconds) * _TICKS + since.microseconds * 10
    return f"{_LAST - ticks:020}"


def tracking_id(run: str) -> str:
    """The id under which a run is followed, where nobody gave one."""
    return str(uuid5(_TRACKING, run))


@lru_cache(maxsize=64)
def _definition(text: str) -> Definition:
    return read(json.loads(text))


def definition_of(body: Mapping[str, Any]) -> Definition:
    """The definition that JSON holds; read once for many runs."""
    return _definition(json.dumps(body))


def kept(name: str, version: Workflow | Version, seal: Seal) -> Kept:
    """A workflow with the values of its parameters. `Invalid` where one has none, `Unavailable` for a lost secret."""
    definition = definition_of(version.definition)
    given = {k.lower(): v for k, v in version.parameters.items()}
    sealed = {k.lower(): (k, v) for k, v in version.sealed.items()}
    values: dict[str, Any] = {}
    for parameter in definition.parameters.values():
        folded = parameter.name.lower()
        if folded in sealed:
            spelled, secret = sealed[folded]
            values[parameter.name] = json.loads(seal.open(secret, f"workflow {name} {spelled}"))
        elif folded in given:
            values[parameter.name] = given[folded]
        elif parameter.has_default:
            values[parameter.name] = parameter.default
    connections = next((v for n, v in values.items() if n.lower() == "$connections"), None)
    return Kept(secured(definition, connections), values)


@lru_cache(maxsize=64)
def kept_version(workflows: Workflows, name: str, version: str, seal: Seal) -> Kept:
    """A version of a workflow with the values of its parameters; read once for many runs: versions stay as they are.

    `NotFound` where there is none, `Invalid`, `Unavailable` for a lost secret.
    """
    return kept(name, workflows.version(name, version), seal)


def trigger_of(definition: Definition, name: str) -> Trigger:
    """The trigger of that name, or the first; `NotFound` where there is none."""
    for trigger in definition.triggers:
        if not name or trigger.name.lower() == name.lower():
            return trigger
    raise NotFound(f"the workflow has no trigger `{name}`" if name else "the workflow has no trigger")


def facts(name: str, workflow: Workflow, id: str, run: str) -> dict[str, Any]:
    """What `workflow()` gives in a run; `id` is the workflow's resource id."""
    type = "Microsoft.Logic/workflows"
    made = {"id": id, "name": name, "type": type, "location": workflow.location, "tags": dict(workflow.tags)}
    return made | {"run": {"id": f"{id}/runs/{run}", "name": run, "type": f"{type}/runs"}}


def inputs_of(
    trigger: Trigger,
    known: Kept,
    name: str,
    workflow: Workflow,
    id: str,
    at: datetime,
    callback: str = "",
    outputs: dict[str, Any] | None = None,
) -> Any:
    """What a trigger asks for, its templates evaluated. Raises `Invalid`.

    `callback` is the URL that sets it off, and `outputs` what was answered when it asked before.
    """
    effects = Journaled(f"{id}/{trigger.name}", at, Setting(), lambda key: callback)
    record = Fired(outputs, at, "").record(trigger) if outputs is not None else {}
    scope = RunScope(effects, Frame(), record, facts(name, workflow, id, ""), known.parameters, Variables(), {}, {})
    scope.of_trigger = True
    try:
        return Evaluator(FUNCTIONS, scope).value({"inputs": trigger.inputs, "recurrence": trigger.recurrence})
    except (SourceError, Fault) as error:
        raise _failed(trigger, known, error) from None


def _failed(trigger: Trigger, known: Kept, error: Exception) -> Invalid:
    why = HIDDEN_MESSAGE if known.hidden.triggers.get(trigger.name) else str(error)
    return Invalid(f"the trigger `{trigger.name}` failed: {why}")


def occasions(
    trigger: Trigger, known: Kept, workflow: Document[Workflow], id: str, start: Start, at: datetime
) -> list[Any]:
    """The outputs of each run that an occasion sets off: none where a condition isn't met. Raises `Invalid`."""
    if not trigger.conditions and trigger.split_on is None:
        return [start.outputs]
    fired = Fired(start.outputs, at, start.tracking_id, start.inputs)
    effects = Journaled(start.key, at, Setting(), lambda key: "")
    record = fired.record(trigger)
    said = facts(workflow.name, workflow.value, id, "")
    scope = RunScope(effects, Frame(), record, said, known.parameters, Variables(), {}, {})
    try:
        if not meets(trigger, scope):
            return []
        return list(split(trigger, start.outputs, scope))
    except (SourceError, Fault) as error:
        raise _failed(trigger, known, error) from None
