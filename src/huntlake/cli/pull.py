"""`huntlake pull`: the content of a workspace elsewhere as files."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from huntlake.cli import elsewhere
from huntlake.cli.elsewhere import signed_in
from huntlake.cli.listing import Listing
from huntlake.cli.screen import note, printable
from huntlake.cli.secret import SecretEnvironment, SecretFile


def pull(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the files are written.")],
    there: elsewhere.There,
    subscription: elsewhere.Subscription,
    group: elsewhere.Group,
    tenant: elsewhere.Tenant,
    client: elsewhere.Client,
    url: elsewhere.Url = "https://management.azure.com",
    authority: elsewhere.Authority = "",
    scope: elsewhere.Scope = "",
    ca: elsewhere.Ca = None,
    secret_file: SecretFile = None,
    secret_environment: SecretEnvironment = None,
    state: elsewhere.StateFile = None,
    force: Annotated[bool, typer.Option("--force", help="Write over files that were changed here.")] = False,
    output: Annotated[
        Listing, typer.Option("--format", "--output", "-o", help="How to write the answer.")
    ] = Listing.TABLE,
) -> None:
    """Bring rules, saved searches, functions and watchlists of a workspace back as files, which publish as they are.

    The exit code is 1 where a file was kept because it was changed here.
    """
    from huntlake.detection.checkout import listed
    from huntlake.detection.publishing.planning import STATE, State
    from huntlake.detection.publishing.planning import pull as brought
    from huntlake.detection.publishing.planning import there as everything

    target, arm = signed_in(
        url, subscription, group, there, tenant, client, authority, scope, ca, secret_file, secret_environment
    )
    folder.mkdir(parents=True, exist_ok=True)
    known = State.read(state or folder / STATE)
    told = brought(folder, listed(folder), everything(arm, tests=True), known, target, force=force)
    if output is Listing.JSON:
        print(json.dumps([asdict(t) for t in told], indent=2))
    else:
        for one in told:
            if one.fate != "unchanged":
                why = f": {one.reason}" if one.reason else ""
                print(printable(f"{one.fate:11}  {one.kind} {one.title} ({one.path or one.name}){why}"))
    counts = Counter(t.fate for t in told)
    note(f"{there}: " + (", ".join(f"{n:,} {fate}" for fate, n in counts.most_common()) or "nothing is there"))
    if counts["kept"]:
        raise typer.Exit(1)
