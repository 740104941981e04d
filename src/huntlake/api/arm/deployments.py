"""Deployments of templates, as Azure Resource Manager shows them.

https://learn.microsoft.com/rest/api/resources/deployments
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field

from huntlake.api.arm import belonging
from huntlake.api.arm.api_connections import TYPE as CONNECTION
from huntlake.api.arm.api_connections import connection_id
from huntlake.api.arm.errors import ParentNotFound
from huntlake.api.arm.logic import TYPE as WORKFLOW
from huntlake.api.arm.logic import workflow_id
from huntlake.api.arm.resource import GROUP, Place, Resource
from huntlake.api.arm.wire import Part, properties_of, read
from huntlake.api.arm.workspaces import Fixed, Shown
from huntlake.core.errors import Conflict, Invalid, NotFound, PreconditionFailed
from huntlake.identity.rights import Action
from huntlake.playbooks.connections import CONNECTIONS
from huntlake.playbooks.deployment.plan import Plan
from huntlake.playbooks.deployment.service import DEPLOYMENTS, Deployment
from huntlake.state.documents import ANY_ETAG, Document
from huntlake.state.records import ALWAYS, Author, Only, Owner
from huntlake.workspace.workspaces import Workspace

TYPE = "Microsoft.Resources/deployments"
PATH = f"{GROUP}/providers/{TYPE}"
_BESIDE = ("location", "tags")


class ParameterGiven(Part):
    """The value of a parameter."""

    value: Any = None
    reference: Any = None


class WhatIfSettings(Part):
    """How much is told of what a deployment would change; here it is always ids."""

    result_format: str = ""


class DeploymentProperties(Part):
    """What can be said of a deployment."""

    SHOWN: ClassVar[frozenset[str]] = frozenset(
        {
            "correlationId",
            "dependencies",
            "diagnostics",
            "duration",
            "error",
            "outputResources",
            "outputs",
            "providers",
            "provisioningState",
            "templateHash",
            "timestamp",
            "validatedResources",
        }
    )
    template: Mapping[str, Any] | None = None
    parameters: Mapping[str, ParameterGiven] = Field(default_factory=dict)
    mode: str = "Incremental"
    what_if_settings: WhatIfSettings = WhatIfSettings(result_format="")
    huntlake_workspace: str | None = None


class DeploymentAround(Part):
    """What is said of a deployment beside its properties."""

    location: str = ""
    tags: Mapping[str, str] = Field(default_factory=dict)


@dataclass(frozen=True)
class Planned:
    """A template that is to be deployed to a workspace, and what it would make."""

    plan: Plan
    workspace: str


class DeploymentForm:
    """A deployment: what it made, and what its template holds that isn't made here."""

    def shown(self, place: Place, document: Document[Deployment | Planned]) -> dict[str, Any]:
        """The deployment."""
        deployment = document.value
        assert isinstance(deployment, Deployment)
        targets = _targets(place, deployment)
        return {
            "id": f"{_group(place)}/providers/{TYPE}/{document.name}",
            "properties": {
                "provisioningState": "Succeeded",
                "mode": "Incremental",
                "timestamp": deployment.at,
                "duration": "PT0S",
                "parameters": {n: {"type": _type(v), "value": v} for n, v in deployment.parameters.items()},
                "outputs": dict(deployment.outputs),
                "outputResources": [{"id": target["id"]} for target in targets],
                "dependencies": [],
                "providers": [],
                "diagnostics": [_left_out(type, name) for type, name in deployment.others],
                "huntlakeWorkspace": deployment.workspace,
            },
        }

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> Deployment | Planned:
        """What a body asks to be deployed."""
        beside = {k: v for k, v in body.items() if k.lower() in _BESIDE}
        given = read(DeploymentProperties, properties_of(body, *_BESIDE))
        around = read(DeploymentAround, beside, "body")
        if given.mode.lower() != "incremental":
            raise Invalid(f"the mode `{given.mode[:40]}` is not supported: what a template doesn't name is left alone")
        if given.template is None:
            raise Invalid("`properties.template` is missing; `templateLink` is not supported")
        values: dict[str, Any] = {}
        for parameter, value in given.parameters.items():
            if value.reference is not None:
                raise Invalid(f"the parameter `{parameter[:100]}`: a value out of a key vault is not supported")
            values[parameter] = value.value
        deployments = place.services.playbooks.deployments
        before = deployments.records.find(DEPLOYMENTS, name)
        workspace = belonging.chosen(
            place, given.huntlake_workspace, around.tags, before.value.workspace if before else None
        )
        return Planned(deployments.plan_template(given.template, values, name, workspace), workspace)


@dataclass(frozen=True)
class DeploymentStore:
    """The deployments to workspaces in which the caller may make playbooks."""

    place: Place

    def list(self, owner: Owner) -> Sequence[Document[Deployment | Planned]]:
        """Those that the caller may see."""
        services, principal = self.place.services, self.place.principal
        seen = {w.name for w in services.workspaces.list() if principal.may(Action.AUTOMATE, w.id)}
        found = services.playbooks.deployments.records.list(DEPLOYMENTS)
        return [Document(d.name, d.value, d.etag) for d in found if d.value.workspace in seen]

    def get(self, owner: Owner, name: str) -> Document[Deployment | Planned]:
        """One of them."""
        found = self.place.services.playbooks.deployments.records.get(DEPLOYMENTS, name)
        return Document(found.name, found.value, found.etag)

    def put(
        self, owner: Owner, name: str, value: Deployment | Planned, by: Author = Author(), only: Only = ALWAYS
    ) -> tuple[Document[Deployment | Planned], bool]:
        """Deploy: its form has seen to it that the caller may make playbooks in the workspace."""
        assert isinstance(value, Planned)
        deployments = self.place.services.playbooks.deployments
        before = deployments.records.find(DEPLOYMENTS, name)
        if before is not None and only.create:
            raise Conflict(f"`{name}` is already among the deployments")
        if only.if_match is not None and (before is None or only.if_match not in (ANY_ETAG, before.etag)):
            raise PreconditionFailed(f"`{name}` among the deployments has changed since it was read")
        deployments.apply(value.plan, value.workspace, "a deployment of Azure Resource Manager", by)
        return self.get(owner, name), before is None

    def delete(self, owner: Owner, name: str, only: Only = ALWAYS) -> bool:
        """Forget a deployment; what it made stays."""
        return self.place.services.playbooks.deployments.records.delete(DEPLOYMENTS, name, only)


def _belongs(place: Place, name: str) -> Workspace | None:
    above = place.names.get("deployment", "")
    if not (wanted := above or name):
        return None
    found = place.services.playbooks.deployments.records.find(DEPLOYMENTS, wanted)
    what, workspace = f"`{wanted}` is among the deployments", found.value.workspace if found else None
    return belonging.visible(place, workspace, what, bool(above), Action.AUTOMATE)


def _group(place: Place) -> str:
    subscription = place.services.subscription
    return GROUP.replace("{subscription}", subscription.id).replace("{group}", subscription.group)


def _targets(place: Place, deployment: Deployment) -> list[dict[str, str]]:
    """What a deployment made, as operations tell it."""
    workflows = [(workflow_id(place, n), WORKFLOW, n) for n in deployment.workflows]
    connections = [(connection_id(place, n), CONNECTION, n) for n in deployment.connections]
    return [{"id": id, "resourceType": type, "resourceName": name} for id, type, name in (*connections, *workflows)]


def _left_out(type: str, name: str) -> dict[str, str]:
    told = f"`{type}` is not supported: `{name}` was not deployed"
    return {"level": "Warning", "code": "NotDeployed", "message": told, "target": name}


def _type(value: Any) -> str:
    match value:
        case bool():
            return "Bool"
        case int():
            return "Int"
        case Mapping():
            return "Object"
        case list() | tuple():
            return "Array"
    return "String"


def _ready(place: Place, name: str, body: dict[str, Any]) -> Planned:
    planned = DEPLOYMENT.form.meant(place, name, body)
    assert isinstance(planned, Planned)
    return planned


def _validate(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    planned = _ready(place, name, body)
    plan = planned.plan
    if plan.missing:
        raise Invalid("no value is given for " + ", ".join(f"`{m.name}`" for m in plan.missing))
    if plan.problems:
        raise Invalid("\n".join(str(p) for p in plan.problems))
    would = Deployment(
        "",
        planned.workspace,
        tuple(w.name for w in plan.workflows),
        tuple(c.name for c in plan.connections),
        plan.parameters,
        others=tuple((o.type, o.name) for o in plan.others),
        at=place.services.clock.now(),
    )
    shown = DEPLOYMENT.form.shown(place, Document(name, would, ""))
    shown["properties"]["validatedResources"] = shown["properties"].pop("outputResources")
    return 200, shown


def _what_if(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    plan, playbooks = _ready(place, name, body).plan, place.services.playbooks
    changes: list[dict[str, Any]] = []
    for connection in plan.connections:
        there = playbooks.connections.find(CONNECTIONS, connection.name) is not None
        changes.append(_change(connection_id(place, connection.name), there))
    for workflow in plan.workflows:
        changes.append(_change(workflow_id(place, workflow.name), playbooks.workflows.find(workflow.name) is not None))
    for other in plan.others:
        id = f"{_group(place)}/providers/{other.type}/{other.name}"
        why = f"`{other.type}` is not supported"
        changes.append({"resourceId": id, "changeType": "Unsupported", "unsupportedReason": why})
    return 200, {"status": "Succeeded", "properties": {"changes": changes}}


def _change(id: str, there: bool) -> dict[str, Any]:
    # `Deploy`: it is there, and is deployed again, whether or not that changes it.
    return {"resourceId": id, "changeType": "Deploy" if there else "Create"}


def _operations(place: Place) -> Fixed:
    name = place.names["deployment"]
    try:
        deployment = place.services.playbooks.deployments.records.get(DEPLOYMENTS, name).value
    except NotFound as error:
        raise ParentNotFound(str(error)) from None
    told = {
        "provisioningOperation": "Create",
        "provisioningState": "Succeeded",
        "timestamp": deployment.at,
        "duration": "PT0S",
        "statusCode": "OK",
    }
    targets = _targets(place, deployment)
    made = [{**told, "operationId": f"{n:016X}", "targetResource": t} for n, t in enumerate(targets, start=1)]
    return Fixed(lambda: [(str(operation["operationId"]), operation) for operation in made])


def _operation(place: Place, properties: Any) -> dict[str, Any]:
    return {
        "id": f"{_group(place)}/deployments/{place.names['deployment']}/operations/{properties['operationId']}",
        "operationId": properties["operationId"],
        "properties": {k: v for k, v in properties.items() if k != "operationId"},
    }


def _operations_at(path: str) -> Resource[Any]:
    return Resource(
        type=f"{TYPE}/operations",
        path=f"{path}/{{deployment}}/operations",
        form=Shown(_operation),
        store=_operations,
        read=Action.AUTOMATE,
        in_workspace=False,
        workspace_of=_belongs,
    )


DEPLOYMENT: Resource[Deployment | Planned] = Resource(
    type=TYPE,
    path=PATH,
    form=DeploymentForm(),
    store=DeploymentStore,
    # What a template gives out may be an address that sets a playbook off.
    read=Action.AUTOMATE,
    write=Action.AUTOMATE,
    in_workspace=False,
    workspace_of=_belongs,
    can_patch=False,
    deleted=204,
    posts={"validate": (Action.AUTOMATE, _validate), "whatIf": (Action.AUTOMATE, _what_if)},
    unborn=frozenset({"validate", "whatIf"}),
)

# Azure's clients ask for operations at a path without a provider.
RESOURCES: tuple[Resource[Any], ...] = (_operations_at(PATH), _operations_at(f"{GROUP}/deployments"), DEPLOYMENT)
