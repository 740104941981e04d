"""`huntlake hunt sigma`: rules of Sigma that hunts are made of, as somebody has brought them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, opened
from huntlake.cli.screen import note

if TYPE_CHECKING:
    from huntlake.hunting.sigma_library import SigmaStatus

app = typer.Typer(help="Rules of Sigma for hunts: import them, and say which are here.", no_args_is_help=True)

Output = Annotated[Listing, typer.Option("--format", "--output", "-o", help="How to write the answer.")]


@app.command("import")
def import_(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A checkout of rules, such as SigmaHQ's.")],
    home: Home = None,
) -> None:
    """Copy the rules whose log source has a table into the home folder, in place of what was there."""
    with opened(home, make=True) as lake:
        status = lake.hunting.sigma.install(folder, lake.clock.now())
    _tell(status, Listing.TABLE)


@app.command()
def status(home: Home = None, output: Output = Listing.TABLE) -> None:
    """Say which rules are here."""
    from huntlake.hunting.sigma_library import MISSING

    with opened(home) as lake:
        found = lake.hunting.sigma.status()
    if found is None:
        note(MISSING)
        raise typer.Exit(1)
    _tell(found, output)


def _tell(status: SigmaStatus, output: Listing) -> None:
    heads = ["rules", "techniques", "tables", "commit", "imported", "source"]
    row = (
        status.rules,
        status.techniques,
        status.tables,
        status.commit,
        f"{status.imported:%Y-%m-%dT%H:%M:%SZ}",
        status.source,
    )
    show(heads, [row], output, numbers={"rules", "techniques", "tables"})
    for reason, count in status.left_out.items():
        note(f"{count:,} left out: {reason}")
    note(status.notice.strip().splitlines()[0] if status.notice.strip() else "")
