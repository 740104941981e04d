"""A signed-in principal as the one who runs a command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from huntlake.identity.principals import Principal, Principals
from huntlake.identity.rights import Action
from huntlake.identity.users import Users
from huntlake.workspace.commands import Member, Need
from huntlake.workspace.workspaces import Workspace

_ACTIONS = {Need.READ: Action.READ, Need.WRITE: Action.WRITE, Need.MANAGE: Action.MANAGE}


@dataclass(frozen=True)
class PrincipalCaller:
    """A principal, whose roles say what its commands may do."""

    principal: Principal
    principals: Principals
    users: Users

    @property
    def id(self) -> str:
        return self.principal.client_id

    def may(self, need: Need, workspace: Workspace) -> bool:
        return need is Need.NOTHING or self.principal.may(_ACTIONS[need], workspace.id)

    def members(self, workspace: Workspace) -> Sequence[Member]:
        applications = self.principals.members(workspace.id).items()
        people = self.users.members(workspace.id).items()
        return [
            *(Member(role.value, p.display_name, p.object_id, p.client_id) for p, role in applications),
            *(Member(role.value, u.display_name, u.object_id, u.object_id, u.name) for u, role in people),
        ]
