"""The chain of what was done: nothing in it changes unseen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from huntlake.core.clock import FixedClock
from huntlake.core.errors import Unavailable
from huntlake.state.audit import SYSTEM, TABLE, Actor, AuditEntry, AuditTrail
from huntlake.state.database import Database
from huntlake.state.documents import Put
from huntlake.state.memory import MemoryShelf
from huntlake.state.records import Author

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
OWNER = ("soc",)
ROWS, HEADS = f"rows of soc/{TABLE}", "audit head of soc"
ENTRY = AuditEntry(
    Actor.person(Author("7", "Ann"), "approver"),
    "hunt/approve",
    "hunt",
    "h1",
    2,
    "in_review",
    "approved",
    "f" * 64,
    "fine “ü” \n",
    "Bob",
    "r1",
    {"automatic": "no", "rows": 3},
)


def chain(length: int = 4) -> tuple[MemoryShelf, AuditTrail]:
    shelf = MemoryShelf()
    trail = AuditTrail(shelf, FixedClock(NOW))
    for number in range(length):
        trail.append(OWNER, ENTRY if number % 2 == 0 else AuditEntry(SYSTEM, f"step {number}", "hunt", "h2"))
    return shelf, trail


def faulty(trail: AuditTrail, expected: str = "") -> bool:
    return bool(trail.verify(OWNER, expected).faults)


def rows(shelf: MemoryShelf) -> dict[str, dict[str, Any]]:
    return {name: cells for name, cells in shelf.read_after(ROWS, "") if isinstance(cells, dict)}


def test_a_chain_that_nobody_touched_is_whole() -> None:
    shelf, trail = chain()
    assert trail.verify(OWNER).faults == ()
    assert trail.verify(("other",)).faults == ()
    assert trail.head(OWNER).length == 4
    for cells in rows(shelf).values():
        assert not faulty(trail, cells["Hash"])


@pytest.mark.parametrize("which", range(4))
def test_any_changed_byte_of_any_column_is_found(which: int) -> None:
    shelf, trail = chain()
    name = sorted(rows(shelf))[which]
    text, _ = shelf._kept[ROWS, name]
    was = json.loads(text)
    tried = 0
    for place in range(len(text)):
        for other in {chr(ord(text[place]) ^ 1), "0", '"'} - {text[place]}:
            changed = text[:place] + other + text[place + 1 :]
            try:
                same = json.loads(changed) == was
            except ValueError:
                same = False
            if same:  # a blank between two cells, or the case of an escape: no column says anything else
                continue
            shelf._kept[ROWS, name] = changed, ""
            tried += 1
            assert faulty(trail), changed
    shelf._kept[ROWS, name] = text, ""
    assert tried > 1000
    assert not faulty(trail)


def test_any_changed_byte_of_the_head_is_found() -> None:
    shelf, trail = chain()
    text, etag = shelf._kept[HEADS, "head"]
    for place in range(len(text)):
        for other in {chr(ord(text[place]) ^ 1), "0", '"'} - {text[place], " "}:
            shelf._kept[HEADS, "head"] = text[:place] + other + text[place + 1 :], etag
            assert faulty(trail), text[:place] + other + text[place + 1 :]


@given(st.integers(0, 3), st.text(min_size=1, max_size=3), st.data())
@settings(max_examples=50, deadline=None)
def test_a_cell_that_says_something_else_is_found(which: int, text: str, data: st.DataObject) -> None:
    shelf, trail = chain()
    name, cells = sorted(rows(shelf).items())[which]
    column = data.draw(st.sampled_from(sorted(cells)))
    value = data.draw(st.sampled_from([text, 0, 7, None, 10**30, {"a": text}]))
    if cells[column] == value:
        return
    shelf.upsert(ROWS, name, cells | {column: value}, "")
    assert faulty(trail)


def test_a_cell_that_is_gone_or_added_is_found() -> None:
    shelf, trail = chain()
    name, cells = next(iter(rows(shelf).items()))
    for column in cells:
        shelf.upsert(ROWS, name, {k: v for k, v in cells.items() if k != column}, "")
        assert faulty(trail), column
    shelf.upsert(ROWS, name, cells | {"New": ""}, "")
    assert faulty(trail)


@pytest.mark.parametrize("left", range(4))
def test_a_tail_that_is_cut_off_is_found(left: int) -> None:
    shelf, trail = chain()
    for name in sorted(rows(shelf))[left:]:
        shelf.delete(ROWS, name, if_match="*")
    assert faulty(trail)


@pytest.mark.parametrize("which", range(4))
def test_an_entry_that_is_taken_out_is_found(which: int) -> None:
    shelf, trail = chain()
    shelf.delete(ROWS, sorted(rows(shelf))[which], if_match="*")
    assert faulty(trail)


@pytest.mark.parametrize(("one", "other"), [(0, 1), (0, 2), (1, 3), (2, 3)])
def test_entries_that_change_places_are_found(one: int, other: int) -> None:
    shelf, trail = chain()
    known = sorted(rows(shelf).items())
    shelf.upsert(ROWS, known[one][0], dict(known[other][1]), "")
    shelf.upsert(ROWS, known[other][0], dict(known[one][1]), "")
    assert faulty(trail)


@pytest.mark.parametrize("name", ["0000000000000000", "00000000000000015", "0000000000000005", "0000000000000003x"])
def test_an_entry_that_is_put_in_is_found(name: str) -> None:
    shelf, trail = chain()
    shelf.insert(ROWS, name, dict(rows(shelf)["0000000000000003"]), "")
    assert faulty(trail)


def test_an_entry_that_follows_the_end_and_isnt_written_is_found() -> None:
    shelf, trail = chain()
    writes = trail.entries(OWNER, ENTRY)
    assert shelf.write(writes[1:])
    assert faulty(trail)


def test_a_row_of_another_number_is_found() -> None:
    shelf, trail = chain()
    cells = rows(shelf)["0000000000000004"]
    shelf.delete(ROWS, "0000000000000004", if_match="*")
    shelf.insert(ROWS, "0000000000000009", dict(cells), "")
    assert faulty(trail)


def test_a_chain_that_was_written_anew_is_found_by_what_was_noted() -> None:
    _, old = chain()
    noted = old.head(OWNER).hash
    shelf = MemoryShelf()
    forged = AuditTrail(shelf, FixedClock(NOW))
    for _ in range(4):
        forged.append(OWNER, AuditEntry(SYSTEM, "nothing was done", "hunt", "h1"))
    assert not faulty(forged)
    assert faulty(forged, noted)
    shelf.delete(HEADS, "head", if_match="*")
    assert faulty(forged)


def test_nothing_is_added_where_the_end_cant_be_read() -> None:
    shelf, trail = chain()
    shelf.upsert(HEADS, "head", {"length": 4}, "e")
    with pytest.raises(Unavailable, match="can't be read"):
        trail.append(OWNER, ENTRY)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        made = Database.open(tmp_path / "state.db")
    else:
        made = Database.open(request.getfixturevalue("postgres"))
        with made._engine.connect() as connection:
            connection.execute(sa.text("delete from documents"))
    yield made
    made.close()


def test_in_a_database_entries_of_many_writers_make_one_chain(database: Database) -> None:
    trails = [AuditTrail(database, FixedClock(NOW)) for _ in range(4)]

    def write(trail: AuditTrail) -> None:
        for number in range(5):
            note = Put("notes", f"{id(trail)} {number}", {"n": number}, "e", create=True)
            trail.append(OWNER, ENTRY, beside=(note,))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, trails))
    found = trails[0].verify(OWNER)
    assert (found.head.length, found.faults) == (20, ())
    assert len(database.read_names("notes")) == 20


def test_in_a_database_a_changed_byte_is_found(database: Database) -> None:
    trail = AuditTrail(database, FixedClock(NOW))
    trail.append(OWNER, ENTRY, ENTRY, ENTRY)
    with database._engine.connect() as connection:
        one = {"c": ROWS, "n": "0000000000000002"}
        read = sa.text("select value from documents where collection = :c and name = :n")
        text = str(connection.execute(read, one).scalar_one())
        change = sa.text("update documents set value = :v where collection = :c and name = :n")
        for place in range(0, len(text), 7):
            other = "0" if text[place] != "0" else "1"
            connection.execute(change, one | {"v": text[:place] + other + text[place + 1 :]})
            assert faulty(trail), place
        connection.execute(change, one | {"v": text})
    assert not faulty(trail)
