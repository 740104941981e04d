"""Packages of hunts, and hunts delivered to this workspace. Azure has nothing of the kind: this contract is ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from huntlake.api.arm.hunting_acting import HUNTING, ReadOnly, acting
from huntlake.api.arm.resource import Place, Resource
from huntlake.api.arm.wire import Part, properties_of, read
from huntlake.core.errors import NotFound, Refused
from huntlake.hunting.delivery.piece import Destination, Step
from huntlake.hunting.delivery.sentinel import Here, Queries, Row
from huntlake.hunting.packages import markdown
from huntlake.identity.rights import Action
from huntlake.state.documents import Document
from huntlake.state.records import Owner

_HUNT = f"{HUNTING}/hunts/{{hunt}}"


class DestinationName(StrEnum):
    """Where a hunt is delivered. A repository and a notebook lie on a machine: the command line delivers to these."""

    QUERIES = "queries"
    WATCHLIST = "watchlist"


class Wanted(Part):
    """Where to, and whether it is to be done; else only the plan is given."""

    destination: DestinationName
    apply: bool = False


class NothingKept:
    """What is answered by POSTs alone."""

    def shown(self, place: Place, document: Document[None]) -> dict[str, Any]:
        """Nothing is shown."""
        return {"properties": {}}

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> None:
        """Nothing is written by PUT."""
        raise Refused("POST to the collection makes one")


@dataclass(frozen=True)
class Nothing(ReadOnly):
    """Nothing is listed: the audit tells what was made."""

    def list(self, owner: Owner) -> Sequence[Document[None]]:
        """Nothing."""
        return ()

    def get(self, owner: Owner, name: str) -> Document[None]:
        """Nothing."""
        raise NotFound(f"nothing named `{name}` is kept")


def _package(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    said = place.services.hunting.packaging.make(place.owner[:1], place.owner[1], acting(place))
    return 200, {"package": said, "markdown": markdown(said)}


def _deliver(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    wanted = read(Wanted, properties_of(body))
    services, owner = place.services, place.owner[:1]
    path = place.path.partition("/providers/huntlake.Hunting")[0]
    here = Here(place.here, path, services.saved_searches, services.hunts, services.watchlists, place.author)
    to: Destination = Queries(here) if wanted.destination is DestinationName.QUERIES else Row(here)
    delivery = services.hunting.delivery
    steps: Sequence[Step]
    if wanted.apply:
        steps = delivery.deliver(owner, place.owner[1], to, acting(place))
    else:
        _, steps = delivery.plan(owner, place.owner[1], to)
    return 200, {
        "destination": to.name,
        "applied": wanted.apply,
        "steps": [{"move": s.verb.value, "kind": s.kind, "name": s.name, "body": s.body} for s in steps],
    }


PACKAGES: Resource[None] = Resource(
    type="huntlake.Hunting/hunts/packages",
    path=f"{_HUNT}/packages",
    form=NothingKept(),
    store=lambda place: Nothing(),
    collection_posts={"": (Action.HUNT, _package)},
)

DELIVERIES: Resource[None] = Resource(
    type="huntlake.Hunting/hunts/deliveries",
    path=f"{_HUNT}/deliveries",
    form=NothingKept(),
    store=lambda place: Nothing(),
    collection_posts={"": (Action.HUNT, _deliver)},
)

RESOURCES = (PACKAGES, DELIVERIES)
