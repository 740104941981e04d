"""Where files are, wherever links lead."""

from __future__ import annotations

from pathlib import Path


def is_below(path: Path, folder: Path) -> bool:
    """Whether a path is a folder, or lies below it, once its links are followed; one that can't be followed doesn't."""
    try:
        found = path.resolve()
        # Links in a circle end in a link from Python 3.13 on, and in an error before.
        return not found.is_symlink() and found.is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):
        # Names that no file can have.
        return False
