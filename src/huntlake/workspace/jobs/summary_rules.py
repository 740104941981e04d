"""Summary rules: a query over each bin of time, once, whose rows land in a table `…_CL`.

https://learn.microsoft.com/azure/azure-monitor/logs/summary-rules
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from huntlake.core.clock import Clock
from huntlake.core.errors import Conflict, DomainError, Invalid, NotFound
from huntlake.kql.types import Column, ScalarType
from huntlake.state.documents import Document, Shelf
from huntlake.state.records import ALWAYS, Author, Only, Owner, Records
from huntlake.workspace.jobs.landing import Landing, Task, own_table
from huntlake.workspace.jobs.recurrence import Frequency, Recurrence
from huntlake.workspace.jobs.runs import Progress, ProgressBook, Run, RunStatus, run_id, run_records
from huntlake.workspace.workspaces import Workspaces

BIN_SIZES = (20, 30, 60, 120, 180, 360, 720, 1440)
"""Minutes that a bin can have."""
BINS = "LASummaryLogs"
"""The table that tells what became of bins."""
MOST_ACTIVE = 100
ATTEMPTS, PATIENCE = 10, timedelta(hours=8)
"""How often, and how long, a bin that fails is tried."""
FAILED_IN_A_ROW = 8
"""Bins that fail one after another before the rule is stopped."""

Append = Callable[[str, str, Sequence[Mapping[str, Any]]], object]
"""Takes rows into a table of a workspace: its name, the table's name, the rows."""

_LOG = logging.getLogger("huntlake.jobs")
_DEFAULT_DELAY, _MOST_DELAY = 4, 1440
_MOST_MADE_UP = 1000
_HOUR = timedelta(hours=1)
_ORIGINAL = {
    name.lower(): f"{name}_Original"
    for name in ("TimeGenerated", "_IsBillable", "_BilledSize", "_ResourceId", "_SubscriptionId", "TenantId", "Type")
}
"""What becomes of columns whose names are the table's own."""


@dataclass(frozen=True, slots=True)
class SummaryRule:
    """A rule. The fields behind `bin_start` are the service's."""

    query: str
    table: str
    bin_size: int
    """Minutes."""
    description: str = ""
    display_name: str = ""
    bin_delay: int | None = None
    """Minutes; None is four."""
    bin_start: datetime | None = None
    """When the first bin begins; None: so that it ends with the hour in which the rule was made."""
    active: bool = True
    status_code: str = ""
    """Why a rule is stopped: `UserAction` or `DataPlaneError`."""
    id: str = ""
    by: Author = field(default_factory=Author)
    created: datetime | None = None
    modified: datetime | None = None
    first_end: datetime | None = None
    """When the first bin ends of those that are the rule's as it is now."""


@dataclass(frozen=True)
class SummaryRules:
    """The rules of all workspaces, by workspace and name."""

    records: Records[SummaryRule]
    runs: Records[Run]
    book: ProgressBook
    landing: Landing
    workspaces: Workspaces
    clock: Clock
    append: Append

    @classmethod
    def over(
        cls,
        shelf: Shelf,
        book: ProgressBook,
        landing: Landing,
        workspaces: Workspaces,
        clock: Clock,
        append: Append,
    ) -> SummaryRules:
        """The rules that are kept in a state database."""
        runs = run_records(shelf, clock, "bins of summary rules")
        records = Records(shelf, clock, "summary rules", SummaryRule, _stamp, (runs,))
        return cls(records, runs, book, landing, workspaces, clock, append)

    def list(self, owner: Owner) -> Sequence[Document[SummaryRule]]:
        """The rules of a workspace, by name."""
        return self.records.list(owner)

    def get(self, owner: Owner, name: str) -> Document[SummaryRule]:
        """One of them; `NotFound` where there is none of that name."""
        return self.records.get(owner, name)

    def put(
        self, owner: Owner, name: str, value: SummaryRule, by: Author = Author(), only: Only = ALWAYS
    ) -> tuple[Document[SummaryRule], bool]:
        """Keep a rule, and let its table have the columns; whether it is new.

        :raises SourceError: the query can't be understood
        :raises Invalid: a table, a bin or a time that no rule can have, or columns that no table can
        :raises Conflict: too many are active, or the table has a column of another type
        :raises Refused: whoever writes it may not do what it does
        """
        now = self.clock.now()
        before = self.records.find(owner, name)
        if before is not None:
            # Only `start` and `stop` change it.
            value = replace(value, active=before.value.active, status_code=before.value.status_code)
        self._check(owner, name, value, before.value if before else None)
        self.landing.prepare(_task((owner[0], name), _stamp(value, None, by, now)))
        return self.records.put(owner, name, value, by, only)

    def start(self, owner: Owner, name: str) -> None:
        """Let a rule go on from the next whole hour; bins that ended while it was stopped have no rows."""
        rule = self.get(owner, name).value
        self._count(owner, name)
        self.records.change(owner, name, lambda rule: replace(rule, active=True, status_code=""), rule.by)
        self.book.change(rule.id, lambda progress: replace(progress, failed_in_a_row=0))

    def stop(self, owner: Owner, name: str, why: str = "UserAction") -> None:
        """Let a rule rest."""
        rule = self.get(owner, name).value
        self.records.change(owner, name, lambda rule: replace(rule, active=False, status_code=why), rule.by)

    def bin(self, owner: Owner, name: str, start: datetime) -> str:
        """The id of the run for the bin that begins at a time; `NotFound` where there was none."""
        rule = self.get(owner, name).value
        id = run_id(rule.id, start + timedelta(minutes=rule.bin_size))
        if self.runs.find((*owner, name), id) is None:
            raise NotFound(f"the rule `{name}` has no bin that begins at {start.isoformat()}")
        return id

    def delete(self, owner: Owner, name: str, only: Only = ALWAYS) -> bool:
        """Forget a rule and its bins; the table stays. False where there was none."""
        found = self.records.find(owner, name)
        gone = self.records.delete(owner, name, only)
        if gone and found:
            self.book.forget(found.value.id)
        return gone

    def tasks(self) -> Iterable[Task]:
        """Every rule, as something to run."""
        for workspace in self.workspaces.list():
            for document in self.records.list((workspace.name,)):
                yield _task((workspace.name, document.name), document.value)

    def task(self, owner: tuple[str, ...]) -> Task:
        """One of them."""
        document = self.records.get((owner[0],), owner[1])
        return _task((owner[0], document.name), document.value)

    def tried(self, task: Task, run: Run) -> None:
        """Tell of an attempt in `LASummaryLogs`."""
        said = {c.name: v for c, v in task.stamps(run.window).items()}
        began = self.clock.now() - timedelta(seconds=0 if run.status is RunStatus.RUNNING else run.seconds)
        begins, succeeded = run.status is RunStatus.RUNNING, run.status is RunStatus.SUCCEEDED
        row = {
            "TimeGenerated": began.isoformat(),
            "RuleName": task.owner[1],
            "RuleLastModifiedTime": said["_RuleLastModifiedTime"].isoformat() + "Z",
            "BinSize": said["_BinSize"],
            "BinStartTime": said["_BinStartTime"].isoformat() + "Z",
            "Status": "Started" if begins else "Succeeded" if succeeded else "Failed",
            "Message": "" if begins else run.failure,
        }
        if not begins:
            row["QueryDurationMs"] = round(run.seconds * 1000)
        if succeeded:
            row["ResultsRecordCount"] = run.rows
        try:
            self.append(task.owner[0], BINS, [row])
        except DomainError as error:
            # Whether a bin lands doesn't depend on what is told of it.
            _LOG.warning("the table %s of %s took no row: %s", BINS, task.owner[0], error)

    def ended(self, task: Task, run: Run, progress: Progress) -> None:
        """Stop a rule whose bins fail one after another."""
        if progress.failed_in_a_row >= FAILED_IN_A_ROW:
            self.stop((task.owner[0],), task.owner[1], "DataPlaneError")

    def _check(self, owner: Owner, name: str, rule: SummaryRule, old: SummaryRule | None) -> None:
        workspace = self.workspaces.get(owner[0])
        if rule.bin_size not in BIN_SIZES:
            raise Invalid(f"`binSize` is one of {', '.join(map(str, BIN_SIZES))} minutes, not {rule.bin_size}")
        if rule.bin_delay is not None and not 0 <= rule.bin_delay <= _MOST_DELAY:
            raise Invalid(f"`binDelay` is a number of minutes from 0 to {_MOST_DELAY}, not {rule.bin_delay}")
        if rule.bin_start is not None and (old is None or old.bin_start != rule.bin_start):
            start, earliest = rule.bin_start, self.clock.now() - timedelta(minutes=rule.bin_size)
            if start != _hour(start):
                raise Invalid("`binStartTime` is a whole hour")
            if start < earliest:
                raise Invalid(f"`binStartTime` is at least {earliest.isoformat()}: a bin before the rule was made")
        own_table(self.landing.definitions, workspace, rule.table, "_CL")
        if rule.active and (old is None or not old.active):
            self._count(owner, name)

    def _count(self, owner: Owner, name: str) -> None:
        active = [d for d in self.records.list(owner) if d.value.active and d.name.lower() != name.lower()]
        if len(active) >= MOST_ACTIVE:
            raise Conflict(f"{MOST_ACTIVE} summary rules are active in the workspace: stop or delete one first")


def _stamp(new: SummaryRule, old: SummaryRule | None, by: Author, now: datetime) -> SummaryRule:
    """The rule as it is kept. Its bins lie anew where they have another length or start, or it was stopped."""
    size = timedelta(minutes=new.bin_size)
    # What isn't said of the start leaves it as it was.
    start = new.bin_start or (old.bin_start if old else None)
    same = old is not None and (old.bin_size, old.bin_start, old.active) == (new.bin_size, start, True)
    first = old.first_end if same and old else None
    if first is None:
        first = start + size if start is not None else _next_hour(now)
        if old is not None and first < now:
            # Bins stay where they would lie, and those that are over are over.
            first += size * -((first - now) // size)
    return replace(
        new,
        bin_start=start,
        id=old.id if old else str(uuid4()),
        by=by,
        created=old.created if old else now,
        modified=old.modified if old and _said(old) == _said(new) else now,
        first_end=first,
    )


def _said(rule: SummaryRule) -> tuple[object, ...]:
    return rule.query, rule.table, rule.bin_size, rule.description, rule.display_name, rule.bin_delay


def _task(owner: tuple[str, ...], rule: SummaryRule) -> Task:
    first, modified = rule.first_end, rule.modified
    assert first is not None
    assert modified is not None

    def stamps(end: datetime) -> Mapping[Column, Any]:
        start = end - timedelta(minutes=rule.bin_size)
        return {
            Column("_RuleName", ScalarType.STRING): owner[1],
            Column("_RuleLastModifiedTime", ScalarType.DATETIME): modified.replace(tzinfo=None),
            Column("_BinSize", ScalarType.INT): rule.bin_size,
            Column("_BinStartTime", ScalarType.DATETIME): start.replace(tzinfo=None),
        }

    return Task(
        id=rule.id,
        owner=owner,
        by=rule.by.object_id,
        query=rule.query,
        table=rule.table,
        schedule=Recurrence(Frequency.MINUTE, first, rule.bin_size),
        since=first,
        enabled=rule.active,
        delay=timedelta(minutes=_DEFAULT_DELAY if rule.bin_delay is None else rule.bin_delay),
        length=timedelta(minutes=rule.bin_size),
        most_missed=_MOST_MADE_UP,
        timeout=timedelta(minutes=10),
        max_rows=500_000,
        attempts=ATTEMPTS,
        patience=PATIENCE,
        extends=True,
        renamed=_ORIGINAL,
        stamps=stamps,
    )


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _next_hour(now: datetime) -> datetime:
    return now if now == _hour(now) else _hour(now) + _HOUR
