"""`huntlake serve`: the lake, over the APIs that clients speak."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from huntlake.cli.background import working
from huntlake.cli.place import Home, opened
from huntlake.cli.screen import note

if TYPE_CHECKING:
    from huntlake.app import App
    from huntlake.server import Serving

Host = Annotated[
    str | None,
    typer.Option("--host", metavar="ADDRESS", help="Address to listen on.", show_default="127.0.0.1, or the setting"),
]
Port = Annotated[
    int | None,
    typer.Option("--port", min=0, max=65535, help="Port; 0 is a free one.", show_default="8443, or the setting"),
]


def serve(
    home: Home = None,
    host: Host = None,
    port: Port = None,
    no_tls: Annotated[bool, typer.Option("--no-tls", help="Speak plain HTTP: behind a proxy only.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No line for each request.")] = False,
) -> None:
    """Serve the lake until Ctrl-C.

    Other settings come from huntlake.toml in the home folder, and HUNTLAKE_*.
    """
    from huntlake import server
    from huntlake.core.pauses import shorten

    log(quiet)
    given: dict[str, Any] = {"tls": False} if no_tls else {}
    if host is not None:
        # How much callers may ask depends on who they can be.
        given["host"] = host
    if port is not None:
        # Playbooks that call this server must know it for their own.
        given["port"] = port
    with opened(home, make=True, **given) as app:
        _bound_memory(app.settings.process_memory_mib)
        if recovery := app.streams.open():
            note(f"{recovery}: an earlier process had taken them in, and ended before they were in files")
        if again := app.async_queries.open():
            note(f"{again} asynchronous queries that an earlier process had not ended run again")
        shorten()
        with working(app):
            server.serve(app, host=host, port=port, listening=lambda serving: _tell(app, serving))


def _bound_memory(mebibytes: int) -> None:
    """Let the process reserve no more: the engine then ends a query as one that lacks memory.

    The engine's own limit doesn't count what one step makes out of a row, such as lists of a million numbers.
    """
    if mebibytes:
        import resource

        # The last third is for the process in which queries run that stand in the way of others.
        resource.setrlimit(resource.RLIMIT_DATA, ((mebibytes << 20) * 2 // 3, resource.RLIM_INFINITY))


def log(quiet: bool) -> None:
    """Send what the server logs to standard error."""
    logging.basicConfig(stream=sys.stderr, format="%(message)s", level=logging.INFO)
    for chatty in ("uvicorn", "mcp", "httpx"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    logging.getLogger("huntlake.access").setLevel(logging.WARNING if quiet else logging.INFO)


def _tell(app: App, serving: Serving) -> None:
    from huntlake.identity.oidc.provider import EVERY_WORKSPACE

    note(f"serving {app.home} at {serving.url}; Ctrl-C ends it")
    note(f"tenant {app.tenant.id}")
    note(f"subscription {app.subscription.id}, resource group {app.subscription.group}")
    if serving.authority:
        note(f"clients must trust {serving.authority}, as by REQUESTS_CA_BUNDLE")
    if not app.users.list():
        note(f"pages are at {serving.url}/app/; `huntlake user create NAME --admin` lets a person in")
    known = {w.name for w in app.workspaces.list()}
    for provider in app.sign_in.providers.list():
        for name in sorted({r.workspace for r in provider.roles} - known - {EVERY_WORKSPACE}):
            note(f"`oidc.{provider.name}.roles` names a workspace that isn't there: `{name}`")
    if not app.principals.list():
        note("nobody can sign in yet: `huntlake principal create NAME --role reader` makes a client id and a secret")
