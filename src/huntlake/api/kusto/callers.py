"""A signed-in principal as the one who runs a command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from huntlake.identity.principals import Principal, Principals
from huntlake.identity.rights import Action
from huntlake.workspace.commands import Member, Need
from huntlake.workspace.workspaces import Workspace

_ACTIONS = {Need.READ: Action.READ, Need.WRITE: Action.WRITE, Need.MANAGE: Action.MANAGE}


@dataclass(frozen=True)
class PrincipalCaller:
    """A principal, whose roles say what its commands may do."""

    principal: Principal
    principals: Principals

    @property
    def id(self) -> str:
        return self.principal.client_id

    def may(self, need: Need, workspace: Workspace) -> bool:
        return need is Need.NOTHING or self.principal.may(_ACTIONS[need], workspace.id)

    def members(self, workspace: Workspace) -> Sequence[Member]:
        members = self.principals.members(workspace.id)
        return [Member(role.value, p.display_name, p.object_id, p.client_id) for p, role in members.items()]
