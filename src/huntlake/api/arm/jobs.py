"""KQL jobs and summary rules, as Azure Resource Manager shows them, with their runs.

Of jobs no public contract is known: this one is ours, in Azure's manner.
https://learn.microsoft.com/rest/api/loganalytics/summary-logs
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from pydantic import Field

from huntlake.api.arm.resource import WORKSPACE, Place, Resource
from huntlake.api.arm.wire import Moment, Part, Span, properties_of, read
from huntlake.core.errors import Invalid, Refused
from huntlake.identity.rights import Action
from huntlake.state.documents import Document
from huntlake.state.records import ALWAYS, Author, Only, Owner, Records
from huntlake.workspace.jobs.kql_jobs import KqlJob, Missed, Schedule
from huntlake.workspace.jobs.recurrence import Frequency
from huntlake.workspace.jobs.runs import Run
from huntlake.workspace.jobs.summary_rules import SummaryRule

_LONGEST_QUERY = 1 << 20
_JOBS = f"{WORKSPACE}/kqlJobs"
_RULES = f"{WORKSPACE}/summaryLogs"


class ScheduleInfo(Part):
    """When a job runs."""

    frequency: Frequency = Frequency.ONCE
    interval: int = 1
    start_time: Moment | None = None
    end_time: Moment | None = None


class JobProperties(Part):
    """What can be said of a job."""

    SHOWN: ClassVar[frozenset[str]] = frozenset(
        {"jobId", "owner", "createdTimeUtc", "lastModifiedTimeUtc", "nextRunTimeUtc", "missedRunCount"}
    )
    description: str = Field("", max_length=10_000)
    query: str = Field(min_length=1, max_length=_LONGEST_QUERY)
    destination_table: str = Field(min_length=1, max_length=63)
    schedule: ScheduleInfo = ScheduleInfo()
    lookback: Span | None = None
    delay: Span = timedelta()
    missed_runs: Missed = Missed.ALL
    enabled: bool = True


class JobForm:
    """A job, and when it runs next."""

    def shown(self, place: Place, document: Document[KqlJob]) -> dict[str, Any]:
        """The job's properties."""
        job, jobs = document.value, place.services.jobs
        said = JobProperties(
            description=job.description,
            query=job.query,
            destination_table=job.table,
            schedule=ScheduleInfo(
                frequency=job.schedule.frequency,
                interval=job.schedule.interval,
                start_time=job.schedule.start,
                end_time=job.schedule.end,
            ),
            lookback=job.lookback,
            delay=job.delay,
            missed_runs=job.missed,
            enabled=job.enabled,
        )
        more = {
            "jobId": job.id,
            "owner": {"objectId": job.by.object_id, "name": job.by.name},
            "createdTimeUtc": _stamp(job.created),
            "lastModifiedTimeUtc": _stamp(job.modified),
            "nextRunTimeUtc": _stamp(jobs.kql.following(job)),
            "missedRunCount": jobs.kql.book.get(job.id).skipped,
        }
        return {"properties": said.wire() | {n: v for n, v in more.items() if v is not None}}

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> KqlJob:
        """The job that a body describes."""
        given = read(JobProperties, properties_of(body))
        schedule = given.schedule
        return KqlJob(
            query=given.query,
            table=given.destination_table,
            description=given.description,
            schedule=Schedule(schedule.frequency, schedule.interval, schedule.start_time, schedule.end_time),
            lookback=given.lookback,
            delay=given.delay,
            missed=given.missed_runs,
            enabled=given.enabled,
        )


class RunForm:
    """A run: how far it is, what landed, and why it failed."""

    def shown(self, place: Place, document: Document[Run]) -> dict[str, Any]:
        """The run's properties."""
        run = document.value
        properties: dict[str, Any] = {
            "status": run.status.value,
            "windowTimeUtc": _stamp(run.window),
            "manual": run.manual,
            "attempts": run.attempts,
            "createdTimeUtc": _stamp(run.created),
            "startTimeUtc": _stamp(run.started),
            "endTimeUtc": _stamp(run.ended),
            "durationSeconds": round(run.seconds, 3),
            "destinationTable": run.table,
            "rowCount": run.rows,
        }
        if run.code:
            properties["error"] = {"code": run.code, "message": run.failure}
        return {"properties": {n: v for n, v in properties.items() if v is not None}}

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> Run:
        """Runs are written by nobody."""
        raise Refused("a run can't be written")


@dataclass(frozen=True)
class NewestFirst:
    """Runs, to be read, the newest first."""

    records: Records[Run]

    def list(self, owner: Owner) -> Sequence[Document[Run]]:
        """The runs of a task."""
        return sorted(self.records.list(owner), key=lambda d: (d.value.window, d.value.created), reverse=True)

    def get(self, owner: Owner, name: str) -> Document[Run]:
        """One of them."""
        return self.records.get(owner, name)

    def put(
        self, owner: Owner, name: str, value: Run, by: Author = Author(), only: Only = ALWAYS
    ) -> tuple[Document[Run], bool]:
        """Runs are written by nobody."""
        raise Refused("a run can't be written")

    def delete(self, owner: Owner, name: str, only: Only = ALWAYS) -> bool:
        """Runs go with what they are runs of."""
        raise Refused("a run can't be deleted")


class RuleDefinition(Part):
    """What a summary rule asks, and of which times."""

    query: str = Field(min_length=1, max_length=_LONGEST_QUERY)
    bin_size: int
    destination_table: str = Field(min_length=1, max_length=63)
    bin_delay: int | None = None
    bin_start_time: Moment | None = None
    time_selector: str = "TimeGenerated"


class RuleProperties(Part):
    """What can be said of a summary rule."""

    SHOWN: ClassVar[frozenset[str]] = frozenset({"isActive", "statusCode", "provisioningState"})
    rule_type: str = "User"
    display_name: str = Field("", max_length=1000)
    description: str = Field("", max_length=10_000)
    rule_definition: RuleDefinition


class SummaryRuleForm:
    """A summary rule."""

    def shown(self, place: Place, document: Document[SummaryRule]) -> dict[str, Any]:
        """The rule's properties."""
        rule = document.value
        definition = RuleDefinition(
            query=rule.query,
            bin_size=rule.bin_size,
            destination_table=rule.table,
            bin_delay=rule.bin_delay,
            bin_start_time=rule.bin_start,
        )
        said = RuleProperties(
            display_name=rule.display_name, description=rule.description, rule_definition=definition
        ).wire()
        state: dict[str, Any] = {"isActive": rule.active, "provisioningState": "Succeeded"}
        if rule.status_code:
            state["statusCode"] = rule.status_code
        return {"properties": said | state}

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> SummaryRule:
        """The rule that a body describes."""
        given = read(RuleProperties, properties_of(body))
        definition = given.rule_definition
        if given.rule_type.lower() != "user":
            raise Invalid(
                f"the `ruleType` `{given.rule_type[:40]}` is not supported: rules that people write are `User`"
            )
        if definition.time_selector != "TimeGenerated":
            raise Invalid(f"the `timeSelector` `{definition.time_selector[:40]}` is not supported: `TimeGenerated` is")
        return SummaryRule(
            query=definition.query,
            table=definition.destination_table,
            bin_size=definition.bin_size,
            description=given.description,
            display_name=given.display_name,
            bin_delay=definition.bin_delay,
            bin_start=definition.bin_start_time,
        )


class RetryBin(Part):
    """Which bin to try again."""

    retry_bin_start_time: Moment


def _run(place: Place, name: str, body: Mapping[str, Any]) -> tuple[int, object]:
    id = place.services.jobs.run(place.owner, name)
    return 202, {"id": f"{place.path}/{name}/runs/{id}", "name": id, "type": RUNS.type}


def _enable(place: Place, name: str, body: Mapping[str, Any]) -> tuple[int, object]:
    place.services.jobs.kql.enable(place.owner, name, True)
    return 200, None


def _disable(place: Place, name: str, body: Mapping[str, Any]) -> tuple[int, object]:
    place.services.jobs.kql.enable(place.owner, name, False)
    return 200, None


def _cancel(place: Place, name: str, body: Mapping[str, Any]) -> tuple[int, object]:
    workspace, job = place.owner
    place.services.jobs.cancel((workspace,), job, name)
    return 200, None


def _start(place: Place, name: str, body: Mapping[str, Any]) -> tuple[int, object]:
    place.services.jobs.summaries.start(place.owner, name)
    return 200, None


def _stop(place: Place, name: str, body: Mapping[str, Any]) -> tuple[int, object]:
    place.services.jobs.summaries.stop(place.owner, name)
    return 200, None


def _retry(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    given = read(RetryBin, properties_of(body))
    place.services.jobs.retry_bin(place.owner, name, given.retry_bin_start_time)
    return 202, None


def _stamp(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"


RUNS: Resource[Run] = Resource(
    type="Microsoft.OperationalInsights/workspaces/kqlJobs/runs",
    path=f"{_JOBS}/{{job}}/runs",
    form=RunForm(),
    store=lambda place: NewestFirst(place.services.jobs.kql.runs),
    filters=frozenset({"name", "properties/status", "properties/windowTimeUtc"}),
    posts={"cancel": (Action.MANAGE, _cancel)},
)

JOBS: Resource[KqlJob] = Resource(
    type="Microsoft.OperationalInsights/workspaces/kqlJobs",
    path=_JOBS,
    form=JobForm(),
    store=lambda place: place.services.jobs.kql,
    write=Action.MANAGE,
    filters=frozenset({"name", "properties/enabled", "properties/destinationTable"}),
    posts={
        "run": (Action.MANAGE, _run),
        "enable": (Action.MANAGE, _enable),
        "disable": (Action.MANAGE, _disable),
    },
)

BINS: Resource[Run] = Resource(
    type="Microsoft.OperationalInsights/workspaces/summaryLogs/bins",
    path=f"{_RULES}/{{rule}}/bins",
    form=RunForm(),
    store=lambda place: NewestFirst(place.services.jobs.summaries.runs),
    filters=frozenset({"name", "properties/status", "properties/windowTimeUtc"}),
)

SUMMARY_RULES: Resource[SummaryRule] = Resource(
    type="Microsoft.OperationalInsights/workspaces/summaryLogs",
    path=_RULES,
    form=SummaryRuleForm(),
    store=lambda place: place.services.jobs.summaries,
    write=Action.MANAGE,
    posts={
        "start": (Action.MANAGE, _start),
        "stop": (Action.MANAGE, _stop),
        "retrybin": (Action.MANAGE, _retry),
    },
)
