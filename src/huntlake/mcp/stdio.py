"""The tools over standard input and output, for a client on the same machine that starts them."""

from __future__ import annotations

from collections.abc import Sequence

import anyio

from huntlake.mcp import protocol
from huntlake.mcp.reading import Reader
from huntlake.mcp.services import Caller, Services
from huntlake.workspace.workspaces import Workspace


def serve(services: Services, workspaces: Sequence[Workspace], caller: str) -> None:
    """Answer until the client goes. Nothing else may write to standard output meanwhile."""
    made = protocol.server(Reader(services), lambda _: Caller(caller, lambda: workspaces))
    anyio.run(made.run_stdio_async)
