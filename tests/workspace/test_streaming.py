from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from huntlake.assembly.analytics import Analytics
from huntlake.core.clock import FixedClock
from huntlake.core.errors import Busy, Conflict, Invalid, NotFound, Unavailable
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.geography import Nowhere
from huntlake.lake.log.owners import writers
from huntlake.workspace.ingestion.dead_letters import LETTERS
from huntlake.workspace.ingestion.streaming import Pace, Streams
from huntlake.workspace.query import QueryOptions
from huntlake.workspace.workspaces import Workspace

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SOC = Workspace("soc", "11111111-2222-3333-4444-555555555555")
SLOW = Pace(every=timedelta(hours=1))


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Place:
    """Processes over one lake, which are killed rather than ended."""

    home: Path
    processes: list[Analytics] = field(default_factory=list)

    def process(self, pace: Pace = SLOW) -> Analytics:
        made = Analytics.over(self.home, Bounds(threads=1), Nowhere(), FixedClock(NOW), pace=pace)
        self.processes.append(made)
        return made

    def kill(self, process: Analytics) -> None:
        """Let go of the lock, as a kill does, and of nothing else."""
        streams: Any = process.streams
        streams._stop.set()
        for thread in streams._threads:
            thread.join()
        streams._log._owned.release()
        streams._log = None

    def rows(self, process: Analytics, table: str = "T_CL") -> int:
        return process.lake.snapshot("soc", table).rows


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    for process in made.processes:
        process.close()


def ask(process: Analytics, text: str) -> list[list[Any]]:
    (table,) = process.queries.run(SOC, text, QueryOptions()).tables
    found: list[list[Any]] = json.loads(b"[" + b",".join(table.json_rows()) + b"]")
    return found


def dying_at(point: str) -> Callable[[str], None]:
    def at(reached: str) -> None:
        if reached == point:
            raise Killed

    return at


def numbers(process: Analytics) -> list[int]:
    return [row[0] for row in ask(process, "T_CL | project n | sort by n asc")]


def test_a_batch_is_seen_before_any_file_holds_it(place: Place) -> None:
    one = place.process()
    receipt = one.streams.append(SOC, "T_CL", [{"n": 1, "who": "ann"}, {"n": 2}])
    assert (receipt.rows, receipt.rejects, receipt.number) == (2, (), 1)
    assert place.rows(one) == 0
    assert ask(one, "T_CL | sort by n asc | project n, who, Type, TimeGenerated") == [
        [1, "ann", "T_CL", "2026-11-21T12:00:00Z"],
        [2, "", "T_CL", "2026-11-21T12:00:00Z"],
    ]
    one.streams.flush()
    assert place.rows(one) == 2
    assert numbers(one) == [1, 2]


def test_a_time_that_no_day_has_keeps_no_other_row_from_the_files(place: Place) -> None:
    one = place.process()
    one.streams.append(SOC, "T_CL", [{"n": 1, "TimeGenerated": "9999-12-31T23:59:59-05:00"}, {"n": 2}])
    one.streams.flush()
    assert place.rows(one) == 1
    assert numbers(one) == [2]
    assert ask(one, "HuntlakeDeadLetters | project Line, Reason") == [
        [1, "`TimeGenerated` is no datetime: 9999-12-31T23:59:59-05:00"]
    ]


def test_rows_in_files_and_rows_in_the_log_are_one_table(place: Place) -> None:
    one = place.process()
    one.streams.append(SOC, "T_CL", [{"n": 1}])
    one.streams.flush()
    one.streams.append(SOC, "T_CL", [{"n": 2, "new": 1.5}])
    assert ask(one, "T_CL | sort by n asc | project n, new") == [[1, None], [2, 1.5]]
    assert ask(one, "union * | where n > 0 | count") == [[2]]
    assert ask(one, "search '2' | count") == [[1]]


def test_a_time_filter_holds_for_what_waits(place: Place) -> None:
    one = place.process()
    old, new = "2026-11-20T00:00:00Z", "2026-11-21T11:00:00Z"
    one.streams.append(SOC, "T_CL", [{"n": 1, "TimeGenerated": old}, {"n": 2, "TimeGenerated": new}])
    assert ask(one, "T_CL | where TimeGenerated > ago(2h) | project n") == [[2]]
    one.streams.flush()
    assert ask(one, "T_CL | where TimeGenerated > ago(2h) | project n") == [[2]]


def test_a_catalogue_table_that_only_the_log_has_rows_of_is_not_empty(place: Place) -> None:
    one = place.process()
    one.streams.append(SOC, "SigninLogs", [{"UserPrincipalName": "ann", "ResultType": "0"}])
    assert ask(one, "SigninLogs | project UserPrincipalName, ResultType") == [["ann", "0"]]
    assert ask(one, "search 'ann' | count") == [[1]]


def test_another_process_reads_what_waits(place: Place) -> None:
    one, two = place.process(), place.process()
    one.streams.append(SOC, "T_CL", [{"n": 1}])
    assert ask(two, "T_CL | count") == [[1]]
    one.streams.flush()
    assert ask(two, "T_CL | count") == [[1]]
    one.streams.append(SOC, "T_CL", [{"n": 2}])
    two.streams.append(SOC, "T_CL", [{"n": 3}])
    assert numbers(one) == numbers(two) == [1, 2, 3]
    two.streams.flush()
    one.streams.flush()
    assert numbers(one) == numbers(two) == [1, 2, 3]


def test_a_dead_process_leaves_rows_that_queries_see_and_the_next_writer_brings_home(place: Place) -> None:
    one = place.process()
    one.streams.append(SOC, "T_CL", [{"n": 1}, {"n": 2}])
    one.streams.append(SOC, "U_CL", b'{"n": 3}')
    # Columns are new to others a moment later than to the process that brought them.
    assert numbers(one) == [1, 2]
    place.kill(one)
    two = place.process()
    # A reader takes nothing over.
    assert numbers(two) == [1, 2]
    recovery = two.streams.open()
    assert str(recovery) == "recovered 3 rows of 2 batches into T_CL, U_CL"
    assert place.rows(two) == 2
    assert numbers(two) == [1, 2]
    assert len(writers(two.lake.root)) == 1


@pytest.mark.parametrize("point", ["letters", "written", "committed", "recovered"])
def test_a_death_within_a_move_loses_nothing_and_doubles_nothing(place: Place, point: str) -> None:
    one = place.process()
    one.streams.append(SOC, "T_CL", [{"n": 1}, {"n": 2}, "7"])
    assert numbers(one) == [1, 2]
    one.streams.append(SOC, "T_CL", [{"n": 3}, {"n": "x"}])
    streams: Any = one.streams
    streams._at = dying_at(point)
    if point != "recovered":
        with pytest.raises(Killed):
            one.streams.flush()
    place.kill(one)
    two = place.process()
    dying: Any = two.streams
    dying._at = dying_at("recovered")
    with pytest.raises(Killed):
        two.streams.open()
    dying._log._owned.release()
    dying._log = None
    assert numbers(two) == [1, 2, 3]
    three = place.process()
    three.streams.open()
    assert numbers(three) == [1, 2, 3]
    assert ask(three, f"{LETTERS} | project Reason, Line, Text | sort by Line asc") == [
        ["`n` is no long: x", 2, '{"n":"x"}'],
        ["not a JSON object", 3, "7"],
    ]
    assert numbers(place.process()) == [1, 2, 3]


def test_a_commit_whose_end_nobody_saw_is_not_made_twice(place: Place) -> None:
    one = place.process()
    one.streams.append(SOC, "T_CL", [{"n": 1}])
    streams: Any = one.streams
    streams._at = dying_at("committed")
    with pytest.raises(Killed):
        one.streams.flush()
    one.streams.append(SOC, "T_CL", [{"n": 2}])
    assert numbers(one) == [1, 2]
    streams._at = lambda _: None
    one.streams.flush()
    assert place.rows(one) == 2
    assert numbers(one) == [1, 2]


def test_the_background_moves_rows_and_deletes_the_log(place: Place) -> None:
    one = place.process(Pace(every=timedelta(seconds=0.1)))
    one.streams.append(SOC, "T_CL", [{"n": 1}])
    for _ in range(100):
        if place.rows(one) and not list(one.lake.root.glob("_log/*/*.log")):
            break
        one.streams._stop.wait(0.1)
    assert place.rows(one) == 1
    assert list(one.lake.root.glob("_log/*/*.log")) == []


def test_an_end_moves_what_waits_and_leaves_no_log(place: Place) -> None:
    one = place.process()
    one.streams.append(SOC, "T_CL", [{"n": 1}])
    one.close()
    assert list((place.home / "lake" / "_log").iterdir()) == []
    assert numbers(place.process()) == [1]


def test_bad_lines_are_counted_at_once_and_misfits_go_to_the_dead_letters(place: Place) -> None:
    one = place.process()
    one.streams.append(SOC, "T_CL", [{"n": 1}])
    assert numbers(one) == [1]
    text = b'{"n": 2}\n\nnope\n[1]\n{"n": "many"}\n\xff\n{"n": 3}'
    receipt = one.streams.append(SOC, "T_CL", text, source="sensor 7")
    assert receipt.rows == 3
    assert [(r.line, r.reason) for r in receipt.rejects] == [
        (3, "not JSON"),
        (4, "not a JSON object"),
        (6, "not JSON"),
    ]
    assert numbers(one) == [1, 2, 3]
    one.streams.flush()
    assert ask(one, f"{LETTERS} | sort by Line asc | project Table, Line, Reason, Source, Text") == [
        ["T_CL", 3, "not JSON", "sensor 7", "nope"],
        ["T_CL", 4, "not a JSON object", "sensor 7", "[1]"],
        ["T_CL", 5, "`n` is no long: many", "sensor 7", '{"n": "many"}'],
        ["T_CL", 6, "not JSON", "sensor 7", "\\xff"],
    ]


def test_a_batch_may_be_an_array_and_a_row_may_hold_lines(place: Place) -> None:
    one = place.process()
    one.streams.append(SOC, "T_CL", b'[{"n": 1},\n {"n": 2}]')
    one.streams.append(SOC, "T_CL", ['{"n": 3,\n "s": "a\\nb"}'])
    assert ask(one, "T_CL | sort by n asc | project n, s") == [[1, ""], [2, ""], [3, "a\nb"]]


def test_an_object_that_looks_like_a_wrapper_is_a_row(place: Place) -> None:
    one = place.process()
    one.streams.append(SOC, "T_CL", [{"records": [{"n": 1}, {"n": 2}]}])
    assert ask(one, "T_CL | project records") == [[[{"n": 1}, {"n": 2}]]]


def test_a_table_that_nobody_knows_is_refused_before_anything_is_written(place: Place) -> None:
    one = place.process()
    with pytest.raises(NotFound):
        one.streams.append(SOC, "SignInLog", [{"n": 1}])
    assert list(one.lake.root.glob("_log/*/*.log")) == []


def test_a_batch_beyond_all_bounds_is_refused(place: Place) -> None:
    one = place.process()
    with pytest.raises(Invalid, match="the largest that is taken in"):
        one.streams.append(SOC, "T_CL", [{"s": "x" * 15_000_000}] * 5)


def test_too_much_that_waits_is_refused_and_taken_later(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    one = place.process(Pace(timedelta(hours=1), most=1000, patience=timedelta(seconds=0.3)))
    streams: Any = one.streams
    one.streams.open()
    with monkeypatch.context() as held:
        held.setattr(Streams, "flush", lambda self: None)
        one.streams.append(SOC, "T_CL", [{"n": 1, "s": "x" * 800}])
        with pytest.raises(Busy, match="too many requests"):
            one.streams.append(SOC, "T_CL", [{"n": 2, "s": "x" * 800}])
    streams.flush()
    one.streams.append(SOC, "T_CL", [{"n": 3, "s": "x" * 800}])
    assert numbers(one) == [1, 3]


def test_a_table_that_takes_no_rows_keeps_no_other_from_coming_in(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = place.process(Pace(timedelta(hours=1), most=4_000, patience=timedelta(seconds=0.2)))

    def refusing(*given: object, **more: object) -> None:
        raise Conflict("no")

    one.streams.append(SOC, "T_CL", [{"n": 1, "s": "x" * 1_500}])
    with monkeypatch.context() as blocked:
        blocked.setattr(one.lake.table("soc", "T_CL"), "commit", refusing)
        with pytest.raises(Conflict):
            one.streams.flush()
        for n in range(3):
            one.streams.append(SOC, "U_CL", [{"n": n, "s": "x" * 3_000}])
            with pytest.raises(Conflict):
                one.streams.flush()
            with pytest.raises(Busy, match="too many requests"):
                one.streams.append(SOC, "T_CL", [{"n": 9, "s": "x" * 1_500}])
        assert place.rows(one, "U_CL") == 3
    one.streams.flush()
    one.streams.append(SOC, "T_CL", [{"n": 2, "s": "x" * 1_500}])
    assert numbers(one) == [1, 2]


def test_a_file_s_dead_letters_can_be_asked_for_as_a_stream_s(place: Place) -> None:
    one = place.process()
    file = place.home / "rows.json"
    file.write_text('{"n": 1}\n[2]\n')
    one.ingestion.ingest(SOC, "T_CL", file)
    one.streams.append(SOC, "T_CL", ["3"])
    one.streams.flush()
    asked = f"{LETTERS} | sort by Line asc, Source asc | project TimeGenerated, Table, Line, Reason, Source, Text"
    assert ask(one, asked) == [
        ["2026-11-21T12:00:00Z", "T_CL", 1, "not a JSON object", "stream", "3"],
        ["2026-11-21T12:00:00Z", "T_CL", 2, "not a JSON object", "rows.json", "[2]"],
    ]


def test_a_full_disk_refuses_and_queries_go_on(place: Place) -> None:
    one = place.process()
    one.streams.append(SOC, "T_CL", [{"n": 1}])
    streams: Any = one.streams

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    streams._log._write = full
    with pytest.raises(Unavailable, match="the disk is full"):
        one.streams.append(SOC, "T_CL", [{"n": 2}])
    assert numbers(one) == [1]
    streams._log._write = os.write
    one.streams.append(SOC, "T_CL", [{"n": 3}])
    assert numbers(one) == [1, 3]


def test_a_log_that_the_disk_has_spoilt_is_told_of_and_kept(place: Place) -> None:
    one = place.process()
    for n in (1, 2, 3):
        one.streams.append(SOC, "T_CL", [{"n": n}])
    place.kill(one)
    (segment,) = one.lake.root.glob("_log/*/*.log")
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 1
    segment.write_bytes(data)
    two = place.process()
    recovery = two.streams.open()
    assert recovery.rows == 2
    assert [d.file.read_bytes() for d in recovery.damage] == [data]
    assert "could not read bytes" in str(recovery)
    assert numbers(two) == [1, 3]


def test_a_clock_that_goes_back_changes_nothing(place: Place) -> None:
    one = place.process()
    streams: Any = one.streams
    for n, hour in ((1, 12), (2, 3), (3, 20)):
        streams._clock = FixedClock(NOW.replace(hour=hour))
        one.streams.append(SOC, "T_CL", [{"n": n}])
    place.kill(one)
    two = place.process()
    two.streams.open()
    assert numbers(two) == [1, 2, 3]


def test_fields_may_have_any_name(place: Place) -> None:
    one = place.process()
    row = {
        "n": 1,
        "_line": 77,
        "_bad": "b",
        "_undated": "u",
        "_text": "t",
        "r0": 5,
        "v0": 6,
        "s": 7,
        "number in the log": 8,
    }
    one.streams.append(SOC, "T_CL", [row])
    assert ask(one, "T_CL | project n, _line, _bad, _undated, _text, r0, v0, s, number_in_the_log") == [[*row.values()]]
    file = place.home / "rows.json"
    file.write_text(json.dumps(row))
    one.ingestion.ingest(SOC, "F_CL", file)
    assert ask(one, "F_CL | project n, _line, _bad, _undated, _text, r0, v0, s, number_in_the_log") == [[*row.values()]]
