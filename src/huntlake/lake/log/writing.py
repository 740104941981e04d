"""Batches into the log: acknowledged when the disk has them, with one flush for all who wait."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition

from huntlake.core.errors import Unavailable
from huntlake.lake.log.frames import Draft, Frame, encode
from huntlake.lake.log.owners import Owned, synced

Key = tuple[str, str]
Write = Callable[[int, bytes], int]

SEGMENT = 64 * 2**20
"""Bytes after which a new segment begins."""

SUFFIX = ".log"


@dataclass
class _Segment:
    path: Path
    descriptor: int
    size: int = 0
    last: dict[Key, int] = field(default_factory=dict)
    """The highest number of each table in it."""

    def moved(self, done: Mapping[Key, int]) -> bool:
        return all(done.get(key, 0) >= sequence for key, sequence in self.last.items())


@dataclass
class _Waiting:
    frames: list[Frame]
    data: bytes
    done: bool = False
    failure: OSError | None = None


class LogWriter:
    """The log of this process. Threads may share it.

    `published` is told of batches when the disk has them, before those who wait for it are, in the order of their
    numbers. `write` is `os.write`, or what a test puts in its place.
    """

    def __init__(
        self,
        owned: Owned,
        published: Callable[[Sequence[Frame]], None],
        *,
        segment_bytes: int = SEGMENT,
        write: Write = os.write,
    ) -> None:
        self._owned = owned
        self._published = published
        self._segment_bytes = segment_bytes
        self._write = write
        self._turn = Condition()
        self._writing = False
        self._next = 1
        self._waiting: list[_Waiting] = []
        self._closed: list[_Segment] = []
        self._segment: _Segment | None = None

    @property
    def writer(self) -> str:
        """The id under which commits remember what they hold of this log."""
        return self._owned.writer

    def append(self, batch: Draft) -> int:
        """Keep a batch; when this returns, the disk has it. Its number in this log.

        :raises Unavailable: the disk is full, or fails; nothing of the batch is kept
        """
        return self.append_all([batch])[0]

    def append_all(self, batches: Sequence[Draft]) -> tuple[int, ...]:
        """Keep batches, all of them or none, as `append` does one; their numbers, in their order."""
        encoded = [encode(batch) for batch in batches]
        with self._turn:
            sequences = tuple(range(self._next, self._next + len(batches)))
            self._next += len(batches)
            frames = [Frame(n, batch) for n, batch in zip(sequences, batches, strict=True)]
            mine = _Waiting(frames, b"".join(e.numbered(n) for n, e in zip(sequences, encoded, strict=True)))
            self._waiting.append(mine)
            while not mine.done and self._writing:
                self._turn.wait()
            if not mine.done:
                # Whoever finds nobody writing writes for all who wait.
                group, self._waiting, self._writing = self._waiting, [], True
        if not mine.done:
            # What ends this thread in between has kept nothing of theirs, either.
            failure: OSError | None = OSError(errno.EINTR, os.strerror(errno.EINTR))
            try:
                failure = self._flush(group)
            finally:
                with self._turn:
                    self._writing = False
                    for one in group:
                        one.done, one.failure = True, failure
                    self._turn.notify_all()
        if mine.failure is not None:
            raise _unavailable(mine.failure) from mine.failure
        return sequences

    def trim(self, done: Mapping[Key, int]) -> None:
        """Delete the segments of which the tables hold everything: `done` says up to which number each table does."""
        with self._turn:
            while self._writing:
                self._turn.wait()
            if self._segment is not None and self._segment.moved(done):
                self._end()
            gone = [segment for segment in self._closed if segment.moved(done)]
            self._closed = [segment for segment in self._closed if segment not in gone]
        # A disk takes its time to delete a large file: who brings the next batch doesn't wait for that.
        try:
            for segment in gone:
                segment.path.unlink(missing_ok=True)
        except BaseException:
            with self._turn:
                self._closed = [*gone, *self._closed]
            raise
        if gone:
            # Should they come back with the power, their table may be gone, and nothing say that it held them.
            synced(self._owned.folder)

    def close(self) -> None:
        """End writing. The folder goes if the tables hold all of it; what they don't is found by the next owner."""
        with self._turn:
            while self._writing:
                self._turn.wait()
            if self._segment is not None:
                self._end()
            if self._closed:
                self._owned.release()
            else:
                self._owned.remove()

    def _flush(self, group: Sequence[_Waiting]) -> OSError | None:
        """Write a group. What went wrong, if none of it is kept."""
        segment = None
        try:
            segment = self._current(group[0].frames[0].sequence)
            data = memoryview(b"".join(one.data for one in group))
            size = len(data)
            while data:
                data = data[self._write(segment.descriptor, data) :]  # type: ignore[arg-type]
            os.fdatasync(segment.descriptor)
        except BaseException as error:
            if segment is not None:
                self._undo(segment)
            if not isinstance(error, OSError):
                raise
            return error
        segment.size += size
        frames = [frame for one in group for frame in one.frames]
        for frame in frames:
            segment.last[frame.batch.key] = frame.sequence
        self._published(frames)
        return None

    def _current(self, first: int) -> _Segment:
        if self._segment is not None and self._segment.size >= self._segment_bytes:
            self._end()
        if self._segment is None:
            # Not the number that is next: while nobody asks for one, two segments would have the same name.
            path = self._owned.folder / f"{first:020d}{SUFFIX}"
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                synced(self._owned.folder)
            except OSError:
                os.close(descriptor)
                raise
            self._segment = _Segment(path, descriptor)
        return self._segment

    def _undo(self, segment: _Segment) -> None:
        """Take back what was written of a group that failed, and begin a new segment with the next."""
        try:
            os.ftruncate(segment.descriptor, segment.size)
            os.fdatasync(segment.descriptor)
        except OSError:
            # Whole frames of a group that nobody was told of may stay: nobody was told that they don't, either.
            pass
        self._end()

    def _end(self) -> None:
        assert self._segment is not None
        os.close(self._segment.descriptor)
        self._closed.append(self._segment)
        self._segment = None


def _unavailable(error: OSError) -> Unavailable:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unavailable("the disk is full: nothing of the batch was taken in; queries go on")
    return Unavailable(f"the log can't be written: {error.strerror}; nothing of the batch was taken in")
