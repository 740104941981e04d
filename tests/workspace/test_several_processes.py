"""Several processes over one lake: what one clears is gone for all, and what one drops doesn't come back."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.lake.power import Disk
from tests.workspace.test_streaming import SLOW, SOC, Killed, Place, ask, numbers

from huntlake.core.errors import NotFound
from huntlake.lake.forms import Form, StoredColumn
from huntlake.lake.index.building import build
from huntlake.lake.log.owners import writers
from huntlake.lake.table import LakeTable
from huntlake.workspace.ingestion.dead_letters import LETTERS

N = StoredColumn("n", Form.BIGINT)


@pytest.fixture
def place(tmp_path: Path) -> Any:
    made = Place(tmp_path / "home")
    yield made
    for process in made.processes:
        process.close()


def test_a_column_that_came_with_rows_in_another_log_is_there_with_them(place: Place) -> None:
    one, two = place.process(), place.process()
    one.streams.append(SOC, "T_CL", [{"n": 1, "who": "ann"}])
    assert ask(two, "T_CL | project n, who") == [[1, "ann"]]
    assert ask(two, "search 'ann' | count") == [[1]]
    place.kill(one)
    assert ask(place.process(), "T_CL | where * has 'ann' | project who") == [["ann"]]


def test_a_clear_takes_what_was_acknowledged_before_by_whomever_and_leaves_what_came_after(place: Place) -> None:
    one, two, dead = place.process(), place.process(), place.process()
    for n, process in enumerate((one, two, dead), 1):
        process.streams.append(SOC, "T_CL", [{"n": n}])
    place.kill(dead)
    two.streams.flush()
    assert numbers(one) == [1, 2, 3]
    one.lake.clear(SOC.name, "T_CL")
    assert numbers(one) == numbers(two) == []
    two.streams.append(SOC, "T_CL", [{"n": 4}])
    one.streams.append(SOC, "T_CL", [{"n": 5}])
    assert numbers(one) == numbers(two) == [4, 5]
    one.streams.flush()
    two.streams.flush()
    three = place.process()
    three.streams.open()
    assert numbers(three) == numbers(one) == [4, 5]


def test_a_dropped_table_that_is_made_again_has_only_what_came_later(place: Place) -> None:
    one, two, dead = place.process(), place.process(), place.process()
    for n, process in enumerate((one, two, dead), 1):
        process.streams.append(SOC, "T_CL", [{"n": n}])
        process.streams.append(SOC, "Other_CL", [{"n": n}])
    place.kill(dead)
    assert numbers(two) == [1, 2, 3]
    assert one.lake.drop(SOC.name, "T_CL")
    two.streams.append(SOC, "T_CL", [{"n": "now a text"}])
    assert ask(one, "T_CL | project n") == ask(two, "T_CL | project n") == [["now a text"]]
    for process in (one, two):
        process.streams.flush()
    three = place.process()
    three.streams.open()
    for process in (one, two, three):
        assert ask(process, "T_CL | project n") == [["now a text"]]
        assert ask(process, "Other_CL | count") == [[3]]


def test_rows_that_a_dropped_table_held_do_not_come_back_out_of_a_log(place: Place) -> None:
    one = place.process()
    one.streams.append(SOC, "T_CL", [{"n": 1}])
    one.streams.append(SOC, "Other_CL", [{"n": 1}])
    streams: Any = one.streams
    streams._move(streams._streams[SOC.name, "T_CL"])
    assert place.rows(one) == 1
    one.lake.drop(SOC.name, "T_CL")
    place.kill(one)
    two = place.process()
    assert str(two.streams.open()) == "recovered 1 rows of 1 batches into Other_CL"
    with pytest.raises(Exception, match="T_CL"):
        numbers(two)


def test_a_table_that_another_process_has_replaced_is_read_and_written_as_it_is_now(place: Place) -> None:
    one, two = place.process(), place.process()
    for n in range(5):
        one.streams.append(SOC, "T_CL", [{"n": n}])
        one.streams.flush()
    assert numbers(one) == [0, 1, 2, 3, 4]
    two.lake.drop(SOC.name, "T_CL")
    two.streams.append(SOC, "T_CL", [{"n": 7}])
    two.streams.flush()
    assert numbers(one) == [7]
    one.streams.append(SOC, "T_CL", [{"n": 8}])
    one.streams.flush()
    assert numbers(one) == numbers(two) == numbers(place.process()) == [7, 8]


def test_a_clear_while_rows_move_lets_none_of_them_back(place: Place) -> None:
    one, two = place.process(), place.process()
    one.streams.append(SOC, "T_CL", [{"n": 1}])
    streams: Any = one.streams

    def cleared(point: str) -> None:
        if point == "written":
            streams._at = lambda _: None
            two.lake.clear(SOC.name, "T_CL")
            one.streams.append(SOC, "T_CL", [{"n": 2}])

    streams._at = cleared
    one.streams.flush()
    assert numbers(one) == numbers(two) == [2]
    one.streams.flush()
    assert (numbers(one), place.rows(one)) == ([2], 1)


@pytest.mark.parametrize("again", [False, True])
def test_a_drop_while_rows_move_lets_none_of_them_back(place: Place, again: bool) -> None:
    one, two = place.process(), place.process()
    one.streams.append(SOC, "T_CL", [{"n": 1}])
    streams: Any = one.streams

    def dropped(point: str) -> None:
        if point == "letters":
            streams._at = lambda _: None
            two.lake.drop(SOC.name, "T_CL")
            if again:
                two.lake.table(SOC.name, "T_CL").declare([N])

    streams._at = dropped
    one.streams.flush()
    if again:
        assert numbers(one) == numbers(two) == []
    one.streams.append(SOC, "T_CL", [{"n": 2}])
    one.streams.flush()
    assert numbers(one) == numbers(two) == [2]


def test_rows_for_a_dropped_table_that_nobody_may_make_are_dead_letters_and_keep_nothing_waiting(place: Place) -> None:
    one, two = place.process(), place.process()
    two.lake.table(SOC.name, "Plain").declare([N])
    one.streams.append(SOC, "Plain", [{"n": 1}])
    have: Any = one.streams
    have._have, kept = lambda *_: None, have._have
    two.lake.drop(SOC.name, "Plain")
    one.streams.append(SOC, "Plain", [{"n": 2}, {"n": 3}], source="late")
    have._have = kept
    one.streams.append(SOC, "T_CL", [{"n": 4}])
    with pytest.raises(NotFound):
        one.streams.append(SOC, "Plain", [{"n": 5}])
    one.streams.flush()
    assert numbers(one) == [4]
    asked = f"{LETTERS} | project Table, Line, Text, Source | sort by Line asc"
    assert ask(one, asked) == [["Plain", 1, '{"n":2}', "late"], ["Plain", 2, '{"n":3}', "late"]]
    assert list(one.lake.root.glob("_log/*/*.log")) == []


def test_one_table_that_takes_nothing_keeps_no_other_waiting(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    one = place.process()
    for table in ("Bad_CL", "T_CL"):
        one.streams.append(SOC, table, [{"n": 1}])
    with monkeypatch.context() as held:
        bad = one.lake.table(SOC.name, "Bad_CL")

        def refuse(*_: object, **__: object) -> None:
            raise OSError("no")

        held.setattr(bad, "commit", refuse)
        with pytest.raises(OSError, match="no"):
            one.streams.flush()
    assert (place.rows(one), place.rows(one, "Bad_CL")) == (1, 0)
    one.streams.flush()
    assert place.rows(one, "Bad_CL") == 1


def test_a_table_that_takes_nothing_of_a_dead_log_keeps_neither_others_nor_what_comes_waiting(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = place.process()
    for table in ("Bad_CL", "T_CL"):
        one.streams.append(SOC, table, [{"n": 1}])
    place.kill(one)
    two = place.process()
    streams: Any = two.streams
    with monkeypatch.context() as held:

        def refuse(*_: object, **__: object) -> None:
            raise OSError("no")

        held.setattr(two.lake.table(SOC.name, "Bad_CL"), "commit", refuse)
        for _ in range(3):
            assert not streams._adopt()
        assert (place.rows(two), place.rows(two, "Bad_CL")) == (1, 0)
        assert not streams._room._held
    assert streams._adopt().tables == ("Bad_CL",)
    assert (place.rows(two), place.rows(two, "Bad_CL")) == (1, 1)


def test_a_copy_of_a_writers_folder_doubles_nothing(place: Place) -> None:
    one = place.process()
    one.streams.append(SOC, "T_CL", [{"n": 1}])
    (folder,) = writers(one.lake.root)
    for name in (f"{folder.name} (copy)", f"{folder.name}.bak", "old"):
        shutil.copytree(folder, folder.with_name(name))
    two = place.process()
    assert numbers(two) == [1]
    place.kill(one)
    two.streams.open()
    assert numbers(two) == [1]
    assert place.rows(two) == 1


def test_a_log_that_is_put_back_after_its_rows_have_moved_doubles_nothing(place: Place, tmp_path: Path) -> None:
    one = place.process()
    one.streams.append(SOC, "T_CL", [{"n": 1}])
    (folder,) = writers(one.lake.root)
    shutil.copytree(folder, tmp_path / "kept")
    one.streams.flush()
    one.close()
    shutil.copytree(tmp_path / "kept", folder)
    two = place.process()
    assert numbers(two) == [1]
    assert not two.streams.open().rows
    assert numbers(two) == [1]


def test_what_was_acknowledged_outlasts_a_power_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(tmp_path / "home" / "lake", monkeypatch)
    one = Place(tmp_path / "home").process()
    images: list[tuple[Path, int]] = []

    def cut(after: int) -> None:
        target = tmp_path / f"image-{len(images)}"
        disk.image(target / "lake")
        images.append((target, after))

    one.streams.append(SOC, "T_CL", [{"n": 1}])
    cut(1)
    streams: Any = one.streams
    streams._at = lambda _: cut(1)
    one.streams.flush()
    streams._at = lambda _: None
    cut(1)
    one.streams.append(SOC, "T_CL", [{"n": 2, "a new column": "x"}, "no object"])
    cut(2)
    one.streams.flush()
    cut(2)
    for n in range(3, 110):
        one.lake.table(SOC.name, "T_CL").commit([], holds={"someone": n})
    one.streams.append(SOC, "T_CL", [{"n": 3}])
    one.streams.flush()
    cut(3)
    assert list((one.lake.root / SOC.name / "T_CL" / "_delta_log").glob("*.checkpoint.parquet"))
    monkeypatch.undo()
    one.close()
    for target, after in images:
        two = Place(target).process(SLOW)
        two.streams.open()
        assert numbers(two) == list(range(1, after + 1)), target
        two.close()


@pytest.mark.parametrize("error", [Killed(), OSError(5, "Input/output error")])
def test_a_log_goes_only_when_the_disk_has_what_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    disk = Disk(tmp_path / "home" / "lake", monkeypatch)
    place = Place(tmp_path / "home")
    one = place.process()
    one.streams.append(SOC, "T_CL", [{"n": 1}])
    one.streams.settle(SOC.name, "T_CL")

    def ends(*_: Any) -> None:
        raise error

    # The commit is there for everyone to see, and the disk doesn't have it yet.
    with monkeypatch.context() as patched:
        patched.setattr(LakeTable, "_flush_log", ends)
        with pytest.raises(type(error)):
            one.streams.flush()
    if isinstance(error, Killed):
        place.kill(one)
        one = place.process()
        one.streams.open()
    else:
        one.streams.flush()
    disk.image(tmp_path / "image" / "lake")
    monkeypatch.undo()
    one.close()
    two = Place(tmp_path / "image").process()
    two.streams.open()
    assert numbers(two) == [1]
    two.close()


def test_a_file_that_was_not_written_to_its_end_is_taken_away(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    one = place.process()
    one.streams.append(SOC, "T_CL", [{"n": 1, "TimeGenerated": f"2026-11-{d}T00:00:00Z"} for d in (18, 19)])
    with monkeypatch.context() as failing:
        done: list[Any] = []

        def built(*arguments: Any) -> Any:
            if done:
                raise OSError(28, os.strerror(28))
            done.append(build(*arguments))

        failing.setattr("huntlake.lake.writing.build", built)
        with pytest.raises(OSError, match="No space"):
            one.streams.flush()
    assert list((one.lake.root / SOC.name).rglob("*.parquet*")) == []
    one.streams.flush()
    assert place.rows(one) == 2
