"""Where the resources of Logic Apps are, and to which workspace each belongs."""

from __future__ import annotations

from typing import Any

from huntlake.api.arm import belonging
from huntlake.api.arm.resource import GROUP, Place, Post
from huntlake.core.errors import Invalid
from huntlake.workspace.workspaces import Workspace

TYPE = "Microsoft.Logic/workflows"
LOGIC = f"{GROUP}/providers/Microsoft.Logic"
PATH = f"{LOGIC}/workflows"
OF_WORKFLOW = f"{PATH}/{{workflow}}"


def workflow_id(place: Place, name: str) -> str:
    """The id of a workflow, wherever it is asked for."""
    subscription = place.services.subscription
    path = PATH.replace("{subscription}", subscription.id).replace("{group}", subscription.group)
    return f"{path}/{name}"


def endpoint(place: Place, name: str) -> str:
    """Where a workflow is called: no address below it does anything without a signature."""
    return f"{place.base_url}/workflows/{place.services.playbooks.addresses.id_of(name)}"


def of_workflow(place: Place, name: str) -> Workspace | None:
    """The workspace of the workflow that the path names, or of that `name` for the workflows themselves."""
    above = place.names.get("workflow", "")
    if not (wanted := above or name):
        return None
    found = place.services.playbooks.workflows.find(wanted)
    return belonging.visible(
        place, found.value.workspace if found else None, f"`{wanted}` is among the workflows", bool(above)
    )


def refused(what: str, why: str = "") -> Post:
    """A POST that isn't done here, and says so."""

    def post(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
        raise Invalid(f"`{what}` is not supported{': ' if why else ''}{why}")

    return post
