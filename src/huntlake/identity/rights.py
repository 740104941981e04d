"""What a role lets its holder do in a workspace. What no role allows is denied."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Action(Enum):
    """Something that can be done in a workspace."""

    READ = "read"
    WRITE = "write"
    """Add rows."""
    MANAGE = "manage"
    """Make, change and drop tables and functions, and take rows away."""
    RESPOND = "respond"
    """Change incidents and alerts, comment on them, and ask for actions on machines."""
    AUTHOR = "author"
    """Make and change what detects: rules, watchlists, bookmarks, hunts, searches and indicators."""
    PUBLISH = "publish"
    """Send records to data collection rules."""


class Role(Enum):
    """A role, by the name Azure gives it."""

    READER = "Log Analytics Reader"
    CONTRIBUTOR = "Log Analytics Contributor"
    SENTINEL_READER = "Microsoft Sentinel Reader"
    SENTINEL_RESPONDER = "Microsoft Sentinel Responder"
    SENTINEL_CONTRIBUTOR = "Microsoft Sentinel Contributor"
    PUBLISHER = "Monitoring Metrics Publisher"

    @property
    def allows(self) -> frozenset[Action]:
        """The actions that this role allows."""
        return _ALLOWS[self]


_ALLOWS = {
    Role.READER: frozenset({Action.READ}),
    # A principal has one role in a workspace, so this one has all of them: Azure would give it Sentinel's beside it.
    Role.CONTRIBUTOR: frozenset(Action),
    Role.SENTINEL_READER: frozenset({Action.READ}),
    Role.SENTINEL_RESPONDER: frozenset({Action.READ, Action.RESPOND}),
    Role.SENTINEL_CONTRIBUTOR: frozenset({Action.READ, Action.RESPOND, Action.AUTHOR}),
    Role.PUBLISHER: frozenset({Action.PUBLISH}),
}


@dataclass(frozen=True, slots=True)
class Grant:
    """A role in one workspace, which is named by its id."""

    workspace_id: str
    role: Role
