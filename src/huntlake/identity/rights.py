"""What a role lets its holder do in a workspace. What no role allows is denied."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Action(Enum):
    """Something that can be done to a workspace's tables."""

    READ = "read"
    WRITE = "write"
    """Add rows."""
    MANAGE = "manage"
    """Make, change and drop tables and functions, and take rows away."""


class Role(Enum):
    """A role, by the name Azure gives it."""

    READER = "Log Analytics Reader"
    CONTRIBUTOR = "Log Analytics Contributor"

    @property
    def allows(self) -> frozenset[Action]:
        """The actions that this role allows."""
        return _ALLOWS[self]


_ALLOWS = {
    Role.READER: frozenset({Action.READ}),
    Role.CONTRIBUTOR: frozenset({Action.READ, Action.WRITE, Action.MANAGE}),
}


@dataclass(frozen=True, slots=True)
class Grant:
    """A role in one workspace, which is named by its id."""

    workspace_id: str
    role: Role
