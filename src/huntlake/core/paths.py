"""Where files are, wherever links lead."""

from __future__ import annotations

from pathlib import Path


def is_below(path: Path, folder: Path) -> bool:
    """Whether a path is a folder, or lies below it, once its links are followed; one that can't be followed doesn't."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):
        # Links in a circle, and names that no file can have.
        return False
