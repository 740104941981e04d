"""Files that only this account may read."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

PRIVATE, PUBLIC = 0o600, 0o644


def folder(path: Path, mode: int = 0o700) -> Path:
    """The folder at `path`, made where it is missing, with exactly that mode."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(mode)
    return path


def write(path: Path, content: bytes, mode: int = PRIVATE) -> None:
    """Put `content` in place at once: no reader sees half of it, nor a moment of wider permissions."""
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        os.fchmod(descriptor, mode)
        file.flush()
        os.fsync(descriptor)
    draft.replace(path)
