"""Workflows: deployed definitions with the values of their parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import uuid4

from huntlake.core.clock import Clock
from huntlake.core.errors import Invalid
from huntlake.state.documents import Document, Shelf, Write
from huntlake.state.records import ALWAYS, Author, Change, Only, Records
from huntlake.wdl.definition.reading import InvalidDefinition, read

NOBODY = Author()
WORKFLOWS = ("playbooks",)
"""Whose records workflows are: names are unique in a resource group, and a server has one."""


class WorkflowState(StrEnum):
    """Whether triggers set a workflow off."""

    ENABLED = "Enabled"
    DISABLED = "Disabled"


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow (`Microsoft.Logic/workflows`)."""

    definition: Mapping[str, Any]
    workspace: str
    """Whose incidents set it off, and whose people may see and change it."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """The values of its parameters, by name, `$connections` among them; not those of secure ones."""
    sealed: Mapping[str, str] = field(default_factory=dict)
    """The values of secure parameters as JSON, each sealed for the purpose `workflow <name> <parameter>`."""
    state: WorkflowState = WorkflowState.ENABLED
    location: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    identity: str = ""
    """Object id of the principal of this server that its managed identity is; empty where it has none."""
    version: str = ""
    """New whenever definition or parameters change."""
    created: datetime | None = None
    changed: datetime | None = None
    changed_by: Author = NOBODY


@dataclass(frozen=True, slots=True)
class Version:
    """A workflow as it was: runs keep the version that they were started with."""

    definition: Mapping[str, Any]
    parameters: Mapping[str, Any]
    sealed: Mapping[str, str]
    at: datetime
    by: Author = NOBODY


class Workflows:
    """The workflows of a server, and all their versions."""

    def __init__(self, shelf: Shelf, clock: Clock) -> None:
        self._versions = Records(shelf, clock, "workflow versions", Version)
        self.records = Records(
            shelf, clock, "workflows", Workflow, _stamped, children=(self._versions,), also=self._kept
        )

    def all(self) -> list[Document[Workflow]]:
        """Every workflow, by name."""
        return self.records.list(WORKFLOWS)

    def get(self, name: str) -> Document[Workflow]:
        """The workflow of that name; `NotFound` where there is none."""
        return self.records.get(WORKFLOWS, name)

    def find(self, name: str) -> Document[Workflow] | None:
        """The workflow of that name, or None."""
        return self.records.find(WORKFLOWS, name)

    def put(
        self, name: str, workflow: Workflow, by: Author = NOBODY, only: Only = ALWAYS
    ) -> tuple[Document[Workflow], bool]:
        """Store a workflow, and say whether it is new. `Invalid` where its definition can't be read."""
        return self.records.put(WORKFLOWS, name, workflow, by, only)

    def version(self, name: str, version: str) -> Version:
        """A version of a workflow; `NotFound` where there is none."""
        return self._versions.get((*WORKFLOWS, name), version).value

    def versions(self, name: str) -> list[Document[Version]]:
        """Every version of a workflow, the newest first."""
        return sorted(self._versions.list((*WORKFLOWS, name)), key=lambda d: d.value.at, reverse=True)

    def delete(self, name: str, only: Only = ALWAYS, by: Author = NOBODY) -> bool:
        """Delete a workflow; False where there was none."""
        return self.records.delete(WORKFLOWS, name, only, by)

    def _kept(self, change: Change[Workflow]) -> Sequence[Write]:
        """What keeps a version that is new, together with its workflow."""
        before, now = change.before, change.after
        if now is None or (before is not None and before.version == now.version):
            return ()
        version = Version(now.definition, now.parameters, now.sealed, change.at, change.by)
        return self._versions.prepared((*change.owner, change.name), now.version, version, change.by, None)[1]


def _stamped(workflow: Workflow, before: Workflow | None, by: Author, now: datetime) -> Workflow:
    try:
        read(workflow.definition)
    except InvalidDefinition as error:
        raise Invalid(f"the definition can't be read: {error}") from None
    was = None if before is None else (before.definition, before.parameters, before.sealed)
    same = was == (workflow.definition, workflow.parameters, workflow.sealed)
    return replace(
        workflow,
        version=before.version if before and same else uuid4().hex,
        created=before.created if before else now,
        changed=now,
        changed_by=by,
    )
