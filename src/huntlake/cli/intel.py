"""`huntlake intel`: indicators of threats, out of files and feeds, and where they were seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huntlake.cli.listing import Listing, show
from huntlake.cli.moments import moment
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.screen import note, printable
from huntlake.cli.secret import SecretEnvironment, SecretFile, secret_of
from huntlake.core.errors import Invalid, NotFound

if TYPE_CHECKING:
    from huntlake.detection.intel.service import Taken

app = typer.Typer(
    help="Threat intelligence: import indicators, poll feeds, look for what is known.", no_args_is_help=True
)

Output = Annotated[Listing, typer.Option("--format", "--output", "-o", help="How to write the answer.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The feed's name.")]
_FEW = 10


@app.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="STIX 2.1 (a bundle, a list, lines), or CSV with a column `value`.")
    ],
    source: Annotated[str | None, typer.Option("--source", help="Whose they are; else the file's name.")] = None,
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Take the indicators of a file in: of one id the version that was modified last counts."""
    from huntlake.detection.intel.lists import listed
    from huntlake.detection.intel.stix import gathered, read_objects

    try:
        text = file.read_bytes()
    except FileNotFoundError:
        raise NotFound(f"no file is at {file}") from None
    except OSError as error:
        raise Invalid(f"{file} can't be read: {error.strerror}") from None
    whose = source or file.stem
    found = listed(text, whose) if file.suffix.lower() == ".csv" else gathered(read_objects(text), whose)
    with opened(home, make=True) as lake:
        place = workspace_of(lake, workspace, make=True)
        taken = lake.intel.take(place, found)
    _tell(taken, place.name)
    if taken.refused and not (taken.created or taken.changed or taken.same or taken.older):
        raise typer.Exit(1)


@app.command("list")
def list_(
    every: Annotated[bool, typer.Option("--all", help="Also those that are revoked or have expired.")] = False,
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Output = Listing.TABLE,
) -> None:
    """List indicators, and of each what of it isn't looked for."""
    from huntlake.detection.intel.patterns import pattern_of

    with opened(home) as lake:
        known = lake.detection.indicators.list((workspace_of(lake, workspace).name,))
        now = lake.clock.now()
    rows = []
    for document in known:
        one = document.value
        ended = one.valid_until is not None and one.valid_until <= now
        if (one.revoked or ended) and not every:
            continue
        pattern = pattern_of(one.pattern, one.pattern_type)
        state = "revoked" if one.revoked else "expired" if ended else "valid"
        values = ", ".join(o.value for o in pattern.observables[:5])
        rows.append(
            (document.name, one.source, values, one.confidence, state, _shown(one.valid_until), pattern.left_out)
        )
    heads = ["indicator", "source", "observables", "confidence", "state", "until", "not looked for"]
    show(heads, rows, output, numbers={"confidence"})


@app.command()
def match(
    since: Annotated[str | None, typer.Option("--from", help="Such as 2026-11-01 or 7d, back from now.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Such as 2026-11-02T12:00; else now.")] = None,
    least: Annotated[
        int, typer.Option("--min-confidence", min=0, max=100, help="Pass over indicators of less confidence.")
    ] = 0,
    alerts: Annotated[bool, typer.Option("--alert", help="Raise alerts, once for the same time.")] = False,
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Output = Listing.TABLE,
) -> None:
    """Look for the indicators that are valid now in the rows of some time: without `--from` the last day."""
    from huntlake.detection.running import Window

    with opened(home) as lake:
        place = workspace_of(lake, workspace)
        now = lake.clock.now()
        end = moment(until, now) if until else now
        window = Window(moment(since, now) if since else end - timedelta(days=1), end)
        matched = lake.intel.match(place, window, least=least)
        stored = lake.intel.raised(place, matched) if alerts else None
    rows = [
        (_shown(s.at), s.kind.value, s.value, s.table, s.column, s.host, s.account, s.names) for s in matched.sightings
    ]
    show(["time", "kind", "value", "table", "column", "host", "account", "indicators"], rows, output)
    note(f"{matched.values:,} values were looked for in {len(matched.tables)} tables: {len(rows):,} sightings")
    for name, reason in list(matched.left_out.items())[:_FEW]:
        note(f"{name}: {reason}")
    if len(matched.left_out) > _FEW:
        note(f"… and {len(matched.left_out) - _FEW:,} more indicators, parts of which aren't looked for")
    if stored is not None:
        note(f"{len(stored.alerts)} alerts in {len(stored.incidents)} incidents")


@app.command("add-feed")
def add_feed(
    name: Name,
    url: Annotated[str, typer.Argument(metavar="URL", help="The root of the API of a TAXII 2.1 server.")],
    collection: Annotated[str, typer.Option("--collection", metavar="ID", help="The collection's id.")],
    user: Annotated[str, typer.Option("--user", help="Sign in with this name and a password.")] = "",
    token: Annotated[bool, typer.Option("--token", help="Sign in with a bearer token.")] = False,
    secret_file: SecretFile = None,
    secret_environment: SecretEnvironment = None,
    ca: Annotated[
        Path | None, typer.Option("--ca", metavar="FILE", help="Certificates to trust besides the machine's, PEM.")
    ] = None,
    minutes: Annotated[int, typer.Option("--every", min=5, max=10_080, help="Minutes between polls.")] = 60,
    after: Annotated[str, typer.Option("--added-after", help="Pass over what was added there until then.")] = "",
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Have a server poll a collection of a TAXII server again and again; `poll` does it at once."""
    from dataclasses import replace

    from huntlake.detection.intel.feeds import SignIn
    from huntlake.detection.intel.feeds import feed as described

    certificates = ""
    if ca is not None:
        try:
            certificates = ca.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise Invalid(f"{ca} can't be read: {error}") from None
    made = described(url, collection, user=user, token=token, certificates=certificates, minutes=minutes)
    if after:
        made = replace(made, added_after=moment(after, datetime.now(UTC)).isoformat().replace("+00:00", "Z"))
    secret = ""
    if made.sign_in is not SignIn.NONE:
        secret = secret_of("Password" if user else "Token", secret_file, secret_environment)
    elif secret_file or secret_environment:
        raise typer.BadParameter("a secret needs `--user` or `--token`")
    with opened(home, make=True) as lake:
        place = workspace_of(lake, workspace, make=True)
        lake.intel.add_feed(place, name, made, secret)
    note(f"the feed {name} is polled every {minutes} minutes while `huntlake serve` runs")


@app.command()
def feeds(home: Home = None, workspace: WorkspaceName = None, output: Output = Listing.TABLE) -> None:
    """List the feeds, how far each was read, and why the last poll failed."""
    with opened(home) as lake:
        known = lake.intel.feeds.list((workspace_of(lake, workspace).name,))
    rows = [
        (d.name, d.value.url, d.value.collection, d.value.sign_in.value, d.value.every // timedelta(minutes=1),
         _shown(d.value.polled), d.value.added_after, d.value.failed)
        for d in known
    ]  # fmt: skip
    show(["feed", "url", "collection", "sign in", "minutes", "polled", "read until", "failed"], rows, output)


@app.command()
def poll(name: Name, home: Home = None, workspace: WorkspaceName = None) -> None:
    """Poll a feed now."""
    with opened(home) as lake:
        place = workspace_of(lake, workspace)
        taken = lake.intel.poll(place, name)
    _tell(taken, place.name)


@app.command("remove-feed")
def remove_feed(name: Name, home: Home = None, workspace: WorkspaceName = None) -> None:
    """Forget a feed and its secret; the indicators that it brought stay."""
    with opened(home) as lake:
        lake.intel.remove_feed(workspace_of(lake, workspace), name)
    note(f"the feed {name} is gone")


def _tell(taken: Taken, workspace: str) -> None:
    note(
        f"{taken.created:,} new, {taken.changed:,} changed, {taken.same:,} as they were, {taken.older:,} older than "
        f"what is known, {len(taken.refused):,} refused, in workspace {workspace}"
    )
    for type, count in (taken.others or {}).items():
        note(f"{count:,} objects of the type `{type}` are not supported, and were passed over")
    for name, reason in taken.refused[:_FEW]:
        print(printable(f"{name}: {reason}"))
    if len(taken.refused) > _FEW:
        print(f"… and {len(taken.refused) - _FEW:,} more")


def _shown(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z") if at else ""
