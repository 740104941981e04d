"""`huntlake demo`: a server with two weeks of a fictional company's logs, and an attack in them."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from threading import Event, Thread
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from huntlake.cli.background import working
from huntlake.cli.place import home_folder, opened
from huntlake.cli.screen import console, is_terminal, note, show_table
from huntlake.cli.serve import Host, Port, log

if TYPE_CHECKING:
    from huntlake.app import App
    from huntlake.cli.demo_lake import Card, Progress

SAMPLE_FILE = "sample.py"


def demo(
    home: Annotated[
        Path | None,
        typer.Option("--home", metavar="FOLDER", help="Folder of the demo; without it `demo` in the folder of lakes."),
    ] = None,
    host: Host = None,
    port: Port = None,
    once: Annotated[bool, typer.Option("--once", help="Answer one query, and end.")] = False,
    anew: Annotated[bool, typer.Option("--anew", help="Make the logs anew, however fresh they are.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No line for each request.")] = False,
) -> None:
    """Serve a fictional company's logs, with an attack in them.

    The logs are made once, and anew when they are older than a day; the story always ends now. Ctrl-C ends it.
    """
    from huntlake.cli import demo_client, demo_lake
    from huntlake.server import Server

    started = perf_counter()
    folder = home_folder(None) / "demo" if home is None else home.absolute()
    demo_lake.lay_out(folder)
    # Its own first question is no news.
    log(quiet=True)
    # Playbooks that call this server must know it for their own.
    given: dict[str, Any] = {} if port is None else {"port": port}
    with opened(folder, make=True, **given) as app:
        # A demo that is being served must not lose its logs to a second one: the port tells them apart.
        server = Server(app, host=host, port=port)
        with _progress() as progress:
            card = demo_lake.prepare(app, server.serving.url, server.serving.authority, progress, anew=anew)
        serving = Thread(target=server.run, name="server", daemon=True)
        with _until_told() as told:
            serving.start()
            names, rows = demo_client.rows(card, demo_client.FIRST)
            note(f"{demo_client.FIRST}\n")
            show_table(names, [[str(v) for v in row] for row in rows], [False, True])
            note(f"\nfirst answer after {perf_counter() - started:.1f} s")
            if not once:
                _show_incidents(app, card, started)
                _tell(folder, card)
                log(quiet)
                # Not before: the first questions, and the fortnight, needn't wait for the rules of this minute.
                with working(app):
                    told.wait()
        server.stop()
        serving.join()


def _show_incidents(app: App, card: Card, started: float) -> None:
    """What the pack of rules made of the fortnight."""
    from huntlake.cli import demo_lake

    with _progress_of("looking at two weeks with the rules") as progress:
        found = demo_lake.detect(app, card, progress)
    owner = (demo_lake.WORKSPACE,)
    rows = []
    for one in sorted(app.detection.incidents.list(owner), key=lambda d: d.value.number):
        tally = app.detection.incidents.tally(owner, one.name)
        rows.append([str(one.value.number), one.value.severity.value, str(tally.alerts), one.value.title])
    note(f"\nthe rules over two weeks: {len(rows)} incidents after {perf_counter() - started:.1f} s\n")
    show_table(("number", "severity", "alerts", "title"), rows, [True, False, True, False])
    for failure in found.failures if found else ():
        note(f"rule failed: {failure}")


@contextmanager
def _progress_of(what: str) -> Iterator[Callable[[int, int], None] | None]:
    if not is_terminal(sys.stderr):
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

    with Progress(what, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def _progress() -> Iterator[Progress]:
    if not is_terminal(sys.stderr):
        yield lambda table, rows, done, tables: note(f"{done:>3}/{tables}  {rows:>7,} rows  {table}")
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

    columns = ("making two weeks of logs", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), "{task.description}")
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda table, rows, done, tables: bar.update(task, completed=done, total=tables, description=table)


@contextmanager
def _until_told() -> Iterator[Event]:
    """An event that Ctrl-C and SIGTERM set: the server runs in a thread, which signals don't reach."""
    told = Event()
    before = {s: signal.signal(s, lambda *_: told.set()) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell(folder: Path, card: Card) -> None:
    from huntlake.cli import demo_client, demo_lake
    from huntlake.identity import files

    facts = asdict(card)
    sample = folder / SAMPLE_FILE
    files.write(sample, demo_client.SAMPLE.format(**facts).encode())
    note(
        "\n".join(
            (
                "",
                f"serving {card.url}; Ctrl-C ends it",
                f"pages for a browser: {card.url}/app/ as `{card.user}` with the password {card.password}",
                "",
                f"Python, also in {sample}:",
                "",
                f"export REQUESTS_CA_BUNDLE={card.ca}",
                demo_client.SAMPLE.format(**facts),
                "curl:",
                "",
                demo_client.CURL.format(**facts),
                "Here, without the server:",
                "",
                *(f'huntlake query --home {folder} "{kql}"' for kql in demo_client.TO_TRY[:1]),
                "",
                "More to ask:",
                "",
                *demo_client.TO_TRY[1:],
                "",
                f"Tenant, client and database are in {folder / demo_lake.CARD}. An attack is hidden in these logs;",
                f"{folder / demo_lake.TRUTH} tells where, once you have hunted.",
            )
        )
    )
