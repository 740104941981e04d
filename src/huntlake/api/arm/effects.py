"""The ledger of effects of playbooks. Azure has nothing of the kind: this contract is ours."""

from __future__ import annotations

from typing import Any

from huntlake.api.arm.resource import WORKSPACE, Place, Resource
from huntlake.core.errors import Refused
from huntlake.identity.rights import Action
from huntlake.playbooks.ledger import Entries, Entry, entry_shown
from huntlake.state.documents import Document


class EffectForm:
    """An effect: what was asked, without secrets, and what came of it."""

    def shown(self, place: Place, document: Document[Entry]) -> dict[str, Any]:
        """The effect's properties."""
        told = entry_shown(document)
        return {"properties": {n: v for n, v in told.items() if n != "name" and v not in (None, "")}}

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> Entry:
        """Only playbooks have effects."""
        raise Refused("an effect can't be written")


EFFECTS: Resource[Entry] = Resource(
    type="huntlake.Playbooks/effects",
    path=f"{WORKSPACE}/providers/huntlake.Playbooks/effects",
    form=EffectForm(),
    store=lambda place: Entries(place.services.playbooks.effects),
    read=Action.WATCH,
    filters=frozenset(
        {
            "name",
            *(
                f"properties/{name}"
                for name in (
                    "workflow",
                    "run",
                    "action",
                    "connector",
                    "operation",
                    "effect",
                    "mode",
                    "outcome",
                    "incident",
                )
            ),
        }
    ),
)

RESOURCES = (EFFECTS,)
