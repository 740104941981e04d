"""`huntlake mcp`: the lake as tools of an AI client on this machine."""

from __future__ import annotations

import logging
import sys

from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of


def mcp(home: Home = None, workspace: WorkspaceName = None) -> None:
    """Speak the Model Context Protocol over stdin and stdout.

    For AI clients that start a program. The tools only read: all workspaces of the lake, or the one that is named.
    """
    from huntlake.mcp import stdio

    # Standard output belongs to the protocol.
    logging.basicConfig(stream=sys.stderr, format="%(message)s", level=logging.WARNING)
    with opened(home) as app:
        readable = [workspace_of(app, workspace)] if workspace else app.workspaces.list()
        stdio.serve(app, readable, "local")
