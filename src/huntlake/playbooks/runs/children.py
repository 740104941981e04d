"""Workflows that call workflows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from huntlake.core.errors import Busy, DomainError
from huntlake.playbooks.runs.records import Parent, PlaybookRun
from huntlake.playbooks.runs.service import Runs
from huntlake.playbooks.runs.starting import Start, definition_of
from huntlake.playbooks.runs.working import Awaited
from huntlake.state.documents import Document
from huntlake.wdl.definition.workflow import ActionType
from huntlake.wdl.runner.effects import Answer, Call

DEEPEST = 10
"""How many playbooks may call each other, one in the other."""


class Children:
    """Makes the calls of `Workflow` actions: the child is a run of its own, whose Response is waited for."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    def call(self, run: Document[PlaybookRun], call: Call, headers: Mapping[str, str]) -> Answer | Awaited:
        """Starts the child, once for each key."""
        inputs: Any = call.inputs if isinstance(call.inputs, dict) else {}
        host = inputs.get("host") or {}
        id = str((host.get("workflow") or {}).get("id") or "").rstrip("/")
        name = id.rpartition("/")[2]
        child = self._runs.workflows.find(name) if name else None
        if child is None or child.value.workspace != run.value.workspace:
            # A workflow of another workspace could do more than the people of this one may.
            return Answer(404, {}, _error("WorkflowNotFound", f"this workspace has no workflow `{name}`"))
        via = (*run.value.started_by.via, f"playbook {run.value.workflow.lower()}")
        if sum(v.startswith("playbook ") for v in via) > DEEPEST:
            return Answer(refused=f"playbooks that call each other more than {DEEPEST} deep are not supported")
        responds = any(a.type is ActionType.RESPONSE for a in definition_of(child.value.definition).all())
        given = inputs.get("headers") if isinstance(inputs.get("headers"), dict) else {}
        outputs = {"headers": {**given, **headers}, "body": inputs.get("body")}
        if inputs.get("queries"):
            outputs["queries"] = inputs["queries"]
        start = Start(
            outputs,
            replace(run.value.started_by, via=via),
            str(host.get("triggerName") or ""),
            f"{run.name}/{call.key}",
            run.value.begun or run.value.started,
            tracking_id=run.value.tracking_id,
            incident=run.value.incident,
            alert=run.value.alert,
            entity=run.value.entity,
            awaited=responds,
            parent=Parent(run.value.workflow, run.name, call.key) if responds else None,
        )
        try:
            made = self._runs.fire(child, start)
        except Busy as error:
            return Answer(429, {}, _error("TooManyRequests", str(error)))
        except DomainError as error:
            return Answer(400, {}, _error("BadRequest", str(error)))
        if not made:
            return Answer(400, {}, _error("TriggerConditionNotMet", f"the trigger of `{name}` didn't let it run"))
        if responds:
            return Awaited(f"child/{made[0].name}")
        return Answer(202, {"x-ms-workflow-run-id": made[0].name})


def _error(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}
