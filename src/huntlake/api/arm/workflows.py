"""Workflows of Logic Apps and their versions, as Azure Resource Manager shows them.

https://learn.microsoft.com/rest/api/logic/workflows
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from pydantic import Field

from huntlake.api.arm import belonging
from huntlake.api.arm.logic import LOGIC, OF_WORKFLOW, PATH, TYPE, endpoint, of_workflow, refused, workflow_id
from huntlake.api.arm.resource import SUBSCRIPTION, Place, Resource
from huntlake.api.arm.wire import Part, properties_of, read
from huntlake.api.arm.workflow_triggers import CallbackAsked, TriggerStore, callback
from huntlake.core.errors import Invalid, Refused
from huntlake.identity.rights import Action
from huntlake.playbooks.workflows import Version, Workflow, WorkflowState
from huntlake.state.documents import Document
from huntlake.state.records import ALWAYS, Author, Only, Owner
from huntlake.wdl.definition.reading import InvalidDefinition
from huntlake.wdl.definition.reading import read as read_definition
from huntlake.wdl.definition.workflow import Parameter, TriggerType


class ParameterGiven(Part):
    """The value of a parameter."""

    type: str | None = None
    value: Any = None


class IdentityGiven(Part):
    """Whether a workflow has an identity of its own."""

    SHOWN: ClassVar[frozenset[str]] = frozenset({"principalId", "tenantId"})
    type: str = "None"


class WorkflowProperties(Part):
    """What can be said of a workflow."""

    SHOWN: ClassVar[frozenset[str]] = frozenset(
        {
            "accessEndpoint",
            "changedTime",
            "createdTime",
            "endpointsConfiguration",
            "provisioningState",
            "sku",
            "version",
        }
    )
    definition: Mapping[str, Any]
    state: WorkflowState | None = None
    parameters: Mapping[str, ParameterGiven] = Field(default_factory=dict)
    access_control: Mapping[str, Any] = Field(default_factory=dict)
    huntlake_workspace: str | None = None


class WorkflowAround(Part):
    """What is said of a workflow beside its properties."""

    location: str = ""
    tags: Mapping[str, str] = Field(default_factory=dict)
    identity: IdentityGiven = IdentityGiven()

    @property
    def wants_identity(self) -> bool:
        """Whether it is to have an identity of its own."""
        kind = self.identity.type.lower()
        if kind not in ("none", "systemassigned"):
            raise Invalid(f"the identity `{self.identity.type[:60]}` is not supported: `SystemAssigned` and `None` are")
        return kind != "none"


@dataclass(frozen=True)
class Meant:
    """A workflow that a body describes."""

    workflow: Workflow
    identity: bool


Shown = Workflow | Meant


class WorkflowForm:
    """A workflow: what secure parameters hold is never shown, and what is said without them leaves them as they are."""

    def shown(self, place: Place, document: Document[Shown]) -> dict[str, Any]:
        """The workflow."""
        workflow = document.value
        assert isinstance(workflow, Workflow)
        shown: dict[str, Any] = {
            "id": workflow_id(place, document.name),
            "location": workflow.location or "local",
            "tags": dict(workflow.tags),
            "properties": {
                "provisioningState": "Succeeded",
                "createdTime": workflow.created,
                "changedTime": workflow.changed,
                "state": workflow.state.value,
                "version": workflow.version,
                "accessEndpoint": endpoint(place, document.name),
                "definition": workflow.definition,
                "parameters": _parameters_shown(workflow.definition, workflow.parameters, workflow.sealed),
                "endpointsConfiguration": _NO_ADDRESSES,
                "sku": {"name": "NotSpecified"},
                "huntlakeWorkspace": workflow.workspace,
            },
        }
        if workflow.identity:
            shown["identity"] = {
                "type": "SystemAssigned",
                "principalId": workflow.identity,
                "tenantId": place.services.tenant.id,
            }
        return shown

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> Shown:
        """The workflow that a body describes."""
        beside = {k: v for k, v in body.items() if k.lower() in _BESIDE}
        given, around = read(WorkflowProperties, properties_of(body, *_BESIDE)), read(WorkflowAround, beside, "body")
        if given.access_control:
            raise Invalid("`properties.accessControl` is not supported: who has a callback URL may call")
        found = place.services.playbooks.workflows.find(name)
        before = found.value if found else None
        parameters, sealed = self._values(place, found.name if found else name, given, before)
        workflow = Workflow(
            definition=given.definition,
            workspace=belonging.chosen(
                place, given.huntlake_workspace, around.tags, before.workspace if before else None
            ),
            parameters=parameters,
            sealed=sealed,
            state=given.state or (before.state if before else WorkflowState.ENABLED),
            location=around.location,
            tags=around.tags,
        )
        return Meant(workflow, around.wants_identity)

    def _values(
        self, place: Place, name: str, given: WorkflowProperties, before: Workflow | None
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """The values of the parameters, and the sealed ones of those that are secure."""
        declared, plain, sealed = declared_in(given.definition), dict[str, Any](), dict[str, str]()
        for said, parameter in given.parameters.items():
            known = declared.get(said.lower())
            if known is None:
                raise Invalid(f"the definition declares no parameter `{said[:100]}`")
            if not known.type.secure:
                if parameter.value is not None:
                    plain[known.name] = parameter.value
            elif parameter.value is not None:
                purpose = f"workflow {name} {known.name}"
                sealed[known.name] = place.services.playbooks.seal.seal(json.dumps(parameter.value), purpose)
            elif before is not None and known.name in before.sealed:
                sealed[known.name] = before.sealed[known.name]
        for known in declared.values():
            if not known.has_default and known.name not in plain and known.name not in sealed:
                raise Invalid(f"the value for the workflow parameter `{known.name}` is not provided")
        if before is not None and plain == before.parameters:
            # What is sealed anew looks different each time, and would make a new version.
            sealed = _unchanged(place, name, sealed, before)
        return plain, sealed


@dataclass(frozen=True)
class WorkflowStore:
    """The workflows of the workspaces in which the caller may see playbooks."""

    place: Place

    def list(self, owner: Owner) -> Sequence[Document[Shown]]:
        """Those that the caller may see."""
        services, principal = self.place.services, self.place.principal
        seen = {w.name for w in services.workspaces.list() if principal.may(Action.WATCH, w.id)}
        return [_shown(d) for d in services.playbooks.workflows.all() if d.value.workspace in seen]

    def get(self, owner: Owner, name: str) -> Document[Shown]:
        """One of them."""
        return _shown(self.place.services.playbooks.workflows.get(name))

    def put(
        self, owner: Owner, name: str, value: Shown, by: Author = Author(), only: Only = ALWAYS
    ) -> tuple[Document[Shown], bool]:
        """Keep a workflow: its form has seen to it that the caller may make playbooks in its workspace."""
        assert isinstance(value, Meant)
        stored, new = self.place.services.playbooks.identities.put(name, value.workflow, value.identity, by, only)
        return _shown(stored), new

    def delete(self, owner: Owner, name: str, only: Only = ALWAYS) -> bool:
        """Delete a workflow with its versions, its runs, its keys and its identity. Runs that go on are called off."""
        return self.place.services.playbooks.identities.delete(name, only, self.place.author)


@dataclass(frozen=True)
class VersionStore:
    """The versions of the workflow that the path names, the newest first."""

    place: Place

    def list(self, owner: Owner) -> Sequence[Document[Version]]:
        """All of them."""
        return self.place.services.playbooks.workflows.versions(self.place.names["workflow"])

    def get(self, owner: Owner, name: str) -> Document[Version]:
        """One of them."""
        version = self.place.services.playbooks.workflows.version(self.place.names["workflow"], name)
        return Document(name, version, "")

    def put(
        self, owner: Owner, name: str, value: Version, by: Author = Author(), only: Only = ALWAYS
    ) -> tuple[Document[Version], bool]:
        """Versions are made by writing the workflow."""
        raise Refused("a version can't be written")

    def delete(self, owner: Owner, name: str, only: Only = ALWAYS) -> bool:
        """Versions go with their workflow."""
        raise Refused("a version can't be deleted")


class VersionForm:
    """A workflow as it was."""

    def shown(self, place: Place, document: Document[Version]) -> dict[str, Any]:
        """The version."""
        version = document.value
        now = place.services.playbooks.workflows.get(place.names["workflow"])
        return {
            "location": now.value.location or "local",
            "tags": dict(now.value.tags),
            "properties": {
                "createdTime": version.at,
                "changedTime": version.at,
                "state": now.value.state.value,
                "version": document.name,
                "accessEndpoint": endpoint(place, now.name),
                "definition": version.definition,
                "parameters": _parameters_shown(version.definition, version.parameters, version.sealed),
            },
        }

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> Version:
        """Versions are made by writing the workflow."""
        raise Refused("a version can't be written")


def declared_in(definition: Mapping[str, Any]) -> dict[str, Parameter]:
    """The parameters of a definition by their names in lower case; `Invalid` where it can't be read."""
    try:
        return {p.name.lower(): p for p in read_definition(definition).parameters.values()}
    except InvalidDefinition as error:
        raise Invalid(f"the definition can't be read: {error}") from None


_BESIDE = ("location", "tags", "identity")
_NO_ADDRESSES: Mapping[str, Mapping[str, Sequence[str]]] = {
    "workflow": {"outgoingIpAddresses": [], "accessEndpointIpAddresses": []},
    "connector": {"outgoingIpAddresses": []},
}
"""Where requests come from is a matter of the network that the server stands in."""


def _parameters_shown(
    definition: Mapping[str, Any], plain: Mapping[str, Any], sealed: Mapping[str, str]
) -> dict[str, Any]:
    declared = definition.get("parameters")
    types = {n.lower(): p.get("type") for n, p in declared.items()} if isinstance(declared, Mapping) else {}
    shown: dict[str, Any] = {name: {"value": value} for name, value in plain.items()}
    return shown | {name: {"type": types.get(name.lower()) or "SecureString"} for name in sealed}


def _unchanged(place: Place, name: str, sealed: Mapping[str, str], before: Workflow) -> dict[str, str]:
    """The sealed values, each as it was before where it says the same."""
    seal = place.services.playbooks.seal

    def opened(values: Mapping[str, str], parameter: str) -> str:
        return seal.open(values[parameter], f"workflow {name} {parameter}")

    return {
        parameter: before.sealed[parameter]
        if parameter in before.sealed
        and (before.sealed[parameter] == value or opened(before.sealed, parameter) == opened(sealed, parameter))
        else value
        for parameter, value in sealed.items()
    }


def _shown(document: Document[Workflow]) -> Document[Shown]:
    return Document(document.name, document.value, document.etag)


class KeyAsked(Part):
    """Which key is to be made anew."""

    key_type: str


def _regenerate(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    place.services.playbooks.addresses.regenerate(name, read(KeyAsked, body, "body").key_type, place.author)
    return 200, None


def _callback(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    within = replace(place, names={**place.names, "workflow": name})
    found = next((d.value for d in TriggerStore(within).list(()) if d.value.type is TriggerType.REQUEST), None)
    if found is None:
        raise Invalid(f"the workflow `{name}` has no trigger of the type `Request`")
    return 200, callback(within, found, read(CallbackAsked, body, "body"))


def _validate(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    WORKFLOW.form.meant(place, name, body)
    return 200, None


def _set(state: WorkflowState) -> Callable[[Place, str, dict[str, Any]], tuple[int, object]]:
    def post(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
        place.services.playbooks.runs.set_state(name, state, place.author)
        return 200, None

    return post


_FILTERS = frozenset({"name", "location", "properties/state", "properties/createdTime", "properties/changedTime"})

WORKFLOW: Resource[Shown] = Resource(
    type=TYPE,
    path=PATH,
    form=WorkflowForm(),
    store=WorkflowStore,
    read=Action.WATCH,
    write=Action.AUTOMATE,
    in_workspace=False,
    workspace_of=of_workflow,
    filters=_FILTERS,
    posts={
        "enable": (Action.SWITCH, _set(WorkflowState.ENABLED)),
        "disable": (Action.SWITCH, _set(WorkflowState.DISABLED)),
        "validate": (Action.AUTOMATE, _validate),
        "listCallbackUrl": (Action.RUN, _callback),
        "regenerateAccessKey": (Action.AUTOMATE, _regenerate),
        "listSwagger": (Action.WATCH, refused("listSwagger")),
        "generateUpgradedDefinition": (Action.WATCH, refused("generateUpgradedDefinition")),
        "move": (Action.AUTOMATE, refused("move", "there is one resource group")),
    },
    unborn=frozenset({"validate"}),
)

IN_SUBSCRIPTION: Resource[Shown] = Resource(
    type=TYPE,
    path=f"{SUBSCRIPTION}/providers/Microsoft.Logic/workflows",
    form=WORKFLOW.form,
    store=WorkflowStore,
    read=Action.WATCH,
    in_workspace=False,
    workspace_of=of_workflow,
    filters=_FILTERS,
)

IN_LOCATION: Resource[Shown] = Resource(
    type=TYPE,
    path=f"{LOGIC}/locations/{{location}}/workflows",
    form=WORKFLOW.form,
    store=WorkflowStore,
    read=Action.WATCH,
    in_workspace=False,
    workspace_of=of_workflow,
    posts={"validate": (Action.AUTOMATE, _validate)},
    unborn=frozenset({"validate"}),
)

VERSIONS: Resource[Version] = Resource(
    type=f"{TYPE}/versions",
    path=f"{OF_WORKFLOW}/versions",
    form=VersionForm(),
    store=VersionStore,
    read=Action.WATCH,
    in_workspace=False,
    workspace_of=of_workflow,
)

RESOURCES: tuple[Resource[Any], ...] = (VERSIONS, WORKFLOW, IN_LOCATION, IN_SUBSCRIPTION)
