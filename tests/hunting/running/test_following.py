"""What a person makes of a finding is there whole and once, wherever the process dies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.hunting.running.world import ANN, BOB, DAY, ENTITIES, NOW, QUERY, World

from huntlake.detection.incidents import Incident, IncidentStatus
from huntlake.detection.rows import ALERTS, INCIDENTS
from huntlake.detection.severity import Severity
from huntlake.detection.timeline import EntryKind
from huntlake.hunting.hypotheses.hypothesis import Maker
from huntlake.hunting.lifecycle.hunt import HuntContent
from huntlake.hunting.lifecycle.new_hunt import NewHunt
from huntlake.hunting.running.run import FINDINGS
from huntlake.state.documents import Json, Write
from huntlake.state.memory import MemoryShelf


class Died(BaseException):
    """The process is killed: nothing catches it."""


class Mortal(MemoryShelf):
    """A shelf whose process dies at a write, before or after it is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.after = -1, False

    def _at(self, write: Callable[[], Any]) -> Any:
        self.left -= 1
        if self.left == 0 and not self.after:
            raise Died
        done = write()
        if self.left == 0:
            raise Died
        return done

    def insert(self, collection: str, name: str, value: Json, etag: str) -> bool:
        return bool(self._at(lambda: MemoryShelf.insert(self, collection, name, value, etag)))

    def upsert(self, collection: str, name: str, value: Json, etag: str) -> None:
        self._at(lambda: MemoryShelf.upsert(self, collection, name, value, etag))

    def update(self, collection: str, name: str, value: Json, etag: str, *, if_match: str) -> bool:
        return bool(self._at(lambda: MemoryShelf.update(self, collection, name, value, etag, if_match=if_match)))

    def delete(self, collection: str, name: str, *, if_match: str) -> bool:
        return bool(self._at(lambda: MemoryShelf.delete(self, collection, name, if_match=if_match)))

    def write(self, writes: Sequence[Write]) -> bool:
        return bool(self._at(lambda: MemoryShelf.write(self, writes)))


class Found:
    """A finding, in a world that can die and begin again."""

    def __init__(self) -> None:
        self.world = World(shelf=Mortal())
        self.world.processes("whoami")
        self.hunt = self.world.hunt()
        run = self.world.runs.run(self.world.workspace, self.hunt, NOW - DAY, NOW)
        self.run, self.signature = run.name, run.value.clusters[0].signature

    @property
    def shelf(self) -> Mortal:
        assert isinstance(self.world.shelf, Mortal)
        return self.world.shelf

    def again(self) -> None:
        """Begin anew, on what is kept."""
        self.shelf.left = -1
        self.world = World(self.world.session, self.world.clock, self.shelf)

    def bookmark(self) -> str:
        return self.world.following.bookmark(self.world.owner, self.hunt, self.run, self.signature, ANN, "odd")

    def escalate(self) -> str:
        follow = self.world.following.escalate
        return follow(self.world.owner, self.hunt, self.run, self.signature, Severity.HIGH, ANN, "go")

    def kept(self) -> dict[str, Any]:
        """How many there are of everything."""
        world, owner = self.world, self.world.owner
        incidents, run = world.detection.incidents, world.runs.get(owner, self.hunt, self.run).value
        entries = [cells for cells in world.audit.read(owner) if cells["Action"] == "hunt run/verdict"]
        return {
            "bookmarks": len(world.detection.bookmarks.list(owner)),
            "alerts": len(world.detection.alerts.list(owner)),
            "incidents": [d.value.number for d in incidents.list(owner)],
            "timeline": [e.kind.name for d in incidents.list(owner) for e in incidents.timeline(owner, d.name)],
            "held": [len(incidents.alerts(owner, d.name)) for d in incidents.list(owner)],
            "noted": [o.made.split(" ")[0] for o in run.outcomes],
            "audited": len(entries),
            "told": len(world.detection.events.pending(owner)),
            **{
                table: len(world.shelf.read_names(f"rows of {owner[0]}/{table}"))
                for table in (ALERTS, INCIDENTS, FINDINGS)
            },
        }


def deaths(act: Callable[[Found], object], before: Callable[[Found], object]) -> Iterator[tuple[Found, dict[str, Any]]]:
    """The same act with a death at each of its writes; what was there when it died, and the world that begins again."""
    for after in (False, True):
        for n in range(1, 100):
            found = Found()
            before(found)
            found.shelf.left, found.shelf.after = n, after
            try:
                act(found)
            except Died:
                found.again()
                yield found, found.kept()
                found.world.session.close()
                continue
            found.world.session.close()
            break


NOTHING = lambda found: None  # noqa: E731


@pytest.mark.parametrize("before", [NOTHING, Found.bookmark], ids=["at once", "of a bookmark"])
@pytest.mark.parametrize("act", [Found.bookmark, Found.escalate], ids=["bookmark", "incident"])
def test_a_finding_that_is_followed_is_whole_wherever_the_process_dies(
    act: Callable[[Found], str], before: Callable[[Found], object]
) -> None:
    clean = Found()
    before(clean)
    none = clean.kept()
    act(clean)
    whole, died = clean.kept(), 0
    clean.world.session.close()
    for found, then in deaths(act, before):
        died += 1
        assert then in (none, whole)
        for _ in range(2):
            act(found)
            assert found.kept() == whole
        assert not found.world.audit.verify(found.world.owner).faults
    if (act, before) != (Found.bookmark, Found.bookmark):
        assert died >= 2


def test_of_many_who_follow_a_finding_at_once_one_makes_the_incident() -> None:
    found = Found()
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: found.escalate(), range(16)))) == 1
    kept = found.kept()
    assert (kept["incidents"], kept["alerts"], kept["bookmarks"], kept["audited"]) == ([1], 1, 1, 1)
    found.world.session.close()


def test_an_incident_that_somebody_deleted_is_made_again_with_its_alert() -> None:
    found = Found()
    name = found.escalate()
    found.world.detection.incidents.delete(found.world.owner, name)
    assert found.escalate() == name
    kept = found.kept()
    assert (kept["incidents"], kept["held"], kept["alerts"], kept["audited"]) == ([2], [1], 1, 2)
    found.world.session.close()


def test_a_hunt_and_what_its_incident_says_of_it_are_written_together() -> None:
    new = NewHunt("Odd", "If …", "For …", HuntContent(QUERY, entities=ENTITIES), Maker.PERSON, incident="seen")

    def begin(world: World, by: Any = ANN) -> None:
        incidents = world.detection.incidents
        name = world.hunts.create(
            world.owner, new, by, lambda: incidents.hunt_noted(world.owner, "seen", new.id, new.title, by.author)
        ).name
        incidents.note_hunt(world.owner, "seen", name, new.title, by.author)

    def noted(world: World) -> int:
        told = world.detection.incidents.timeline(world.owner, "seen")
        return sum(e.kind is EntryKind.HUNT_BEGUN for e in told)

    died = 0
    for after in (False, True):
        for n in range(1, 100):
            world = World(shelf=(shelf := Mortal()))
            world.detection.incidents.put(world.owner, "seen", Incident("Odd", Severity.HIGH, IncidentStatus.NEW))
            shelf.left, shelf.after = n, after
            try:
                begin(world)
            except Died:
                died += 1
            is_over = shelf.left > 0
            shelf.left = -1
            world = World(world.session, world.clock, shelf)
            assert len(world.hunts.list(world.owner)) == noted(world)
            begin(world, BOB)
            assert (len(world.hunts.list(world.owner)), noted(world)) == (1, 1)
            world.session.close()
            if is_over:
                break
    assert died >= 2
