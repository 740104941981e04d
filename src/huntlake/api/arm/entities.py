"""Entities, as far as Azure Resource Manager does something with one: a playbook runs on it."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from huntlake.api.arm.incidents import PlaybookGiven, playbook_given
from huntlake.api.arm.resource import SENTINEL, Place, Resource
from huntlake.api.arm.wire import read
from huntlake.api.arm.workspaces import Fixed, Shown
from huntlake.identity.rights import Action


class OnEntity(PlaybookGiven):
    """The playbook that is to run, and the incident whose entity it runs on."""

    incident_arm_id: str = Field(min_length=1, max_length=2000)


def _run_playbook(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    place.may(Action.RESPOND)
    given = read(OnEntity, body, "body")
    playbook, incident = playbook_given(place, given), given.incident_arm_id.rstrip("/").rpartition("/")[2]
    place.services.playbooks.house.on_entity(playbook, place.here.name, incident, name, place.author)
    return 204, None


ENTITIES: Resource[Any] = Resource(
    type="Microsoft.SecurityInsights/Entities",
    path=f"{SENTINEL}/entities",
    form=Shown(lambda _, entity: {}),
    # Entities are shown with the incident they belong to.
    store=lambda place: Fixed(list),
    can_list=False,
    posts={"runPlaybook": (Action.RUN, _run_playbook)},
    unborn=frozenset({"runPlaybook"}),
)
