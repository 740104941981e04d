"""`huntlake job`: queries that run once or again and again, and whose rows land in a table."""

from __future__ import annotations

import getpass
import re
import time
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.query import query_text
from huntlake.cli.screen import note, printable
from huntlake.core.errors import DomainError, Invalid, NotFound

if TYPE_CHECKING:
    from huntlake.workspace.jobs.kql_jobs import KqlJob, Schedule

app = typer.Typer(
    help="Make queries that run by themselves, while `huntlake serve` does, and see what came of them.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The job's name.")]
Output = Annotated[Listing, typer.Option("--output", "-o", help="How to write the answer.")]

_EVERY = re.compile(r"(\d{1,4})(mo|m|h|d|w)")


class Missed(StrEnum):
    """What becomes of windows whose time passed while no server ran."""

    ALL = "all"
    LATEST = "latest"
    NONE = "none"


@app.command()
def create(
    name: Name,
    text: Annotated[
        str | None,
        typer.Argument(
            metavar="[KQL]", help="The query; without it `--file`, else standard input.", show_default=False
        ),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", metavar="PATH", help="Read the query from a file.")
    ] = None,
    table: Annotated[
        str, typer.Option("--table", "-t", metavar="TABLE", help="Where its rows go; without it `NAME_KQL_CL`.")
    ] = "",
    every: Annotated[
        str, typer.Option("--every", metavar="SPAN", help="Such as 15m, 1h, 1d, 2w or 1mo; without it: once, now.")
    ] = "",
    start: Annotated[str, typer.Option("--start", metavar="TIME", help="When it runs first; without it: now.")] = "",
    end: Annotated[str, typer.Option("--end", metavar="TIME", help="After which it doesn't run any more.")] = "",
    lookback: Annotated[
        str, typer.Option("--lookback", metavar="SPAN", help="How far back in TimeGenerated it reads, such as 1h.")
    ] = "",
    delay: Annotated[
        str, typer.Option("--delay", metavar="SPAN", help="How long it waits for rows that come late, such as 15m.")
    ] = "",
    missed: Annotated[
        Missed, typer.Option("--missed", help="Which of the runs are made up for that no server was there for.")
    ] = Missed.ALL,
    disabled: Annotated[bool, typer.Option("--disabled", help="Make it, and don't let it run yet.")] = False,
    description: Annotated[str, typer.Option("--description", help="What it is for.")] = "",
    workspace: WorkspaceName = None,
    home: Home = None,
) -> None:
    """Make a job, or change the one of that name."""
    from huntlake.state.records import Author
    from huntlake.workspace.jobs import kql_jobs
    from huntlake.workspace.jobs.landing import LOCAL

    query = query_text(text, file)
    made = kql_jobs.KqlJob(
        query,
        table or f"{re.sub(r'[^A-Za-z0-9_]', '_', name)}{kql_jobs.SUFFIX}",
        description=description,
        schedule=_schedule(every, start, end),
        lookback=_span("--lookback", lookback) if lookback else None,
        delay=_span("--delay", delay) if delay else timedelta(),
        missed=kql_jobs.Missed[missed.name],
        enabled=not disabled,
    )
    with opened(home) as lake:
        place = workspace_of(lake, workspace)
        document, _ = lake.jobs.kql.put((place.name,), name, made, Author(LOCAL, getpass.getuser()))
        next_run = lake.jobs.kql.following(document.value)
    when = "it rests" if next_run is None else f"it runs at {_shown(next_run)}, where a server is"
    note(f"{document.name} fills {document.value.table} of {place.name}; {when}")


@app.command("list")
def list_(workspace: WorkspaceName = None, home: Home = None, output: Output = Listing.TABLE) -> None:
    """List the jobs of a workspace."""
    with opened(home) as lake:
        place = workspace_of(lake, workspace)
        rows = [
            (
                d.name,
                d.value.table,
                _told(d.value),
                "yes" if d.value.enabled else "no",
                _shown(lake.jobs.kql.following(d.value)),
            )
            for d in lake.jobs.kql.list((place.name,))
        ]
    show(["job", "table", "schedule", "enabled", "next run"], rows, output)


@app.command("show")
def show_(name: Name, workspace: WorkspaceName = None, home: Home = None) -> None:
    """Print a job: what it asks, and when."""
    with opened(home) as lake:
        job = lake.jobs.kql.get((workspace_of(lake, workspace).name,), name).value
    said = {
        "table": job.table,
        "schedule": _told(job),
        "lookback": job.lookback,
        "delay": job.delay,
        "missed": job.missed,
        "enabled": job.enabled,
        "by": job.by.name,
        "modified": _shown(job.modified),
    }
    print("".join(f"// {n}: {printable(str(v))}\n" for n, v in said.items() if v) + printable(job.query, keep="\n\t"))


@app.command()
def run(name: Name, workspace: WorkspaceName = None, home: Home = None) -> None:
    """Run a job now, for this moment, and wait for the end."""
    with opened(home) as lake:
        place = workspace_of(lake, workspace)
        jobs, owner = lake.jobs, (place.name,)
        id = jobs.run(owner, name)
        # A server on the same lake may be quicker; whoever is first does it.
        while not (made := jobs.kql.runs.get((*owner, name), id).value).status.final:
            if not jobs.runner.work(jobs.kql, jobs.kql.task((*owner, name))):
                time.sleep(0.2)
    if made.failure:
        raise DomainError(f"{made.code}: {made.failure}")
    note(f"{made.status.value}: {made.rows:,} rows in {made.table}, in {made.seconds:.1f} s")


@app.command()
def cancel(
    name: Name,
    run: Annotated[str, typer.Argument(metavar="RUN", help="Its id, as `job history` shows it.")],
    workspace: WorkspaceName = None,
    home: Home = None,
) -> None:
    """End a run that waits, or is at work."""
    with opened(home) as lake:
        lake.jobs.cancel((workspace_of(lake, workspace).name,), name, run)


@app.command()
def enable(name: Name, workspace: WorkspaceName = None, home: Home = None) -> None:
    """Let a job run when its time comes."""
    with opened(home) as lake:
        lake.jobs.kql.enable((workspace_of(lake, workspace).name,), name, True)


@app.command()
def disable(name: Name, workspace: WorkspaceName = None, home: Home = None) -> None:
    """Let a job rest."""
    with opened(home) as lake:
        lake.jobs.kql.enable((workspace_of(lake, workspace).name,), name, False)


@app.command()
def delete(name: Name, workspace: WorkspaceName = None, home: Home = None) -> None:
    """Forget a job and its history; its table stays."""
    with opened(home) as lake:
        if not lake.jobs.kql.delete((workspace_of(lake, workspace).name,), name):
            raise NotFound(f"no job is named `{name}`")


@app.command()
def history(name: Name, workspace: WorkspaceName = None, home: Home = None, output: Output = Listing.TABLE) -> None:
    """List the runs of a job, the newest first."""
    with opened(home) as lake:
        place = workspace_of(lake, workspace)
        lake.jobs.kql.get((place.name,), name)
        runs = sorted(
            lake.jobs.kql.runs.list((place.name, name)), key=lambda d: (d.value.window, d.value.created), reverse=True
        )
    rows = [
        (d.name, _shown(d.value.window), d.value.status.value, d.value.rows, round(d.value.seconds, 1), d.value.failure)
        for d in runs
    ]
    show(["run", "for", "status", "rows", "seconds", "error"], rows, output, ("rows", "seconds"))


def _schedule(every: str, start: str, end: str) -> Schedule:
    from huntlake.workspace.jobs.kql_jobs import Schedule
    from huntlake.workspace.jobs.recurrence import Frequency

    if not every:
        if end:
            raise Invalid("`--end` goes with `--every`")
        return Schedule(Frequency.ONCE, 1, _moment("--start", start))
    units = {
        "m": Frequency.MINUTE,
        "h": Frequency.HOUR,
        "d": Frequency.DAY,
        "w": Frequency.WEEK,
        "mo": Frequency.MONTH,
    }
    found = _EVERY.fullmatch(every.strip().lower())
    if not found:
        raise Invalid(f"`--every` is a number of minutes, hours, days, weeks or months, such as 15m or 1mo: `{every}`")
    return Schedule(units[found[2]], int(found[1]), _moment("--start", start), _moment("--end", end))


def _moment(option: str, text: str) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"`{option}` is a time such as 2026-01-31T08:00Z, not `{text}`") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _span(option: str, text: str) -> timedelta:
    from huntlake.detection.durations import duration

    if (found := duration(text)) is None:
        raise Invalid(f"`{option}` is a span such as 15m, 1h or P1D, not `{text}`")
    return found


def _told(job: KqlJob) -> str:
    schedule = job.schedule
    start = _shown(schedule.start)
    if schedule.frequency == "Once":
        return f"once, {start}"
    unit = schedule.frequency.value.lower()
    every = unit if schedule.interval == 1 else f"{schedule.interval} {unit}s"
    return f"every {every} from {start}" + (f" to {_shown(schedule.end)}" if schedule.end else "")


def _shown(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}Z"
