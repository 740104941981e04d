"""One process at a time keeps a table: two would write the same files anew, for nothing."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huntlake.core.errors import Conflict

NAME = "_maintenance.lock"
"""A file in the table's folder; Delta readers pass over names that begin so."""


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep a table as long as the block lasts; `Conflict` where another does. The lock ends with the process."""
    descriptor = os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(f"`{folder.name}` is being kept in order by another process; try again later") from None
        yield
    finally:
        os.close(descriptor)
