"""What a type of resource is: a path, the form of its properties, where it is kept, and who may do what with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from huntlake.api.arm.services import ArmServices
from huntlake.core.errors import Refused
from huntlake.engines.cancellation import Cancellation
from huntlake.identity.principals import Principal
from huntlake.identity.rights import Action
from huntlake.state.documents import Document
from huntlake.state.records import Author, Only, Owner
from huntlake.workspace.workspaces import Workspace

T = TypeVar("T")

SUBSCRIPTION = "/subscriptions/{subscription}"
GROUP = SUBSCRIPTION + "/resourceGroups/{group}"
WORKSPACES = GROUP + "/providers/Microsoft.OperationalInsights/workspaces"
WORKSPACE = WORKSPACES + "/{workspace}"
SENTINEL = WORKSPACE + "/providers/Microsoft.SecurityInsights"


@dataclass(frozen=True)
class Place:
    """Where a request points: the names in its path, and who asks."""

    services: ArmServices
    principal: Principal
    base_url: str
    path: str
    """The id of the collection, in Azure's spelling."""
    names: Mapping[str, str]
    workspace: Workspace | None = None
    for_management: bool = False
    """Whether the caller's token was asked for to manage resources, and for nothing else."""

    @property
    def here(self) -> Workspace:
        """The workspace that the path names."""
        assert self.workspace is not None
        return self.workspace

    @property
    def owner(self) -> Owner:
        """Whose records they are: those of the workspace, or of what the path names below it."""
        above = [n for k, n in self.names.items() if k not in ("subscription", "group", "workspace")]
        return (self.workspace.name if self.workspace else "", *above)

    @property
    def author(self) -> Author:
        """Who asks, as a record remembers it."""
        return Author(self.principal.object_id, self.principal.display_name)

    @property
    def is_person(self) -> bool:
        """Whether a person asks, by a token for this very purpose: one for other APIs is in the hands of programs that
        nobody let manage anything."""
        return self.principal.is_person and self.for_management

    def may(self, action: Action) -> None:
        """`Refused` unless the caller may do that in the workspace."""
        if self.workspace is None or not self.principal.may(action, self.workspace.id):
            raise Refused(
                f"The client '{self.principal.client_id}' does not have authorization to perform action "
                f"'{action.value}' over scope '{self.path}' or the scope is invalid."
            )


class Store(Protocol[T]):
    """Where the resources of a type are kept."""

    def list(self, owner: Owner) -> Sequence[Document[T]]: ...
    def get(self, owner: Owner, name: str) -> Document[T]: ...
    def put(
        self, owner: Owner, name: str, value: T, by: Author = ..., only: Only = ...
    ) -> tuple[Document[T], bool]: ...
    def delete(self, owner: Owner, name: str, only: Only = ...) -> bool: ...


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a filter says that a store can look for, beside whatever else it says."""

    statuses: frozenset[str] = frozenset()
    """In lower case; none: any."""
    since: datetime | None = None
    until: datetime | None = None
    """Started at the one or later, and not later than the other."""


class Walk(Protocol[T]):
    """Gives the resources of a large store one after the other, those behind `after`; some that are out of bounds may
    be among them."""

    def __call__(self, place: Place, bounds: Bounds, after: str) -> Iterator[Document[T]]: ...


class Form(Protocol[T]):
    """How a resource looks: what is shown of it, and what a body means."""

    def shown(self, place: Place, document: Document[T]) -> dict[str, Any]:
        """Everything but id, name, type and etag: `properties`, and beside it `kind` and the like."""
        ...

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> T:
        """The value that a body describes; `Invalid` where it describes none."""
        ...


Tell = Callable[[object], None]


@dataclass(frozen=True)
class LongWork:
    """Work that a POST asked for and that takes long: its answer is lines of JSON, what it tells while it goes on, and
    the last one what it gives. A client that goes away ends it.
    """

    do: Callable[[Cancellation, Tell], object]


Post = Callable[[Place, str, dict[str, Any]], tuple[int, object]]
"""What a POST does: given the place, the name of the resource (empty for a collection) and the body, a status and
the answer's body, None for an answer without one, or the work that makes it."""


@dataclass(frozen=True)
class Resource(Generic[T]):
    """A type of resource: one declaration is all that listing, reading and writing it takes.

    `path` is that of the collection, with `{names}` in it. Without a `write` action it can only be read.
    """

    type: str
    path: str
    form: Form[T]
    store: Callable[[Place], Store[T]]
    write: Action | None = None
    read: Action = Action.READ
    created: int = 201
    """The status that says that a PUT made something new; some clients only know 200."""
    deleted: int = 200
    """The status that says that a DELETE took something away."""
    can_list: bool = True
    can_patch: bool = True
    walk: Walk[T] | None = None
    """How a list that isn't sorted is gone through, where there are too many to be listed at once."""
    pages: bool = True
    """Whether a list may be given in pages; some clients read the first only."""
    can_delete: bool = True
    posts: Mapping[str, tuple[Action, Post]] = field(default_factory=dict)
    """What can be done with one resource, by the last part of the path."""
    collection_posts: Mapping[str, tuple[Action, Post]] = field(default_factory=dict)
    """What can be done with the collection; the empty name is a POST to the collection itself."""
    filters: frozenset[str] = frozenset()
    """The properties that lists can be filtered and sorted by."""
    in_workspace: bool = True
    """Whether the path names the workspace whose roles count; where it doesn't, the store looks at them."""
    workspace_of: Callable[[Place, str], Workspace | None] | None = None
    """For a path without a workspace: the one to which the resource belongs, given its own name, which is empty for a
    collection. None where it belongs to none yet; `NotFound` where there is none that the caller may see."""
    unborn: frozenset[str] = frozenset()
    """Those of `posts` that are about a resource which needn't be there yet. They look at roles themselves."""
    asks_data: bool = False
    """Whether its answers must ask the data, so that each takes a turn among the queries."""

    @property
    def segments(self) -> tuple[str, ...]:
        """The parts of the collection's path."""
        return tuple(self.path.strip("/").split("/"))
