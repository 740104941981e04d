from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import pytest

from huntlake.core.clock import FixedClock
from huntlake.state.database import Database
from huntlake.state.documents import Append, Json, Put, Remove, Shelf
from huntlake.state.events import Events, Occasion
from huntlake.state.memory import MemoryShelf

CLOCK = FixedClock(datetime(2026, 3, 1, tzinfo=UTC))
OWNER = ("soc",)


@dataclass(frozen=True, slots=True)
class Rung:
    bell: str


@dataclass(frozen=True, slots=True)
class Silent:
    pass


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shelf]:
    if request.param == "memory":
        yield MemoryShelf()
        return
    is_file = request.param == "sqlite"
    database = Database.open(tmp_path / "state.db" if is_file else request.getfixturevalue("postgres"))
    yield database
    if not is_file:
        clear(database)
    database.close()


def clear(database: Database) -> None:
    for collection in ("c", "log", "events of soc", "last numbers"):
        for name in database.read_names(collection):
            database.delete(collection, name, if_match="*")


def test_several_writes_are_all_done_or_none(shelf: Shelf) -> None:
    assert shelf.write([Put("c", "a", 1, "e1", create=True), Append("log", "first")])
    for refused in (
        Put("c", "a", 2, "e2", create=True),
        Put("c", "a", 2, "e2", if_match="stale"),
        Put("c", "b", 2, "e2", if_match="*"),
        Remove("c", "b"),
        Remove("c", "a", "stale"),
    ):
        assert not shelf.write([Append("log", "lost"), Put("c", "new", 1, "e"), refused])
    assert shelf.read_names("c") == {"a"}
    assert shelf.write([Put("c", "a", 2, "e2", if_match="e1"), Put("c", "b", 3, "e3"), Remove("c", "a")]) or True
    assert [v for _, v in shelf.read_after("log", "")] == ["first"]


def test_numbers_count_up_and_are_never_given_twice(shelf: Shelf) -> None:
    assert shelf.write([Append("log", n) for n in range(12)])
    names = [n for n, _ in shelf.read_after("log", "")]
    assert [int(n) for n in names] == list(range(1, 13))
    for name in names:
        assert shelf.delete("log", name, if_match="*")
    assert shelf.write([Append("log", "more")])
    assert [int(n) for n, _ in shelf.read_after("log", "")] == [13]
    assert [v for _, v in shelf.read_after("log", names[-1])] == ["more"]


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_numbers_of_many_writers_are_in_the_order_of_commits(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    where = tmp_path / "state.db" if kind == "sqlite" else request.getfixturevalue("postgres")
    databases = [Database.open(where) for _ in range(4)]
    threads = [Thread(target=lambda d=d: [d.write([Append("log", n)]) for n in range(25)]) for d in databases]
    for thread in threads:
        thread.start()
    seen: list[str] = []
    while any(t.is_alive() for t in threads) or len(seen) < 100:
        seen += [n for n, _ in databases[0].read_after("log", seen[-1] if seen else "")]
    assert [int(n) for n in seen] == list(range(1, 101))
    clear(databases[0])
    for database in databases:
        database.close()


def test_a_document_that_is_there_is_not_made_again(shelf: Shelf) -> None:
    assert shelf.insert("c", "a", 1, "e1")
    assert not shelf.insert("c", "a", 2, "e2")
    assert shelf.read("c", "a") == (1, "e1")


def happening(shelf: Shelf, events: Events, *bells: str) -> None:
    assert shelf.write([events.append(OWNER, Rung(bell)) for bell in bells])


def test_listeners_hear_each_event_once_in_order(shelf: Shelf) -> None:
    events, heard = Events(shelf, CLOCK), list[str]()
    events.listen(Rung, lambda occasion, event: heard.append(event.bell))
    happening(shelf, events, "one", "two")
    events.deliver(OWNER)
    events.deliver(OWNER)
    assert heard == ["one", "two"]


def test_an_event_that_a_dead_process_left_is_told_by_the_next(shelf: Shelf) -> None:
    happening(shelf, Events(shelf, CLOCK), "one")
    events, heard = Events(shelf, CLOCK), list[tuple[str, str]]()
    events.listen(Rung, lambda occasion, event: heard.append((occasion.workspace, event.bell)))
    events.deliver(OWNER)
    assert heard == [("soc", "one")]


def test_a_listener_that_fails_hears_the_event_again_by_the_same_id(shelf: Shelf) -> None:
    events, heard = Events(shelf, CLOCK), list[str]()

    def listener(occasion: Occasion, event: Rung) -> None:
        heard.append(f"{occasion.id} {event.bell}")
        if len(heard) == 1:
            raise RuntimeError("not now")

    events.listen(Rung, listener)
    happening(shelf, events, "one", "two")
    events.deliver(OWNER)
    events.deliver(OWNER)
    assert [h.split()[1] for h in heard] == ["one", "two", "one"]
    assert heard[0] == heard[2]


def test_what_a_listener_does_is_told_after_it(shelf: Shelf) -> None:
    events, heard = Events(shelf, CLOCK), list[str]()

    def listener(occasion: Occasion, event: Rung) -> None:
        heard.append(event.bell)
        if event.bell == "one":
            happening(shelf, events, "echo")
            events.deliver(OWNER)
            heard.append("done")

    events.listen(Rung, listener)
    happening(shelf, events, "one")
    events.deliver(OWNER)
    assert heard == ["one", "done", "echo"]


def test_what_nobody_listens_to_is_forgotten(shelf: Shelf) -> None:
    events = Events(shelf, CLOCK)
    events.listen(Rung, lambda occasion, event: None)
    assert shelf.write([events.append(OWNER, Silent())])
    events.deliver(OWNER)
    assert list(shelf.read_after("events of soc", "")) == []


def test_an_event_that_nobody_can_read_holds_up_no_other(shelf: Shelf) -> None:
    events, heard = Events(shelf, CLOCK), list[str]()
    events.listen(Rung, lambda occasion, event: heard.append(event.bell))
    strange: Json = {"type": "Rung", "at": CLOCK.now().isoformat(), "event": {"colour": "red"}}
    assert shelf.write([Append("events of soc", strange)])
    happening(shelf, events, "one")
    events.deliver(OWNER)
    assert heard == ["one"]
    assert [v for _, v in shelf.read_after("events of soc", "")] == [strange]


def test_what_another_process_has_told_meanwhile_is_not_told_again(shelf: Shelf) -> None:
    events, other, heard = Events(shelf, CLOCK), Events(shelf, CLOCK), list[str]()
    other.listen(Rung, lambda occasion, event: heard.append(event.bell))

    def listener(occasion: Occasion, event: Rung) -> None:
        if event.bell == "one":
            other.deliver(OWNER)
        else:
            heard.append(f"{event.bell} again")

    events.listen(Rung, listener)
    happening(shelf, events, "one", "two")
    events.deliver(OWNER)
    assert heard == ["one", "two"]
