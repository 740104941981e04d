"""`huntlake ingest`: logs from files into a table."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huntlake.cli.failure import FAILED
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.screen import console, is_terminal, note, printable

if TYPE_CHECKING:
    from huntlake.workspace.ingestion import IngestReport, Progress


class Format(StrEnum):
    """What a file holds."""

    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


def ingest(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="JSON lines or arrays, CSV, Parquet; or gzip.")
    ],
    table: Annotated[
        str, typer.Option("--table", "-t", metavar="NAME", help="The table; a new one's name ends in `_CL`.")
    ],
    home: Home = None,
    workspace: WorkspaceName = None,
    format: Annotated[
        Format | None, typer.Option("--format", help="What the files hold; found out where it isn't given.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if a row didn't fit.")] = False,
) -> None:
    """Take files into a table.

    Like `huntlake ingest signins.json.gz --table SigninLogs`. Fields find their columns whatever their case. Rows
    that don't fit are kept in a file beside the lake, with the reason, and counted. All files land, or none of them.
    """
    with opened(home, make=True) as app:
        place = workspace_of(app, workspace, make=True)
        with _progress() as progress:
            report = app.ingestion.ingest(
                place, table, files, format=format.value if format else None, progress=progress
            )
    note(_told(report, place.name))
    if strict and report.dead:
        raise typer.Exit(FAILED)


@contextmanager
def _progress() -> Iterator[Callable[[Progress], None] | None]:
    if not is_terminal(sys.stderr):
        yield None
        return
    from rich.progress import BarColumn, DownloadColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Bar("{task.fields[rows]:,} rows", *columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, rows=0)
        yield lambda p: bar.update(task, completed=p.bytes, total=p.total, rows=p.rows)


def _told(report: IngestReport, workspace: str) -> str:
    speed = f" ({report.rows / report.seconds:,.0f} a second)" if report.seconds > 1 else ""
    lines = [f"{report.rows:,} rows in {report.table} of workspace {workspace}, in {report.seconds:.1f} s{speed}"]
    if report.dead:
        lines.append(f"{report.dead:,} rows did not fit: {report.dead_letter_file}")
    if report.undated:
        lines.append(f"{report.undated:,} rows told no time and got the time of their arrival")
    if report.unknown_columns:
        named = ", ".join(list(report.unknown_columns)[:8])
        more = f" and {len(report.unknown_columns) - 8} more" if len(report.unknown_columns) > 8 else ""
        fate = "are kept in AdditionalFields" if report.kept_unknown else "were dropped: the table has no such column"
        lines.append(f"fields without a column {fate}: {named}{more}")
    if report.added_columns:
        lines.append("new columns: " + ", ".join(f"{c.name}: {c.type}" for c in report.added_columns))
    return printable("\n".join(lines), keep="\n")
