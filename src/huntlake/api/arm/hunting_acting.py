"""Who acts on hunts through the API: a person who signed in, or a program, by the roles of the workspace."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from huntlake.api.arm.resource import WORKSPACE, Place
from huntlake.core.errors import Refused
from huntlake.hunting.lifecycle.acting import Acting
from huntlake.identity.rights import Action
from huntlake.state.documents import Document
from huntlake.state.records import ALWAYS, Author, Only, Owner

T = TypeVar("T")

HUNTING = f"{WORKSPACE}/providers/huntlake.Hunting"


def acting(place: Place) -> Acting:
    """Who asks, with what they may do."""
    principal, id = place.principal, place.here.id
    # Whoever answers for a program's hunt may be named as they sign in: they can't approve it either.
    author = replace(place.author, user_principal_name=principal.sign_in_name)
    hunts = principal.may(Action.HUNT, id)
    if not place.is_person:
        return Acting.application(author, hunts=hunts)
    approves, leads = principal.may(Action.APPROVE_HUNTS, id), principal.may(Action.LEAD_HUNTS, id)
    return Acting.person(author, hunts=hunts, approves=approves, leads=leads)


class ReadOnly:
    """A store that nobody writes by PUT or DELETE."""

    def put(
        self, owner: Owner, name: str, value: T, by: Author = Author(), only: Only = ALWAYS
    ) -> tuple[Document[T], bool]:
        """Refused: what changes it are POSTs."""
        raise Refused("it can't be written")

    def delete(self, owner: Owner, name: str, only: Only = ALWAYS) -> bool:
        """Refused: what was done is kept."""
        raise Refused("it can't be deleted")
