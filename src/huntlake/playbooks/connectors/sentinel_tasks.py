"""Tasks of incidents, as Sentinel's connector makes and completes them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from huntlake.core.errors import Invalid
from huntlake.detection.incidents import (
    IncidentTask,
    TaskStatus,
    tasked,
)
from huntlake.identity.rights import Action
from huntlake.playbooks.answers import answer
from huntlake.playbooks.connectors import sentinel_shapes as shapes
from huntlake.playbooks.connectors.connector import Asked, Effect, Operation
from huntlake.playbooks.connectors.house import fields, name_for, wanted
from huntlake.playbooks.connectors.sentinel_house import SentinelHouse
from huntlake.state.documents import Document
from huntlake.state.records import Only
from huntlake.wdl.expressions.values import text
from huntlake.wdl.runner.effects import Answer
from huntlake.workspace.workspaces import Workspace

LONGEST_DESCRIPTION = 30_000


@dataclass(frozen=True)
class SentinelTasks(SentinelHouse):
    """Tasks of incidents."""

    def operations(self) -> tuple[Operation, ...]:
        """What can be asked of them."""
        write = Effect.WRITE
        return (
            Operation(
                "AddIncidentTask",
                "POST",
                "/Incidents/CreateTask",
                "Add a task to an incident.",
                write,
                self.task,
                self.would_task,
                atomic=True,
                known=self.task_again,
            ),
            Operation(
                "CompleteIncidentTask",
                "POST",
                "/Incidents/CompleteTask",
                "Mark a task as done.",
                write,
                self.complete,
                self.would_complete,
                atomic=True,
            ),
        )

    def task(self, asked: Asked) -> Answer:
        workspace, incident, task = self._task(asked)
        document, _ = self.incidents.tasks.put(
            (workspace.name, incident), name_for(asked), task, self.house.author(asked), Only(create=True), asked.done
        )
        return answer(shapes.task_shown(self.id_of(workspace, incident), document), 201)

    def would_task(self, asked: Asked) -> Answer:
        workspace, incident, task = self._task(asked)
        made = tasked(task, None, self.house.author(asked), asked.context.now)
        return answer(shapes.task_shown(self.id_of(workspace, incident), Document(name_for(asked), made, "")), 201)

    def task_again(self, asked: Asked) -> Answer:
        workspace, incident, _ = self._task(asked)
        document = self.incidents.tasks.get((workspace.name, incident), name_for(asked))
        return answer(shapes.task_shown(self.id_of(workspace, incident), document), 201)

    def _task(self, asked: Asked) -> tuple[Workspace, str, IncidentTask]:
        given = fields(asked, "incidentArmId", "taskTitle", "taskDescription")
        workspace, (name,) = self.house.resource(asked, Action.RESPOND, wanted(given, "incidentArmId"), "Incidents")
        incident = self.incidents.get((workspace.name,), name)
        title, description = text(wanted(given, "taskTitle")), text(given.get("taskDescription"))
        if len(title) > 1000 or len(description) > LONGEST_DESCRIPTION:
            raise Invalid("a task's title has at most 1,000 letters, and its description 30,000")
        return workspace, incident.name, IncidentTask(title, TaskStatus.NEW, description or None)

    def complete(self, asked: Asked) -> Answer:
        workspace, incident, name = self._completed(asked)
        document = self.incidents.tasks.change(
            (workspace.name, incident), name, _completed, self.house.author(asked), asked.done
        )
        return answer(shapes.task_shown(self.id_of(workspace, incident), document))

    def would_complete(self, asked: Asked) -> Answer:
        workspace, incident, name = self._completed(asked)
        task = self.incidents.tasks.get((workspace.name, incident), name)
        made = tasked(_completed(task.value), task.value, self.house.author(asked), asked.context.now)
        return answer(shapes.task_shown(self.id_of(workspace, incident), replace(task, value=made)))

    def _completed(self, asked: Asked) -> tuple[Workspace, str, str]:
        given = fields(asked, "taskArmId")
        workspace, (incident, task) = self.house.resource(
            asked, Action.RESPOND, wanted(given, "taskArmId"), "Incidents", "Tasks"
        )
        return workspace, incident, task


def _completed(task: IncidentTask) -> IncidentTask:
    return replace(task, status=TaskStatus.COMPLETED)
