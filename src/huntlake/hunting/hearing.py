"""What hunting hears of, before it is there itself: most commands never need it, and it takes long to load."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from typing import TYPE_CHECKING

from huntlake.detection.events import IncidentCreated, IncidentUpdated
from huntlake.detection.incidents import IncidentStatus
from huntlake.hunting.lifecycle.events import HuntApproved
from huntlake.state.documents import Shelf
from huntlake.state.events import Events, Occasion
from huntlake.state.records import Owner

if TYPE_CHECKING:
    from huntlake.hunting.service import Hunting


class Later:
    """Hunting, made when it is first asked for, and once."""

    def __init__(self, make: Callable[[], Hunting]) -> None:
        self._make = make
        self._made: Hunting | None = None
        self._lock = Lock()

    def __call__(self) -> Hunting:
        if self._made is None:
            with self._lock:
                self._made = self._made or self._make()
        return self._made


def listen(events: Events, shelf: Shelf, hunting: Callable[[], Hunting]) -> None:
    """Hear of incidents, and of hunts that were approved; hunting itself is asked only about what concerns it."""

    def updated(occasion: Occasion, event: IncidentUpdated) -> None:
        if event.after.status is IncidentStatus.CLOSED and event.before.status is not IncidentStatus.CLOSED:
            hunting().closings.heard(occasion, event)

    def created(occasion: Occasion, event: IncidentCreated) -> None:
        if _has_hunts(shelf, occasion.workspace):
            hunting().publishing.raised(occasion, event)

    def approved(occasion: Occasion, event: HuntApproved) -> None:
        hunting().publishing.approved(occasion, event)

    events.listen(IncidentUpdated, updated)
    events.listen(IncidentCreated, created)
    events.listen(HuntApproved, approved)


def held(shelf: Shelf, hunting: Callable[[], Hunting], owner: Owner) -> Mapping[str, str]:
    """The rules of a workspace that wait because hunting does, and why; without hunts there are none."""
    return hunting().holding.held(owner[:1]) if _has_hunts(shelf, owner[0]) else {}


def _has_hunts(shelf: Shelf, workspace: str) -> bool:
    return bool(shelf.read_names(f"governed hunts of {workspace}"))
