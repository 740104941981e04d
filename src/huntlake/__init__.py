"""An open, self-hosted security data lake: logs in, KQL out."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from huntlake.session import Session

__all__ = ["open"]


def open(
    path: str | Path | None = None,
    workspace: str | None = None,
    *,
    create: bool = False,
    timeout: timedelta = timedelta(hours=1),
) -> Session:
    """Open the lake in the folder `path`, or without one a lake in memory; ask it with `.query(kql)`.

    `workspace` is the name of one, and may be left out where there is only one. `create` makes the folder and
    the workspace if they aren't there. A query ends after `timeout`.
    """
    # A program that imports huntlake for one name shouldn't wait for an engine.
    from huntlake.session import Session

    if path is None:
        return Session.in_memory(timeout=timeout)
    return Session.on(Path(path), workspace, create=create, timeout=timeout)
