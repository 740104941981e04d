from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from huntlake.core.errors import Unavailable
from huntlake.lake.log.frames import Draft, Frame, encode, scan
from huntlake.lake.log.owners import abandoned, new_owner, writers
from huntlake.lake.log.reading import Tail, frames_of, keep_damaged, segments
from huntlake.lake.log.writing import LogWriter, Write, _Waiting
from huntlake.lake.sources import Reject

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ID = "11111111-2222-3333-4444-555555555555"


def batch(n: int, table: str = "T_CL") -> Draft:
    return Draft("soc", ID, table, "here", 2, NOON, b'{"n":%d}\n{"n":%d}' % (n, -n))


def numbered(*numbers: int) -> bytes:
    return b"".join(encode(batch(n)).numbered(n) for n in numbers)


class Log:
    """A writer, and what it was told to publish."""

    def __init__(self, root: Path, write: Write = os.write, segment_bytes: int = 1 << 20) -> None:
        self.frames: list[Frame] = []
        self.owned = new_owner(root)
        self.writer = LogWriter(self.owned, self.published, segment_bytes=segment_bytes, write=write)

    def published(self, frames: Sequence[Frame]) -> None:
        self.frames += frames

    def die(self) -> None:
        """What a kill leaves: the folder, without its lock."""
        self.owned.release()


def left(root: Path) -> list[int]:
    (owned,) = abandoned(root)
    found = [f.sequence for frames, _ in frames_of(owned) for f in frames]
    owned.release()
    return found


def test_of_batches_that_are_kept_together_all_are_there_or_none(tmp_path: Path) -> None:
    full = False

    def write(descriptor: int, data: bytes) -> int:
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return os.write(descriptor, data)

    log = Log(tmp_path, write)
    assert log.writer.append_all([batch(1), batch(2, "Other_CL")]) == (1, 2)
    full = True
    with pytest.raises(Unavailable):
        log.writer.append_all([batch(3), batch(4, "Other_CL")])
    assert [f.sequence for f in log.frames] == [1, 2]
    log.die()
    assert left(tmp_path) == [1, 2]


def test_a_frame_comes_back_as_it_went_in() -> None:
    draft = Draft("soc", ID, "T_CL", "é", 1, NOON, b'{"a":1}', (3,), (Reject(2, "not JSON", "{\u20ac"),))
    found = scan(encode(draft).numbered(7))
    assert found.frames == (Frame(7, draft),)
    assert not found.damage


def test_every_cut_of_the_last_frame_loses_that_frame_alone() -> None:
    first, whole = len(numbered(1)), numbered(1, 2)
    for length in range(first, len(whole)):
        found = scan(whole[:length])
        assert [f.sequence for f in found.frames] == [1]
        assert found.end == first
        assert not found.damage


def test_room_that_was_never_written_is_no_damage() -> None:
    assert not scan(numbered(1) + bytes(10_000)).damage


def test_any_flipped_byte_is_found_and_what_follows_it_is_read() -> None:
    first, whole = len(numbered(1)), numbered(1, 2, 3)
    second = len(numbered(2))
    for at in range(first, first + second):
        data = bytearray(whole)
        data[at] ^= 0x55
        found = scan(bytes(data))
        assert [f.sequence for f in found.frames] == [1, 3], at
        assert found.damage == ((first, first + second),)


def test_one_who_reads_a_living_log_stops_at_what_is_not_whole() -> None:
    data = bytearray(numbered(1, 2, 3))
    data[len(numbered(1)) + 30] ^= 1
    found = scan(bytes(data), live=True)
    assert [f.sequence for f in found.frames] == [1]
    assert not found.damage


def test_what_was_acknowledged_is_there_after_a_death(tmp_path: Path) -> None:
    log = Log(tmp_path)
    assert [log.writer.append(batch(n)) for n in range(1, 4)] == [1, 2, 3]
    assert [f.sequence for f in log.frames] == [1, 2, 3]
    log.die()
    assert left(tmp_path) == [1, 2, 3]


def test_a_living_writers_folder_is_nobody_elses(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.writer.append(batch(1))
    assert list(abandoned(tmp_path)) == []
    assert [f.name for f in writers(tmp_path)] == [log.writer.writer]


def test_a_folder_is_taken_over_once(tmp_path: Path) -> None:
    Log(tmp_path).die()
    (first,) = abandoned(tmp_path)
    assert list(abandoned(tmp_path)) == []
    first.remove()
    assert writers(tmp_path) == ()


def test_many_threads_share_flushes_and_all_of_theirs_is_kept_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushes = 0
    real = os.fdatasync

    def counted(descriptor: int) -> None:
        nonlocal flushes
        flushes += 1
        threading.Event().wait(0.002)
        real(descriptor)

    monkeypatch.setattr(os, "fdatasync", counted)
    log = Log(tmp_path, segment_bytes=4096)

    def work() -> None:
        for n in range(25):
            log.writer.append(batch(n))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert [f.sequence for f in log.frames] == list(range(1, 201))
    assert flushes < 200
    log.die()
    assert left(tmp_path) == list(range(1, 201))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_disk_that_refuses_keeps_nothing_of_the_batch_and_takes_the_next(tmp_path: Path, number: int) -> None:
    refusing = False

    def write(descriptor: int, data: bytes) -> int:
        if refusing:
            # Half of it gets there, as on a disk that fills up.
            os.write(descriptor, data[: len(data) // 2])
            raise OSError(number, os.strerror(number))
        return os.write(descriptor, data)

    log = Log(tmp_path, write)
    log.writer.append(batch(1))
    refusing = True
    for _ in range(3):
        with pytest.raises(Unavailable, match="nothing of the batch was taken in"):
            log.writer.append(batch(2))
    refusing = False
    assert log.writer.append(batch(3)) == 5
    assert [f.sequence for f in log.frames] == [1, 5]
    log.die()
    assert left(tmp_path) == [1, 5]


def test_segments_go_when_the_tables_hold_all_of_them(tmp_path: Path) -> None:
    log = Log(tmp_path, segment_bytes=1)
    for n, table in enumerate(("A_CL", "B_CL", "A_CL"), 1):
        log.writer.append(batch(n, table))
    assert len(segments(log.owned.folder)) == 3
    log.writer.trim({("soc", "A_CL"): 1})
    assert len(segments(log.owned.folder)) == 2
    log.writer.trim({("soc", "A_CL"): 3})
    assert len(segments(log.owned.folder)) == 1
    log.writer.trim({("soc", "A_CL"): 3, ("soc", "B_CL"): 2})
    assert segments(log.owned.folder) == []
    assert log.writer.append(batch(4)) == 4
    log.writer.trim({("soc", "T_CL"): 4})
    log.writer.close()
    assert writers(tmp_path) == ()


def test_a_batch_does_not_wait_for_old_segments_to_be_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(tmp_path, segment_bytes=1)
    log.writer.append(batch(1))
    taken = []
    unlink = Path.unlink

    def slow(path: Path, missing_ok: bool = False) -> None:
        thread = threading.Thread(target=lambda: taken.append(log.writer.append(batch(2))), daemon=True)
        thread.start()
        thread.join(10)
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", slow)
    log.writer.trim({("soc", "T_CL"): 1})
    assert taken == [2]
    assert [int(s.stem) for s in segments(log.owned.folder)] == [2]
    log.die()
    assert left(tmp_path) == [2]


def test_a_segment_that_could_not_be_deleted_is_deleted_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(tmp_path, segment_bytes=1)
    for n in (1, 2):
        log.writer.append(batch(n))
    with monkeypatch.context() as broken:
        broken.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(OSError(errno.EIO, "broken")))
        with pytest.raises(OSError, match="broken"):
            log.writer.trim({("soc", "T_CL"): 2})
    log.writer.trim({("soc", "T_CL"): 2})
    assert segments(log.owned.folder) == []
    log.writer.close()
    assert writers(tmp_path) == ()


def test_a_writer_that_ends_with_rows_waiting_leaves_them(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.writer.append(batch(1))
    log.writer.close()
    assert left(tmp_path) == [1]


def test_a_damaged_segment_is_kept_and_told_of(tmp_path: Path) -> None:
    log = Log(tmp_path)
    for n in (1, 2, 3):
        log.writer.append(batch(n))
    log.die()
    (segment,) = segments(log.owned.folder)
    data = bytearray(segment.read_bytes())
    data[len(encode(batch(1)).numbered(1)) + 40] ^= 1
    segment.write_bytes(data)
    (owned,) = abandoned(tmp_path)
    ((frames, (damage,)),) = frames_of(owned)
    assert [f.sequence for f in frames] == [1, 3]
    keep_damaged(owned)
    assert damage.file.read_bytes() == data
    assert segments(owned.folder) == []
    owned.remove()
    assert list(abandoned(tmp_path)) == []


@pytest.fixture
def living(tmp_path: Path) -> Iterator[tuple[Log, Tail]]:
    log = Log(tmp_path, segment_bytes=300)
    yield log, Tail(log.owned.folder)
    log.die()


def test_a_tail_follows_a_log_as_it_grows_and_is_trimmed(living: tuple[Log, Tail]) -> None:
    log, tail = living
    assert tail.frames() == ()
    for n in range(1, 6):
        log.writer.append(batch(n))
        assert [f.sequence for f in tail.frames()] == list(range(1, n + 1))
    log.writer.trim({("soc", "T_CL"): 5})
    assert tail.frames() == ()
    log.writer.append(batch(6))
    assert [f.sequence for f in tail.frames()] == [6]


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_after_a_flush_that_failed_the_segment_is_not_written_to_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    log = Log(tmp_path)
    log.writer.append(batch(1))
    (first,) = segments(log.owned.folder)
    kept = first.read_bytes()
    real, failures = os.fdatasync, [1]

    def fails(descriptor: int) -> None:
        # Once the kernel has told of lost pages it takes them for written.
        if failures.pop():
            raise OSError(number, os.strerror(number))
        real(descriptor)

    failures = [0, 1]
    monkeypatch.setattr(os, "fdatasync", fails)
    with pytest.raises(Unavailable):
        log.writer.append(batch(2))
    monkeypatch.setattr(os, "fdatasync", real)
    log.writer.append(batch(3))
    assert first.read_bytes() == kept
    assert len(segments(log.owned.folder)) == 2
    log.die()
    assert left(tmp_path) == [1, 3]


def test_a_segment_that_follows_at_once_has_a_file_of_its_own(tmp_path: Path) -> None:
    writing, joined = threading.Event(), threading.Event()
    writes = 0

    def write(descriptor: int, data: bytes) -> int:
        nonlocal writes
        writes += 1
        if writes == 1:
            writing.set()
            joined.wait(10)
        if writes == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return os.write(descriptor, data)

    log = Log(tmp_path, write, segment_bytes=1)

    def work(n: int, table: str) -> None:
        with suppress(Unavailable):
            log.writer.append(batch(n, table))

    def begun(n: int, table: str) -> threading.Thread:
        thread = threading.Thread(target=work, args=(n, table))
        thread.start()
        return thread

    threads = [begun(1, "A_CL")]
    writing.wait(10)
    # Those that wait have their numbers before any segment is made for them.
    threads.append(begun(2, "B_CL"))
    while len(log.writer._waiting) < 1:
        threading.Event().wait(0.001)
    real = log.writer._flush

    def slow(group: Sequence[_Waiting]) -> OSError | None:
        # While the second group is written, and fails, a third comes.
        log.writer._flush = real  # type: ignore[method-assign]
        threads.append(begun(3, "C_CL"))
        while len(log.writer._waiting) < 1:
            threading.Event().wait(0.001)
        return real(group)

    log.writer._flush = slow  # type: ignore[method-assign]
    joined.set()
    threads[0].join()
    while len(threads) < 3:
        threading.Event().wait(0.001)
    for thread in threads:
        thread.join()
    assert [f.sequence for f in log.frames] == [1, 3]
    # What the tables hold goes, and takes nothing else with it.
    log.writer.trim({("soc", "A_CL"): 1})
    log.die()
    assert left(tmp_path) == [3]


def test_a_group_whose_writer_breaks_down_is_not_acknowledged(tmp_path: Path) -> None:
    writing, joined = threading.Event(), threading.Event()
    writes = 0
    told: dict[int, str] = {}

    def write(descriptor: int, data: bytes) -> int:
        nonlocal writes
        writes += 1
        if writes == 1:
            writing.set()
            joined.wait()
        elif writes == 2:
            os.write(descriptor, data[:10])
            raise MemoryError
        return os.write(descriptor, data)

    log = Log(tmp_path, write)

    def work(n: int) -> None:
        try:
            log.writer.append(batch(n))
            told[n] = "kept"
        except (MemoryError, Unavailable) as error:
            told[n] = type(error).__name__

    threads = [threading.Thread(target=work, args=(n,)) for n in (1, 2, 3)]
    threads[0].start()
    writing.wait()
    threads[1].start()
    threads[2].start()
    while len(log.writer._waiting) < 2:
        threading.Event().wait(0.001)
    joined.set()
    for thread in threads:
        thread.join()
    assert sorted(told.values()) == ["MemoryError", "Unavailable", "kept"]
    work(4)
    # What was written of the group is in nobody's way.
    assert [f.sequence for f in Tail(log.owned.folder).frames()] == [1, 4]
    log.die()
    assert left(tmp_path) == [1, 4]


def test_a_reader_lets_go_of_what_was_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(tmp_path)
    log.writer.append(batch(1))
    tail = Tail(log.owned.folder)
    real = os.fdatasync
    seen = []

    def fails(descriptor: int) -> None:
        monkeypatch.setattr(os, "fdatasync", real)
        seen.append([f.sequence for f in tail.frames()])
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fdatasync", fails)
    with pytest.raises(Unavailable):
        log.writer.append(batch(2))
    log.writer.append(batch(3))
    assert seen == [[1, 2]]
    assert [f.sequence for f in tail.frames()] == [1, 3]
    log.die()
