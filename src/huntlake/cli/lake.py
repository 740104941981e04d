"""`huntlake lake`: the tables' files, and keeping them in good order."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from huntlake.cli.failure import FAILED
from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.screen import console, is_terminal, note
from huntlake.core.diagnostics import did_you_mean
from huntlake.core.errors import Conflict, Invalid, NotFound

if TYPE_CHECKING:
    from huntlake.app import App
    from huntlake.lake.paths import HotPath
    from huntlake.workspace.workspaces import Workspace

T = TypeVar("T")

app = typer.Typer(help="Look after the files of tables: optimize, compact, verify, vacuum.", no_args_is_help=True)

TableNames = Annotated[
    list[str] | None, typer.Argument(metavar="[TABLE]...", help="The tables; all of the workspace if none is named.")
]
Output = Annotated[Listing, typer.Option("--output", "-o", help="How to write the answer.")]
Advance = Callable[[int, int], None]


@app.command()
def stats(
    tables: TableNames = None, home: Home = None, workspace: WorkspaceName = None, output: Output = Listing.TABLE
) -> None:
    """Tell what there is of each table.

    Its rows, its files and their index, how many files `compact` would write anew, what `vacuum` may delete in time,
    the paths into dynamics that are kept beside, in how many files, and whether it is to have an index.
    """
    found: list[tuple[object, ...]] = []
    with _work(home, workspace, tables) as work:
        for name, s in work.each(lambda lake, place, name, _: lake.upkeep.statistics(place, name)):
            days = work.lake.upkeep.retention.days(work.place.name, name) or None
            numbers = (s.rows, s.files, s.days, s.bytes, s.index_bytes, s.indexed, s.to_compact, s.unreferenced)
            times = _time(s.since), _time(s.until)
            kept = _switch(s.keeps_index)
            found.append((name, s.version, *numbers, days, *times, s.with_hot, _paths(s.hot), kept))
    numbers_of = ["version", "rows", "files", "days", "bytes", "index bytes", "indexed", "to compact", "unreferenced"]
    headings = ["table", *numbers_of, "kept days", "from", "to", "with hot paths", "hot paths", "index"]
    show(headings, found, output, {*numbers_of, "kept days", "with hot paths"})


@app.command()
def compact(
    tables: TableNames = None, home: Home = None, workspace: WorkspaceName = None, output: Output = Listing.TABLE
) -> None:
    """Write many small files anew as few large ones, and sort large ones of a day that hold the same times.

    By days that are over, and today's hours that are, in the order of time. The old files stay for queries that run,
    until `vacuum` deletes them.
    """
    with _work(home, workspace, tables) as work:
        rows = [
            (name, c.files_before, c.files_after, c.bytes_before, c.bytes_after, c.rows, c.skipped)
            for name, c in work.each(lambda lake, place, name, p: lake.upkeep.compact(place, name, p))
        ]
        headings = ["files before", "files after", "bytes before", "bytes after", "rows", "skipped"]
        show(["table", *headings], rows, output, set(headings))


@app.command()
def optimize(
    tables: TableNames = None,
    home: Home = None,
    workspace: WorkspaceName = None,
    path: Annotated[
        list[str] | None,
        typer.Option(
            "--path", metavar="COLUMN.PATH", help="Keep this path into a dynamic column beside, asked for or not."
        ),
    ] = None,
    drop_path: Annotated[
        list[str] | None,
        typer.Option("--drop-path", metavar="COLUMN.PATH", help="Leave that to what queries ask for again."),
    ] = None,
    output: Output = Listing.TABLE,
) -> None:
    """Compact, keep hot paths beside, and build what is missing of the index.

    A path into a dynamic column, such as `DeviceDetail.operatingSystem`, is hot when queries ask for it often or
    `--path` says so: files then keep what lies there in a column of its own, and no query need parse JSON for it.
    """
    if (path or drop_path) and (not tables or len(tables) > 1):
        raise Invalid("name the one table in which the path is")
    with _work(home, workspace, tables) as work:
        hot, place = work.lake.analytics.hot_paths, work.place.name
        for name in work.names if path or drop_path else ():
            more, fewer = ([hot.path(place, name, text) for text in texts or ()] for texts in (path, drop_path))
            hot.say(place, name, more, fewer)
        rows = []
        for name, o in work.each(lambda lake, place, name, p: lake.upkeep.optimize(place, name, p)):
            c, s = o.compacted, o.statistics
            rows.append((name, c.files_before, c.files_after, o.indexed.built, s.files, s.with_hot, _paths(s.hot)))
        headings = ["files before", "files after", "indexes built", "files", "with hot paths"]
        show(["table", *headings, "hot paths"], rows, output, set(headings))


@app.command()
def index(
    tables: TableNames = None,
    home: Home = None,
    workspace: WorkspaceName = None,
    anew: Annotated[bool, typer.Option("--anew", help="Build all of it, also what is whole.")] = False,
    on: Annotated[
        bool | None,
        typer.Option("--on/--off", help="Let these tables have an index, as all do at first; or none, and delete it."),
    ] = None,
    output: Output = Listing.TABLE,
) -> None:
    """Build what is missing of the term index, or damaged; or say which tables have none.

    A server that runs takes up what was missing within seconds. A table without an index gives the same answers: a
    rare term is then looked for in all of its rows. `--off` counts for every server and every load, until `--on`.
    """
    from huntlake.workspace.table_definitions import TableChange

    if on is not None and not tables:
        raise Invalid("name the tables that it is said of")
    if on is False and anew:
        raise Invalid("`--anew` and `--off` exclude each other")
    with _work(home, workspace, tables, empty=on is not None) as work:
        for name in work.names if on is not None else ():
            if not work.lake.lake.exists(work.place.name, name):
                work.lake.table_definitions.put(work.place, name, TableChange())
            work.lake.upkeep.keep_index(work.place.name, name, on is True)
        rows = [
            (name, _switch(work.lake.upkeep.keeps_index(work.place.name, name)), i.files, i.built, i.deleted)
            for name, i in work.each(lambda lake, place, name, p: lake.upkeep.index(place, name, p, anew=anew))
        ]
        show(["table", "index", "files", "built", "deleted"], rows, output, {"files", "built", "deleted"})


@app.command()
def retention(
    tables: TableNames = None,
    home: Home = None,
    workspace: WorkspaceName = None,
    days: Annotated[
        int | None, typer.Option("--days", min=0, metavar="N", help="Keep rows of these tables so long; 0: forever.")
    ] = None,
    default: Annotated[bool, typer.Option("--default", help="Let the setting `retention_days` count again.")] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Take away now what is too old.")] = False,
    output: Output = Listing.TABLE,
) -> None:
    """Tell, or say, how many days rows are kept.

    A server takes away by itself what is older: whole days, for good once `vacuum` has deleted their files.
    """
    if days is not None and default:
        raise Invalid("`--days` and `--default` exclude each other")
    if (days is not None or default) and not tables:
        raise Invalid("name the tables that it is said of; the setting `retention_days` counts for all others")
    with _work(home, workspace, tables, empty=days is not None or default) as work:
        kept = work.lake.upkeep.retention
        if days is not None or default:
            for name in work.names:
                kept.set(work.place.name, name, days)
        gone = dict(work.each(lambda lake, place, name, _: lake.upkeep.expire(place, name))) if apply else {}
        rows = []
        for name in work.names:
            said = kept.said(work.place.name, name)
            away = (gone[name].rows,) if name in gone else (None,) if apply else ()
            told = "the table" if said is not None else "the setting"
            rows.append((name, kept.days(work.place.name, name) or "forever", told, *away))
        headings = ["table", "days", "said by", *(["rows taken away"] if apply else [])]
        show(headings, rows, output, {"days", "rows taken away"})


@app.command()
def vacuum(
    tables: TableNames = None,
    home: Home = None,
    workspace: WorkspaceName = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Delete nothing; tell what would be.")] = False,
    output: Output = Listing.TABLE,
) -> None:
    """Delete files that no table has any more.

    Those that were replaced or are too old, and what crashes have left, once the setting `vacuum_hours` has passed.
    """
    with _work(home, workspace, tables) as work:
        rows = [
            (name, v.files, v.bytes)
            for name, v in work.each(lambda lake, place, name, _: lake.upkeep.vacuum(place, name, dry=dry_run))
        ]
        show(["table", "files", "bytes"], rows, output, {"files", "bytes"})


@app.command()
def verify(
    tables: TableNames = None,
    home: Home = None,
    workspace: WorkspaceName = None,
    quick: Annotated[bool, typer.Option("--quick", help="Read the ends of files, not every value.")] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Build the index anew where it disagrees: nothing is lost by that.")
    ] = False,
    output: Output = Listing.TABLE,
) -> None:
    """Prove that log, files, statistics and index agree.

    Each disagreement is told with the file that it is in; if one is left, the exit code is 1.
    """
    with _work(home, workspace, tables) as work:
        files = rows = 0
        wrong: list[tuple[str, str, str, bool]] = []
        for name, found in work.each(
            lambda lake, place, name, p: lake.upkeep.verify(place, name, p, quick=quick, repair=repair)
        ):
            files, rows = files + found.files, rows + found.rows
            wrong += [(name, d.file, d.what, d.repaired) for d in found.disagreements]
            for file in found.unused:
                note(f"{name}: {file} is of no use any more; `huntlake lake vacuum` deletes it")
        wrong += [("", d.file, d.what, d.repaired) for d in work.lake.upkeep.verify_log()]
        note(f"{rows:,} rows in {files:,} files of {len(work.names):,} tables agree" + (" but for these" * bool(wrong)))
        if wrong or output is Listing.JSON:
            shown = [(t, f, w, "yes" if r else "no") for t, f, w, r in wrong]
            show(["table", "file", "what", "repaired"], shown, output)
        work.failed = work.failed or not all(repaired for *_, repaired in wrong)


class _Work:
    """The tables that a command is about, and what it does to each of them."""

    def __init__(self, lake: App, place: Workspace, names: Sequence[str]) -> None:
        self.lake = lake
        self.place = place
        self.names = names
        self.failed = False

    def each(self, act: Callable[[App, str, str, Advance], T]) -> list[tuple[str, T]]:
        """What `act` gives of each table; one that another process is at is told of, and left out."""
        done = []
        with _progress() as begin:
            for name in self.names:
                advance = begin(name)
                try:
                    done.append((name, act(self.lake, self.place.name, name, advance)))
                except Conflict as conflict:
                    note(f"error: {conflict}")
                    self.failed = True
                advance(1, 1)
        return done


@contextmanager
def _work(home: Home, workspace: WorkspaceName, tables: TableNames, *, empty: bool = False) -> Iterator[_Work]:
    """The tables; `empty` are meant too. Afterwards, if some were left out, it leaves with the exit code for that."""
    with opened(home) as lake:
        place = workspace_of(lake, workspace)
        work = _Work(lake, place, _named(lake, place, tables, empty=empty))
        yield work
    if work.failed:
        raise typer.Exit(FAILED)


def _named(lake: App, place: Workspace, tables: list[str] | None, *, empty: bool = False) -> list[str]:
    there = lake.lake.tables(place.name)
    if not tables:
        return there
    known = lake.tables.names(place.name) if empty else there
    for name in tables:
        if name not in known:
            hint = did_you_mean(name, known)
            rows = "is named" if empty else "with rows is named"
            raise NotFound(f"no table {rows} `{name}`" + (f": {hint}" if hint else ""))
    return list(dict.fromkeys(tables))


@contextmanager
def _progress() -> Iterator[Callable[[str], Advance]]:
    if not is_terminal(sys.stderr):
        yield lambda _table: lambda _done, _total: None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    columns = ("{task.description}", BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:

        def begin(table: str) -> Advance:
            task = bar.add_task(table, total=None)
            return lambda done, total: bar.update(task, completed=done, total=total, visible=done < total)

        yield begin


def _paths(paths: Sequence[HotPath]) -> str:
    from huntlake.workspace.hot_paths import shown

    return ", ".join(map(shown, paths))


def _switch(on: bool) -> str:
    return "on" if on else "off"


def _time(moment: datetime | None) -> str | None:
    return f"{moment.isoformat(timespec='seconds')}Z" if moment else None
