"""Who may do what in which workspace, for services that only know an owner's id."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from huntlake.core.errors import NotFound

if TYPE_CHECKING:
    from huntlake.identity.principals import Principals
    from huntlake.identity.rights import Action
    from huntlake.identity.users import Users
    from huntlake.workspace.async_queries import Readable
    from huntlake.workspace.jobs.landing import Rights
    from huntlake.workspace.workspaces import Workspace, Workspaces


def readable(principals: Principals, users: Users, workspaces: Workspaces) -> Readable:
    from huntlake.identity.rights import Action

    return lambda owner, database: _workspace_for(principals, users, workspaces, owner, database, Action.READ)


def rights(principals: Principals, users: Users, workspaces: Workspaces) -> Rights:
    from huntlake.identity.rights import Action
    from huntlake.workspace.jobs.landing import LOCAL, Rights

    def may(action: Action) -> Readable:
        def found(owner: str, database: str) -> Workspace | None:
            if owner == LOCAL:
                # Who can run commands in the lake's folder can do everything there.
                with suppress(NotFound):
                    return workspaces.by_database(database)
                return None
            return _workspace_for(principals, users, workspaces, owner, database, action)

        return found

    return Rights(may(Action.READ), may(Action.MANAGE))


def _workspace_for(
    principals: Principals, users: Users, workspaces: Workspaces, owner: str, database: str, action: Action
) -> Workspace | None:
    """The workspace of that name, where the owner of that id may do that in it."""
    principal = principals.of_id(owner)
    if principal is None and (user := users.of_id(owner)) is not None:
        principal = user.principal
    with suppress(NotFound):
        workspace = workspaces.by_database(database)
        if principal is not None and principal.may(action, workspace.id):
            return workspace
    return None
