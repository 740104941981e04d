"""Which paths into dynamics queries have asked for, and how much of late."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from time import monotonic
from typing import cast

from huntlake.core.clock import Clock
from huntlake.core.errors import Conflict, NotFound
from huntlake.kql.plan import Path
from huntlake.state.documents import Documents, Json, Shelf

HALF_LIFE = timedelta(days=7)
"""After so long a query counts half."""

MOST = 200
"""Paths of one table that are remembered: those that were asked for most."""

_LONGEST = 500
_WRITTEN_EVERY = 60.0
_FORGOTTEN = 0.01
_LOG = logging.getLogger("huntlake.paths")


@dataclass(frozen=True, slots=True)
class Heat:
    """How often each path of a table was asked for, as it counts at one moment."""

    at: datetime
    scores: Mapping[Path, float]

    def later(self, moment: datetime, more: Mapping[Path, int]) -> Heat:
        """The same at a later moment, `more` queries added."""
        left = 0.5 ** (max(moment - self.at, timedelta(0)) / HALF_LIFE)
        scores = {path: score * left for path, score in self.scores.items()}
        for path, count in more.items():
            scores[path] = scores.get(path, 0.0) + count
        kept = sorted(scores.items(), key=lambda s: (-s[1], s[0].column, s[0].path))[:MOST]
        return Heat(max(moment, self.at), {path: score for path, score in kept if score >= _FORGOTTEN})


class AskedPaths:
    """Counts in memory, and now and then into documents, where other processes add theirs. Threads may share it."""

    def __init__(self, state: Shelf, clock: Clock) -> None:
        self._documents: Documents[Heat] = Documents(state, "asked paths", _encode, _decode)
        self._clock = clock
        self._lock = Lock()
        self._counts: dict[str, Counter[Path]] = {}
        self._written = monotonic()

    def count(self, workspace: str, table: str, paths: Iterable[Path]) -> None:
        """Add one query that asks for these paths of a table. It never fails."""
        paths = [p for p in paths if len(p.column) + len(p.path) <= _LONGEST]
        if not paths:
            return
        with self._lock:
            counts = self._counts.setdefault(_key(workspace, table), Counter())
            counts.update(p for p in paths if p in counts or len(counts) < MOST)
            if monotonic() - self._written < _WRITTEN_EVERY:
                return
        self.flush()

    def heat(self, workspace: str, table: str) -> Mapping[Path, float]:
        """The paths of a table that were asked for, and how much: one query now counts one."""
        self.flush()
        found = self._documents.find(_key(workspace, table))
        return found.value.later(self._clock.now(), {}).scores if found else {}

    def flush(self) -> None:
        """Write what was counted. Should that fail, it is kept for the next time, and queries go on."""
        with self._lock:
            counts, self._counts = self._counts, {}
            self._written = monotonic()
        for key, more in counts.items():
            try:
                self._add(key, more)
            except Exception:
                _LOG.warning("the paths that queries ask for can't be written", exc_info=True)
                with self._lock:
                    self._counts.setdefault(key, Counter()).update(more)

    def _add(self, key: str, more: Mapping[Path, int]) -> None:
        now = self._clock.now()
        while True:
            try:
                self._documents.change(key, lambda heat: heat.later(now, more))
                return
            except NotFound:
                try:
                    self._documents.put(key, Heat(now, {}).later(now, more), create_only=True)
                    return
                except Conflict:
                    continue  # another process was quicker


def _key(workspace: str, table: str) -> str:
    return f"{workspace}/{table}"


def _encode(heat: Heat) -> Json:
    scores: list[Json] = [[p.column, p.path, round(score, 4)] for p, score in heat.scores.items()]
    return {"at": heat.at.isoformat(), "scores": scores}


def _decode(value: Json) -> Heat:
    said = cast(dict[str, Json], value)
    rows = cast(list[tuple[str, str, float]], said["scores"])
    return Heat(datetime.fromisoformat(cast(str, said["at"])), {Path(c, p): float(score) for c, p, score in rows})
