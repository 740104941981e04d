"""Where a template is deployed to, and what its functions may ask there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import uuid4

NOBODY = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Where:
    """The deployment: its name, and the group, subscription and tenant that it is made in."""

    name: str = "deployment"
    subscription: str = NOBODY
    tenant: str = NOBODY
    group: str = "huntlake"
    location: str = "local"
    now: datetime = datetime(2000, 1, 1, tzinfo=UTC)
    values: Mapping[str, Any] = field(default_factory=dict)
    """What a person says that functions give which only Azure could ask, by the call as a plan shows it."""
    callback: Callable[[str, str], str | None] = lambda workflow, trigger: None
    """The callback URL of a workflow's trigger here; None where it has none."""
    new_id: Callable[[], str] = lambda: str(uuid4())

    @property
    def subscription_id(self) -> str:
        """The subscription as a resource."""
        return f"/subscriptions/{self.subscription}"

    @property
    def group_id(self) -> str:
        """The resource group as a resource."""
        return f"{self.subscription_id}/resourceGroups/{self.group}"


NOWHERE = Where()


@dataclass(frozen=True)
class Lambda:
    """A function that stands among the arguments of another."""

    names: tuple[str, ...]
    body: Callable[[], Any]


class Here(Protocol):
    """What the functions of a template may ask where their expression stands.

    Each raises `Fault` where there is nothing of that name, or where it may not be asked for.
    """

    @property
    def where(self) -> Where: ...

    def now(self) -> datetime:
        """The time of the deployment, in UTC."""

    def parameter(self, name: str) -> Any: ...

    def variable(self, name: str) -> Any: ...

    def copy_index(self, loop: str | None) -> int:
        """The number of the present copy, from 0: of the named loop, or of the resource."""

    def bound(self, names: Mapping[str, Any]) -> AbstractContextManager[None]:
        """For as long as the block lasts, what lambdas call their arguments."""

    def argument(self, name: str) -> Any:
        """What a lambda's argument is."""

    def reference(self, resource: str, full: bool) -> Any:
        """What a resource is, of this template or of those that a person told of: its properties, or all."""

    def resource(self, symbol: str) -> dict[str, Any]:
        """The id, the name and the type of the resource of that symbolic name."""

    def listed(self, call: str, resource: str) -> Any:
        """What a `list…` function gives for a resource."""

    def template(self) -> Any:
        """The template itself."""
