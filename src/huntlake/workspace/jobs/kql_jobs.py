"""KQL jobs: queries that run once or again and again, and whose rows land in a table `…_KQL_CL`.

https://learn.microsoft.com/azure/sentinel/datalake/kql-jobs
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import uuid4

from huntlake.core.clock import Clock
from huntlake.core.errors import Conflict, Invalid
from huntlake.state.documents import Document, Shelf
from huntlake.state.records import ALWAYS, Author, Only, Owner, Records
from huntlake.workspace.jobs.landing import Landing, Task, own_table
from huntlake.workspace.jobs.recurrence import Frequency, Recurrence
from huntlake.workspace.jobs.runs import Progress, ProgressBook, Run, run_records
from huntlake.workspace.workspaces import Workspaces

SUFFIX = "_KQL_CL"
MOST_ENABLED = 100
LONGEST_NAME = 256
MOST_MADE_UP = 100
"""Windows that were missed and are made up for, of one job."""

FILLED = frozenset(
    (
        "tenantid",
        "_timereceived",
        "type",
        "sourcesystem",
        "_resourceid",
        "_subscriptionid",
        "_itemid",
        "_billedsize",
        "_isbillable",
        "_workspaceid",
    )
)
"""Columns, in lower case, that the table fills by itself: what a query says in them is left out."""

_MOST_INTERVAL = {
    Frequency.ONCE: 1,
    Frequency.MINUTE: 1440,
    Frequency.HOUR: 720,
    Frequency.DAY: 366,
    Frequency.WEEK: 52,
    Frequency.MONTH: 12,
}
_MOST_DELAY, _MOST_LOOKBACK = timedelta(days=1), timedelta(days=4383)


class Missed(StrEnum):
    """What becomes of windows whose time passed while no server ran."""

    ALL = "All"
    """Each is run, the oldest first; of more than a hundred the newest."""
    LATEST = "Latest"
    """The newest is run."""
    NONE = "None"
    """None is run, unless it is late by no more than five minutes."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a job runs; without a `start` from the moment it is made."""

    frequency: Frequency = Frequency.ONCE
    interval: int = 1
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class KqlJob:
    """A job. The fields behind `enabled` are the service's."""

    query: str
    table: str
    description: str = ""
    schedule: Schedule = Schedule()
    lookback: timedelta | None = None
    delay: timedelta = timedelta()
    missed: Missed = Missed.ALL
    enabled: bool = True
    id: str = ""
    by: Author = field(default_factory=Author)
    """Who wrote it last: the job does what they may do."""
    created: datetime | None = None
    modified: datetime | None = None
    since: datetime | None = None
    """Windows that end before it have nothing to do with the job as it is now."""


@dataclass(frozen=True)
class KqlJobs:
    """The jobs of all workspaces, by workspace and name."""

    records: Records[KqlJob]
    runs: Records[Run]
    book: ProgressBook
    landing: Landing
    workspaces: Workspaces
    clock: Clock

    @classmethod
    def over(cls, shelf: Shelf, book: ProgressBook, landing: Landing, workspaces: Workspaces, clock: Clock) -> KqlJobs:
        """The jobs that are kept in a state database."""
        runs = run_records(shelf, clock, "runs of KQL jobs")
        records = Records(shelf, clock, "KQL jobs", KqlJob, _stamp, (runs,))
        return cls(records, runs, book, landing, workspaces, clock)

    def list(self, owner: Owner) -> Sequence[Document[KqlJob]]:
        """The jobs of a workspace, by name."""
        return self.records.list(owner)

    def get(self, owner: Owner, name: str) -> Document[KqlJob]:
        """One of them; `NotFound` where there is none of that name."""
        return self.records.get(owner, name)

    def put(
        self, owner: Owner, name: str, value: KqlJob, by: Author = Author(), only: Only = ALWAYS
    ) -> tuple[Document[KqlJob], bool]:
        """Keep a job, and make its table where there is none; whether it is new.

        :raises SourceError: the query can't be understood
        :raises Invalid: a name, a table or a schedule that no job can have, or columns that no table can
        :raises Conflict: another workspace has a job of that name, or too many are enabled
        :raises Refused: whoever writes it may not do what it does
        """
        self._check(owner, name, value)
        now = self.clock.now()
        self.landing.prepare(_task((owner[0], name), _stamp(value, None, by, now)))
        return self.records.put(owner, name, value, by, only)

    def enable(self, owner: Owner, name: str, enabled: bool) -> Document[KqlJob]:
        """Let a job run when its time comes, or not. It still does what whoever wrote it may do."""
        job = self.get(owner, name).value
        if enabled and not job.enabled:
            self._check(owner, name, replace(job, enabled=True))
        return self.records.change(owner, name, lambda job: replace(job, enabled=enabled), job.by)

    def delete(self, owner: Owner, name: str, only: Only = ALWAYS) -> bool:
        """Forget a job and its runs; the table stays. False where there was none."""
        found = self.records.find(owner, name)
        gone = self.records.delete(owner, name, only)
        if gone and found:
            self.book.forget(found.value.id)
        return gone

    def following(self, job: KqlJob) -> datetime | None:
        """When a job runs next by itself."""
        if not job.enabled:
            return None
        task = _task(("", ""), job)
        done = self.book.get(job.id).done
        after = task.since - timedelta(microseconds=1)
        return task.schedule.following(after if done is None else max(after, done))

    def tasks(self) -> Iterable[Task]:
        """Every job, as something to run."""
        for workspace in self.workspaces.list():
            for document in self.records.list((workspace.name,)):
                yield _task((workspace.name, document.name), document.value)

    def task(self, owner: tuple[str, ...]) -> Task:
        """One of them."""
        document = self.records.get((owner[0],), owner[1])
        return _task((owner[0], document.name), document.value)

    def tried(self, task: Task, run: Run) -> None:
        """What is known of an attempt is in its run."""

    def ended(self, task: Task, run: Run, progress: Progress) -> None:
        """A run that failed is no reason for the job to stop."""

    def _check(self, owner: Owner, name: str, job: KqlJob) -> None:
        if len(name) > LONGEST_NAME or "#" in name or "-" in name:
            raise Invalid(f"a job's name has at most {LONGEST_NAME} characters, and neither `#` nor `-`")
        workspace = self.workspaces.get(owner[0])
        own_table(self.landing.definitions, workspace, job.table, SUFFIX)
        enabled = 0
        for other in self.workspaces.list():
            for document in self.records.list((other.name,)):
                same = document.name.lower() == name.lower()
                if same and other.name != workspace.name:
                    raise Conflict(f"a job is named `{name}` in another workspace: names are unique in the lake")
                enabled += document.value.enabled and not same
        if job.enabled and enabled >= MOST_ENABLED:
            raise Conflict(f"{MOST_ENABLED} jobs are enabled already: disable or delete one first")
        _check_schedule(job, self.clock.now())


def _check_schedule(job: KqlJob, now: datetime) -> None:
    schedule = job.schedule
    most = _MOST_INTERVAL[schedule.frequency]
    if not 1 <= schedule.interval <= most:
        raise Invalid(f"the interval of `{schedule.frequency}` is a number from 1 to {most}, not {schedule.interval}")
    if schedule.end is not None and schedule.end <= (schedule.start or now):
        raise Invalid("the schedule ends before it starts")
    if schedule.frequency is Frequency.ONCE and schedule.end is not None:
        raise Invalid("a job that runs once has no end of its schedule")
    if not timedelta() <= job.delay <= _MOST_DELAY:
        raise Invalid("the delay is at most a day")
    if job.lookback is not None and not timedelta() < job.lookback <= _MOST_LOOKBACK:
        raise Invalid("the lookback is at most twelve years, and longer than nothing")


def _stamp(new: KqlJob, old: KqlJob | None, by: Author, now: datetime) -> KqlJob:
    """The job as it is kept. Its windows count anew where what it does once, or when it does it, has changed."""
    schedule, since = new.schedule, old.since if old else None
    changed = old is None or (new.enabled and not old.enabled)
    if schedule.frequency is Frequency.ONCE:
        changed = changed or old is None or _done_by(new) != _done_by(old)
        if changed and (schedule.start is None or schedule.start < now):
            schedule = replace(schedule, start=now)
    if schedule.start is None:
        schedule = replace(schedule, start=(old.schedule.start if old else None) or now)
    if changed or old is None or schedule != old.schedule:
        since = now
    return replace(
        new,
        schedule=schedule,
        id=old.id if old else str(uuid4()),
        by=by,
        created=old.created if old else now,
        modified=now,
        since=since,
    )


def _done_by(job: KqlJob) -> tuple[object, ...]:
    return job.query, job.table, job.lookback, job.delay


def _task(owner: tuple[str, ...], job: KqlJob) -> Task:
    assert job.since is not None
    assert job.schedule.start is not None
    schedule = job.schedule
    most = {Missed.ALL: MOST_MADE_UP, Missed.LATEST: 1, Missed.NONE: 0}[job.missed]
    return Task(
        id=job.id,
        owner=owner,
        by=job.by.object_id,
        query=job.query,
        table=job.table,
        schedule=Recurrence(schedule.frequency, _utc(job.schedule.start), schedule.interval, schedule.end),
        since=job.since,
        enabled=job.enabled,
        delay=job.delay,
        length=job.lookback,
        most_missed=most,
        dropped=FILLED,
    )


def _utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at
