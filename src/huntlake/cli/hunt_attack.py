"""`huntlake hunt attack`: MITRE ATT&CK, as somebody has brought it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, opened
from huntlake.cli.screen import note

if TYPE_CHECKING:
    from huntlake.hunting.extraction.attack import AttackStatus

app = typer.Typer(help="MITRE ATT&CK: import it, and say which version is here.", no_args_is_help=True)

Output = Annotated[Listing, typer.Option("--format", "--output", "-o", help="How to write the answer.")]


@app.command("import")
def import_(
    given: Annotated[
        str,
        typer.Argument(
            metavar="FILE|FOLDER|PACKAGE",
            help="The STIX bundle of the enterprise matrix, a checkout of MITRE's data, or an installed package that "
            "carries them.",
        ),
    ],
    home: Home = None,
) -> None:
    """Keep what hunting needs of ATT&CK in the home folder, in place of what was there."""
    from huntlake.hunting.extraction.attack import brought

    known = brought(given)
    with opened(home, make=True) as lake:
        status = lake.hunting.attack.install(known, given, lake.clock.now())
    _tell(status, Listing.TABLE)


@app.command()
def status(home: Home = None, output: Output = Listing.TABLE) -> None:
    """Say which version of ATT&CK is here, and what is in it."""
    from huntlake.hunting.extraction.attack import MISSING

    with opened(home) as lake:
        found = lake.hunting.attack.status()
    if found is None:
        note(MISSING)
        raise typer.Exit(1)
    _tell(found, output)


def _tell(status: AttackStatus, output: Listing) -> None:
    heads = ["version", "imported", "techniques", "procedures", "analytics", "actors", "software", "source"]
    row = (
        status.version,
        f"{status.imported:%Y-%m-%dT%H:%M:%SZ}",
        status.techniques,
        status.procedures,
        status.analytics,
        status.actors,
        status.software,
        status.source,
    )
    show(heads, [row], output, numbers={"techniques", "procedures", "analytics", "actors", "software"})
    note(status.notice)
