"""Who runs commands at the command line: whoever can write to the folder may do everything in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from huntlake.workspace.commands import Member, Need

if TYPE_CHECKING:
    from huntlake.identity.principals import Principals
    from huntlake.workspace.workspaces import Workspace


@dataclass(frozen=True)
class Owner:
    """The person at the command line."""

    principals: Principals

    @property
    def id(self) -> str:
        return ""

    def may(self, need: Need, workspace: Workspace) -> bool:
        return True

    def members(self, workspace: Workspace) -> Sequence[Member]:
        members = self.principals.members(workspace.id)
        return [Member(role.value, p.display_name, p.object_id, p.client_id) for p, role in members.items()]
