"""Tables kept in good order: compacted, freed of what is too old and of files that nobody needs; and by itself."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import cast

from huntlake.core.clock import Clock
from huntlake.core.errors import Conflict, DomainError, Invalid
from huntlake.lake import Lake
from huntlake.lake.maintenance.compaction import Compacted, compact
from huntlake.lake.maintenance.indexing import Indexed, index
from huntlake.lake.maintenance.retention import Expired, expire
from huntlake.lake.maintenance.statistics import Statistics, statistics
from huntlake.lake.maintenance.vacuum import Vacuumed, vacuum
from huntlake.lake.maintenance.verification import Disagreement, Verified, verify, verify_log
from huntlake.lake.table import LakeTable
from huntlake.state.documents import Documents, Json, Shelf
from huntlake.workspace.hot_paths import HotPaths, shown
from huntlake.workspace.rounds import rounds

FOREVER = 0
"""The days of a table whose rows are kept however old they are."""

_LOG = logging.getLogger("huntlake.upkeep")
_MOST_DAYS = 36_500
_QUIET = timedelta(minutes=10)
_BACKGROUND_MEMORY = "1GB"
_MOST_OF_LARGE = 2 * 2**30
"""Bytes of files of full size that are written anew at a time for their hot paths, or because they overlap."""
_LEAST_ACROSS = 1 / 4
"""Of files that overlap, the share that what is in the way has to have before they are written anew by themselves."""
_VACUUM_EVERY = timedelta(hours=24)

Progress = Callable[[int, int], None]


class Retention:
    """How many days the rows of each table are kept: what was said of it, else `default`."""

    def __init__(self, state: Shelf, default: int = FOREVER) -> None:
        self.default = default
        self._documents: Documents[int] = Documents(state, "retention", _encode, _decode)

    def days(self, workspace: str, table: str) -> int:
        """The days that count for a table; `FOREVER` is without end."""
        said = self.said(workspace, table)
        return self.default if said is None else said

    def said(self, workspace: str, table: str) -> int | None:
        """What was said of this very table, if anything was."""
        found = self._documents.find(_key(workspace, table))
        return found.value if found else None

    def set(self, workspace: str, table: str, days: int | None) -> None:
        """Say it of a table; None takes back what was said. `Invalid` for what is no number of days."""
        if days is None:
            self._documents.delete(_key(workspace, table))
            return
        if not 0 <= days <= _MOST_DAYS:
            raise Invalid(f"rows can be kept from 1 to {_MOST_DAYS:,} days, or with 0 forever, not for {days}")
        self._documents.put(_key(workspace, table), days)


@dataclass(frozen=True, slots=True)
class Optimized:
    """What was written anew, what was built of the index, and what there is now."""

    compacted: Compacted
    indexed: Indexed
    statistics: Statistics


@dataclass(frozen=True, slots=True)
class TableState:
    """A table that has rows: what there is of it, and how many days they are kept; 0 is forever."""

    name: str
    statistics: Statistics
    retention_days: int


@dataclass
class Upkeep:
    """The work itself, on one table at a time. `Conflict` where another process is at that table."""

    lake: Lake
    retention: Retention
    clock: Clock
    grace: timedelta
    """How long files stay that a table has no more."""
    hot: HotPaths
    expiries: Sequence[Callable[[str], int]] = ()
    """Those who keep something of a workspace elsewhere: each takes away what is too old, and says how much it was."""

    _vacuumed: dict[tuple[str, str], float] = field(default_factory=dict, repr=False)

    def statistics(self, workspace: str, table: str) -> Statistics:
        return statistics(self._table(workspace, table), self._now())

    def states(self, workspace: str) -> list[TableState]:
        """The tables that have rows, by name."""
        names = sorted(self.lake.tables(workspace))
        return [
            TableState(name, self.statistics(workspace, name), self.retention.days(workspace, name)) for name in names
        ]

    def compact(self, workspace: str, table: str, progress: Progress) -> Compacted:
        return compact(self._table(workspace, table), self.lake.working_folder, self._now(), progress=progress)

    def optimize(self, workspace: str, table: str, progress: Progress) -> Optimized:
        """Keep what is hot now beside, write anew what lacks it or is small, and build what is missing of the index."""
        self.hot.update(workspace, table)
        compacted = self.compact(workspace, table, progress)
        return Optimized(compacted, self.index(workspace, table, progress), self.statistics(workspace, table))

    def keeps_index(self, workspace: str, table: str) -> bool:
        """Whether the files of a table have a term index, or shall have one."""
        return self._table(workspace, table).indexed

    def keep_index(self, workspace: str, table: str, wanted: bool) -> None:
        """Say whether a table, which is there, has a term index; `index` then brings its files in line."""
        self._table(workspace, table).keep_index(wanted)

    def index(self, workspace: str, table: str, progress: Progress, *, anew: bool = False) -> Indexed:
        return index(self._table(workspace, table), anew=anew, progress=progress)

    def expire(self, workspace: str, table: str) -> Expired:
        """Take away the days that are older than the table's rows are kept."""
        days = self.retention.days(workspace, table)
        if days == FOREVER:
            return Expired()
        return expire(self._table(workspace, table), self._now() - timedelta(days=days))

    def vacuum(self, workspace: str, table: str, *, dry: bool = False) -> Vacuumed:
        return vacuum(self._table(workspace, table), self.grace, dry=dry)

    def verify(
        self, workspace: str, table: str, progress: Progress, *, quick: bool = False, repair: bool = False
    ) -> Verified:
        return verify(self._table(workspace, table), quick=quick, repair=repair, progress=progress)

    def verify_log(self) -> tuple[Disagreement, ...]:
        """What is wrong with the logs of streams, of all workspaces."""
        return verify_log(self.lake.root)

    def all(self, workspaces: Iterable[str], stopped: Callable[[], bool] = lambda: False) -> None:
        """Do for every table what is due. What fails is logged, and tried again the next time."""
        for workspace in workspaces:
            for expiry in self.expiries:
                try:
                    gone = expiry(workspace)
                except Exception:
                    _LOG.exception("upkeep of %s failed", workspace)
                    continue
                if gone:
                    _LOG.info("%s: %s records were too old", workspace, f"{gone:,}")
            for name in self.lake.tables(workspace):
                if stopped():
                    return
                try:
                    self._due(workspace, name, stopped)
                except Conflict:
                    continue  # another server is at it
                except (DomainError, OSError) as error:
                    _LOG.warning("upkeep of %s/%s: %s", workspace, name, error)
                except Exception:
                    _LOG.exception("upkeep of %s/%s failed", workspace, name)

    def running(self, every: timedelta, workspaces: Callable[[], Iterable[str]]) -> AbstractContextManager[None]:
        """Do what is due again and again, in a thread, as long as the block lasts."""
        return rounds("upkeep", every.total_seconds(), lambda stopped: self.all(workspaces(), stopped))

    def _due(self, workspace: str, name: str, stopped: Callable[[], bool]) -> None:
        table = self._table(workspace, name)
        gone = self.expire(workspace, name)
        if gone.files:
            _LOG.info("%s/%s: %s rows were too old", workspace, name, f"{gone.rows:,}")
        before = table.hot_paths()
        after = self.hot.update(workspace, name)
        if before != after:
            _LOG.info("%s/%s: its hot paths are %s", workspace, name, ", ".join(map(shown, after)) or "none")
        done = compact(
            table,
            self.lake.working_folder,
            self._now(),
            quiet=_QUIET,
            most=_MOST_OF_LARGE,
            least=_LEAST_ACROSS,
            memory=_BACKGROUND_MEMORY,
            threads=1,
            stopped=stopped,
        )
        if done.files_before:
            _LOG.info("%s/%s: %d files became %d", workspace, name, done.files_before, done.files_after)
        indexed = index(table, stopped=stopped)
        if indexed.built:
            _LOG.info("%s/%s: the index of %d files was built", workspace, name, indexed.built)
        if indexed.deleted:
            _LOG.info("%s/%s: the index of %d files was deleted", workspace, name, indexed.deleted)
        last = self._vacuumed.get((workspace, name))
        if last is None or monotonic() - last > _VACUUM_EVERY.total_seconds():
            vacuum(table, self.grace)
            self._vacuumed[workspace, name] = monotonic()

    def _table(self, workspace: str, table: str) -> LakeTable:
        return self.lake.table(workspace, table)

    def _now(self) -> datetime:
        return self.clock.now().astimezone(UTC).replace(tzinfo=None)


def _key(workspace: str, table: str) -> str:
    return f"{workspace}/{table}"


def _encode(days: int) -> Json:
    return {"days": days}


def _decode(value: Json) -> int:
    return int(cast(dict[str, int], value)["days"])
