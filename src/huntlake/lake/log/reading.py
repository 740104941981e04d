"""What lies in the logs of other writers, dead or alive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from huntlake.lake.log.frames import Frame, scan
from huntlake.lake.log.owners import Owned, set_aside
from huntlake.lake.log.writing import SUFFIX


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of a log that hold no batch, but should. The segment is kept in `file`."""

    file: Path
    first: int
    last: int

    def __str__(self) -> str:
        return f"bytes {self.first:,} to {self.last:,} of {self.file}"


def segments(folder: Path) -> list[Path]:
    """A writer's segments, in the order in which they were written."""
    try:
        return sorted(folder.glob(f"*{SUFFIX}"))
    except FileNotFoundError:
        return []


def frames_of(owned: Owned) -> Iterator[tuple[tuple[Frame, ...], tuple[Damage, ...]]]:
    """What a dead writer has left, segment by segment; one that is damaged is set aside besides.

    What was being written when it died, and was never acknowledged, is left out.
    """
    for segment in segments(owned.folder):
        found = scan(segment.read_bytes())
        damage: tuple[Damage, ...] = ()
        if found.damage:
            kept = owned.folder.parent / "damaged" / f"{owned.writer}-{segment.name}"
            damage = tuple(Damage(kept, first, last) for first, last in found.damage)
        yield found.frames, damage


def keep_damaged(owned: Owned) -> None:
    """Set the damaged segments of a dead writer aside; done when what could be read of them is in the tables."""
    for segment in segments(owned.folder):
        if scan(segment.read_bytes()).damage:
            set_aside(owned, segment)


@dataclass
class Tail:
    """The log of a writer that lives, read as it grows."""

    folder: Path
    _read: dict[str, tuple[int, tuple[Frame, ...]]] = field(default_factory=dict, repr=False)
    """For each segment where its whole frames end, and the frames."""

    @property
    def writer(self) -> str:
        return self.folder.name

    def frames(self) -> tuple[Frame, ...]:
        """Every batch that lies in the log now, in the order of their numbers."""
        there: dict[str, tuple[int, tuple[Frame, ...]]] = {}
        for segment in segments(self.folder):
            end, known = self._read.get(segment.name, (0, ()))
            try:
                size = segment.stat().st_size
                if size < end:
                    # What nobody was told of was taken back.
                    end, known = 0, ()
                if size > end:
                    with segment.open("rb") as file:
                        file.seek(end)
                        found = scan(file.read(), live=True)
                    end, known = end + found.end, (*known, *found.frames)
            except FileNotFoundError:
                # The tables hold all of it.
                continue
            there[segment.name] = end, known
        self._read = there
        return tuple(frame for _, known in there.values() for frame in known)
