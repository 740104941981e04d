"""To which workspace a resource of the resource group belongs: whose roles say what may be done with it."""

from __future__ import annotations

from collections.abc import Mapping

from huntlake.api.arm.errors import ParentNotFound
from huntlake.api.arm.resource import Place
from huntlake.core.errors import Invalid, NotFound, Refused
from huntlake.identity.rights import Action
from huntlake.workspace.workspaces import Workspace

TAG = "hidden-SentinelWorkspaceId"
"""The tag by which the templates of playbooks name their workspace; clients that can say no property use it, too."""


def visible(
    place: Place, workspace: str | None, what: str, below: bool = False, read: Action = Action.WATCH
) -> Workspace | None:
    """The workspace of something, by its name; None where there is no such thing, which `workspace` None says.

    Where the caller may not see it, or the path goes on `below` what isn't there, no `what` is there.
    """
    found = None if workspace is None else place.services.workspaces.find(workspace)
    if found is not None and place.principal.may(read, found.id):
        return found
    if workspace is None and not below:
        return None
    raise (ParentNotFound if below else NotFound)(f"no {what}")


def chosen(place: Place, said: str | None, tags: Mapping[str, str], before: str | None) -> str:
    """The name of the workspace that something is to belong to; `Refused` where the caller may make nothing there.

    What is said counts first, then the tag, then where it was before, then the setting `primary_workspace`, and at
    last the only workspace in which the caller may make such things.
    """
    tagged = next((v for k, v in tags.items() if k.lower() == TAG.lower()), None)
    given = said or tagged or before or place.services.settings.primary_workspace
    allowed = [w for w in place.services.workspaces.list() if place.principal.may(Action.AUTOMATE, w.id)]
    if given:
        known = given.rstrip("/").rpartition("/")[2].lower()
        found = [w for w in allowed if known in (w.name.lower(), w.id)]
        if not found:
            raise Refused(
                f"The client '{place.principal.client_id}' does not have authorization to perform action "
                f"'{Action.AUTOMATE.value}' in the workspace '{given[:200]}', or there is none."
            )
        return found[0].name
    if len(allowed) > 1:
        raise Invalid(f"several workspaces could be meant: name one as `huntlakeWorkspace`, or by the tag `{TAG}`")
    if not allowed:
        raise Refused(
            f"The client '{place.principal.client_id}' does not have authorization to perform action "
            f"'{Action.AUTOMATE.value}' in any workspace."
        )
    return allowed[0].name
