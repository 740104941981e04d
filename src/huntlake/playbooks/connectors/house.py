"""What connectors to this house itself are built over, and in whose name they work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from threading import BoundedSemaphore
from typing import Any
from uuid import UUID, uuid5

from huntlake.core.clock import Clock
from huntlake.core.errors import Invalid, NotFound, Refused
from huntlake.detection.intel.service import Intel
from huntlake.detection.service import Detection
from huntlake.identity.principals import Principal, Principals
from huntlake.identity.rights import Action
from huntlake.identity.tenant import Subscription, Tenant
from huntlake.identity.users import Users
from huntlake.playbooks.connectors.connector import Asked
from huntlake.playbooks.connectors.questions import Ask, Withdraw
from huntlake.playbooks.machine_actions import MachineActions
from huntlake.playbooks.secret_store import SecretStore
from huntlake.playbooks.web import Web
from huntlake.playbooks.workflows import Workflows
from huntlake.state.records import Author
from huntlake.workspace.commands import Commands
from huntlake.workspace.ingestion.streaming import Streams
from huntlake.workspace.query import Queries
from huntlake.workspace.watchlists import Watchlists
from huntlake.workspace.workspaces import Workspace, Workspaces

_NAMES = UUID("0d7f2f8e-6f0f-4a39-9d7c-5f7c3c9d3f61")
_IN_WORKSPACE = re.compile(
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.OperationalInsights/workspaces/([^/]+)"
    r"/providers/Microsoft\.SecurityInsights/(.+)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class QueryLimits:
    """What a query of a playbook may take."""

    timeout: timedelta = timedelta(seconds=110)
    """A connector's call may take 120 seconds."""
    rows: int = 500_000
    bytes: int = 64 << 20


@dataclass(frozen=True)
class House:
    """The services that connectors may need."""

    clock: Clock
    workspaces: Workspaces
    detection: Detection
    machine_actions: MachineActions
    queries: Queries
    commands: Commands
    streams: Streams
    watchlists: Watchlists
    intel: Intel
    workflows: Workflows
    principals: Principals
    users: Users
    secrets: SecretStore
    web: Web
    tenant: Tenant
    subscription: Subscription
    ask: Ask
    """Puts a playbook's questions to people."""
    withdraw: Withdraw
    base_url: str = ""
    """Under which people see this server."""
    limits: QueryLimits = QueryLimits()
    asking: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(4))
    """The turns of queries: playbooks must not keep people from theirs."""

    def principal(self, asked: Asked) -> Principal | None:
        """The principal that the workflow's identity is; None where it has none. `Refused` where that one is gone."""
        workflow = self.workflows.find(asked.context.workflow)
        if workflow is None and not asked.context.test:
            raise Refused(f"the workflow `{asked.context.workflow}` isn't there any more")
        identity = workflow.value.identity if workflow else ""
        if not identity:
            return None
        if (found := self.principals.of_id(identity)) is None:
            raise Refused(f"the identity of the workflow `{asked.context.workflow}` isn't there any more")
        return found

    def workspace(self, asked: Asked, action: Action, named: str = "") -> Workspace:
        """The workspace that a call means, by name or id; without one the workflow's own.

        A workflow with an identity may do there what that identity may. One without may do in its own workspace what
        both may who gave it its definition, and who made the connection; whoever runs commands here may everything.
        `NotFound` where there is no such workspace, or it may not even be read.
        """
        own = self.workspaces.get(asked.context.workspace)
        found = self.workspaces.by_database(named) if named else own
        identity = self.principal(asked)
        if identity is None and found.id != own.id:
            raise NotFound(f"no workspace is named `{named}`")
        for holder, who in [(identity, "its identity")] if identity else self._people(asked):
            if holder.may(action, found.id):
                continue
            if found.id != own.id and not holder.may(Action.READ, found.id):
                raise NotFound(f"no workspace is named `{named}`")
            raise Refused(
                f"the workflow `{asked.context.workflow}` may not {action.value} in the workspace `{found.name}`: "
                f"{who}, {holder.display_name}, has no role there that allows it (`huntlake principal grant` gives one)"
            )
        return found

    def _people(self, asked: Asked) -> Iterator[tuple[Principal, str]]:
        """Who stands for a workflow that has no identity."""
        workflow = self.workflows.find(asked.context.workflow)
        if workflow is not None:
            version = self.workflows.version(workflow.name, workflow.value.version)
            yield from self._person(version.by, "who changed it last")
        yield from self._person(asked.made_by, "who made the connection")

    def _person(self, author: Author, who: str) -> Iterator[tuple[Principal, str]]:
        if not author.object_id:
            return  # at the command line, where everything may be done
        found = self.principals.of_id(author.object_id)
        if found is None:
            user = self.users.of_id(author.object_id)
            found = user.principal if user else None
        if found is None:
            raise Refused(
                f"{who}, {author.name or author.object_id}, isn't there any more: let somebody else do it anew"
            )
        yield found, who

    def readable(self, asked: Asked, named: str) -> Workspace | None:
        """Another workspace that a query names, where the workflow may read it."""
        try:
            return self.workspace(asked, Action.READ, named)
        except (NotFound, Refused):
            return None

    def author(self, asked: Asked) -> Author:
        """Whose hand the workflow's changes are."""
        context, principal = asked.context, self.principal(asked)
        return Author(
            object_id=principal.object_id if principal else "",
            name=f"Playbook - {context.workflow}",
            via=(*context.started_by.via, f"playbook {context.workflow.lower()}"),
        )

    def sentinel(self, workspace: Workspace) -> str:
        """The resource id of a workspace's Sentinel, which those of all that is in it begin with."""
        place = self.subscription
        return (
            f"/subscriptions/{place.id}/resourceGroups/{place.group}/providers/Microsoft.OperationalInsights/"
            f"workspaces/{workspace.name}/providers/Microsoft.SecurityInsights"
        )

    def resource(self, asked: Asked, action: Action, id: Any, *kinds: str) -> tuple[Workspace, tuple[str, ...]]:
        """The workspace of a resource's id, and the names in it: `…/Incidents/a/Tasks/b` is ("a", "b") of its kinds.

        The names of this server's workspaces are unique, so subscription and resource group aren't compared.
        """
        found = _IN_WORKSPACE.fullmatch(id.strip().rstrip("/")) if isinstance(id, str) else None
        parts = found[2].split("/") if found else []
        wanted = [kind.lower() for kind in kinds]
        if found is None or [p.lower() for p in parts[::2]] != wanted or len(parts) != 2 * len(kinds):
            shape = "/".join(f"{kind}/…" for kind in kinds)
            raise Invalid(f"`{str(id)[:300]}` is not the id of a resource such as `…/SecurityInsights/{shape}`")
        return self.workspace(asked, action, found[1]), tuple(parts[1::2])


def name_for(asked: Asked, what: str = "") -> str:
    """The name of what a call makes: the same whenever the run makes this very call."""
    return str(uuid5(_NAMES, f"{asked.context.run}/{asked.key}/{what}"))


def fields(asked: Asked, *known: str, more: bool = False) -> dict[str, Any]:
    """What a call's body holds under those names, whatever their case; a null is nothing said.

    `Invalid` for a body that isn't an object, or that says something else.
    """
    body = asked.body
    if not isinstance(body, dict):
        raise Invalid("the body is not an object")
    names = {name.lower(): name for name in known}
    given: dict[str, Any] = {}
    for name, value in body.items():
        if name.lower() not in names:
            if more:
                continue
            raise Invalid(f"`{name[:100]}` is not supported in the body")
        if value is not None:
            given[names[name.lower()]] = value
    return given


def wanted(given: dict[str, Any], name: str) -> Any:
    """What the body must say; `Invalid` where it doesn't."""
    if given.get(name) in (None, ""):
        raise Invalid(f"`{name}` is missing in the body")
    return given[name]
