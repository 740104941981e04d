"""`huntlake clients`: what to write into each client so that it speaks to this server."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import Annotated
from urllib.parse import urlsplit

import typer

from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.core.errors import NotFound

_CONTENT = Path(__file__).parent.parent / "content" / "clients"


def names() -> list[str]:
    """The clients for which there is a snippet."""
    return sorted(file.stem for file in _CONTENT.glob("*.txt"))


def clients(
    client: Annotated[
        str | None,
        typer.Argument(metavar="CLIENT", help="Print that snippet alone.", autocompletion=lambda: names()),
    ] = None,
    home: Home = None,
    workspace: WorkspaceName = None,
    url: Annotated[str, typer.Option("--url", help="Where the server listens.", show_default="by the settings")] = "",
    principal: Annotated[
        str, typer.Option("--client-id", metavar="ID", help="The application that signs in.", show_default="the first")
    ] = "",
) -> None:
    """Print what each client needs to speak to this server.

    Snippets for Python, curl, Node.js, PowerShell, msticpy, Kqlmagic, Grafana and AI clients. No secret is printed:
    they read it from $HUNTLAKE_SECRET.
    """
    from huntlake.identity.audiences import LAKE

    if client is not None and client not in names():
        raise NotFound(f"there is no snippet for `{client}`: there are {', '.join(names())}")
    with opened(home) as app:
        place = workspace_of(app, workspace)
        scheme = "https" if app.settings.tls else "http"
        address = (url or app.settings.external_url or f"{scheme}://localhost:{app.settings.port}").rstrip("/")
        known = app.principals.list()
        facts = {
            "url": address,
            "host": urlsplit(address).hostname or "",
            "ca": str(app.home / "tls" / "ca.pem"),
            "home": str(app.home),
            "tenant": app.tenant.id,
            "client_id": principal or (known[0].client_id if known else "CLIENT-ID"),
            "lake": LAKE,
            "database": place.database,
            "workspace": place.name,
            "workspace_id": place.id,
            "subscription": app.subscription.id,
            "resource_group": app.subscription.group,
        }
    for name in [client] if client else names():
        if client is None:
            print(f"---- {name} " + "-" * (74 - len(name)))
        print(Template((_CONTENT / f"{name}.txt").read_text(encoding="utf-8")).substitute(facts))
