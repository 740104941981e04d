"""What an import would make: workflows, connections, and what it leaves where it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from huntlake.playbooks.custom_apis import CustomApi
from huntlake.playbooks.deployment.templates.parameters import Missing
from huntlake.playbooks.workflows import WorkflowState


@dataclass(frozen=True)
class Place:
    """Where something stands: a file as it was named, and a JSON path in it."""

    file: str
    path: str = "$"

    def __str__(self) -> str:
        return f"{self.file}: {self.path}" if self.file else self.path


@dataclass(frozen=True)
class Told:
    """Something that a person should know."""

    place: Place
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


@dataclass(frozen=True)
class PlannedWorkflow:
    """A workflow to be."""

    name: str
    definition: Mapping[str, Any]
    place: Place
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """The values of its parameters, `$connections` among them; not those of secure ones."""
    secure: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The values of secure parameters."""
    state: WorkflowState = WorkflowState.ENABLED
    location: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    identity: bool = False
    """Whether it wants a managed identity."""

    @property
    def connections(self) -> Mapping[str, Mapping[str, Any]]:
        """What `$connections` holds, by key; empty where that isn't what it should be."""
        held = self.parameters.get("$connections")
        if not isinstance(held, Mapping):
            return {}
        return {k: v for k, v in held.items() if isinstance(v, Mapping)}


@dataclass(frozen=True)
class PlannedConnection:
    """A connection to be, or one that a workflow refers to and that may be there already."""

    name: str
    connector: str
    """In lower case, as in `…/managedApis/<name>`."""
    place: Place
    display_name: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    location: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    custom_api: Any = None
    """The OpenAPI document of a custom connector."""
    declared: bool = True
    """Whether the file holds it; else only a workflow names it."""


@dataclass(frozen=True)
class PlannedCustomApi:
    """A custom connector: connections to it carry its description."""

    name: str
    place: Place
    description: Any = None
    """Its OpenAPI document; None where the file only says where it lies."""
    service: str = ""
    """The address of its back end, if the file says one."""
    display_name: str = ""

    @property
    def document(self) -> Any:
        """Its OpenAPI document with the address of its back end in it; None where there is none."""
        return None if self.description is None else CustomApi(self.description, "", "", service=self.service).document


@dataclass(frozen=True)
class Other:
    """A resource that is kept and reported, and not deployed here."""

    type: str
    name: str
    place: Place
    problem: str = ""
    """Why it couldn't even be evaluated."""


@dataclass(frozen=True)
class Plan:
    """What an import would make. With `missing` or `problems` it can't be carried out."""

    name: str
    workflows: tuple[PlannedWorkflow, ...] = ()
    connections: tuple[PlannedConnection, ...] = ()
    custom_apis: tuple[PlannedCustomApi, ...] = ()
    others: tuple[Other, ...] = ()
    missing: tuple[Missing, ...] = ()
    problems: tuple[Told, ...] = ()
    notes: tuple[Told, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """The values that were used for the parameters of the file, but for secure ones."""
    outputs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        """Whether it can be carried out."""
        return not self.missing and not self.problems


def joined(name: str, plans: Iterable[Plan]) -> Plan:
    """One plan of several. What two of them name is made once where it is the same, and a problem where it isn't."""
    workflows: dict[str, PlannedWorkflow] = {}
    connections: dict[str, PlannedConnection] = {}
    made = Plan(name)
    for plan in plans:
        problems = list(plan.problems)
        for workflow in plan.workflows:
            before = workflows.setdefault(workflow.name.lower(), workflow)
            if replace(before, place=workflow.place) != workflow:
                problems.append(Told(workflow.place, f"another workflow is named `{workflow.name}`: {before.place}"))
        for connection in plan.connections:
            known = connections.get(connection.name.lower())
            if known is None or not known.declared:
                connections[connection.name.lower()] = connection
            if known is not None and known.connector != connection.connector:
                told = f"`{connection.name}` connects to `{connection.connector}` here, and elsewhere to"
                problems.append(Told(connection.place, f"{told} `{known.connector}`: {known.place}"))
        made = replace(
            made,
            custom_apis=made.custom_apis + plan.custom_apis,
            others=made.others + plan.others,
            missing=tuple({m.name.lower(): m for m in (*made.missing, *plan.missing)}.values()),
            problems=(*made.problems, *problems),
            notes=made.notes + plan.notes,
            parameters={**made.parameters, **plan.parameters},
            outputs={**made.outputs, **plan.outputs},
        )
    return replace(made, workflows=tuple(workflows.values()), connections=tuple(connections.values()))
