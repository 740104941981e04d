"""Tables that take more than the right to read a workspace."""

from __future__ import annotations

from collections.abc import Callable

from huntlake.identity.principals import Principal
from huntlake.identity.rights import Action
from huntlake.workspace.workspaces import Workspaces


def opens(principal: Principal, workspaces: Workspaces) -> Callable[[str], bool]:
    """Whether the principal may read closed tables: they tell of the whole lake, so it may audit all of it or none."""
    return lambda table: all(principal.may(Action.AUDIT, w.id) for w in workspaces.list() if not w.remote)
