"""`huntlake hunt signal`: what makes a hunt worth while, taken in, listed and forgotten."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huntlake.cli.listing import Listing, show
from huntlake.cli.moments import moment
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.screen import counted, note, printable
from huntlake.cli.secret import SecretEnvironment, SecretFile
from huntlake.core.errors import DomainError, Invalid, NotFound
from huntlake.hunting.scoring import SignalKind
from huntlake.state.records import Author

if TYPE_CHECKING:
    from huntlake.hunting.signals.signal import Signal
    from huntlake.hunting.signals.store import Added, SoughtSignals

app = typer.Typer(help="Signals for hunts: reports, feeds, incidents, changes, anomalies.", no_args_is_help=True)

Output = Annotated[Listing, typer.Option("--format", "--output", "-o", help="How to write the answer.")]
Trust = Annotated[
    float | None,
    typer.Option("--trust", min=0, max=1, help="How far it is trusted; else what the setting `signal_trust` says."),
]
Observed = Annotated[
    str, typer.Option("--observed", metavar="TIME", help="When it was written or seen, such as 2026-11-01; else now.")
]
Id = Annotated[str, typer.Argument(metavar="ID", help="The signal's id, or how it begins.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The feed's name.")]
_FEW = 10


@app.command()
def add(
    places: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE|FOLDER|URL...", help="Reports: text, Markdown, HTML, PDF; a folder means all."),
    ] = None,
    urls: Annotated[
        Path | None, typer.Option("--urls", metavar="FILE", help="A list of URLs of reports, one a line.")
    ] = None,
    trust: Trust = None,
    observed: Observed = "",
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Take reports in as signals: with the techniques, indicators, actors and software that they speak of."""
    from huntlake.hunting.signals.intake import Brought, urls_of
    from huntlake.hunting.signals.store import Added

    listed = urls_of(_read(urls).decode("utf-8", "replace")) if urls is not None else ()
    if not places and not listed:
        raise typer.BadParameter("name a file, a folder or a URL, or give `--urls FILE`")
    brought = Brought(person(), trust=trust, observed=moment(observed, datetime.now(UTC)) if observed else None)
    added, failed = Added(), 0
    with opened(home, make=True) as lake:
        place = workspace_of(lake, workspace, make=True)
        for one in (*(places or ()), *listed):
            if one.lower().startswith(("https://", "http://")):
                try:
                    added = added + lake.hunting.intake.page(place, one, brought, named=True)
                except DomainError as error:
                    print(printable(f"{one}: {error}"))
                    failed += 1
                continue
            for file in _files(Path(one)):
                try:
                    data = _read(file)
                    added = added + lake.hunting.intake.report(place, data, file.name, brought, str(file))
                except DomainError as error:
                    print(printable(_refused(file, error)))
                    failed += 1
    told(added, place.name)
    if failed:
        note(f"{failed:,} could not be read")
        raise typer.Exit(1)


@app.command("import")
def import_(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="A bundle of STIX 2.1, an event of MISP, vulnerabilities, or tickets.",
        ),
    ],
    kind: Annotated[
        str, typer.Option("--as", help="What it is: stix, misp, vulnerabilities or tickets; else what it looks like.")
    ] = "",
    fields: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="FIELD=NAME", help="The field of a ticket that is its `title`, `time`, …"),
    ] = None,
    trust: Trust = None,
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Take typed sources in as signals; vulnerabilities count where what they are of is installed."""
    from huntlake.hunting.signals.intake import Brought, Taken, kind_of
    from huntlake.hunting.signals.store import Added
    from huntlake.hunting.signals.tickets import TicketMapping

    named = dict(one.partition("=")[::2] for one in fields or ())
    if not all(named.values()):
        raise typer.BadParameter("a field is mapped as FIELD=NAME")
    mapping = TicketMapping.of(named)
    try:
        given = Taken(kind) if kind else None
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    added, failed = Added(), 0
    with opened(home, make=True) as lake:
        place = workspace_of(lake, workspace, make=True)
        for file in files:
            try:
                data = _read(file)
                taken = given or kind_of(data, file.name)
                brought = Brought(person(), trust)
                added = added + lake.hunting.intake.typed(place, data, file.name, taken, brought, mapping, str(file))
            except DomainError as error:
                print(printable(_refused(file, error)))
                failed += 1
    told(added, place.name)
    if failed:
        raise typer.Exit(1)


@app.command("list")
def list_(
    kind: Annotated[
        list[SignalKind] | None, typer.Option("--kind", help="Only of that kind; may be said again.")
    ] = None,
    source: Annotated[str, typer.Option("--source", help="Only of that source, such as `report` or `misp`.")] = "",
    technique: Annotated[str, typer.Option("--technique", help="Only those that speak of it, or of its parts.")] = "",
    text: Annotated[str, typer.Option("--text", help="Only those that have that in them.")] = "",
    since: Annotated[str, typer.Option("--from", help="Observed since, such as 2026-11-01 or 7d, back from now.")] = "",
    until: Annotated[str, typer.Option("--to", help="Observed before.")] = "",
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Output = Listing.TABLE,
) -> None:
    """List signals, the newest first."""
    with opened(home) as lake:
        sought = _sought(kind, source, technique, text, since, until, lake.clock.now())
        found = lake.hunting.signals.list((workspace_of(lake, workspace).name,), sought)
    rows = [
        (
            d.name,
            d.value.kind.value,
            d.value.source,
            _shown(d.value.observed),
            f"{d.value.trust:.2f}",
            [t.id for t in d.value.techniques][: _FEW if output is Listing.TABLE else None],
            sum(not i.known_good for i in d.value.indicators),
            d.value.title[:100] if output is Listing.TABLE else d.value.title,
        )
        for d in found
    ]
    heads = ["signal", "kind", "source", "observed", "trust", "techniques", "indicators", "title"]
    show(heads, rows, output, numbers={"indicators", "trust"})
    note(counted(len(rows), "signal"))


@app.command("show")
def show_(
    id: Id,
    text: Annotated[bool, typer.Option("--text", help="Also the whole text.")] = False,
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Output = Listing.TABLE,
) -> None:
    """Show a signal, and the words that say what was read out of it, with their places."""
    from huntlake.hunting.signals.wire import told as told_signal

    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        signal = lake.hunting.signals.get(owner, _name(lake.hunting.signals.records.names(owner), id)).value
    if output is Listing.JSON:
        print(json.dumps(told_signal(signal, text=text), indent=2))
        return
    print("\n".join(printable(line) for line in _lines(signal)))
    if text:
        print()
        print(printable(signal.text, keep="\n"))


@app.command()
def scan(
    since: Annotated[str, typer.Option("--from", help="Such as 2026-11-01 or 7d, back from now.")] = "1d",
    until: Annotated[str, typer.Option("--to", help="Such as 2026-11-02T12:00; else now.")] = "",
    history: Annotated[
        int, typer.Option("--history", min=1, max=365, help="Days before it that it is compared with.")
    ] = 30,
    part: Annotated[
        list[str] | None,
        typer.Option(
            "--part",
            help="Only that: incidents, trends, changes, anomalies, peers or vulnerabilities; may be said again.",
        ),
    ] = None,
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Look for signals in the lake: closed incidents, changes, and what is unusual. `serve` does it by itself."""
    from datetime import timedelta

    from huntlake.hunting.signals.lake_scans import ScanWindow
    from huntlake.hunting.signals.scanning import ScanPart

    try:
        parts = frozenset(ScanPart(one) for one in part) if part else frozenset(ScanPart)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    with opened(home) as lake:
        place = workspace_of(lake, workspace)
        now = lake.clock.now()
        begin, end = moment(since, now), moment(until, now) if until else now
        window = ScanWindow.of(begin, end, timedelta(days=history))
        found = lake.hunting.scanner.scan(place, window, parts, person(), note)
    told(found.added, place.name)
    for table, rows in found.rows.items():
        note(f"{rows:,} rows of {table}")
    for what, reason in found.skipped:
        note(f"{what}: {reason}")


@app.command("add-feed")
def add_feed(
    name: Name,
    url: Annotated[str, typer.Argument(metavar="URL", help="The API's root, the folder of a manifest, or a bundle.")],
    kind: Annotated[str, typer.Option("--as", help="What it speaks: taxii, misp or stix.")] = "",
    collection: Annotated[str, typer.Option("--collection", metavar="ID", help="The collection's id, of TAXII.")] = "",
    user: Annotated[str, typer.Option("--user", help="Sign in with this name and a password.")] = "",
    token: Annotated[bool, typer.Option("--token", help="Sign in with a bearer token.")] = False,
    secret_file: SecretFile = None,
    secret_environment: SecretEnvironment = None,
    minutes: Annotated[int, typer.Option("--every", min=5, max=10_080, help="Minutes between polls.")] = 60,
    trust: Trust = None,
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Have a server poll a feed again and again; `poll` does it at once."""
    from dataclasses import replace

    from huntlake.cli.secret import secret_of
    from huntlake.detection.intel.feeds import SignIn
    from huntlake.detection.intel.feeds import feed as described
    from huntlake.hunting.signals.feeds import FeedKind, SignalFeed, plain_feed

    try:
        speaks = FeedKind(kind) if kind else FeedKind.TAXII if collection else FeedKind.MISP
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if speaks is FeedKind.TAXII:
        made = described(url, collection, user=user, token=token, minutes=minutes)
    elif collection:
        raise typer.BadParameter("only TAXII has collections")
    elif user and token:
        raise typer.BadParameter("a feed is signed in to by a user or by a token, not both")
    else:
        sign_in = SignIn.BASIC if user else SignIn.TOKEN if token else SignIn.NONE
        made = replace(plain_feed(url, minutes), user=user, sign_in=sign_in)
    secret = ""
    if made.sign_in is not SignIn.NONE:
        secret = secret_of("Password" if user else "Token", secret_file, secret_environment)
    elif secret_file or secret_environment:
        raise typer.BadParameter("a secret needs `--user` or `--token`")
    with opened(home, make=True) as lake:
        place = workspace_of(lake, workspace, make=True)
        lake.hunting.feeds.add(place, name, SignalFeed(speaks, made, trust), secret)
    note(f"the feed {name} is polled every {minutes} minutes while `huntlake serve` runs")


@app.command()
def feeds(home: Home = None, workspace: WorkspaceName = None, output: Output = Listing.TABLE) -> None:
    """List the feeds of signals, how far each was read, and why the last poll failed."""
    from datetime import timedelta

    with opened(home) as lake:
        known = lake.hunting.feeds.records.list((workspace_of(lake, workspace).name,))
    rows = [
        (d.name, d.value.kind.value, f.url, f.collection, f.every // timedelta(minutes=1),
         _shown(f.polled) if f.polled else "", f.added_after, f.failed)
        for d in known
        for f in (d.value.feed,)
    ]  # fmt: skip
    show(["feed", "kind", "url", "collection", "minutes", "polled", "read until", "failed"], rows, output)


@app.command()
def poll(name: Name, home: Home = None, workspace: WorkspaceName = None) -> None:
    """Poll a feed now."""
    with opened(home) as lake:
        place = workspace_of(lake, workspace)
        added = lake.hunting.feeds.poll(place, name)
    told(added, place.name)


@app.command("remove-feed")
def remove_feed(name: Name, home: Home = None, workspace: WorkspaceName = None) -> None:
    """Forget a feed and its secret; the signals that it brought stay."""
    with opened(home) as lake:
        lake.hunting.feeds.remove(workspace_of(lake, workspace), name)
    note(f"the feed {name} is gone")


@app.command()
def remove(id: Id, home: Home = None, workspace: WorkspaceName = None) -> None:
    """Forget a signal; that it was there stays in the audit."""
    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        name = _name(lake.hunting.signals.records.names(owner), id)
        lake.hunting.signals.delete(owner, name, by=person())
    note(f"the signal {name} is gone")


def person() -> Author:
    """Who types commands, by the name that the machine knows."""
    return Author(name=getpass.getuser())


def told(added: Added, workspace: str) -> None:
    """Say what became of signals."""
    for one in added.new:
        hunted = sum(not i.known_good for i in one.indicators)
        print(
            printable(
                f"{one.id}  {one.title[:90]}: {counted(len(one.techniques), 'technique')}, "
                f"{counted(hunted, 'indicator')}"
                + (f", {', '.join((*one.actors, *one.software)[:5])}" if one.actors or one.software else "")
            )
        )
        for remark in one.remarks:
            note(f"  {remark}")
    for name, reason in added.refused[:_FEW]:
        note(f"{name}: {reason}")
    if len(added.refused) > _FEW:
        note(f"… and {len(added.refused) - _FEW:,} more were refused")
    refused = f", {len(added.refused):,} refused" if added.refused else ""
    known = f"{len(added.known):,} known already{refused}"
    note(f"{counted(len(added.new), 'new signal')}, {known}, in workspace {workspace}")


def _lines(signal: Signal) -> Iterator[str]:
    yield f"{signal.id}  {signal.title}"
    yield (
        f"{signal.kind.value} of {signal.source}, {signal.reference}; observed {_shown(signal.observed)}, "
        f"received {_shown(signal.received)}, trust {signal.trust:.2f}"
    )
    if signal.summary:
        yield f"summary     {signal.summary}"
    for technique in signal.techniques:
        revoked = f", for {', '.join(technique.revoked)}" if technique.revoked else ""
        yield f"technique   {technique.id}  {technique.confidence:.2f} {technique.origin}{revoked}"
        for quote in technique.quotes[:2]:
            yield f"              {quote.place}: {quote.text[:160]}"
    for indicator in signal.indicators:
        good = f"  ({indicator.known_good})" if indicator.known_good else ""
        yield f"indicator   {indicator.kind}  {indicator.value}  {indicator.quote.place}{good}"
    for entity in signal.entities:
        yield f"entity      {entity.type}  {entity.value}"
    for label, values in (
        ("actor", signal.actors),
        ("software", signal.software),
        ("table", signal.tables),
        ("remark", signal.remarks),
    ):
        for value in values:
            yield f"{label:<11} {value}"
    for name, value in signal.properties.items():
        yield f"{'property':<11} {name}: {value}"
    if signal.query:
        yield "query"
        yield from (f"  {line}" for line in signal.query.splitlines())


def _sought(
    kind: list[SignalKind] | None, source: str, technique: str, text: str, since: str, until: str, now: datetime
) -> SoughtSignals:
    from huntlake.hunting.signals.store import SoughtSignals

    return SoughtSignals(
        frozenset(kind or ()),
        source,
        technique,
        text,
        moment(since, now) if since else None,
        moment(until, now) if until else None,
    )


def _name(names: frozenset[str], given: str) -> str:
    found = sorted(name for name in names if name.startswith(given.lower()))
    if given.lower() in found or len(found) == 1:
        return given.lower() if given.lower() in found else found[0]
    if not found:
        raise NotFound(f"no signal has the id `{given}`")
    raise Invalid(f"`{given}` begins the ids of {len(found)} signals: {', '.join(found[:_FEW])}")


def _files(path: Path) -> list[Path]:
    from huntlake.hunting.signals.intake import ENDINGS

    if path.is_dir():
        found = sorted(f for f in path.rglob("*") if f.is_file() and f.suffix.lower() in ENDINGS)
        if not found:
            raise NotFound(f"no report ({', '.join(ENDINGS)}) is in {path}")
        return found
    if not path.is_file():
        raise NotFound(f"no file is at {path}")
    return [path]


def _refused(file: Path, error: DomainError) -> str:
    """Why a file can't be taken in, with its name once."""
    text = str(error)
    return text if str(file) in text or text.startswith(file.name) else f"{file}: {text}"


def _read(path: Path) -> bytes:
    from huntlake.hunting.signals.vulnerability_forms import LARGEST

    try:
        with path.open("rb") as file:
            return file.read(LARGEST + 1)
    except FileNotFoundError:
        raise NotFound(f"no file is at {path}") from None
    except OSError as error:
        raise Invalid(f"{path} can't be read: {error.strerror}") from None


def _shown(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
