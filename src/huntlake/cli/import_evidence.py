"""`huntlake import`: a folder of evidence into the tables that hunts ask."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huntlake.cli.failure import FAILED
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.screen import console, is_terminal, note, printable, show_table

if TYPE_CHECKING:
    from huntlake.workspace.evidence.custody import Evidence
    from huntlake.workspace.evidence.service import ImportReport, Progress


def import_evidence(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A file, an archive or a folder.")],
    home: Home = None,
    workspace: WorkspaceName = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", metavar="FILE", help="What to make of files of no known kind.")
    ] = None,
    time_zone: Annotated[
        str, typer.Option("--time-zone", metavar="ZONE", help="The zone of stamps that tell none, as Europe/Berlin.")
    ] = "UTC",
    again: Annotated[bool, typer.Option("--again", help="Take in files that were taken in before, too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go where, and take nothing in.")] = False,
) -> None:
    """Take a folder of evidence into the tables of Sentinel and Defender.

    What each file is, is found by what is in it: event logs, exports of portals, sensors' logs, archives of these.
    Every file is hashed and recorded in the table HuntlakeEvidence. Ends with 1 if a file failed.
    """
    from huntlake.workspace.evidence.plain import mappings
    from huntlake.workspace.evidence.service import user_name

    given = mappings(mapping) if mapping else ()
    with opened(home, make=True) as app:
        place = workspace_of(app, workspace, make=True)
        with _progress() as progress:
            report = app.analytics.evidence.take(
                place,
                path,
                by=user_name(),
                mappings=given,
                time_zone=time_zone,
                again=again,
                dry=dry_run,
                progress=progress,
            )
    if report.files:
        headings = ("file", "kind", "read", "rows", "dead", "what became of it")
        show_table(headings, [_line(f) for f in report.files], (False, False, True, True, True, False))
    note(_told(report, place.name))
    if any(f.status == "failed" for f in report.files):
        raise typer.Exit(FAILED)


@contextmanager
def _progress() -> Iterator[Callable[[Progress], None] | None]:
    if not is_terminal(sys.stderr):
        yield None
        return
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    # The name of a file is text of its own, and no markup.
    columns = (BarColumn(), DownloadColumn(), TimeRemainingColumn(), TextColumn("{task.fields[file]}", markup=False))
    with Bar("{task.fields[rows]:,} rows", *columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, rows=0, file="")
        yield lambda p: bar.update(task, completed=p.bytes, total=p.total, rows=p.rows, file=printable(p.file)[:60])


def _line(file: Evidence) -> tuple[str, ...]:
    fate = ", ".join(f"{table} {rows:,}" for table, rows in sorted(file.tables.items()))
    if file.reason:
        fate = f"{file.status}: {file.reason}" + (f"; {fate}" if fate else "")
    kinds = ", ".join(file.kinds) or file.format or "?"
    return file.path, kinds, f"{file.read:,}", f"{sum(file.tables.values()):,}", f"{file.dead:,}", fate


def _told(report: ImportReport, workspace: str) -> str:
    would = "would be " if report.dry else ""
    made, rows = sum(f.made for f in report.files), sum(report.tables.values())
    lines = [
        f"{len(report.files):,} files, {report.read:,} events read, {rows:,} rows {would}in {len(report.tables)} "
        f"tables of workspace {workspace}, in {report.seconds:.1f} s"
    ]
    if made != report.read - report.dead:
        lines.append("an event can be a row of two tables: Sysmon's are in Event and in those of Defender")
    lines += [f"skipped {one}" for one in report.skipped]
    if report.dead:
        lines.append(f"{report.dead:,} did not fit: " + ", ".join(map(str, report.dead_letter_files)))
    for text, count in (
        ("events had local times, moved to UTC by what the file itself tells", sum(f.corrected for f in report.files)),
        ("events had times without a zone, taken as --time-zone says", sum(f.assumed for f in report.files)),
        ("events told no time and got that of their arrival", sum(f.undated for f in report.files)),
    ):
        if count:
            lines.append(f"{count:,} {text}")
    for table, fields in report.unknown_columns.items():
        if fields:
            more = f" and {len(fields) - 8} more" if len(fields) > 8 else ""
            lines.append(f"fields that {table} has no column for: " + ", ".join(list(fields)[:8]) + more)
    return printable("\n".join(lines), keep="\n")
