"""`huntlake tables`: what there is to ask."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of


def tables(
    home: Home = None,
    workspace: WorkspaceName = None,
    every: Annotated[bool, typer.Option("--all", help="Also the tables of the catalogue that have no rows.")] = False,
    output: Annotated[Listing, typer.Option("--output", "-o", help="How to write the list.")] = Listing.TABLE,
) -> None:
    """List the tables that have rows.

    With how many rows and bytes, and from when to when. Of a remote workspace: those that are there, and since when
    they are known; `huntlake workspace refresh` asks again.
    """
    with opened(home) as app:
        place = workspace_of(app, workspace)
        if place.remote:
            schema = app.remote.schema(place.name)
            known = [(name, len(columns), _time(schema.read)) for name, columns in sorted(schema.tables.items())]
            show(["table", "columns", "read"], known, output, numbers={"columns"})
            return
        held = set(app.tables.with_data(place.name))
        names = app.tables.names(place.name) if every else sorted(held)
        found: list[tuple[object, ...]] = []
        for name in names:
            if name not in held:
                found.append((name, 0, 0, None, None))
                continue
            snapshot = app.lake.snapshot(place.name, name)
            first = min((f.since for f in snapshot.files if f.since), default=None)
            last = max((f.until for f in snapshot.files if f.until), default=None)
            found.append((name, snapshot.rows, snapshot.bytes, _time(first), _time(last)))
    show(["table", "rows", "bytes", "from", "to"], found, output, numbers={"rows", "bytes"})


def _time(moment: datetime | None) -> str | None:
    return f"{moment.replace(tzinfo=None).isoformat(timespec='seconds')}Z" if moment else None
