"""What the resources of Sentinel have in common: incidents, and how they are found and shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from huntlake.core.errors import Invalid, NotFound
from huntlake.detection.incidents import (
    Incident,
    stamped,
)
from huntlake.identity.rights import Action
from huntlake.playbooks.answers import answer
from huntlake.playbooks.connectors import sentinel_shapes as shapes
from huntlake.playbooks.connectors.connector import Asked
from huntlake.playbooks.connectors.house import House
from huntlake.state.documents import Document
from huntlake.wdl.runner.effects import Answer
from huntlake.workspace.workspaces import Workspace


@dataclass(frozen=True)
class SentinelHouse:
    """This house, as its Sentinel is asked."""

    house: House

    @property
    def incidents(self) -> Any:
        """The incidents of every workspace."""
        return self.house.detection.incidents

    @property
    def alerts(self) -> Any:
        """The alerts of every workspace."""
        return self.house.detection.alerts

    def of_alert(self, workspace: Workspace, alert: str) -> Document[Incident]:
        """The incident that an alert belongs to; `NotFound` where it belongs to none."""
        owner = (workspace.name,)
        # Some designers' expressions encode an id twice.
        found = self.alerts.find(owner, alert) or self.alerts.get(owner, unquote(alert))
        if not found.value.incident:
            raise NotFound(f"the alert `{found.name}` belongs to no incident")
        incident: Document[Incident] = self.incidents.get(owner, found.value.incident)
        return incident

    def id_of(self, workspace: Workspace, incident: str) -> str:
        """The resource id of an incident."""
        return f"{self.house.sentinel(workspace)}/Incidents/{incident}"

    def shown(self, workspace: Workspace, document: Document[Incident]) -> Answer:
        """An incident as the connector answers it."""
        held, base = self.incidents.tally((workspace.name,), document.name), self.house.base_url
        return answer(shapes.incident_shown(self.house.sentinel(workspace), document, held, base))

    def as_if(
        self, asked: Asked, document: Document[Incident], change: Callable[[Incident], Incident]
    ) -> Document[Incident]:
        """An incident as a change would leave it."""
        by, now = self.house.author(asked), asked.context.now
        return replace(document, value=stamped(change(document.value), document.value, by, now))

    def named(self, asked: Asked) -> tuple[Workspace, Document[Incident]]:
        """The incident that a path names by its number, or by one of its alerts."""
        workspace = self.house.workspace(asked, Action.RESPOND, asked.arguments["workspace"])
        identifier, id = asked.arguments["identifier"], asked.arguments["id"]
        match identifier.lower():
            case "incident":
                if not id.isdecimal():
                    raise Invalid(f"`{id[:60]}` is not the number of an incident")
                return workspace, self.incidents.numbered((workspace.name,), int(id))
            case "alert":
                return workspace, self.of_alert(workspace, id)
        raise Invalid(f"the identifier `{identifier[:60]}` is not supported: there are `Incident` and `Alert`")
