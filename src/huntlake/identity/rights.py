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
    HUNT = "hunt"
    """Propose, write, submit, schedule and retire governed hunts."""
    APPROVE_HUNTS = "approve hunts"
    """Approve and refuse governed hunts that others wrote."""
    LEAD_HUNTS = "lead hunts"
    """Approve hunts that a model drafted, and say how much is decided without a person."""
    AUDIT = "audit"
    """Together with the same right in every other workspace: see who signed in, and what was refused."""
    REVEAL = "reveal"
    """Learn what the tokens stand for that a language model was sent in place of names."""
    PUBLISH = "publish"
    """Send records to data collection rules."""
    WATCH = "watch"
    """See playbooks, their connections and their runs."""
    RUN = "run"
    """Start, cancel and resubmit runs of playbooks, and learn the URLs that set them off."""
    SWITCH = "switch"
    """Enable and disable playbooks."""
    AUTOMATE = "automate"
    """Make and change playbooks and connections."""


class Role(Enum):
    """A role, by the name Azure gives it."""

    READER = "Log Analytics Reader"
    CONTRIBUTOR = "Log Analytics Contributor"
    SENTINEL_READER = "Microsoft Sentinel Reader"
    SENTINEL_RESPONDER = "Microsoft Sentinel Responder"
    SENTINEL_CONTRIBUTOR = "Microsoft Sentinel Contributor"
    PUBLISHER = "Monitoring Metrics Publisher"
    LOGIC_APP_CONTRIBUTOR = "Logic App Contributor"
    LOGIC_APP_OPERATOR = "Logic App Operator"
    PLAYBOOK_OPERATOR = "Microsoft Sentinel Playbook Operator"
    AUTOMATION_CONTRIBUTOR = "Microsoft Sentinel Automation Contributor"
    SENIOR_HUNTER = "huntlake Senior Hunter"
    """Azure has none like it."""

    @property
    def allows(self) -> frozenset[Action]:
        """The actions that this role allows."""
        return _ALLOWS[self]


_READS = frozenset({Action.READ, Action.WATCH})
_RESPONDS = _READS | {Action.RESPOND, Action.RUN}
_AUTHORS = _RESPONDS | {Action.AUTHOR, Action.SWITCH, Action.HUNT, Action.APPROVE_HUNTS}

_ALLOWS = {
    # A principal has one role in a workspace: where Azure would give a second one beside it, a role has both.
    Role.READER: _READS,
    Role.CONTRIBUTOR: frozenset(Action),
    Role.SENTINEL_READER: _READS,
    Role.SENTINEL_RESPONDER: _RESPONDS,
    Role.SENTINEL_CONTRIBUTOR: _AUTHORS,
    Role.SENIOR_HUNTER: _AUTHORS | {Action.LEAD_HUNTS, Action.REVEAL},
    Role.PUBLISHER: frozenset({Action.PUBLISH}),
    Role.LOGIC_APP_CONTRIBUTOR: frozenset({Action.WATCH, Action.RUN, Action.SWITCH, Action.AUTOMATE}),
    Role.LOGIC_APP_OPERATOR: frozenset({Action.WATCH, Action.SWITCH}),
    Role.PLAYBOOK_OPERATOR: frozenset({Action.WATCH, Action.RUN}),
    Role.AUTOMATION_CONTRIBUTOR: frozenset({Action.WATCH, Action.RUN}),
}


@dataclass(frozen=True, slots=True)
class Grant:
    """A role in one workspace, which is named by its id.

    `by` is the outside provider whose groups gave it, and take it away again; empty where a person of this server did.
    """

    workspace_id: str
    role: Role
    by: str = ""
