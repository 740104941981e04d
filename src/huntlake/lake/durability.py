"""What the disk is told to keep of a table's log, so that a commit outlives a loss of power."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from huntlake.lake.writing import flush

_ENTRY, _SUMMARY = "{:020d}.json", "{:020d}.checkpoint.parquet"
_UNSURE = 20
_ATTEMPTS = 30

Place = tuple[int, int]
"""What tells one folder from another that has had its name."""


def entry(version: int) -> str:
    """The name of the entry of the log that makes a version."""
    return _ENTRY.format(version)


@dataclass(frozen=True, slots=True)
class Entries:
    """Versions of the table at one place whose entries the disk may not have yet."""

    place: Place
    versions: range


@dataclass
class Durability:
    """Up to which version the disk has the log, as far as is known, and of which folder."""

    folder: Path
    _place: Place | None = None
    _version: int = -1

    def pending(self, place: Place, before: int, version: int) -> Entries:
        """What the disk may not have after a commit made `version`; it began at `before`."""
        # Those of others, too: behind a hole in the log nothing could be read.
        first = self._version if self._place == place else max(before - _UNSURE, -1)
        return Entries(place, range(min(first, before) + 1, version + 1))

    def flush(self, entries: Entries) -> None:
        """Have the disk keep these entries of the log, and what summaries of it there are."""
        # A summary of the log that the disk has but in part would keep the table from being opened.
        log, versions = self.folder / "_delta_log", entries.versions
        names = [_ENTRY.format(v) for v in versions] + [_SUMMARY.format(v) for v in versions] + ["_last_checkpoint"]
        for attempt in range(_ATTEMPTS):
            try:
                flush([path for name in names if (path := log / name).exists()], self.folder)
                break
            except FileNotFoundError:
                # Dropped since, or an entry was cleaned up: what is gone needn't be kept.
                if attempt == _ATTEMPTS - 1:
                    raise
            if not log.is_dir():
                break

    def note(self, entries: Entries) -> None:
        """Remember that the disk has them."""
        known = self._version if self._place == entries.place else -1
        self._place, self._version = entries.place, max(known, entries.versions.stop - 1)
