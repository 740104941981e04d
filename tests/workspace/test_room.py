from __future__ import annotations

from datetime import timedelta

import pytest

from huntlake.core.errors import Busy
from huntlake.workspace.ingestion.room import Room

A, B, C = ("soc", "A"), ("soc", "B"), ("soc", "C")


def room(most: int = 100) -> Room:
    return Room(most, timedelta(0), lambda: None)


def test_what_waits_never_exceeds_the_room() -> None:
    one = room()
    one.take({A: 60})
    with pytest.raises(Busy):
        one.take({B: 41})
    one.take({B: 40})
    one.give_back({A: 60})
    one.take({C: 60})


def test_one_batch_larger_than_the_room_comes_in_alone() -> None:
    one = room()
    one.take({A: 150})
    with pytest.raises(Busy):
        one.take({A: 1})
    one.give_back({A: 150})
    one.take({A: 1})
    with pytest.raises(Busy):
        one.take({A: 150})


def test_a_stalled_table_leaves_the_room_to_others_and_has_half_of_one() -> None:
    one = room()
    one.take({A: 45})
    one.stalls(A, True)
    one.take({A: 5})
    with pytest.raises(Busy):
        one.take({A: 1})
    one.take({B: 100})
    with pytest.raises(Busy):
        one.take({B: 1})
    one.stalls(A, False)
    with pytest.raises(Busy):
        one.take({C: 1})


def test_many_stalled_tables_have_an_end() -> None:
    one = room()
    for table in (A, B):
        one.take({table: 100})
        one.stalls(table, True)
    with pytest.raises(Busy):
        one.take({C: 1})


def test_whoever_waits_is_let_in_when_there_is_room() -> None:
    one = Room(100, timedelta(seconds=60), lambda: one.give_back({A: 100}))
    one.take({A: 100})
    one.take({B: 100})
